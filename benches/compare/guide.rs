//! The place in docs/performance.md where the tables of the last whole run stand.

pub(crate) const BEGIN: &str = "<!-- made by ./dev bench compare: begin -->";
pub(crate) const END: &str = "<!-- made by ./dev bench compare: end -->";

/// The guide with other tables; `None` where it has no place for them.
pub(crate) fn renewed(guide: &str, tables: &str) -> Option<String> {
    let (above, rest) = guide.split_once(BEGIN)?;
    let (_, below) = rest.split_once(END)?;
    Some(format!("{above}{BEGIN}\n\n{}\n\n{END}{below}", tables.trim()))
}

//! Entries of lists that are written wrongly: whatever else is found in one follows from that, more
//! often than not, and is not said before it is mended.

use super::finding::Finding;

#[derive(Default)]
pub(super) struct MalformedEntries(Vec<String>);

impl MalformedEntries {
    /// By what was found while reading: `issuers[0].kind` is in `issuers[0]`.
    pub(super) fn from_faults(faults: &[String]) -> Self {
        let entry = |fault: &String| {
            let key = fault.strip_prefix('`')?.split_once('`')?.0;
            let (list, rest) = key.split_once('[')?;
            let (index, _) = rest.split_once(']')?;
            (!list.contains('.')).then(|| format!("{list}[{index}]"))
        };
        Self(faults.iter().filter_map(entry).collect())
    }

    /// Whether the list has such an entry.
    pub(super) fn in_list(&self, list: &str) -> bool {
        self.0.iter().any(|entry| entry.strip_prefix(list).is_some_and(|rest| rest.starts_with('[')))
    }

    /// Whether the finding is about such an entry.
    pub(super) fn has(&self, finding: &Finding) -> bool {
        let key = finding.key.as_deref().unwrap_or_default();
        self.0.iter().any(|entry| {
            key.strip_prefix(entry.as_str()).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_with_a_fault_is_spoilt_and_no_other() {
        let faults =
            ["`issuers[1].kind` = \"x\": must be \"oidc\"", "`server.listen` = 1: must be a text in quotes"];
        let malformed_entries = MalformedEntries::from_faults(&faults.map(str::to_owned));
        assert!(
            malformed_entries.in_list("issuers")
                && !malformed_entries.in_list("routes")
                && !malformed_entries.in_list("iss")
        );
        let about = |key: &str| {
            let message = format!("`{key}` is empty");
            malformed_entries.has(&Finding::new(message, &Default::default(), &Default::default()))
        };
        assert!(about("issuers[1]") && about("issuers[1].audience"));
        assert!(!about("issuers[10].audience") && !about("issuers[0]") && !about("server.listen"));
    }
}

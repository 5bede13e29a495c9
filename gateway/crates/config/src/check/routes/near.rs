//! What is said of routes that get paths which could be those of a stricter one.

use crate::check::Checker;
use gateway_pipeline::{Route, Routes};

/// So many of the stricter routes are named; there can be hundreds.
const NAMED_MAX: usize = 8;

impl Checker<'_> {
    pub(super) fn near_misses(&mut self, routes: &Routes) {
        let all = routes.near_misses();
        for wide in routes.iter() {
            self.leads_inside(routes, wide);
            let of: Vec<&Route> =
                all.iter().filter(|near| near.by.name == wide.name).map(|near| &*near.of).collect();
            if of.is_empty() {
                continue;
            }
            let (name, stricter) = (&wide.name, named(&of));
            if wide.forward_near_misses {
                self.warnings.push(format!("route `{name}`: near_miss = \"forward\": other spellings of {stricter} are forwarded by it, to the same service and with less asked; a service that takes `/ADMIN` or `/admin.` for `/admin` opens what those routes protect"));
            } else {
                self.notes.push(format!("route `{name}` has stricter ones of its service beside it: other spellings of {stricter} are answered 400 `ambiguous_path`"));
            }
        }
    }

    /// A prefix that is replaced so that paths of the route arrive as those of stricter ones.
    fn leads_inside(&mut self, routes: &Routes, wide: &Route) {
        let of: Vec<&Route> = routes.inside(wide).map(|narrow| &**narrow).collect();
        if of.is_empty() {
            return;
        }
        let (name, stricter) = (&wide.name, named(&of));
        if wide.forward_near_misses {
            self.warnings.push(format!("route `{name}`: near_miss = \"forward\": some of its paths arrive, once prefixes are replaced, as those of {stricter}, with less asked"));
        } else {
            self.notes.push(format!("route `{name}`: some of its paths would arrive, once prefixes are replaced, as those of {stricter}; they are answered 400 `ambiguous_path`"));
        }
    }
}

fn named(routes: &[&Route]) -> String {
    let names = routes
        .iter()
        .take(NAMED_MAX)
        .map(|route| format!("`{}` (route `{}`)", route.path.as_str(), route.name));
    let more = routes.len().saturating_sub(NAMED_MAX);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    names.collect::<Vec<_>>().join(", ") + &more
}

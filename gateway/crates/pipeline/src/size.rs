//! How large a body may be, as far as the request says it: what is too large is refused before any of it
//! is read. What says nothing is counted on its way.

use http::header::CONTENT_LENGTH;

use super::{Head, Refusal, Route};

pub(super) fn check(head: &Head<'_>, route: &Route) -> Result<(), Refusal> {
    let declared = || head.headers.text(&CONTENT_LENGTH)?.parse::<u64>().ok();
    match declared().is_some_and(|length| length > route.body_bytes_max) {
        true => Err(Refusal::BodyTooLarge),
        false => Ok(()),
    }
}

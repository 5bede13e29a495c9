//! Certificates that are shown to others, and their keys: in their time, and known to nobody else.
//!
//! What is wrong here keeps nobody from starting: a gateway that is down helps no client.

use std::path::Path;

use super::Checker;
use crate::private_file::open_to_others;
use gateway_clock::{Clock as _, SystemClock, Timestamp};
use gateway_edge::CertificateEnd;

/// So long before its end a certificate is spoken of, or in the last third of its life where that is
/// shorter: whoever renews by itself has done so by then.
const SOON_SECONDS: i64 = 14 * 86_400;

impl Checker<'_> {
    /// `then` is what others do with one that is not in its time.
    pub(super) fn in_time(&mut self, place: &str, end: &CertificateEnd, then: &str) {
        let now = i64::try_from(SystemClock.now().seconds()).unwrap_or(i64::MAX);
        let moment = |at: i64| Timestamp::from_seconds(u64::try_from(at).unwrap_or(0));
        let CertificateEnd { chain, at, from } = end;
        let (at_moment, from_moment) = (moment(*at), moment(*from));
        let renew = "put a renewed one in its place, and send SIGHUP";
        if *at < now {
            self.warnings.push(format!("{place}: {chain} expired on {at_moment}, and {then}; {renew}"));
        } else if *from > now {
            self.warnings.push(format!("{place}: {chain} is not valid before {from_moment}, and {then} until then; use the one before it, or see whether the clock of this machine is right"));
        } else if at.saturating_sub(now) < SOON_SECONDS.min(at.saturating_sub(*from) / 3) {
            self.warnings.push(format!(
                "{place}: {chain} expires soon, on {at_moment}, and {then} from then on; {renew}"
            ));
        }
    }

    /// A reader of the key can pass for the name in the certificate.
    pub(super) fn private_key(&mut self, place: &str, key: &Path) {
        self.warnings.extend(open_to_others(key).map(|open| format!("{place}: {open}")));
    }
}

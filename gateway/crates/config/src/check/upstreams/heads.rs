//! How large a head a service takes.

use crate::check::Checker;
use crate::upstream_entry as written;
use crate::upstream_entry::UpstreamEntry;
use gateway_framing::HeadLimits;

/// What hardly any request is below: less would refuse them all.
const HEAD_BYTES_LEAST: usize = 1_024;
const FIELDS_LEAST: usize = 16;

impl Checker<'_> {
    pub(super) fn head_limits(&mut self, entry: &UpstreamEntry) -> HeadLimits {
        let (name, bytes, fields) = (&entry.name, entry.head_bytes_max, entry.fields_max);
        for (key, value, least) in
            [("head_bytes_max", bytes, HEAD_BYTES_LEAST), ("fields_max", fields, FIELDS_LEAST)]
        {
            let Some(value) = value else { continue };
            if value < least {
                self.fault(format!(
                    "upstream `{name}`: {key} = {value} would refuse every request, with what is added to it; write at least {least}, or leave it out for no limit"
                ));
            }
            if entry.protocol == written::Protocol::Http2 {
                self.fault(format!(
                    "upstream `{name}`: {key} is about heads of HTTP/1.1; leave it out, or write protocol = \"http1\""
                ));
            }
        }
        HeadLimits { bytes, fields }
    }
}

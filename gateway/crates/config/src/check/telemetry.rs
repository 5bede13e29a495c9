//! What operators are told: the log, and traces.

use super::Checker;
use crate::file::File;
use gateway_telemetry::{LogSettings, TraceSettings, check_level};

impl Checker<'_> {
    pub(super) fn log(&mut self, file: &File) -> LogSettings {
        if let Err(fault) = check_level(&file.log.level) {
            self.fault(format!("log.level: {fault}"));
        }
        LogSettings {
            level: file.log.level.clone(),
            format: file.log.format,
            access: file.log.access,
            addresses: file.log.addresses,
            emails: file.log.emails,
        }
    }

    pub(super) fn traces(&mut self, file: &File) -> TraceSettings {
        let traces = &file.traces;
        let endpoint = Some(traces.endpoint.clone()).filter(|endpoint| !endpoint.is_empty());
        if let Some(endpoint) = &endpoint
            && !is_web_address(endpoint)
        {
            // Not the value: whoever writes a password into it has a log that others read.
            self.fault(
                "traces.endpoint is no address of a collector; write http:// or https://, its host and the port of OTLP over HTTP, as in \"http://127.0.0.1:4318\"; a name and password, if it asks for them, belong into OTEL_EXPORTER_OTLP_HEADERS",
            );
        }
        if !(0.0..=1.0).contains(&traces.sample_ratio) {
            self.fault(format!(
                "traces.sample_ratio = {} is no share of requests; write 0.01 for one in a hundred, or 1.0 for all",
                traces.sample_ratio
            ));
        }
        if traces.service_name.is_empty() {
            self.fault("traces.service_name is empty: a trace must say who made it");
        }
        TraceSettings {
            endpoint,
            sample_ratio: traces.sample_ratio,
            service_name: traces.service_name.clone(),
        }
    }
}

fn is_web_address(text: &str) -> bool {
    text.parse::<http::Uri>().is_ok_and(|address| {
        let plain = address.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        matches!(address.scheme_str(), Some("http" | "https")) && plain
    })
}

//! A log line as JSON, one flat object. Of where a library's line stands in its source nothing is
//! said: that is a path on the machine that built the gateway.

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::{log_target, log_time};
use gateway_clock::wall_time;

/// What the bridge from the crate `log` adds to each line.
const OF_THE_BRIDGE: &str = "log.";
/// The one of it that is kept: which library it was.
const LIBRARY: &str = "log.target";

pub(super) struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let line = line(event).ok().and_then(|line| String::from_utf8(line).ok()).ok_or(fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

fn line(event: &Event<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let mut time = Vec::new();
    log_time::write(wall_time(), &mut time);
    let mut line = Vec::with_capacity(512);
    let mut serializer = serde_json::Serializer::new(&mut line);
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("timestamp", &String::from_utf8_lossy(&time))?;
    map.serialize_entry("level", event.metadata().level().as_str())?;
    let mut fields = Fields { map, library: None, outcome: Ok(()) };
    event.record(&mut fields);
    let Fields { mut map, library, outcome } = fields;
    outcome?;
    let target = library.as_deref().unwrap_or(event.metadata().target());
    map.serialize_entry("target", &log_target::told(target))?;
    map.end()?;
    Ok(line)
}

struct Fields<M: SerializeMap> {
    map: M,
    library: Option<String>,
    /// The first failure; nothing is written after it.
    outcome: Result<(), M::Error>,
}

impl<M: SerializeMap> Fields<M> {
    fn put(&mut self, field: &Field, value: impl Serialize) {
        if self.outcome.is_ok() && !field.name().starts_with(OF_THE_BRIDGE) {
            self.outcome = self.map.serialize_entry(field.name(), &value);
        }
    }
}

impl<M: SerializeMap> Visit for Fields<M> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == LIBRARY {
            self.library = Some(value.to_owned());
        }
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
}

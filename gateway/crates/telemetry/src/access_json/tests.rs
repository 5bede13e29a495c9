//! The line of a request and the way of all other lines, held together.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use proptest::prelude::*;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::TraceParent;
use crate::log_json::JsonLine;

/// What a request can have in its line: texts and numbers, of which the line takes what it needs.
#[derive(Clone, Debug)]
struct Said {
    texts: Vec<String>,
    some: Vec<bool>,
    numbers: Vec<u64>,
    client: IpAddr,
}

fn said() -> impl Strategy<Value = Said> {
    let texts = prop::collection::vec("\\PC{0,20}|[\u{0}-\u{20}\"\\\\/é\u{2028}\u{1f600}]{0,8}", 6);
    let numbers = prop::collection::vec(any::<u64>(), 7);
    (texts, prop::collection::vec(any::<bool>(), 8), numbers, any::<IpAddr>())
        .prop_map(|(texts, some, numbers, client)| Said { texts, some, numbers, client })
}

impl Said {
    fn line(&self) -> AccessLine<'_> {
        let (texts, numbers) = (&self.texts, &self.numbers);
        let size = |number: u64| usize::try_from(number).unwrap();
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = TraceParent::parse(trace).map(|parent| parent.trace);
        AccessLine {
            request_id: &texts[0],
            trace: trace.filter(|_| self.some[0]),
            client: self.some[1].then_some(self.client),
            method: if self.some[2] { "GET" } else { &texts[1] },
            path: &texts[2],
            route: &texts[3],
            status: u16::try_from(numbers[0] % 600).unwrap(),
            outcome: &texts[4],
            user_id: self.some[3].then_some(numbers[1]),
            subject: self.some[4].then(|| texts[5].clone()),
            issuer: self.some[5].then_some(&texts[1]),
            reason: self.some[6].then_some("expired"),
            token_bytes: self.some[7].then_some(size(numbers[2])),
            duration: Duration::from_micros(numbers[3]),
            decision: self.some[3].then(|| Duration::from_nanos(numbers[4])),
            first_byte: self.some[4].then(|| Duration::from_nanos(numbers[5])),
            request_bytes: size(numbers[6]),
            response_bytes: 7,
        }
    }
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Memory {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(text)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The same line on the way of all others.
fn told(line: &AccessLine<'_>) -> String {
    let memory = Memory::default();
    let into = memory.clone();
    let lines = tracing_subscriber::fmt::layer().with_writer(move || into.clone()).event_format(JsonLine);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || line.write_text());
    let told = memory.0.lock().clone();
    String::from_utf8(told).unwrap()
}

/// What stands behind the moment, of which only the length is alike.
fn behind_the_moment(line: &str) -> Option<&str> {
    let moment = line.strip_prefix("{\"timestamp\":\"")?;
    moment.get("2024-02-29T13:00:00.000000Z".len()..)
}

proptest! {
    #[test]
    fn the_line_of_a_request_is_written_as_any_other_line_would_be(said in said()) {
        let line = said.line();
        let mut text = Vec::new();
        encode(&line, &mut text);
        let written = String::from_utf8(text).unwrap();
        let told = told(&line);
        prop_assert!(behind_the_moment(&told).is_some_and(|rest| rest.ends_with("}\n")), "{}", told);
        prop_assert_eq!(behind_the_moment(&written), behind_the_moment(&told));
    }
}

//! Where Pingora's session and its heads may be named: with its callbacks. Everything else takes plain views
//! of them, so that whatever carries a request can stand below.

use super::source::Source;
use super::{NOTHING, of, sample};

/// Heads that are nobody's request: of a probe of a server, and of the operations listener.
const OTHER_HEADS: [&str; 2] = ["upstreams/health.rs", "operations.rs"];

fn misplaced_messages(sources: &[Source]) -> Vec<String> {
    let elsewhere = |source: &&Source| source.name != "gateway.rs" && !source.name.starts_with("gateway/");
    let faults = sources.iter().filter(elsewhere).flat_map(|source| {
        let lines = source.text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
        let code: String = lines.flat_map(|line| [line, "\n"]).collect();
        let heads = !OTHER_HEADS.contains(&source.name.as_str());
        let heads = ["RequestHeader", "ResponseHeader"].into_iter().filter(move |_| heads);
        let found: Vec<_> = heads
            .filter(|name| names(&code, name))
            .chain(names_session(&code).then_some("Session"))
            .map(|name| format!("{}: {name} lives in gateway", source.name))
            .collect();
        found
    });
    faults.collect()
}

/// By its path, or by one statement that brings it in.
fn names_session(code: &str) -> bool {
    let brings_in = |statement: &str| statement.contains("pingora") && names(statement, "Session");
    code.contains("proxy::Session") || code.contains("pingora::prelude") || code.split(';').any(brings_in)
}

/// Whether a whole word is there.
fn names(code: &str, word: &str) -> bool {
    code.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|found| found == word)
}

#[test]
fn only_the_callbacks_name_pingoras_session_and_its_heads() {
    assert_eq!(misplaced_messages(of("edge")), NOTHING);
    let found = |text: &str| misplaced_messages(&sample("record.rs", text)).len();
    for bad in [
        "use pingora::proxy::Session;",
        "use pingora::{\n    Error,\n    proxy::{ProxyHttp, Session},\n};",
        "fn f(session: &pingora::proxy::Session) {}",
        "use pingora::prelude::*;",
        "use pingora::http::RequestHeader;",
        "fn f(answer: &mut pingora::http::ResponseHeader) {}",
    ] {
        assert_eq!(found(bad), 1, "{bad}");
    }
    for good in [
        "use pingora::protocols::http::ServerSession;",
        "use crate::store::Session;",
        "// pingora::proxy::Session",
    ] {
        assert_eq!(found(good), 0, "{good}");
    }
    assert_eq!(misplaced_messages(&sample("gateway/heads.rs", "use pingora::proxy::Session;")), NOTHING);
}

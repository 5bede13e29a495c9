//! Paths with encoded slashes, doubled ones and parameters, where a public route takes them: they lead
//! nowhere else.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Siege;
use super::path_tricks::{only_open_paths, request};

#[test]
fn what_a_route_allows_below_its_path_leads_to_nothing_else() {
    let loose = "auth = \"public\"\npath_allows = [\"%2F\", \"//\", \";\"]";
    let siege = Siege::with(|setup| setup.route("loose", "/loose", "service", loose));
    let piece = proptest::sample::select(vec![
        "/", "//", "%2F", "%2f", ";", "%3b", "..", ".", "%2e", "%252F", "%252e", "%5c", "\\", "api", "admin",
        "loose", "public", "?", "%3F", "#", "%23", "%00", "%20", "x",
    ]);
    let targets = proptest::collection::vec(piece, 1..10).prop_map(|pieces| pieces.concat());
    let starts = proptest::sample::select(vec!["/loose", "/loose/", "/", "/api/", "//"]);
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let run = runner.run(&(starts, targets), |(start, rest)| {
        let target = format!("{start}{rest}");
        let status = siege.status(request(target.as_bytes(), ""));
        prop_assert!([0, 200, 400, 401, 404].contains(&status), "{}: {}", target, status);
        only_open_paths(&siege, &target);
        Ok(())
    });
    run.unwrap();
    siege.stands();
}

//! What `./dev bench compare` decides without measuring: what it is asked for, how figures are
//! put together, and how they are judged. The files are the benchmark's own, which has no tests of
//! its own, as it brings its own `main`.

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^53")]
#[path = "../benches/compare/counts.rs"]
mod counts;
#[path = "../benches/compare/guide.rs"]
mod guide;
#[expect(dead_code, reason = "what is only shown is not tested")]
#[path = "../benches/compare/levels.rs"]
mod levels;
#[path = "../benches/compare/message.rs"]
mod message;
#[expect(dead_code, reason = "what is only shown is not tested")]
#[path = "../benches/compare/options.rs"]
mod options;
#[path = "../benches/compare/statistics.rs"]
mod statistics;
#[path = "../benches/compare/targets.rs"]
mod targets;

use counts::Calls;
use levels::{Level, Who};
use message::Message;
use options::{Extra, Options};
use statistics::{Spread, percentile};
use targets::{
    Field, GROWTH_MAX, IDLE_BYTES_MAX, IDLE_TLS_BYTES_MAX, LOG_MICROS_MAX, Measured, READS_MAX,
    STORM_TAIL_MAX, TWO_THREADS_MAX, Verdict, judge, listed, target,
};

fn parse(line: &str) -> Result<Options, String> {
    Options::parse(line.split_whitespace().map(str::to_owned))
}

/// How the targets of a level are judged: met, red, or not at all.
fn outcome(level: Level, measured: &Measured) -> Vec<Option<bool>> {
    judge(level, measured).iter().map(|verdict| verdict.met).collect()
}

#[test]
fn only_a_whole_and_long_run_replaces_what_is_stored() {
    assert!(parse("--bench").unwrap().stores());
    assert!(parse("--rounds 7").unwrap().stores());
    for less in
        ["--quick", "--quick --rounds 7", "--rounds 6", "--only gateway", "--only hs256", "--only idle"]
    {
        assert!(!parse(less).unwrap().stores(), "{less}");
        assert!(parse(&format!("{less} --store")).unwrap().stores(), "{less}");
    }
}

#[test]
fn what_is_named_is_measured_with_the_bare_proxies_beside_it() {
    let all = parse("").unwrap();
    assert!(Level::ALL.into_iter().all(|level| all.measures(level)));
    let absent: Vec<_> = Who::ALL.into_iter().filter(|who| !all.wants(*who)).collect();
    assert_eq!(absent, [Who::Before]);
    let some = parse("--only envoy-cache,redis,gateway").unwrap();
    let who: Vec<_> = Who::ALL.into_iter().filter(|who| some.wants(*who)).collect();
    assert_eq!(who, [Who::Bare, Who::SameBuilt, Who::Gateway, Who::EnvoyCache]);
    let levels: Vec<_> = Level::ALL.into_iter().filter(|level| some.measures(*level)).collect();
    assert_eq!(levels, [Level::Redis]);
}

#[test]
fn a_build_of_before_takes_part_where_its_file_is_named() {
    let named = parse("--before target/before/gateway").unwrap();
    assert!(named.wants(Who::Before) && named.stores());
    assert!(parse("--before some/gateway --only before,plain").unwrap().wants(Who::Before));
    let unnamed = parse("--only before").unwrap_err();
    assert!(unnamed.contains("name its file with --before"), "{unnamed}");
}

#[test]
fn a_part_that_is_named_is_measured_alone() {
    let growth = parse("--only growth").unwrap();
    assert!(!Level::ALL.into_iter().any(|level| growth.measures(level)));
    let parts: Vec<_> = Extra::ALL.into_iter().filter(|extra| growth.includes(*extra)).collect();
    assert_eq!(parts, [Extra::Growth]);
    assert!(Extra::ALL.into_iter().all(|extra| parse("--quick").unwrap().includes(extra)));
    assert!(!Extra::ALL.into_iter().any(|extra| parse("--only haproxy").unwrap().includes(extra)));
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    for (line, said) in [
        ("--rounds 2", "--rounds takes 3 to 20"),
        ("--rounds", "--rounds takes 3 to 20"),
        ("--rounds many", "--rounds takes 3 to 20"),
        ("--only", "--only takes names, with commas between them"),
        ("--before", "--before takes the file of a gateway"),
        ("--fast", "there is no option `--fast`"),
    ] {
        assert_eq!(parse(line).unwrap_err(), said);
    }
    let unknown = parse("--only gateway,ngnix").unwrap_err();
    assert!(unknown.contains("`ngnix`") && unknown.contains("nginx-lua"), "{unknown}");
}

#[test]
fn a_percentile_is_the_nearest_rank() {
    let mut hundred: Vec<u32> = (1..=100).rev().collect();
    assert_eq!(percentile(&mut hundred, 50), 50);
    assert_eq!(percentile(&mut hundred, 99), 99);
    assert_eq!(percentile(&mut hundred, 100), 100);
    assert_eq!(percentile(&mut [7, 3], 50), 3);
    assert_eq!(percentile(&mut [7, 3], 99), 7);
    assert_eq!(percentile(&mut [], 99), 0);
}

#[test]
fn a_median_of_two_lies_between_them() {
    let spread = |values: &[f64]| Spread::of(values.iter().copied());
    assert_eq!(spread(&[3.0, 1.0, 2.0]), Some(Spread { low: 1.0, median: 2.0, high: 3.0 }));
    assert_eq!(spread(&[4.0, 1.0]), Some(Spread { low: 1.0, median: 2.5, high: 4.0 }));
    assert_eq!(spread(&[]), None);
}

#[test]
fn no_target_was_moved() {
    let prices = Level::ALL.map(|level| (level.key(), target(level).price));
    let set = [
        ("plain", 0.58),
        ("hs256-one", 0.62),
        ("hs256", 0.62),
        ("rs256", 0.62),
        ("es256", 0.62),
        ("eddsa", 0.62),
        ("limit", 0.65),
        ("redis", 0.70),
        ("body", 0.80),
        ("tls", 0.75),
        ("http2", 1.05),
        ("bad-signature", 0.35),
        ("expired", 0.35),
        ("revoked", 0.35),
        ("over-limit", 0.35),
    ];
    assert_eq!(prices, set);
    assert_eq!((STORM_TAIL_MAX, GROWTH_MAX, TWO_THREADS_MAX), (1.5, 1.10, 1.1));
    assert_eq!((IDLE_BYTES_MAX, IDLE_TLS_BYTES_MAX), (8_000.0, 40_000.0));
    assert_eq!((LOG_MICROS_MAX, READS_MAX), (1.5, 2.0));
    let red = Verdict::at_most("× alone", Some(1.51), STORM_TAIL_MAX);
    assert_eq!(red.to_string(), "**red**: × alone 1.51 ≤ 1.50");
}

#[test]
fn no_target_beside_others_was_moved() {
    use Field::{Ahead, AtLeast, Tail};
    let lua_and_haproxy = |least| vec![AtLeast(Who::NginxLua, least), AtLeast(Who::Haproxy, least)];
    let field = |level| target(level).field.to_vec();
    assert_eq!(field(Level::Plain), [AtLeast(Who::NginxLua, 0.85), AtLeast(Who::Before, 2.1)]);
    for level in [Level::HsOne, Level::Hs, Level::Limited] {
        assert_eq!(field(level), lua_and_haproxy(1.6));
    }
    for level in [Level::Rs, Level::Es, Level::Ed] {
        let peers = level.contestants().iter().filter(|who| **who != Who::Gateway);
        assert_eq!(field(level), peers.map(|who| AtLeast(*who, 3.0)).collect::<Vec<_>>());
    }
    assert_eq!(field(Level::Redis), [AtLeast(Who::NginxLua, 2.1), Tail(1.3)]);
    assert_eq!(field(Level::Body), [Ahead(Who::NginxLua)]);
    for level in [Level::Tls, Level::BadSignature, Level::Expired, Level::Revoked, Level::OverLimit] {
        assert_eq!(field(level), [Ahead(Who::NginxLua), Ahead(Who::Haproxy)]);
    }
}

#[test]
fn a_target_is_met_at_its_figure_and_red_just_above_it() {
    let at = |figure| Measured { to_same_built: Some(figure), ..Measured::default() };
    let price = |figure| outcome(Level::Plain, &at(figure))[0];
    // What the table shows as 0.58 is 0.58.
    assert_eq!((price(0.58), price(0.584), price(0.586)), (Some(true), Some(true), Some(false)));
}

#[test]
fn ahead_is_dearer_than_us_and_at_l2_at_least_three_times_as_dear() {
    let beside = |who, factor| Measured { others: vec![(who, factor)], ..Measured::default() };
    let lua = |factor| outcome(Level::Body, &beside(Who::NginxLua, factor))[1];
    assert_eq!((lua(1.0), lua(1.01)), (Some(false), Some(true)));
    let envoy = |factor| *outcome(Level::Es, &beside(Who::EnvoyCache, factor)).last().unwrap();
    assert_eq!((envoy(2.9), envoy(3.0)), (Some(false), Some(true)));
    // Behind by a little may be what is wanted.
    let nginx = |factor| outcome(Level::Plain, &beside(Who::NginxLua, factor))[1];
    assert_eq!((nginx(0.84), nginx(0.85)), (Some(false), Some(true)));
}

#[test]
fn what_was_not_measured_is_not_judged() {
    for level in Level::ALL {
        let judged = judge(level, &Measured::default());
        assert!(!judged.is_empty());
        assert!(judged.iter().all(|verdict| verdict.met.is_none()), "{}", level.key());
    }
    let tail = Measured { p99_to_l3: Some(1.31), ..Measured::default() };
    assert_eq!(outcome(Level::Redis, &tail), [None, None, Some(false)]);
    // HAProxy has no EdDSA: there is nothing to wait for.
    assert_eq!(outcome(Level::Es, &Measured::default()).len(), 6);
    assert_eq!(outcome(Level::Ed, &Measured::default()).len(), 5);
    let missing = listed(&judge(Level::Http2, &Measured::default()));
    assert_eq!(missing, "not judged: × same-built bare ? ≤ 1.05");
}

#[test]
fn each_peer_that_a_target_names_takes_part_at_its_level() {
    for level in Level::ALL {
        for field in target(level).field {
            if let Field::Ahead(who) | Field::AtLeast(who, _) = field {
                assert!(level.contestants().contains(who), "{} at {}", who.key(), level.key());
            }
        }
        assert_eq!(level.contestants().first(), Some(&Who::Gateway));
        assert!(level.everybody().any(|who| who == Who::SameBuilt));
    }
}

/// Where it ends, how much content it has, and what that ends with; fed byte by byte.
fn followed(message: &str) -> Result<(usize, usize, String), String> {
    let mut own = Message::default();
    for end in 0..=message.len() {
        if let Some(end) = own.end(&message.as_bytes()[..end])? {
            return Ok((end, own.content_bytes(), String::from_utf8_lossy(own.tail()).into_owned()));
        }
    }
    Err("it has no end".to_owned())
}

#[test]
fn a_message_ends_where_its_head_says() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(followed(get), Ok((get.len(), 0, String::new())));
    let long = "HTTP/1.1 200 OK\r\ncontent-LENGTH: 40\r\n\r\n0123456789012345678901234567890123456789";
    assert_eq!(followed(long), Ok((long.len(), 40, "89012345678901234567890123456789".to_owned())));
    let chunks =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n";
    assert_eq!(followed(chunks), Ok((chunks.len(), 15, "hello0123456789".to_owned())));
}

#[test]
fn a_message_that_is_odd_is_no_answer() {
    for odd in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!!",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n",
    ] {
        let fault = followed(odd).unwrap_err();
        assert!(!fault.contains("no end"), "{odd}: {fault}");
    }
}

#[test]
fn calls_of_a_request_are_what_many_took_more_than_a_few() {
    let few =
        counts::read("calls syscall\n--- ---\n  1064 recvfrom\n    64 accept4\n 1000 sendto\n  2128 total\n");
    let many = counts::read("  5064 recvfrom\n   64 accept4\n  3000 sendto\n    20 epoll_wait\n");
    let each = Calls::between(&few, &many, 1_000);
    assert_eq!((each.reads(), each.writes(), each.all()), (4.0, 2.0, 6.02));
    assert_eq!(each.list(), "4.00 recvfrom, 2.00 sendto, 0.02 epoll_wait");
    let said = "7 recvfrom(9, 0x1, 1, MSG_PEEK, NULL, NULL) = -1 EAGAIN\n7 recvfrom(9, \"G\", 8, 0, NULL, NULL) = 8\n";
    assert_eq!(counts::peeks(said), 1);
}

#[test]
fn the_guide_has_one_place_for_what_a_whole_run_said() {
    let own = include_str!("../docs/performance.md");
    assert_eq!((own.matches(guide::BEGIN).count(), own.matches(guide::END).count()), (1, 1));
    let renewed = guide::renewed(own, "| other | tables |\n").unwrap();
    let (above, below) = (own.split_once(guide::BEGIN).unwrap().0, own.split_once(guide::END).unwrap().1);
    let tables = format!("{}\n\n| other | tables |\n\n{}", guide::BEGIN, guide::END);
    assert_eq!(renewed, format!("{above}{tables}{below}"));
    assert_eq!(guide::renewed("a guide without it", "tables"), None);
}

//! Each request is decided, served and answered by one configuration: the one that was in use when it began.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use crate::issuers::handmade::HandMade;
use crate::support::gateway::{Gateway, Setup};
use crate::support::people::Person;
use crate::support::raw::{Raw, RawReply};
use crate::support::upstream::Upstream;
use crate::support::{SetOnDrop, eventually};

const PAGE: &str = "https://page.example";

/// A configuration that shows by its number wherever an answer depends on what is configured: policies of
/// limits and of CORS, what a route adds, and for whom another issuer's tokens must be.
fn numbered(number: u32, upstream: &Upstream, issuer: &HandMade) -> Setup {
    let limit = |name: &str| format!("{name} = {{ requests = 100000{number}, window_seconds = 60 }}");
    let (user, refresh, keys) = (limit("user"), limit("refresh_address"), issuer.keys.address);
    let cors = format!("origins = [\"{PAGE}\"], expose = [\"X-Number-{number}\"]");
    Setup::new("")
        .config(&format!(
            "cors = {{ {cors} }}
        limits = {{ {user}, {refresh}, failed_authentication_address = \"unlimited\" }}
        [[issuers]]
        name = \"batch\"
        issuer = \"{}\"
        jwks_url = \"http://{keys}/keys\"
        danger_allow_http = true
        audience = [\"number-{number}\"]",
            issuer.issuer
        ))
        .upstream("app", &upstream.address.to_string())
        .route(
            "app",
            "/app",
            "app",
            &format!("cors = {{ {cors} }}\nresponse_headers = {{ set = {{ \"X-Number\" = \"{number}\" }} }}"),
        )
}

/// Sends a head, has `between` happen once the gateway has begun with it, and sends the body.
fn in_two(gateway: &Gateway, ask: (&str, &str), body: &str, between: &dyn Fn()) -> RawReply {
    let ((line, token), length) = (ask, body.len());
    let mut client = Raw::connect(gateway.address);
    client.send(format!(
        "{line} HTTP/1.1\r\nHost: gateway\r\nOrigin: {PAGE}\r\nAuthorization: Bearer {token}\r\n\
         Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ));
    assert_eq!(client.reply().unwrap().status, 100);
    between();
    client.send(body).reply().unwrap()
}

type Ask = fn(&Gateway, &Person, &dyn Fn()) -> RawReply;

fn profile(gateway: &Gateway, ada: &Person, between: &dyn Fn()) -> RawReply {
    in_two(gateway, ("GET /api/auth/profile", &ada.access), "{}", between)
}

fn refresh(gateway: &Gateway, ada: &Person, between: &dyn Fn()) -> RawReply {
    let body = json!({ "refresh_token": ada.refresh }).to_string();
    in_two(gateway, ("POST /api/auth/refresh", &ada.access), &body, between)
}

fn forwarded(gateway: &Gateway, token: &str) -> RawReply {
    let ask = format!(
        "GET /app HTTP/1.1\r\nHost: gateway\r\nOrigin: {PAGE}\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    Raw::connect(gateway.address).send(ask).reply().unwrap()
}

/// By which configurations an answer was made, as far as its fields show.
fn numbers(reply: &RawReply) -> BTreeSet<char> {
    let policy = reply.field("ratelimit-policy").map(|policy| policy.split(';').nth(1).unwrap().to_owned());
    let fields = [policy, reply.field("access-control-expose-headers"), reply.field("x-number")];
    fields.iter().flatten().filter_map(|field| field.chars().last()).collect()
}

#[test]
fn a_request_to_an_endpoint_ends_by_what_it_began_with() {
    let (upstream, issuer) = (Upstream::start(), HandMade::start());
    let gateway = numbered(1, &upstream, &issuer).start();
    let ada = gateway.user();
    let change = |number| assert!(gateway.reload(&numbered(number, &upstream, &issuer)));
    for (ask, before, after) in [(profile as Ask, 1, 2), (refresh, 2, 1)] {
        let reply = ask(&gateway, &ada, &|| change(after));
        assert_eq!(reply.status, 200, "{}", reply.text());
        let began_with = char::from_digit(before, 10).unwrap();
        assert_eq!(numbers(&reply), BTreeSet::from([began_with]), "{}", reply.head);
    }
}

/// Asks everywhere, once: what came back, and by which configurations it was made.
fn one_round(gateway: &Gateway, ada: &Person, issuer: &HandMade) -> [(RawReply, BTreeSet<char>); 4] {
    let mut claims = issuer.claims("ada");
    claims["aud"] = json!("number-1");
    // For one of the two only.
    let foreign = forwarded(gateway, &issuer.token(&claims));
    let decided = if foreign.status == 200 { '1' } else { '2' };
    let others =
        [forwarded(gateway, &ada.access), profile(gateway, ada, &|| ()), refresh(gateway, ada, &|| ())];
    let [own, profile, refresh] = others.map(|reply| {
        assert_eq!(reply.status, 200, "{}", reply.text());
        let numbers = numbers(&reply);
        (reply, numbers)
    });
    let mut numbers = numbers(&foreign);
    numbers.insert(decided);
    [(foreign, numbers), own, profile, refresh]
}

#[test]
fn no_request_sees_two_configurations() {
    let (upstream, issuer) = (Upstream::start(), HandMade::start());
    let gateway = numbered(1, &upstream, &issuer).start();
    let ada = gateway.user();
    let (over, answered) = (AtomicBool::new(false), [AtomicUsize::new(0), AtomicUsize::new(0)]);
    let by = |number: u32| answered[number as usize - 1].load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        let _over = SetOnDrop(&over);
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    for (reply, numbers) in one_round(&gateway, &ada, &issuer) {
                        assert_eq!(numbers.len(), 1, "{numbers:?} {}", reply.head);
                        answered[usize::from(numbers.contains(&'2'))].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for number in [2, 1].into_iter().cycle().take(40) {
            let before = by(number);
            assert!(gateway.reload(&numbered(number, &upstream, &issuer)));
            eventually("requests are made by it", || by(number) > before);
        }
    });
}

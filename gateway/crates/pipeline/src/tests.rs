//! The page over plain values: in which order it refuses, and what it answers instead of doing it.

mod asking;

use asking::{Asked, REFRESH, accept, page, pipeline, route, token, verdict};

use super::*;
use gateway_problem::{Code, Problem};

type Mend = fn(&mut Asked);

/// What is wrong with a request, the first stage first; and how it is mended.
const FAULTS: [(&str, Mend); 13] = [
    ("method_not_allowed", |asked| asked.method = http::Method::OPTIONS),
    ("308", |asked| asked.redirect_to = None),
    ("204", |asked| asked.drop("origin")),
    ("own", |asked| asked.target = "/app//x".to_owned()),
    ("ambiguous_path", |asked| asked.target = "/elsewhere".to_owned()),
    ("not_found", |asked| asked.target = "/app/x".to_owned()),
    ("network_not_allowed", |asked| asked.client = "10.0.0.1".parse().unwrap()),
    ("invalid_request", |asked| asked.drop("authorization")),
    ("token_missing", |asked| asked.send("authorization", "Bearer x.y.z")),
    ("token_invalid", |asked| asked.send("authorization", &format!("Bearer {}", token(asking::ADMIN)))),
    ("body_too_large", |asked| asked.send("content-length", "10")),
    ("websocket_not_enabled", |asked| asked.drop("upgrade")),
    ("forward", |_| ()),
];

#[tokio::test]
async fn what_is_wrong_first_on_the_page_is_what_is_answered() {
    let mut asked = Asked::new("/api/auth/login");
    asked.method = http::Method::TRACE;
    asked.redirect_to = Some(443);
    asked.offers_upgrade = true;
    asked.send("origin", "https://app.example");
    asked.send("access-control-request-method", "GET");
    asked.send("upgrade", "websocket");
    asked.send("content-length", "11");
    asked.headers.append("authorization", "Bearer a".parse().unwrap());
    asked.headers.append("authorization", "Bearer b".parse().unwrap());
    let page = pipeline(page(vec![route("app", "/app")]));
    for (word, mend) in FAULTS {
        assert_eq!(verdict(&page.ask(&asked).await), word);
        mend(&mut asked);
    }
}

#[tokio::test]
async fn what_is_known_of_somebody_is_judged_before_what_they_want() {
    let page = pipeline(page(vec![route("app", "/app")]));
    let (plain, mut asked) = (token(asking::USER), Asked::new("/app"));
    asked.client = "10.0.0.1".parse().unwrap();
    asked.send("authorization", &format!("Bearer {plain}"));
    asked.send("content-length", "11");
    assert_eq!(verdict(&page.ask(&asked).await), "insufficient_scope");
    page.view.revoke(asking::session());
    assert_eq!(verdict(&page.ask(&asked).await), "token_revoked");
}

#[tokio::test]
async fn a_redirect_needs_a_host_and_a_target_that_somebody_would_serve() {
    let page = pipeline(page(vec![route("app", "/app")]));
    let mut asked = Asked::new("/app?x=1");
    asked.redirect_to = Some(8443);
    let Ok(Decision::Redirect(answer)) = page.ask(&asked).await else { panic!("it is redirected") };
    assert_eq!(answer.headers()["location"], "https://app.example:8443/app?x=1");
    asked.host = String::new();
    assert_eq!(verdict(&page.ask(&asked).await), "malformed_request");
    asked.target = "/app//x".to_owned();
    assert_eq!(verdict(&page.ask(&asked).await), "ambiguous_path");
}

#[tokio::test]
async fn a_preflight_is_a_request_like_any_other_where_another_proxy_answers() {
    let page = pipeline(page(vec![route("app", "/app")]));
    let mut asked = Asked::new("/app");
    asked.client = "10.0.0.1".parse().unwrap();
    asked.method = http::Method::OPTIONS;
    asked.send("origin", "https://app.example");
    asked.send("access-control-request-method", "GET");
    let Ok(Decision::Preflight(preflight)) = page.ask(&asked).await else { panic!("it is answered") };
    assert_eq!((preflight.answer.status().as_u16(), &*preflight.route.unwrap().name), (204, "app"));
    asked.answered_by = AnsweredBy::Another;
    assert_eq!(verdict(&page.ask(&asked).await), "token_missing");
}

#[tokio::test]
async fn a_lapsed_session_is_a_value_and_the_decision_goes_on_with_what_came_of_it() {
    let page = pipeline(page(vec![accept(route("app", "/app"))]));
    let failed = || Renewed::Failed(Problem::new(Code::StoreUnavailable));
    for (renewed, word) in [
        (Renewed::Access(token(asking::USER)), "forward"),
        (Renewed::Access("x.y.z".to_owned()), "token_invalid"),
        (Renewed::Refused, "token_expired"),
        (failed(), "store_unavailable"),
    ] {
        let asked = Asked::by_cookies("/app", &asking::expired());
        let Ok(Decision::Renew(pending_renewal)) = page.ask(&asked).await else {
            panic!("it is to be renewed")
        };
        assert_eq!(pending_renewal.expired_session.refresh(), Some(REFRESH));
        assert_eq!(verdict(&page.go_on(&asked, pending_renewal, renewed).await), word);
    }
    let mut asked = Asked::by_cookies("/app", &asking::expired());
    asked.answered_by = AnsweredBy::Another;
    assert_eq!(verdict(&page.ask(&asked).await), "token_expired", "nothing could be handed over");
}

#[tokio::test]
async fn a_decision_that_goes_on_charges_its_address_once() {
    let route = accept(route("app", "/app"));
    let page = pipeline(page(vec![Route { address_limit: Some(asking::once()), ..route }]));
    let asked = Asked::by_cookies("/app", &asking::expired());
    let Ok(Decision::Renew(pending_renewal)) = page.ask(&asked).await else { panic!("it is to be renewed") };
    let renewed = Renewed::Access(token(asking::USER));
    assert_eq!(verdict(&page.go_on(&asked, pending_renewal, renewed).await), "forward");
    assert_eq!(verdict(&page.ask(&asked).await), "rate_limited");
}

#[tokio::test]
async fn a_route_in_shadow_overrules_what_is_about_people_and_not_what_is_about_the_request() {
    let page = pipeline(page(vec![Route { shadow: true, ..route("app", "/app") }]));
    let mut asked = Asked::new("/app");
    asked.send("authorization", &format!("Bearer {}", token(asking::USER)));
    let Ok(Decision::Forward(admitted)) = page.ask(&asked).await else { panic!("it passes") };
    assert_eq!(admitted.overruled().map(Refusal::code), Some(Code::NetworkNotAllowed));
    assert!(admitted.principal().is_none(), "nobody asked who it is");
    asked.client = "10.0.0.1".parse().unwrap();
    let Ok(Decision::Forward(admitted)) = page.ask(&asked).await else { panic!("it passes") };
    assert_eq!(admitted.overruled().map(Refusal::code), Some(Code::InsufficientScope));
    assert!(admitted.principal().is_some(), "what was proved is told");
    asked.send("content-length", "11");
    assert_eq!(verdict(&page.ask(&asked).await), "body_too_large");
}

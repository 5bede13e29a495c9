//! `POST /webhooks/gateway`: what it believes, and what it does then.

use aws_lc_rs::hmac;
use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::*;
use crate::todo::{Description, NewTodo, Selection, Title};
use crate::todos::{Service, router};

const SECRET: &str = "a-secret-of-the-tests-and-long-enough";
const BODY: &str = r#"{"type":"user.deleted","timestamp":"2026-05-04T03:02:01Z","data":{"user_id":7}}"#;

/// The service with a todo of user 7 and one of user 8.
struct App {
    router: Router,
    store: Store,
    _folder: TempDir,
}

/// A message as the gateway sends it, unless something is changed.
struct Message {
    method: Method,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Message {
    fn new(body: &str) -> Self {
        Self::sent(body, 0)
    }

    /// So many seconds from now.
    fn sent(body: &str, later: i64) -> Self {
        Self::signed(body, &(clock::now().as_second() + later).to_string())
    }

    fn signed(body: &str, at: &str) -> Self {
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("webhook-id", "msg_1".to_owned()),
            ("webhook-timestamp", at.to_owned()),
            ("webhook-signature", sign(SECRET, "msg_1", at, body)),
        ];
        Self { method: Method::POST, headers, body: body.to_owned() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    fn header(&self, name: &str) -> String {
        self.headers.iter().find(|(known, _)| *known == name).unwrap().1.clone()
    }
}

fn sign(secret: &str, id: &str, at: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("v1,{}", STANDARD.encode(hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes())))
}

impl App {
    async fn new() -> Self {
        Self::with(Secret::parse(SECRET).ok()).await
    }

    async fn with(webhook: Option<Secret>) -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for owner in [7, 8] {
            let new = NewTodo { title: Title::parse("x").unwrap(), description: Description::default() };
            store.create(UserId::new(owner).unwrap(), new, Timestamp::UNIX_EPOCH).await.unwrap();
        }
        let router = router(Service { store: store.clone(), webhook });
        Self { router, store, _folder: folder }
    }

    /// The status and the code.
    async fn send(&self, message: Message) -> (u16, String) {
        let mut request = Request::builder().method(message.method).uri("/webhooks/gateway");
        for (name, value) in &message.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(message.body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    }

    /// How many todos users 7 and 8 have.
    fn left(&self) -> [u64; 2] {
        [7, 8].map(|user| {
            let user = UserId::new(user).unwrap();
            self.store.list(user, Selection::All, 0, 1).unwrap().total
        })
    }
}

fn answer(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn the_todos_of_a_deleted_account_go_and_no_identity_header_is_needed() {
    let app = App::new().await;

    assert_eq!(app.send(Message::new(BODY)).await, answer(204, ""));

    assert_eq!(app.left(), [0, 1]);
}

#[tokio::test]
async fn a_message_that_comes_again_is_answered_as_the_first() {
    let app = App::new().await;
    for _ in 0..3 {
        assert_eq!(app.send(Message::new(BODY)).await, answer(204, ""));
    }
    assert_eq!(app.left(), [0, 1]);
}

#[tokio::test]
async fn a_message_that_was_edited_or_is_not_signed_by_the_secret_is_refused() {
    let app = App::new().await;
    let edited = Message { body: BODY.replace('7', "8"), ..Message::new(BODY) };
    let sound = Message::new(BODY);
    let (at, signature) = (sound.header("webhook-timestamp"), sound.header("webhook-signature"));
    let other = "another-secret-of-the-tests-long-enough";
    let doubled = {
        let mut message = Message::new(BODY);
        message.headers.push(("webhook-signature", signature.clone()));
        message
    };
    let many = [["v1,AAAA"; 8].join(" "), signature.clone()].join(" ");
    for (what, message) in [
        ("another user", edited),
        ("another id", Message::new(BODY).with("webhook-id", "msg_2")),
        ("another time", Message::new(BODY).with("webhook-timestamp", format!("{at}0"))),
        ("another secret", Message::new(BODY).with("webhook-signature", sign(other, "msg_1", &at, BODY))),
        ("another version", Message::new(BODY).with("webhook-signature", signature.replace("v1", "v2"))),
        ("no version", Message::new(BODY).with("webhook-signature", signature.replace("v1,", ""))),
        ("half a signature", Message::new(BODY).with("webhook-signature", &signature[..20])),
        ("no signature in it", Message::new(BODY).with("webhook-signature", "v1,")),
        ("an empty one", Message::new(BODY).with("webhook-signature", "")),
        ("the ninth one", Message::new(BODY).with("webhook-signature", many)),
        ("two headers", doubled),
        ("no id", Message::new(BODY).without("webhook-id")),
        ("no time", Message::new(BODY).without("webhook-timestamp")),
        ("no signature", Message::new(BODY).without("webhook-signature")),
        ("an identity", Message::new(BODY).without("webhook-signature").with("x-user-id", "7")),
    ] {
        assert_eq!(app.send(message).await, answer(401, "signature_invalid"), "{what}");
    }
    assert_eq!(app.left(), [1, 1]);
}

#[tokio::test]
async fn a_message_of_another_time_is_refused() {
    let app = App::new().await;
    for later in [-310, -86_400, 310, 86_400] {
        assert_eq!(app.send(Message::sent(BODY, later)).await, answer(401, "message_stale"), "{later}");
    }
    for wrong in ["", "soon", "1.5", "99999999999999999999"] {
        let message = Message::signed(BODY, wrong);
        assert_eq!(app.send(message).await, answer(401, "signature_invalid"), "{wrong}");
    }
    assert_eq!(app.send(Message::signed(BODY, &i64::MIN.to_string())).await, answer(401, "message_stale"));
    assert_eq!(app.left(), [1, 1]);
    assert_eq!(app.send(Message::sent(BODY, -290)).await, answer(204, ""));
}

#[tokio::test]
async fn one_of_several_signatures_is_enough_while_secrets_change() {
    let app = App::new().await;
    let sound = Message::new(BODY).header("webhook-signature");
    let message = Message::new(BODY).with("webhook-signature", format!("v1,AAAA v1a,BBBB {sound}"));
    assert_eq!(app.send(message).await, answer(204, ""));
}

#[tokio::test]
async fn a_signed_message_that_says_nothing_usable_is_told_so() {
    let app = App::new().await;
    let deleted = |data: Value| json!({"type": "user.deleted", "data": data}).to_string();
    for (body, status, code) in [
        ("{".to_owned(), 400, "malformed_json"),
        ("[7]".to_owned(), 400, "malformed_json"),
        (deleted(json!({})), 422, "validation_failed"),
        (deleted(json!({"user_id": 0})), 422, "validation_failed"),
        (deleted(json!({"user_id": -7})), 422, "validation_failed"),
        (deleted(json!({"user_id": "7"})), 422, "validation_failed"),
        (deleted(json!({"user_id": 7.5})), 422, "validation_failed"),
        (deleted(json!(7)), 422, "validation_failed"),
        (json!({"type": "user.created", "data": {"user_id": 7}}).to_string(), 204, ""),
        (json!({"type": 1}).to_string(), 204, ""),
        ("{}".to_owned(), 204, ""),
        (format!("{{\"type\":\"{}\"}}", "x".repeat(65_536)), 413, "body_too_large"),
    ] {
        assert_eq!(app.send(Message::new(&body)).await, answer(status, code), "{body:.60}");
    }
    let text = Message::new(BODY).with("content-type", "text/plain");
    assert_eq!(app.send(text).await, answer(415, "unsupported_media_type"));
    assert_eq!(app.left(), [1, 1]);
}

#[tokio::test]
async fn there_is_only_post_and_without_a_secret_there_is_nothing() {
    let app = App::new().await;
    let get = Message { method: Method::GET, ..Message::new(BODY) };
    assert_eq!(app.send(get).await, answer(405, "method_not_allowed"));
    let app = App::with(None).await;
    for method in [Method::POST, Method::GET] {
        let message = Message { method, ..Message::new(BODY) };
        assert_eq!(app.send(message).await, answer(404, "not_found"));
    }
    assert_eq!(app.left(), [1, 1]);
}

#[test]
fn a_secret_is_text_or_marked_base64_of_24_bytes_or_more() {
    assert!(Secret::parse(&"x".repeat(24)).is_ok());
    assert_eq!(Secret::parse(&"x".repeat(23)).err(), Some(SecretFault::TooShort));
    assert_eq!(Secret::parse("whsec_AAAA").err(), Some(SecretFault::TooShort));
    assert_eq!(Secret::parse("whsec_this is no Base64, and long").err(), Some(SecretFault::NotBase64));
    assert!(Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_ok());
    assert_eq!(format!("{:?}", Secret::parse(SECRET).unwrap()), "Secret(…)");
}

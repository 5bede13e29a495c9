//! `POST /webhooks/gateway`: what it believes, and what it does then.

use axum::body::Body;
use axum::http::Request;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::*;
use crate::page::Wanted;
use crate::todo::Todo;
use crate::todos::{Service, router};

const SECRET: &str = "a-secret-of-the-tests-and-long-enough";
const BODY: &str = r#"{"type":"user.deleted","timestamp":"2026-05-04T03:02:01Z","data":{"user_id":7}}"#;

/// The service with a todo of user 7 and one of user 8.
struct App {
    router: Router,
    store: Store,
    _folder: TempDir,
}

type Headers = Vec<(&'static str, String)>;

/// As the gateway signs a message, so many seconds from now.
fn signed(body: &str, later: i64) -> Headers {
    let at = (Timestamp::now().as_second() + later).to_string();
    let signature = sign(SECRET, "msg_1", &at, body);
    vec![("webhook-id", "msg_1".to_owned()), ("webhook-timestamp", at), ("webhook-signature", signature)]
}

fn sign(secret: &str, id: &str, at: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("v1,{}", STANDARD.encode(hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes())))
}

impl App {
    async fn new(webhook: Option<Secret>) -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for owner in [7, 8] {
            let fields = json!({ "title": "x" }).as_object().cloned().unwrap();
            let todo = Todo::new(&fields, Timestamp::UNIX_EPOCH).unwrap();
            store.create(UserId::new(owner).unwrap(), todo).await.unwrap();
        }
        let router = router(Service { store: store.clone(), webhook });
        Self { router, store, _folder: folder }
    }

    /// The status.
    async fn send(&self, headers: Headers, body: &str) -> u16 {
        let mut request = Request::post("/webhooks/gateway").header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        self.router.clone().oneshot(request).await.unwrap().status().as_u16()
    }

    /// How many todos users 7 and 8 have.
    async fn left(&self) -> [u64; 2] {
        let all = Wanted::parse("").unwrap();
        let mut left = [7, 8];
        for user in &mut left {
            *user = self.store.list(UserId::new(*user).unwrap(), all).await.unwrap().1;
        }
        left
    }
}

#[tokio::test]
async fn the_todos_of_a_deleted_account_go_however_often_it_is_told() {
    let app = App::new(Secret::parse(SECRET).ok()).await;
    for later in [-290, 0, 0] {
        assert_eq!(app.send(signed(BODY, later), BODY).await, 204);
    }
    assert_eq!(app.left().await, [0, 1]);
}

#[tokio::test]
async fn a_message_that_is_not_signed_by_the_secret_or_not_of_now_is_refused() {
    let app = App::new(Secret::parse(SECRET).ok()).await;
    let sound = signed(BODY, 0);
    let (at, signature) = (&sound[1].1, &sound[2].1);
    let edited: [(usize, String); 9] = [
        (0, "msg_2".to_owned()),
        (1, format!("{at}0")),
        (1, String::new()),
        (2, sign("another-secret-of-the-tests-long-enough", "msg_1", at, BODY)),
        (2, signature.replace("v1", "v2")),
        (2, signature.replace("v1,", "")),
        (2, signature[..20].to_owned()),
        (2, "v1,".to_owned()),
        (2, [["v1,AAAA"; 8].join(" "), signature.clone()].join(" ")),
    ];
    for (place, value) in edited {
        let mut headers = sound.clone();
        headers[place].1.clone_from(&value);
        assert_eq!(app.send(headers, BODY).await, 401, "{value}");
    }
    for place in 0..3 {
        let (mut missing, mut doubled) = (sound.clone(), sound.clone());
        doubled.push(missing.remove(place));
        assert_eq!([app.send(missing, BODY).await, app.send(doubled, BODY).await], [401, 401]);
    }
    for later in [-310, 310] {
        assert_eq!(app.send(signed(BODY, later), BODY).await, 401, "{later}");
    }
    assert_eq!(app.send(sound.clone(), &BODY.replace('7', "8")).await, 401);
    assert_eq!(app.left().await, [1, 1]);

    let mut several = sound;
    several[2].1 = format!("v1,AAAA v1a,BBBB {}", several[2].1);
    assert_eq!(app.send(several, BODY).await, 204, "one is enough, while secrets change");
}

#[tokio::test]
async fn a_signed_message_that_says_nothing_usable_is_told_so() {
    let app = App::new(Secret::parse(SECRET).ok()).await;
    let deleted = |data: Value| json!({"type": "user.deleted", "data": data}).to_string();
    for (body, status) in [
        ("{".to_owned(), 400),
        (deleted(json!({})), 422),
        (deleted(json!({"user_id": 0})), 422),
        (deleted(json!({"user_id": "7"})), 422),
        (json!({"type": "user.created", "data": {"user_id": 7}}).to_string(), 204),
        ("{}".to_owned(), 204),
    ] {
        assert_eq!(app.send(signed(&body, 0), &body).await, status, "{body}");
    }
    assert_eq!(app.left().await, [1, 1]);
    let without_a_secret = App::new(None).await;
    assert_eq!(without_a_secret.send(signed(BODY, 0), BODY).await, 404);
}

#[test]
fn a_secret_is_text_or_marked_base64_of_24_bytes_or_more() {
    let fault = |text: &str| Secret::parse(text).err().unwrap_or_default();
    assert_eq!(fault(&"x".repeat(24)), "");
    assert_eq!(fault("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "");
    for short in [&*"x".repeat(23), "whsec_AAAA"] {
        assert!(fault(short).starts_with("24 bytes or more"));
    }
    assert!(fault("whsec_this is no Base64, and long").contains("goes on in Base64"));
}

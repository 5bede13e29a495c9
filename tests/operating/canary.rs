//! Marked secrets go in by every door, the right ones and the wrong ones; none of them, and no token
//! that was issued, comes out where it does not belong.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::gateway::{ACCESS_KEY, ADMIN_PASSWORD, Gateway, REFRESH_KEY, Setup, run};
use crate::support::http::{Reply, Request};
use crate::support::people::{PASSWORD, fresh_email};
use crate::support::raw::exchange;
use crate::support::redis::Redis;
use crate::support::upstream::Upstream;
use crate::support::{TOKENS, eventually, files_below};

const REDIS_PASSWORD: &str = "CANARY-redis-password";
/// In every secret of the tests.
const MARK: &str = "CANARY";

/// Everything that was asked, and what must not be seen of it.
struct Run<'a> {
    gateway: &'a Gateway,
    tokens: Vec<String>,
    /// What was answered, but for the two bodies that are there to carry tokens.
    answers: Vec<String>,
}

impl Run<'_> {
    fn post(&self, path: &str, body: &Value) -> Request {
        self.gateway.client().post(path).json(body)
    }

    /// An answer that may carry tokens: they are remembered.
    fn tokens(&mut self, request: Request) -> Value {
        let reply = request.send();
        assert_eq!(reply.status, 200, "{}", reply.text());
        let body = reply.json();
        let tokens = ["access_token", "refresh_token"].into_iter().filter_map(|name| body[name].as_str());
        self.tokens.extend(tokens.map(str::to_owned));
        body
    }

    /// An answer that must not.
    fn ask(&mut self, request: Request) -> u16 {
        let reply = request.send();
        self.note(&reply);
        reply.status
    }

    fn note(&mut self, reply: &Reply) {
        self.answers.push(format!("{:?}\n{}", reply.headers, reply.text()));
    }

    /// Marks, tokens, and the parts of tokens: a signature alone is as bad.
    fn secrets(&self) -> Vec<String> {
        let signatures = self.tokens.iter().filter_map(|token| Some(token.rsplit_once('.')?.1.to_owned()));
        let words = TOKENS.into_iter().chain([MARK, "$argon2"]);
        signatures.chain(words.map(str::to_owned)).collect()
    }

    fn assert_clean(&self, place: &str, text: &[u8]) {
        for secret in self.secrets() {
            let found = text.windows(secret.len()).position(|window| window == secret.as_bytes());
            if let Some(at) = found {
                let context = &text[at.saturating_sub(80)..(at + 80).min(text.len())];
                panic!("{secret} is in {place}: {}", String::from_utf8_lossy(context));
            }
        }
    }
}

/// Registers, logs in, renews, changes, logs out: everything as it should be.
fn use_it_rightly(run: &mut Run) {
    let email = fresh_email();
    let who = json!({"email": email, "password": PASSWORD, "first_name": "Ada"});
    assert_eq!(run.ask(run.post("/api/auth/register", &who)), 201);
    for _ in 0..2 {
        let body = run.tokens(run.post("/api/auth/login", &who));
        let (access, refresh) =
            (body["access_token"].as_str().unwrap(), body["refresh_token"].as_str().unwrap());
        let client = run.gateway.client();
        assert_eq!(run.ask(client.get("/api/auth/profile").bearer(access)), 200);
        assert_eq!(run.ask(client.get("/api/todos").bearer(access)), 200);
        let renew = json!({"refresh_token": refresh, "rotate": true});
        let renewed = run.tokens(run.post("/api/auth/refresh", &renew));
        let access = renewed["access_token"].as_str().unwrap().to_owned();
        let leave = json!({"refresh_token": renewed["refresh_token"]});
        assert_eq!(run.ask(run.post("/api/auth/logout", &leave).bearer(&access)), 200);
        assert_eq!(run.ask(run.post("/api/auth/refresh", &renew)), 401, "a replay");
    }
    let admin = run.tokens(
        run.post("/api/auth/login", &json!({"email": "admin@example.com", "password": ADMIN_PASSWORD})),
    );
    let admin = admin["access_token"].as_str().unwrap().to_owned();
    assert_eq!(run.ask(run.gateway.client().get("/api/auth/users").bearer(&admin)), 200);
    let change = run.gateway.client().request("PATCH", "/api/auth/users/2").bearer(&admin);
    assert_eq!(run.ask(change.json(&json!({"is_active": false}))), 200);
    assert_eq!(run.ask(run.post("/api/auth/login", &who)), 403);
}

/// The same secrets where they do not belong.
fn use_it_wrongly(run: &mut Run) {
    let body = json!({"email": fresh_email(), "password": PASSWORD});
    assert_eq!(run.ask(run.post("/api/auth/register", &body)), 201);
    let tokens = run.tokens(run.post("/api/auth/login", &body));
    let (access, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let client = run.gateway.client();
    let long = format!("{PASSWORD}{}", "x".repeat(2_000));
    let bad_json = format!("{{\"email\":\"a@example.com\",\"password\":\"{PASSWORD}\",,}}");
    let logins = [
        json!({"email": fresh_email(), "password": PASSWORD}),
        json!({"email": body["email"], "password": format!("{PASSWORD}-wrong")}),
        json!({"email": PASSWORD, "password": PASSWORD}),
        json!({"email": [PASSWORD], "password": {PASSWORD: access}}),
        json!({"email": body["email"], "password": long}),
        json!({"email": format!("{PASSWORD}@example.com"), "password": "short"}),
        json!({PASSWORD: PASSWORD, refresh: access}),
    ];
    for login in &logins {
        for path in ["/api/auth/login", "/api/auth/register"] {
            run.ask(run.post(path, login));
            run.ask(run.post(path, login).header("accept", "application/problem+json"));
        }
    }
    let malformed = |path: &str| client.post(path).header("content-type", "application/json");
    let bearer = |path: &str, token: &str| client.get(path).bearer(token);
    let wrong = [
        malformed("/api/auth/login").body(bad_json.clone()),
        client.post("/api/auth/login").header("content-type", "text/plain").body(bad_json),
        malformed("/api/auth/refresh").body(format!("[\"{refresh}\"]")),
        run.post("/api/auth/refresh", &json!({"refresh_token": access})),
        run.post("/api/auth/refresh", &json!({"refresh_token": [refresh]})),
        run.post("/api/auth/refresh", &json!({"refresh_token": format!("{refresh}x")})),
        run.post("/api/auth/refresh", &json!({"refresh_token": refresh, "rotate": access})),
        run.post("/api/auth/logout", &json!({"refresh_token": {"a": refresh}})).bearer(access),
        bearer("/api/todos", refresh),
        bearer("/api/todos", &format!("{access}x")),
        bearer("/api/todos", ACCESS_KEY),
        bearer("/api/todos", REFRESH_KEY),
        bearer("/api/todos", &format!("{access} {access}")),
        bearer(&format!("/api/todos?access_token={access}"), access),
        bearer("/api/todos", access).header("authorization", &format!("Bearer {refresh}")),
        client.get("/api/todos").header("authorization", &format!("Basic {PASSWORD}")),
        client.get("/api/todos").header("authorization", access),
        client.get("/nowhere").header("cookie", &format!("token={access}; password={PASSWORD}")),
        client.get(&format!("/nowhere?token={access}&password={PASSWORD}")),
        client.get("/nowhere").header("x-request-id", access).header("traceparent", access),
        client.get("/nowhere").header("user-agent", PASSWORD).header("x-forwarded-for", access),
        client.get("/api/auth/profile").header("x-gateway-assertion", access),
        client.request(PASSWORD, "/api/todos"),
        client.get("/api/auth/verify").bearer(access),
    ];
    for request in wrong {
        run.ask(request);
    }
    for bytes in [
        format!(
            "GET /nowhere?{access} HTTP/1.1\r\nHost: {PASSWORD}\r\nAuthorization: Bearer {access}\r\n\r\n"
        ),
        format!(
            "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n{PASSWORD}"
        ),
        format!("{PASSWORD} {access}\r\n\r\n"),
    ] {
        let reply = exchange(run.gateway.address, bytes);
        run.answers.extend(reply.map(|reply| reply.head.clone() + &reply.text()));
    }
}

fn assert_nothing_is_seen(run: &Run) {
    for answer in &run.answers {
        run.assert_clean("an answer", answer.as_bytes());
    }
    for path in ["/metrics", "/readyz", "/healthz"] {
        let reply = run.gateway.operator().get(path).send();
        run.assert_clean(path, &reply.body);
    }
    run.assert_clean("the log", run.gateway.log().as_bytes());
}

/// Password hashes are in the store and nowhere else; all else is in no file at all.
fn assert_no_file_has_it(run: &Run, folder: &Path) {
    for file in files_below(folder) {
        let bytes = std::fs::read(&file).unwrap();
        for secret in run.secrets().iter().filter(|secret| *secret != "$argon2") {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", file.display());
        }
    }
}

#[test]
fn no_secret_and_no_token_is_in_a_log_an_answer_a_metric_or_a_file() {
    let (upstream, mut redis) = (Upstream::start(), Redis::with_password(REDIS_PASSWORD));
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = Setup::before(upstream.address)
        .unlimited()
        .redis(&redis.url())
        .data(folder.path())
        .env("GATEWAY__LOG__LEVEL", "trace")
        .start();
    eventually("Redis is connected", || gateway.ready().status == 200);
    let mut run = Run { gateway: &gateway, tokens: Vec::new(), answers: Vec::new() };
    use_it_rightly(&mut run);
    use_it_wrongly(&mut run);
    let keys = redis.cli(&["KEYS", "*"]);
    run.assert_clean("Redis", keys.as_bytes());
    redis.kill();
    let access = run.tokens[0].clone();
    run.ask(run.gateway.client().get("/api/todos").bearer(&access));
    assert!(run.tokens.len() > 8 && run.answers.len() > 60);
    assert_nothing_is_seen(&run);
    let Run { tokens, answers, .. } = run;
    gateway.terminate();
    let run = Run { gateway: &gateway, tokens, answers };
    assert_no_file_has_it(&run, folder.path());
    let words = gateway.last_words();
    for secret in TOKENS.into_iter().chain([MARK, "$argon2"]) {
        assert!(!words.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn keys_that_are_kept_are_in_their_files_and_nowhere_else() {
    let mut gateway = Setup::demo()
        .env("JWT_SECRET_KEY", "")
        .env("JWT_REFRESH_SECRET_KEY", "")
        .unlimited()
        .env("GATEWAY__LOG__LEVEL", "trace")
        .start();
    let mut run = Run { gateway: &gateway, tokens: Vec::new(), answers: Vec::new() };
    use_it_rightly(&mut run);
    use_it_wrongly(&mut run);
    assert_nothing_is_seen(&run);
    assert_no_file_has_it(&run, &gateway.data);
    let key = |name: &str| std::fs::read_to_string(gateway.data.join("gateway").join(name)).unwrap();
    let keys = [key("access.key"), key("refresh.key")];
    let data = gateway.data.clone();
    gateway.terminate();
    let log = gateway.last_words();
    for key in &keys {
        assert!(!log.contains(key.as_str()), "a key is in the log");
        for file in files_below(&data).iter().filter(|file| file.extension() != Some("key".as_ref())) {
            let bytes = std::fs::read(file).unwrap();
            let found = bytes.windows(key.len()).any(|window| window == key.as_bytes());
            assert!(!found, "a key is in {}", file.display());
        }
    }
}

#[test]
fn a_start_that_fails_tells_no_secret() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let redis = format!("redis://:{REDIS_PASSWORD}@localhost:1");
    let wrong_redis = format!("http://:{REDIS_PASSWORD}@localhost:1");
    let secrets = |more: &[(&'static str, String)]| {
        let all = [
            ("JWT_SECRET_KEY", ACCESS_KEY.to_owned()),
            ("JWT_REFRESH_SECRET_KEY", REFRESH_KEY.to_owned()),
            ("GATEWAY_ADMIN_EMAIL", "admin@example.com".to_owned()),
            ("GATEWAY_ADMIN_PASSWORD", ADMIN_PASSWORD.to_owned()),
            ("REDIS_URL", redis.clone()),
            ("GATEWAY__STORE__PATH", folder.path().join("data").display().to_string()),
        ];
        all.into_iter().chain(more.iter().cloned()).collect::<Vec<_>>()
    };
    let cases = [
        secrets(&[]),
        secrets(&[("JWT_SECRET_KEY", "CANARY-short".into())]),
        secrets(&[("JWT_REFRESH_SECRET_KEY", ACCESS_KEY.into())]),
        secrets(&[("GATEWAY_ADMIN_PASSWORD", "CANARY".into())]),
        secrets(&[("REDIS_URL", wrong_redis.clone())]),
        secrets(&[("GATEWAY__REDIS__URL", format!("[\"{wrong_redis}\"]"))]),
        secrets(&[("GATEWAY__REDIS__URL", wrong_redis.clone()), ("REDIS_URL", String::new())]),
        secrets(&[("JWT_SECRET_KEY_FILE", "/nowhere".into())]),
    ];
    let told = AtomicBool::new(false);
    for environment in &cases {
        let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for command in [&["check"][..], &["serve", "--listen", &address]] {
            let (status, out, said) = run(command, &environment);
            assert!(!out.contains(MARK) && !said.contains(MARK), "{said}");
            told.fetch_or(status != 0, Ordering::Relaxed);
        }
    }
    assert!(told.into_inner());
}

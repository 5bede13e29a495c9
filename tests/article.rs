//! The article "Secure REST APIs with JWT Authentication": its four tests, by a client that knows
//! nothing of what was added since.

use serde_json::{Value, json};

use crate::support::gateway::Setup;
use crate::support::http::{Client, Reply};
use crate::support::stores::on_both_stores;
use crate::support::todo_backend::TodoBackend;

on_both_stores!(
    registering_and_logging_in_gives_two_tokens,
    the_access_token_opens_a_protected_resource,
    without_a_token_the_resource_stays_closed,
    a_refresh_gives_a_new_access_token_and_a_logout_ends_it,
);

fn registering_and_logging_in_gives_two_tokens(setup: Setup) {
    with_article_client(setup, |client| {
        let registered = client.register();
        assert_eq!(
            (registered.status, &registered.json()["message"]),
            (201, &"Registration successful".into())
        );
        let logged_in = client.log_in();
        assert_eq!(logged_in.status, 200);
        assert!(logged_in.json()["access_token"].is_string());
        assert!(logged_in.json()["refresh_token"].is_string());
        assert_eq!(logged_in.json()["user"]["email"], "test@example.com");
    });
}

fn the_access_token_opens_a_protected_resource(setup: Setup) {
    with_article_client(setup, |client| {
        client.register();
        let token = client.token();
        let todos = client.get("/api/todos", &token);
        assert_eq!((todos.status, &todos.json()["todos"]), (200, &json!([])));
        let profile = client.get("/api/auth/profile", &token);
        assert_eq!((profile.status, &profile.json()["user"]["first_name"]), (200, &"Test".into()));
    });
}

fn without_a_token_the_resource_stays_closed(setup: Setup) {
    with_article_client(setup, |client| {
        let refused = client.0.get("/api/todos").send();
        assert_eq!((refused.status, &refused.json()["error"]), (401, &"Missing authorization token".into()));
        let refused = client.get("/api/todos", "invalid.token.here");
        assert_eq!((refused.status, &refused.json()["error"]), (401, &"Invalid or expired token".into()));
    });
}

fn a_refresh_gives_a_new_access_token_and_a_logout_ends_it(setup: Setup) {
    with_article_client(setup, |client| {
        client.register();
        let login = client.log_in().json();
        let refreshed = client.post("/api/auth/refresh", &json!({"refresh_token": login["refresh_token"]}));
        assert_eq!(refreshed.status, 200);
        let body = refreshed.json();
        let token = body["access_token"].as_str().unwrap();
        assert_ne!(body["access_token"], login["access_token"]);
        assert_eq!(client.get("/api/todos", token).status, 200);
        let logged_out = client.0.post("/api/auth/logout").bearer(token).send();
        assert_eq!(
            (logged_out.status, &logged_out.json()["message"]),
            (200, &"Logged out successfully".into())
        );
        assert_eq!(client.get("/api/todos", token).status, 401);
    });
}

/// The requests as the article makes them.
struct ArticleClient(Client);

fn with_article_client(setup: Setup, story: impl Fn(&ArticleClient)) {
    let folder = tempfile::tempdir().unwrap();
    let backend = TodoBackend::start(folder.path());
    let address = backend.address.to_string();
    let gateway = setup.upstream("todo", &address).route("todos", "/api/todos", "todo", "").start();
    story(&ArticleClient(gateway.client()));
}

impl ArticleClient {
    fn register(&self) -> Reply {
        let body = json!({
            "email": "test@example.com", "password": "CANARY-Pass123", "first_name": "Test", "last_name": "User",
        });
        self.post("/api/auth/register", &body)
    }

    fn log_in(&self) -> Reply {
        self.post("/api/auth/login", &json!({"email": "test@example.com", "password": "CANARY-Pass123"}))
    }

    fn token(&self) -> String {
        self.log_in().json()["access_token"].as_str().unwrap().to_owned()
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        self.0.post(path).json(body).send()
    }

    fn get(&self, path: &str, token: &str) -> Reply {
        self.0.get(path).bearer(token).send()
    }
}

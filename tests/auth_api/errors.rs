//! The common rules: unknown paths and methods, the forms in which a refusal comes, and what each
//! answer carries.

use serde_json::json;

use crate::support::gateway::{Gateway, Setup};
use crate::support::http::{Reply, Request};
use crate::support::people::PASSWORD;
use crate::support::raw::Raw;
use crate::support::stores::on_both_stores;

on_both_stores!(
    an_unknown_path_is_not_found_in_json,
    a_wrong_method_is_told_the_right_ones,
    a_head_request_gets_the_fields_and_no_body,
    each_refusal_comes_as_rfc_9457_when_asked_for,
    a_grpc_caller_gets_a_status_that_grpc_knows,
    a_challenge_says_what_is_wrong_with_the_token,
    a_token_is_two_parts_and_anything_else_is_none,
    who_sent_a_token_in_another_form_is_told_how_to_send_it,
    a_token_in_two_places_is_a_bad_request,
    headers_over_32_kib_are_too_large,
    each_answer_has_a_request_id_of_ours,
    a_request_id_is_accepted_from_a_trusted_proxy_when_well_formed,
);

fn an_unknown_path_is_not_found_in_json(setup: Setup) {
    let gateway = setup.start();
    let admin = gateway.admin();
    for path in [
        "/",
        "/x",
        "/api",
        "/api/auth",
        "/api/auth/",
        "/api/auth/x",
        "/api/auth/login/",
        "/api/auth/login/x",
        "/api/auth/Login",
        "/api/auth/profile/",
        "/api/auth/users/",
        "/api/auth/users/1/",
        "/api/auth/users/1/x",
        "/api/authx",
        "/API/AUTH/login",
        "/api/auth/register.json",
        "/metrics",
        "/healthz",
        "/readyz",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let reply = admin.request(method, path).send();
            reply.is_refused(404, "Not found", "not_found");
        }
    }
}

fn a_wrong_method_is_told_the_right_ones(setup: Setup) {
    let gateway = setup.start();
    let admin = gateway.admin();
    for (path, allowed) in [
        ("/api/auth/register", "POST"),
        ("/api/auth/login", "POST"),
        ("/api/auth/refresh", "POST"),
        ("/api/auth/logout", "POST"),
        ("/api/auth/profile", "GET,HEAD,PUT,DELETE"),
        ("/api/auth/profile/export", "GET,HEAD"),
        ("/api/auth/password", "PUT"),
        ("/api/auth/password/forgot", "POST"),
        ("/api/auth/password/reset", "POST"),
        ("/api/auth/email/verify", "POST"),
        ("/api/auth/sessions", "GET,HEAD,DELETE"),
        ("/api/auth/sessions/1", "DELETE"),
        ("/api/auth/users", "GET,HEAD"),
        ("/api/auth/users/1", "GET,HEAD,PATCH,DELETE"),
        ("/api/auth/users/1/logout", "POST"),
        ("/api/auth/invitations", "GET,HEAD,POST"),
        ("/api/auth/invitations/1", "DELETE"),
        ("/api/auth/reports", "GET,HEAD"),
        ("/api/auth/audit", "GET,HEAD"),
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            if !allowed.split(',').any(|right| right == method) {
                let reply = admin.request(method, path).json(&json!({"role": "user"})).send();
                reply.is_refused(405, "Method not allowed", "method_not_allowed");
                assert_eq!(reply.header("allow"), allowed, "{method} {path}");
            }
        }
    }
}

/// RFC 9110 §9.3.2; a body would be taken for the answer to the next request.
fn a_head_request_gets_the_fields_and_no_body(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let mut raw = Raw::connect(gateway.address);
    let token = format!("Authorization: Bearer {}\r\n", ada.access);
    for (path, fields, status) in [
        ("/api/auth/profile", &*token, 200),
        ("/api/auth/profile", "", 401),
        ("/api/auth/users", &*token, 403),
        ("/api/auth/x", "", 404),
        ("/nowhere", "", 404),
        ("/api/auth/login", "", 405),
    ] {
        raw.send(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        let head = raw.head().unwrap();
        assert_eq!(head.status, status, "{path}");
        assert!(head.field("content-length") != Some("0".into()), "{head:?}");
        raw.send(format!("GET /api/auth/profile HTTP/1.1\r\nHost: a\r\n{token}\r\n"));
        let next = raw.reply().unwrap();
        assert!(next.status == 200 && next.text().contains(&ada.email), "{path}: {next:?}");
    }
}

fn each_refusal_comes_as_rfc_9457_when_asked_for(setup: Setup) {
    let gateway = setup.start();
    let client = gateway.client();
    let weak = json!({"email": "no", "password": "x"}).to_string();
    for (request, status, code, title, details) in [
        (client.get("/api/auth/profile"), 401, "token_missing", "Missing authorization token", vec![]),
        (client.get("/nowhere"), 404, "not_found", "Not found", vec![]),
        (client.get("/api/auth/login"), 405, "method_not_allowed", "Method not allowed", vec![]),
        (client.post("/api/auth/login"), 400, "missing_credentials", "Missing credentials", vec![]),
        (
            client.post("/api/auth/register").header("content-type", "application/json").body(weak),
            422,
            "validation_failed",
            "Validation failed",
            vec!["Invalid email address", "Password must be at least 8 characters"],
        ),
    ] {
        let reply = request.header("accept", "text/html;q=0.1, application/problem+json").send();
        assert_eq!((reply.status, reply.header("content-type")), (status, "application/problem+json"));
        let body = reply.json();
        assert_eq!(body["type"], format!("urn:gateway:problem:{code}"));
        assert_eq!(
            (&body["title"], &body["status"], &body["code"]),
            (&json!(title), &json!(status), &json!(code))
        );
        assert_eq!(body["request_id"], reply.header("x-request-id"));
        assert!(body["detail"].is_string() && body.get("error").is_none());
        let told: Vec<_> =
            body["errors"].as_array().into_iter().flatten().map(|one| &one["detail"]).collect();
        assert_eq!(told, details);
    }
}

fn a_grpc_caller_gets_a_status_that_grpc_knows(setup: Setup) {
    let upstream = crate::support::upstream::Upstream::start();
    let address = upstream.address.to_string();
    let gateway = setup
        .upstream("up", &address)
        .route("all", "/pkg.Service", "up", "")
        .route("admins", "/pkg.Admin", "up", r#"roles = ["admin"]"#)
        .route("few", "/pkg.Few", "up", "user_limit = { requests = 1, window_seconds = 3600 }")
        .route("down", "/pkg.Down", "nobody", "")
        .upstream("nobody", "127.0.0.1:1")
        .start();
    let ada = gateway.user();
    assert_eq!(ada.request("POST", "/pkg.Few/Call").send().status, 200);
    let call = |request: Request| {
        request.header("content-type", "application/grpc+proto").header("te", "trailers").send()
    };
    for (request, status, message) in [
        (gateway.client().post("/pkg.Service/Call"), "16", "Missing authorization token"),
        (gateway.client().post("/pkg.Service/Call").bearer("x"), "16", "Invalid or expired token"),
        (ada.request("POST", "/pkg.Admin/Call"), "7", "Insufficient scope"),
        (ada.request("POST", "/pkg.Few/Call"), "8", "Too many requests"),
        (ada.request("POST", "/pkg.Down/Call"), "14", "Upstream unreachable"),
        (ada.request("POST", "/nowhere/Call"), "12", "Not found"),
    ] {
        let reply = call(request);
        assert_eq!((reply.status, reply.text().as_str()), (200, ""));
        assert_eq!((reply.header("grpc-status"), reply.header("grpc-message")), (status, message));
        assert_eq!(reply.header("content-type"), "application/grpc");
    }
    assert_eq!(upstream.arrived().len(), 1);
}

fn a_challenge_says_what_is_wrong_with_the_token(setup: Setup) {
    use crate::support::forge;
    let gateway = setup.start();
    let (ada, revoked) = (gateway.user(), gateway.user());
    revoked.log_out();
    let late = forge::with(forge::claims(&ada.access), "iat", json!(forge::now() - 10));
    let expired = forge::access(&forge::with(late, "exp", json!(forge::now() - 1)));
    for (token, code, described) in [
        ("x", "token_invalid", "The access token is invalid"),
        (&ada.refresh, "token_invalid", "The access token is invalid"),
        (&expired, "token_expired", "The access token expired"),
        (&revoked.access, "token_revoked", "The access token was revoked"),
    ] {
        let reply = gateway.client().get("/api/auth/profile").bearer(token).send();
        reply.is_refused(401, "Invalid or expired token", code);
        let challenge =
            format!(r#"Bearer realm="gateway", error="invalid_token", error_description="{described}""#);
        assert_eq!(reply.header("www-authenticate"), challenge);
    }
}

fn a_token_is_two_parts_and_anything_else_is_none(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    let with = |value: &str| gateway.client().get("/api/auth/profile").header("authorization", value).send();
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        with(&format!("{scheme} {}", ada.access)).is_served(200);
        with(&format!("{scheme}   {}", ada.access)).is_served(200);
    }
    for none in ["", "Bearer", "Bearer ", "Basic YTpi", "Token x", "Bearerx"] {
        with(none).is_refused(401, "Missing authorization token", "token_missing");
    }
    for none in [ada.access.clone(), format!("Bearer {0} {0}", ada.access), format!("Basic {}", ada.access)] {
        with(&none).is_refused(401, "Missing authorization token", "token_missing");
    }
    with(&format!("Bearer {},{}", ada.access, ada.access)).is_refused(
        401,
        "Invalid or expired token",
        "token_invalid",
    );
}

fn who_sent_a_token_in_another_form_is_told_how_to_send_it(setup: Setup) {
    const HOW: &str = "The Authorization header is not of the form `Bearer <access_token>`";
    let gateway = setup.start();
    let (ada, client) = (gateway.user(), gateway.client());
    for value in [ada.access.clone(), format!("Token {}", ada.access), format!("Bearer: {}", ada.access)] {
        let reply = client.get("/api/auth/profile").header("authorization", &value).send();
        reply.is_refused(401, "Missing authorization token", "token_missing");
        assert_eq!(reply.json()["detail"], HOW);
        assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"gateway\"");
        let reply = client.post("/api/auth/logout").header("authorization", &value).send();
        reply.is_refused(422, "No token provided", "logout_token_required");
        assert_eq!(reply.json()["detail"], HOW);
        assert!(!reply.text().contains(&ada.access));
        let reply = client.get("/api/auth/profile").header("authorization", &value);
        let problem = reply.header("accept", "application/problem+json").send().json();
        assert_eq!(
            (&problem["title"], &problem["detail"]),
            (&"Missing authorization token".into(), &HOW.into())
        );
    }
    for none in [client.get("/api/auth/profile").send(), client.post("/api/auth/logout").send()] {
        assert_eq!(none.json().get("detail"), None, "{}", none.text());
    }
}

fn a_token_in_two_places_is_a_bad_request(setup: Setup) {
    let gateway = setup.start();
    let ada = gateway.user();
    for (first, second) in [("x", "y"), (ada.access.as_str(), ada.access.as_str()), ("x", &ada.access)] {
        let reply = gateway.client().get("/api/auth/profile").bearer(first).bearer(second).send();
        reply.is_refused(400, "More than one access token in the request", "invalid_request");
        assert!(reply.header("www-authenticate").contains(r#"error="invalid_request""#));
    }
}

fn headers_over_32_kib_are_too_large(setup: Setup) {
    let gateway = setup.start();
    let padded = |bytes: usize| {
        gateway.client().get("/api/auth/profile").header("x-padding", &"x".repeat(bytes)).send()
    };
    padded(32_000).is_refused(401, "Missing authorization token", "token_missing");
    padded(33_000).is_refused(431, "Request headers too large", "headers_too_large");
}

fn each_answer_has_a_request_id_of_ours(setup: Setup) {
    let gateway = setup.start();
    let asked = |gateway: &Gateway| -> Vec<Reply> {
        let client = gateway.client();
        let mine = |request: Request| request.header("x-request-id", "mine").send();
        vec![
            mine(client.get("/api/auth/profile")),
            mine(client.get("/nowhere")),
            mine(
                client
                    .post("/api/auth/register")
                    .json(&json!({"email": "a@example.com", "password": PASSWORD})),
            ),
        ]
    };
    let mut ids: Vec<_> =
        asked(&gateway).iter().map(|reply| reply.header("x-request-id").to_owned()).collect();
    assert!(ids.iter().all(|id| uuid::Uuid::parse_str(id).is_ok()), "{ids:?}");
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

fn a_request_id_is_accepted_from_a_trusted_proxy_when_well_formed(setup: Setup) {
    let gateway = setup.env("GATEWAY__SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#).start();
    let long = "x".repeat(129);
    for (sent, accepted) in
        [("a-B_7.x", true), ("x y", false), ("<script>", false), ("{\"a\":1}", false), (&long, false)]
    {
        let reply = gateway.client().get("/nowhere").header("x-request-id", sent).send();
        reply.is_refused(404, "Not found", "not_found");
        assert_eq!(reply.header("x-request-id") == sent, accepted, "{sent}");
    }
}

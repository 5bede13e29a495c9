//! A login that hands out cookies.

use serde_json::json;

use super::{ACCESS, CSRF, REFRESH, Tab, before, kept, set_cookies};
use crate::support::authority::Authority;
use crate::support::command::check;
use crate::support::forge::claims;
use crate::support::gateway::{ADMIN_EMAIL, ADMIN_PASSWORD, Setup, run};
use crate::support::people::PASSWORD;
use crate::support::upstream::Upstream;

#[test]
fn its_answer_has_no_token_and_sets_three_cookies_that_no_other_host_can() {
    let gateway = before(Upstream::start().address).start();
    let tab = Tab::of_a_user(&gateway);
    let reply = tab.log_in();
    let told = reply.is_served(200);
    let csrf = told["csrf_token"].as_str().unwrap();
    assert_eq!(
        told,
        json!({
            "csrf_token": csrf, "expires_in": 3600,
            "user": {"id": 2, "email": tab.email, "first_name": "", "role": "user"},
        })
    );
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(kept(&reply), [ACCESS, REFRESH, CSRF]);
    for (set, name) in set_cookies(&reply).into_iter().zip([ACCESS, REFRESH, CSRF]) {
        let value = tab.cookie(name);
        let hidden = if name == CSRF { "" } else { "; HttpOnly" };
        // The session begins at the login, so that a few seconds may have gone by.
        let seconds = set.split("Max-Age=").nth(1).unwrap().split(';').next().unwrap();
        assert!((2_591_940..=2_592_000).contains(&seconds.parse::<u64>().unwrap()), "{set}");
        assert_eq!(set, format!("{name}={value}; Path=/; Max-Age={seconds}; Secure{hidden}; SameSite=Lax"));
    }
    assert_eq!(tab.cookie(CSRF), csrf);
    assert_eq!(tab.claims(ACCESS)["type"], "access");
    assert_eq!(tab.claims(REFRESH)["type"], "refresh");
}

#[test]
fn the_operator_can_have_them_strict_and_a_session_shorter() {
    let gateway = before(Upstream::start().address)
        .env("GATEWAY__COOKIES__SAME_SITE", "strict")
        .env("GATEWAY__TOKENS__REFRESH_LIFETIME_SECONDS", "7200")
        .start();
    let reply = Tab::of_a_user(&gateway).log_in();
    let sets = set_cookies(&reply);
    assert_eq!(sets.len(), 3);
    let right = |set: &&str| set.ends_with("; SameSite=Strict") && set.contains("Max-Age=7");
    assert!(sets.iter().all(right), "{sets:?}");
}

#[test]
fn where_cookies_are_off_the_mode_is_refused_and_no_cookie_is_looked_at() {
    let upstream = Upstream::start();
    let gateway = Setup::before(upstream.address).start();
    let admin = gateway.admin();
    let who = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD});
    for path in ["/api/auth/login?mode=cookie", "/api/auth/refresh?mode=cookie"] {
        let reply = gateway.client().post(path).json(&who).send();
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"));
        assert!(reply.error().contains("[cookies] enabled = true"), "{}", reply.text());
        assert!(set_cookies(&reply).is_empty());
    }
    let cookie = format!("{ACCESS}={}", admin.access);
    let reply = gateway.client().get("/api/todos").header("cookie", &cookie).send();
    assert_eq!((reply.status, reply.code().as_str()), (401, "token_missing"));
    assert_eq!(admin.request("GET", "/api/todos").header("cookie", &cookie).send().status, 200);
    assert_eq!(upstream.only().one("cookie"), cookie, "they are another's there, and pass");
    assert!(!gateway.data.join("csrf.key").exists());
}

#[test]
fn any_other_mode_is_refused_and_none_is_a_login_by_body() {
    let gateway = before(Upstream::start().address).start();
    let who = json!({"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD});
    for mode in ["mode=", "mode", "mode=Cookie", "mode=body", "mode=cookie&mode=cookie", "mode=cookie%20"] {
        let reply = gateway.client().post(&format!("/api/auth/login?{mode}")).json(&who).send();
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation_failed"), "{mode}");
        assert!(set_cookies(&reply).is_empty());
    }
    for path in ["/api/auth/login", "/api/auth/login?model=cookie"] {
        let reply = gateway.client().post(path).json(&who).send();
        assert_eq!(claims(reply.json()["access_token"].as_str().unwrap())["user_id"], 1);
        assert!(set_cookies(&reply).is_empty());
    }
}

#[test]
fn one_that_fails_sets_none_and_is_answered_as_without_cookies() {
    let gateway = before(Upstream::start().address).start();
    let client = gateway.client();
    for (body, status, code) in [
        (json!({}), 400, "missing_credentials"),
        (json!({"email": ADMIN_EMAIL}), 422, "credentials_required"),
        (json!({"email": ADMIN_EMAIL, "password": "CANARY-Wrong-1"}), 401, "invalid_credentials"),
    ] {
        let reply = client.post("/api/auth/login?mode=cookie").json(&body).send();
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
        assert!(set_cookies(&reply).is_empty());
    }
}

#[test]
fn a_page_of_another_origin_logs_nobody_in_unless_the_operator_lets_it() {
    let cors = "[cors]\norigins = [\"https://app.example\"]\ncredentials = true\n";
    let gateway = before(Upstream::start().address).config(cors).start();
    let tab = Tab::of_a_user(&gateway);
    for site in ["cross-site", "same-site"] {
        let login = || tab.log_in_with(&tab.client).header("sec-fetch-site", site);
        for refused in [login().send(), login().header("origin", "https://evil.example").send()] {
            refused.is_refused(403, "Request refused: a page of another origin sent it", "csrf_refused");
            assert!(set_cookies(&refused).is_empty());
        }
        let listed = login().header("origin", "https://app.example").send();
        assert_eq!((listed.status, kept(&listed).len()), (200, 3));
    }
    assert_eq!(tab.log_in_with(&tab.client).header("sec-fetch-site", "same-origin").send().status, 200);
}

#[test]
fn an_older_browser_logs_nobody_in_for_a_page_of_another_origin_either() {
    let gateway = before(Upstream::start().address).start();
    let (tab, address) = (Tab::of_a_user(&gateway), gateway.address);
    let own = format!("http://{address}");
    let login = |fields: &[(&str, &str)]| {
        let login = tab.log_in_with(&tab.client);
        fields.iter().fold(login, |login, (name, value)| login.header(name, value)).send()
    };
    let evil = "https://evil.example";
    for said in [
        &[("origin", evil)][..],
        &[("origin", "null")],
        &[("origin", &format!("http://127.0.0.1:{}", address.port() - 1))],
        &[("origin", &format!("{own}.evil.example"))],
        &[("origin", &own), ("origin", evil)],
        &[("origin", evil), ("sec-fetch-site", "none")],
        &[("referer", "https://evil.example/page")],
        &[("origin", evil), ("referer", &format!("{own}/page"))],
    ] {
        let refused = login(said);
        refused.is_refused(403, "Request refused: a page of another origin sent it", "csrf_refused");
        assert!(set_cookies(&refused).is_empty(), "{said:?}");
    }
    // A page of ours, also where TLS ends in front of us and nobody said so; and a program.
    for said in [
        &[("origin", own.as_str())][..],
        &[("origin", &format!("https://{address}"))],
        &[("referer", &format!("{own}/page?of=https://evil.example"))],
        &[("origin", evil), ("sec-fetch-site", "same-origin")],
        &[],
    ] {
        assert_eq!(login(said).status, 200, "{said:?}");
    }
}

#[test]
fn a_page_without_tls_is_told_that_its_browser_would_keep_none() {
    let gateway = before(Upstream::start().address).start();
    let tab = Tab::of_a_user(&gateway);
    let ask = |path: &str, host: &str, origin: &str| {
        let who = json!({"email": tab.email, "password": PASSWORD, "refresh_token": ""});
        let request = gateway.client().post(path).header("host", host).header("origin", origin);
        request.header("cookie", &tab.cookies()).json(&who).send()
    };
    for host in ["nas.lan", "nas.lan:8080", "192.0.2.7", "localhost.nas.lan"] {
        for path in ["/api/auth/login?mode=cookie", "/api/auth/refresh?mode=cookie"] {
            let refused = ask(path, host, &format!("http://{host}"));
            refused.is_refused(403, "Cookies need https", "cookies_need_https");
            assert!(set_cookies(&refused).is_empty(), "{host}");
        }
        let login = "/api/auth/login?mode=cookie";
        assert_eq!(ask(login, host, &format!("https://{host}")).status, 200, "TLS may end before us");
        assert_eq!(ask("/api/auth/login", host, &format!("http://{host}")).status, 200, "by tokens all can");
    }
    for local in ["localhost:8080", "app.localhost", "127.0.0.1", "127.9.9.9:80", "[::1]:8080"] {
        assert_eq!(
            ask("/api/auth/login?mode=cookie", local, &format!("http://{local}")).status,
            200,
            "{local}"
        );
    }
    ask("/api/auth/login?mode=cookie", "nas.lan", "http://elsewhere.lan").is_refused(
        403,
        "Request refused: a page of another origin sent it",
        "csrf_refused",
    );
}

#[test]
fn a_check_says_by_which_way_nobody_can_sign_in() {
    let authority = Authority::new();
    let certified = authority.certify("own", &["localhost"]);
    let said = |listen: &str, more: &str| {
        let tls = crate::listening::https(&[&certified], "");
        let text = format!("[cookies]\nenabled = true\n[server]\nlisten = \"{listen}\"\n{tls}\n{more}");
        let (status, said) = check(&text);
        assert_eq!(status, 0, "{said}");
        said
    };
    let open = said("0.0.0.0:8080", "");
    assert!(open.contains("\"0.0.0.0:8080\" has no TLS") && open.contains("cookies_need_https"), "{open}");
    let redirects = "[[listeners]]\naddress = \"0.0.0.0:8081\"\nredirect_to_https_port = 443\n";
    assert!(!said("127.0.0.1:8080", redirects).contains("has no TLS"));
    let further = said("127.0.0.1:8080", "[[listeners]]\naddress = \"0.0.0.0:8082\"\n");
    assert!(further.contains("\"0.0.0.0:8082\" has no TLS"), "{further}");
}

#[test]
fn a_check_says_where_browsers_will_not_keep_them_and_tabs_will_lose_them() {
    let check = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.toml");
        std::fs::write(&path, text).unwrap();
        let data = folder.path().join("data");
        let (status, _, said) = run(
            &["check", "--config", path.to_str().unwrap()],
            &[("GATEWAY__STORE__PATH", data.to_str().unwrap())],
        );
        assert_eq!(status, 0, "{said}");
        assert!(!data.exists(), "a check makes no key");
        said
    };
    let (no_tls, no_grace) = ("no listener has TLS", "refresh.grace_seconds = 0");
    let said = check("[cookies]\nenabled = true\n[refresh]\ngrace_seconds = 0\n");
    assert!(said.contains(no_tls) && said.contains(no_grace), "{said}");
    let said = check("[cookies]\nenabled = true\n[server]\ntrusted_proxies = [\"10.0.0.1\"]\n");
    assert!(!said.contains(no_tls) && !said.contains(no_grace), "{said}");
    let said = check("[cookies]\nenabled = true\n[server]\nlisten = \"0.0.0.0:8080\"\n");
    assert!(said.contains("\"0.0.0.0:8080\" has no TLS") && !said.contains(no_tls), "{said}");
    assert!(!check("[refresh]\ngrace_seconds = 0\n").contains("cookies"));
}

#[test]
fn a_reload_turns_them_on_or_off_for_a_route_and_a_restart_for_all() {
    let todos = |more: &str| {
        Setup::new("[cookies]\nenabled = true\n").upstream("todo", "127.0.0.1:1").route(
            "todos",
            "/api/todos",
            "todo",
            more,
        )
    };
    let gateway = todos("").start();
    let tab = Tab::of_a_user(&gateway);
    assert_eq!(tab.get("/api/todos").code(), "upstream_unreachable");
    assert!(gateway.reload(&todos("cookie = false")));
    assert_eq!(tab.get("/api/todos").code(), "token_missing");
    let off = Setup::new("").upstream("todo", "127.0.0.1:1").route("todos", "/api/todos", "todo", "");
    assert!(!gateway.reload(&off));
    gateway.says("a change of cookies.enabled needs a restart");
}

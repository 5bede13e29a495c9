//! A wrong configuration never starts, and each complaint says where, what, and how to mend it.

use std::path::Path;

use gateway_config::{File, Flags, load};
use serde_json::json;

use crate::support::checking::check_json;
use crate::support::files_below;
use crate::support::gateway::{ACCESS_KEY, REFRESH_KEY, Setup, run};

/// `gateway check` on this text: the exit code, and what it said.
fn check(text: &str, environment: &[(&str, &str)]) -> (i32, String) {
    // A file that says nothing is a fault of its own.
    let text = if text.is_empty() { "[server]" } else { text };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, text).unwrap();
    let data = folder.path().join("data");
    let data = ("GATEWAY__STORE__PATH", data.to_str().unwrap());
    let environment: Vec<_> = std::iter::once(data).chain(environment.iter().copied()).collect();
    let (status, out, err) = run(&["check", "--config", path.to_str().unwrap()], &environment);
    assert!(!folder.path().join("data").exists(), "a check makes no folder");
    (status, out + &err)
}

const ROUTED: &str = "[[upstreams]]\nname = \"todo\"\naddress = \"127.0.0.1:1\"\n";

fn route(name: &str, path: &str, more: &str) -> String {
    format!("[[routes]]\nname = \"{name}\"\npath = \"{path}\"\nupstream = \"todo\"\n{more}\n")
}

#[test]
fn a_configuration_that_sets_nothing_can_be_started_and_advice_is_given() {
    let (status, said) = check("", &[]);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("can be started"), "{said}");
    assert!(said.contains("advice: refresh.rotation = \"always\""), "{said}");
}

#[test]
fn each_fault_names_its_place_its_value_and_its_mend() {
    let deep = |more: &str| format!("{ROUTED}{}", route("todos", "/todos", more));
    let cases: [(&str, &[&str]); 60] = [
        ("bogus = 1", &["gateway.toml:1: `bogus` is no setting", "there are:", "server"]),
        (&deep("auth = public"), &["gateway.toml:8: no TOML", "a text stands in quotes: auth = \"public\""]),
        ("[server]\nlisten = \u{201c}x\u{201d}", &["gateway.toml:2: no TOML", "quotes are straight"]),
        ("[server]\nlisten = 127.0.0.1:1", &["gateway.toml:2: no TOML", "in quotes: listen = \"…\""]),
        (
            "[tokens]\nsecret = \"CANARY\"",
            &["`tokens.secret` is no setting", "set JWT_SECRET_KEY, or JWT_SECRET_KEY_FILE"],
        ),
        ("[mail.smtp]\npassword = \"CANARY\"", &["`mail.smtp.password`", "GATEWAY_SMTP_PASSWORD_FILE"]),
        ("password = \"CANARY\"", &["`password`: must be a table"]),
        ("[webhook]\nsecret = \"CANARY\"", &["`webhook.secret`", "set GATEWAY_WEBHOOK_SECRET"]),
        (
            "[[upstreams]]\naddress = \"[::1]:1\"",
            &["gateway.toml:1: `upstreams[0]` has no `name`: write name = \"…\""],
        ),
        (
            &deep("").replace("name = \"todo\"", "nme = \"todo\""),
            &["`upstreams[0].nme`", "did you mean `name`?"],
        ),
        (&deep("").replace("name = \"todo\"", "name = 5"), &["`upstreams[0].name` = 5", "a text in quotes"]),
        ("[servr]\nlisten = 1", &["`servr` is no setting", "did you mean `server`?"]),
        ("[server]\nlistn = \"x\"", &["`server.listn` is no setting", "did you mean `listen`?"]),
        ("[limits.user]\nrequests = 1\nwindow = 1", &["`limits.user.window`", "`window_seconds`?"]),
        (&deep("auths = \"public\""), &["`routes[0].auths`", "did you mean `auth`?"]),
        (
            "[[upstreams]]\nname = \"a\"\naddress = \"[::1]:1\"\nread_timeout = 1",
            &["`upstreams[0].read_timeout`", "`read_timeout_ms`?"],
        ),
        ("[server]\nthreads = \"many\"", &["`server.threads` = \"many\"", "a whole number"]),
        ("[server]\nthreads = -1", &["`server.threads` = -1", "a whole number"]),
        ("[server]\nstreams_max = 0", &["server.streams_max = 0", "at least 1"]),
        ("[server]\nstreams_per_address_max = 0", &["server.streams_per_address_max = 0", "at least 1"]),
        ("[server]\nstreams_max = -1", &["`server.streams_max` = -1", "a whole number"]),
        ("[server]\nlisten = 8080", &["`server.listen` = 8080", "a text in quotes"]),
        ("[log]\naccess = \"yes\"", &["`log.access` = \"yes\"", "true or false"]),
        ("[log]\nformat = \"jsn\"", &["`log.format` = \"jsn\"", "\"human\"", "did you mean `json`?"]),
        ("[log]\nlevel = \"noisy\"", &["log.level", "\"noisy\"", "debug"]),
        ("[redis]\nfail = \"opened\"", &["`redis.fail` = \"opened\"", "\"closed\"", "`open`?"]),
        (
            "[redis]\neviction = \"tolerated\"",
            &["`redis.eviction` = \"tolerated\"", "\"refuse\"", "`tolerate`?"],
        ),
        ("[refresh]\nrotation = \"alway\"", &["`refresh.rotation` = \"alway\"", "`always`?"]),
        ("[limits]\nuser = 5", &["`limits.user` = 5", "window_seconds", "\"unlimited\""]),
        ("[limits]\nuser = { requests = 0, window_seconds = 1 }", &["limits.user", "at least 1"]),
        (
            "[limits]\nlogin_failures_address = 1",
            &["`limits.login_failures_address`", "login_failure_address`?"],
        ),
        (
            "[limits]\nlogout_address = { requests = 0, window_seconds = 1 }",
            &["logout_address", "at least 1"],
        ),
        (
            "[limits]\nmail_unverified = { requests = 1, window_seconds = 0 }",
            &["limits.mail_unverified", "86400"],
        ),
        (&deep("auth = \"publik\""), &["`routes[0].auth` = \"publik\"", "did you mean `public`?"]),
        (&deep("roles = [\"root\"]"), &["route `todos`", "\"root\" is no role", "user, admin"]),
        (&deep("auth = \"public\"\nroles = [\"admin\"]"), &["route `todos`", "auth = \"required\""]),
        ("server = 3", &["`server` = 3", "a table"]),
        ("routes = \"x\"", &["`routes` = \"x\"", "a list"]),
        ("[routes]\nname = \"a\"", &["`routes` is a table", "write [[routes]], with two brackets"]),
        (
            &deep("").replace("/todos", "todos"),
            &["route `todos`", "the path `todos` must begin with a slash"],
        ),
        (&deep("").replace("127.0.0.1:1", "127.0.0.1:x"), &["upstream `todo`"]),
        ("a = = 3", &["gateway.toml:1: no TOML"]),
        ("[[upstreams]]\nname = \"a\"", &["upstream `a`", "no server", "address"]),
        ("[[upstreams]]\nname = \"a\"\naddress = \"host\"", &["\"host\"", "\"127.0.0.1:8081\""]),
        ("[server]\nlisten = \"8080\"", &["server.listen = \"8080\"", "\"127.0.0.1:8080\""]),
        ("[server]\nlisten = \":8080\"", &["server.listen = \":8080\"", "\"0.0.0.0:8080\" for all"]),
        ("[operations]\nlisten = \"x\"", &["operations.listen = \"x\""]),
        ("[server]\ntrusted_proxies = [\"0.0.0.0/0\"]", &["\"0.0.0.0/0\"", "trusts everybody"]),
        ("[server]\ntrusted_proxies = [\"::/0\"]", &["\"::/0\"", "trusts everybody"]),
        (
            "[server]\ntrusted_headers = [\"CF-Conecting-IP\"]",
            &["server.trusted_headers", "\"CF-Conecting-IP\"", "did you mean `cf-connecting-ip`?"],
        ),
        ("[server]\ntrusted_headers = [\"X-User-Id\"]", &["server.trusted_headers", "`X-User-Id`", "itself"]),
        ("[server]\ntrusted_headers = [\"Zebra\"]", &["\"Zebra\"", "docs/api.md", "leave it out"]),
        ("[server]\ntrusted_proxies = [\"proxy\"]", &["\"proxy\"", "\"10.0.0.0/8\""]),
        ("[password]\nmemory_kib = 10", &["10 KiB", "19456 KiB"]),
        ("[redis]\nurl = \"http://x\"", &["redis://"]),
        ("[redis]\nurl = \"redis://x\"\nca_file = \"/x.pem\"", &["CA file", "rediss://"]),
        ("[tokens]\naccess_lifetime_seconds = 1", &["access_lifetime_seconds = 1", "60 to 86400"]),
        (
            "[redis]\nurl = \"redis://localhost\"\ncheck_timeout_ms = 60000",
            &["redis.check_timeout_ms = 60000", "1 to 30000"],
        ),
        ("[refresh]\nsessions_per_user = 0", &["refresh.sessions_per_user = 0", "1 to 1000"]),
        ("[refresh]\ngrace_seconds = 3600", &["refresh.grace_seconds = 3600", "0 to 60"]),
    ];
    for (text, needles) in cases {
        let (status, said) = check(text, &[]);
        assert_eq!(status, 78, "{text}\n{said}");
        assert!(said.contains("1 fault found; nothing was started"), "{text}\n{said}");
        for needle in needles {
            assert!(said.contains(needle), "{text}\nlacks {needle}:\n{said}");
        }
        assert!(!said.contains("CANARY"), "{said}");
        let (_, document) = check_json(text, &[]);
        let fault = &document["faults"][0];
        let of_no_setting = fault["message"].as_str().unwrap().starts_with("no TOML");
        assert!(fault["key"].is_string() || of_no_setting, "{text}: {document}");
        // What was not read is not taken for what is not there.
        assert!(!of_no_setting || document["warnings"] == json!([]), "{document}");
    }
}

#[test]
fn one_entry_that_cannot_be_read_is_one_fault_whoever_names_it() {
    let routes: String = (0..50).map(|n| route(&format!("r{n}"), &format!("/r{n}"), "")).collect();
    let nameless = ROUTED.replace("name = \"todo\"\n", "");
    let (status, said) = check(&format!("{nameless}{routes}"), &[]);
    assert_eq!(status, 78, "{said}");
    assert!(said.contains("1 fault found") && said.contains("has no `name`"), "{said}");
    let (_, said) = check(&format!("upstreams = \"app\"\n{routes}"), &[]);
    assert!(
        said.contains("1 fault found") && said.contains("`upstreams` = \"app\": must be a list"),
        "{said}"
    );
    let issuers = "[[issuers]]\nissuer = \"https://a.example\"\naudience = [\"a\"]\n";
    let needing = route("a", "/", "issuers = [\"sso\"]\nroles = [\"staff\"]");
    let (_, said) = check(&format!("{issuers}{ROUTED}{needing}"), &[]);
    assert!(said.contains("1 fault found") && said.contains("issuers: name = \"\" cannot be used"), "{said}");
}

#[test]
fn a_route_is_called_by_its_name_beside_its_number_and_its_line() {
    let text = format!("{ROUTED}{}{}", route("one", "/one", ""), route("two", "/two", "auths = 1"));
    let (_, said) = check(&text, &[]);
    assert!(said.contains("gateway.toml:13 (route `two`): `routes[1].auths` is no setting"), "{said}");
    let (_, said) = check(&text.replace("auths = 1", "roles = [\"root\"]"), &[]);
    assert!(said.contains("gateway.toml:9: route `two`: \"root\" is no role"), "{said}");
}

#[test]
fn routes_that_tie_are_reserved_are_ambiguous_or_lead_nowhere_are_faults() {
    let astray = "[[routes]]\nname = \"astray\"\npath = \"/a\"\nupstream = \"tudo\"\n";
    let cases: [(String, &[&str]); 8] = [
        (route("a", "/x", "") + &route("b", "/x/", ""), &["`a` and `b`", "`/x/`"]),
        (route("a", "/x", "") + &route("a", "/y", ""), &["the name `a` occurs twice"]),
        (route("gateway", "/x", ""), &["the name `gateway` cannot be used; metrics call our own endpoints"]),
        (route("none", "/x", ""), &["the name `none` cannot be used"]),
        (route("a", "/api/auth/login", ""), &["`/api/auth/login`", "belongs to the gateway itself"]),
        (route("a", "/.well-known/jwks.json", ""), &["belongs to the gateway itself"]),
        (route("a", "/x/../y", ""), &["`/x/../y`", "canonical"]),
        (astray.to_owned(), &["`astray`", "no upstream `tudo`", "did you mean `todo`?"]),
    ];
    for (routes, needles) in cases {
        let (status, said) = check(&format!("{ROUTED}{routes}"), &[]);
        assert_eq!(status, 78, "{routes}\n{said}");
        for needle in needles {
            assert!(said.contains(needle), "{routes}\nlacks {needle}:\n{said}");
        }
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let text = format!(
        "bogus = 1\n[server]\nlisten = 1\nthreads = true\n[log]\nlevel = \"noisy\"\nformat = \"xml\"\n{ROUTED}{}{}",
        route("a", "/api/auth", ""),
        route("b", "/x/../y", "")
    );
    let (status, said) = check(&text, &[("JWT_SECRET_KEY", "short"), ("GATEWAY_ADMIN_EMAIL", "a@b.c")]);
    assert_eq!(status, 78);
    let places = ["`bogus`", "`server.listen`", "`server.threads`", "log.level", "`log.format`", "/api/auth"];
    for place in places.into_iter().chain(["/x/../y", "JWT_SECRET_KEY", "GATEWAY_ADMIN_PASSWORD"]) {
        assert!(said.contains(place), "{place} is not told:\n{said}");
    }
    assert!(said.contains("9 faults found"), "{said}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let garbled = folder.path().join("garbled.toml");
    std::fs::write(&garbled, b"\xff\xfe").unwrap();
    for path in [folder.path(), &folder.path().join("missing.toml"), &garbled] {
        let (status, _, said) = run(&["check", "--config", path.to_str().unwrap()], &[]);
        assert_eq!(status, 78, "{said}");
        assert!(said.contains(&format!("{}: cannot be read", path.display())), "{said}");
    }
}

#[test]
fn secrets_that_are_short_equal_or_published_are_refused() {
    let good = "0123456789abcdef0123456789abcdef";
    let cases = [
        (&good[..31], REFRESH_KEY, "JWT_SECRET_KEY: the key has 31 bytes"),
        (ACCESS_KEY, "secret", "JWT_REFRESH_SECRET_KEY: the key has 6 bytes"),
        ("your-secret-key-change-in-production", REFRESH_KEY, "published example"),
        (ACCESS_KEY, "your-refresh-secret-change-in-production", "published example"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", REFRESH_KEY, "repeats one character"),
        (good, good, "are the same key"),
    ];
    for (access, refresh, expected) in cases {
        let keys = [("JWT_SECRET_KEY", access), ("JWT_REFRESH_SECRET_KEY", refresh)];
        let (status, said) = check("", &keys);
        assert_eq!(status, 78, "{said}");
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(!said.contains(access) && !said.contains(refresh), "a secret is told: {said}");
    }
}

#[test]
fn a_refresh_key_that_is_the_access_key_padded_with_nul_is_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let (access, refresh) = (folder.path().join("access"), folder.path().join("refresh"));
    std::fs::write(&access, ACCESS_KEY).unwrap();
    std::fs::write(&refresh, format!("{ACCESS_KEY}\0\0")).unwrap();
    let files = [
        ("JWT_SECRET_KEY_FILE", access.to_str().unwrap()),
        ("JWT_REFRESH_SECRET_KEY_FILE", refresh.to_str().unwrap()),
    ];
    let (status, said) = check("", &files);
    assert_eq!(status, 78, "{said}");
    assert!(said.contains("are the same key"), "{said}");
}

#[test]
fn a_secret_comes_from_its_variable_or_its_file_and_both_are_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, format!("{ACCESS_KEY}\n")).unwrap();
    let file = ("JWT_SECRET_KEY_FILE", path.to_str().unwrap());
    assert_eq!(check("", &[file]).0, 0);
    let (status, said) = check("", &[file, ("JWT_SECRET_KEY", ACCESS_KEY)]);
    assert_eq!(status, 78);
    assert!(said.contains("JWT_SECRET_KEY and JWT_SECRET_KEY_FILE are both set"), "{said}");
    let (status, said) = check("", &[("JWT_SECRET_KEY_FILE", "/nowhere/key")]);
    assert_eq!(status, 78);
    assert!(said.contains("JWT_SECRET_KEY_FILE names /nowhere/key, which cannot be read"), "{said}");
    assert_eq!(check("", &[("JWT_SECRET_KEY", ""), ("JWT_SECRET_KEY_FILE", "")]).0, 0);
}

#[test]
fn the_environment_wins_over_the_file_and_flags_win_over_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, "[server]\nlisten = \"file\"\n[operations]\nlisten = \"file\"").unwrap();
    let environment = [("GATEWAY__SERVER__LISTEN", "env"), ("GATEWAY__OPERATIONS__LISTEN", "env")];
    let config = path.to_str().unwrap();
    let (_, _, said) = run(&["serve", "--config", config], &[]);
    assert!(said.contains("server.listen = \"file\""), "{said}");
    assert!(said.contains("operations.listen = \"file\""), "{said}");
    let (_, _, said) = run(&["serve", "--config", config], &environment);
    assert!(said.contains("server.listen = \"env\""), "{said}");
    let (_, _, said) = run(&["serve", "--config", config, "--listen", "flag", "--ops", "op"], &environment);
    assert!(said.contains("server.listen = \"flag\""), "{said}");
    assert!(said.contains("operations.listen = \"op\""), "{said}");
}

#[test]
fn a_fault_of_the_environment_is_told_as_one_of_the_environment() {
    let cases = [
        ("GATEWAY__SERVR__LISTEN", "x", "environment: `servr` is no setting; did you mean `server`?"),
        ("GATEWAY__SERVER__THREADS", "-1", "environment: `server.threads` = -1"),
        ("GATEWAY__LIMITS__USER", "few", "environment: `limits.user` = \"few\": must be { requests"),
    ];
    for (name, value, expected) in cases {
        let (status, said) = check("", &[(name, value)]);
        assert_eq!(status, 78, "{said}");
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn variables_that_only_look_like_ours_are_ignored() {
    let kubernetes = [
        ("GATEWAY_PORT", "tcp://10.0.0.1:8080"),
        ("GATEWAY_SERVICE_HOST", "10.0.0.1"),
        ("GATEWAY_PORT_8080_TCP_PROTO", "tcp"),
        ("REDIS_PORT", "tcp://10.0.0.2:6379"),
    ];
    let (status, said) = check("", &kubernetes);
    assert_eq!(status, 0, "{said}");
}

#[test]
fn a_wrong_configuration_never_starts() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let faults = [
        Setup::new("bogus = 1"),
        Setup::new("[log]\nlevel = \"noisy\""),
        Setup::new("[password]\nmemory_kib = 10"),
        Setup::new("[redis]\nurl = \"http://x\""),
        Setup::new("").env("JWT_SECRET_KEY", REFRESH_KEY),
        // The access key would be made, and is not, since the other one is refused.
        Setup::new("").env("JWT_SECRET_KEY", "").env("JWT_REFRESH_SECRET_KEY", "short"),
        Setup::new("").env("GATEWAY_ADMIN_PASSWORD", "weak"),
    ];
    for setup in faults {
        let Err(failed) = setup.data(&data).try_start() else { panic!("it started") };
        assert_eq!(failed.status.code(), Some(78), "{}", failed.stderr);
        assert!(failed.stderr.contains("1 fault found; nothing was started"), "{}", failed.stderr);
        assert!(!data.exists(), "a folder was made: {}", failed.stderr);
    }
}

#[test]
fn a_wrong_configuration_binds_no_port() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, _, said) = run(&["serve", "--listen", &address], &[("GATEWAY__BOGUS", "1")]);
    assert_eq!(status, 78, "{said}");
    assert!(!said.contains("cannot listen"), "{said}");
}

#[test]
fn conf_gateway_toml_shows_the_defaults() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../conf/gateway.toml"));
    let mut loaded = load(Some(path), &Flags::default());
    assert_eq!(loaded.faults, [""; 0]);
    // It lies beside the file.
    assert_eq!(loaded.file.store.path, path.with_file_name("gateway-data"));
    loaded.file.store.path = File::default().store.path;
    let json = |file: &File| serde_json::to_value(file).unwrap();
    assert_eq!(json(&loaded.file), json(&File::default()));
    let text = std::fs::read_to_string(path).unwrap();
    for (section, settings) in json(&File::default()).as_object().unwrap() {
        assert!(text.contains(&format!("[{section}]")) || settings.is_array(), "{section} is not shown");
        for setting in settings.as_object().into_iter().flatten() {
            assert!(text.contains(setting.0.as_str()), "{section}.{} is not shown", setting.0);
        }
    }
}

#[test]
fn each_example_can_be_started() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../conf/examples"));
    let mut examples = 0;
    for path in files_below(folder) {
        let keys = [("JWT_SECRET_KEY", ACCESS_KEY), ("JWT_REFRESH_SECRET_KEY", REFRESH_KEY)];
        let (status, _, said) = run(&["check", "--config", path.to_str().unwrap()], &keys);
        assert_eq!(status, 0, "{}: {said}", path.display());
        examples += 1;
    }
    assert!(examples >= 3, "{examples} examples");
}

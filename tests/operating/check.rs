//! What `gateway check` finds beyond what is written wrongly, and how it tells people and programs.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::listening::https;
use crate::support::authority::{Authority, Certified};
use crate::support::checking::{check, check_in, check_json, check_with};
use crate::support::gateway::Setup;
use crate::support::project;

/// A route to this server, which needs no assertion.
fn behind(address: &str) -> String {
    format!(
        "[[upstreams]]\nname = \"app\"\naddress = \"{address}\"\n[[routes]]\nname = \"app\"\npath = \"/\"\nupstream = \"app\"\n"
    )
}

/// A sound configuration with one more listener, which shows this certificate.
fn showing(certified: &Certified) -> String {
    format!("{}{}", behind("unix:/run/app.sock"), https(&[certified], ""))
}

#[test]
fn a_certificate_that_is_not_in_its_time_or_soon_ends_is_named_with_what_to_do() {
    let authority = Authority::new();
    let cases = [
        (authority.certify_for_days("over", &["localhost"], -1), "expired on", "send SIGHUP"),
        (authority.certify_in_days("early", &["localhost"], 3), "is not valid before", "clock"),
        (authority.certify_for_days("soon", &["localhost"], 13), "expires soon, on", "send SIGHUP"),
    ];
    for (certified, what, mend) in &cases {
        let said = check(&showing(certified));
        said.is(0, &["listeners[0].tls: ", certified.certificate_file.to_str().unwrap(), what, mend]);
        assert_eq!(said.warnings().len(), 1, "{}", said.text);
    }
    let fine = authority.certify_for_days("fine", &["localhost"], 16);
    let said = check_with(&showing(&fine), &["--strict"], &[]);
    said.is(0, &["can be started"]);
    let said = check_with(&showing(&cases[0].0), &["--strict"], &[]);
    said.is(3, &["can be started, with 1 warning, and --strict allows none"]);
}

#[test]
fn an_expired_certificate_keeps_no_gateway_from_starting_and_is_in_its_log() {
    let authority = Authority::new();
    let over = authority.certify_for_days("over", &["localhost"], -1);
    let gateway = Setup::new("").config(&https(&[&over], "")).start();
    gateway.says("over.pem expired on");
    assert!(gateway.reload_again(), "{}", gateway.log());
}

#[test]
fn a_key_of_a_certificate_that_others_can_read_is_named() {
    let authority = Authority::new();
    let own = authority.certify("own", &["localhost"]);
    for (mode, open) in [(0o600, false), (0o400, false), (0o644, true), (0o640, true), (0o620, true)] {
        std::fs::set_permissions(&own.key_file, PermissionsExt::from_mode(mode)).unwrap();
        let said = check(&showing(&own));
        said.is(0, &[]);
        let mend = format!("can be read by others (mode {mode:o}): chmod 600 {}", own.key_file.display());
        assert_eq!(said.text.contains(&mend), open, "{mode:o}: {}", said.text);
    }
}

#[test]
fn what_is_shown_to_a_service_is_held_to_the_same() {
    let authority = Authority::new();
    let over = authority.certify_for_days("client", &["gateway"], -1);
    std::fs::set_permissions(&over.key_file, PermissionsExt::from_mode(0o644)).unwrap();
    let tls = format!(
        "[upstreams.tls]\nclient_certificate_file = \"{}\"\nclient_key_file = \"{}\"\n",
        over.certificate_file.display(),
        over.key_file.display()
    );
    let text = behind("10.0.0.1:443").replace("[[routes]]", &format!("{tls}[[routes]]"));
    check(&text).is(
        0,
        &[
            "upstream `app`: tls.client_certificate_file: ",
            "client.pem expired on",
            "the service refuses it",
            "upstream `app`: tls.client_key_file: ",
            "chmod 600",
        ],
    );
}

#[test]
fn listeners_that_are_in_each_others_way_are_named() {
    for (public, operations, taken) in [
        ("127.0.0.1:7000", "127.0.0.1:7000", true),
        ("0.0.0.0:7000", "127.0.0.1:7000", true),
        ("127.0.0.1:7000", "0.0.0.0:7000", true),
        ("[::]:7000", "[::1]:7000", true),
        ("localhost:7000", "127.0.0.1:7000", true),
        ("0.0.0.0:7000", "[::1]:7000", false),
        ("127.0.0.1:7000", "127.0.0.2:7000", false),
        ("127.0.0.1:0", "127.0.0.1:0", false),
    ] {
        let text = format!("[server]\nlisten = \"{public}\"\n[operations]\nlisten = \"{operations}\"\n");
        let said = check(&text);
        if taken {
            said.is(78, &["operations.listen = ", "is taken by server.listen = ", "choose another port"]);
            said.is(78, &["1 fault found", "gateway.toml:4: "]);
        } else {
            said.is(0, &["can be started"]);
        }
    }
    let further = "[server]\nlisten = \"127.0.0.1:7000\"\n[[listeners]]\naddress = \"0.0.0.0:7000\"\n";
    check(further).is(78, &["listeners[0].address = \"0.0.0.0:7000\" is taken by server.listen"]);
}

#[test]
fn a_server_that_is_the_gateway_itself_is_refused() {
    for (listen, server, own) in [
        ("127.0.0.1:7000", "127.0.0.1:7000", true),
        ("127.0.0.1:7000", "localhost:7000", true),
        ("127.0.0.1:7000", "0.0.0.0:7000", true),
        ("0.0.0.0:7000", "127.0.0.1:7000", true),
        ("0.0.0.0:7000", "127.8.9.10:7000", true),
        ("[::]:7000", "[::1]:7000", true),
        ("0.0.0.0:7000", "192.0.2.1:7000", false),
        ("127.0.0.1:7000", "127.0.0.1:7001", false),
        // Its figures may be shown to those who may see them.
        ("127.0.0.1:7000", "127.0.0.1:9090", false),
    ] {
        let said = check(&format!("[server]\nlisten = \"{listen}\"\n{}", behind(server)));
        match own {
            true => said
                .is(78, &["upstream `app`: address = ", "is this gateway itself (server.listen", "1 fault"]),
            false => said.is(0, &["can be started"]),
        }
    }
}

#[test]
fn variables_that_nothing_reads_are_named_and_their_values_are_not() {
    let environment = [
        ("GATEWAY_SERVER_LISTEN", "CANARY-1"),
        ("GATEWAY_ADMIN_PASWORD", "CANARY-2"),
        ("GATEWAY_COLOUR", "CANARY-3"),
        ("GATEWAY_SERVICE_HOST", "10.0.0.1"),
        ("JWT_SECRET", "CANARY-4"),
    ];
    let said = check_with(&behind("unix:/run/app.sock"), &[], &environment);
    said.is(
        0,
        &[
            "GATEWAY_SERVER_LISTEN is not read: two underscores part",
            "did you mean GATEWAY__SERVER__LISTEN?",
            "GATEWAY_ADMIN_PASWORD is not read; did you mean GATEWAY_ADMIN_PASSWORD?",
            "JWT_SECRET is not read, and JWT_SECRET_KEY is not set; did you mean JWT_SECRET_KEY?",
        ],
    );
    assert_eq!(said.warnings().len(), 3, "{}", said.text);
    assert!(!said.text.contains("CANARY"), "{}", said.text);
}

#[test]
fn servers_that_others_can_reach_are_one_warning_and_those_on_loopback_a_note() {
    let many: String = (1..=39)
        .map(|n| format!("[[upstreams]]\nname = \"n{n}\"\naddress = \"10.0.0.{n}:80\"\n"))
        .chain((1..=9).map(|n| format!("[[upstreams]]\nname = \"l{n}\"\naddress = \"localhost:{n}\"\n")))
        .collect();
    let said = check(&many);
    let reached: Vec<_> = said.warnings().into_iter().filter(|line| line.contains("over TCP")).collect();
    assert_eq!(reached.len(), 1, "{}", said.text);
    for n in 1..=39 {
        assert!(reached[0].contains(&format!("`n{n}` (10.0.0.{n}:80)")), "{}", reached[0]);
    }
    said.is(0, &["note: ", "upstream `l1` (and 8 more of the servers) is reached over loopback"]);
    // A service that has the identity asserted can tell who speaks to it.
    let asserted = format!("{}assertion = true\n", behind("10.0.0.1:80"));
    assert!(check(&asserted).warnings().is_empty());
}

#[test]
fn what_is_found_can_be_read_by_programs() {
    let text = behind("10.0.0.1:80").replace("path = \"/\"", "path = \"/\"\nauth = \"publik\"");
    let (status, document) = check_json(&text, &[("JWT_SECRET_KEY", "short")]);
    assert_eq!((status, &document["verdict"]), (78, &json!("faults")));
    let [auth, secret] = &document["faults"].as_array().unwrap()[..] else { panic!("{document}") };
    assert_eq!(auth["key"], "routes[0].auth");
    assert_eq!(auth["entry"], "route `app`");
    assert!(auth["file"].as_str().unwrap().ends_with("gateway.toml"), "{auth}");
    assert_eq!((&auth["line"], &auth["value"]), (&json!(7), &json!("publik")));
    assert!(
        auth["message"].as_str().unwrap().starts_with("`routes[0].auth` = \"publik\": must be"),
        "{auth}"
    );
    assert_eq!(auth["advice"], "did you mean `public`?");
    assert_eq!((&secret["key"], &secret["value"]), (&json!("JWT_SECRET_KEY"), &json!(null)));
    assert!(!document.to_string().contains("short\""), "{document}");
    let warning = &document["warnings"][0];
    assert_eq!((&warning["key"], &warning["line"]), (&json!("upstreams"), &json!(1)));
}

#[test]
fn the_statuses_are_the_same_for_programs() {
    let unmet =
        format!("{}[[routes.expect]]\npath = \"/\"\nthen = \"allow\"\n", behind("unix:/run/app.sock"));
    let open = behind("10.0.0.1:80");
    for (text, arguments, status, verdict) in [
        ("[server]", &["--json"][..], 0, "can_be_started"),
        ("bogus = 1", &["--json"], 78, "faults"),
        (&unmet, &["--json"], 3, "unmet"),
        (&open, &["--json"], 0, "can_be_started"),
        (&open, &["--json", "--strict"], 3, "warnings"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let said = check_in(folder.path(), text, arguments, &[]);
        let document: serde_json::Value = serde_json::from_str(&said.text).unwrap();
        assert_eq!((said.status, &document["verdict"]), (status, &json!(verdict)), "{text}: {document}");
        let file = folder.path().join("gateway.toml");
        assert_eq!(document["configuration"], file.to_str().unwrap());
    }
}

#[test]
fn the_configurations_of_the_guides_give_no_warning() {
    let complete = crate::guides::complete();
    assert!(complete.len() >= 8, "{}", complete.len());
    // It has no routes, and says so.
    let all = project().join("conf/gateway.toml").display().to_string();
    for (place, text) in complete.into_iter().filter(|(place, _)| *place != all) {
        let said = check(&text);
        assert!(said.warnings().is_empty(), "{place}: {}", said.text);
    }
}

#[test]
fn warnings_of_keys_that_are_accepted_are_no_reason_for_a_strict_check() {
    let text = format!("[operations]\nlisten = \"0.0.0.0:9090\"\n{}", behind("10.0.0.1:80"));
    check_with(&text, &["--strict"], &[]).is(3, &["with 2 warnings"]);
    check_with(&text, &["--strict", "--accept", "upstreams"], &[]).is(3, &["with 1 warning"]);
    let both = ["--strict", "--accept", "upstreams", "--accept", "operations.listen"];
    let said = check_with(&text, &both, &[]);
    said.is(0, &["can be started"]);
    assert_eq!(said.warnings().len(), 2, "they are said all the same: {}", said.text);
    // Of what is accepted as a whole, no part is.
    let open = format!(
        "{text}[[upstreams]]\nname = \"b\"\naddress = \"unix:/b\"\n[upstreams.tls]\nserver_name = \"b\"\ndanger_accept_any_certificate = true\n"
    );
    check_with(&open, &both, &[]).is(3, &["with 1 warning"]);
}

#[test]
fn one_mistake_in_an_entry_is_one_fault() {
    let issuer = |lines: &str| {
        format!(
            "[[issuers]]\nname = \"sso\"\nissuer = \"https://sso.example.com\"\nalgorithms = [\"ES256\"]\n{lines}\n"
        )
    };
    let certificates = "[[issuers]]\nname = \"mine\"\nkind = \"certficate\"\nca_file = \"/no/such.pem\"\n[[listeners]]\naddress = \"127.0.0.1:7443\"\n[listeners.tls]\ncertificates = []\n";
    for (text, fault) in [
        (issuer("audience = \"a\""), "`issuers[0].audience`"),
        (issuer("audience = [\"a\"]\nkind = \"oidcc\""), "`issuers[0].kind`"),
        (
            behind("unix:/run/app.sock").replace("path = \"/\"", "path = \"/\"\ncredentials = [\"cookies\"]"),
            "`routes[0].credentials[0]`",
        ),
    ] {
        check(&text).is(78, &["1 fault found", fault]);
    }
    // What is wrong elsewhere is said as well.
    check(certificates)
        .is(78, &["2 faults found", "`issuers[0].kind`", "listeners[0].tls has no certificates"]);
}

#[test]
fn of_a_file_that_cannot_be_read_nothing_else_is_said() {
    let (status, document) = check_json("server = [", &[("JWT_SECRET_KEY", "short")]);
    assert_eq!(status, 78);
    assert_eq!(document["faults"].as_array().unwrap().len(), 1, "{document}");
    assert_eq!((&document["warnings"], &document["notes"]), (&json!([]), &json!([])));
}

#[test]
fn a_file_that_is_a_pipe_is_named_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let pipe = pipe.display();
    let tls = |line: &str| {
        behind("10.0.0.1:443").replace("[[routes]]", &format!("[upstreams.tls]\n{line}\n[[routes]]"))
    };
    for (text, key) in [
        (
            format!(
                "[[listeners]]\naddress = \"127.0.0.1:7443\"\n[listeners.tls]\ncertificates = [{{ certificate_file = \"{pipe}\", key_file = \"{pipe}\" }}]\n"
            ),
            "listeners[0].tls.certificates[0].key_file",
        ),
        (format!("[redis]\nca_file = \"{pipe}\"\n"), "redis.ca_file"),
        (format!("[mail.smtp]\nhost = \"mail\"\nca_file = \"{pipe}\"\n"), "mail.smtp.ca_file"),
        (
            format!("[[issuers]]\nname = \"c\"\nkind = \"certificate\"\nca_file = \"{pipe}\"\n"),
            "issuers[0].ca_file",
        ),
        (tls(&format!("ca_file = \"{pipe}\"")), "upstreams[0].tls.ca_file"),
    ] {
        check(&text).is(78, &[key, "is no plain file"]);
    }
}

#[test]
fn a_value_with_quotes_is_told_whole_to_programs() {
    let (_, document) = check_json("[server]\nlisten = 'a \"b\" c'\n", &[]);
    assert_eq!(document["faults"][0]["value"], "a \"b\" c", "{document}");
}

#[test]
fn a_password_in_the_address_of_an_issuer_is_not_repeated() {
    let text =
        "[[issuers]]\nname = \"sso\"\nissuer = \"https://u:CANARY@sso.example.com/\"\naudience = [\"a\"]\n";
    let said = check(text);
    said.is(78, &["is no URL that can be fetched", "@sso.example.com/"]);
    assert!(!said.text.contains("CANARY"), "{}", said.text);
}

//! What only the proxies of some maker say of a client: whom it is believed of. That nothing of it passes
//! from anybody stands in `header_spoofing`.

use super::Siege;
use super::header_spoofing::send;
use crate::support::gateway::Setup;

/// What services believe that stand behind the proxies of some maker, or of any: from which address and
/// by which scheme, host and path a client came.
pub(super) const SAID_BY_PROXIES: [&str; 54] = [
    "True-Client-IP",
    "CF-Connecting-IP",
    "CF-Connecting-IPv6",
    "CF-Pseudo-IPv4",
    "CF-Visitor",
    "X-Client-IP",
    "Client-IP",
    "X-Cluster-Client-IP",
    "X-Original-Forwarded-For",
    "Forwarded-For",
    "Fastly-Client-IP",
    "X-Azure-ClientIP",
    "X-Azure-SocketIP",
    "X-AppEngine-User-IP",
    "X-AppEngine-Remote-Addr",
    "Fly-Client-IP",
    "DO-Connecting-IP",
    "X-NF-Client-Connection-IP",
    "CloudFront-Viewer-Address",
    "X-Envoy-External-Address",
    "X-Envoy-Original-Host",
    "X-Envoy-Original-Dst-Host",
    "X-ProxyUser-Ip",
    "WL-Proxy-Client-IP",
    "Proxy-Client-IP",
    "HTTP-Client-IP",
    "HTTP-X-Forwarded-For",
    "X-Remote-Addr",
    "X-Remote-IP",
    "X-Originating-IP",
    "X-Host",
    "X-Host-Override",
    "X-HTTP-Host-Override",
    "X-Forwarded-Server",
    "X-Forwarded-Scheme",
    "X-Forwarded-Ssl",
    "X-Scheme",
    "X-Url-Scheme",
    "X-Original-Scheme",
    "X-Proto",
    "X-Https",
    "Https",
    "Front-End-Https",
    "CloudFront-Forwarded-Proto",
    "X-Script-Name",
    "Script-Name",
    "Path-Info",
    "X-Accel-Mapping",
    "Client-Cert",
    "X-SSL-Client-Cert",
    "X-SSL-Client-S-DN",
    "SSL-Client-Subject-DN",
    "X-ARR-ClientCert",
    "X-Amzn-Mtls-Clientcert-Subject",
];
#[test]
fn what_a_proxy_of_ours_says_passes_where_the_operator_names_it_and_from_nobody_else() {
    let named =
        |setup: Setup| setup.config("[server]\ntrusted_headers = [\"CF-Connecting-IP\", \"X-Scheme\"]");
    let lines = "CF-Connecting-IP: 192.0.2.1\r\nX-Scheme: https\r\nTrue-Client-IP: 192.0.2.1\r\nCF_Connecting_IP: 192.0.2.9\r\n";
    for (proxies, passes) in [("[]", false), (r#"["127.0.0.0/8"]"#, true)] {
        let siege = Siege::with(|setup| named(setup).env("GATEWAY__SERVER__TRUSTED_PROXIES", proxies));
        let arrived = send(&siege, "/api/todos", true, lines);
        let expected = |value| if passes { vec![value] } else { vec![] };
        assert_eq!(arrived.folded("cf-connecting-ip"), expected("192.0.2.1"), "{proxies}");
        assert_eq!(arrived.folded("x-scheme"), expected("https"), "{proxies}");
        assert!(arrived.folded("true-client-ip").is_empty(), "{proxies}");
    }
}

#[test]
fn a_route_may_still_set_and_take_away_what_only_proxies_say() {
    let rules =
        "request_headers = { set = { \"X-Client-IP\" = \"192.0.2.7\" }, remove = [\"True-Client-IP\"] }";
    let siege = Siege::with(|setup| setup.route("ruled", "/ruled", "service", rules));
    let arrived = send(&siege, "/ruled", true, "X-Client-IP: 1\r\nX_Client_IP: 2\r\nTrue-Client-IP: 3\r\n");
    assert_eq!(arrived.folded("x-client-ip"), ["192.0.2.7"]);
    assert!(arrived.folded("true-client-ip").is_empty());
}

#[test]
fn how_long_a_message_is_has_one_spelling_for_services() {
    let siege = Siege::begin();
    let odd = "Content_Length: 9\r\nTransfer_Encoding: chunked\r\ncontent.length: 9\r\n";
    let body = siege.head("POST /api/todos HTTP/1.1", &format!("{odd}Content-Length: 2\r\n")) + "hi";
    assert_eq!(siege.status(body), 200);
    let arrived = siege.got_through().pop().unwrap();
    assert_eq!((arrived.folded("content-length"), arrived.body.as_slice()), (vec!["2"], &b"hi"[..]));
    assert!(arrived.folded("transfer-encoding").is_empty(), "{arrived:?}");
}

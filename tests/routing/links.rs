//! Links as browsers and tools send them: what has one reading once it is escaped is escaped and
//! forwarded.

use std::process::Command;

use serde_json::json;

use crate::cookies::browser::browse;
use crate::support::gateway::{Gateway, Setup};
use crate::support::h2::H2;
use crate::support::raw::Raw;
use crate::support::upstream::Upstream;

fn gateway() -> (Gateway, Upstream) {
    let upstream = Upstream::start();
    let setup = Setup::new("").upstream("files", &upstream.address.to_string());
    let setup = setup.route("files", "/files", "files", "auth = \"public\"");
    (setup.config("[[listeners]]\naddress = \"127.0.0.1:0\"\nh2c = true\n").start(), upstream)
}

const LINKS: [(&str, &str); 8] = [
    ("/files/Report[1].pdf", "/files/Report%5B1%5D.pdf"),
    ("/files/chunks/app/[slug]/page.js", "/files/chunks/app/%5Bslug%5D/page.js"),
    ("/files/a|b^c", "/files/a%7Cb%5Ec"),
    ("/files/{id}", "/files/%7Bid%7D"),
    ("/files/\"x\"", "/files/%22x%22"),
    ("/files/caf\u{e9}", "/files/caf%C3%A9"),
    ("/files/x?q=caf\u{e9}&a[]=1|2^{}", "/files/x?q=caf%C3%A9&a[]=1|2^{}"),
    ("/files/[%61]//x", ""),
];

#[test]
fn what_browsers_leave_raw_is_escaped_and_forwarded() {
    let (gateway, upstream) = gateway();
    let mut h2 = H2::plain(gateway.further[0]).unwrap();
    for (sent, forwarded) in LINKS {
        upstream.forget();
        let head = format!("GET {sent} HTTP/1.1\r\nHost: a\r\n\r\n");
        let statuses = [
            Raw::connect(gateway.address).send(head).reply().unwrap().status,
            h2.get(sent, &[]).unwrap().status,
        ];
        let expected: &[&str] = if forwarded.is_empty() { &[] } else { &[forwarded; 2] };
        assert_eq!(statuses, if forwarded.is_empty() { [400; 2] } else { [200; 2] }, "{sent}");
        let arrived = upstream.arrived();
        assert_eq!(arrived.iter().map(|one| one.target()).collect::<Vec<_>>(), expected, "{sent}");
    }
    // Over HTTP/2 these end their stream before a request comes of it.
    for (sent, forwarded) in
        [("/files/<a>`", "/files/%3Ca%3E%60"), ("/files?q=\"x\"<>", "/files?q=%22x%22%3C%3E")]
    {
        upstream.forget();
        let head = format!("GET {sent} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(Raw::connect(gateway.address).send(head).reply().unwrap().status, 200, "{sent}");
        assert_eq!(upstream.only().target(), forwarded, "{sent}");
    }
}

#[test]
fn a_real_browser_and_curl_get_what_they_ask_for() {
    let (gateway, upstream) = gateway();
    let home = format!("http://{}/files", gateway.address);
    browse(&[
        json!({"go": format!("{home}/page")}),
        json!({"run": "fetch('/files/a[1]|b^c{d}?q=[\u{e9}]|\"<x>').then((answer) => answer.status)"}),
    ]);
    let curl =
        Command::new("curl").args(["-sgS", &format!("{home}/[1]\u{e9}?q=caf\u{e9}\"")]).output().unwrap();
    assert!(curl.status.success(), "{curl:?}");
    let arrived = upstream.arrived();
    let got = |target: &str| arrived.iter().any(|one| one.target() == target);
    assert!(got("/files/a%5B1%5D%7Cb%5Ec%7Bd%7D?q=[%C3%A9]|%22%3Cx%3E"), "{arrived:?}");
    assert!(got("/files/%5B1%5D%C3%A9?q=caf%C3%A9%22"), "{arrived:?}");
}

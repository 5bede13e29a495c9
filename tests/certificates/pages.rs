//! A browser adds its certificate by itself, whoever's page makes the request.

use super::Site;
use crate::support::authority::Encrypted;

fn status(client: &mut Encrypted, head: &str) -> u16 {
    client.exchange(&format!("{head}\r\nHost: app.example\r\nContent-Length: 0\r\n\r\n")).unwrap().status
}

#[test]
fn a_page_of_another_origin_changes_nothing_by_the_certificate_of_a_browser() {
    let site = Site::new();
    let friends = "issuers = [\"machines\"]\ncredentials = [\"certificate\"]\ncors = { origins = [\"https://friend.example\"], credentials = true }";
    let gateway = site.asking("optional", "").route("friends", "/friends", "app", friends).start();
    let mut client = site.connect(&gateway, Some(&site.machines.holder("ada:1"))).unwrap();
    for (lines, may) in [
        ("", true),
        ("\r\nOrigin: https://app.example", true),
        ("\r\nSec-Fetch-Site: same-origin\r\nOrigin: https://app.example", true),
        ("\r\nSec-Fetch-Site: none", true),
        ("\r\nSec-Fetch-Site: cross-site", false),
        ("\r\nSec-Fetch-Site: same-site", false),
        ("\r\nOrigin: https://evil.example", false),
        ("\r\nOrigin: http://app.example", false),
        ("\r\nOrigin: null", false),
        ("\r\nOrigin: https://friend.example", false),
        ("\r\nOrigin: https://app.example\r\nOrigin: https://evil.example", false),
    ] {
        let expected = if may { 200 } else { 403 };
        assert_eq!(status(&mut client, &format!("POST /pumps HTTP/1.1{lines}")), expected, "{lines}");
    }
    let asked = "Sec-Fetch-Site: cross-site";
    assert_eq!(
        status(&mut client, &format!("GET /pumps HTTP/1.1\r\n{asked}")),
        200,
        "a link changes nothing"
    );
    let socket = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    assert_eq!(status(&mut client, &format!("GET /pumps HTTP/1.1\r\n{asked}\r\n{socket}")), 403);
    let friend = format!("POST /friends HTTP/1.1\r\n{asked}\r\nOrigin: https://friend.example");
    assert_eq!(status(&mut client, &friend), 200);
    assert_eq!(status(&mut client, &friend.replace("friend.", "evil.")), 403);
}

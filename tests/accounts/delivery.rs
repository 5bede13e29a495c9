//! Mails over a real mail server, and that none is lost on its way there.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::{NEW, is_no_reset_token};
use crate::support::eventually;
use crate::support::gateway::{Gateway, Setup};
use crate::support::people::{PASSWORD, fresh_email};
use crate::support::smtp::{self, Behaviour, Kind, ReceivedMail, Smtp};

const WAIT: Duration = Duration::from_secs(30);

fn by(server: &Smtp) -> Setup {
    Setup::new(&format!("[registration]\nemail_verification = \"off\"\n{}", server.config()))
}

fn deliveries(gateway: &Gateway, errand: &str, result: &str) -> f64 {
    gateway.total("gateway_deliveries_total", &[("errand", errand), ("result", result)])
}

#[test]
fn each_letter_arrives_at_whom_it_is_for_and_its_token_works() {
    let server = Smtp::start(Kind::StartTls);
    let gateway = by(&server).env("GATEWAY_SMTP_PASSWORD", smtp::PASSWORD).start();
    let (ada, admin, guest) = (gateway.user(), gateway.admin(), fresh_email());
    assert_eq!(gateway.forgets(&ada.email).status, 202);
    let next = |to: &str| -> ReceivedMail {
        let mail = server.next_mail(WAIT);
        assert!(mail.encrypted && mail.authenticated, "{mail:?}");
        assert_eq!(mail.to, [to]);
        mail
    };
    let token = next(&ada.email).token();
    gateway.resets(&token, NEW).is_served(200);
    let changed = next(&ada.email);
    assert!(changed.text.contains("127.0.0.1"), "{}", changed.text);
    admin.request("POST", "/api/auth/invitations").json(&json!({"email": guest})).send().is_served(201);
    let token = next(&guest).token();
    let body = json!({"email": guest, "password": PASSWORD, "invitation": token});
    gateway.registers(&body).is_served(201);
    admin.request("DELETE", &format!("/api/auth/users/{}", ada.id)).send().is_served(200);
    next(&ada.email);
    assert_eq!(gateway.letters("password_reset", &ada.email), [], "and nothing lies in the outbox");
}

#[test]
fn mails_that_wait_survive_a_kill_and_go_out_after_it() {
    let folder = tempfile::tempdir().unwrap();
    // Takes connections and says nothing.
    let silent = Smtp::start_with(Kind::Plain, Behaviour::Hang);
    let mut gateway = by(&silent).data(folder.path()).start();
    let people: Vec<_> = (0..12).map(|_| gateway.user()).collect();
    for ada in &people {
        assert_eq!(gateway.forgets(&ada.email).status, 202, "a mail server that hangs holds nobody up");
    }
    gateway.kill();
    drop(silent);
    let server = Smtp::start(Kind::Plain);
    let gateway = by(&server).data(folder.path()).start();
    let mails: Vec<_> = people.iter().map(|_| server.next_mail(WAIT)).collect();
    let to: BTreeSet<_> = mails.iter().map(|mail| mail.to[0].clone()).collect();
    assert_eq!(to, people.iter().map(|ada| ada.email.clone()).collect(), "twice, or to nobody");
    for mail in &mails {
        gateway.resets(&mail.token(), NEW).is_served(200);
    }
    eventually("nothing waits", || gateway.metric("gateway_outbox_waiting") == 0.0);
}

/// A way to the mail server that can be closed.
struct Way {
    port: u16,
    open: Arc<AtomicBool>,
    turned_away: Arc<AtomicUsize>,
}

impl Way {
    fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, turned_away) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (opened, counted) = (Arc::clone(&open), Arc::clone(&turned_away));
        // Ends with the test's process; it holds nothing but its port.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if opened.load(Ordering::Relaxed) {
                    std::thread::spawn(move || carry(stream, server));
                } else {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Self { port, open, turned_away }
    }
}

fn carry(client: TcpStream, port: u16) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        std::io::copy(&mut from, &mut to).ok();
        to.flush().ok();
        to.shutdown(Shutdown::Write).ok();
    };
    let (back, forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let other = std::thread::spawn(move || copy(back, forth));
    copy(client, server);
    other.join().ok();
}

#[test]
fn a_mail_server_that_cannot_be_reached_is_tried_again_until_it_can() {
    let server = Smtp::start(Kind::Plain);
    let way = Way::to(server.port);
    let config = server.config().replace(&format!("port = {}", server.port), &format!("port = {}", way.port));
    let setup = Setup::new(&format!("[registration]\nemail_verification = \"off\"\n{config}"));
    let gateway = setup.start();
    let people: Vec<_> = (0..3).map(|_| gateway.user()).collect();
    for ada in &people {
        assert_eq!(gateway.forgets(&ada.email).status, 202);
    }
    eventually("each was tried", || deliveries(&gateway, "password_reset", "failed") >= 3.0);
    assert!(way.turned_away.load(Ordering::Relaxed) >= 3);
    assert_eq!(gateway.metric("gateway_outbox_waiting"), 3.0);
    gateway.says("could not be delivered, and will be tried again");
    assert!(!gateway.log().contains(&people[0].email), "a log names nobody unless it is asked to");
    way.open.store(true, Ordering::Relaxed);
    let mut got: Vec<_> = (0..3).map(|_| server.next_mail(WAIT)).collect();
    got.sort_by_key(|mail| mail.to[0].clone());
    let mut expected: Vec<_> = people.iter().map(|ada| ada.email.clone()).collect();
    expected.sort();
    assert_eq!(got.iter().map(|mail| mail.to[0].clone()).collect::<Vec<_>>(), expected);
    // The token is made when the mail goes out: those of the tries in vain are nobody's.
    for mail in &got {
        gateway.resets(&mail.token(), NEW).is_served(200);
        is_no_reset_token(&gateway.resets(&mail.token(), NEW));
    }
    eventually("nothing waits", || gateway.metric("gateway_outbox_waiting") == 0.0);
    assert_eq!(deliveries(&gateway, "password_reset", "delivered"), 3.0);
}

#[test]
fn a_mail_that_is_refused_for_good_is_given_up_and_the_trail_says_so() {
    let server = Smtp::start_with(Kind::Plain, Behaviour::RefuseRecipient(550));
    let gateway = by(&server).start();
    let (ada, admin) = (gateway.user(), gateway.admin());
    let asked = gateway.forgets(&ada.email);
    asked.is_served(202);
    eventually("it is given up", || deliveries(&gateway, "password_reset", "given_up") == 1.0);
    assert_eq!(gateway.metric("gateway_outbox_waiting"), 0.0);
    assert_eq!(deliveries(&gateway, "password_reset", "failed"), 0.0);
    let told = admin.audit("?event=delivery_given_up");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["actor"], json!({"kind": "gateway"}));
    assert_eq!(
        (&told[0]["now"], &told[0]["email"], &told[0]["request_id"]),
        (&json!("password_reset"), &json!(ada.email), &json!(asked.header("x-request-id")))
    );
    assert!(told[0]["reason"].as_str().unwrap().contains("550"), "{}", told[0]);
    gateway.says("delivery_given_up");
    // Its owner may ask again.
    assert_eq!(gateway.forgets(&ada.email).status, 202);
    eventually("the next one, too", || deliveries(&gateway, "password_reset", "given_up") == 2.0);
}

#[test]
fn a_mail_server_that_is_busy_is_tried_again() {
    let server = Smtp::start_with(Kind::Plain, Behaviour::RefuseContents(451));
    let gateway = by(&server).start();
    let ada = gateway.user();
    assert_eq!(gateway.forgets(&ada.email).status, 202);
    eventually("it is tried again", || deliveries(&gateway, "password_reset", "failed") >= 2.0);
    assert_eq!(gateway.metric("gateway_outbox_waiting"), 1.0);
    assert_eq!(deliveries(&gateway, "password_reset", "given_up"), 0.0);
}

//! A real mail server at the other end, good and bad.

use gateway_mail::Login;
use gateway_notify::NotSent;

use super::*;
use crate::support::authority::Authority;
use crate::support::canary;
use crate::support::smtp::{Behaviour, Kind, PASSWORD, Smtp, USER};

const WAIT: Duration = Duration::from_secs(20);

fn settings(server: &Smtp, kind: Kind) -> SmtpSettings {
    let encrypted = kind != Kind::Plain;
    SmtpSettings {
        sender: sender(),
        host: "localhost".to_owned(),
        port: server.port,
        security: match kind {
            Kind::Plain => Security::None,
            Kind::StartTls => Security::Starttls,
            Kind::Tls => Security::Tls,
        },
        login: encrypted.then(|| Login { username: USER.to_owned(), password: PASSWORD.into() }),
        ca_file: encrypted.then(|| server.ca_file()),
        timeout: Duration::from_secs(20),
    }
}

async fn send(settings: SmtpSettings) -> Result<(), NotSent> {
    notifier(Delivery::Smtp(settings)).unwrap().send(&reset()).await
}

/// Why it is to be tried again; never with anything secret in it, nor anybody's address.
fn later(sent: Result<(), NotSent>) -> String {
    let Err(NotSent::Later(why)) = sent else { panic!("not for later: {sent:?}") };
    discreet(why)
}

fn never(sent: Result<(), NotSent>) -> String {
    let Err(NotSent::Never(why)) = sent else { panic!("not refused for good: {sent:?}") };
    discreet(why)
}

fn discreet(why: String) -> String {
    canary(&why);
    assert!(!why.contains('@') && !why.contains(USER), "{why}");
    assert!(!why.contains(['\r', '\n']) && why.len() < 400, "{why}");
    why
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written_over_each_kind_of_connection() {
    for kind in [Kind::Plain, Kind::StartTls, Kind::Tls] {
        let server = Smtp::start(kind);
        let mail = reset();
        notifier(Delivery::Smtp(settings(&server, kind))).unwrap().send(&mail).await.unwrap();
        let received = server.next_mail(WAIT);
        assert_eq!(received.encrypted, kind != Kind::Plain, "{kind:?}");
        assert_eq!(received.authenticated, kind != Kind::Plain, "{kind:?}");
        assert_eq!(received.to, ["ada@example.org"]);
        assert_eq!(received.envelope_from, "accounts@example.com");
        assert_eq!(received.hello, "example.com");
        assert_eq!(received.from, "Zoë of Example <accounts@example.com>");
        assert_eq!(received.subject, mail.subject());
        assert_eq!(received.text, mail.text());
        assert_eq!(received.html, mail.html());
        assert_eq!(received.token(), TOKEN);
    }
}

#[tokio::test]
async fn a_mail_says_by_its_headers_what_it_is() {
    let server = Smtp::start(Kind::Plain);
    let mail = reset();
    notifier(Delivery::Smtp(settings(&server, Kind::Plain))).unwrap().send(&mail).await.unwrap();
    let received = server.next_mail(WAIT);
    assert_eq!(received.header("Message-ID"), format!("<{}>", mail.message_id()));
    assert_eq!(received.header("Auto-Submitted"), "auto-generated");
    assert_eq!(received.header("Reply-To"), "support@example.com");
    assert_eq!(received.header("To"), "ada@example.org");
    assert!(received.header("Content-Type").starts_with("multipart/alternative"));
    assert_eq!(received.header("MIME-Version"), "1.0");
    let date = jiff::fmt::rfc2822::parse(received.header("Date")).unwrap();
    let age = jiff::Timestamp::now().duration_since(date.timestamp());
    assert!(age.as_secs().abs() < 60, "{date}");
    assert!(received.raw.is_ascii() && received.raw.lines().all(|line| line.len() <= 998));
    // The plain form first: readers show the last one that they understand.
    let place = |form: &str| received.raw.find(form).unwrap();
    assert!(place("text/plain") < place("text/html"));
}

#[tokio::test]
async fn a_name_in_any_script_arrives() {
    let server = Smtp::start(Kind::Plain);
    let out = notifier(Delivery::Smtp(settings(&server, Kind::Plain))).unwrap();
    for name in ["Zoë Ångström", "张伟", "محمد"] {
        let mail = templates(wording()).render(&letters(name)[0], ada()).unwrap();
        out.send(&mail).await.unwrap();
        let received = server.next_mail(WAIT);
        assert!(received.text.contains(&format!("Hello {name},")), "{}", received.text);
        assert!(received.html.contains(&format!("Hello {name},")), "{}", received.html);
        assert!(received.raw.is_ascii());
    }
}

#[tokio::test]
async fn an_address_that_an_account_can_have_can_be_written_to() {
    let server = Smtp::start(Kind::Plain);
    let out = notifier(Delivery::Smtp(settings(&server, Kind::Plain))).unwrap();
    let long = format!("{}@{}.example.org", "a".repeat(64), "b".repeat(63));
    for text in ["o'hara+x@example.org", "!#$%&'*/=?^_`{|}~-@example.org", "a@ab--cd.example.org", &long] {
        let to = Email::parse(text).unwrap();
        let mail = templates(wording()).render(&letters("Ada")[0], to).unwrap();
        out.send(&mail).await.unwrap();
        let received = server.next_mail(WAIT);
        assert_eq!(received.to, [text]);
        assert_eq!(received.header("To"), text);
    }
}

#[tokio::test]
async fn a_line_with_a_dot_alone_does_not_end_the_mail() {
    let source = "Subject: x\n\n{{ token }}\n.\n..\nRSET\nafter it";
    let replacement = gateway_notify::Replacement {
        name: "password_reset.txt",
        place: String::new(),
        source: source.to_owned(),
    };
    let templates =
        Templates::new(wording(), vec![replacement]).unwrap_or_else(|faults| panic!("{faults:?}"));
    let server = Smtp::start(Kind::Plain);
    let mail = templates.render(&letters("Ada")[0], ada()).unwrap();
    notifier(Delivery::Smtp(settings(&server, Kind::Plain))).unwrap().send(&mail).await.unwrap();
    assert_eq!(server.next_mail(WAIT).text, format!("{TOKEN}\n.\n..\nRSET\nafter it\n"));
}

#[tokio::test]
async fn a_server_that_cannot_be_spoken_to_now_is_tried_later() {
    let server = Smtp::start(Kind::Plain);
    let mut nobody = settings(&server, Kind::Plain);
    nobody.port = crate::support::free_port();
    assert!(later(send(nobody).await).contains("connecting"));
    let mut unknown = settings(&server, Kind::Plain);
    unknown.host = "no-such-host.invalid".to_owned();
    assert!(later(send(unknown).await).contains("no-such-host.invalid"));
    let server = Smtp::start_with(Kind::Plain, Behaviour::Drop);
    assert!(later(send(settings(&server, Kind::Plain)).await).contains("connecting"));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_longer_than_allowed() {
    for kind in [Kind::Plain, Kind::StartTls, Kind::Tls] {
        let server = Smtp::start_with(kind, Behaviour::Hang);
        let mut impatient = settings(&server, kind);
        impatient.timeout = Duration::from_secs(1);
        assert!(later(send(impatient).await).contains("no answer within 1 s"), "{kind:?}");
    }
}

#[tokio::test]
async fn only_a_refusal_of_this_recipient_or_of_this_mail_is_for_good() {
    let refused = async |behaviour| {
        let server = Smtp::start_with(Kind::Plain, behaviour);
        send(settings(&server, Kind::Plain)).await
    };
    assert!(never(refused(Behaviour::RefuseRecipient(550)).await).contains("550 5.1.1"));
    assert!(later(refused(Behaviour::RefuseRecipient(450)).await).contains("450 4.1.1"));
    // By which the server tells that it wants a login.
    assert!(later(refused(Behaviour::RefuseRecipient(530)).await).contains("530"));
    let why = never(refused(Behaviour::RefuseContents(554)).await);
    assert!(why.ends_with("handing over the mail: 554 5.7.1"), "{why}");
    assert!(later(refused(Behaviour::RefuseContents(451)).await).contains("451"));
    let why = later(refused(Behaviour::RefuseSender).await);
    assert!(why.contains("550 5.7.1 … may not send; look at mail.from"), "{why}");
}

#[tokio::test]
async fn a_wrong_login_is_for_an_operator_to_mend_and_is_not_repeated_in_the_log() {
    let server = Smtp::start(Kind::StartTls);
    let mut wrong = settings(&server, Kind::StartTls);
    wrong.login = Some(Login { username: USER.to_owned(), password: "CANARY-wrong".into() });
    let why = later(send(wrong).await);
    assert!(why.contains("logging in: 535 5.7.8; look at mail.smtp.username"), "{why}");
    assert!(!server.stop().iter().any(|event| event["event"] == "recipient"));
    // A server that knows no login at all.
    let server = Smtp::start(Kind::Plain);
    let mut needless = settings(&server, Kind::Plain);
    needless.login = Some(Login { username: USER.to_owned(), password: PASSWORD.into() });
    assert!(later(send(needless).await).contains("logging in"));
}

#[tokio::test]
async fn a_server_without_starttls_gets_neither_password_nor_mail() {
    let server = Smtp::start_with(Kind::StartTls, Behaviour::NoStartTls);
    let why = later(send(settings(&server, Kind::StartTls)).await);
    assert!(why.contains("STARTTLS"), "{why}");
    assert_eq!(server.stop(), [serde_json::Value::Null; 0], "something was sent in the clear");
}

#[tokio::test]
async fn what_somebody_in_the_middle_adds_before_tls_is_not_believed() {
    let server = Smtp::start_with(Kind::StartTls, Behaviour::Inject);
    let why = later(send(settings(&server, Kind::StartTls)).await);
    assert!(why.contains("STARTTLS"), "{why}");
    assert!(!server.stop().iter().any(|event| event["event"] == "after_tls"), "it was believed");
}

#[tokio::test]
async fn a_certificate_of_another_name_or_authority_is_refused_before_anything_is_said() {
    for kind in [Kind::StartTls, Kind::Tls] {
        let server = Smtp::start_as(kind, Behaviour::Good, &["mail.other.example"]);
        let why = later(send(settings(&server, kind)).await);
        assert!(why.contains("certificate"), "{why}");
        let stranger = Authority::new();
        let mut other = settings(&server, kind);
        other.ca_file = Some(stranger.file());
        let why = later(send(other).await);
        assert!(why.contains("certificate"), "{why}");
        // Nor is it of one that the system knows.
        let mut system = settings(&server, kind);
        system.ca_file = None;
        if let Ok(out) = notifier(Delivery::Smtp(system)) {
            assert!(later(out.send(&reset()).await).contains("certificate"));
        }
        assert_eq!(server.stop(), [serde_json::Value::Null; 0], "something was sent");
    }
}

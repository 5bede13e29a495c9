//! What is to be done once is done once: mails, and the sealing of the trail.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::on;
use crate::support::eventually;
use crate::support::people::PASSWORD;
use crate::support::postgres::Postgres;
use crate::support::smtp::{Kind, Smtp};
use crate::support::upstream::Upstream;

#[test]
fn a_mail_is_sent_once_however_many_gateways_there_are() {
    let (server, upstream, mails) = (Postgres::shared(), Upstream::start(), Smtp::start(Kind::Plain));
    let url = server.database();
    let quiet = format!("[registration]\nemail_verification = \"off\"\n{}", mails.config());
    let gateways = [(); 3].map(|()| on(&url, &upstream).config(&quiet).start());
    let people: Vec<_> = (0..12).map(|number| gateways[number % 3].user()).collect();
    for (number, ada) in people.iter().enumerate() {
        let body = json!({"email": ada.email});
        let reply = gateways[(number + 1) % 3].client().post("/api/auth/password/forgot").json(&body).send();
        assert_eq!(reply.status, 202);
    }
    let mut got = BTreeMap::<_, usize>::new();
    for _ in &people {
        *got.entry(mails.next_mail(Duration::from_secs(60)).to).or_default() += 1;
    }
    assert!(people.iter().all(|ada| got.get(&vec![ada.email.clone()]) == Some(&1)), "{got:?}");
    let database = url.rsplit('/').next().unwrap();
    eventually("nothing waits", || server.sql(database, "SELECT count(*) FROM gateway.outbox") == "0");
    drop(gateways);
    let further = mails.stop();
    assert!(further.iter().all(|event| event["event"] != "mail"), "no other mail came: {further:?}");
}

#[test]
fn what_all_of_them_record_is_one_chain() {
    let (server, upstream) = (Postgres::shared(), Upstream::start());
    let url = server.database();
    let gateways = [(); 3].map(|()| on(&url, &upstream).start());
    std::thread::scope(|scope| {
        for gateway in &gateways {
            scope.spawn(|| {
                for _ in 0..4 {
                    let ada = gateway.user();
                    gateway.log_in(&ada.email, PASSWORD);
                    assert_eq!(ada.log_out().status, 200);
                }
            });
        }
    });
    let database = url.rsplit('/').next().unwrap();
    eventually("all is sealed, without being asked for", || {
        server.sql(database, "SELECT count(*) FROM gateway.audit_unsealed") == "0"
    });
    let (status, out, errors) = gateways[0].run(&["audit", "verify"]);
    assert_eq!(status, 0, "{out} {errors}");
    let counted = "SELECT count(*), count(DISTINCT seq), max(seq) FROM gateway.audit";
    let counted = server.sql(database, counted);
    let counts: Vec<_> = counted.split('|').collect();
    assert!(counts.iter().all(|count| *count == counts[0]), "no gap and no double: {counted}");
}

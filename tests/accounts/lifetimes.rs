//! How long what is mailed is good for, and a mail is worth sending: by a clock that is moved.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gateway_clock::{Clock, ManualClock, Stopwatch, Timestamp};
use gateway_identity::{Email, Role};
use gateway_mail::{Delivery, Mailbox, OutboxSettings, Sender, notifier};
use gateway_notify::{Templates, Wording};
use gateway_outbox_relay::{OutboxRelay, Unsettled};
use gateway_store::{
    AuditQuery, AuditTrail, Invitation, NewUser, Outbox, OutboxMessage, PasswordChange, Precondition,
    StoreError, StoredHash, TicketKey, Tickets, User, Users, Way,
};
use gateway_store_sled::{SledOptions, SledStore};
use gateway_telemetry::Metrics;

use crate::support::eventually;
use crate::support::outbox::letters_in;
use crate::support::told::*;

const MILLISECOND: Duration = Duration::from_millis(1);

/// A store, and the courier at work in it, in a time of their own.
struct House {
    store: SledStore,
    clock: Arc<ManualClock>,
    called: Arc<tokio::sync::Notify>,
    /// Dropped last, as the fields are dropped in turn.
    _folder: tempfile::TempDir,
}

impl House {
    fn open(mails: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path(), SledOptions::default()).unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)));
        let called = Arc::new(tokio::sync::Notify::new());
        let from = Mailbox::parse("Example <accounts@example.com>").unwrap();
        let settings = OutboxSettings {
            sender: Sender { from, reply_to: None },
            folder: mails.to_owned(),
            files_max: 100,
        };
        let wording = Wording {
            product: "Example".to_owned(),
            domain: "example.com".to_owned(),
            reset_link: None,
            verify_link: None,
            invitation_link: None,
        };
        let relay = Arc::new(OutboxRelay {
            users: Arc::new(store.clone()),
            tickets: Arc::new(store.clone()),
            outbox: Arc::new(store.clone()),
            announce: nobody(),
            templates: Templates::new(wording, Vec::new()).unwrap(),
            notifier: notifier(Delivery::Outbox(settings)).unwrap(),
            event_publisher: None,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            metrics: Metrics::new(gateway_edge::outcomes()).unwrap(),
            called: Arc::clone(&called),
            unsettled: Unsettled::default(),
        });
        tokio::spawn(relay.run());
        Self { store, clock, called, _folder: folder }
    }

    async fn user(&self, address: &str) -> User {
        let new = NewUser {
            email: Email::parse(address).unwrap(),
            password_hash: StoredHash("$argon2id$first".to_owned()),
            first_name: String::new(),
            last_name: String::new(),
            role: Role::User,
            created_at: self.clock.now(),
            email_verified: false,
            ask_to_verify: false,
        };
        self.store.create(new, work()).told().await.unwrap()
    }

    async fn send(&self, errand: OutboxMessage) {
        self.store.enqueue(errand, self.clock.now(), None).told().await.unwrap();
        self.called.notify_one();
    }

    /// The key of the token in the only mail there is.
    fn token(&self, mails: &Path) -> TicketKey {
        tokio::task::block_in_place(|| eventually("it is sent", || self.store.waiting() == 0));
        let letters = letters_in(mails);
        assert_eq!(letters.len(), 1, "{letters:#?}");
        TicketKey::from_token(&letters[0].token())
    }

    /// Good until just before, and at that moment no more.
    async fn is_good_for(&self, key: TicketKey, lifetime: Duration) {
        self.clock.advance(lifetime.checked_sub(MILLISECOND).unwrap());
        assert!(self.store.ticket(key, self.clock.now()).await.unwrap().is_some());
        self.clock.advance(MILLISECOND);
        assert!(self.store.ticket(key, self.clock.now()).await.unwrap().is_none());
        Tickets::sweep(&self.store, self.clock.now().plus(MILLISECOND)).await.unwrap();
        assert!(self.store.ticket(key, Timestamp::default()).await.unwrap().is_none(), "it is forgotten");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_token_is_good_for_30_minutes() {
    let mails = tempfile::tempdir().unwrap();
    let house = House::open(mails.path());
    let ada = house.user("ada@example.org").await;
    house.send(OutboxMessage::PasswordReset { email: ada.email.clone() }).await;
    let key = house.token(mails.path());
    house.is_good_for(key, Duration::from_secs(30 * 60)).await;
}

/// It is looked at when it is used, too: hashing the new password takes its time.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_while_the_new_password_is_hashed_is_refused() {
    let mails = tempfile::tempdir().unwrap();
    let house = House::open(mails.path());
    let ada = house.user("ada@example.org").await;
    house.send(OutboxMessage::PasswordReset { email: ada.email.clone() }).await;
    let key = house.token(mails.path());
    house.clock.advance(Duration::from_secs(30 * 60));
    let now = house.clock.now();
    let change = PasswordChange {
        user: ada.id,
        version: ada.password_version,
        hash: StoredHash("$argon2id$second".to_owned()),
        keep: None,
        from: None,
        proves_email: true,
        revoked_until: now,
    };
    let work = work_at(now).provided(Precondition::Ticket(key));
    let set = house.store.set_password(change, work).told().await;
    assert!(matches!(set, Err(StoreError::TicketGone)), "{set:?}");
    let after = house.store.by_id(ada.id).await.unwrap().unwrap();
    assert_eq!((after.password_hash, after.email_verified), (ada.password_hash, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_token_is_good_for_two_days() {
    let mails = tempfile::tempdir().unwrap();
    let house = House::open(mails.path());
    let ada = house.user("ada@example.org").await;
    house.send(OutboxMessage::EmailVerification { user: ada.id }).await;
    let key = house.token(mails.path());
    house.is_good_for(key, Duration::from_secs(48 * 3_600)).await;
}

/// However late its mail goes out.
#[tokio::test(flavor = "multi_thread")]
async fn an_invitations_token_is_good_as_long_as_the_invitation() {
    let mails = tempfile::tempdir().unwrap();
    let house = House::open(mails.path());
    let (day, now) = (Duration::from_secs(86_400), house.clock.now());
    let invitation = Invitation {
        id: 0,
        email: Email::parse("guest@example.org").unwrap(),
        role: Role::User,
        created_at: now,
        expires_at: now.plus(7 * day),
        invited_by: None,
    };
    house.clock.advance(3 * day);
    house.store.invite(invitation, work()).told().await.unwrap();
    house.called.notify_one();
    let key = house.token(mails.path());
    house.is_good_for(key, 4 * day).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_cannot_go_out_for_a_day_is_given_up_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("mails");
    let house = House::open(&mails);
    // Nothing goes out as long as there is a file in the folder's place.
    std::fs::write(&mails, "").unwrap();
    let ada = house.user("ada@example.org").await;
    house.send(OutboxMessage::PasswordReset { email: ada.email.clone() }).await;
    let far = Timestamp::from_seconds(4_000_000_000);
    let mut tries = 0;
    for advanced in [0, 5, 10, 80_000, 3_600] {
        house.clock.advance(Duration::from_secs(advanced));
        house.called.notify_one();
        tries += 1;
        let waited = Stopwatch::start();
        loop {
            let waiting = house.store.due(far, Way::Mail, 10, &[]).await.unwrap();
            assert_eq!(waiting.len(), 1, "given up after {tries} tries");
            if waiting[0].attempts == tries {
                break;
            }
            assert!(waited.elapsed() < Duration::from_secs(20), "try {tries} was not made: {waiting:?}");
            tokio::task::yield_now().await;
        }
    }
    house.clock.advance(Duration::from_secs(3_600));
    house.called.notify_one();
    tokio::task::block_in_place(|| eventually("it is given up", || house.store.waiting() == 0));
    let query =
        AuditQuery { event: Some("delivery_given_up".to_owned()), limit: 10, ..AuditQuery::default() };
    let told = house.store.find(query).await.unwrap().lines;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("ada@example.org"), "{told:?}");
}

/// Whoever asks for a mail and then for something else at once would feel by the store's work whether
/// there is somebody: so a token is made for nobody, too, and nobody gets it.
#[tokio::test(flavor = "multi_thread")]
async fn the_store_has_the_same_work_where_there_is_nobody_to_write_to() {
    let mails = tempfile::tempdir().unwrap();
    let house = House::open(mails.path());
    let known = house.user("ada@example.org").await.email;
    let nobody = Email::parse("nobody@example.org").unwrap();
    let registration = |email: Email| OutboxMessage::Registration {
        email,
        password_hash: StoredHash("$argon2id$other".to_owned()),
        first_name: String::new(),
        last_name: String::new(),
    };
    for errand in [
        OutboxMessage::PasswordReset { email: known.clone() },
        OutboxMessage::PasswordReset { email: nobody.clone() },
        registration(known),
        registration(nobody),
    ] {
        house.send(errand).await;
        tokio::task::block_in_place(|| eventually("it is done", || house.store.waiting() == 0));
        let far = Timestamp::from_seconds(4_000_000_000);
        assert_eq!(Tickets::sweep(&house.store, far).await.unwrap(), 1, "tokens that were made");
    }
    let kinds: Vec<_> = letters_in(mails.path()).into_iter().map(|letter| letter.kind).collect();
    assert_eq!(kinds, ["password_reset", "already_registered", "email_verification"]);
}

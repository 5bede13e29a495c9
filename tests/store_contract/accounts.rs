//! The laws of what a change of an account takes with it: sessions, tokens, and what is told of it.

use gateway_identity::{Generation, Role, UserId};
use gateway_store::{
    Account, Amendment, Entry, OutboxMessage, PasswordChange, Precondition, Revocation, Session,
    SessionScope, StoreError, StoredHash, Taken, User, UserCounts, Way,
};

use super::{Stores, at, network, new_user, room, session, user_id};
use crate::support::told::*;

store_laws! {
    a_password_is_changed_once_for_each_version_of_it,
    the_session_that_changes_the_password_goes_on_and_all_others_end,
    a_password_without_a_session_ends_everything,
    from_where_a_password_was_chosen_is_familiar_and_nothing_else,
    its_owner_is_told_of_a_password_that_was_chosen_from_somewhere,
    who_is_deleted_is_told_and_so_are_services_behind,
    sessions_that_end_for_good_raise_the_generation,
    all_sessions_but_one_end_by_themselves,
    more_sessions_than_one_transaction_takes_end_all_the_same,
    the_sessions_of_nobody_do_not_end,
    an_account_that_is_deleted_takes_everything_with_it,
    the_last_active_administrator_is_not_deleted,
    what_rests_on_an_account_that_was_changed_does_nothing,
    an_entry_says_what_the_account_became,
    an_amendment_that_changes_nothing_is_not_recorded,
    each_session_that_ends_for_a_new_one_is_recorded,
    accounts_from_elsewhere_come_all_or_none_with_their_ids,
    what_is_taken_is_told_before,
    accounts_are_counted_by_what_they_are,
}

async fn a_password_is_changed_once_for_each_version_of_it(stores: &Stores) {
    let ada = stores.user("ada", Role::User).await;
    let (changed, _) = set(stores, change(&ada, None)).await.unwrap();
    let expected = User { password_version: 1, generation: Generation(1), ..with_hash(ada.clone()) };
    assert_eq!(changed, expected);
    assert_eq!(stores.users.by_id(ada.id).await.unwrap(), Some(expected.clone()));
    assert_eq!(set(stores, change(&ada, None)).await, None, "who looked at the old one is too late");
    let nobody = User { id: user_id(9), ..ada };
    assert_eq!(set(stores, change(&nobody, None)).await, None);
    let proving = PasswordChange { proves_email: true, ..change(&expected, None) };
    assert!(set(stores, proving).await.unwrap().0.email_verified);
}

async fn the_session_that_changes_the_password_goes_on_and_all_others_end(stores: &Stores) {
    let ada = stores.user("ada", Role::User).await;
    let [kept, other] = [opened(stores, ada.id).await, opened(stores, ada.id).await];
    let (changed, revoked) = set(stores, change(&ada, Some(&kept))).await.unwrap();
    let ended = Revocation::Session { id: other.id, until: at(60) };
    assert_eq!((changed.generation, revoked), (ada.generation, vec![ended]));
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), [ended]);
    assert_eq!(stores.sessions.of_user(ada.id, at(0)).await.unwrap(), [kept]);
}

async fn a_password_without_a_session_ends_everything(stores: &Stores) {
    let ada = stores.user("ada", Role::User).await;
    for _ in 0..2 {
        opened(stores, ada.id).await;
    }
    let (_, revoked) = set(stores, change(&ada, None)).await.unwrap();
    let raised = Revocation::Generation { user: ada.id, minimum: Generation(1), until: at(60) };
    assert_eq!(revoked, [raised]);
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), [raised]);
    assert_eq!(stores.sessions.of_user(ada.id, at(0)).await.unwrap(), []);
}

async fn from_where_a_password_was_chosen_is_familiar_and_nothing_else(stores: &Stores) {
    let ada = stores.user("ada", Role::User).await;
    let kept = opened(stores, ada.id).await;
    let strange = Session { address: "203.0.113.9".to_owned(), ..session() };
    stores.sessions.open(strange, room(9), work()).told().await.unwrap();
    let chosen = PasswordChange { from: "198.51.100.1".parse().ok(), ..change(&ada, Some(&kept)) };
    stores.users.set_password(chosen, work_at(at(5))).told().await.unwrap().unwrap();
    let known = stores.sessions.familiar_to(ada.id).await.unwrap();
    let known: Vec<_> = known.iter().map(|one| one.network).collect();
    assert_eq!(known, ["198.51.100.1", "192.0.2.1"].map(network));
}

async fn its_owner_is_told_of_a_password_that_was_chosen_from_somewhere(stores: &Stores) {
    let mut ada = stores.user("ada", Role::User).await;
    for from in [None, "198.51.100.1".parse().ok()] {
        let chosen = PasswordChange { from, ..change(&ada, None) };
        ada = stores.users.set_password(chosen, work_at(at(5))).told().await.unwrap().unwrap();
    }
    let address = "198.51.100.1".to_owned();
    let told = OutboxMessage::PasswordChanged { user: ada.id, at: at(5), address };
    assert_eq!(errands(stores, Way::Mail).await, [told]);
}

async fn who_is_deleted_is_told_and_so_are_services_behind(stores: &Stores) {
    let ada = stores.user("ada", Role::User).await;
    stores.users.delete(ada.id, at(60), work_at(at(5))).told().await.unwrap().unwrap();
    let told = OutboxMessage::AccountDeleted { email: ada.email, name: ada.first_name, at: at(5) };
    assert_eq!(errands(stores, Way::Mail).await, [told]);
    assert_eq!(errands(stores, Way::Webhook).await, [OutboxMessage::UserDeleted { user: ada.id, at: at(5) }]);
}

async fn sessions_that_end_for_good_raise_the_generation(stores: &Stores) {
    let ada = stores.user("ada", Role::User).await;
    opened(stores, ada.id).await;
    for generation in [1, 2] {
        let minimum = Generation(generation);
        let raised = Revocation::Generation { user: ada.id, minimum, until: at(60) };
        assert_eq!(close(stores, ada.id, SessionScope::All).await, Some(vec![raised]));
        assert_eq!(stores.ledger.live(at(0)).await.unwrap(), [raised]);
        assert_eq!(stores.users.by_id(ada.id).await.unwrap().unwrap().generation, minimum);
    }
    assert_eq!(stores.sessions.of_user(ada.id, at(0)).await.unwrap(), []);
}

async fn all_sessions_but_one_end_by_themselves(stores: &Stores) {
    let (ada, bob) = (stores.user("ada", Role::User).await, stores.user("bob", Role::User).await);
    let [kept, other] = [opened(stores, ada.id).await, opened(stores, ada.id).await];
    let elsewhere = opened(stores, bob.id).await;
    let ended = Revocation::Session { id: other.id, until: at(60) };
    assert_eq!(close(stores, ada.id, SessionScope::AllBut(kept.id)).await, Some(vec![ended]));
    assert_eq!(close(stores, ada.id, SessionScope::AllBut(kept.id)).await, Some(vec![]));
    assert_eq!(stores.sessions.of_user(ada.id, at(0)).await.unwrap(), [kept]);
    assert_eq!(stores.sessions.of_user(bob.id, at(0)).await.unwrap(), [elsewhere]);
    assert_eq!(stores.users.by_id(ada.id).await.unwrap().unwrap().generation, ada.generation);
}

async fn more_sessions_than_one_transaction_takes_end_all_the_same(stores: &Stores) {
    let ada = stores.user("ada", Role::User).await;
    let opening: Vec<_> = (0..1_100)
        .map(|_| {
            let sessions = std::sync::Arc::clone(&stores.sessions);
            tokio::spawn(async move { sessions.open(session(), room(2_000), work()).told().await })
        })
        .collect();
    for opened in opening {
        opened.await.unwrap().unwrap();
    }
    let kept = opened(stores, ada.id).await;
    let revoked = close(stores, ada.id, SessionScope::AllBut(kept.id)).await.unwrap();
    assert_eq!(revoked.len(), 1_100);
    assert_eq!(stores.ledger.count(at(0)).await.unwrap(), 1_100);
    assert_eq!(stores.sessions.of_user(ada.id, at(0)).await.unwrap(), [kept]);
}

async fn the_sessions_of_nobody_do_not_end(stores: &Stores) {
    let along = recording(at(0), Entry::new("sessions_ended"));
    let ended = stores.sessions.close_of(user_id(9), SessionScope::All, at(60), along).told().await.unwrap();
    assert!(!ended);
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), []);
    assert_eq!(stores.trail.lines(1, 10).await.unwrap(), Vec::<String>::new());
}

async fn an_account_that_is_deleted_takes_everything_with_it(stores: &Stores) {
    stores.user("root", Role::Admin).await;
    let ada = stores.user("ada", Role::Admin).await;
    let session = opened(stores, ada.id).await;
    let (gone, revoked) = stores.users.delete(ada.id, at(60), work()).revoking().await.unwrap();
    let raised = Revocation::Generation { user: ada.id, minimum: Generation(1), until: at(60) };
    assert_eq!((gone, revoked), (Some(ada.clone()), vec![raised]));
    assert_eq!(stores.ledger.live(at(0)).await.unwrap(), [raised]);
    assert_eq!(stores.users.by_id(ada.id).await.unwrap(), None);
    assert_eq!(stores.users.by_email(&ada.email).await.unwrap(), None);
    assert_eq!(stores.sessions.by_id(session.id).await.unwrap(), None);
    assert!(stores.users.delete(ada.id, at(60), work()).told().await.unwrap().is_none());
    assert_eq!(stores.user("ada", Role::User).await.id, user_id(3), "an id is given once");
    assert_eq!(stores.users.page(0, 10).await.unwrap().total, 2);
}

async fn the_last_active_administrator_is_not_deleted(stores: &Stores) {
    let root = stores.user("root", Role::Admin).await;
    let away = stores.user("away", Role::Admin).await;
    let inactive = Amendment { is_active: Some(false), ..Amendment::default() };
    stores.users.amend(away.id, inactive, at(60), work()).told().await.unwrap();
    opened(stores, root.id).await;
    let refused = stores.users.delete(root.id, at(60), work()).told().await;
    assert!(matches!(refused, Err(StoreError::LastAdministrator)));
    assert_eq!(stores.users.by_id(root.id).await.unwrap(), Some(root.clone()));
    assert_eq!(stores.sessions.of_user(root.id, at(0)).await.unwrap().len(), 1);
    stores.users.delete(away.id, at(60), work()).told().await.unwrap().unwrap();
    assert!(stores.users.has_administrator().await.unwrap());
}

async fn what_rests_on_an_account_that_was_changed_does_nothing(stores: &Stores) {
    let ada = stores.user("ada", Role::User).await;
    let rests = |user: &User| work().provided(Precondition::unchanged(user));
    stores.sessions.open(session(), room(9), rests(&ada)).told().await.unwrap();
    let (changed, _) = set(stores, change(&ada, None)).await.unwrap();
    let inactive = Amendment { is_active: Some(false), ..Amendment::default() };
    let refused = async |along| stores.sessions.open(session(), room(9), along).told().await.unwrap_err();
    assert!(matches!(refused(rests(&ada)).await, StoreError::Outdated), "the password is another");
    stores.users.amend(ada.id, inactive, at(60), work()).told().await.unwrap();
    assert!(matches!(refused(rests(&changed)).await, StoreError::Outdated), "it is not active");
    stores.users.delete(ada.id, at(60), work()).told().await.unwrap();
    assert!(matches!(refused(rests(&changed)).await, StoreError::Outdated), "it is gone");
    assert_eq!(stores.sessions.living(at(0)).await.unwrap(), 0);
}

async fn an_entry_says_what_the_account_became(stores: &Stores) {
    let ada = stores.user("ada", Role::User).await;
    let admin = Amendment { role: Some(Role::Admin), ..Amendment::default() };
    let names = Amendment { first_name: Some("Augusta".to_owned()), ..Amendment::default() };
    let proven = Amendment { email_verified: Some(true), ..Amendment::default() };
    let said = Some("names".to_owned());
    for (event, now, amendment) in
        [("account_changed", None, admin), ("account_changed", said, names), ("email_verified", None, proven)]
    {
        let along = recording(at(0), Entry { detail: now, ..Entry::new(event) });
        stores.users.amend(ada.id, amendment, at(60), along).told().await.unwrap().unwrap();
    }
    assert_eq!(told(stores, "now").await, [Some("admin, active"), Some("names"), None].map(text));
}

async fn an_amendment_that_changes_nothing_is_not_recorded(stores: &Stores) {
    let ada = stores.user("ada", Role::User).await;
    let same = Amendment { role: Some(Role::User), is_active: Some(true), ..Amendment::default() };
    let along = recording(at(0), Entry::new("account_changed"));
    let amended = stores.users.amend(ada.id, same, at(60), along).told().await.unwrap().unwrap();
    assert!(!amended.is_changed);
    assert_eq!(told(stores, "event").await, []);
}

async fn each_session_that_ends_for_a_new_one_is_recorded(stores: &Stores) {
    let ada = stores.user("ada", Role::User).await;
    let ends = [opened(stores, ada.id).await, opened(stores, ada.id).await];
    let along = recording(at(1), Entry::new("login_succeeded"));
    stores.sessions.open(Session { created_at: at(1), ..session() }, room(1), along).told().await.unwrap();
    assert_eq!(
        told(stores, "event").await,
        ["sessions_ended", "sessions_ended", "login_succeeded"].map(|event| text(Some(event)))
    );
    let mut ids = ends.map(|session| Some(session.id.to_string()));
    ids.sort();
    let mut recorded = told(stores, "session").await;
    recorded.truncate(2);
    recorded.sort();
    assert_eq!(recorded, ids);
}

async fn accounts_from_elsewhere_come_all_or_none_with_their_ids(stores: &Stores) {
    stores.user("ada", Role::User).await;
    let [own, fresh] = [account("own", Some(40)), account("fresh", None)];
    for taken in [account("ada", None), account("old", Some(1))] {
        let refused = stores.users.import(vec![fresh.clone(), taken], work()).told().await;
        assert!(matches!(refused, Err(StoreError::Conflict)));
    }
    assert_eq!(stores.users.page(0, 10).await.unwrap().total, 1);
    // The one without an id comes after those that have theirs.
    stores.users.import(vec![fresh.clone(), own.clone()], work()).told().await.unwrap();
    let ids = [&own, &fresh].map(|one| one.email.clone());
    for (id, email) in [40, 41].into_iter().zip(ids) {
        let found = stores.users.by_email(&email).await.unwrap().unwrap();
        assert_eq!((found.id, found.role, found.email_verified), (user_id(id), Role::Admin, true));
    }
    assert_eq!(stores.user("next", Role::User).await.id, user_id(42));
    assert!(stores.users.has_administrator().await.unwrap());
}

async fn what_is_taken_is_told_before(stores: &Stores) {
    stores.user("ada", Role::User).await;
    let asked =
        vec![account("ada", Some(9)), account("bob", Some(1)), account("eve", Some(9)), account("dan", None)];
    let told = [Some(Taken::Email), Some(Taken::Id(1)), None, None];
    assert_eq!(stores.users.taken(asked).await.unwrap(), told);
}

async fn accounts_are_counted_by_what_they_are(stores: &Stores) {
    for name in ["one", "two", "three"] {
        stores.user(name, Role::User).await;
    }
    let admin = stores.user("root", Role::Admin).await;
    stores.user("other", Role::Admin).await;
    let inactive = Amendment { is_active: Some(false), ..Amendment::default() };
    stores.users.amend(admin.id, inactive, at(60), work()).told().await.unwrap();
    let counts = UserCounts { total: 5, active: 4, admins: 2, new: 5 };
    assert_eq!(stores.users.count(at(0), at(0)).await.unwrap(), counts);
    assert_eq!(stores.users.count(at(1), at(9)).await.unwrap(), UserCounts { new: 0, ..counts });
}

fn with_hash(user: User) -> User {
    User { password_hash: StoredHash("second".to_owned()), ..user }
}

fn change(user: &User, keep: Option<&Session>) -> PasswordChange {
    PasswordChange {
        user: user.id,
        version: user.password_version,
        hash: StoredHash("second".to_owned()),
        keep: keep.map(|session| session.id),
        from: None,
        proves_email: false,
        revoked_until: at(60),
    }
}

async fn set(stores: &Stores, change: PasswordChange) -> Option<(User, Vec<Revocation>)> {
    let (set, revoked) = stores.users.set_password(change, work()).revoking().await.unwrap();
    set.map(|user| (user, revoked))
}

async fn close(stores: &Stores, user: UserId, closing: SessionScope) -> Option<Vec<Revocation>> {
    let (is_there, revoked) =
        stores.sessions.close_of(user, closing, at(60), work()).revoking().await.unwrap();
    is_there.then_some(revoked)
}

async fn opened(stores: &Stores, user: UserId) -> Session {
    let session = Session { user, ..session() };
    stores.sessions.open(session.clone(), room(2_000), work()).told().await.unwrap();
    session
}

fn account(name: &str, id: Option<u64>) -> Account {
    let new = new_user(&format!("{name}@example.org"), Role::Admin);
    Account {
        id: id.map(user_id),
        email: new.email,
        password_hash: new.password_hash,
        first_name: new.first_name,
        last_name: new.last_name,
        role: new.role,
        is_active: true,
        created_at: new.created_at,
        email_verified: true,
    }
}

async fn errands(stores: &Stores, way: Way) -> Vec<OutboxMessage> {
    let due = stores.outbox.due(at(60), way, 10, &[]).await.unwrap();
    due.into_iter().map(|queued| queued.errand).collect()
}

fn text(told: Option<&str>) -> Option<String> {
    told.map(str::to_owned)
}

/// One part of each entry of the trail, but of those of [`work`].
async fn told(stores: &Stores, part: &str) -> Vec<Option<String>> {
    let mut lines = stores.trail.lines(1, 100).await.unwrap();
    lines.retain(|line| !line.contains("\"started\""));
    let read = |line: &String| {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        text(entry[part].as_str())
    };
    lines.iter().map(read).collect()
}

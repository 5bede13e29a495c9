//! The laws of the view that is asked on each request.

use std::sync::Arc;

use gateway_identity::{Generation, SessionId, TokenId};
use gateway_store::{Check, Revocation, Revocations, Subject, TokenStatus};
use gateway_store_memory::EmbeddedRevocations;
use gateway_store_memory::OwnFirst;

use super::{Stores, View, at, user_id};
use crate::support::told::*;

laws! {
    embedded = crate::store_contract::View::embedded(),
    own_first = crate::store_contract::View::own_first() => {
        what_nobody_revoked_is_in_force,
        a_published_token_is_revoked_and_no_other,
        a_published_session_ends_all_its_tokens,
        a_raised_generation_ends_the_tokens_below_it_only,
        a_lower_minimum_published_later_brings_nothing_back,
        a_token_without_session_and_generation_is_revoked_by_itself,
        a_view_answers_its_ping,
    }
}

async fn what_nobody_revoked_is_in_force(view: &View) {
    assert_eq!(standing(view, &subject(0)).await, TokenStatus::Active);
}

async fn a_published_token_is_revoked_and_no_other(view: &View) {
    let (one, other) = (subject(0), subject(0));
    publish(view, Revocation::Token { id: one.token, until: at(60) }).await;
    assert_eq!(standing(view, &one).await, TokenStatus::Revoked);
    assert_eq!(standing(view, &other).await, TokenStatus::Active);
}

async fn a_published_session_ends_all_its_tokens(view: &View) {
    let one = subject(0);
    let next = Subject { token: TokenId::random(), ..one };
    publish(view, Revocation::Session { id: one.session, until: at(60) }).await;
    assert_eq!(standing(view, &one).await, TokenStatus::Revoked);
    assert_eq!(standing(view, &next).await, TokenStatus::Revoked);
    assert_eq!(standing(view, &subject(0)).await, TokenStatus::Active);
}

async fn a_raised_generation_ends_the_tokens_below_it_only(view: &View) {
    publish(view, raised(1, 2)).await;
    assert_eq!(standing(view, &subject(1)).await, TokenStatus::Revoked);
    assert_eq!(standing(view, &subject(2)).await, TokenStatus::Active);
    let somebody_else = Subject { user: user_id(2), ..subject(1) };
    assert_eq!(standing(view, &somebody_else).await, TokenStatus::Active);
}

async fn a_lower_minimum_published_later_brings_nothing_back(view: &View) {
    publish(view, raised(1, 5)).await;
    publish(view, raised(1, 3)).await;
    assert_eq!(standing(view, &subject(4)).await, TokenStatus::Revoked);
}

async fn a_token_without_session_and_generation_is_revoked_by_itself(view: &View) {
    let (one, other) = (TokenId::derived([1; 16]), TokenId::derived([2; 16]));
    publish(view, Revocation::Token { id: one, until: at(60) }).await;
    assert_eq!(view.0.check_token(one).answer().await.unwrap(), TokenStatus::Revoked);
    assert_eq!(view.0.check_token(other).answer().await.unwrap(), TokenStatus::Active);
}

async fn a_view_answers_its_ping(view: &View) {
    view.0.ping().await.unwrap();
}

#[tokio::test]
async fn the_embedded_view_answers_without_waiting() {
    let view = EmbeddedRevocations::default();
    assert!(matches!(view.check(&subject(0)), Check::Ready(Ok(TokenStatus::Active))));
}

#[tokio::test]
async fn what_either_of_two_views_holds_is_revoked_and_the_own_one_answers_without_waiting() {
    let (own, shared) = (Arc::new(EmbeddedRevocations::default()), Arc::new(EmbeddedRevocations::default()));
    let both = OwnFirst::new(Arc::clone(&own) as _, Arc::clone(&shared) as _);
    let (here, there, both_know) = (subject(0), subject(0), subject(0));
    let token = |subject: &Subject| Revocation::Token { id: subject.token, until: at(60) };
    own.publish(&[token(&here)]).await.unwrap();
    shared.publish(&[token(&there)]).await.unwrap();
    both.publish(&[token(&both_know)]).await.unwrap();
    for revoked in [&here, &there, &both_know] {
        assert!(matches!(both.check(revoked), Check::Ready(Ok(TokenStatus::Revoked))));
        assert!(matches!(both.check_token(revoked.token), Check::Ready(Ok(TokenStatus::Revoked))));
    }
    assert_eq!((own.sizes().tokens, shared.sizes().tokens), (2, 2));
}

#[tokio::test]
async fn the_embedded_view_starts_with_what_the_ledger_holds() {
    let stores = Stores::sled().await;
    let (token, session) = (subject(9), subject(9));
    let revoked = [
        Revocation::Token { id: token.token, until: at(60) },
        Revocation::Session { id: session.session, until: at(60) },
        raised(3, 7),
        Revocation::Token { id: TokenId::random(), until: at(10) },
    ];
    stores.ledger.record(&revoked, work()).told().await.unwrap();
    let view = EmbeddedRevocations::load(&*stores.ledger, at(11)).await.unwrap();
    let sizes = view.sizes();
    assert_eq!((sizes.tokens, sizes.sessions, sizes.users), (1, 1, 1));
    for gone in [token, session, Subject { user: user_id(3), ..subject(6) }] {
        assert!(matches!(view.check(&gone), Check::Ready(Ok(TokenStatus::Revoked))));
    }
}

#[tokio::test]
async fn a_sweep_of_the_embedded_view_forgets_what_expired_and_nothing_else() {
    let view = EmbeddedRevocations::default();
    let lasting: Vec<_> = (0..1_000).map(|_| subject(0)).collect();
    for (place, subject) in lasting.iter().enumerate() {
        let until = at(60 + place as u64);
        let short = Revocation::Token { id: TokenId::random(), until: at(59) };
        view.publish(&[short, Revocation::Token { id: subject.token, until }]).await.unwrap();
    }
    assert_eq!(view.sweep(at(59)), 0);
    assert_eq!(view.sweep(at(60)), 1_000);
    assert_eq!(view.sizes().tokens, 1_000);
    for subject in &lasting {
        assert!(matches!(view.check(subject), Check::Ready(Ok(TokenStatus::Revoked))));
    }
}

fn subject(generation: u64) -> Subject {
    Subject {
        token: TokenId::random(),
        session: SessionId::random(),
        user: user_id(1),
        generation: Generation(generation),
    }
}

fn raised(user: u64, minimum: u64) -> Revocation {
    let (user, minimum) = (user_id(user), Generation(minimum));
    Revocation::Generation { user, minimum, until: at(60) }
}

async fn publish(view: &View, revocation: Revocation) {
    view.0.publish(&[revocation]).await.unwrap();
}

async fn standing(view: &View, subject: &Subject) -> TokenStatus {
    view.0.check(subject).answer().await.unwrap()
}

//! What a batch of questions means: the keys to read, and what is found there for each.

use redis::{Cmd, Value};

use super::epoch::Epoch;
use super::keys::{EPOCH, Key};
use super::link::Link;
use gateway_identity::{Generation, TokenId};
use gateway_store::{Subject, TokenStatus, Unreachable};

/// What a request asks of Redis. To ask is to read; a question that also writes, as a limit would that
/// gateways share, is another kind of batch beside `MGET`, since it must not go out once for two.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ask {
    /// All that a token of ours could be revoked by.
    Subject(Subject),
    /// One token alone.
    Token(TokenId),
}

/// Why there is no answer.
#[derive(Clone)]
pub(super) enum Failure {
    Unreachable(Unreachable),
    /// The time-out.
    Late,
}

/// What is answered to one question.
pub(super) type Heard = Result<TokenStatus, Failure>;

/// Answers each question, in their order, by one command with the epoch in it.
pub(super) async fn look_up(link: &Link, asks: &[Ask]) -> Result<Vec<Heard>, Unreachable> {
    let mut connection = link.connection().await?;
    // Before the question: what is acknowledged while it is under way need not be answered.
    let floor = link.view.revision();
    let mut command = redis::cmd("MGET");
    command.arg(EPOCH);
    asks.iter().for_each(|ask| ask.name(&mut command));
    let answer: Value = command.query_async(&mut connection).await.map_err(|error| link.explain(&error))?;
    let Value::Array(values) = answer else { return Err(odd()) };
    // Each must find its own.
    if values.len() != 1 + asks.iter().map(|ask| ask.keys()).sum::<usize>() {
        return Err(odd());
    }
    let mut values = Values(values.iter());
    let unrevoked = match Epoch::judge(values.next()?, link.view.store(), floor) {
        Epoch::Intact(revision) => {
            link.view.acknowledge(revision);
            Ok(TokenStatus::Active)
        }
        lost => Err(Failure::Unreachable(Unreachable(lost.complaint().to_owned()))),
    };
    asks.iter().map(|ask| Ok(ask.judge(&mut values)?.map_or_else(|| unrevoked.clone(), Ok))).collect()
}

impl Ask {
    /// How many keys it names.
    fn keys(&self) -> usize {
        match self {
            Self::Subject(_) => 3,
            Self::Token(_) => 1,
        }
    }

    fn name(&self, command: &mut Cmd) {
        match self {
            Self::Subject(subject) => command
                .arg(Key::token(subject.token).as_bytes())
                .arg(Key::session(subject.session).as_bytes())
                .arg(Key::generation(subject.user).as_bytes()),
            Self::Token(token) => command.arg(Key::token(*token).as_bytes()),
        };
    }

    /// Whether it is revoked, whatever the epoch says; `None` if nothing says so.
    fn judge(&self, values: &mut Values<'_>) -> Result<Option<TokenStatus>, Unreachable> {
        let is_revoked = match self {
            Self::Subject(subject) => {
                let (token, session) = (values.next()?, values.next()?);
                let generation = values.next()?;
                token.is_some() || session.is_some() || is_above(generation, subject.generation)
            }
            Self::Token(_) => values.next()?.is_some(),
        };
        Ok(is_revoked.then_some(TokenStatus::Revoked))
    }
}

/// Whether a minimum is above the generation that is held. What is there and no number is: somebody wrote
/// it with a purpose.
fn is_above(minimum: Option<&[u8]>, held: Generation) -> bool {
    let Some(minimum) = minimum else { return false };
    let minimum = std::str::from_utf8(minimum).ok().and_then(|text| text.parse().ok());
    minimum.is_none_or(|minimum: u64| minimum > held.0)
}

/// What `MGET` found, key by key.
struct Values<'a>(std::slice::Iter<'a, Value>);

impl<'a> Values<'a> {
    fn next(&mut self) -> Result<Option<&'a [u8]>, Unreachable> {
        match self.0.next() {
            Some(Value::Nil) => Ok(None),
            Some(Value::BulkString(value)) => Ok(Some(value)),
            _ => Err(odd()),
        }
    }
}

fn odd() -> Unreachable {
    Unreachable("what Redis answers to MGET is not a value for each key: is it Redis?".to_owned())
}

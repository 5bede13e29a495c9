//! The public keys as others fetch them (RFC 7517 §5).

use serde_json::{Value, json};

use super::{KeyRing, KeyState};
use gateway_clock::Timestamp;

/// The keys of these rings that verify now or will sign next. A secret of HS256 has no public part,
/// and is never among them.
pub fn jwks<'a>(rings: impl IntoIterator<Item = &'a KeyRing>, now: Timestamp) -> Value {
    let mut keys = Vec::new();
    for ring in rings {
        let alive = ring.states(now).filter(|(_, state)| *state != KeyState::Over);
        keys.extend(alive.map(|(key, _)| key.dated.key.public().jwk(&key.dated.kid)));
    }
    json!({ "keys": keys })
}

//! The port for the public keys of another issuer, and the one source that asks nobody. Whoever verifies asks what is known now, which
//! never waits; how the keys come there is an adapter's matter.

use std::sync::Arc;

use async_trait::async_trait;

use super::KeySet;

/// Whether the issuer answered when it was last asked for its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It did, just now or a moment ago: a key that is not among them is not one of its keys.
    Answered,
    /// It did not, or not in time: nothing can be said of a key that is not known.
    Silent,
}

/// The keys of one issuer.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// What is known now; an empty set where the issuer answered with none that could be used. `None`
    /// if it never answered, or so long ago that its answer is too old to be trusted.
    fn keys(&self) -> Option<Arc<KeySet>>;

    /// Has the keys fetched again, unless that was tried a moment ago, and waits for it for a short
    /// while. However many call it at once, the issuer is asked once.
    async fn refresh(&self) -> Asked;

    /// What was wrong when the issuer was last asked, for who wants to know.
    fn complaint(&self) -> Option<String>;
}

/// Keys that the operator has in a file: nobody is asked for others.
pub struct GivenKeys(Arc<KeySet>);

impl GivenKeys {
    pub fn new(keys: KeySet) -> Self {
        Self(Arc::new(keys))
    }
}

#[async_trait]
impl KeySource for GivenKeys {
    fn keys(&self) -> Option<Arc<KeySet>> {
        Some(Arc::clone(&self.0))
    }

    async fn refresh(&self) -> Asked {
        Asked::Answered
    }

    fn complaint(&self) -> Option<String> {
        None
    }
}

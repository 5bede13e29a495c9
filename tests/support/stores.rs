//! Both places where revocations are looked up: a chapter that holds in one must hold in the other.

use super::gateway::Setup;
use super::redis::Redis;

/// Runs each of these specifications twice: on the embedded default, and on a real Redis.
macro_rules! on_both_stores {
    ($($specification:ident),+ $(,)?) => {
        mod on_the_embedded_default {
            $(#[test]
            fn $specification() {
                super::$specification($crate::support::stores::embedded());
            })+
        }

        mod on_a_real_redis {
            $(#[test]
            fn $specification() {
                let redis = $crate::support::redis::Redis::start();
                super::$specification($crate::support::stores::redis(&redis));
            })+
        }
    };
}
pub(crate) use on_both_stores;

pub fn embedded() -> Setup {
    patient()
}

pub fn redis(redis: &Redis) -> Setup {
    patient().redis(&redis.url())
}

/// Without routes, and with waits that a slow machine does not reach: what happens when they are
/// reached stands in other chapters.
pub fn patient() -> Setup {
    Setup::new("").env("GATEWAY__REFRESH__GRACE_SECONDS", "60")
}

/// The folder's database without our rules.
pub fn plain_sled(folder: &std::path::Path) -> sled::Db {
    loop {
        // A background thread of sled may hold the lock of a store just closed for a moment.
        match sled::open(folder) {
            Ok(db) => return db,
            Err(error) if error.to_string().contains("lock") => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

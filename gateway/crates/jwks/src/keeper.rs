//! The task that looks after the keys of one issuer. As it is one task, an issuer is asked once at
//! a time, and what caused the question does not matter.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::RemoteKeys;
use super::fetch::{Failed, Fetched, fetch};
use super::figures::FetchResult;
use gateway_clock::{Backoff, Stopwatch};
use gateway_token::{KeySet, KeySource as _};

/// An issuer that says that its keys change all the time is not asked more often than this.
const REFRESH_MIN: Duration = Duration::from_secs(60);

/// Of so many keys that are not used it is said why, where none is.
const LEFT_OUT_MAX: usize = 4;

/// The first and the longest wait before an issuer that did not answer, or had no key, is asked again.
const PAUSE: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60) };

/// Runs until nobody needs the keys any more.
pub(super) fn start(keys: &Weak<RemoteKeys>) {
    let Some(wake) = keys.upgrade().map(|keys| Arc::clone(&keys.wake)) else { return };
    let keys = Weak::clone(keys);
    tokio::spawn(async move {
        let mut record = Record::default();
        loop {
            let Some(strong) = keys.upgrade() else { return };
            let began = Stopwatch::start();
            let pause = attend(&strong, &mut record, began).await;
            let refetch = strong.settings.refetch;
            // What sleeps must not keep alive what it serves.
            drop(strong);
            tokio::select! {
                // Now and then it is asked anew where its keys are.
                () = sleep(pause) => record.url = None,
                () = woken(&wake, &keys, began, refetch) => {}
            }
        }
    });
}

/// What is remembered from one fetch to the next.
#[derive(Default)]
struct Record {
    /// Where the keys were.
    url: Option<String>,
    failures: u32,
    complaint: Option<String>,
}

/// One fetch; answers how long to wait until the next.
async fn attend(keys: &RemoteKeys, record: &mut Record, began: Stopwatch) -> Duration {
    keys.attempts.send_modify(|attempts| {
        attempts.running = true;
        attempts.began = Some(began);
    });
    let fetched = fetch(&keys.client, &keys.settings, &mut record.url).await;
    let answered = fetched.is_ok();
    let pause = match fetched {
        Ok(fetched) if fetched.keys.is_empty() => {
            // Withdrawn, or a mistake: closed in either case, and asked again soon.
            let why = format!("{}: {}", record.url.take().unwrap_or_default(), no_key(&fetched.keys));
            keys.learn(fetched.keys);
            complain(keys, record, Failed { result: FetchResult::Unusable, why })
        }
        Ok(fetched) => take(keys, record, fetched),
        Err(failed) => complain(keys, record, failed),
    };
    // Last: whoever waits for it looks at the keys then.
    keys.attempts.send_modify(|attempts| {
        attempts.running = false;
        attempts.ended += 1;
        attempts.answered = answered;
    });
    pause
}

fn take(keys: &RemoteKeys, record: &mut Record, fetched: Fetched) -> Duration {
    keys.figures.count(FetchResult::Ok);
    let issuer = keys.settings.name.as_str();
    let before = keys.known.load();
    let same = before.as_ref().is_some_and(|known| known.keys.looks_like(&fetched.keys));
    if !same || record.complaint.is_some() {
        info!(issuer, keys = fetched.keys.len(), "the keys of an issuer were fetched");
    }
    if !same {
        for one in fetched.keys.left_out() {
            info!(issuer, fault = %one, "a key that an issuer publishes is not used");
        }
    }
    drop(before);
    keys.learn(fetched.keys);
    *keys.complaint.lock() = None;
    *record = Record { url: record.url.take(), ..Record::default() };
    let refresh = keys.settings.refresh;
    fetched.max_age.unwrap_or(refresh).clamp(REFRESH_MIN.min(refresh), refresh)
}

/// What is wrong with a set of keys that is one, and none of whose keys is of any use.
fn no_key(keys: &KeySet) -> String {
    let left_out = keys.left_out();
    if left_out.is_empty() {
        return "there is no key in it".to_owned();
    }
    let told: Vec<_> = left_out.iter().take(LEFT_OUT_MAX).map(ToString::to_string).collect();
    format!("none of the {} keys in it can be used: {}", left_out.len(), told.join("; "))
}

fn complain(keys: &RemoteKeys, record: &mut Record, failed: Failed) -> Duration {
    keys.figures.count(failed.result);
    let issuer = keys.settings.name.as_str();
    let reason = failed.why;
    // A complaint is said once, and not each time.
    if record.complaint.as_ref() == Some(&reason) {
        debug!(issuer, reason, "still no keys");
    } else {
        match keys.keys() {
            None => {
                warn!(issuer, reason, "the keys of an issuer cannot be fetched: its tokens are answered 503")
            }
            Some(known) if known.is_empty() => {
                warn!(issuer, reason, "an issuer has no key that can be used: its tokens are answered 503");
            }
            Some(_) => {
                warn!(
                    issuer,
                    reason, "the keys of an issuer cannot be fetched; those that are known stay in use"
                );
            }
        }
    }
    *keys.complaint.lock() = Some(reason.clone());
    record.complaint = Some(reason);
    let pause = PAUSE.spread_after(record.failures);
    record.failures = record.failures.saturating_add(1);
    pause
}

/// Waits until somebody met an unknown key and enough time has gone by, or nobody is left.
async fn woken(wake: &tokio::sync::Notify, keys: &Weak<RemoteKeys>, began: Stopwatch, refetch: Duration) {
    loop {
        wake.notified().await;
        // A late call, by somebody who did not see that the fetch had begun, causes none of its own.
        if keys.strong_count() == 0 || began.elapsed() >= refetch {
            return;
        }
    }
}

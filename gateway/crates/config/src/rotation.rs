//! Rotation: a new key beside the others, which nobody uses before the gateway reads the folder
//! again; and the end of keys that nothing in use was signed with.

use std::path::PathBuf;
use std::time::Duration;

use super::check::Checked;
use super::kept_secret;
use super::key_folder::{KeyFolder, KeyUse, Locked};
use super::secret_source::Given;
use gateway_clock::Timestamp;
use gateway_token::{Algorithm, KeyRing, KeyState};

/// What a rotation did, one thing after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// A key that will sign from this moment on.
    Made { usage: KeyUse, path: PathBuf, begins_at: Timestamp },
    /// Nothing, since the key that the last rotation made does not sign yet.
    Waiting { usage: KeyUse, kid: String, begins_at: Timestamp },
    /// A secret in the data folder; the former one verifies until this moment.
    Replaced { usage: KeyUse, path: PathBuf, former_until: Timestamp },
    /// Nothing, since the last rotation replaced the secret, and this is too soon after it.
    Recent { usage: KeyUse, replaced_at: Timestamp, until: Timestamp },
    /// Nothing, since the secret comes from this variable.
    Given { usage: KeyUse, variable: &'static str },
    /// What everything has ended of that it signed.
    Removed { path: PathBuf },
}

/// Rotates the keys for these uses. Only a configuration that is right as a whole is rotated: the
/// gateway would not take anything over from another one.
pub fn rotate(
    checked: &Checked,
    given: Given,
    uses: &[KeyUse],
    at_once: bool,
    now: Timestamp,
) -> Result<Vec<Rotated>, String> {
    let (settings, reloadable) = (&checked.written, &checked.reloadable);
    let folder = KeyFolder::from_settings(settings);
    let locked = folder.lock()?;
    let delay = if at_once { 0 } else { settings.tokens.publish_delay_seconds };
    let delay = Duration::from_secs(delay);
    let mut done = Vec::new();
    for usage in KeyUse::ALL.into_iter().filter(|usage| uses.contains(usage)) {
        let (ring, algorithm) = match usage {
            KeyUse::Access => (&reloadable.tokens.access_keys, settings.tokens.algorithm),
            KeyUse::Refresh => (&reloadable.tokens.refresh_keys, settings.tokens.algorithm),
            KeyUse::Assertion => (&reloadable.assertions.keys, settings.tokens.assertion_algorithm),
        };
        if algorithm == Algorithm::Hs256 {
            done.push(replace_secret(checked, &locked, given, usage, delay, now)?);
        } else {
            done.push(make_key(&locked, ring, usage, algorithm, now.plus(delay), at_once, now)?);
        }
        remove_what_is_over(&folder, &locked, ring, usage, now, &mut done)?;
    }
    Ok(done)
}

fn make_key(
    locked: &Locked<'_>,
    ring: &KeyRing,
    usage: KeyUse,
    algorithm: Algorithm,
    begins_at: Timestamp,
    at_once: bool,
    now: Timestamp,
) -> Result<Rotated, String> {
    let mut next = ring.states(now).filter(|(_, state)| *state == KeyState::Next);
    if let (Some((key, _)), false) = (next.next(), at_once) {
        let (kid, begins_at) = (key.dated.kid.clone(), key.dated.begins_at);
        return Ok(Rotated::Waiting { usage, kid, begins_at });
    }
    let made = locked.make(usage, algorithm, begins_at)?;
    Ok(Rotated::Made { usage, path: made.path, begins_at: made.dated.begins_at })
}

fn replace_secret(
    checked: &Checked,
    locked: &Locked<'_>,
    given: Given,
    usage: KeyUse,
    delay: Duration,
    now: Timestamp,
) -> Result<Rotated, String> {
    let tokens = &checked.written.tokens;
    let (variable, is_given, name, lifetime) = match usage {
        KeyUse::Refresh => {
            ("JWT_REFRESH_SECRET_KEY", given.refresh, kept_secret::REFRESH, tokens.refresh_lifetime_seconds)
        }
        _ => ("JWT_SECRET_KEY", given.access, kept_secret::ACCESS, tokens.access_lifetime_seconds),
    };
    if is_given {
        return Ok(Rotated::Given { usage, variable });
    }
    let folder = &checked.written.store.path;
    let path = folder.join(name);
    if !path.exists() {
        return Err(format!("{}: there is no such secret yet; the first start makes it", path.display()));
    }
    // A command that is repeated replaces nothing that was hardly in use. Whether it was taken over
    // stands in no file, so that the time decides.
    let last = kept_secret::replaced(folder, name)?.pop();
    if let Some(last) = last.filter(|last| !delay.is_zero() && last.at.plus(delay) > now) {
        return Ok(Rotated::Recent { usage, replaced_at: last.at, until: last.at.plus(delay) });
    }
    locked.remove_drafts(folder);
    kept_secret::replace(folder, name, now)?;
    let lifetime = Duration::from_secs(lifetime);
    for former in kept_secret::replaced(folder, name)? {
        if former.at.plus(lifetime).plus(Duration::from_secs(60)) < now {
            locked.remove(&former.path)?;
        }
    }
    Ok(Rotated::Replaced { usage, path, former_until: now.plus(lifetime) })
}

fn remove_what_is_over(
    folder: &KeyFolder,
    locked: &Locked<'_>,
    ring: &KeyRing,
    usage: KeyUse,
    now: Timestamp,
    done: &mut Vec<Rotated>,
) -> Result<(), String> {
    let over =
        |kid: &str| ring.states(now).any(|(key, state)| state == KeyState::Over && key.dated.kid == kid);
    let found = folder.read(usage, &mut Vec::new()).map_err(|faults| faults.join("; "))?;
    for found in found.into_iter().filter(|found| over(&found.dated.kid)) {
        locked.remove(&found.path)?;
        done.push(Rotated::Removed { path: found.path });
    }
    Ok(())
}

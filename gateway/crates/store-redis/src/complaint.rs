//! What a driver's error means, in words that say what to do. A password is never among them.

use redis::{ErrorKind, RedisError};
use secrecy::{ExposeSecret, SecretString};

use gateway_store::Unreachable;

pub(super) fn explain(error: &RedisError, password: Option<&SecretString>) -> Unreachable {
    if let Some(advice) = advice(error) {
        return Unreachable(advice.to_owned());
    }
    // A server that does not know `AUTH` repeats its arguments.
    let mut text = error.to_string();
    if let Some(password) = password.map(ExposeSecret::expose_secret)
        && !password.is_empty()
    {
        text = text.replace(password, "…");
    }
    Unreachable(text)
}

/// `OOM`, `NOPERM` and the like. What a command in a script met, version 6.2 wraps in words of its own.
pub(super) fn code(error: &RedisError) -> Option<&str> {
    let code = error.code()?;
    let inner = || error.detail()?.rsplit_once(": -")?.1.split(' ').next();
    if code == "ERR" { inner().or(Some(code)) } else { Some(code) }
}

fn advice(error: &RedisError) -> Option<&'static str> {
    if error.is_connection_refusal() {
        return Some("nothing listens at the address of Redis: is it running?");
    }
    if error.kind() == ErrorKind::AuthenticationFailed {
        return Some("Redis refuses the user or the password of its URL: correct them");
    }
    // `SELECT` without a log-in loses the code on its way through the driver.
    if error.detail().is_some_and(|detail| detail.starts_with("Authentication required")) {
        return Some(NOAUTH);
    }
    Some(match code(error)? {
        "NOAUTH" => NOAUTH,
        "WRONGPASS" => "Redis refuses the user or the password of its URL: correct them",
        "NOPERM" => {
            "the user in the Redis URL may not do this: allow it mget, get, getex, set, del, \
             pttl, pexpire, eval, scan, ping and info on revoked:* and blacklist:*"
        }
        "LOADING" => "Redis is still loading its data: wait until it has",
        "READONLY" => "this Redis is a read-only replica: the URL must lead to the primary",
        "OOM" => "Redis is out of memory: raise its maxmemory, and keep maxmemory-policy noeviction",
        "MISCONF" => "Redis refuses writes since it cannot save to disk: see its log",
        "MASTERDOWN" | "CLUSTERDOWN" => "the Redis server has lost its primary",
        "MOVED" | "ASK" | "CROSSSLOT" => "a Redis Cluster is not supported: use a single primary",
        _ => return None,
    })
}

const NOAUTH: &str = "Redis asks for a password: put it into the URL, as in redis://:password@host:6379";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_the_server_repeats_is_blotted_out() {
        let repeated = redis::make_extension_error(
            "ERR".to_owned(),
            Some("unknown command 'AUTH', with args beginning with: 'hunter2'".to_owned()),
        );
        let Unreachable(text) = explain(&repeated, Some(&SecretString::from("hunter2")));
        assert!(text.contains("unknown command") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn known_answers_say_what_to_do() {
        for (code, advice) in [
            ("NOAUTH", "put it into the URL"),
            ("WRONGPASS", "correct them"),
            ("LOADING", "wait"),
            ("READONLY", "primary"),
            ("OOM", "maxmemory"),
        ] {
            let Unreachable(text) = explain(&redis::make_extension_error(code.to_owned(), None), None);
            assert!(text.contains(advice), "{code}: {text}");
        }
    }

    #[test]
    fn what_a_script_met_is_found_in_the_words_of_the_script() {
        let error =
            |code: &str, detail: &str| redis::make_extension_error(code.to_owned(), Some(detail.to_owned()));
        let wrapped = "Error running script (call to f_1a2b): @user_script:1: @user_script: 1: \
                       -OOM command not allowed when used memory > 'maxmemory'.";
        assert_eq!(code(&error("ERR", wrapped)), Some("OOM"));
        assert_eq!(code(&error("ERR", "unknown command 'CONFIG'")), Some("ERR"));
        assert_eq!(code(&error("OOM", "command not allowed: -X")), Some("OOM"));
    }
}

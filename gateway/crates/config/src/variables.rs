//! Variables of the environment that look like ours, and that nothing reads: whoever set one believes
//! that it does something.

use std::ffi::OsString;

use super::shape::settings;
use super::suggest::nearest;

/// Those with one underscore. Of the first four, `NAME_FILE` is read as well.
const KNOWN: [&str; 6] = [
    "GATEWAY_ADMIN_EMAIL",
    "GATEWAY_ADMIN_PASSWORD",
    "GATEWAY_SMTP_PASSWORD",
    "GATEWAY_WEBHOOK_SECRET",
    "GATEWAY_PROVE_TOKEN",
    "GATEWAY_HANDOVER",
];

/// Names of secrets that other programs have, too; each is also read as `NAME_FILE`.
const SECRETS: [&str; 2] = ["JWT_SECRET_KEY", "JWT_REFRESH_SECRET_KEY"];

/// From here on, of 1, two names are so alike that one was meant.
const ALIKE: f64 = 0.92;

/// What to say of each of them; never what it is set to.
pub(super) fn unread(environment: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
    let mut names: Vec<_> = environment.filter_map(|(name, _)| name.into_string().ok()).collect();
    names.sort();
    let ours = |name: &&String| name.starts_with("GATEWAY_") && !name.starts_with("GATEWAY__");
    let ours = names.iter().filter(ours).filter(|name| !is_known(name));
    ours.filter_map(|name| complaint(name)).chain(instead_of_secrets(&names)).collect()
}

/// `JWT_SECRET` and the like, which may be somebody else's: only where the secret that it could stand for
/// is not given, so that a random one is made.
fn instead_of_secrets(names: &[String]) -> Vec<String> {
    let is_of =
        |name: &str, secret: &str| name.strip_prefix(secret).is_some_and(|end| ["", "_FILE"].contains(&end));
    let missing = SECRETS.into_iter().filter(|secret| !names.iter().any(|name| is_of(name, secret)));
    let missing: Vec<_> = missing.collect();
    let others = names.iter().filter(|name| name.starts_with("JWT_"));
    let others = others.filter(|name| {
        SECRETS.iter().all(|secret| !is_of(name, secret) && !name.starts_with(&format!("{secret}_PREVIOUS")))
    });
    let meant = |name: &String| {
        let near = nearest(name, missing.iter().copied())?;
        let alike = strsim::jaro_winkler(name, near) > ALIKE;
        alike.then(|| format!("{name} is not read, and {near} is not set; did you mean {near}?"))
    };
    others.filter_map(meant).collect()
}

fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || name.strip_suffix("_FILE").is_some_and(|name| KNOWN[..4].contains(&name))
}

fn complaint(name: &str) -> Option<String> {
    let rest = name.strip_prefix("GATEWAY_")?;
    let variable = |setting: &String| format!("GATEWAY__{}", setting.replace('.', "__").to_uppercase());
    let all = settings();
    if let Some(meant) = all.iter().find(|setting| setting.replace('.', "_").eq_ignore_ascii_case(rest)) {
        return Some(format!(
            "{name} is not read: two underscores part a setting from its section; did you mean {}?",
            variable(meant)
        ));
    }
    if is_of_a_service(rest) {
        return None;
    }
    let variables: Vec<_> = all.iter().map(variable).collect();
    let known = KNOWN[..4].iter().copied().chain(variables.iter().map(String::as_str));
    // GATEWAY_VERSION and the like are somebody's own, and mean nothing to us.
    let near = nearest(name, known).filter(|near| strsim::jaro_winkler(name, near) > ALIKE)?;
    Some(format!("{name} is not read; did you mean {near}?"))
}

/// What Kubernetes and Docker tell about a service that is called `gateway…`.
fn is_of_a_service(rest: &str) -> bool {
    let parts: Vec<_> = rest.split('_').collect();
    let ends = |ending: &[&str]| parts.ends_with(ending);
    let pair = |first: &str, second: &str| parts.windows(2).any(|pair| pair == [first, second]);
    ends(&["SERVICE", "HOST"])
        || pair("SERVICE", "PORT")
        || ends(&["PORT"])
        || parts.contains(&"TCP")
        || parts.contains(&"UDP")
        || ends(&["NAME"])
        || parts.contains(&"ENV")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_somebody_meant_for_us_is_spoken_of() {
        let said =
            |name: &str| unread([(name.into(), "CANARY".into())].into_iter()).pop().unwrap_or_default();
        for (name, meant) in [
            ("GATEWAY_SERVER_LISTEN", "did you mean GATEWAY__SERVER__LISTEN?"),
            ("GATEWAY_MAIL_SMTP_PORT", "did you mean GATEWAY__MAIL__SMTP__PORT?"),
            ("GATEWAY_LIMITS_USER", "did you mean GATEWAY__LIMITS__USER?"),
            ("GATEWAY_ADMIN_PASWORD", "did you mean GATEWAY_ADMIN_PASSWORD?"),
        ] {
            assert!(said(name).starts_with(name) && said(name).ends_with(meant), "{}", said(name));
        }
        for name in [
            "GATEWAY_VERSION",
            "GATEWAY_IMAGE",
            "GATEWAY_URL",
            "GATEWAY_HOST",
            "GATEWAY_CONFIG",
            "GATEWAY_PORT",
            "GATEWAY_PORT_8080_TCP_ADDR",
            "GATEWAY_SERVICE_HOST",
            "GATEWAY_SERVICE_PORT_HTTP",
            "GATEWAY_REDIS_SERVICE_HOST",
            "GATEWAY_ADMIN_PASSWORD_FILE",
            "GATEWAY__SERVER__LISTEN",
            "PATH",
        ] {
            assert_eq!(said(name), "");
        }
    }

    #[test]
    fn a_name_like_that_of_a_secret_is_spoken_of_where_the_secret_is_missing() {
        let said = |names: &[&str]| {
            let all = unread(names.iter().map(|name| (OsString::from(name), "CANARY".into())));
            all.iter().map(|said| said.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(said(&["JWT_SECRET", "JWT_REFRESH_SECRET"]), ["JWT_REFRESH_SECRET", "JWT_SECRET"]);
        for names in [
            &["JWT_SECRET", "JWT_SECRET_KEY", "JWT_REFRESH_SECRET_KEY_FILE"][..],
            &["JWT_SECRET_KEY_FILE", "JWT_SECRET_KEY_PREVIOUS", "JWT_REFRESH_SECRET_KEY_PREVIOUS_FILE"],
            &["JWT_ALGORITHM", "JWT_EXPIRY", "SECRET_KEY"],
        ] {
            assert_eq!(said(names), [""; 0], "{names:?}");
        }
    }
}

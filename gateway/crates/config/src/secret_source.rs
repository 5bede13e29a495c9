//! Secrets: from the environment or a file, never from the command line, and never printed.

use std::path::Path;

use secrecy::{SecretSlice, SecretString};

use super::read_once::again;

/// Where variables are read from: the process's environment, or a table in tests.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The two keys and the first administrator, as far as they are given.
#[derive(Default)]
pub struct Secrets {
    pub access_key: Option<SecretSlice<u8>>,
    pub refresh_key: Option<SecretSlice<u8>>,
    /// Those that were used before, one a line.
    pub access_keys_previous: Vec<SecretSlice<u8>>,
    pub refresh_keys_previous: Vec<SecretSlice<u8>>,
    /// Of the service that was there before.
    pub legacy_key: Option<SecretSlice<u8>>,
    pub redis_url: Option<SecretString>,
    pub database_url: Option<SecretString>,
    /// Where that comes from, if it is a file.
    pub database_url_file: Option<std::path::PathBuf>,
    /// Of `mail.smtp.username`.
    pub smtp_password: Option<SecretString>,
    /// Of `webhook.url`.
    pub webhook_secret: Option<SecretString>,
    pub admin_email: Option<String>,
    pub admin_password: Option<SecretString>,
}

/// Which secrets of HS256 the environment gives.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    pub access: bool,
    pub refresh: bool,
}

impl Secrets {
    pub fn given(&self) -> Given {
        Given { access: self.access_key.is_some(), refresh: self.refresh_key.is_some() }
    }

    /// Reads `NAME`, or the file that `NAME_FILE` names; both is a fault.
    pub fn read(environment: Environment<'_>) -> Result<Self, Vec<String>> {
        Self::read_from(environment, |_| Ok(()))
    }

    /// The same once more: a pipe gives its secret once, and a named one is waited for.
    pub fn read_again(environment: Environment<'_>) -> Result<Self, Vec<String>> {
        Self::read_from(environment, again)
    }

    fn read_from(
        environment: Environment<'_>,
        can_be: fn(&Path) -> Result<(), String>,
    ) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let mut take = |name: &str| match value(environment, name, can_be) {
            Ok(value) => value,
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        let key = |text: String| SecretSlice::from(text.into_bytes());
        let each = |text: String| text.lines().map(|line| key(line.to_owned())).collect();
        let secrets = Self {
            access_key: take("JWT_SECRET_KEY").map(key),
            refresh_key: take("JWT_REFRESH_SECRET_KEY").map(key),
            access_keys_previous: take("JWT_SECRET_KEY_PREVIOUS").map(each).unwrap_or_default(),
            refresh_keys_previous: take("JWT_REFRESH_SECRET_KEY_PREVIOUS").map(each).unwrap_or_default(),
            legacy_key: take("LEGACY_JWT_SECRET_KEY").map(key),
            redis_url: take("REDIS_URL").map(SecretString::from),
            database_url: take("DATABASE_URL").map(SecretString::from),
            database_url_file: environment("DATABASE_URL_FILE")
                .filter(|path| !path.is_empty())
                .map(Into::into),
            smtp_password: take("GATEWAY_SMTP_PASSWORD").map(SecretString::from),
            webhook_secret: take("GATEWAY_WEBHOOK_SECRET").map(SecretString::from),
            admin_email: take("GATEWAY_ADMIN_EMAIL"),
            admin_password: take("GATEWAY_ADMIN_PASSWORD").map(SecretString::from),
        };
        if faults.is_empty() { Ok(secrets) } else { Err(faults) }
    }
}

fn value(
    environment: Environment<'_>,
    name: &str,
    can_be: fn(&Path) -> Result<(), String>,
) -> Result<Option<String>, String> {
    let file_name = format!("{name}_FILE");
    // An empty variable is how a shell or a compose file says "not set".
    let given = |name: &str| environment(name).filter(|value| !value.is_empty());
    match (given(name), given(&file_name)) {
        (Some(_), Some(_)) => Err(format!("{name} and {file_name} are both set: use one of them")),
        (Some(value), None) => Ok(Some(value)),
        (None, None) => Ok(None),
        (None, Some(path)) => {
            can_be(Path::new(&path)).map_err(|fault| format!("{file_name} names {path}: {fault}"))?;
            let text = std::fs::read_to_string(&path);
            let text =
                text.map_err(|fault| format!("{file_name} names {path}, which cannot be read: {fault}"))?;
            let text = text.strip_suffix('\n').unwrap_or(&text);
            let text = text.strip_suffix('\r').unwrap_or(text);
            if text.is_empty() {
                return Err(format!("{file_name} names {path}, which is empty"));
            }
            Ok(Some(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_comes_from_its_variable_or_from_the_file_that_one_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "from-a-file\n").unwrap();
        let path = path.to_str().unwrap().to_owned();
        let environment = |name: &str| match name {
            "JWT_SECRET_KEY_FILE" => Some(path.clone()),
            "JWT_REFRESH_SECRET_KEY" => Some("from-a-variable".to_owned()),
            _ => None,
        };
        let secrets = Secrets::read(&environment).unwrap();
        assert_eq!(secrets.access_key.unwrap().expose_secret(), b"from-a-file");
        assert_eq!(secrets.refresh_key.unwrap().expose_secret(), b"from-a-variable");
    }

    #[test]
    fn a_variable_and_a_file_at_once_are_a_fault() {
        let environment = |name: &str| name.starts_with("REDIS_URL").then(|| "x".to_owned());
        let faults = Secrets::read(&environment).err().unwrap();
        assert_eq!(faults, ["REDIS_URL and REDIS_URL_FILE are both set: use one of them"]);
    }
}

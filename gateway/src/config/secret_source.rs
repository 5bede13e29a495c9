//! Secrets: from the environment or a file, never from the command line, and never printed.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

/// Where variables are read from: the process's environment, or a table in tests.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The two keys and the first administrator, as far as they are given.
#[derive(Default)]
pub struct Secrets {
    pub access_key: Option<SecretSlice<u8>>,
    pub refresh_key: Option<SecretSlice<u8>>,
    /// Of the service that was there before.
    pub legacy_key: Option<SecretSlice<u8>>,
    pub redis_url: Option<SecretString>,
    pub admin_email: Option<String>,
    pub admin_password: Option<SecretString>,
}

impl Secrets {
    /// Reads `NAME`, or the file that `NAME_FILE` names; both is a fault.
    pub fn read(environment: Environment<'_>) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let mut take = |name: &str| match value(environment, name) {
            Ok(value) => value,
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        let key = |text: String| SecretSlice::from(text.into_bytes());
        let secrets = Self {
            access_key: take("JWT_SECRET_KEY").map(key),
            refresh_key: take("JWT_REFRESH_SECRET_KEY").map(key),
            legacy_key: take("LEGACY_JWT_SECRET_KEY").map(key),
            redis_url: take("REDIS_URL").map(SecretString::from),
            admin_email: take("GATEWAY_ADMIN_EMAIL"),
            admin_password: take("GATEWAY_ADMIN_PASSWORD").map(SecretString::from),
        };
        if faults.is_empty() { Ok(secrets) } else { Err(faults) }
    }
}

fn value(environment: Environment<'_>, name: &str) -> Result<Option<String>, String> {
    let file_name = format!("{name}_FILE");
    // An empty variable is how a shell or a compose file says "not set".
    let given = |name: &str| environment(name).filter(|value| !value.is_empty());
    match (given(name), given(&file_name)) {
        (Some(_), Some(_)) => Err(format!("{name} and {file_name} are both set: use one of them")),
        (Some(value), None) => Ok(Some(value)),
        (None, None) => Ok(None),
        (None, Some(path)) => {
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

/// A key that is kept in the data folder: made at the first start, readable by its owner only.
pub(super) fn kept_key(folder: &Path, name: &str) -> Result<SecretSlice<u8>, String> {
    let path = folder.join(name);
    let explain = |fault: std::io::Error| format!("{}: {fault}", path.display());
    match std::fs::read(&path) {
        Ok(bytes) => {
            refuse_open_mode(&path)?;
            Ok(SecretSlice::from(bytes))
        }
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {
            let key = random_key();
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true).mode(0o700).create(folder).map_err(explain)?;
            // Written beside and renamed: a crash leaves the whole key or none.
            let draft = folder.join(format!("{name}.new"));
            let mut options = std::fs::OpenOptions::new();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&draft).map_err(explain)?;
            file.write_all(key.expose_secret()).and_then(|()| file.sync_all()).map_err(explain)?;
            std::fs::rename(&draft, &path).map_err(explain)?;
            std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(explain)?;
            Ok(key)
        }
        Err(fault) => Err(explain(fault)),
    }
}

fn refuse_open_mode(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_err(|fault| fault.to_string())?.permissions().mode();
    if mode & 0o077 != 0 {
        let path = path.display();
        return Err(format!("{path} can be read by others (mode {:o}): chmod 600 {path}", mode & 0o777));
    }
    Ok(())
}

/// 256 random bits, as text: a key file can then be copied and pasted.
fn random_key() -> SecretSlice<u8> {
    let bytes = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    let text: String = bytes.iter().map(|part| part.simple().to_string()).collect();
    SecretSlice::from(text.into_bytes())
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_kept_key_is_made_once_and_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let first = kept_key(folder.path(), "access.key").unwrap();
        let again = kept_key(folder.path(), "access.key").unwrap();
        assert_eq!(first.expose_secret(), again.expose_secret());
        assert_eq!(first.expose_secret().len(), 96);
        let path = folder.path().join("access.key");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let fault = kept_key(folder.path(), "access.key").err().unwrap();
        assert!(fault.contains("chmod 600"), "{fault}");
    }
}

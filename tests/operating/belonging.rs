//! Whose the data folder and its secrets are: what others could put there, or take away, is refused.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::support::authority::Authority;
use crate::support::checking::check_in;
use crate::support::command::{finish, run};
use crate::support::gateway::{Failed, Setup};
use crate::support::restricted::as_nobody;

const NOBODY: u32 = 65_534;

/// With secrets of its own, kept in the data folder.
fn own_keys() -> Setup {
    Setup::new("").env("JWT_SECRET_KEY", "").env("JWT_REFRESH_SECRET_KEY", "")
}

fn refused(setup: Setup) -> Failed {
    setup.try_start().err().expect("it started")
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// A check by `nobody` on this data folder.
fn check_as_nobody(text: &str, data: &Path) -> (i32, String) {
    let own = tempfile::tempdir().unwrap();
    set_mode(own.path(), 0o755);
    let file = own.path().join("gateway.toml");
    std::fs::write(&file, text).unwrap();
    let mut command = as_nobody(own.path());
    command.arg("check").arg("--config").arg(&file).env("GATEWAY__STORE__PATH", data);
    let (status, out, err) = finish(command);
    (status, out + &err)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_data_folder_that_others_can_write_is_refused_where_secrets_are_kept_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    own_keys().data(&data).start();
    for mode in [0o777, 0o1777, 0o770] {
        set_mode(&data, mode);
        let failed = refused(own_keys().data(&data));
        assert_eq!(failed.status.code(), Some(78));
        let mend = format!("chmod 700 {}", data.display());
        assert!(
            failed.stderr.contains(&mend) && failed.stderr.contains("can be written by others"),
            "{}",
            failed.stderr
        );
        let file = folder.path().join("gateway.toml");
        std::fs::write(&file, "[server]\n").unwrap();
        let store = ("GATEWAY__STORE__PATH", data.to_str().unwrap());
        let (status, _, said) = run(&["check", "--config", file.to_str().unwrap()], &[store]);
        assert!(status == 78 && said.contains(&mend), "{said}");
    }
    set_mode(&data, 0o755);
    own_keys().data(&data).start();
}

#[test]
fn a_secret_that_somebody_else_put_there_is_refused() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    own_keys().data(&data).start();
    chown(data.join("access.key"), Some(NOBODY), None).unwrap();
    let failed = refused(own_keys().data(&data));
    let key = data.join("access.key").display().to_string();
    for words in [format!("{key} belongs to `nobody`"), format!("chown 'root' {key}")] {
        assert!(failed.stderr.contains(&words), "{}", failed.stderr);
    }
}

#[test]
fn no_advice_takes_a_key_away_from_who_reads_it_as_another_user() {
    if !is_root() {
        return;
    }
    let authority = Authority::new();
    let own = authority.certify("own", &["localhost"]);
    let folder = own.key_file.parent().unwrap();
    set_mode(folder, 0o755);
    set_mode(&own.key_file, 0o644);
    let data = tempfile::tempdir().unwrap();
    chown(data.path(), Some(NOBODY), None).unwrap();
    let (status, said) = check_as_nobody(&crate::listening::https(&[&own], ""), data.path());
    assert_eq!(status, 0, "{said}");
    let mend = format!("then chmod 640 {}", own.key_file.display());
    assert!(said.contains(&mend) && said.contains("chgrp 65534") && !said.contains("chmod 600"), "{said}");
}

#[test]
fn root_does_not_start_on_the_store_of_another_user() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o755);
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
    own_keys().data(&data).unprivileged().start();
    let failed = refused(own_keys().data(&data));
    assert!(failed.stderr.contains("belongs to `nobody`, and this is `root`"), "{}", failed.stderr);
    assert!(failed.stderr.contains("sudo -u 'nobody'"), "{}", failed.stderr);
    own_keys().data(&data).unprivileged().start();
    // What else is in a volume is none of its business.
    std::fs::create_dir(data.join("lost+found")).unwrap();
    set_mode(&data.join("lost+found"), 0o700);
    own_keys().data(&data).unprivileged().start();
    // A file that root left there all the same is named, by a start and by a check.
    let left = data.join("snap.0000000000000A10");
    std::fs::write(&left, "").unwrap();
    set_mode(&left, 0o600);
    let words =
        [format!("{} belongs to `root`", left.display()), format!("chown -R 'nobody' {}", data.display())];
    let failed = refused(own_keys().data(&data).unprivileged());
    let (status, said) = check_as_nobody("[server]\n", &data);
    assert_eq!((failed.status.code(), status), (Some(78), 78), "{said}");
    for words in words {
        assert!(failed.stderr.contains(&words) && said.contains(&words), "{said}\n{}", failed.stderr);
    }
}

#[test]
fn a_data_folder_that_cannot_be_made_is_told_once_with_the_command_that_makes_it() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o755);
    let data: PathBuf = folder.path().join("var/gateway");
    let failed = refused(own_keys().data(&data).unprivileged());
    let (status, said) = check_as_nobody("[server]\n", &data);
    assert_eq!((failed.status.code(), status), (Some(78), 78), "{said}");
    for said in [&failed.stderr, &said] {
        assert!(said.contains("1 fault found"), "{said}");
        assert!(said.contains(&format!("{} belongs to `root`", folder.path().display())), "{said}");
        assert!(said.contains(&format!("install -d -o 'nobody' -m 700 {}", data.display())), "{said}");
    }
    // Whoever checks it and may write there is told nothing.
    check_in(folder.path(), "[server]\n", &[], &[]).is(0, &["can be started"]);
}

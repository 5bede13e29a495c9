//! The outbox: mails as files, private, whole and bounded in number.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use gateway_mail::OutboxSettings;
use gateway_notify::NotSent;

use super::*;

fn outbox(folder: &Path, files_max: usize) -> Arc<dyn Notifier> {
    let settings = OutboxSettings { sender: sender(), folder: folder.to_owned(), files_max };
    notifier(Delivery::Outbox(settings)).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_mail_becomes_a_file_for_its_owner_only() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("outbox");
    let outbox = outbox(&folder, 10);
    assert!(!folder.exists(), "a gateway that sends nothing leaves a folder behind");
    outbox.send(&reset()).await.unwrap();
    let names = names(&folder);
    assert_eq!(names.len(), 1);
    assert!(names[0].contains("Z-password_reset-") && names[0].ends_with(".eml"), "{names:?}");
    assert_eq!((mode(&folder), mode(&folder.join(&names[0]))), (0o700, 0o600));
    let mail = std::fs::read_to_string(folder.join(&names[0])).unwrap();
    for line in [
        "To: ada@example.org\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Type: multipart/alternative;",
    ] {
        assert!(mail.contains(line), "{line}: {mail}");
    }
    assert!(mail.contains(TOKEN), "{mail}");
}

#[tokio::test]
async fn the_oldest_mails_go_and_what_is_not_ours_stays() {
    let folder = tempfile::tempdir().unwrap();
    for other in ["0.eml", "notes.txt"] {
        std::fs::write(folder.path().join(other), "").unwrap();
    }
    std::fs::write(folder.path().join("20200101T000000.000Z-invitation-a.eml"), "").unwrap();
    let outbox = outbox(folder.path(), 3);
    let mut last = String::new();
    for _ in 0..5 {
        let mail = reset();
        outbox.send(&mail).await.unwrap();
        last = mail.message_id().to_owned();
    }
    let names = names(folder.path());
    assert_eq!(names.len(), 5, "{names:?}");
    assert!(names.contains(&"0.eml".to_owned()) && names.contains(&"notes.txt".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("2020")), "{names:?}");
    let read = |name: &String| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(names.iter().any(|name| read(name).contains(&last)), "the newest is gone");
}

#[tokio::test]
async fn what_a_crash_left_half_written_is_removed_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".new-20200101T000000.000Z-invitation-a.eml"), "half").unwrap();
    let outbox = outbox(folder.path(), 3);
    assert_eq!(names(folder.path()), [""; 0]);
    outbox.send(&reset()).await.unwrap();
    assert_eq!(names(folder.path()).len(), 1);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_keeps_the_mail_for_later() {
    let folder = tempfile::tempdir().unwrap();
    // Not even root can make a folder below a file.
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let settings = OutboxSettings { sender: sender(), folder: file.join("outbox"), files_max: 3 };
    match notifier(Delivery::Outbox(settings)) {
        Err(fault) => assert!(fault.contains("mail.outbox_path"), "{fault}"),
        Ok(outbox) => {
            let Err(NotSent::Later(why)) = outbox.send(&reset()).await else { panic!("it was sent") };
            assert!(why.contains("cannot be written"), "{why}");
        }
    }
    let outbox = outbox(&folder.path().join("outbox"), 3);
    std::fs::write(folder.path().join("outbox"), "").unwrap();
    let Err(NotSent::Later(why)) = outbox.send(&reset()).await else { panic!("it was sent") };
    assert!(why.contains("cannot be written") && !why.contains("CANARY"), "{why}");
}

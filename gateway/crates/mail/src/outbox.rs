//! Mails as files in a folder, for development: whoever runs the gateway opens them, and nobody
//! else gets them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::message::message;
use super::sender::Sender;
use gateway_clock::{Clock as _, SystemClock, Timestamp};
use gateway_notify::{Mail, NotSent, Notifier};

/// How the names of files begin that are not whole yet.
const DRAFT: &str = ".new-";
const ENDING: &str = ".eml";

/// Where the files go, and how many are kept.
#[derive(Clone, Debug)]
pub struct OutboxSettings {
    pub sender: Sender,
    /// Made, for its owner only, where it is not there.
    pub folder: PathBuf,
    /// The oldest go when there are more.
    pub files_max: usize,
}

/// Writes one file for each mail.
pub struct OutboxNotifier {
    settings: Arc<OutboxSettings>,
    /// One at a time, so that the folder is counted by one.
    turn: Arc<Mutex<()>>,
}

impl OutboxNotifier {
    /// The folder is made with the first mail: a gateway that sends none leaves none behind. What a
    /// crash left half written is removed.
    pub fn new(settings: OutboxSettings) -> Result<Self, String> {
        let listed = match list(&settings.folder, |name| name.starts_with(DRAFT)) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed,
        };
        let removed = listed.and_then(|drafts| {
            drafts.iter().try_for_each(|draft| std::fs::remove_file(settings.folder.join(draft)))
        });
        removed.map_err(|fault| format!("mail.outbox_path = \"{}\": {fault}", settings.folder.display()))?;
        Ok(Self { settings: Arc::new(settings), turn: Arc::default() })
    }
}

#[async_trait]
impl Notifier for OutboxNotifier {
    async fn send(&self, mail: &Mail) -> Result<(), NotSent> {
        let contents = message(&self.settings.sender, mail)?.formatted();
        let name = file_name(SystemClock.now(), mail.kind());
        let (settings, turn) = (Arc::clone(&self.settings), Arc::clone(&self.turn));
        let written = tokio::task::spawn_blocking(move || {
            // Nothing is left in between by a panic but a draft.
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            DirBuilder::new().recursive(true).mode(0o700).create(&settings.folder)?;
            // Before there is one more: a folder that cannot be kept small must not grow.
            forget_oldest(&settings.folder, settings.files_max.saturating_sub(1))?;
            write(&settings.folder, &name, &contents)
        });
        let explain = |fault: &dyn std::fmt::Display| {
            NotSent::Later(format!("{} cannot be written: {fault}", self.settings.folder.display()))
        };
        written.await.map_err(|fault| explain(&fault))?.map_err(|fault| explain(&fault))
    }
}

/// Sorted by name they are sorted by time.
fn file_name(now: Timestamp, kind: &str) -> String {
    let second: String =
        now.to_string().chars().filter(|notification| !"-:Z".contains(*notification)).collect();
    let millis = now.millis() % 1_000;
    format!("{second}.{millis:03}Z-{kind}-{}{ENDING}", uuid::Uuid::new_v4().simple())
}

/// Whether we gave this name: other mails may lie in the folder, and are not ours to remove.
fn is_ours(name: &str) -> bool {
    let shape = b"00000000T000000.000Z-";
    let timed = name.len() > shape.len()
        && name.bytes().zip(shape).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            _ => byte == *form,
        });
    timed && name.ends_with(ENDING)
}

/// Beside and then renamed: whoever watches the folder sees whole mails only.
fn write(folder: &Path, name: &str, contents: &[u8]) -> io::Result<()> {
    let draft = folder.join(format!("{DRAFT}{name}"));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
    let written = file.and_then(|mut file| file.write_all(contents).and_then(|()| file.sync_all()));
    let placed = written.and_then(|()| std::fs::rename(&draft, folder.join(name)));
    if placed.is_err() {
        // It may not have been made at all.
        std::fs::remove_file(&draft).ok();
    }
    placed?;
    File::open(folder)?.sync_all()
}

fn list(folder: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        // Only names that we could have given.
        names.extend(entry?.file_name().into_string().ok().filter(|name| wanted(name)));
    }
    names.sort_unstable();
    Ok(names)
}

fn forget_oldest(folder: &Path, files_max: usize) -> io::Result<()> {
    let kept = list(folder, is_ours)?;
    let excess = kept.len().saturating_sub(files_max);
    for name in kept.iter().take(excess) {
        match std::fs::remove_file(folder.join(name)) {
            // The reader may have taken it away.
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_time_and_never_the_same() {
        let at = |millis| file_name(Timestamp::from_millis(millis), "password_reset");
        let name = at(1_760_000_000_007);
        assert!(name.starts_with("20251009T085320.007Z-password_reset-"), "{name}");
        assert!(name.ends_with(".eml"), "{name}");
        assert!(at(1_760_000_000_999) < at(1_760_000_001_000));
        assert_ne!(at(0), at(0));
        assert!(is_ours(&name));
        for other in ["", "letter.eml", "20251009T085320.007Z-x.txt", "2025-10-09T08:53:20.007Z-x.eml"] {
            assert!(!is_ours(other), "{other}");
        }
    }
}

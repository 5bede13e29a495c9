//! What is opened and what is not, whatever a program keeps in it.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::{Failure, caught, free_bytes};

/// As a program opens its store, which has one tree.
fn open(folder: &Path, min_free_bytes: u64) -> Result<Durable<Tree>, OpenFault> {
    let open = || {
        let mut opening = Opening::begin(folder, SledOptions { min_free_bytes, ..SledOptions::default() })?;
        let tree = opening.db().open_tree("letters")?;
        if opening.is_new()? {
            opening.make(2, Batch::default())?;
        } else {
            opening.inspect(1..=2)?;
        }
        opening.finish(tree)
    };
    caught(open).unwrap_or_else(|panic| Err(OpenFault::Damaged(panic)))
}

async fn write(store: &Durable<Tree>, what: Writing, number: u64) -> Result<(), Failure> {
    let work = move |tree: &Tree| {
        tree.insert(number.to_be_bytes(), vec![b'x'; 200])?;
        Ok(())
    };
    store.write(what, work).await
}

async fn filled() -> TempDir {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), 0).unwrap();
    for number in 0..30 {
        write(&store, Writing::Adds, number).await.unwrap();
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn overwrite(file: &Path, from: usize, length: usize, byte: u8) {
    let mut bytes = fs::read(file).unwrap();
    let end = bytes.len().min(from.saturating_add(length));
    bytes[from..end].fill(byte);
    fs::write(file, bytes).unwrap();
}

#[tokio::test]
async fn what_was_answered_survives_kill_9() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path(), 0).unwrap();
    for number in 0..30 {
        write(&store, Writing::Adds, number).await.unwrap();
    }
    // The files as they are at this moment are what a killed process leaves.
    let left = TempDir::new().unwrap();
    copy(folder.path(), left.path());
    assert_eq!(open(left.path(), 0).unwrap().trees().len(), 30);
}

#[tokio::test]
async fn a_damaged_store_is_told_and_never_a_panic() {
    let whole = filled().await;
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 8] = [
        ("db emptied", |folder| fs::write(folder.join("db"), []).unwrap()),
        ("db removed", |folder| fs::remove_file(folder.join("db")).unwrap()),
        ("db zeroed", |folder| overwrite(&folder.join("db"), 0, usize::MAX, 0)),
        ("db garbled", |folder| overwrite(&folder.join("db"), 0, usize::MAX, 0xa5)),
        ("head garbled", |folder| overwrite(&folder.join("db"), 0, 4096, 0xa5)),
        ("end cut off", |folder| {
            fs::OpenOptions::new().write(true).open(folder.join("db")).unwrap().set_len(4_000).unwrap()
        }),
        ("conf garbled", |folder| overwrite(&folder.join("conf"), 0, usize::MAX, 0xa5)),
        ("witness garbled", |folder| fs::write(folder.join(WITNESS), "many").unwrap()),
    ];
    for (what, harm) in harms {
        let folder = TempDir::new().unwrap();
        copy(whole.path(), folder.path());
        harm(folder.path());
        let told = open(folder.path(), 0).err();
        assert!(matches!(told, Some(OpenFault::Damaged(_))), "{what}: {told:?}");
    }
}

#[tokio::test]
async fn a_store_is_one_process_alone_and_of_a_schema_that_is_known() {
    let folder = filled().await;
    let store = open(folder.path(), 0).unwrap();
    assert!(matches!(open(folder.path(), 0), Err(OpenFault::Locked)));
    drop(store);
    let later = Opening::begin(folder.path(), SledOptions::default()).unwrap();
    later.set_schema(3).unwrap();
    drop(later);
    assert!(matches!(open(folder.path(), 0), Err(OpenFault::Newer(3))));
}

#[tokio::test]
async fn a_nearly_full_disk_refuses_what_adds_and_still_reads_and_frees() {
    let folder = filled().await;
    let free = free_bytes(folder.path()).unwrap();
    let store = open(folder.path(), free + free / 2).unwrap();
    assert!(matches!(write(&store, Writing::Adds, 99).await, Err(Failure::Full(_))));
    write(&store, Writing::Frees, 0).await.unwrap();
    assert_eq!(store.read(|tree| Ok(tree.len())).unwrap(), 30);
}

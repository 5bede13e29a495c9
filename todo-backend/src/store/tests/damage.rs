//! A store that cannot be trusted is not opened, and says so without a panic.

use super::*;

/// A store with enough in it that damage hits something.
async fn filled(folder: &Path) {
    let store = Store::open(folder).unwrap();
    for _ in 0..30 {
        store.create(user(1), new(&"x".repeat(200)), Timestamp::UNIX_EPOCH).await.unwrap();
    }
}

fn assert_damaged(folder: &Path, what: &str) {
    let error = Store::open(folder).err().unwrap_or_else(|| panic!("{what}: it opened"));
    let message = error.to_string();
    assert!(matches!(error, StoreError::Damaged { .. }), "{what}: {error:?}");
    assert!(message.contains(&folder.display().to_string()), "{message}");
    assert!(message.contains("move the folder aside"), "{message}");
    assert!(message.contains("todo-backend import"), "{message}");
}

fn overwrite(file: &Path, from: usize, length: usize, byte: u8) {
    let mut bytes = fs::read(file).unwrap();
    let end = bytes.len().min(from + length);
    bytes[from..end].fill(byte);
    fs::write(file, bytes).unwrap();
}

fn cut(file: &Path, length: u64) {
    fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length).unwrap();
}

#[tokio::test]
async fn a_damaged_store_is_named_and_never_a_panic() {
    let whole = TempDir::new().unwrap();
    filled(whole.path()).await;
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 9] = [
        ("db emptied", |folder| fs::write(folder.join("db"), []).unwrap()),
        ("db removed", |folder| fs::remove_file(folder.join("db")).unwrap()),
        ("db zeroed", |folder| overwrite(&folder.join("db"), 0, usize::MAX / 2, 0)),
        ("db garbled", |folder| overwrite(&folder.join("db"), 0, usize::MAX / 2, 0xa5)),
        ("head garbled", |folder| overwrite(&folder.join("db"), 0, 4096, 0xa5)),
        ("middle garbled", |folder| overwrite(&folder.join("db"), 2000, 500, 0xff)),
        ("end garbled", |folder| overwrite(&folder.join("db"), 29_000, 100, 0x5a)),
        ("end cut off", |folder| cut(&folder.join("db"), 12_000)),
        ("conf garbled", |folder| overwrite(&folder.join("conf"), 0, 4096, 0xa5)),
    ];
    for (what, harm) in harms {
        let folder = TempDir::new().unwrap();
        copy(whole.path(), folder.path());
        harm(folder.path());
        assert_damaged(folder.path(), what);
    }
}

#[tokio::test]
async fn what_is_left_of_a_damaged_store_opens_once_its_witness_is_removed() {
    let folder = TempDir::new().unwrap();
    filled(folder.path()).await;
    cut(&folder.path().join("db"), 12_000);
    assert_damaged(folder.path(), "end cut off");

    let left = TempDir::new().unwrap();
    copy(folder.path(), left.path());
    fs::remove_file(left.path().join("confirmed-changes")).unwrap();

    let todos = everything(&Store::open(left.path()).unwrap(), user(1)).len();
    assert!((1..30).contains(&todos), "{todos}");
}

#[tokio::test]
async fn counters_that_lie_are_noticed_at_the_start() {
    type Harm = fn(&Trees);
    let harms: [(&str, Harm); 6] = [
        ("a todo is lost", |trees| drop(trees.todos.pop_max().unwrap())),
        ("an index entry is lost", |trees| drop(trees.by_state.pop_max().unwrap())),
        ("an account is lost", |trees| drop(trees.accounts.pop_max().unwrap())),
        ("a block is lost", |trees| drop(trees.blocks.pop_min().unwrap())),
        ("the id counter is lost", |trees| drop(trees.meta.remove("next_todo_id").unwrap())),
        ("all todos are lost", |trees| trees.todos.clear().unwrap()),
    ];
    for (what, harm) in harms {
        let folder = TempDir::new().unwrap();
        filled(folder.path()).await;
        harm(&open::open(folder.path()).unwrap().trees);
        assert_damaged(folder.path(), what);
    }
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let opened = open::open(folder.path()).unwrap();
    opened.trees.meta.insert("schema", &2_u64.to_be_bytes()).unwrap();
    drop(opened);

    let error = Store::open(folder.path()).err().unwrap();

    assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }), "{error:?}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();

    let error = Store::open(&file).err().unwrap();

    assert!(matches!(error, StoreError::Folder { .. }), "{error:?}");
    assert!(error.to_string().contains(&file.display().to_string()), "{error}");
}

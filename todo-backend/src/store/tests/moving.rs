//! Export and import.

use super::*;

/// Two users, one todo completed, one with a description, the newest one deleted.
async fn exported() -> String {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for number in 0..9 {
        store.create(user(1 + number % 2), new("Milk"), Timestamp::UNIX_EPOCH).await.unwrap();
    }
    store.update(user(1), TodoId::new(3).unwrap(), completed()).await.unwrap();
    let description = Some(Description::parse("two\nlines").unwrap());
    let described = Change { description, ..Change::default() };
    store.update(user(2), TodoId::new(4).unwrap(), described).await.unwrap();
    store.delete(user(1), TodoId::new(9).unwrap()).await.unwrap();
    export(&store)
}

fn export(store: &Store) -> String {
    let mut out = Vec::new();
    store.export(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn import(text: &str, folder: &Path) -> Result<Store, StoreError> {
    let file = folder.join("export.jsonl");
    fs::write(&file, text).unwrap();
    let store = Store::open(folder.join("data"))?;
    store.import(&file).map(|_| store)
}

#[tokio::test]
async fn an_export_comes_back_whole() {
    let text = exported().await;
    let folder = TempDir::new().unwrap();

    let store = import(&text, folder.path()).unwrap();

    assert_eq!(export(&store), text);
    check::consistent(&store.inner.trees).unwrap();
    assert_eq!(store.list(user(1), Selection::Completed, 0, 9).unwrap().total, 1);
    let next = store.create(user(5), new("Next"), Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(next.id.get(), 10, "the deleted id 9 does not come again");
    drop(store);
    assert_eq!(everything(&Store::open(folder.path().join("data")).unwrap(), user(5)), [next]);
}

#[tokio::test]
async fn a_faulty_import_names_its_line_and_changes_nothing() {
    let text = exported().await;
    let lines: Vec<&str> = text.lines().collect();
    let without_last = lines[..lines.len() - 1].join("\n");
    let swapped = [&lines[..1], &[lines[2], lines[1]], &lines[3..]].concat().join("\n");
    let faulty = [
        (String::new(), "line 1: the file is empty"),
        (text.replace("todo-backend/1", "todo-backend/9"), "line 1: the format is"),
        (without_last, "the file ends after 7 todos"),
        (swapped, "line 3: todos must be sorted"),
        (text.replace("\"id\":2,", "\"id\":1,"), "this id was there before"),
        (text.replace("\"id\":8,", "\"id\":80,"), "not below next_todo_id"),
        (text.replace("Milk", " "), "line 2: Title is required"),
        (text.replace("\"completed\":true", "\"completed\":1"), "line 3: invalid type"),
        (text.replace("\"user_id\":1,", "\"user_id\":0,"), "line 2: user_id must be"),
    ];
    for (text, message) in faulty {
        let folder = TempDir::new().unwrap();

        let error = import(&text, folder.path()).err().unwrap().to_string();

        assert!(error.contains(message), "{error} / {message}");
        let store = Store::open(folder.path().join("data")).unwrap();
        assert!(store.inner.trees.todos.is_empty());
    }
}

#[tokio::test]
async fn an_export_of_before_has_null_where_no_description_was_given() {
    let text = exported().await;
    let folder = TempDir::new().unwrap();
    let of_before = text.replace("\"description\":\"\"", "\"description\":null");
    assert_ne!(of_before, text);

    let store = import(&of_before, folder.path()).unwrap();

    assert_eq!(export(&store), text);
}

#[tokio::test]
async fn an_import_goes_into_an_empty_store_only() {
    let text = exported().await;
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path().join("data")).unwrap();
    let made = store.create(user(1), new("Here"), Timestamp::UNIX_EPOCH).await.unwrap();
    store.delete(user(1), made.id).await.unwrap();
    drop(store);

    let error = import(&text, folder.path()).err().unwrap();

    assert!(matches!(error, StoreError::NotEmpty(_)), "{error:?}");
}

#[test]
fn a_store_whose_import_was_interrupted_does_not_open() {
    let folder = TempDir::new().unwrap();
    let opened = open::open(folder.path()).unwrap();
    opened.trees.meta.insert(open::IMPORTING_KEY, &[]).unwrap();
    drop(opened);

    let error = Store::open(folder.path()).err().unwrap();

    assert!(matches!(error, StoreError::HalfImported(_)), "{error:?}");
}

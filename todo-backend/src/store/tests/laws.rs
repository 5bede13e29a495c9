//! Random histories against a model that keeps plain lists.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Deed {
    Create {
        owner: u64,
    },
    /// The todo is chosen among those that were ever made, by its place.
    Complete {
        owner: u64,
        place: usize,
        completed: bool,
    },
    Rename {
        owner: u64,
        place: usize,
    },
    Delete {
        owner: u64,
        place: usize,
    },
}

fn deed() -> impl Strategy<Value = Deed> {
    let owner = 1_u64..4;
    prop_oneof![
        4 => owner.clone().prop_map(|owner| Deed::Create { owner }),
        3 => (owner.clone(), 0..40_usize, any::<bool>())
            .prop_map(|(owner, place, completed)| Deed::Complete { owner, place, completed }),
        1 => (owner.clone(), 0..40_usize).prop_map(|(owner, place)| Deed::Rename { owner, place }),
        2 => (owner, 0..40_usize).prop_map(|(owner, place)| Deed::Delete { owner, place }),
    ]
}

/// What should be there: the key is who owns it and its id.
type Model = BTreeMap<(UserId, TodoId), Todo>;

fn apply(store: &Store, model: &mut Model, made: &mut Vec<TodoId>, deed: Deed) {
    let chosen = |made: &[TodoId], place: usize| made.get(place % made.len().max(1)).copied();
    let (owner, place, change) = match deed {
        Deed::Create { owner } => {
            let NewTodo { title, description } = new("Todo");
            let todo = store.apply(|ledger| {
                let id = ledger.next_id()?;
                let (title, description) = (title.clone(), description.clone());
                let created_at = Timestamp::UNIX_EPOCH;
                let todo = Todo { id, title, description, completed: false, created_at };
                ledger.insert(user(owner), &todo)?;
                Ok(todo)
            });
            let (todo, _) = todo.unwrap();
            made.push(todo.id);
            model.insert((user(owner), todo.id), todo);
            return;
        }
        Deed::Complete { owner, place, completed } => {
            (user(owner), place, Some(Change { completed: Some(completed), ..Change::default() }))
        }
        Deed::Rename { owner, place } => {
            let title = Title::parse("Renamed").ok();
            (user(owner), place, Some(Change { title, ..Change::default() }))
        }
        Deed::Delete { owner, place } => (user(owner), place, None),
    };
    let Some(id) = chosen(made, place) else {
        return;
    };
    let expected = model.contains_key(&(owner, id)).then_some(());
    let outcome = match &change {
        Some(change) => store.apply(|ledger| ledger.change(owner, id, change)),
        None => store.apply(|ledger| ledger.remove(owner, id)),
    };
    assert_eq!(outcome.unwrap().0, expected);
    match change {
        None => {
            model.remove(&(owner, id));
        }
        Some(change) => {
            if let Some(todo) = model.get_mut(&(owner, id)) {
                todo.completed = change.completed.unwrap_or(todo.completed);
                todo.title = change.title.unwrap_or(todo.title.clone());
            }
        }
    }
}

fn wanted(model: &Model, owner: UserId, selection: Selection) -> Vec<Todo> {
    let chosen = |todo: &Todo| match selection {
        Selection::All => true,
        Selection::Open => !todo.completed,
        Selection::Completed => todo.completed,
    };
    model
        .iter()
        .filter(|((user, _), todo)| *user == owner && chosen(todo))
        .map(|(_, todo)| todo.clone())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn pages_put_together_are_the_list_and_counters_tell_the_truth(
        deeds in prop::collection::vec(deed(), 1..120),
        per_page in 1_usize..9,
    ) {
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (mut model, mut made) = (Model::new(), Vec::new());
        for deed in deeds {
            apply(&store, &mut model, &mut made, deed);
        }

        check::consistent(&store.inner.trees).unwrap();
        for owner in [1, 2, 3].map(user) {
            for selection in [Selection::All, Selection::Open, Selection::Completed] {
                let list = wanted(&model, owner, selection);
                let mut read = Vec::new();
                for offset in (0..=list.len()).step_by(per_page) {
                    let slice = store.list(owner, selection, offset as u64, per_page).unwrap();
                    prop_assert_eq!(slice.total, list.len() as u64);
                    prop_assert!(slice.todos.len() <= per_page);
                    read.extend(slice.todos);
                }
                prop_assert_eq!(read, list);
                let beyond = store.list(owner, selection, u64::MAX, per_page).unwrap();
                prop_assert!(beyond.todos.is_empty());
            }
        }
    }
}

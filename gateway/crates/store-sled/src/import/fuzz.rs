//! Any bytes as an export: it comes in whole, or its line is named and nothing of it is there.

use std::cell::RefCell;

use proptest::prelude::*;
use tempfile::TempDir;

use super::{Importing, SledStore, TransferCounts, TransferError};
use crate::SledOptions;
use gateway_fuzz::{Corpus, Held};
use gateway_store::transfer::verify;

type Record = (usize, Vec<u8>, Vec<u8>);

/// Everything that is in it.
fn records(store: &SledStore) -> Vec<Record> {
    let trees = store.trees().all().into_iter().enumerate();
    let record = |(place, tree): (usize, &sled::Tree)| {
        tree.iter().map(move |entry| entry.map(|(key, value)| (place, key.to_vec(), value.to_vec())).unwrap())
    };
    trees.flat_map(|(place, tree)| record((place, tree)).collect::<Vec<_>>()).collect()
}

struct Empty {
    _folder: TempDir,
    store: SledStore,
    records: Vec<Record>,
}

impl Empty {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store =
            SledStore::open(folder.path(), SledOptions { cache_bytes: 1 << 20, min_free_bytes: 0 }).unwrap();
        let records = records(&store);
        Self { _folder: folder, store, records }
    }
}

fn law(empty: &RefCell<Empty>, bytes: &[u8]) -> Held {
    let promised = verify(&mut &*bytes);
    let imported = empty.borrow().store.import(&mut &*bytes, Importing::Restore);
    let Ok(counts) = imported else {
        let Err(TransferError::Line { line, .. }) = &imported else {
            return Err(TestCaseError::fail(format!("{imported:?}")));
        };
        let lines = bytes.split(|byte| *byte == b'\n').count() as u64;
        prop_assert!((1..=lines + 1).contains(line), "line {} of {}", line, lines);
        prop_assert_eq!(
            promised.map_err(|fault| fault.to_string()),
            imported.map_err(|fault| fault.to_string())
        );
        let empty = empty.borrow();
        prop_assert_eq!(records(&empty.store), empty.records.clone(), "something was imported");
        return Ok(false);
    };
    prop_assert_eq!(promised.ok(), Some(counts));
    let full = empty.replace(Empty::new());
    let mut text = Vec::new();
    let out = full.store.export(&mut text).ok();
    // Of two revocations of the same, the wider one is kept.
    let revocations = out.map_or(0, |out| out.revocations).min(counts.revocations);
    prop_assert_eq!(out, Some(TransferCounts { revocations, ..counts }));
    prop_assert_eq!(verify(&mut &*text).ok(), out, "what went out would not come in");
    Ok(true)
}

#[test]
fn an_export_comes_in_whole_or_its_line_is_named_and_nothing_is_there() {
    let empty = RefCell::new(Empty::new());
    Corpus::new("export").hold(|bytes| law(&empty, bytes));
}

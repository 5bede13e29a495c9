//! Any bytes as a configuration: it is one, or each complaint says where, in one line.

use std::path::Path;

use proptest::prelude::*;

use super::{Flags, load};
use crate::{KeyPolicy, Secrets, examine};
use gateway_fuzz::{Corpus, Held};
use gateway_limits::Limiters;

fn law(path: &Path, bytes: &[u8]) -> Held {
    std::fs::write(path, bytes).unwrap();
    let loaded = load(Some(path), &Flags::default());
    let (is_readable, misread) = (loaded.is_readable, loaded.faults.clone());
    let (faults, others) =
        match examine(loaded, Ok(Secrets::default()), KeyPolicy::LookOnly, &Limiters::default()) {
            Ok(checked) => (Vec::new(), [checked.warnings, checked.notes].concat()),
            Err(found) => {
                prop_assert!(!found.faults.is_empty(), "refused without a word");
                (found.faults, [found.warnings, found.notes].concat())
            }
        };
    let lines = bytes.split(|byte| *byte == b'\n').count();
    for fault in &faults {
        let is_named = fault.key.is_some() || !is_readable && fault.file.is_some();
        prop_assert!(is_named, "what is it about? {:?}", fault.to_string());
    }
    for said in faults.iter().chain(&others) {
        let shown = said.to_string();
        prop_assert!(!said.message.trim().is_empty());
        prop_assert!(!shown.contains(char::is_control), "{:?}", shown);
        prop_assert!(
            said.line.is_none_or(|line| (1..=lines).contains(&line)),
            "{} of {} lines",
            shown,
            lines
        );
    }
    prop_assert!(!faults.is_empty() || misread.is_empty(), "taken in spite of {:?}", misread);
    Ok(faults.is_empty())
}

#[test]
fn a_configuration_is_one_or_each_complaint_names_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    Corpus::new("configuration").with("conf/examples").hold(|bytes| law(&path, bytes));
}

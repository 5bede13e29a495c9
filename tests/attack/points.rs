//! `docs/threats.md` is true: each of its points names tests that exist.

use std::path::{Path, PathBuf};

/// All files below a folder whose names end so.
pub(super) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let below = |path: PathBuf| if path.is_dir() { files(&path, ending) } else { vec![path] };
    entries.flat_map(below).filter(|path| path.to_string_lossy().ends_with(ending)).collect()
}

#[test]
fn each_point_of_the_checklist_names_tests_that_exist_or_says_why_it_has_none() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let sources: Vec<_> = ["gateway/src", "gateway/crates", "todo-backend/src", "tests"]
        .iter()
        .flat_map(|folder| files(&root.join(folder), ".rs"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.with_extension("").to_string_lossy().into_owned(), text)
        })
        .collect();
    let exists = |named: &str| {
        let mut words: Vec<_> = named.split("::").collect();
        let name = format!("fn {}(", words.pop().unwrap());
        sources.iter().any(|(path, text)| {
            text.contains(&name)
                && words
                    .iter()
                    .all(|module| *module == "tests" || path.split('/').any(|part| part == *module))
        })
    };
    assert!(!exists("tokens::nothing_is_called_so") && !exists("cves::no_claim_may_be_missing"));
    let table = std::fs::read_to_string(root.join("docs/threats.md")).unwrap();
    let mut numbers = Vec::new();
    for row in table.lines().filter(|line| line.starts_with("| ") && line.contains(" | ")) {
        let cells: Vec<_> = row.split(" | ").collect();
        let Ok(number) = cells[0].trim_start_matches("| ").trim().parse::<u32>() else { continue };
        numbers.push(number);
        let named: Vec<_> = cells[2].split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty() || cells[2].starts_with("later: "), "point {number} names nothing");
        for test in named {
            assert!(exists(test), "point {number} names {test}, which does not exist");
        }
    }
    assert_eq!(numbers, (1..=204).collect::<Vec<_>>());
}

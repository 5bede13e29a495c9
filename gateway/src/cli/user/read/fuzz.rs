//! Any bytes as a file of accounts: each line is an account, whatever it is written in, or a complaint.

use std::path::Path;

use proptest::prelude::*;

use super::{Line, lines};
use gateway_clock::Timestamp;
use gateway_fuzz::{Corpus, Held};
use gateway_store::Account;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn read(file: &Path, text: &[u8]) -> Result<Vec<Line>, String> {
    std::fs::write(file, text).unwrap();
    lines(file, NOW).map(|(lines, _)| lines.collect())
}

/// The columns of docs/moving-in.md.
fn columns(account: &Account) -> [(&'static str, String); 9] {
    [
        ("id", account.id.map_or_else(String::new, |id| id.to_string())),
        ("email", account.email.as_str().to_owned()),
        ("password_hash", account.password_hash.0.clone()),
        ("first_name", account.first_name.clone()),
        ("last_name", account.last_name.clone()),
        ("role", account.role.to_string()),
        ("is_active", account.is_active.to_string()),
        ("created_at", account.created_at.to_millis_string()),
        ("email_verified", account.email_verified.to_string()),
    ]
}

fn written(account: &Account, ending: &str) -> Vec<u8> {
    let columns = columns(account);
    if ending == "jsonl" {
        let members = columns.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        return serde_json::Value::Object(members.collect()).to_string().into_bytes();
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let (names, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    writer.write_record(names).unwrap();
    writer.write_record(values).unwrap();
    writer.into_inner().unwrap()
}

fn law(folder: &Path, bytes: &[u8]) -> Held {
    let mut is_taken = false;
    for ending in ["csv", "jsonl"] {
        let file = folder.join("accounts").with_extension(ending);
        let Ok(read_once) = read(&file, bytes) else { continue };
        let (mut last, count) = (0, bytes.split(|byte| *byte == b'\n').count() as u64);
        for Line { number, account } in read_once {
            // A carriage return alone ends a record of CSV, and not a line.
            let is_next = number > last || number == last && bytes.contains(&b'\r');
            prop_assert!(is_next && number <= count, "line {} behind {} of {}", number, last, count);
            last = number;
            match account {
                Err(fault) => {
                    prop_assert!(!fault.is_empty() && !fault.contains(char::is_control), "{:?}", fault);
                    prop_assert!(!fault.contains('$'), "a hash is shown: {}", fault);
                }
                Ok(account) => {
                    is_taken = true;
                    for ending in ["csv", "jsonl"] {
                        let file = folder.join("again").with_extension(ending);
                        let again = read(&file, &written(&account, ending)).unwrap();
                        let again: Vec<_> = again.into_iter().map(|line| line.account).collect();
                        prop_assert_eq!(again, vec![Ok(account.clone())], "{}", ending);
                    }
                }
            }
        }
    }
    Ok(is_taken)
}

#[test]
fn a_line_is_an_account_in_either_form_or_a_complaint_that_shows_no_hash() {
    let folder = tempfile::tempdir().unwrap();
    Corpus::new("accounts").hold(|bytes| law(folder.path(), bytes));
}

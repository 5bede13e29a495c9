//! What callgrind writes, as far as it is read: the instructions of the program's own functions.

use std::collections::HashMap;

/// The inner loop of SHA-256: processors have instructions for it that Valgrind does not know, so
/// that its replacement would be two fifths of an admission, and hide what grows beside it.
const LEFT_OUT: &str = "sha256_block_data_order";

/// All instructions that were counted, without those of the function that is left out.
pub(crate) fn instructions(written: &str) -> Option<u64> {
    let total: u64 = written.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()?;
    total.checked_sub(left_out(written)?)
}

/// Costs follow the name of the function whose own they are; but the line after `calls=` has the
/// costs of the function that is called.
fn left_out(written: &str) -> Option<u64> {
    let mut names = HashMap::new();
    let (mut inside, mut of_a_call, mut sum) = (false, false, 0);
    for line in written.lines() {
        if let Some((key @ ("fn" | "cfn"), name)) = line.split_once('=') {
            // A name is written out once, and is a number from then on.
            let (number, name) = name.split_once(' ').unwrap_or((name, ""));
            let is = *names.entry(number).or_insert_with(|| name.contains(LEFT_OUT));
            inside = if key == "fn" { is } else { inside };
        } else if line.starts_with("calls=") {
            of_a_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            if inside && !of_a_call {
                sum += line.split(' ').nth(1)?.parse::<u64>().ok()?;
            }
            of_a_call = false;
        }
    }
    Some(sum)
}

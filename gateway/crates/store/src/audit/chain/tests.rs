//! What a proof finds: each way to tamper with a trail.

use proptest::prelude::*;

use super::*;

fn trail(count: u64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut head = Hash::default();
    for seq in 1..=count {
        let entry = Entry { reason: Some(format!("reason {seq}").into()), ..Entry::new("login_failed") };
        let (line, hash) = seal(seq, Timestamp::from_millis(1_800_000_000_000 + seq), entry, head).unwrap();
        lines.push(line);
        head = hash;
    }
    lines
}

fn prove(lines: &[String], noted: Option<(u64, Hash)>) -> Result<Proof, Break> {
    let mut prover = Prover::new(noted);
    lines.iter().try_for_each(|line| prover.take(line))?;
    prover.finish(None)
}

#[test]
fn a_trail_as_it_was_written_is_proved() {
    let proof = prove(&trail(20), None).unwrap();
    assert_eq!((proof.entries, proof.first, proof.last), (20, 1, 20));
    assert_eq!(prove(&trail(20), Some((20, proof.head))), Ok(proof));
}

#[test]
fn a_changed_entry_is_found_and_named() {
    let mut lines = trail(5);
    lines[2] = lines[2].replace("reason 3", "reason 4");
    assert_eq!(prove(&lines, None), Err(Break::Changed { seq: 3 }));
}

#[test]
fn an_entry_that_was_sealed_anew_no_longer_leads_to_the_next() {
    let mut lines = trail(5);
    let before = Hash::parse(&lines[1][lines[1].len() - 66..lines[1].len() - 2]).unwrap();
    lines[2] = seal(3, Timestamp::from_millis(0), Entry::new("login_succeeded"), before).unwrap().0;
    assert_eq!(prove(&lines, None), Err(Break::Unlinked { seq: 4 }));
}

#[test]
fn a_removed_and_a_moved_entry_are_found() {
    let mut lines = trail(5);
    lines.remove(2);
    assert_eq!(prove(&lines, None), Err(Break::OutOfPlace { expected: 3, found: 4 }));
    let mut lines = trail(5);
    lines.swap(1, 2);
    assert_eq!(prove(&lines, None), Err(Break::OutOfPlace { expected: 2, found: 3 }));
}

#[test]
fn a_beginning_that_is_gone_must_be_vouched_for() {
    let mut lines = trail(5);
    let last_removed = Hash::parse(&lines[1][lines[1].len() - 66..lines[1].len() - 2]).unwrap();
    let head = Hash::parse(&lines[4][lines[4].len() - 66..lines[4].len() - 2]).unwrap();
    lines.drain(..2);
    assert_eq!(prove(&lines, None), Err(Break::Beheaded { seq: 3 }));
    let vouching = Entry { detail: Some(vouch(2, last_removed)), ..Entry::new(EXPIRED) };
    lines.push(seal(6, Timestamp::from_millis(0), vouching, head).unwrap().0);
    assert_eq!(prove(&lines, None).unwrap().entries, 4);
}

#[test]
fn an_end_that_is_gone_and_a_trail_written_anew_are_found_by_what_was_noted() {
    let lines = trail(5);
    let head = prove(&lines, None).unwrap().head;
    let noted = Some((5, head));
    assert_eq!(prove(&lines[..4], noted), Err(Break::CutOff { expected: 5, found: 4 }));
    let mut anew = trail(4);
    let before = prove(&anew, None).unwrap().head;
    anew.push(seal(5, Timestamp::from_millis(0), Entry::new("logged_out"), before).unwrap().0);
    assert_eq!(prove(&anew, noted), Err(Break::Rewritten { seq: 5 }));
}

#[test]
fn a_noted_entry_from_before_the_beginning_proves_nothing_unless_it_is_the_last_that_was_removed() {
    let whole = trail(6);
    let hash = |line: &str| Hash::parse(&line[line.len() - 66..line.len() - 2]).unwrap();
    let (second, last) = (hash(&whole[1]), hash(&whole[5]));
    let vouching = Entry { detail: Some(vouch(2, second)), ..Entry::new(EXPIRED) };
    let mut left = whole[2..].to_vec();
    left.push(seal(7, Timestamp::from_millis(0), vouching, last).unwrap().0);
    assert!(prove(&left, Some((2, second))).is_ok());
    assert_eq!(prove(&left, Some((2, last))), Err(Break::Rewritten { seq: 2 }));
    assert_eq!(prove(&left, Some((1, hash(&whole[0])))), Err(Break::NotedIsGone { seq: 1 }));
}

proptest! {
    #[test]
    fn no_single_changed_byte_is_overlooked(place in 0_usize..2_000, to in 1_u8..127) {
        let mut text = trail(6).join("\n").into_bytes();
        let place = place % text.len();
        prop_assume!(text[place] != to);
        text[place] = to;
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<_> = text.split('\n').map(str::to_owned).collect();
        let noted = prove(&trail(6), None).unwrap().head;
        prop_assert!(prove(&lines, Some((6, noted))).is_err());
    }

    #[test]
    fn no_line_makes_it_panic(line in ".{0,200}") {
        prop_assert!(Prover::default().take(&line).is_err());
    }
}

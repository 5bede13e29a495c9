//! `gateway audit`: who did what, and the proof that nobody changed it.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::Value;

use super::operators::{Line, Place, cell, print, print_json};
use gateway_command::terminal::{GOOD, painted, table};
use gateway_command::{Failure, counted};
use gateway_store::{Hash, Proof, Prover};

/// Lines that are fetched at a time.
const FETCHED: u64 = 1_000;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show what happened, the newest first
    List {
        #[command(flatten)]
        place: Place,
        /// Only what this account did, or what is about it, by its address or its id; one that
        /// is gone by its id
        #[arg(long, value_name = "WHO")]
        user: Option<String>,
        /// Only this event, such as login_failed; docs/audit.md has all of them
        #[arg(long)]
        event: Option<String>,
        /// Only what was done with this e-mail address, also where it has no account
        #[arg(long)]
        email: Option<String>,
        /// Only what came from this IP address
        #[arg(long, value_name = "IP")]
        address: Option<String>,
        /// Not before this time, such as 2026-01-31T00:00:00Z
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Not after this time
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// For programs: the entries as they are, one a line
        #[arg(long)]
        json: bool,
    },
    /// Write the whole trail as JSON lines, the oldest first
    Export {
        #[command(flatten)]
        place: Place,
        /// From this entry on; such a part is proved by --head with the entry before it
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        first: u64,
    },
    /// Prove that no entry was changed, removed or moved
    Verify {
        /// The gateway's configuration, which names its store
        #[arg(long, value_name = "FILE", required_unless_present_any = ["data", "file"])]
        config: Option<PathBuf>,
        /// The store's folder (store.path), in place of a configuration
        #[arg(long, value_name = "DIR", conflicts_with = "config")]
        data: Option<PathBuf>,
        /// An exported file, instead of the trail in the store
        #[arg(long, conflicts_with_all = ["config", "data"])]
        file: Option<PathBuf>,
        /// An entry's number and hash that was noted elsewhere, as this command prints them: it must
        /// be in the trail. This finds a trail that was written anew from some entry on
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<String>,
        /// For programs
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.action {
        Action::List { place, user, event, email, address, since, until, limit, json } => {
            let line = place.open()?;
            // By its id an account is found that is gone.
            let id = |who: String| match who.parse::<u64>() {
                Ok(_) => Ok(who),
                Err(_) => Ok(line.user(&who)?["id"].to_string()),
            };
            let user = user.map(id).transpose()?;
            let wanted = [
                ("user_id", user),
                ("event", event),
                ("email", email),
                ("address", address),
                ("since", since),
                ("until", until),
            ];
            list(&line, &wanted, limit, json)
        }
        Action::Export { place, first } => each_line(&place.open()?, first, |text| {
            print(&format!("{text}\n"));
            Ok(())
        }),
        Action::Verify { config, data, file, head, json } => {
            let noted = head.map(|text| noted(&text)).transpose()?;
            let proof = match file {
                Some(file) => proof_of_file(&file, noted)?,
                None => proof_of_store(&Place::new(config, data).open()?, noted)?,
            };
            let Proof { entries, first, last, head } = proof;
            if json {
                let head = head.to_string();
                let body =
                    serde_json::json!({ "entries": entries, "first": first, "last": last, "head": head });
                print_json(&body);
            } else {
                let entries = counted(entries, "entry", "entries");
                let whole = painted(GOOD, "whole and unchanged");
                anstream::println!("{entries}, {first} to {last}: {whole}");
                print(&format!("note this elsewhere, for `gateway audit verify --head`: {last}:{head}\n"));
            }
            Ok(())
        }
    }
}

fn list(line: &Line, wanted: &[(&str, Option<String>)], limit: usize, json: bool) -> Result<(), Failure> {
    let (mut rows, mut shown) = (Vec::new(), 0);
    let mut cursor: Option<String> = None;
    while shown < limit {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in wanted {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if let Some(cursor) = &cursor {
            query.append_pair("cursor", cursor);
        }
        query.append_pair("limit", &(limit - shown).min(500).to_string());
        let found = line.get(&format!("/api/auth/audit?{}", query.finish()))?;
        for event in found["events"].as_array().into_iter().flatten() {
            shown += 1;
            // For programs there may be any number: none is kept.
            if json { print(&format!("{event}\n")) } else { rows.push(row(event)) }
        }
        cursor = found["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if json {
        return Ok(());
    }
    print(&table(&["NUMBER", "TIME", "EVENT", "WHO", "ABOUT", "ADDRESS", "DETAILS"], &rows));
    Ok(())
}

fn row(event: &Value) -> Vec<String> {
    let who = match event["actor"]["kind"].as_str() {
        Some("user") => format!("user {}", event["actor"]["user_id"]),
        Some("operator") => format!("operator {}", event["actor"]["uid"]),
        Some("gateway") => "gateway".to_owned(),
        _ => "-".to_owned(),
    };
    let about = match (&event["user_id"], &event["email"]) {
        (Value::Null, email) => cell(email),
        (id, Value::Null) => format!("user {id}"),
        (id, email) => format!("user {id} {}", cell(email)),
    };
    let details = ["reason", "now"].iter().filter_map(|name| event[*name].as_str());
    let details = Value::from(details.collect::<Vec<_>>().join("; "));
    let (seq, time, word) = (&event["seq"], &event["time"], &event["event"]);
    vec![cell(seq), cell(time), cell(word), who, about, cell(&event["address"]), cell(&details)]
}

fn each_line(
    line: &Line,
    first: u64,
    mut take: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut next = first;
    loop {
        let found = line.get(&format!("/operator/audit/lines?first={next}&limit={FETCHED}"))?;
        let lines = found["lines"].as_array().cloned().unwrap_or_default();
        // A page may be short, as its lines are long.
        if lines.is_empty() {
            return Ok(());
        }
        for text in lines.iter().filter_map(Value::as_str) {
            take(text)?;
            let entry: Value = serde_json::from_str(text).unwrap_or_default();
            next = entry["seq"].as_u64().unwrap_or(next) + 1;
        }
    }
}

fn proof_of_store(line: &Line, noted: Option<(u64, Hash)>) -> Result<Proof, Failure> {
    let found = line.get("/operator/audit/proof")?;
    if let Some(broken) = found["broken"].as_str() {
        return Err(Failure::Verdict(vec![broken.to_owned()]));
    }
    let number = |name: &str| found[name].as_u64().unwrap_or(0);
    let head = found["head"].as_str().and_then(Hash::parse).unwrap_or_default();
    let proof = Proof { entries: number("entries"), first: number("first"), last: number("last"), head };
    let Some((seq, hash)) = noted else { return Ok(proof) };
    // The trail holds together: that this entry is the one that was noted proves all before it.
    let found = line.get(&format!("/operator/audit/lines?first={seq}&limit=1"))?;
    let text = found["lines"][0].as_str().unwrap_or_default();
    if text.ends_with(&format!(",\"hash\":\"{hash}\"}}")) {
        return Ok(proof);
    }
    let why = match seq {
        seq if seq > proof.last => format!("entry {seq} was noted, and the trail ends with {}", proof.last),
        seq if seq < proof.first => {
            format!("entry {seq} was removed, as its time was over: note a newer one")
        }
        seq => format!("entry {seq} is not the one that was noted: the trail was written anew"),
    };
    Err(Failure::Verdict(vec![why]))
}

fn proof_of_file(file: &Path, noted: Option<(u64, Hash)>) -> Result<Proof, Failure> {
    let fault = |fault: std::io::Error| Failure::Other(format!("{}: {fault}", file.display()));
    let lines = std::io::BufReader::new(std::fs::File::open(file).map_err(fault)?).lines();
    let mut prover = Prover::new(noted);
    let verdict = |broken: gateway_store::Break| Failure::Verdict(vec![broken.to_string()]);
    for line in lines {
        prover.take(&line.map_err(fault)?).map_err(verdict)?;
    }
    prover.finish(None).map_err(verdict)
}

fn noted(text: &str) -> Result<(u64, Hash), Failure> {
    let read = || {
        let (seq, hash) = text.split_once(':')?;
        Some((seq.parse().ok()?, Hash::parse(hash)?))
    };
    read().ok_or_else(|| {
        Failure::Other(format!("--head {text}: write a number, a colon and 64 hexadecimal digits"))
    })
}

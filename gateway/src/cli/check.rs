//! `gateway check`: is this configuration one that can be started, and is it wise?

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::json;

use super::{EXIT_CONFIG, EXIT_VERDICT};
use crate::startup::let_signals_through;
use gateway_command::terminal::{GOOD, UNCLEAR, painted};
use gateway_command::{Failure, counted};
use gateway_config::{Checked, Finding, Flags, Found, KeyPolicy, Secrets, called, examine, load};
use gateway_limits::Limiters;

const ROTATION: &str =
    "refresh.rotation = \"always\" limits what a stolen refresh token is worth (RFC 9700 §4.14.2)";

#[derive(clap::Args)]
#[command(after_long_help = "\
Ends with 0 when it can be started, 78 when something is wrong with it, 3 when expectations beside \
its routes do not hold, or with --strict when there are warnings.

--json writes one document: configuration; verdict (can_be_started, faults, unmet or warnings); \
faults, warnings and notes, each a list of key, entry, file, line, value, message and advice, of \
which all but message can be null; unmet, a list of sentences.")]
pub(super) struct Arguments {
    /// The configuration to check; - is standard input, and without it the defaults are checked
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// End with 3 when there are warnings
    #[arg(long)]
    strict: bool,
    /// A warning about this key is no reason for --strict, such as operations.listen or upstreams in a
    /// container; may be given several times
    #[arg(long, value_name = "KEY", requires = "strict")]
    accept: Vec<String>,
    /// For programs
    #[arg(long)]
    json: bool,
}

/// Everything that is to be said, whether it can be started or not.
#[derive(Default)]
struct Told {
    faults: Vec<Finding>,
    warnings: Vec<Finding>,
    notes: Vec<Finding>,
    unmet: Vec<String>,
    rotate_always: bool,
    /// Keys whose warnings are known.
    accepted: Vec<String>,
}

/// Touches nothing: no key is made, no listener bound, no store opened.
pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    // A gateway that asks whether another may take over holds them back.
    let_signals_through();
    let loaded = load(arguments.config.as_deref(), &Flags::default());
    let secrets = Secrets::read(&gateway_command::environment);
    let mut told = match examine(loaded, secrets, KeyPolicy::Foresee, &Limiters::default()) {
        Ok(checked) => Told::new(checked),
        Err(Found { faults, warnings, notes }) => {
            Told { faults, warnings, notes, rotate_always: true, ..Told::default() }
        }
    };
    told.accepted = arguments.accept;
    let what = arguments.config.as_deref().map_or("the defaults".to_owned(), called);
    if arguments.json {
        return told.tell_program(&what, arguments.strict);
    }
    told.tell_person(&what, arguments.strict)
}

impl Told {
    fn new(checked: Checked) -> Self {
        let Checked { warnings, notes, rotate_always, unmet, .. } = checked;
        let unmet = unmet.iter().map(ToString::to_string).collect();
        Self { warnings, notes, unmet, rotate_always, ..Self::default() }
    }

    /// Warnings that nobody accepted.
    fn counting(&self) -> usize {
        let is_accepted = |key: &String| self.accepted.contains(key);
        self.warnings.iter().filter(|warning| !warning.key.as_ref().is_some_and(is_accepted)).count()
    }

    /// The word for it, and the status.
    fn verdict(&self, strict: bool) -> (&'static str, u8) {
        match (self.faults.is_empty(), self.unmet.is_empty(), strict && self.counting() > 0) {
            (false, ..) => ("faults", EXIT_CONFIG),
            (_, false, _) => ("unmet", EXIT_VERDICT),
            (_, _, true) => ("warnings", EXIT_VERDICT),
            _ => ("can_be_started", 0),
        }
    }

    fn tell_person(self, what: &str, strict: bool) -> Result<(), Failure> {
        if !self.faults.is_empty() {
            return Err(Failure::Configuration(self.faults.iter().map(ToString::to_string).collect()));
        }
        let mut findings = String::new();
        for warning in &self.warnings {
            writeln!(findings, "{} {warning}", painted(UNCLEAR, "warning:")).ok();
        }
        for note in &self.notes {
            writeln!(findings, "note: {note}").ok();
        }
        if !self.rotate_always {
            writeln!(findings, "{} {ROTATION}", painted(UNCLEAR, "advice:")).ok();
        }
        // At once: a gateway that is replaced has this checked, and writes its log to the same place.
        anstream::AutoStream::auto(std::io::stderr()).write_all(findings.as_bytes()).ok();
        match self.verdict(strict) {
            ("can_be_started", _) => {
                anstream::println!("{what}: {}", painted(GOOD, "can be started"));
                Ok(())
            }
            ("warnings", _) => {
                let count = counted(self.counting() as u64, "warning", "warnings");
                Err(Failure::Verdict(vec![format!(
                    "{what}: can be started, with {count}, and --strict allows none"
                )]))
            }
            _ => Err(Failure::Verdict(self.unmet)),
        }
    }

    fn tell_program(self, what: &str, strict: bool) -> Result<(), Failure> {
        let (verdict, status) = self.verdict(strict);
        let Self { faults, warnings, notes, unmet, rotate_always, .. } = self;
        let mut notes: Vec<_> = notes.iter().map(|note| json!(note)).collect();
        if !rotate_always {
            notes.push(json!({
                "key": "refresh.rotation", "entry": null, "file": null, "line": null, "value": null,
                "message": ROTATION, "advice": null,
            }));
        }
        let document = json!({
            "configuration": what, "verdict": verdict,
            "faults": faults, "warnings": warnings, "notes": notes, "unmet": unmet,
        });
        super::operators::print_json(&document);
        if status == 0 { Ok(()) } else { Err(Failure::Said(status)) }
    }
}

//! What the command line asks for.

use std::path::PathBuf;
use std::time::Duration;

use crate::support::project;

pub(crate) const USAGE: &str = "\
usage: ./dev watch [--minutes N] [--pictures DIR] [--binary FILE]
  --minutes   how long the load goes on, 1 to 60 instead of 10
  --pictures  draws the dashboards into this folder when it is over, and ends
  --binary    the gateway that is run";

/// Paths count from the project's folder, wherever Cargo runs this.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) time: Duration,
    pub(crate) pictures: Option<PathBuf>,
    /// Instead of the one that was built beside this program.
    pub(crate) binary: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { time: Duration::from_secs(600), pictures: None, binary: None };
        // Cargo adds this one for benchmarks.
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} wants a value"));
            match argument.as_str() {
                "--minutes" => {
                    let minutes = value()?;
                    let sound = minutes.parse().ok().filter(|minutes| (1..=60).contains(minutes));
                    let minutes: u64 = sound.ok_or(format!("--minutes {minutes}: write 1 to 60"))?;
                    options.time = Duration::from_secs(60 * minutes);
                }
                "--pictures" => options.pictures = Some(project().join(value()?)),
                "--binary" => options.binary = Some(project().join(value()?)),
                other => return Err(format!("{other}: there is no such option")),
            }
        }
        Ok(options)
    }
}

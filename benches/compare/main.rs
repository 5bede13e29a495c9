//! The gateway beside bare Pingora proxies and beside others for the same job: the same service, the
//! same load, in one run.
//!
//! What counts is the CPU time of the proxy's process for each request; requests per second
//! follow. Clients speak to loopback only, for a bounded time.
#![expect(clippy::cast_precision_loss, reason = "counts of requests and bytes are far below 2^53")]

mod bare;
mod contestants;
mod credentials;
mod figures;
mod gateways;
mod growth;
mod idle;
mod levels;
mod load;
mod options;
mod overview;
mod peers;
mod picture;
mod programs;
mod race;
mod report;
mod statistics;
mod storm;
#[path = "../support.rs"]
mod support;
mod targets;
mod upstream;

use std::fmt::Write as _;
use std::path::Path;

use gateway::clock::Stopwatch;

use contestants::Stage;
use credentials::Credentials;
use levels::Level;
use options::{Extra, Options};
use programs::{Cores, Side};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let outcome = match arguments.next().as_deref() {
        Some("bare") => bare::run(arguments),
        Some("upstream") => {
            upstream::run();
            Ok(())
        }
        first => match Options::parse(first.into_iter().map(str::to_owned).chain(arguments)) {
            Ok(options) => compare(&options),
            Err(fault) => {
                eprintln!("{fault}\n{}", options::USAGE);
                std::process::exit(2);
            }
        },
    };
    if let Err(fault) = outcome {
        eprintln!("{fault}");
        std::process::exit(1);
    }
}

fn compare(options: &Options) -> Result<(), String> {
    let watch = Stopwatch::start();
    let machine = report::machine();
    gateway::token::install_cryptography()?;
    rlimit::increase_nofile_limit(u64::MAX).map_err(|fault| fault.to_string())?;
    let folder = tempfile::tempdir().map_err(|fault| fault.to_string())?;
    let own = std::env::current_exe().map_err(|fault| fault.to_string())?;
    let same_built = programs::build_bare_mimalloc()?;
    let cores = Cores::choose();
    cores.pin(Side::Rest);
    let credentials = Credentials::make()?;
    let upstream = gateways::upstream(cores)?;
    let redis = gateways::redis(cores, folder.path()).inspect_err(|why| eprintln!("L4 is left out: {why}"));
    let levels: Vec<_> = Level::ALL.into_iter().filter(|level| options.measures(*level)).collect();
    let stage = Stage {
        cores,
        folder: folder.path(),
        upstream: upstream.address,
        credentials: &credentials,
        redis: redis.as_ref().ok(),
        levels: &levels,
        bare: [own, same_built],
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|fault| fault.to_string())?;
    let rows = if levels.is_empty() { Vec::new() } else { race::run(options, &stage, &runtime)? };

    let mut text = format!("{machine}\n\n{}\n\n", report::versions());
    if !rows.is_empty() {
        text.push_str(&overview::table(&rows, &levels));
        text.push_str("\nThe same with spreads, ratios of the same round, rates and latencies:\n\n");
    }
    text.push_str(&report::tables(&rows, &levels));
    if !rows.is_empty() {
        text.push_str(&report::remarks(options, cores, &rows));
        text.push('\n');
    }
    for extra in Extra::ALL.into_iter().filter(|extra| options.includes(*extra)) {
        eprintln!("measuring {}", extra.key());
        let section = match extra {
            Extra::Idle => idle::run(options, &stage, &runtime)?,
            Extra::Growth => growth::run(options, &stage, &runtime)?,
            Extra::Storm => storm::run(options, &stage, &runtime)?,
        };
        text.push_str(&section);
    }
    if cfg!(debug_assertions) {
        text.push_str("**The gateway and the bare proxies were built without optimisation: this run shows that everything works, and nothing else.** ");
    }
    writeln!(text, "{:.0} s in all.", watch.elapsed().as_secs_f64()).ok();
    println!("{text}");
    let picture = picture::draw(&rows, &levels, &machine).transpose()?;
    store("target/compare", &text, picture.as_deref())?;
    // Figures of a build without optimisation are none.
    if options.stores() && !cfg!(debug_assertions) {
        store("docs/performance", &text, picture.as_deref())?;
    }
    Ok(())
}

/// The table, and the picture beside it, in a folder of the project.
fn store(folder: &str, text: &str, picture: Option<&str>) -> Result<(), String> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let folder = project.join(folder);
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        std::fs::write(&file, text).map_err(|fault| format!("{}: {fault}", file.display()))?;
        eprintln!("stored {}", file.display());
        Ok::<_, String>(())
    };
    std::fs::create_dir_all(&folder).map_err(|fault| format!("{}: {fault}", folder.display()))?;
    let title = "# The comparison\n\nMade by `./dev bench compare`; a full run replaces it.\n\n";
    let shown = if picture.is_some() { "![CPU time for each request](compare.svg)\n\n" } else { "" };
    write("compare.md", &format!("{title}{shown}{text}"))?;
    picture.map_or(Ok(()), |picture| write("compare.svg", picture))
}

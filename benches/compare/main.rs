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
mod levels;
mod load;
mod options;
mod peers;
mod picture;
mod programs;
mod race;
mod report;
mod statistics;
#[path = "../support.rs"]
mod support;
mod targets;
mod upstream;

use std::path::Path;

use gateway::clock::Stopwatch;

use contestants::Stage;
use credentials::Credentials;
use levels::Level;
use options::Options;
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
    let rows = race::run(options, &stage, &runtime)?;

    let mut text = format!("{machine}\n\n{}\n\n", report::versions());
    text.push_str(&report::tables(&rows, &levels));
    text.push_str(&report::remarks(options, cores, &rows, watch.elapsed()));
    println!("{text}");
    let picture = picture::draw(&rows, &levels, &machine).transpose()?;
    // Figures of a build without optimisation are none.
    if options.stores() && !cfg!(debug_assertions) { store(&text, picture.as_deref()) } else { Ok(()) }
}

/// Beside the note on performance.
fn store(text: &str, picture: Option<&str>) -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance");
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

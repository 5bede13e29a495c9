//! `./dev watch`: a gateway before a service, a real Prometheus with our rules, and clients of all
//! kinds for a bounded time; Grafana too, where it is installed. To look at, and to draw pictures of.

mod clients;
mod grafana;
mod options;
#[path = "../../tests"]
#[allow(unused_macros, unused_imports, reason = "the tests use more of it")]
mod shared {
    pub(crate) mod support;
}
mod world;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway_clock::Stopwatch;
use shared::support;
use tokio::signal::unix::{SignalKind, signal};

use options::Options;
use world::World;

const LOOK_EVERY: Duration = Duration::from_millis(200);

fn main() {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(fault) => {
            eprintln!("{fault}\n{}", options::USAGE);
            std::process::exit(2);
        }
    };
    if let Some(binary) = options.binary.clone() {
        drop(support::gateway::LOOKED_AT.set(binary));
    }
    let stop = stop_when_told();
    let world = World::start();
    let grafana = grafana::start(world.prometheus.address);
    introduce(&world, grafana.as_ref(), &options);
    let begun = Stopwatch::start();
    let over = AtomicBool::new(false);
    let told = || stop.load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        let _over = support::SetOnDrop(&over);
        scope.spawn(|| clients::run(&world, options.time, &over));
        while begun.elapsed() < options.time && !told() {
            std::thread::park_timeout(LOOK_EVERY);
        }
        // While they still ask: figures of now would else be those of an idle gateway.
        if let Some(folder) = options.pictures.as_deref().filter(|_| !told()) {
            let drawn = world.draw(folder, begun.elapsed());
            println!(
                "\n{}",
                if drawn { "The pictures are drawn." } else { "Not all pictures could be drawn." }
            );
        }
    });
    if options.pictures.is_none() && !told() {
        println!("\nThe load is over; everything else runs on until Ctrl-C.");
        while !told() {
            std::thread::park_timeout(LOOK_EVERY);
        }
    }
}

/// Ctrl-C, or SIGTERM: whatever was started is ended then.
fn stop_when_told() -> &'static AtomicBool {
    static STOP: AtomicBool = AtomicBool::new(false);
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be waited for");
            let mut terminate = signal(SignalKind::terminate()).expect("signals can be waited for");
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        STOP.store(true, Ordering::Relaxed);
    });
    &STOP
}

fn introduce(world: &World, grafana: Option<&grafana::Grafana>, options: &Options) {
    println!("gateway      http://{}   (accounts: register at /api/auth/register)", world.gateway.address);
    println!("  its log    {}", world.log.display());
    println!("metrics      http://{}/metrics", world.gateway.operations);
    println!("Prometheus   http://{}   (alerts: /alerts, rules: /rules)", world.prometheus.address);
    match grafana {
        Some(grafana) => println!("Grafana      http://{}/dashboards", grafana.address),
        None => println!(
            "Grafana      is not installed here. In one of yours add a Prometheus data source with the\n             address above, and import grafana/dashboards/*.json (grafana/README.md)."
        ),
    }
    println!("\n{}", clients::PROGRAMME);
    println!(
        "It goes on for {} minutes, on loopback only; Ctrl-C ends everything.",
        options.time.as_secs() / 60
    );
}

//! What a request asks of the system: calls counted by strace, of a few requests and of many over as
//! many connections, and the difference told for one.

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use gateway_clock::Stopwatch;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::runtime::Runtime;

use crate::contestants::Stage;
use crate::counts::{self, Calls};
use crate::gateways::{self, Build, Settings, UNREACHED};
use crate::levels::{Level, Who};
use crate::load::Load;
use crate::options::Options;
use crate::programs::Watched;
use crate::section::{Section, cell};
use crate::targets::{READS_MAX, Verdict};

const LEVELS: [Level; 3] = [Level::Plain, Level::Limited, Level::Redis];
const FEW: u64 = 1_000;
const MORE: u64 = 20_000;
const MORE_QUICK: u64 = 2_000;
/// In which strace has hold of all threads.
const ATTACH_TIME_MAX: Duration = Duration::from_secs(10);

pub(crate) fn run(options: &Options, stage: &Stage<'_>, runtime: &Runtime) -> Result<Section, String> {
    let mut table =
        "| | | calls | reads | of them peeks | writes | all of them |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    let mut verdicts = Vec::new();
    for level in LEVELS {
        let key = level.title().split(':').next().unwrap_or_default();
        for who in [Who::SameBuilt, Who::Gateway, Who::LaneClosed, Who::Before, Who::NginxLua, Who::Haproxy] {
            let takes_part = level.everybody().any(|one| one == who) && options.wants(who);
            // A bare proxy does the same at each level.
            if !takes_part || (who == Who::SameBuilt && level != Level::Plain) {
                continue;
            }
            let name = if who == Who::Gateway { "**gateway**" } else { who.name() };
            match counted(options, stage, runtime, who, level) {
                Ok((calls, peeks)) => {
                    let (reads, writes) = (calls.reads(), calls.writes());
                    let (all, list) = (calls.all(), calls.list());
                    writeln!(
                        table,
                        "| {key} | {name} | {all:.2} | {reads:.2} | {peeks:.2} | {writes:.2} | {list} |"
                    )
                    .ok();
                    if who == Who::Gateway {
                        for (what, figure) in [("reads", reads), ("writes", writes)] {
                            // A few that find nothing are no more than that.
                            let figure = (figure * 10.0).round() / 10.0;
                            verdicts.push(Verdict::at_most(
                                &format!("{key}: {what}"),
                                Some(figure),
                                READS_MAX,
                            ));
                        }
                    }
                }
                Err(why) => drop(writeln!(table, "| {key} | {name} | not counted: {} | | | | |", cell(&why))),
            }
        }
    }
    let remark = format!(
        "{CONNECTIONS} connections, strace -c -f: what {} requests took more than {FEW}, for one of them. A process that is traced is slow, so that timers and waits for the next event count for more than they do otherwise. A read that only peeks counts as one: the gateway looks at a kept connection before it uses it again. Peeks were counted over {FEW} requests, with those that come once for each connection.",
        more(options),
        CONNECTIONS = crate::load::CONNECTIONS,
    );
    let title = "calls: what a request asks of the system".to_owned();
    Ok(Section { title, table, verdicts, remark })
}

fn more(options: &Options) -> u64 {
    if options.quick { MORE_QUICK } else { MORE }
}

fn counted(
    options: &Options,
    stage: &Stage<'_>,
    runtime: &Runtime,
    who: Who,
    level: Level,
) -> Result<(Calls, f64), String> {
    if level == Level::Redis && stage.redis.is_none() {
        return Err("there is no redis-server on this machine".to_owned());
    }
    let build = match who {
        Who::Gateway => Some(Build::Ours),
        Who::LaneClosed => Some(Build::LaneClosed),
        Who::Before => Some(stage.before()?),
        _ => None,
    };
    // Gateways do not let themselves be traced unless they are told to.
    if let Some(build) = build {
        let redis = stage.redis.filter(|_| level == Level::Redis);
        let settings =
            Settings { build, redis, traced: true, user_limit: Some(UNREACHED), ..Settings::default() };
        let name = format!("{}-traced-{}", who.key(), level.key());
        let gateway = gateways::gateway(stage, &name, &settings)?;
        let load = stage.load(level, who, gateway.address);
        return runtime.block_on(difference(&load, gateway.pid(), more(options)));
    }
    let only = [level];
    let contestant = Stage { levels: &only, ..*stage }.start(who)?;
    let (address, Watched { proxy, .. }) = contestant.at(level, None).ok_or("it has none")?;
    let pid = *proxy.first().ok_or("it has no process")?;
    runtime.block_on(difference(&stage.load(level, who, address), pid, more(options)))
}

/// Calls for each request, and how many of their reads take nothing.
async fn difference(load: &Load, pid: u32, more: u64) -> Result<(Calls, f64), String> {
    const COUNT: [&str; 3] = ["-c", "-U", "calls,name"];
    const READS: [&str; 2] = ["-e", "trace=recvfrom,recvmsg"];
    load.ready().await?;
    load.send(FEW).await?;
    let few = counts::read(&traced(load, pid, FEW, &COUNT).await?);
    let many = counts::read(&traced(load, pid, FEW + more, &COUNT).await?);
    let reads = traced(load, pid, FEW, &READS).await?;
    Ok((Calls::between(&few, &many, more), counts::peeks(&reads) as f64 / FEW as f64))
}

/// What strace says of the process while so many requests are sent.
async fn traced(load: &Load, pid: u32, requests: u64, asked: &[&str]) -> Result<String, String> {
    let fault = |fault: std::io::Error| format!("strace: {fault}");
    let said = tempfile::NamedTempFile::new().map_err(fault)?;
    let mut strace = Command::new("strace");
    strace.args(asked).args(["-f", "-q", "-p", &pid.to_string(), "-o"]).arg(said.path());
    let mut strace = strace.stdin(Stdio::null()).stderr(Stdio::null()).spawn().map_err(fault)?;
    let sent = match has_hold(pid, &mut strace).await {
        Ok(()) => load.send(requests).await,
        refused => refused,
    };
    // It then writes what is left to be said, and lets go.
    kill(Pid::from_raw(strace.id().cast_signed()), Signal::SIGINT).ok();
    strace.wait().map_err(fault)?;
    sent?;
    std::fs::read_to_string(said.path()).map_err(fault)
}

async fn has_hold(pid: u32, strace: &mut std::process::Child) -> Result<(), String> {
    let watch = Stopwatch::start();
    while !all_are_traced(pid) {
        if strace.try_wait().ok().flatten().is_some() || watch.elapsed() > ATTACH_TIME_MAX {
            return Err("strace may not trace it here".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

fn all_are_traced(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().all(|thread| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
        tracer.is_some_and(|tracer| tracer.trim() != "0")
    })
}

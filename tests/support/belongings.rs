//! What a process holds, as the kernel tells it: descriptors, connections, memory.

use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Where each open descriptor leads, such as `socket:[4711]`.
fn descriptors_of(pid: u32) -> Vec<String> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    // One may be closed meanwhile.
    entries.filter_map(|entry| Some(std::fs::read_link(entry.path()).ok()?.display().to_string())).collect()
}

/// How many descriptors are open.
pub fn descriptors(pid: u32) -> usize {
    descriptors_of(pid).len()
}

/// How many established connections lead to one of these addresses of loopback.
pub fn connections(pid: u32, to: &[SocketAddr]) -> usize {
    const ESTABLISHED: &str = "01";
    let own: BTreeSet<String> = descriptors_of(pid).into_iter().collect();
    let there: Vec<String> = to.iter().map(|address| format!("0100007F:{:04X}", address.port())).collect();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    let leads_there = |line: &&str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [_, _, remote, state, _, _, _, _, _, inode, ..] = fields[..] else { return false };
        state == ESTABLISHED
            && there.iter().any(|one| one == remote)
            && own.contains(&format!("socket:[{inode}]"))
    };
    table.lines().skip(1).filter(leads_there).count()
}

/// How large a core dump may be: the limit that holds, and up to which it can be raised.
pub fn core_limits(pid: u32) -> (String, String) {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    let mut fields = line.split_whitespace().map(str::to_owned);
    (fields.next().unwrap(), fields.next().unwrap())
}

/// How much processor time it has used, in ticks.
pub fn processor_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Behind the name of the program, which may have anything in it: fields 14 and 15 of proc(5).
    let fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// The memory that is in use, in bytes.
pub fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}

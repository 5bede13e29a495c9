//! What the chapters share: real programs on free ports, people who act through HTTP, and tokens
//! that nobody should accept.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::disallowed_methods,
    reason = "not every chapter uses everything; tests may read the clock to bound a wait"
)]

pub mod apache;
pub mod application;
pub mod authority;
pub mod backup;
pub mod belongings;
pub mod checking;
pub mod command;
pub mod contract;
pub mod exposition;
pub mod farm;
pub mod forge;
pub mod gateway;
pub mod grpc;
pub mod h2;
pub mod holders;
pub mod http;
pub mod keeper;
pub mod keys;
pub mod ledger;
pub mod limits;
pub mod log_lines;
pub mod marking;
pub mod nginx;
pub mod outbox;
pub mod people;
pub mod postgres;
pub mod prometheus;
pub mod raw;
pub mod redis;
pub mod restricted;
pub mod scripted;
pub mod small_disk;
pub mod smtp;
pub mod stores;
pub mod streaming;
pub mod terminal;
pub mod todo_backend;
pub mod told;
pub mod tools;
pub mod transfer;
pub mod uploads;
pub mod upstream;
pub mod verbatim;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Waits for something to become true, and fails loudly when it does not.
pub fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !happened() {
        assert!(Instant::now() < deadline, "did not happen within 60 s: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// The folder of the project.
pub fn project() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A port that is free now, and that none of these tests is given again: it lies below those that the
/// system hands out. Another program may take it all the same.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        // Where two runs are on one machine, they begin at different places.
        let place = std::process::id().wrapping_mul(499) + TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(10_240 + place % 20_000).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Several, no two the same.
pub fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    std::array::from_fn(|_| free_port())
}

/// Where nobody listens.
pub const NOWHERE: &str = "127.0.0.1:1";

/// Runs the same closure on many threads at once, and collects what they return.
pub fn in_parallel<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = std::sync::Barrier::new(count);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|number| {
                let (barrier, act) = (&barrier, &act);
                scope.spawn(move || {
                    barrier.wait();
                    act(number)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Sets a flag when it is dropped, also by a failed assertion: threads that go on until it is set
/// would otherwise keep a failed test from ending.
pub struct SetOnDrop<'a>(pub &'a std::sync::atomic::AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

/// All files of a folder and of the folders in it.
pub fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let below = entries.flat_map(|entry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => files_below(&entry.path()),
        kind if kind.is_file() => vec![entry.path()],
        _ => Vec::new(),
    });
    below.collect()
}

/// A copy of a folder and of the folders in it.
pub fn copy_folder(from: &std::path::Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in files_below(from) {
        let to = copy.path().join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&file, to).unwrap();
    }
    copy
}

/// What a token has in it: how its header begins, or its claims. Less of it could stand in any name of a
/// key.
pub const TOKENS: [&str; 3] = ["eyJ0eXAi", "eyJhbGci", ".eyJ"];

/// The words that mark each secret of the tests: no log may have them.
pub fn canary(text: &str) {
    for line in text.lines() {
        assert!(!line.contains("CANARY"), "a secret was written: {line}");
        for token in TOKENS {
            assert!(!line.contains(token), "a token was written: {line}");
        }
    }
}

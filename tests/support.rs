//! What the chapters share: real programs on free ports, people who act through HTTP, and tokens
//! that nobody should accept.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::disallowed_methods,
    reason = "not every chapter uses everything; tests may read the clock to bound a wait"
)]

pub mod authority;
pub mod contract;
pub mod exposition;
pub mod farm;
pub mod forge;
pub mod gateway;
pub mod h2;
pub mod http;
pub mod keys;
pub mod ledger;
pub mod nginx;
pub mod outbox;
pub mod people;
pub mod prometheus;
pub mod raw;
pub mod redis;
pub mod small_disk;
pub mod smtp;
pub mod stores;
pub mod streaming;
pub mod todo_backend;
pub mod tools;
pub mod upstream;

use std::time::{Duration, Instant};

/// Waits for something to become true, and fails loudly when it does not.
pub fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !happened() {
        assert!(Instant::now() < deadline, "did not happen within 20 s: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// The folder of the project.
pub fn project() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A port that is free now. What binds it next must be ready to try another one.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Several at once, no two the same.
pub fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let listeners: [_; COUNT] = std::array::from_fn(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.each_ref().map(|listener| listener.local_addr().unwrap().port())
}

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

/// The words that mark each secret of the tests: no log may have them.
pub fn canary(text: &str) {
    for line in text.lines() {
        assert!(!line.contains("CANARY"), "a secret was written: {line}");
        assert!(!line.contains("eyJ"), "a token was written: {line}");
    }
}

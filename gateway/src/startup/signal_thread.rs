//! Which thread takes signals: one alone. When it holds them back, what comes waits in the process, also
//! for a program that takes its place, as `execve` keeps what is pending. With any other thread to take
//! it, a signal could be lost between the last look and that program.

use std::sync::mpsc;
use std::thread::JoinHandle;

use nix::sys::signal::{SigSet, Signal};

/// Those that a program which does not listen for them yet would end by.
fn signals() -> SigSet {
    [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM, Signal::SIGUSR2].into_iter().collect()
}

/// To be called while there is no other thread: those that are begun later take no signals either, nor
/// do programs that they start.
pub(crate) fn hold_signals_back() {
    if let Err(fault) = signals().thread_block() {
        tracing::warn!(error = %fault, "signals cannot be held back");
    }
}

/// What this thread takes, or lets a program end that was started by one that holds signals back.
pub(crate) fn let_signals_through() {
    if let Err(fault) = signals().thread_unblock() {
        tracing::warn!(error = %fault, "signals cannot be let through");
    }
}

pub(super) struct SignalThread {
    hold: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl SignalThread {
    /// Lets signals through, also those that came while this program began. To be called once all of
    /// them are listened for.
    pub(super) fn start() -> Result<Self, String> {
        let (hold, held) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let_signals_through();
            // Until the other end is gone.
            held.recv().ok();
            hold_signals_back();
        });
        let thread = thread.map_err(|fault| format!("no thread can be made: {fault}"))?;
        Ok(Self { hold, thread })
    }

    /// From here on signals wait. What came before was told to whoever listens.
    pub(super) fn hold(self) {
        drop(self.hold);
        self.thread.join().ok();
    }
}

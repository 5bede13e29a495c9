//! SIGUSR2: another binary takes this one's place, in the same process. Its sockets are queued in a
//! socket pair whose other end becomes the standard input of what comes after.

use std::ffi::{CString, OsString};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use gateway_clock::Stopwatch;
use gateway_config::Source;
use gateway_edge::{Inherited, Left};

/// Tells the next process that its standard input has sockets.
const MARK: &str = "GATEWAY_HANDOVER";
/// Sockets in one message; the kernel allows 253.
const SOCKETS_MAX: usize = 200;
/// Messages in one socket pair; its buffer holds about a dozen.
const MESSAGES_MAX: usize = 8;
/// Room for what is said of that many.
const TEXT_BYTES_MAX: usize = 64 * 1_024;
/// How long the new binary may take to check the configuration.
const CHECK_TIME_MAX: Duration = Duration::from_secs(30);

/// How this process was started: by which file, and to do what.
#[derive(Clone, Debug)]
pub(super) struct Successor {
    binary: PathBuf,
    source: Source,
}

impl Successor {
    /// To be asked early: the path of a file that was replaced since cannot be found any more.
    pub(super) fn of_this(source: Source) -> std::io::Result<Self> {
        Ok(Self { binary: std::env::current_exe()?, source })
    }

    /// Whether the binary that lies there now can be started with what is configured now. It costs
    /// nothing where it cannot.
    pub(super) fn check(&self) -> Result<(), String> {
        // It would find nothing there, and its standard input is for the sockets.
        self.source.can_be_read_again()?;
        let said = |fault: std::io::Error| format!("{}: {fault}", self.binary.display());
        let mut command = Command::new(&self.binary);
        command.arg("check");
        if let Some(path) = &self.source.path {
            command.arg("--config").arg(path);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().map_err(said)?;
        let begun = Stopwatch::start();
        while begun.elapsed() < CHECK_TIME_MAX {
            match child.try_wait().map_err(said)? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("`{} check` ended with {status}", self.binary.display())),
                None => std::thread::park_timeout(Duration::from_millis(5)),
            }
        }
        // It is ours, and no use any more.
        child.kill().and_then(|()| child.wait()).ok();
        Err(format!("`{} check` took too long", self.binary.display()))
    }

    /// Does not return, unless it fails.
    pub(super) fn replace(&self, sockets: Vec<(Left, OwnedFd)>) -> String {
        let queued = queue(sockets).and_then(|theirs| {
            rustix::stdio::dup2_stdin(&theirs).map_err(|fault| format!("no standard input: {fault}"))
        });
        if let Err(fault) = queued {
            return fault;
        }
        // `execve` itself: signals that are held back stay so, and nothing is set to its default.
        let text = |text: OsString| CString::new(text.into_vec());
        let path = text(self.binary.clone().into_os_string());
        let arguments: Result<Vec<_>, _> = std::env::args_os().map(text).collect();
        let kept = std::env::vars_os().filter(|(name, _)| name != MARK);
        let environment: Result<Vec<_>, _> = kept
            .chain([(MARK.into(), "stdin".into())])
            .map(|(mut name, value)| {
                name.push("=");
                name.push(value);
                text(name)
            })
            .collect();
        let (Ok(path), Ok(arguments), Ok(environment)) = (path, arguments, environment) else {
            return "an argument or a variable has a zero byte".to_owned();
        };
        match nix::unistd::execve(&path, &arguments, &environment) {
            Err(fault) => format!("{} cannot be executed: {fault}", self.binary.display()),
        }
    }
}

/// Queues all sockets in the socket pair that is returned, or in others that are queued there: one
/// holds a few thousand.
fn queue(sockets: Vec<(Left, OwnedFd)>) -> Result<OwnedFd, String> {
    let pair = || {
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(|fault| format!("no socket pair can be made: {fault}"))
    };
    let (ours, theirs) = pair()?;
    let (first, others) = sockets.split_at(sockets.len().min(SOCKETS_MAX));
    send_or_warn(&ours, first);
    for some in others.chunks(SOCKETS_MAX * MESSAGES_MAX) {
        let (further, more) = pair()?;
        some.chunks(SOCKETS_MAX).for_each(|few| send_or_warn(&further, few));
        send_or_warn(&ours, &[(Left::More, more)]);
    }
    Ok(theirs)
}

fn send_or_warn(to: &OwnedFd, sockets: &[(Left, OwnedFd)]) {
    if let Err(fault) = send(to, sockets) {
        tracing::warn!(error = %fault, sockets = sockets.len(), "sockets cannot be handed over");
    }
}

fn send(to: &OwnedFd, sockets: &[(Left, OwnedFd)]) -> Result<(), String> {
    let what: Vec<_> = sockets.iter().map(|(what, _)| what).collect();
    let text = serde_json::to_vec(&what).map_err(|fault| fault.to_string())?;
    let descriptors: Vec<_> = sockets.iter().map(|(_, socket)| socket.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err("too many at once".to_owned());
    }
    // Queued, and never waited for: nobody reads before this process is gone.
    sendmsg(to, &[IoSlice::new(&text)], &mut control, SendFlags::DONTWAIT)
        .map(drop)
        .map_err(|fault| fault.to_string())
}

/// What the process before left, if there was one.
pub(crate) fn inherited(environment: &dyn Fn(&str) -> Option<String>) -> Inherited {
    let mut inherited = Inherited::default();
    if environment(MARK).is_none() {
        return inherited;
    }
    receive(std::io::stdin(), &mut inherited);
    while let Some(more) = inherited.further() {
        receive(more, &mut inherited);
    }
    inherited
}

fn receive(input: impl AsFd, inherited: &mut Inherited) {
    let mut text = vec![0; TEXT_BYTES_MAX];
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let received = recvmsg(&input, &mut [IoSliceMut::new(&mut text)], &mut control, flags);
        let Ok(received) = received.inspect_err(|fault| {
            tracing::warn!(error = %fault, "{MARK} is set, and standard input has no sockets");
        }) else {
            return;
        };
        let sockets = control.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(sockets) => sockets.collect::<Vec<_>>(),
            _ => Vec::new(),
        });
        if received.bytes == 0 {
            return;
        }
        let what = text.get(..received.bytes).and_then(|text| serde_json::from_slice(text).ok());
        let what: Vec<Left> = what.unwrap_or_default();
        for (what, socket) in what.into_iter().zip(sockets.collect::<Vec<_>>()) {
            inherited.add(what, socket);
        }
    }
}

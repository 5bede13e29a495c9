//! A terminal, and the person at it: what a command shows there, and what is typed.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

pub struct Terminal {
    keyboard: File,
    screen: Receiver<String>,
    child: Child,
    shown: String,
}

impl Terminal {
    /// Starts a command at a terminal that has so many columns.
    pub fn start(mut command: Command, columns: u16) -> Self {
        let own = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&own).unwrap();
        unlockpt(&own).unwrap();
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&own, size).unwrap();
        let name = ptsname(&own, Vec::new()).unwrap().into_string().unwrap();
        let theirs = File::options().read(true).write(true).open(name).unwrap();
        let again = || theirs.try_clone().unwrap();
        command.env("TERM", "xterm").stdin(again()).stdout(again()).stderr(again());
        let child = command.spawn().unwrap();
        // What is still open of it here keeps the screen from ending.
        drop((command, theirs));
        let (keyboard, (send, screen)) = (File::from(own), channel());
        let mut reader = keyboard.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut chunk = [0; 4_096];
            // Once nobody has it open any more, it is broken rather than at its end.
            while let Ok(length @ 1..) = reader.read(&mut chunk) {
                send.send(String::from_utf8_lossy(&chunk[..length]).into_owned()).ok();
            }
        });
        Self { keyboard, screen, child, shown: String::new() }
    }

    /// Waits until these words are there.
    pub fn shows(&mut self, words: &str) {
        while !self.shown.contains(words) {
            let more = self.screen.recv_timeout(Duration::from_secs(60));
            self.shown += &more.unwrap_or_else(|_| panic!("{words:?} is not in {:?}", self.shown));
        }
    }

    pub fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// The exit status, and all that was shown, what was typed included.
    pub fn ends(mut self) -> (i32, String) {
        while let Ok(more) = self.screen.recv_timeout(Duration::from_secs(60)) {
            self.shown += &more;
        }
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or(-1), self.shown.replace("\r\n", "\n"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Everything that a command shows that asks nothing.
pub fn shown(command: Command, columns: u16) -> (i32, String) {
    Terminal::start(command, columns).ends()
}

/// The longest line, in characters.
pub fn width(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

//! h11, in one process of its own that reads batch after batch.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::{Reader, Reading, Side};
use crate::fuzzing::chunks::bodies::Case;
use crate::support::project;
use crate::support::tools::python;

pub(in crate::fuzzing::chunks) struct H11 {
    child: Child,
    cases: ChildStdin,
    readings: ChildStdout,
}

impl H11 {
    pub(in crate::fuzzing::chunks) fn start() -> Self {
        let mut command = python("python");
        command.arg(project().join("tests/fuzzing/chunks/readers/h11_process.py"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (cases, readings) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, cases, readings }
    }
}

impl Reader for H11 {
    fn name(&self) -> &'static str {
        "h11"
    }

    fn read(&mut self, side: Side, cases: &[&Case]) -> Vec<Reading> {
        let mut batch = Vec::new();
        put(&mut batch, if side == Side::Request { 0 } else { 1 });
        put(&mut batch, cases.len());
        for case in cases {
            let pieces = case.pieces();
            put(&mut batch, pieces.len());
            for piece in pieces {
                put(&mut batch, piece.len());
                batch.extend_from_slice(piece);
            }
        }
        let mut length = Vec::new();
        put(&mut length, batch.len());
        self.cases.write_all(&length).unwrap();
        self.cases.write_all(&batch).unwrap();
        let mut length = [0; 4];
        self.readings.read_exact(&mut length).unwrap();
        let mut readings = vec![0; number(&length)];
        self.readings.read_exact(&mut readings).unwrap();
        let mut rest = readings.as_slice();
        cases.iter().map(|case| reading(&mut rest, case.bytes.len())).collect()
    }
}

impl Drop for H11 {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn put(out: &mut Vec<u8>, value: usize) {
    out.extend_from_slice(&u32::try_from(value).unwrap().to_le_bytes());
}

fn number(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes.try_into().unwrap()) as usize
}

fn reading(rest: &mut &[u8], length: usize) -> Reading {
    let mut next = |length| {
        let (taken, left) = rest.split_at(length);
        *rest = left;
        taken
    };
    let [verdict, left, content] = [(); 3].map(|()| number(next(4)));
    let content = next(content).to_vec();
    match verdict {
        0 => Reading::Incomplete,
        1 => Reading::Refused(String::new()),
        _ => Reading::Whole { content, end: length - left },
    }
}

//! An export is written line by line, and each line is read back.

use std::io::{BufWriter, Write};

use serde::Serialize;

use super::reading::header;
use super::{FORMAT, FORMAT_VERSION, Header, ImportCheck, Line, TransferCounts, TransferError};
use crate::StoreError;
use gateway_identity::InstallationId;

/// What is written, and read back.
pub struct Lines<'a> {
    out: BufWriter<&'a mut dyn Write>,
    import_check: ImportCheck,
    number: u64,
    /// The first line that no import would take, and why.
    fault: Option<(u64, String)>,
}

impl<'a> Lines<'a> {
    pub fn to(out: &'a mut dyn Write) -> Self {
        Self { out: BufWriter::new(out), import_check: ImportCheck::default(), number: 0, fault: None }
    }

    pub fn begin(&mut self, installation: InstallationId) -> Result<(), TransferError> {
        let first = Header { format: FORMAT.to_owned(), version: FORMAT_VERSION, store_id: installation };
        self.put(&first, |_, text| header(text).map(drop))
    }

    pub fn write(&mut self, line: &Line) -> Result<(), TransferError> {
        self.put(line, |import_check, text| import_check.take(text).map(drop))
    }

    pub fn end(mut self) -> Result<TransferCounts, TransferError> {
        let counts = self.import_check.counts;
        self.write(&Line::End(counts))?;
        self.out.flush().map_err(TransferError::Write)?;
        let unread = self.import_check.finish().err().map(|fault| (self.number, fault));
        match self.fault.or(unread) {
            None => Ok(counts),
            Some((line, fault)) => Err(TransferError::Unreadable { line, fault }),
        }
    }

    fn put(
        &mut self,
        line: &impl Serialize,
        read_back: impl FnOnce(&mut ImportCheck, &[u8]) -> Result<(), String>,
    ) -> Result<(), TransferError> {
        let mut text = serde_json::to_vec(line)
            .map_err(|cause| StoreError::Corrupt(format!("a record cannot be written: {cause}")))?;
        self.number += 1;
        if let Err(fault) = read_back(&mut self.import_check, &text) {
            self.fault.get_or_insert((self.number, fault));
        }
        text.push(b'\n');
        self.out.write_all(&text).map_err(TransferError::Write)
    }
}

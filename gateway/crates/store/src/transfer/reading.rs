//! An export is read line by line, and each line is checked against those before it.

use std::io::{BufRead, Read as _};

use super::{
    FORMAT, FORMAT_VERSION, FORMAT_VERSION_FIRST, Header, ImportCheck, LINE_BYTES_MAX, Line, TransferCounts,
    TransferError,
};
use gateway_identity::InstallationId;

/// Reads an export to its end, and writes it nowhere.
pub fn verify(input: &mut dyn BufRead) -> Result<TransferCounts, TransferError> {
    read(input, |_| Ok(())).map(|(_, import_check)| import_check.counts)
}

/// The installation that it is of, and what was asked of the lines, which went to `keep`.
pub fn read(
    input: &mut dyn BufRead,
    mut keep: impl FnMut(Line) -> Result<(), String>,
) -> Result<(Option<InstallationId>, ImportCheck), TransferError> {
    let (mut installation, mut import_check) = (None, ImportCheck::default());
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let most = LINE_BYTES_MAX as u64 + 1;
        let length = (&mut *input).take(most).read_until(b'\n', &mut text).map_err(TransferError::Read)?;
        let fault = |fault: String| TransferError::Line { line, fault };
        match (length, line) {
            (0, _) => {
                import_check.finish().map_err(fault)?;
                break;
            }
            (_, 1) => installation = Some(header(&text).map_err(fault)?),
            _ => {
                let record = import_check.take(text.trim_ascii_end()).map_err(fault)?;
                keep(record).map_err(fault)?;
            }
        }
    }
    Ok((installation, import_check))
}

pub(super) fn header(text: &[u8]) -> Result<InstallationId, String> {
    let header: Header = serde_json::from_slice(text)
        .map_err(|cause| format!("this is not the header of a {FORMAT} export: {cause}"))?;
    if header.format != FORMAT {
        return Err(format!("the format is {:?}, not {FORMAT:?}", header.format));
    }
    if !(FORMAT_VERSION_FIRST..=FORMAT_VERSION).contains(&header.version) {
        let found = header.version;
        return Err(format!("the format has version {found}, this version reads {FORMAT_VERSION}"));
    }
    Ok(header.store_id)
}

//! A recording judged again: the same road as the live one, by another door. Holds one record in
//! memory at a time.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use whyreset_evidence::parse_dossier;

use super::desk::Desk;

/// Judges every record of the file, in its order.
///
/// # Errors
/// A file that cannot be read, a record that is damaged, output that cannot be written.
pub fn replay(path: &Path, mut desk: Desk<'_>) -> Result<ExitCode> {
    let unreadable = || format!("cannot read the recording {}", path.display());
    let mut lines = BufReader::new(File::open(path).with_context(unreadable)?).lines();
    let mut number = 0;
    let mut more = true;
    while more && desk.is_open() {
        let mut record = String::new();
        more = false;
        for line in lines.by_ref() {
            let line = line.with_context(unreadable)?;
            if line.trim().is_empty() {
                more = true;
                break;
            }
            record += &line;
            record.push('\n');
        }
        if record.is_empty() {
            continue;
        }
        number += 1;
        let dossier = parse_dossier(&record)
            .with_context(|| format!("{}: record {number} is damaged", path.display()))?;
        desk.take(&dossier);
    }
    desk.code()
}

//! Facts as lines of text: what a cause's page shows as a runnable case, and what a recording
//! replays. Reading gives the dossier back that was written.
//!
//! ```text
//! flow 10.0.0.2:53211 > 10.0.0.1:8080 watch=server
//! +0 server sent state=CLOSE shut=3 attached unread=3912 reason=TCP_ABORT_ON_CLOSE by=nginx[812]
//! ```
//!
//! Times are milliseconds from the flow line's `at`. A fact without `cite=` (which takes the rest
//! of its line) cites the kernel event it is.

use alloc::string::String;

mod logged;
mod read;
mod words;
mod write;

pub use read::parse_dossier;
pub use write::write_dossier;

use crate::Timestamp;

/// Where a recording starts when its flow line has no `at`: 2026-11-22T12:00:00Z.
const DEFAULT_START: Timestamp = Timestamp(1_795_348_800_000_000_000);

/// A line that is not a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// 1-based line number.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl core::fmt::Display for RecordError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl core::error::Error for RecordError {}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;

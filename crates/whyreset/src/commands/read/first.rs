//! The first pass over a file: which connections hold a reset, and what the file is as a whole. On
//! two threads where that pays: the second begins at a guessed record in the middle, and its work
//! counts only where the first arrives exactly there. Refuses to follow a connection.

use std::path::Path;
use std::thread;

use whyreset_capture::{CaptureError, Hold, Look, Reader, Record, find_boundary};

use super::input::{self, Seen};
use super::marks::Marks;
use super::progress::Progress;
use super::single::Account;

/// What was found.
pub struct Found {
    /// Connections with a reset.
    pub marks: Marks,
    /// The file.
    pub account: Account,
    /// Frames that are no TCP segments.
    others: u64,
}

impl Found {
    fn new() -> Self {
        Self {
            marks: Marks::new(),
            account: Account::default(),
            others: 0,
        }
    }

    /// A reset, or what a glance does not tell.
    #[inline(never)]
    fn take_apart(&mut self, record: Record<'_>) {
        match input::decode(&record, 0) {
            Seen::Segment(segment) => {
                if segment.flags.rst() {
                    self.marks.mark(segment.key.hash());
                }
            }
            Seen::Unread => {
                self.account.unread += 1;
                self.others += 1;
            }
            Seen::Error(..) | Seen::Other => self.others += 1,
        }
    }

    /// TCP segments.
    pub const fn segments(&self) -> u64 {
        self.account.frames - self.others
    }

    /// Reads on, to the end or to the first record at or after this offset.
    fn read(&mut self, reader: &mut Reader, until: u64, progress: &Progress) -> Result<(), CaptureError> {
        loop {
            let count = reader.look(until, self)?;
            if count == 0 {
                return Ok(());
            }
            self.account.frames += count;
            progress.look(reader);
        }
    }
}

impl Look for Found {
    #[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
    #[inline(always)]
    fn look(&mut self, record: &Record<'_>) {
        self.account.time(record);
        if input::glance(record).is_none_or(|seen| seen.flags.rst()) {
            self.take_apart(*record);
        }
    }
}

/// Reads the file once. What breaks off is read as far as it goes, and told beside.
///
/// # Errors
/// A file that cannot be opened.
pub fn pass(
    path: &Path,
    hold: &Hold,
    threads: usize,
    progress: &Progress,
) -> Result<(Found, Result<(), CaptureError>), CaptureError> {
    let mut reader = hold.reader()?;
    let mut found = Found::new();
    let total = reader.progress().bytes_total.unwrap_or(0);
    let middle = (threads > 1).then(|| find_boundary(path, total / 2)).flatten();
    let Some(middle) = middle else {
        let outcome = found.read(&mut reader, u64::MAX, progress);
        found.account.close(&reader);
        return Ok((found, outcome));
    };
    thread::scope(|scope| {
        let second = scope.spawn(|| {
            let mut reader = hold.reader_at(middle, 1)?;
            let mut found = Found::new();
            let outcome = found.read(&mut reader, u64::MAX, &Progress::none());
            found.account.close(&reader);
            Ok::<_, CaptureError>((found, outcome))
        });
        let mut outcome = found.read(&mut reader, middle, progress);
        let second = second.join();
        match (outcome.is_ok() && reader.offset() == middle, second) {
            (true, Ok(Ok((other, ending)))) => {
                found.marks.merge(&other.marks);
                found.others += other.others;
                found.account.join(&other.account);
                outcome = ending;
            }
            // No record begins there: the first one reads on alone.
            (_, _) if outcome.is_ok() => {
                outcome = found.read(&mut reader, u64::MAX, progress);
                found.account.close(&reader);
            }
            _ => found.account.close(&reader),
        }
        Ok((found, outcome))
    })
}

//! The first pass over a file: which connections hold a reset, and what the file is as a whole. On
//! two threads where that pays: the second begins at a guessed record in the middle, and its work
//! counts only where the first arrives exactly there. Refuses to follow a connection.

use std::path::Path;
use std::thread;

use whyreset_capture::{
    CaptureError, Hold, Index, Look, Picked, Reader, Record, Sieve, Sift, Stretch, Walk, find_boundary,
};

use super::input::{self, Seen};
use super::marks::Marks;
use super::progress::Progress;
use super::single::{Account, hash_of};

/// Bytes that the index of a file may take.
const INDEX: usize = 192 << 20;
/// Bytes of a record on average from which on an index pays.
const LONG: usize = 256;
/// Bytes of a stretch at least: what a processor's own cache holds.
const STRETCH: u64 = 1 << 20;

/// What was found.
pub struct Found {
    /// Connections with a reset.
    pub marks: Marks,
    /// The file.
    pub account: Account,
    /// Where its records are and to which connections they belong, from the first one on.
    pub indexes: Vec<Index>,
    /// All of it in parts, each of which can be looked through alone.
    pub stretches: Vec<Stretch>,
    /// Frames that are no TCP segments.
    others: u64,
    /// Resets that were marked.
    pub resets: usize,
}

/// One thread's part of it.
struct Part {
    marks: Marks,
    account: Account,
    index: Index,
    stretches: Vec<Stretch>,
    others: u64,
    resets: usize,
}

impl Part {
    /// From this offset on; `index` bytes may be taken for its index.
    fn new(start: u64, index: usize) -> Self {
        Self {
            marks: Marks::new(),
            account: Account::default(),
            index: Index::new(start, index, LONG),
            stretches: Vec::new(),
            others: 0,
            resets: 0,
        }
    }

    /// Keeps where it is and whose.
    #[inline(never)]
    fn note(&mut self, record: Record<'_>) {
        self.index.push(&record, hash_of(&record));
    }

    #[inline(never)]
    fn mark(&mut self, hash: u32) {
        self.marks.mark(hash);
        self.resets += 1;
    }

    /// What a glance does not tell.
    #[inline(never)]
    fn take_apart(&mut self, record: Record<'_>) {
        match input::decode(&record, 0) {
            Seen::Segment(segment) => {
                if segment.flags.rst() {
                    self.mark(segment.key.hash());
                }
            }
            Seen::Unread => {
                self.account.unread += 1;
                self.others += 1;
            }
            Seen::Error(..) | Seen::Other => self.others += 1,
        }
    }

    /// Reads on, to the end or to the first record at or after this offset.
    fn read(&mut self, reader: &mut Reader, until: u64, progress: &Progress) -> Result<(), CaptureError> {
        loop {
            let start = reader.offset();
            let count = reader.look(until, self)?;
            if count == 0 {
                return Ok(());
            }
            self.pass(start, reader.offset(), count);
            progress.look(reader);
        }
    }

    /// So many records were looked at between two offsets.
    fn pass(&mut self, start: u64, end: u64, count: u64) {
        let first = self.account.frames + 1;
        self.account.frames += count;
        match self.stretches.last_mut() {
            Some(last) if last.end - last.start < STRETCH => {
                last.end = end;
                last.count += count;
            }
            _ => self.stretches.push(Stretch {
                start,
                end,
                first,
                count,
            }),
        }
    }
}

impl Look for Part {
    #[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
    #[inline(always)]
    fn look(&mut self, record: &Record<'_>) {
        self.account.time(record);
        if self.index.is_open() {
            self.note(*record);
        }
        match input::glance(record) {
            Some(seen) if seen.flags.rst() => self.mark(input::hash(&seen)),
            Some(_) => {}
            None => self.take_apart(*record),
        }
    }
}

/// On its way through a stretch.
pub enum Through<'a> {
    /// By what is known of its records.
    Index(Walk<'a>),
    /// By the records themselves.
    File(Sift<'a>),
}

impl Through<'_> {
    /// The next records that `sieve` wants, [`LOT`](whyreset_capture::LOT) at most; `None` at the end.
    pub fn sift(&mut self, sieve: impl Sieve) -> Option<Picked<'_>> {
        match self {
            Self::Index(walk) => walk.sift(sieve),
            Self::File(sift) => sift.sift(sieve),
        }
    }
}

impl Found {
    fn new(part: Part, second: Option<Part>) -> Self {
        let mut found = Self {
            marks: part.marks,
            account: part.account,
            others: part.others,
            resets: part.resets,
            indexes: vec![part.index],
            stretches: part.stretches,
        };
        let Some(second) = second else { return found };
        let before = found.account.frames;
        let later = |stretch: Stretch| Stretch {
            first: before + stretch.first,
            ..stretch
        };
        found.stretches.extend(second.stretches.into_iter().map(later));
        // Where the first one is not whole, nobody knows what lies between.
        if found.indexes[0].len() as u64 == found.account.frames {
            found.indexes.push(second.index);
        }
        found.marks.merge(&second.marks);
        found.others += second.others;
        found.resets += second.resets;
        found.account.join(&second.account);
        found
    }

    /// Goes through one of its stretches by the shortest way; `None` where there is none.
    pub fn through<'a>(&'a self, hold: &'a Hold, stretch: Stretch) -> Option<Through<'a>> {
        let mut skip = usize::try_from(stretch.first - 1).ok()?;
        for index in &self.indexes {
            if let Some(walk) = hold.walk_part(index, skip, stretch) {
                return Some(Through::Index(walk));
            }
            let Some(behind) = skip.checked_sub(index.len()) else {
                break;
            };
            skip = behind;
        }
        hold.stretch(stretch).map(Through::File)
    }

    /// TCP segments.
    pub const fn segments(&self) -> u64 {
        self.account.frames - self.others
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
    let total = reader.progress().bytes_total.unwrap_or(0);
    let middle = (threads > 1).then(|| find_boundary(path, total / 2)).flatten();
    let index = if hold.has_index() { INDEX } else { 0 };
    let Some(middle) = middle else {
        let mut part = Part::new(reader.offset(), index);
        let outcome = part.read(&mut reader, u64::MAX, progress);
        part.account.close(&reader);
        return Ok((Found::new(part, None), outcome));
    };
    let mut part = Part::new(reader.offset(), index / 2);
    thread::scope(|scope| {
        let second = scope.spawn(|| {
            let mut reader = hold.reader_at(middle, 1)?;
            let mut part = Part::new(middle, index / 2);
            let outcome = part.read(&mut reader, u64::MAX, &Progress::none());
            part.account.close(&reader);
            Ok::<_, CaptureError>((part, outcome))
        });
        let mut outcome = part.read(&mut reader, middle, progress);
        let second = second.join();
        let found = match (outcome.is_ok() && reader.offset() == middle, second) {
            (true, Ok(Ok((other, ending)))) => {
                outcome = ending;
                Found::new(part, Some(other))
            }
            // No record begins there: the first one reads on alone.
            (_, _) if outcome.is_ok() => {
                outcome = part.read(&mut reader, u64::MAX, progress);
                part.account.close(&reader);
                Found::new(part, None)
            }
            _ => {
                part.account.close(&reader);
                Found::new(part, None)
            }
        };
        Ok((found, outcome))
    })
}

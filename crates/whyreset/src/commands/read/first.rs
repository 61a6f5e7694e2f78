//! The first pass over a file: which connections hold a reset, and what the file is as a whole. In lanes
//! where that pays: on as many threads as there are, and where records are long several on each. Refuses to
//! follow a connection.

use std::thread;

use whyreset_capture::{
    CaptureError, Hold, Index, Lane, Look, Picked, Reader, Record, Sieve, Sift, Stretch, Walk, look_abreast,
};

use super::input::{self, Seen};
use super::lanes;
use super::marks::Marks;
use super::progress::Progress;
use super::single::{Account, UNSEEN};

/// Bytes that the index of a file may take.
const INDEX: usize = 192 << 20;
/// Bytes of a record on average from which on an index pays, and lanes beside each other on one thread:
/// shorter ones come near before they are asked for.
const LONG: usize = 256;
/// Lanes of a thread then: in the time that memory takes for a record of one, the others' are looked at.
const ABREAST: usize = 10;
/// Bytes of a stretch at least: what a processor's own cache holds.
const STRETCH: u64 = 1 << 20;
/// Records of a stretch at least, where an index stands for them.
const ROWS: u64 = 1 << 14;

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

/// What is found on one lane.
struct Part {
    account: Account,
    index: Index,
    stretches: Vec<Stretch>,
    others: u64,
    resets: usize,
}

impl Part {
    /// With an index that is still empty.
    fn new(index: Index) -> Self {
        Self {
            account: Account::default(),
            index,
            stretches: Vec::new(),
            others: 0,
            resets: 0,
        }
    }

    /// With what the reader noted.
    fn close(mut self, reader: &Reader) -> Self {
        self.account.close(reader);
        self
    }
}

/// Who looks at the records of a lane; only where they are `INDEXED` is there something to keep of each.
struct Eye<'a, const INDEXED: bool> {
    marks: &'a Marks,
    part: Part,
}

impl<const INDEXED: bool> Eye<'_, INDEXED> {
    #[inline(never)]
    fn mark(&mut self, hash: u32) {
        self.marks.mark(hash);
        self.part.resets += 1;
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
                self.part.account.unread += 1;
                self.part.others += 1;
            }
            Seen::Error(..) | Seen::Other => self.part.others += 1,
        }
    }
}

impl<const INDEXED: bool> Look for Eye<'_, INDEXED> {
    #[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
    #[inline(always)]
    fn look(&mut self, record: &Record<'_>) {
        self.part.account.time(record);
        let seen = input::glance(record);
        if INDEXED && self.part.index.is_open() {
            let hash = seen.as_ref().map_or(UNSEEN, input::hash);
            self.part.index.push(record, hash);
        }
        match seen {
            Some(seen) if seen.flags.rst() => self.mark(input::hash(&seen)),
            Some(_) => {}
            None => self.take_apart(*record),
        }
    }

    fn passed(&mut self, start: u64, end: u64, count: u64) {
        if count == 0 {
            return;
        }
        let part = &mut self.part;
        let first = part.account.frames + 1;
        part.account.frames += count;
        match part.stretches.last_mut() {
            Some(last) if INDEXED && last.count < ROWS || last.end - last.start < STRETCH => {
                last.end = end;
                last.count += count;
            }
            _ => part.stretches.push(Stretch {
                start,
                end,
                first,
                count,
            }),
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
    fn new(marks: Marks) -> Self {
        Self {
            marks,
            account: Account::default(),
            indexes: Vec::new(),
            stretches: Vec::new(),
            others: 0,
            resets: 0,
        }
    }

    /// Takes what the next lane has found.
    fn join(&mut self, part: Part) {
        let before = self.account.frames;
        // Where one is not whole, nobody knows what lies behind it.
        if self.indexes.iter().map(Index::len).sum::<usize>() as u64 == before {
            self.indexes.push(part.index);
        }
        self.stretches
            .extend(part.stretches.into_iter().map(|stretch| Stretch {
                first: before + stretch.first,
                ..stretch
            }));
        self.others += part.others;
        self.resets += part.resets;
        self.account.join(&part.account);
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
    hold: &Hold,
    threads: usize,
    progress: &Progress,
) -> Result<(Found, Result<(), CaptureError>), CaptureError> {
    let length = if hold.has_index() {
        length(hold.reader()?)
    } else {
        0
    };
    // A disk is waited for longer than memory, and one with a head is not to be sent to and fro.
    let (threads, abreast) = if hold.is_cached() {
        (threads, ABREAST)
    } else {
        (threads.min(2), 1)
    };
    if length >= LONG {
        in_lanes::<true>(hold, [threads, abreast], length, progress)
    } else {
        in_lanes::<false>(hold, [threads, 1], length, progress)
    }
}

/// On so many threads, so many lanes on each; records are of this length.
fn in_lanes<const INDEXED: bool>(
    hold: &Hold,
    [threads, abreast]: [usize; 2],
    length: usize,
    progress: &Progress,
) -> Result<(Found, Result<(), CaptureError>), CaptureError> {
    let marks = Marks::new();
    let count = threads * abreast;
    let mut lanes = lanes::begin(hold, count, |reader, share| {
        let (bytes, records) = if INDEXED {
            let records = usize::try_from(share).unwrap_or(usize::MAX) / length.max(1);
            // Not all have the same length.
            (INDEX / count, records + records / 8)
        } else {
            (0, 0)
        };
        let part = Part::new(Index::new(reader.offset(), bytes, records));
        Eye::<'_, INDEXED> { marks: &marks, part }
    })?;
    let look = |lanes: &mut [Lane<Eye<'_, INDEXED>>]| {
        let mut passed = |bytes| progress.more(bytes);
        if INDEXED {
            look_abreast(lanes, &mut passed);
        } else {
            for lane in lanes {
                lane.read(&mut passed);
            }
        }
    };
    let each = lanes.len().div_ceil(threads);
    let (own, others) = lanes.split_at_mut(each);
    thread::scope(|scope| {
        for lanes in others.chunks_mut(each) {
            scope.spawn(|| look(lanes));
        }
        look(own);
    });
    let (eyes, outcome) = lanes::arrived(lanes);
    let parts: Vec<Part> = eyes
        .into_iter()
        .map(|(eye, reader)| eye.part.close(&reader))
        .collect();
    let mut found = Found::new(marks);
    for part in parts {
        found.join(part);
    }
    Ok((found, outcome))
}

/// Bytes of the first records, on average.
fn length(mut reader: Reader) -> usize {
    let (start, mut count) = (reader.offset(), 0);
    while reader.offset() - start < STRETCH && matches!(reader.next(), Ok(Some(_))) {
        count += 1;
    }
    usize::try_from((reader.offset() - start) / count.max(1)).unwrap_or(usize::MAX)
}

//! One capture, from one place. A file is read twice: first to mark the connections that hold a
//! reset (`first.rs`), then to follow these alone (`follow.rs`). A stream is read once, and every
//! connection followed. Refuses to judge.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use whyreset_capture::{Hold, LOT, Reader, Record, Sieve};
use whyreset_flow::{Counters, Table, Told};

use super::first;
use super::follow::{Deliver, Task};
use super::input::{self, Seen};
use super::progress::Progress;

/// Smaller files are followed whole, as streams are: bytes.
pub const LARGE: u64 = 32 << 20;
/// The hash of a frame that a glance does not tell.
pub const UNSEEN: u32 = u32::MAX;
/// Losses that are kept apart.
const LOSSES: usize = 1 << 14;

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// What the flow tables counted.
    pub counters: Counters,
    /// Frames of the capture.
    pub frames: u64,
    /// Frames that could not be decoded.
    pub unread: u64,
    /// Times of the first and the last frame, nanoseconds.
    pub span: Option<(u64, u64)>,
    /// What the capture itself tells: a cut tail, losses.
    pub notices: Vec<String>,
    /// Losses that the capture counts.
    pub lost: u64,
    /// When they were noticed, and how many; the last one stands for all that followed where there were
    /// too many.
    pub losses: Vec<(u64, u64)>,
    /// Steps back in time of more than a second.
    pub steps_back: u64,
}

impl Account {
    /// Notes one frame, and gives its time.
    #[inline]
    pub fn frame(&mut self, record: &Record<'_>) -> u64 {
        self.frames += 1;
        self.time(record)
    }

    /// Notes the time of a frame, and gives it.
    #[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
    #[inline(always)]
    pub fn time(&mut self, record: &Record<'_>) -> u64 {
        if let (Some(at), Some((_, last))) = (record.at_ns, &mut self.span)
            && at >= *last
            && record.drops_before == 0
        {
            *last = at;
            return at;
        }
        self.odd_time(record.at_ns, record.drops_before)
    }

    /// The first frame, one without a time, before the last one, or behind a loss.
    #[cold]
    fn odd_time(&mut self, at: Option<u64>, drops: u64) -> u64 {
        let at = at.or_else(|| self.span.map(|(_, last)| last)).unwrap_or_default();
        self.span = Some(match self.span {
            None => (at, at),
            Some((first, last)) => {
                self.steps_back += u64::from(at + 1_000_000_000 < last);
                (first.min(at), last.max(at))
            }
        });
        if drops > 0 {
            self.lose(at, drops);
        }
        at
    }

    fn lose(&mut self, at: u64, count: u64) {
        self.lost += count;
        let full = self.losses.len() >= LOSSES;
        match self.losses.last_mut() {
            Some(last) if full => *last = (at, last.1 + count),
            _ => self.losses.push((at, count)),
        }
    }

    /// Takes what a later part of the same capture was.
    pub fn join(&mut self, later: &Self) {
        self.frames += later.frames;
        self.unread += later.unread;
        for (at, count) in &later.losses {
            self.lose(*at, *count);
        }
        self.steps_back += later.steps_back;
        self.notices.extend(later.notices.iter().cloned());
        self.span = match (self.span, later.span) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, two) => one.or(two),
        };
    }

    /// Takes what the reader noted.
    pub fn close(&mut self, reader: &Reader) {
        self.notices = reader.notices().iter().map(ToString::to_string).collect();
    }
}

/// Follows a stream; `deliver` is `false` when nobody wants more. `ready` waits for more of it, for
/// as long as a reset waits for what follows it, and is `false` where nothing came.
///
/// # Errors
/// What the stream cannot be read for. What came before it has been delivered.
pub fn stream(
    mut reader: Reader,
    most: usize,
    progress: &Progress,
    ready: &dyn Fn() -> bool,
    deliver: &mut dyn FnMut(Told) -> bool,
) -> Result<Account> {
    progress.begin(reader.progress().bytes_total);
    let mut table = Table::new(most, "");
    let mut account = Account::default();
    let mut go_on = true;
    let (mut hashes, mut places) = ([0; LOT], [0; LOT]);
    let outcome = loop {
        if reader.is_drained() && !ready() {
            table.ripen(u64::MAX, &mut |told| go_on &= deliver(told));
        }
        let picked = match reader.sift(Every) {
            Ok(None) => break Ok(()),
            Ok(Some(picked)) => picked,
            Err(error) => break Err(error),
        };
        let count = picked.len();
        for (index, hash) in hashes.iter_mut().enumerate().take(count) {
            *hash = picked.note(index);
        }
        table.expect(&hashes[..count], &mut places[..count]);
        let mut segment = input::blank();
        for (index, place) in places.iter().enumerate().take(count) {
            let record = picked.at(index);
            let at = account.frame(&record);
            if !input::common(&record, at, &mut segment) {
                match input::uncommon(record, at) {
                    Seen::Segment(uncommon) => segment = uncommon,
                    Seen::Error(source, destination, seq) => {
                        table.icmp(at, source, destination, seq);
                        continue;
                    }
                    Seen::Unread => {
                        account.unread += 1;
                        continue;
                    }
                    Seen::Other => continue,
                }
            }
            table.add_at(&segment, *place, &mut |told| go_on &= deliver(told));
        }
        progress.look(&reader);
        if !go_on {
            break Ok(());
        }
    };
    table.finish(&mut |told| _ = deliver(told));
    account.counters = table.counters();
    account.close(&reader);
    outcome.map_err(anyhow::Error::from).map(|()| account)
}

/// Reads a file in two passes.
///
/// # Errors
/// What the file cannot be read for. What came before it has been delivered.
pub fn file(
    path: &Path,
    most: usize,
    threads: usize,
    progress: &Progress,
    ladders: &AtomicBool,
    deliver: &mut Deliver<'_>,
) -> Result<Account> {
    let total = path.metadata().map_or(0, |found| found.len());
    progress.begin(Some(total * 2));
    let hold = Hold::new(path);
    let (found, outcome) = first::pass(path, &hold, threads, progress)?;
    let task = Task {
        hold: &hold,
        found: &found,
        most,
        progress,
        ladders,
    };
    let counters = task.follow(threads, deliver)?;
    let segments = found.segments();
    let mut account = found.account;
    account.counters = Counters { segments, ..counters };
    outcome.map_err(anyhow::Error::from).map(|()| account)
}

/// All connections.
#[derive(Clone, Copy)]
struct Every;

impl Sieve for Every {
    #[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
    #[inline(always)]
    fn note(&self, record: &Record<'_>) -> u32 {
        hash_of(record)
    }

    #[inline]
    fn wants(&self, _: u32) -> bool {
        true
    }
}

/// The hash of the connection that a frame belongs to.
#[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
#[inline(always)]
pub fn hash_of(record: &Record<'_>) -> u32 {
    match input::glance(record) {
        Some(seen) => input::hash(&seen),
        None => UNSEEN,
    }
}

/// Hands every record to `take` until it says `false`.
pub fn each(
    reader: &mut Reader,
    progress: &Progress,
    take: &mut dyn FnMut(&Record<'_>) -> bool,
) -> Result<(), anyhow::Error> {
    loop {
        match reader.next()? {
            Some(record) => {
                if !take(&record) {
                    return Ok(());
                }
            }
            None => return Ok(()),
        }
        progress.look(reader);
    }
}

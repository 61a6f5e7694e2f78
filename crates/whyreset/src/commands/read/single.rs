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
/// A clock that goes back further than this has been set: nanoseconds.
const STEP: u64 = 1_000_000_000;
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
    /// Times of the first and of the last frame that was read, nanoseconds.
    first: Option<u64>,
    last: Option<u64>,
    /// The earliest and the latest time where clocks went back or losses were told of.
    beyond: Option<(u64, u64)>,
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
        if let (Some(at), Some(last)) = (record.at_ns, &mut self.last)
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
        let at = at.or(self.last).unwrap_or_default();
        self.step_to(at);
        self.first.get_or_insert(at);
        self.last = Some(at);
        if drops > 0 {
            self.lose(at, drops);
        }
        at
    }

    /// Notes what the times before this one were.
    fn step_to(&mut self, at: u64) {
        let Some(last) = self.last else { return };
        self.steps_back += u64::from(last.saturating_sub(at) > STEP);
        let (earliest, latest) = self.beyond.unwrap_or((at, last));
        self.beyond = Some((earliest.min(at), latest.max(last)));
    }

    /// Times of the earliest and of the latest frame, nanoseconds.
    pub fn span(&self) -> Option<(u64, u64)> {
        let (first, last) = (self.first?, self.last?);
        let (earliest, latest) = self.beyond.unwrap_or((first, last));
        Some((first.min(earliest), last.max(latest)))
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
        if let Some(first) = later.first {
            self.step_to(first);
        }
        self.beyond = match (self.beyond, later.beyond) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, two) => one.or(two),
        };
        self.first = self.first.or(later.first);
        self.last = later.last.or(self.last);
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
    let (found, outcome) = first::pass(&hold, threads, progress)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn account(times: &[u64]) -> Account {
        let mut account = Account::default();
        for at in times {
            account.frame(&Record {
                number: 1,
                at_ns: Some(at * STEP),
                link: 1,
                interface: 0,
                wire_len: 0,
                data: &[],
                direction: None,
                drops_before: 0,
            });
        }
        account
    }

    /// Wherever it is cut, the parts tell of the times what the whole does.
    #[test]
    fn parts_that_are_joined_tell_the_times_of_the_whole() {
        let times = [50, 60, 59, 20, 21, 70, 3, 3, 1, 90, 30];
        let whole = account(&times);
        // From 59 to 20, 70 to 3, 3 to 1 and 90 to 30; a second back is none.
        assert_eq!((whole.steps_back, whole.span()), (4, Some((STEP, 90 * STEP))));
        for cut in 0..=times.len() {
            let mut parts = account(&times[..cut]);
            parts.join(&account(&times[cut..]));
            assert_eq!(
                (parts.steps_back, parts.span()),
                (4, whole.span()),
                "cut before {cut}"
            );
        }
        assert_eq!(account(&[]).span(), None);
    }
}

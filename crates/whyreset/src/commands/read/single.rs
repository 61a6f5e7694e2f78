//! One capture, from one place. A file is read twice: first to mark the connections that hold a
//! reset, then to follow these alone, on two threads where that pays. A stream is read once, and
//! every connection followed. Refuses to judge.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use anyhow::{Context, Result};
use whyreset_capture::{Hold, LOT, Reader, Record, Sieve};
use whyreset_flow::{Counters, Table, Told};

use super::first;
use super::input::{self, Seen};
use super::marks::{Marks, Near};
use super::progress::Progress;

/// Smaller files are followed whole, as streams are: bytes.
pub const LARGE: u64 = 32 << 20;
/// The hash of a frame that a glance does not tell.
const UNSEEN: u32 = u32::MAX;
/// Losses that are kept apart.
const LOSSES: usize = 1 << 14;
/// Resets that go from a reader to the desk together, and such lots on their way at most.
const TOGETHER: usize = 256;
const UNDER_WAY: usize = 64;

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
    losses: Vec<(u64, u64)>,
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
        let count = match reader.sift(Every) {
            Ok(None) => break Ok(()),
            Ok(Some(count)) => count,
            Err(error) => break Err(error),
        };
        let picked = reader.picked();
        for (index, hash) in hashes.iter_mut().enumerate().take(count) {
            *hash = picked.note(index);
        }
        table.expect(&hashes[..count], &mut places[..count]);
        for (index, place) in places.iter().enumerate().take(count) {
            let record = picked.at(index);
            let at = account.frame(&record);
            let segment = match input::plain(&record) {
                Some(plain) => input::segment(&record, &plain, at),
                None => match input::uncommon(record, at) {
                    Seen::Segment(segment) => segment,
                    Seen::Error(source, destination, seq) => {
                        table.icmp(at, source, destination, seq);
                        continue;
                    }
                    Seen::Unread => {
                        account.unread += 1;
                        continue;
                    }
                    Seen::Other => continue,
                },
            };
            table.add_near(&segment, *place, &mut |told| go_on &= deliver(told));
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
    deliver: &mut dyn FnMut(Told) -> bool,
) -> Result<Account> {
    let total = path.metadata().map_or(0, |found| found.len());
    progress.begin(Some(total * 2));
    let hold = Hold::new(path);
    let (found, outcome) = first::pass(path, &hold, threads, progress)?;
    let segments = found.segments();
    let (marks, mut account) = (found.marks, found.account);
    let frames = account.frames;
    let counters = if threads < 2 {
        let mut go_on = true;
        follow(
            &hold,
            &marks,
            (0, 1),
            (frames, &account.losses),
            most,
            progress,
            ladders,
            &mut |told| {
                go_on &= deliver(told);
                go_on
            },
        )?
    } else {
        let past = (frames, &*account.losses);
        shards(&hold, &marks, threads, past, most, progress, ladders, deliver)?
    };
    account.counters = Counters { segments, ..counters };
    outcome.map_err(anyhow::Error::from).map(|()| account)
}

#[expect(clippy::too_many_arguments, reason = "one call, each a different thing")]
/// The second pass on several threads: each follows its own part of the connections.
fn shards(
    hold: &Hold,
    marks: &Marks,
    threads: usize,
    before: (u64, &[(u64, u64)]),
    most: usize,
    progress: &Progress,
    ladders: &AtomicBool,
    deliver: &mut dyn FnMut(Told) -> bool,
) -> Result<Counters> {
    thread::scope(|scope| {
        let (send, told) = mpsc::sync_channel(UNDER_WAY);
        let workers: Vec<_> = (0..threads)
            .map(|shard| {
                let send = send.clone();
                scope.spawn(move || {
                    let send: SyncSender<Vec<Told>> = send;
                    let mut together = Vec::with_capacity(TOGETHER);
                    let silent = Progress::none();
                    let shown = if shard == 0 { progress } else { &silent };
                    let counters = follow(
                        hold,
                        marks,
                        (shard, threads),
                        before,
                        most / threads,
                        shown,
                        ladders,
                        &mut |told| {
                            together.push(told);
                            together.len() < TOGETHER || send.send(std::mem::take(&mut together)).is_ok()
                        },
                    );
                    // Where nobody receives any more, nobody wants it.
                    _ = send.send(together);
                    counters
                })
            })
            .collect();
        drop(send);
        for one in told.into_iter().flatten() {
            if !deliver(one) {
                break;
            }
        }
        let mut sum = Counters::default();
        for worker in workers {
            let part = worker.join().ok().context("a reading thread broke down")??;
            sum.connections += part.connections;
            sum.evicted += part.evicted;
            sum.resets += part.resets;
            sum.echoes += part.echoes;
            sum.copies += part.copies;
        }
        Ok(sum)
    })
}

#[expect(clippy::too_many_arguments, reason = "two calls, each a different thing")]
/// Follows the marked connections of one part, as far as the first pass came: so many frames, and these
/// losses among them, whosever the records were that told of them.
fn follow(
    hold: &Hold,
    marks: &Marks,
    (shard, of): (usize, usize),
    (frames, losses): (u64, &[(u64, u64)]),
    most: usize,
    progress: &Progress,
    ladders: &AtomicBool,
    deliver: &mut dyn FnMut(Told) -> bool,
) -> Result<Counters> {
    let mut reader = hold.reader()?;
    let mut table = Table::new(most, "");
    let mut clock = 0;
    let mut losses = losses.iter().peekable();
    let mut go_on = true;
    let (mut picked, mut hashes, mut places) = ([0; LOT], [0; LOT], [0; LOT]);
    let part = Part::new(marks, shard, of);
    // The first pass has told where the file breaks off.
    while go_on && let Ok(Some(count)) = reader.sift(part) {
        let lot = reader.picked();
        // First all numbers, then all questions to memory, so that these go on together; no branch
        // on an answer that nobody can guess.
        let mut mine = 0;
        for index in 0..count {
            let hash = lot.note(index);
            (picked[mine], hashes[mine]) = (index, hash);
            mine += usize::from((hash == UNSEEN) | marks.has(hash));
        }
        let picked = &picked[..mine];
        table.draw(ladders.load(Ordering::Relaxed));
        table.expect(&hashes[..mine], &mut places[..mine]);
        for (index, place) in picked.iter().zip(&places) {
            let record = lot.at(*index);
            if record.number > frames || !go_on {
                break;
            }
            let at = record.at_ns.unwrap_or(clock);
            clock = at;
            while let Some((lost_at, count)) = losses.next_if(|(lost_at, _)| *lost_at <= at) {
                table.lose(*lost_at, *count);
            }
            let mut segment = match input::plain(&record) {
                Some(plain) => input::segment(&record, &plain, at),
                None => match input::uncommon(record, at) {
                    Seen::Segment(segment) => segment,
                    Seen::Error(source, destination, seq) => {
                        table.icmp(at, source, destination, seq);
                        continue;
                    }
                    Seen::Unread | Seen::Other => continue,
                },
            };
            // The first pass has noted what was lost, whosever segment says so.
            segment.lost = 0;
            let unasked = || {
                let hash = segment.key.hash();
                marks.has(hash) && part.has(hash)
            };
            if lot.note(*index) != UNSEEN || unasked() {
                table.add_near(&segment, *place, &mut |told| go_on &= deliver(told));
            }
        }
        progress.look(&reader);
    }
    table.finish(&mut |told| _ = deliver(told));
    Ok(table.counters())
}

/// The marked connections that one thread follows.
#[derive(Clone, Copy)]
struct Part<'a> {
    near: Near<'a>,
    /// Its first hash, and how many follow that.
    first: u32,
    more: u32,
}

impl<'a> Part<'a> {
    /// This one `of` so many.
    fn new(marks: &'a Marks, shard: usize, of: usize) -> Self {
        let cut = |shard: usize| ((shard as u64) << 32) / of as u64;
        let (first, next) = (cut(shard), cut(shard + 1));
        let low = |number: u64| (number & 0xffff_ffff) as u32;
        Self {
            near: marks.near(),
            first: low(first),
            more: low(next - first - 1),
        }
    }

    #[inline]
    const fn has(self, hash: u32) -> bool {
        hash.wrapping_sub(self.first) <= self.more
    }
}

impl Sieve for Part<'_> {
    #[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
    #[inline(always)]
    fn note(&self, record: &Record<'_>) -> u32 {
        hash_of(record)
    }

    #[inline]
    fn wants(&self, hash: u32) -> bool {
        (hash == UNSEEN) | (self.near.may_have(hash) & self.has(hash))
    }
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
fn hash_of(record: &Record<'_>) -> u32 {
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

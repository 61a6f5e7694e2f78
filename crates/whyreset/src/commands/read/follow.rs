//! The second pass over a file: follows the connections that hold a reset, as far as the first pass came,
//! on several threads where that pays: each follows its own part of the connections. What the first pass
//! has indexed is not passed by again. Refuses to follow any other connection.

use std::iter::Peekable;
use std::slice;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use whyreset_capture::{Hold, LOT, Picked, Record, Sieve};
use whyreset_flow::{Counters, Packet, Table, Told};

use super::first::Found;
use super::input::{self, Seen};
use super::marks::{Marks, Near};
use super::progress::Progress;
use super::single::{UNSEEN, hash_of};

/// Connections that room is made for at once, at most.
const ROOM: usize = 1 << 20;

/// Who takes resets.
pub type Deliver<'a> = dyn FnMut(Told) -> bool + Send + 'a;

/// What is to be followed.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// The file.
    pub hold: &'a Hold,
    /// What the first pass found.
    pub found: &'a Found,
    /// Connections that are kept at most.
    pub most: usize,
    /// Where it is shown.
    pub progress: &'a Progress,
    /// Whether ladders are still drawn.
    pub ladders: &'a AtomicBool,
}

impl Task<'_> {
    /// Follows all marked connections; `deliver` is `false` when nobody wants more.
    ///
    /// # Errors
    /// A file that cannot be opened any more.
    pub fn follow(self, threads: usize, deliver: &mut Deliver<'_>) -> Result<Counters> {
        if self.found.resets == 0 {
            return Ok(Counters::default());
        }
        if threads < 2 {
            return self.part(0, 1, deliver);
        }
        let desk = Mutex::new(Desk { deliver, go_on: true });
        let parts: Vec<Result<Counters>> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|shard| {
                    let desk = &desk;
                    scope.spawn(move || {
                        let silent = Progress::none();
                        let task = Task {
                            most: self.most / threads,
                            progress: if shard == 0 { self.progress } else { &silent },
                            ..self
                        };
                        let mut queue = Queue::new(desk);
                        let counters = task.part(shard, threads, &mut |told| queue.push(told));
                        queue.finish();
                        counters
                    })
                })
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().ok().context("a reading thread broke down")?)
                .collect()
        });
        let mut sum = Counters::default();
        for part in parts {
            let part = part?;
            sum.connections += part.connections;
            sum.evicted += part.evicted;
            sum.resets += part.resets;
            sum.echoes += part.echoes;
            sum.copies += part.copies;
        }
        Ok(sum)
    }

    /// With room for as many connections as there are resets: it is not to grow again and again.
    fn table(self, of: usize) -> Table {
        let mut table = Table::new(self.most, "");
        table.reserve((self.found.resets / of).min(ROOM));
        table
    }

    /// Follows the connections of one part of so many.
    fn part(self, shard: usize, of: usize, deliver: &mut dyn FnMut(Told) -> bool) -> Result<Counters> {
        let part = Part::new(&self.found.marks, shard, of);
        let mut follower = Follower {
            marks: &self.found.marks,
            part,
            table: self.table(of),
            frames: self.found.account.frames,
            losses: self.found.account.losses.iter().peekable(),
            clock: 0,
            go_on: true,
        };
        let (mut offset, mut number) = (0, 1);
        for index in &self.found.indexes {
            let Some(mut walk) = self.hold.walk(index, number) else {
                break;
            };
            while follower.go_on
                && let Some(lot) = walk.sift(part)
            {
                follower.table.draw(self.ladders.load(Ordering::Relaxed));
                follower.take(&lot, deliver);
                self.progress.reach(|| walk.reached().0);
            }
            (offset, number) = walk.reached();
        }
        let mut reader = if offset == 0 {
            self.hold.reader()?
        } else {
            self.hold.reader_at(offset, number)?
        };
        // The first pass has told where the file breaks off.
        while follower.go_on
            && let Ok(Some(lot)) = reader.sift(part)
        {
            follower.table.draw(self.ladders.load(Ordering::Relaxed));
            follower.take(&lot, deliver);
            self.progress.look(&reader);
        }
        follower.table.finish(&mut |told| _ = deliver(told));
        Ok(follower.table.counters())
    }
}

/// Who takes the resets of all threads, one thread after the other.
struct Desk<'a, 'b> {
    deliver: &'a mut Deliver<'b>,
    go_on: bool,
}

/// One thread's resets on their way to the desk.
struct Queue<'a, 'b, 'c> {
    desk: &'a Mutex<Desk<'b, 'c>>,
    waiting: Vec<Told>,
}

impl<'a, 'b, 'c> Queue<'a, 'b, 'c> {
    /// Resets that go to the desk together when it is free, and that are waited for at most while another
    /// thread is there.
    const TOGETHER: usize = 64;
    const MOST: usize = 4096;

    const fn new(desk: &'a Mutex<Desk<'b, 'c>>) -> Self {
        Self {
            desk,
            waiting: Vec::new(),
        }
    }

    /// Takes one; `false` when nobody wants more.
    fn push(&mut self, told: Told) -> bool {
        self.waiting.push(told);
        match self.waiting.len() {
            0..Self::TOGETHER => true,
            Self::TOGETHER..Self::MOST => match self.desk.try_lock() {
                Ok(mut desk) => desk.take(&mut self.waiting),
                Err(_) => true,
            },
            _ => self.finish(),
        }
    }

    /// Hands over all that wait.
    fn finish(&mut self) -> bool {
        // Where another thread broke down there, its end is told in any case.
        let Ok(mut desk) = self.desk.lock() else {
            return false;
        };
        desk.take(&mut self.waiting)
    }
}

impl Desk<'_, '_> {
    fn take(&mut self, waiting: &mut Vec<Told>) -> bool {
        for told in waiting.drain(..) {
            self.go_on = self.go_on && (self.deliver)(told);
        }
        self.go_on
    }
}

/// One thread's work.
struct Follower<'a> {
    marks: &'a Marks,
    part: Part<'a>,
    table: Table,
    /// As far as the first pass came.
    frames: u64,
    /// What the capture lost, whosever the records were that told of it.
    losses: Peekable<slice::Iter<'a, (u64, u64)>>,
    /// The time of the last record.
    clock: u64,
    go_on: bool,
}

impl Follower<'_> {
    /// Takes the records of a lot that are of marked connections.
    fn take(&mut self, lot: &Picked<'_>, deliver: &mut dyn FnMut(Told) -> bool) {
        let (mut picked, mut hashes, mut places) = ([0; LOT], [0; LOT], [0; LOT]);
        // First all numbers, then all questions to memory, so that these go on together; no branch
        // on an answer that nobody can guess.
        let mut mine = 0;
        for index in 0..lot.len() {
            let hash = lot.note(index);
            (picked[mine], hashes[mine]) = (index, hash);
            mine += usize::from((hash == UNSEEN) | self.marks.has(hash));
        }
        self.table.expect(&hashes[..mine], &mut places[..mine]);
        let mut segment = input::blank();
        for (index, place) in picked[..mine].iter().zip(&places) {
            let record = lot.at(*index);
            if record.number > self.frames || !self.go_on {
                self.go_on = false;
                return;
            }
            self.segment(record, &mut segment, lot.note(*index), *place, deliver);
        }
    }

    #[expect(clippy::inline_always, reason = "the loop around it is all that calls it")]
    #[inline(always)]
    fn segment<'a>(
        &mut self,
        record: Record<'a>,
        segment: &mut Packet<'a>,
        hash: u32,
        place: u32,
        deliver: &mut dyn FnMut(Told) -> bool,
    ) {
        let table = &mut self.table;
        let at = record.at_ns.unwrap_or(self.clock);
        self.clock = at;
        while let Some((lost_at, count)) = self.losses.next_if(|(lost_at, _)| *lost_at <= at) {
            table.lose(*lost_at, *count);
        }
        if !input::common(&record, at, segment) {
            match input::uncommon(record, at) {
                Seen::Segment(uncommon) => *segment = uncommon,
                Seen::Error(source, destination, seq) => {
                    return table.icmp(at, source, destination, seq);
                }
                Seen::Unread | Seen::Other => return,
            }
        }
        // The first pass has noted what was lost, whosever segment says so.
        segment.lost = 0;
        let unasked = || {
            let hash = segment.key.hash();
            self.marks.has(hash) && self.part.has(hash)
        };
        if hash != UNSEEN || unasked() {
            let go_on = &mut self.go_on;
            table.add_near(segment, place, &mut |told| *go_on &= deliver(told));
        }
    }
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

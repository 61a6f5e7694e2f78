//! The second pass over a file: follows the connections that hold a reset, as far as the first pass came,
//! on several threads where that pays: each follows its own part of the connections. What the first pass
//! has indexed is not passed by again. Refuses to follow any other connection.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use whyreset_capture::{Hold, LOT, Picked, Record, Sieve};
use whyreset_flow::{Counters, Packet, Table, Told};

use super::crew::Crew;
use super::first::Found;
use super::input::{self, Seen};
use super::marks::Part;
use super::progress::Progress;
use super::queue::{Queue, Taker};
use super::single::UNSEEN;

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
            let mut follower = self.follower(0, 1);
            self.read(&self.found.marks, &mut follower, deliver)?;
            return Ok(follower.finish(deliver));
        }
        let crew = self
            .hold
            .has_index()
            .then(|| Crew::new(self.hold, self.found, threads));
        let taker = Mutex::new(Taker::new(deliver));
        let parts: Vec<Result<Counters>> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|shard| {
                    let (taker, crew) = (&taker, crew.as_ref());
                    scope.spawn(move || {
                        let silent = Progress::none();
                        let task = Task {
                            most: self.most / threads,
                            progress: if shard == 0 { self.progress } else { &silent },
                            ..self
                        };
                        let mut queue = Queue::new(taker);
                        let counters = task.part(shard, threads, crew, &mut |told| queue.push(told));
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

    fn follower(&self, shard: usize, of: usize) -> Follower<'_> {
        Follower {
            part: Part::new(&self.found.marks, shard, of),
            table: self.table(of),
            frames: self.found.account.frames,
            losses: Losses::of(&self.found.account.losses),
            clock: 0,
            go_on: true,
        }
    }

    /// Follows the connections of one part of so many, in a crew where the file allows that.
    fn part(
        self,
        shard: usize,
        of: usize,
        crew: Option<&Crew<'_>>,
        deliver: &mut dyn FnMut(Told) -> bool,
    ) -> Result<Counters> {
        let mut follower = self.follower(shard, of);
        match crew {
            Some(crew) => crew.work(shard, &mut |lot, reached| {
                follower.table.draw(self.ladders.load(Ordering::Relaxed));
                follower.take(lot, deliver);
                self.progress.step(reached);
                follower.go_on
            }),
            None => self.read(follower.part, &mut follower, deliver)?,
        }
        Ok(follower.finish(deliver))
    }

    /// Reads the file once more, for one thread.
    fn read(
        &self,
        sieve: impl Sieve,
        follower: &mut Follower<'_>,
        deliver: &mut dyn FnMut(Told) -> bool,
    ) -> Result<()> {
        let (mut offset, mut number) = (0, 1);
        for index in &self.found.indexes {
            let Some(mut walk) = self.hold.walk(index, number) else {
                break;
            };
            while follower.go_on
                && let Some(lot) = walk.sift(sieve)
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
            && let Ok(Some(lot)) = reader.sift(sieve)
        {
            follower.table.draw(self.ladders.load(Ordering::Relaxed));
            follower.take(&lot, deliver);
            self.progress.look(&reader);
        }
        Ok(())
    }
}

/// Losses that are not told yet.
struct Losses<'a> {
    rest: &'a [(u64, u64)],
    /// When the next one was noticed, nanoseconds.
    next: u64,
}

impl<'a> Losses<'a> {
    fn of(all: &'a [(u64, u64)]) -> Self {
        let next = all.first().map_or(u64::MAX, |(at, _)| *at);
        Self { rest: all, next }
    }

    /// Tells the table what was lost up to this time.
    #[cold]
    fn tell(&mut self, now: u64, table: &mut Table) {
        while let Some(((at, count), rest)) = self.rest.split_first()
            && *at <= now
        {
            table.lose(*at, *count);
            *self = Self::of(rest);
        }
    }
}

/// One thread's work.
struct Follower<'a> {
    part: Part<'a>,
    table: Table,
    /// As far as the first pass came.
    frames: u64,
    /// What the capture lost, whosever the records were that told of it.
    losses: Losses<'a>,
    /// The time of the last record.
    clock: u64,
    go_on: bool,
}

impl Follower<'_> {
    /// The end of the file.
    fn finish(mut self, deliver: &mut dyn FnMut(Told) -> bool) -> Counters {
        self.table.finish(&mut |told| _ = deliver(told));
        self.table.counters()
    }

    /// Takes the records of a lot that are of marked connections.
    fn take(&mut self, lot: &Picked<'_>, deliver: &mut dyn FnMut(Told) -> bool) {
        let (mut hashes, mut places) = ([0; LOT], [0; LOT]);
        for (index, hash) in hashes.iter_mut().enumerate().take(lot.len()) {
            *hash = lot.note(index);
        }
        self.table.expect(&hashes[..lot.len()], &mut places[..lot.len()]);
        let mut segment = input::blank();
        for (index, (hash, place)) in hashes.iter().zip(&places).enumerate().take(lot.len()) {
            let record = lot.at(index);
            if record.number > self.frames || !self.go_on {
                self.go_on = false;
                return;
            }
            self.segment(record, &mut segment, *hash, *place, deliver);
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
        if at >= self.losses.next {
            self.losses.tell(at, table);
        }
        if !input::common_in_place(&record, at, segment) {
            match input::uncommon(record, at) {
                // The first pass has noted what was lost, whosever segment says so.
                Seen::Segment(uncommon) => {
                    *segment = Packet { lost: 0, ..uncommon };
                }
                Seen::Error(source, destination, seq) => {
                    return table.icmp(at, source, destination, seq);
                }
                Seen::Unread | Seen::Other => return,
            }
        }
        if hash != UNSEEN || self.part.follows(segment.key.hash()) {
            let go_on = &mut self.go_on;
            table.add_in_place(segment, place, &mut |told| *go_on &= deliver(told));
        }
    }
}

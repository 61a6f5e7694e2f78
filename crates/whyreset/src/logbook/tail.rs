//! The thread that follows logs: takes lines in as they come, and keeps those that matter. Refuses to
//! wait for any one log longer than for the others.

use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use whyreset_logs::{
    Anchors, Clock, Entry, Follow, Journal, KernelLog, LONGEST_LINE, Scratch, Stamp, Store, Written,
    parse_time,
};

use super::kept;
use crate::commands::logs::Known;

/// Between two looks at the logs.
const LOOK: Duration = Duration::from_millis(50);
/// Entries of the journal, and records of the kernel, taken at one look.
const AT_ONCE: usize = 4_096;
/// Nanoseconds by which a line's coming may lie behind its writing.
const LATE: u64 = 100_000_000;

/// A log that is followed.
pub enum Tail {
    /// A file.
    File(Follow),
    /// The journal.
    Journal(Journal),
    /// The kernel's log.
    Kernel(KernelLog),
}

/// What the followers and the watcher share.
pub struct Shared {
    store: Mutex<Store>,
    /// Goes up with every line that is kept.
    pub news: AtomicU64,
    /// Nobody wants any more.
    pub stop: AtomicBool,
}

impl Shared {
    /// Around what is kept.
    pub const fn new(store: Store) -> Self {
        Self {
            store: Mutex::new(store),
            news: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        }
    }

    /// What is kept, for as long as it is held.
    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes lines in.
struct Taker<'a> {
    shared: &'a Shared,
    known: Known,
    anchors: Anchors,
    places: Vec<Option<usize>>,
    scratch: Scratch,
    clock: Clock,
}

impl<'a> Taker<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            known: Known::new(),
            anchors: Anchors::default(),
            places: Vec::new(),
            scratch: Scratch::default(),
            clock: Clock::system(),
        }
    }

    /// `fresh`: it was written just now, by our clock.
    fn take(&mut self, source: usize, number: u64, line: &[u8], unit: Option<String>, fresh: bool) {
        self.anchors.places(line, &mut self.places);
        if self.places.iter().all(Option::is_none) {
            return;
        }
        let look = self.known.words.look(line, &mut self.scratch);
        if look.is_nothing() {
            return;
        }
        let came = fresh.then_some(Stamp {
            ns: self.clock.reference,
            written: Written::Whole,
            resolution: LATE,
        });
        if let Some(mut line) = kept(number, line, look, &self.known, &self.clock, came) {
            line.unit = unit;
            self.shared.store().add(source, line);
            self.shared.news.fetch_add(1, Ordering::Release);
        }
    }

    /// One look at a file; `true` where there is more at once.
    fn file(&mut self, source: usize, follow: &mut Follow, fresh: bool) -> bool {
        let mut newest = None;
        let looked = {
            let mut lines = Vec::new();
            let looked = follow.look(|number, line| lines.push((number, line.to_vec())));
            let numbered = follow.is_numbered();
            for (number, line) in &lines {
                let number = if numbered { *number } else { 0 };
                self.take(source, number, line, None, fresh);
            }
            if let Some((_, line)) = lines.last().filter(|_| fresh) {
                newest = parse_time(line, &self.clock);
            }
            looked
        };
        if let Some(stamp) = newest {
            self.shared
                .store()
                .note_clock(source, stamp, self.clock.reference);
        }
        // A log that cannot be read now may be read at the next look.
        looked.is_ok_and(|followed| followed.more)
    }

    fn journal(&mut self, source: usize, journal: &mut Journal) -> io::Result<bool> {
        for _ in 0..AT_ONCE {
            if !journal.is_ready() {
                return Ok(true);
            }
            let Some(entry) = journal.entry()? else {
                return Ok(false);
            };
            let line = entry.line();
            let Entry { unit, .. } = entry;
            self.take(source, 0, &line, unit, false);
        }
        Ok(true)
    }

    fn kernel(&mut self, source: usize, log: &mut KernelLog) {
        for _ in 0..AT_ONCE {
            let Ok(Some(record)) = log.record() else { return };
            self.take(source, 0, record.line().as_bytes(), None, false);
        }
    }
}

/// Follows all of them until it is stopped.
pub fn follow(tails: Vec<(usize, Tail)>, shared: &Shared) {
    let mut taker = Taker::new(shared);
    // A file's past is over when its end was seen once.
    let mut tails: Vec<_> = tails
        .into_iter()
        .map(|(source, tail)| (source, tail, false))
        .collect();
    while !shared.stop.load(Ordering::Relaxed) {
        taker.clock = Clock::system();
        let mut more = false;
        tails.retain_mut(|(source, tail, fresh)| match tail {
            Tail::File(file) => {
                let goes_on = taker.file(*source, file, *fresh);
                *fresh |= !goes_on;
                more |= goes_on;
                true
            }
            Tail::Journal(journal) => taker.journal(*source, journal).unwrap_or(false),
            Tail::Kernel(log) => {
                taker.kernel(*source, log);
                true
            }
        });
        if !more {
            thread::sleep(LOOK);
        }
    }
}

/// Takes standard input in, to its end.
pub fn listen(shared: &Shared, source: usize) {
    let mut taker = Taker::new(shared);
    let mut input = io::stdin().lock();
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        let read = (&mut input)
            .take(LONGEST_LINE as u64)
            .read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) || shared.stop.load(Ordering::Relaxed) {
            return;
        }
        let whole = line.ends_with(b"\n");
        number += 1;
        taker.clock = Clock::system();
        taker.take(source, number, line.trim_ascii_end(), None, true);
        if !whole && input.skip_until(b'\n').is_err() {
            return;
        }
    }
}

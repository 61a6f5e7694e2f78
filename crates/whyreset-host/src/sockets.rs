//! Which process holds which socket. Every answer was true a moment ago: the link was read again.
//! Refuses to look further than its credit allows.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crate::credit::{Credit, SCAN_COST};
use crate::procs::Procs;

/// Sockets remembered: 4 MiB at most.
const MOST: usize = 131_072;
/// The longest the first scan may take, while nobody waits for events; the next goes on from there.
const FIRST: Duration = Duration::from_millis(250);
/// The longest one look may take later: events wait in their ring meanwhile.
const LATER: Duration = Duration::from_millis(50);
/// Sockets between two looks at the clock.
const STRIDE: u32 = 512;

/// Where a socket was last met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    pid: u32,
    fd: u32,
}

/// Sockets by inode.
#[derive(Debug)]
pub(crate) struct Sockets {
    places: HashMap<u64, Place>,
    /// The process where the next scan begins; 0 for the first.
    next: u32,
}

impl Sockets {
    pub(crate) fn new() -> Self {
        Self {
            places: HashMap::new(),
            next: 0,
        }
    }

    /// The process where the socket was last met, whether or not it is still there.
    pub(crate) fn last_place(&self, inode: u64) -> Option<u32> {
        self.places.get(&inode).map(|place| place.pid)
    }

    /// The process where the socket was last met, if it is still there.
    pub(crate) fn still(&self, procs: &Procs, inode: u64) -> Option<u32> {
        let place = self.places.get(&inode)?;
        (procs.socket_at(place.pid, place.fd) == Some(inode)).then_some(place.pid)
    }

    /// Looks through one process.
    pub(crate) fn holds(&mut self, procs: &Procs, pid: u32, inode: u64, credit: &mut Credit) -> bool {
        let begin = Instant::now();
        if !credit.any(begin) {
            return false;
        }
        self.places.remove(&inode);
        let found = self.look_through(procs, pid, Some(inode), begin + LATER);
        credit.spend(begin.elapsed());
        found
    }

    /// One pass over all processes; hands over each that holds sockets, and says which one holds
    /// `wanted`.
    pub(crate) fn scan(
        &mut self,
        procs: &Procs,
        wanted: Option<u64>,
        credit: &mut Credit,
        holder: &mut dyn FnMut(u32),
    ) -> Option<u32> {
        let begin = Instant::now();
        let end = begin + if wanted.is_some() { LATER } else { FIRST };
        if self.next == 0 {
            self.places.clear();
        }
        if let Some(wanted) = wanted {
            self.places.remove(&wanted);
        }
        let mut found = None;
        let pids = procs.pids();
        let from = pids.partition_point(|&pid| pid < self.next);
        self.next = 0;
        for &pid in &pids[from..] {
            let before = self.places.len();
            if self.look_through(procs, pid, wanted, end) {
                found.get_or_insert(pid);
            }
            if self.places.len() > before {
                holder(pid);
            }
            if Instant::now() > end {
                self.next = pid.saturating_add(1);
                break;
            }
        }
        credit.spend(begin.elapsed().max(SCAN_COST));
        found
    }

    /// Remembers the sockets of one process, and says whether `wanted` is among them. Of several
    /// holders the first stays: the parent, where ids have not wrapped.
    fn look_through(&mut self, procs: &Procs, pid: u32, wanted: Option<u64>, end: Instant) -> bool {
        let mut found = false;
        let mut count = 0u32;
        let places = &mut self.places;
        // A process that is gone, or not ours to look into, holds nothing that can be named.
        _ = procs.sockets(pid, &mut |fd, inode| {
            let place = Place { pid, fd };
            found |= wanted == Some(inode);
            if places.len() < MOST || wanted == Some(inode) {
                places.entry(inode).or_insert(place);
            }
            count += 1;
            if count.is_multiple_of(STRIDE) && Instant::now() > end {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        found
    }
}

//! Several threads over one file: the records of marked connections are sorted, stretch by stretch, by the
//! thread that follows them. Each follows its own in the order of the file, and sorts a further stretch
//! where none is ready. Refuses to sort far ahead of who follows, and to follow anything itself.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use whyreset_capture::{Hold, LOT, Pick, Picked};

use super::first::Found;
use super::marks::shard_of;
use super::single::UNSEEN;

/// Stretches that may be sorted before somebody has followed the first of them, for each thread.
const AHEAD: usize = 4;

/// The records of a stretch that each thread has to follow.
type Sorted = Box<[Vec<Pick>]>;

/// The threads.
pub struct Crew<'a> {
    hold: &'a Hold,
    found: &'a Found,
    threads: usize,
    board: Mutex<Board>,
    news: Condvar,
}

/// Who has done what.
#[derive(Default)]
struct Board {
    /// Stretches that all have followed.
    behind: usize,
    /// Those that came next, as far as somebody has begun with them.
    begun: VecDeque<Begun>,
    /// Lists to be used again.
    spare: Vec<Sorted>,
    /// Nobody is to go on.
    over: bool,
}

/// A stretch that somebody has begun with.
enum Begun {
    Sorting,
    Sorted {
        lists: Arc<Sorted>,
        /// Threads that have not followed it yet.
        left: usize,
    },
}

/// What a thread does next.
enum Turn {
    Follow(Arc<Sorted>),
    Sort(usize, Sorted),
    Leave,
}

impl<'a> Crew<'a> {
    /// So many threads over what the first pass found.
    pub fn new(hold: &'a Hold, found: &'a Found, threads: usize) -> Self {
        Self {
            hold,
            found,
            threads,
            board: Mutex::default(),
            news: Condvar::new(),
        }
    }

    /// The work of one thread: `take` gets the records that are its own, in order, with the offset that was
    /// reached; nobody goes on when it says `false`.
    pub fn work(&self, shard: usize, take: &mut dyn FnMut(&Picked<'_>, u64) -> bool) {
        let mut leaving = Leaving {
            crew: self,
            early: true,
        };
        for (nth, stretch) in self.found.stretches.iter().enumerate() {
            let lists = loop {
                match self.turn(nth) {
                    Turn::Follow(lists) => break lists,
                    Turn::Sort(other, mut lists) => {
                        self.sort(other, &mut lists);
                        self.put(other, lists);
                    }
                    Turn::Leave => return,
                }
            };
            for picks in lists[shard].chunks(LOT) {
                if !self
                    .hold
                    .picked(picks)
                    .is_some_and(|lot| take(&lot, stretch.start))
                {
                    return;
                }
            }
            drop(lists);
            self.followed(nth);
        }
        leaving.early = false;
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread does that is to follow this stretch next.
    fn turn(&self, nth: usize) -> Turn {
        let mut board = self.board();
        loop {
            if board.over {
                return Turn::Leave;
            }
            if let Some(Begun::Sorted { lists, .. }) = board.begun.get(nth - board.behind) {
                return Turn::Follow(Arc::clone(lists));
            }
            let next = board.behind + board.begun.len();
            if next < self.found.stretches.len() && board.begun.len() < AHEAD * self.threads {
                board.begun.push_back(Begun::Sorting);
                let lists = board.spare.pop();
                return Turn::Sort(
                    next,
                    lists.unwrap_or_else(|| vec![Vec::new(); self.threads].into()),
                );
            }
            board = self.news.wait(board).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sorts the records of a stretch by who follows them.
    fn sort(&self, nth: usize, lists: &mut Sorted) {
        lists.iter_mut().for_each(Vec::clear);
        let Some(mut through) = self.found.through(self.hold, self.found.stretches[nth]) else {
            return;
        };
        while let Some(lot) = through.sift(&self.found.marks) {
            for pick in lot.picks() {
                if pick.note() == UNSEEN {
                    lists.iter_mut().for_each(|list| list.push(*pick));
                } else {
                    lists[shard_of(pick.note(), self.threads)].push(*pick);
                }
            }
        }
    }

    /// Says that a stretch is sorted.
    fn put(&self, nth: usize, lists: Sorted) {
        let mut board = self.board();
        let behind = board.behind;
        board.begun[nth - behind] = Begun::Sorted {
            lists: Arc::new(lists),
            left: self.threads,
        };
        self.news.notify_all();
    }

    /// Says that a thread has followed a stretch.
    fn followed(&self, nth: usize) {
        let mut board = self.board();
        let behind = board.behind;
        if let Some(Begun::Sorted { left, .. }) = board.begun.get_mut(nth - behind) {
            *left -= 1;
        }
        while let Some(Begun::Sorted { left: 0, .. }) = board.begun.front() {
            board.behind += 1;
            if let Some(Begun::Sorted { lists, .. }) = board.begun.pop_front() {
                board.spare.extend(Arc::into_inner(lists));
            }
            self.news.notify_all();
        }
    }
}

/// Lets the others leave too where a thread leaves early, also by a panic: they would wait for it.
struct Leaving<'a, 'b> {
    crew: &'a Crew<'b>,
    early: bool,
}

impl Drop for Leaving<'_, '_> {
    fn drop(&mut self) {
        self.crew.board().over |= self.early;
        self.crew.news.notify_all();
    }
}

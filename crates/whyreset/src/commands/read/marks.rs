//! Which connections of a file hold a reset: bits by their hashes. A file is read twice, and the
//! second time only these connections cost anything. Refuses to forget one: two connections may
//! share their bits, which only costs time.

use std::sync::atomic::{AtomicU64, Ordering};

use whyreset_capture::{Record, Sieve};

use super::single::{UNSEEN, hash_of};

/// Words of 64 bits: as many as hold the marks of some hundred thousand connections apart.
const WORDS: usize = 1 << 16;

/// The marks, made by several threads at once and read when all are made.
pub struct Marks(Box<[AtomicU64; WORDS]>);

/// A word, and two bits in it that few others have both of.
#[inline]
const fn place(hash: u32) -> (usize, u64) {
    let word = hash as usize & (WORDS - 1);
    (word, 1 << (hash >> 16 & 63) | 1 << (hash >> 22 & 63))
}

impl Marks {
    /// No connection is marked; but a frame that a glance does not tell may be of any that will be.
    pub fn new() -> Self {
        // On the heap from the beginning: a stack has no room for it.
        let words: Vec<_> = (0..WORDS).map(|_| AtomicU64::new(0)).collect();
        let Ok(words) = words.try_into() else {
            unreachable!("as many as were asked for");
        };
        let marks = Self(words);
        marks.mark(UNSEEN);
        marks
    }

    /// Marks a connection.
    pub fn mark(&self, hash: u32) {
        let (word, bits) = place(hash);
        self.0[word].fetch_or(bits, Ordering::Relaxed);
    }

    /// Whether it may have been marked.
    #[inline]
    pub fn has(&self, hash: u32) -> bool {
        let (word, bits) = place(hash);
        self.0[word].load(Ordering::Relaxed) & bits == bits
    }
}

/// Which of so many threads follows a connection.
#[inline]
pub const fn shard_of(hash: u32, threads: usize) -> usize {
    ((hash as u64 * threads as u64) >> 32) as usize
}

impl Sieve for &Marks {
    #[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
    #[inline(always)]
    fn note(&self, record: &Record<'_>) -> u32 {
        hash_of(record)
    }

    #[inline]
    fn wants(&self, hash: u32) -> bool {
        self.has(hash)
    }
}

/// The marked connections that one thread follows.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    marks: &'a Marks,
    shard: usize,
    of: usize,
}

impl<'a> Part<'a> {
    /// This one `of` so many.
    pub const fn new(marks: &'a Marks, shard: usize, of: usize) -> Self {
        Self { marks, shard, of }
    }

    /// Whether a connection is among them.
    #[inline]
    pub fn follows(self, hash: u32) -> bool {
        self.marks.has(hash) && shard_of(hash, self.of) == self.shard
    }
}

impl Sieve for Part<'_> {
    #[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
    #[inline(always)]
    fn note(&self, record: &Record<'_>) -> u32 {
        self.marks.note(record)
    }

    #[inline]
    fn wants(&self, hash: u32) -> bool {
        hash == UNSEEN || self.follows(hash)
    }
}

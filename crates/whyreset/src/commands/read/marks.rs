//! Which connections of a file hold a reset: bits by their hashes. A file is read twice, and the
//! second time only these connections cost anything. Refuses to forget one: two connections may
//! share their bits, which only costs time.

use whyreset_capture::{Record, Sieve};

use super::single::{UNSEEN, hash_of};

/// Words that stay in a processor's own cache, asked first.
const NEAR: usize = 1 << 15;
/// Bits that hold the marks of some hundred thousand connections apart.
const FAR: usize = 1 << 22;

/// The marks.
pub struct Marks {
    near: Box<[u64; NEAR]>,
    far: Box<[u64; FAR / 64]>,
}

/// Whether a connection may have been marked; wrong more often than [`Marks::has`], and sooner.
#[derive(Clone, Copy)]
pub struct Near<'a>(&'a [u64; NEAR]);

impl Near<'_> {
    /// Whether this one may.
    #[inline]
    pub const fn may_have(self, hash: u32) -> bool {
        let (word, bits) = near(hash);
        self.0[word] & bits == bits
    }
}

/// A word, and two bits in it that few others have both of.
#[inline]
const fn near(hash: u32) -> (usize, u64) {
    let word = hash as usize & (NEAR - 1);
    (word, 1 << (hash >> 16 & 63) | 1 << (hash >> 22 & 63))
}

#[inline]
const fn far(hash: u32) -> (usize, u64) {
    let bit = hash as usize & (FAR - 1);
    (bit / 64, 1 << (bit % 64))
}

#[expect(
    clippy::unnecessary_box_returns,
    reason = "a stack has no room for what is in it"
)]
fn zeros<const WORDS: usize>() -> Box<[u64; WORDS]> {
    // On the heap from the beginning: a stack has no room for it.
    let Ok(zeros) = vec![0; WORDS].try_into() else {
        unreachable!("as many as were asked for");
    };
    zeros
}

impl Marks {
    /// No connection is marked; but a frame that a glance does not tell may be of any that will be.
    pub fn new() -> Self {
        let mut marks = Self {
            near: zeros(),
            far: zeros(),
        };
        marks.mark(UNSEEN);
        marks
    }

    /// Marks a connection.
    pub fn mark(&mut self, hash: u32) {
        let (word, bits) = near(hash);
        self.near[word] |= bits;
        let (word, bits) = far(hash);
        self.far[word] |= bits;
    }

    /// Adds the marks of another part of the file.
    pub fn merge(&mut self, other: &Self) {
        let near = self.near.iter_mut().zip(&*other.near);
        for (word, other) in near.chain(self.far.iter_mut().zip(&*other.far)) {
            *word |= other;
        }
    }

    /// The marks that are asked first.
    pub const fn near(&self) -> Near<'_> {
        Near(&self.near)
    }

    /// Whether it may have been marked.
    #[inline]
    pub fn has(&self, hash: u32) -> bool {
        let (word, bits) = far(hash);
        self.far[word] & bits == bits
    }
}

/// Which of so many threads follows a connection.
#[inline]
pub const fn shard_of(hash: u32, threads: usize) -> usize {
    ((hash as u64 * threads as u64) >> 32) as usize
}

impl Sieve for Near<'_> {
    #[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
    #[inline(always)]
    fn note(&self, record: &Record<'_>) -> u32 {
        hash_of(record)
    }

    #[inline]
    fn wants(&self, hash: u32) -> bool {
        self.may_have(hash)
    }
}

/// The marked connections that one thread follows.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    near: Near<'a>,
    shard: usize,
    of: usize,
}

impl<'a> Part<'a> {
    /// This one `of` so many.
    pub const fn new(marks: &'a Marks, shard: usize, of: usize) -> Self {
        Self {
            near: marks.near(),
            shard,
            of,
        }
    }

    /// Whether a connection is among them, if it is marked.
    #[inline]
    pub const fn has(self, hash: u32) -> bool {
        shard_of(hash, self.of) == self.shard
    }
}

impl Sieve for Part<'_> {
    #[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
    #[inline(always)]
    fn note(&self, record: &Record<'_>) -> u32 {
        self.near.note(record)
    }

    #[inline]
    fn wants(&self, hash: u32) -> bool {
        self.near.may_have(hash) && (hash == UNSEEN || self.has(hash))
    }
}

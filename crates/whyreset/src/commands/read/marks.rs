//! Which connections of a file hold a reset: bits by their hashes. A file is read twice, and the
//! second time only these connections cost anything. Refuses to forget one: two connections may
//! share their bits, which only costs time.

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
    /// None is marked.
    pub fn new() -> Self {
        Self {
            near: zeros(),
            far: zeros(),
        }
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

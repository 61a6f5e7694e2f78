//! Which connections of a file hold a reset: bits by their hashes. A file is read twice, and the
//! second time only these connections cost anything. Refuses to forget one: two connections may
//! share their bits, which only costs time.

use whyreset_flow::Key;

/// Bits that stay in a processor's own cache, asked first.
const NEAR: usize = 1 << 20;
/// Bits that hold the marks of some hundred thousand connections apart.
const FAR: usize = 1 << 25;

/// The marks.
pub struct Marks {
    near: Box<[u64]>,
    far: Box<[u64]>,
}

const fn place(hash: u64, bits: usize) -> (usize, u64) {
    let bit = (hash >> 32) as usize & (bits - 1);
    (bit / 64, 1 << (bit % 64))
}

impl Marks {
    /// None is marked.
    pub fn new() -> Self {
        Self {
            near: vec![0; NEAR / 64].into(),
            far: vec![0; FAR / 64].into(),
        }
    }

    /// Marks a connection.
    pub fn mark(&mut self, key: &Key) {
        let hash = key.hash();
        for (bits, words) in [(NEAR, &mut self.near), (FAR, &mut self.far)] {
            let (word, bit) = place(hash, bits);
            words[word] |= bit;
        }
    }

    /// Adds the marks of another part of the file.
    pub fn merge(&mut self, other: &Self) {
        let pairs = [(&mut self.near, &other.near), (&mut self.far, &other.far)];
        for (words, others) in pairs {
            for (word, other) in words.iter_mut().zip(others) {
                *word |= other;
            }
        }
    }

    /// Whether it may have been marked; wrong more often than [`Self::has`], and sooner.
    pub fn may_have(&self, hash: u64) -> bool {
        let (word, bit) = place(hash, NEAR);
        self.near[word] & bit != 0
    }

    /// Whether it may have been marked.
    pub fn has(&self, hash: u64) -> bool {
        let (word, bit) = place(hash, FAR);
        self.far[word] & bit != 0
    }
}

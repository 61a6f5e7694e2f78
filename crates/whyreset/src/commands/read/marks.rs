//! Which connections of a file hold a reset: one bit for each of their hashes. A file is read
//! twice, and the second time only these connections cost anything. Refuses to forget one: two
//! connections may share a bit, which only costs time.

use whyreset_flow::Key;

/// Bits: two megabytes hold the marks of some hundred thousand connections apart.
const BITS: usize = 1 << 24;

/// The marks.
#[derive(Clone)]
pub struct Marks(Box<[u64]>);

impl Marks {
    /// None is marked.
    pub fn new() -> Self {
        Self(vec![0; BITS / 64].into())
    }

    const fn place(hash: u64) -> (usize, u64) {
        let bit = (hash >> 40) as usize & (BITS - 1);
        (bit / 64, 1 << (bit % 64))
    }

    /// Marks a connection.
    pub fn mark(&mut self, key: &Key) {
        let (word, bit) = Self::place(key.hash());
        self.0[word] |= bit;
    }

    /// Whether it may have been marked.
    pub fn has(&self, hash: u64) -> bool {
        let (word, bit) = Self::place(hash);
        self.0[word] & bit != 0
    }
}

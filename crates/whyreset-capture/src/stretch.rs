//! Parts of a mapped capture between records that a reader has passed: several threads can look through
//! them, each through another one. Refuses a form of records that a lot has no short way for.

use std::fmt;

use crate::legacy::Legacy;
use crate::lot::{LOT, Pick, Picked, Sieve, pick_out};
use crate::sys::Map;

/// Records that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Offset of the first one.
    pub start: u64,
    /// Offset behind the last one.
    pub end: u64,
    /// Number of the first one.
    pub first: u64,
    /// How many they are.
    pub count: u64,
}

/// Goes through a stretch, and gives the records that are wanted of it.
pub struct Sift<'a> {
    map: &'a Map,
    legacy: Legacy,
    offset: usize,
    end: usize,
    /// Of the last record before.
    number: u64,
    picks: Box<[Pick; LOT]>,
}

impl<'a> Sift<'a> {
    /// Over a stretch of this map. `None` where the map does not reach so far.
    pub(crate) fn new(map: &'a Map, legacy: Legacy, stretch: Stretch) -> Option<Self> {
        let [offset, end] = [stretch.start, stretch.end].map(usize::try_from);
        let (offset, end) = (offset.ok()?, end.ok()?);
        map.bytes().get(offset..end)?;
        Some(Self {
            map,
            legacy,
            offset,
            end,
            number: stretch.first.saturating_sub(1),
            picks: Box::new([Pick::default(); LOT]),
        })
    }

    /// The next records that `sieve` wants by their notes, [`LOT`] at most; `None` at the end, and where
    /// the file has become shorter.
    #[inline]
    pub fn sift(&mut self, sieve: impl Sieve) -> Option<Picked<'_>> {
        let bytes = self.map.bytes().get(self.offset..self.end)?;
        let (legacy, number, picks) = (&self.legacy, &mut self.number, &mut self.picks);
        let (count, read) = pick_out(legacy, bytes, self.offset, number, sieve, picks);
        self.offset += read;
        // Where nothing was lost, a stretch ends with a record.
        (read > 0 && self.map.is_whole())
            .then(|| Picked::of(&self.legacy, self.map.bytes(), &self.picks[..count]))
    }
}

impl fmt::Debug for Sift<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sift")
            .field("offset", &self.offset)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

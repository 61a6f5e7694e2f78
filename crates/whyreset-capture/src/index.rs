//! Where the records of a mapped capture are, and what was noted beside each: a second look at some of
//! them need not pass by all the others. Refuses to grow beyond a bound; records that come later are
//! looked for in the file.

use std::fmt;

use crate::Record;
use crate::legacy::{HEAD, Legacy};
use crate::lot::{LOT, Pick, Picked, Sieve};
use crate::stretch::Stretch;
use crate::sys::Map;

/// Bytes that a record takes here.
const EACH: usize = 6;
/// Records that are looked at together.
const ROW: usize = 64;

/// Notes of records that follow each other.
pub struct Index {
    /// Where the first one begins.
    start: u64,
    notes: Vec<u32>,
    lens: Vec<u16>,
    most: usize,
}

impl Index {
    /// Of the records from this offset on, in so many bytes at most; about so many records are expected. It
    /// pays where records are long: to pass by short ones costs no more.
    #[must_use]
    pub fn new(start: u64, bytes: usize, records: usize) -> Self {
        let most = bytes / EACH;
        Self {
            start,
            notes: Vec::with_capacity(records.min(most)),
            lens: Vec::with_capacity(records.min(most)),
            most,
        }
    }

    /// Whether it takes more records.
    #[inline]
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.notes.len() < self.most
    }

    /// Takes the next record, while it [is open](Self::is_open).
    #[inline]
    pub fn push(&mut self, record: &Record<'_>, note: u32) {
        match u16::try_from(record.data.len()) {
            Ok(len) if self.is_open() => {
                self.notes.push(note);
                self.lens.push(len);
            }
            // What lies behind it cannot be found from here.
            _ => self.most = self.notes.len(),
        }
    }

    /// How many records it holds.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.notes.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("start", &self.start)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Goes through an index, and gives the records that are wanted of it.
pub struct Walk<'a> {
    map: &'a Map,
    legacy: Legacy,
    notes: &'a [u32],
    lens: &'a [u16],
    /// Offset and number of the next record.
    offset: usize,
    number: u64,
    picks: Box<[Pick; LOT]>,
}

impl<'a> Walk<'a> {
    /// Over an index of this map; its first record has the number `first`.
    pub(crate) fn new(map: &'a Map, legacy: Legacy, index: &'a Index, first: u64) -> Self {
        Self {
            map,
            legacy,
            notes: &index.notes,
            lens: &index.lens,
            offset: usize::try_from(index.start).unwrap_or(usize::MAX),
            number: first,
            picks: Box::new([Pick::default(); LOT]),
        }
    }

    /// Over a stretch of this map, whose first record is the one `skip` records behind the index's first.
    /// `None` where the index does not reach so far.
    pub(crate) fn part(
        map: &'a Map,
        legacy: Legacy,
        index: &'a Index,
        skip: usize,
        stretch: Stretch,
    ) -> Option<Self> {
        let range = skip..skip.checked_add(usize::try_from(stretch.count).ok()?)?;
        Some(Self {
            notes: index.notes.get(range.clone())?,
            lens: index.lens.get(range)?,
            offset: usize::try_from(stretch.start).ok()?,
            ..Self::new(map, legacy, index, stretch.first)
        })
    }

    /// The next records that `sieve` wants by their notes, [`LOT`] at most; `None` at the end, and where
    /// the file has become shorter.
    #[inline]
    pub fn sift(&mut self, sieve: impl Sieve) -> Option<Picked<'_>> {
        if self.notes.is_empty() || !self.map.is_whole() {
            return None;
        }
        let mut count = 0;
        while let Some(picks) = self.picks.get_mut(count..).filter(|picks| picks.len() >= ROW)
            && !self.notes.is_empty()
        {
            let row = self.notes.len().min(ROW);
            let ((notes, more_notes), (lens, more_lens)) =
                (self.notes.split_at(row), self.lens.split_at(row));
            (self.notes, self.lens) = (more_notes, more_lens);
            let mut offsets = [0; ROW];
            let mut offset = self.offset;
            for (place, len) in offsets.iter_mut().zip(lens) {
                *place = offset;
                offset += HEAD + usize::from(*len);
            }
            self.offset = offset;
            // Written in any case: no processor guesses which connection comes next.
            let (mut wanted, mut found) = ([0_u8; ROW], 0);
            for (nth, note) in (0..).zip(notes) {
                wanted[found & (ROW - 1)] = nth;
                found += usize::from(sieve.wants(*note));
            }
            for (pick, nth) in picks.iter_mut().zip(wanted).take(found) {
                *pick = Pick {
                    number: self.number + u64::from(nth),
                    note: notes.get(usize::from(nth)).copied().unwrap_or_default(),
                    head: offsets[usize::from(nth) & (ROW - 1)],
                };
            }
            self.number += row as u64;
            count += found;
        }
        Some(Picked::fetched(
            &self.legacy,
            self.map.bytes(),
            self.picks.get(..count)?,
        ))
    }

    /// Offset and number of the next record.
    #[must_use]
    pub const fn reached(&self) -> (u64, u64) {
        (self.offset as u64, self.number)
    }
}

impl fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("offset", &self.offset)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

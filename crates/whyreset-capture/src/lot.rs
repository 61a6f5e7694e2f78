//! Records by the lot: what a caller does with many of them at once costs less than one after the
//! other, for memory is slow and answers many questions in the time of one. Refuses to wait for more
//! than one record.

use std::hint::black_box;

use crate::legacy::{HEAD, Legacy};
use crate::reader::{Format, Reader};
use crate::window::Window;
use crate::{CaptureError, Record};

/// Records of a lot at most.
pub const LOT: usize = 256;

/// The records of a lot.
pub(crate) struct Lot {
    picks: Box<[Pick; LOT]>,
    count: usize,
    /// Records whose header must not be read again, and where in the window their bytes are.
    held: Vec<Held>,
}

/// Where a record that was picked is, and what was noted beside it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pick {
    /// Its number.
    pub(crate) number: u64,
    /// What the caller noted beside it.
    pub(crate) note: u32,
    /// Where its header begins.
    pub(crate) head: usize,
}

impl Pick {
    /// What was noted beside it.
    #[inline]
    #[must_use]
    pub const fn note(&self) -> u32 {
        self.note
    }
}

/// A record without its bytes, and where in the window these are.
#[derive(Clone, Copy)]
struct Held {
    record: Record<'static>,
    start: usize,
    len: usize,
}

const NOTHING: Record<'static> = Record {
    number: 0,
    at_ns: None,
    link: 0,
    interface: 0,
    wire_len: 0,
    data: &[],
    direction: None,
    drops_before: 0,
};

impl Lot {
    pub fn new() -> Self {
        Self {
            picks: Box::new([Pick::default(); LOT]),
            count: 0,
            held: Vec::new(),
        }
    }
}

/// Who is shown all records.
pub trait Look {
    /// Sees one.
    fn look(&mut self, record: &Record<'_>);

    /// Has seen so many, all that are between two offsets of the stream.
    fn passed(&mut self, start: u64, end: u64, count: u64) {
        _ = (start, end, count);
    }
}

/// Who picks records.
pub trait Sieve: Copy {
    /// What is to be noted beside a record.
    fn note(&self, record: &Record<'_>) -> u32;

    /// Whether a record with this note is picked.
    fn wants(&self, note: u32) -> bool;
}

/// The record at the beginning of `bytes`, if it is whole, and what is behind it.
#[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
#[inline(always)]
pub(crate) fn whole<'a>(legacy: &Legacy, bytes: &'a [u8], number: u64) -> Option<(Record<'a>, &'a [u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let head = Legacy::common_head(head);
    if head.caplen > legacy.max {
        return None;
    }
    let (data, rest) = rest.split_at_checked(head.caplen as usize)?;
    let record = Record {
        number,
        at_ns: Some(legacy.at_ns(&head)),
        link: legacy.link,
        wire_len: head.wire_len,
        data,
        ..NOTHING
    };
    Some((record, rest))
}

/// Takes a note of each record of the common form that is whole in `bytes`, which begin at `place`, and
/// keeps those that `sieve` wants; `number` is that of the last record before. Gives how many are kept,
/// and how many bytes were read.
#[expect(clippy::inline_always, reason = "the loop in it is all that its callers do")]
#[inline(always)]
pub(crate) fn pick_out(
    legacy: &Legacy,
    bytes: &[u8],
    place: usize,
    number: &mut u64,
    sieve: impl Sieve,
    picks: &mut [Pick; LOT],
) -> (usize, usize) {
    let (mut rest, mut last, mut count) = (bytes, *number, 0);
    while let Some(pick) = picks.get_mut(count)
        && let Some((record, next)) = whole(legacy, rest, last + 1)
    {
        last += 1;
        let note = sieve.note(&record);
        // Written in any case: no processor guesses which connection comes next.
        *pick = Pick {
            number: last,
            note,
            head: place + (bytes.len() - rest.len()),
        };
        count += usize::from(sieve.wants(note));
        rest = next;
    }
    *number = last;
    (count, bytes.len() - rest.len())
}

/// The records of a lot.
#[derive(Clone, Copy)]
pub struct Picked<'a> {
    /// `None` where their headers must not be read again.
    legacy: Option<Legacy>,
    bytes: &'a [u8],
    picks: &'a [Pick],
    held: Option<(&'a Window, &'a [Held])>,
}

impl<'a> Picked<'a> {
    /// Records of the common form, by their places in `bytes`.
    pub(crate) const fn of(legacy: &Legacy, bytes: &'a [u8], picks: &'a [Pick]) -> Self {
        Self {
            legacy: Some(*legacy),
            bytes,
            picks,
            held: None,
        }
    }

    /// The same, and asks memory for all of them before the first one is used.
    pub(crate) fn fetched(legacy: &Legacy, bytes: &'a [u8], picks: &'a [Pick]) -> Self {
        let word = |at: usize| bytes.get(at).map_or(0, |byte| u32::from(*byte));
        let fetch = |sum, pick: &Pick| sum ^ word(pick.head) ^ word(pick.head + 64);
        black_box(picks.iter().fold(0, fetch));
        Self::of(legacy, bytes, picks)
    }

    /// Their places, for [`Hold::picked`](crate::Hold::picked).
    #[must_use]
    pub const fn picks(&self) -> &'a [Pick] {
        self.picks
    }

    /// How many they are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.picks.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.picks.is_empty()
    }

    /// A record; an empty one beyond the end.
    #[inline]
    pub fn at(&self, index: usize) -> Record<'a> {
        if let (Some(legacy), Some(pick)) = (&self.legacy, self.picks.get(index)) {
            let bytes = self.bytes.get(pick.head..).unwrap_or_default();
            if let Some((record, _)) = whole(legacy, bytes, pick.number) {
                return record;
            }
        }
        self.held(index)
    }

    #[inline(never)]
    fn held(&self, index: usize) -> Record<'a> {
        let held = self
            .held
            .and_then(|(window, held)| Some((window, held.get(index)?)));
        held.map_or(NOTHING, |(window, held)| Record {
            data: window.at(held.start, held.len),
            ..held.record
        })
    }

    /// What was noted beside a record.
    #[inline]
    pub fn note(&self, index: usize) -> u32 {
        self.picks.get(index).map_or(0, |pick| pick.note)
    }
}

impl Reader {
    /// The legacy form whose records follow each other without more words, each like the others.
    pub(crate) fn common(&self) -> Option<Legacy> {
        match &self.format {
            Format::Legacy(legacy, _) if legacy.is_common() => Some(*legacy),
            _ => None,
        }
    }

    /// How many bytes in hand are at or after this offset.
    pub(crate) fn beyond(&self, until: u64) -> usize {
        let reach = usize::try_from(until.saturating_sub(self.offset())).unwrap_or(usize::MAX);
        self.window.have().len().saturating_sub(reach)
    }

    /// Shows the records that are in hand to `eye`, up to the first one at or after the offset `until`.
    /// Gives how many they were: 0 at the end, at `until` and after an error.
    ///
    /// # Errors
    /// As [`Self::next`].
    #[inline]
    pub fn look(&mut self, until: u64, eye: &mut impl Look) -> Result<u64, CaptureError> {
        if self.offset() >= until {
            return Ok(0);
        }
        let (start, before) = (self.offset(), self.records);
        if let Some(legacy) = self.common() {
            let (have, beyond) = (self.window.have(), self.beyond(until));
            let (mut rest, mut number) = (have, self.before + self.records);
            while rest.len() > beyond
                && let Some((record, next)) = whole(&legacy, rest, number + 1)
            {
                eye.look(&record);
                number += 1;
                rest = next;
            }
            let read = have.len() - rest.len();
            self.window.consume(read);
            self.records = number - self.before;
        }
        if self.records == before {
            let Some((record, back, len)) = self.find()? else {
                return Ok(0);
            };
            eye.look(&Record {
                data: self.window.consumed(back, len),
                ..record
            });
        }
        let count = self.records - before;
        eye.passed(start, self.offset(), count);
        Ok(count)
    }

    /// Takes a note of each record that is in hand and gives those that `sieve` wants, at most [`LOT`];
    /// `None` at the end and after an error.
    ///
    /// # Errors
    /// As [`Self::next`].
    #[inline]
    pub fn sift(&mut self, sieve: impl Sieve) -> Result<Option<Picked<'_>>, CaptureError> {
        self.lot.count = 0;
        self.lot.held.clear();
        let before = self.records;
        if let Some(legacy) = self.common() {
            let (have, place) = (self.window.have(), self.window.place());
            let (mut number, picks) = (self.before + self.records, &mut self.lot.picks);
            let (count, read) = pick_out(&legacy, have, place, &mut number, sieve, picks);
            self.window.consume(read);
            self.records = number - self.before;
            self.lot.count = count;
        }
        if self.records == before {
            self.sift_slowly(&|record| {
                let note = sieve.note(record);
                sieve.wants(note).then_some(note)
            })?;
        }
        Ok((self.records > before).then(|| self.picked()))
    }

    /// The next record that is not a whole common legacy one in hand, and those like it in hand.
    fn sift_slowly(&mut self, picks: &dyn Fn(&Record<'_>) -> Option<u32>) -> Result<(), CaptureError> {
        let mut found = self.find()?;
        while let Some((record, back, len)) = found {
            let start = self.window.place() - back;
            let picked = picks(&Record {
                data: self.window.at(start, len),
                ..record
            });
            let lot = &mut self.lot;
            if let Some(note) = picked
                && let Some(pick) = lot.picks.get_mut(lot.count)
            {
                lot.held.push(Held { record, start, len });
                pick.note = note;
                lot.count += 1;
            }
            found = if lot.count < LOT { self.in_hand() } else { None };
        }
        Ok(())
    }

    /// The next record, where it is whole in hand: a plain pcapng packet, or a legacy one of an uncommon
    /// form.
    fn in_hand(&mut self) -> Option<(Record<'static>, usize, usize)> {
        match &mut self.format {
            Format::Pcapng(pcapng) => {
                let packet = pcapng.plain(self.window.have())?;
                self.window.consume(packet.block);
                self.records += 1;
                Some((pcapng.record(&packet), packet.block - packet.data, packet.caplen))
            }
            // The common ones are read faster.
            Format::Legacy(legacy, _) if legacy.is_common() => None,
            Format::Legacy(legacy, _) => {
                let have = self.window.have();
                let head = legacy.head(have.first_chunk()?);
                let whole = legacy.head_len() + head.caplen as usize;
                if head.caplen > legacy.max || have.len() < whole {
                    return None;
                }
                self.find().ok()?
            }
        }
    }

    /// The records of the lot.
    #[inline]
    fn picked(&self) -> Picked<'_> {
        let lot = &self.lot;
        Picked {
            legacy: self.common().filter(|_| lot.held.is_empty()),
            bytes: self.window.from(0),
            picks: lot.picks.get(..lot.count).unwrap_or_default(),
            held: Some((&self.window, &lot.held)),
        }
    }
}

//! Records by the lot: what a caller does with many of them at once costs less than one after the
//! other, for memory is slow and answers many questions in the time of one. Refuses to wait for more
//! than one record.

use crate::legacy::{HEAD, Legacy};
use crate::reader::{Format, Reader};
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

/// A record that was picked.
#[derive(Clone, Copy, Default)]
struct Pick {
    /// Its number.
    number: u64,
    /// What the caller noted beside it.
    note: u32,
    /// Where in the window its header begins.
    head: usize,
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

/// The record at the beginning of `bytes`, if it is whole. `NATIVE` is what [`Legacy::is_native`] says.
#[inline]
fn whole<'a, const NATIVE: bool>(legacy: &Legacy, bytes: &'a [u8], number: u64) -> Option<Record<'a>> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
    let head = if NATIVE {
        Legacy::native_head(head)
    } else {
        legacy.head(head)
    };
    if head.caplen > legacy.max {
        return None;
    }
    Some(Record {
        number,
        at_ns: Some(legacy.at_ns(&head)),
        link: legacy.link,
        wire_len: head.wire_len,
        data: rest.get(..head.caplen as usize)?,
        ..NOTHING
    })
}

impl Reader {
    /// The legacy form whose records follow each other without more words.
    fn common(&self) -> Option<Legacy> {
        match &self.format {
            Format::Legacy(legacy, _) if !legacy.modified => Some(*legacy),
            _ => None,
        }
    }

    /// Hands the records that are in hand to `take`, up to the first one at or after the offset
    /// `until`. Gives how many they were: 0 at the end, at `until` and after an error.
    ///
    /// # Errors
    /// As [`Self::next`].
    #[inline]
    pub fn look(&mut self, until: u64, mut take: impl FnMut(&Record<'_>)) -> Result<u64, CaptureError> {
        if self.offset() >= until {
            return Ok(0);
        }
        let before = self.records;
        match self.common() {
            Some(legacy) if legacy.is_native() => self.look_fast::<true>(&legacy, until, &mut take),
            Some(legacy) => self.look_fast::<false>(&legacy, until, &mut take),
            None => {}
        }
        if self.records == before {
            let Some((record, back, len)) = self.find()? else {
                return Ok(0);
            };
            take(&Record {
                data: self.window.consumed(back, len),
                ..record
            });
        }
        Ok(self.records - before)
    }

    #[inline]
    fn look_fast<const NATIVE: bool>(
        &mut self,
        legacy: &Legacy,
        until: u64,
        take: &mut impl FnMut(&Record<'_>),
    ) {
        let have = self.window.have();
        let reach = usize::try_from(until - self.window.offset()).unwrap_or(usize::MAX);
        let (mut at, mut number) = (0, self.before + self.records);
        while at < reach
            && let Some(rest) = have.get(at..)
            && let Some(record) = whole::<NATIVE>(legacy, rest, number + 1)
        {
            take(&record);
            number += 1;
            at += HEAD + record.data.len();
        }
        self.window.consume(at);
        self.records = number - self.before;
    }

    /// Takes a note of each record that is in hand and picks those whose note `wants`, at most [`LOT`];
    /// [`Self::at`] and [`Self::note`] give them until the next call. `None` at the end and after an
    /// error.
    ///
    /// # Errors
    /// As [`Self::next`].
    #[inline]
    pub fn sift(
        &mut self,
        note: impl Fn(&Record<'_>) -> u32,
        wants: impl Fn(u32) -> bool,
    ) -> Result<Option<usize>, CaptureError> {
        self.lot.count = 0;
        self.lot.held.clear();
        let before = self.records;
        match self.common() {
            Some(legacy) if legacy.is_native() => self.sift_fast::<true>(&legacy, &note, &wants),
            Some(legacy) => self.sift_fast::<false>(&legacy, &note, &wants),
            None => {}
        }
        if self.records == before {
            self.sift_slowly(&|record| {
                let note = note(record);
                wants(note).then_some(note)
            })?;
        }
        Ok((self.records > before).then_some(self.lot.count))
    }

    #[inline]
    fn sift_fast<const NATIVE: bool>(
        &mut self,
        legacy: &Legacy,
        note: &impl Fn(&Record<'_>) -> u32,
        wants: &impl Fn(u32) -> bool,
    ) {
        let (have, place) = (self.window.have(), self.window.place());
        let picks = &mut self.lot.picks;
        let (mut at, mut number, mut count) = (0, self.before + self.records, 0);
        while let Some(pick) = picks.get_mut(count)
            && let Some(rest) = have.get(at..)
            && let Some(record) = whole::<NATIVE>(legacy, rest, number + 1)
        {
            number += 1;
            // Written in any case: no processor guesses which connection comes next.
            *pick = Pick {
                number,
                note: note(&record),
                head: place + at,
            };
            count += usize::from(wants(pick.note));
            at += HEAD + record.data.len();
        }
        self.window.consume(at);
        self.records = number - self.before;
        self.lot.count = count;
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

    /// The next record, where it is a plain pcapng packet whole in hand.
    fn in_hand(&mut self) -> Option<(Record<'static>, usize, usize)> {
        let Format::Pcapng(pcapng) = &mut self.format else {
            return None;
        };
        let packet = pcapng.plain(self.window.have())?;
        self.window.consume(packet.block);
        self.records += 1;
        Some((pcapng.record(&packet), packet.block - packet.data, packet.caplen))
    }

    /// A record of the lot; an empty one beyond its end.
    #[inline]
    pub fn at(&self, index: usize) -> Record<'_> {
        if let Some(held) = self.lot.held.get(index) {
            return Record {
                data: self.window.at(held.start, held.len),
                ..held.record
            };
        }
        let pick = self.lot.picks.get(index).filter(|_| index < self.lot.count);
        let record = pick.and_then(|pick| {
            let Format::Legacy(legacy, _) = &self.format else {
                return None;
            };
            whole::<false>(legacy, self.window.from(pick.head), pick.number)
        });
        record.unwrap_or(NOTHING)
    }

    /// What was noted beside a record of the lot.
    #[inline]
    pub fn note(&self, index: usize) -> u32 {
        self.lot.picks.get(index).map_or(0, |pick| pick.note)
    }
}

//! Several readers of one file, a record of each in turn: while one waits for the memory that its next
//! record is in, the others go on. Where records are long, nothing else brings the next one near in time.
//! Refuses to decide where a reader may begin ([`crate::find_boundary`]).

use crate::legacy::Legacy;
use crate::lot::{Look, whole};
use crate::{CaptureError, Reader, sys};

/// A reader on its way to an offset.
#[derive(Debug)]
pub struct Lane<E> {
    /// The reader.
    pub reader: Reader,
    /// It stops at the first record at or after this offset.
    pub until: u64,
    /// Who is shown its records.
    pub eye: E,
    /// What it stopped for, if not for the end or for `until`.
    pub outcome: Result<(), CaptureError>,
}

impl<E: Look> Lane<E> {
    /// A reader that has not begun.
    pub const fn new(reader: Reader, until: u64, eye: E) -> Self {
        Self {
            reader,
            until,
            eye,
            outcome: Ok(()),
        }
    }

    /// Reads to its end; `passed` gets the bytes that were read since it was last called.
    pub fn read(&mut self, passed: &mut dyn FnMut(u64)) {
        let mut before = self.reader.offset();
        while self.look(u64::MAX) {
            let reached = self.reader.offset();
            passed(reached - before);
            before = reached;
        }
    }

    /// Looks at what is in hand before this offset, or at one record; `false` when it has stopped.
    #[inline(never)]
    fn look(&mut self, until: u64) -> bool {
        match self.reader.look(until.min(self.until), &mut self.eye) {
            Ok(count) => count > 0,
            Err(why) => {
                self.outcome = Err(why);
                false
            }
        }
    }
}

/// Reads all lanes to their ends; `passed` gets the bytes that were read since it was last called.
pub fn look_abreast<E: Look>(lanes: &mut [Lane<E>], passed: &mut dyn FnMut(u64)) {
    let reached = |lanes: &[&mut Lane<E>]| lanes.iter().map(|lane| lane.reader.offset()).sum::<u64>();
    let mut going: Vec<&mut Lane<E>> = lanes.iter_mut().collect();
    while going.len() > 1 {
        let before = reached(&going);
        let short = take_turns(&mut going);
        let lane = &mut *going[short];
        // The others wait while this one looks alone.
        let goes_on = lane.look(lane.reader.offset() + 1);
        passed(reached(&going) - before);
        if !goes_on {
            going.swap_remove(short);
        }
    }
    for lane in going {
        lane.read(passed);
    }
}

/// What a reader has in hand.
struct Hand<'a, E> {
    rest: &'a [u8],
    /// So many of these bytes are at or after the offset that it is on its way to.
    beyond: usize,
    /// Of the last record.
    number: u64,
    eye: &'a mut E,
}

/// Looks at a record of each in turn, until one has no whole one of the common form in hand: which.
fn take_turns<E: Look>(lanes: &mut [&mut Lane<E>]) -> usize {
    let Some(legacy) = lanes.first().and_then(|lane| lane.reader.common()) else {
        return 0;
    };
    let mut hands = Vec::with_capacity(lanes.len());
    for lane in lanes.iter_mut() {
        let Lane {
            reader, until, eye, ..
        } = &mut **lane;
        hands.push(Hand {
            rest: reader.window.have(),
            beyond: reader.beyond(*until),
            number: reader.before + reader.records,
            eye,
        });
    }
    let short = go_round(&legacy, &mut hands);
    let left: Vec<_> = hands.iter().map(|hand| (hand.rest.len(), hand.number)).collect();
    for (lane, (left, number)) in lanes.iter_mut().zip(left) {
        let Lane { reader, eye, .. } = &mut **lane;
        let (start, count) = (reader.offset(), number - reader.before - reader.records);
        reader.window.consume(reader.window.have().len() - left);
        reader.records += count;
        eye.passed(start, reader.offset(), count);
    }
    short
}

fn go_round<E: Look>(legacy: &Legacy, hands: &mut [Hand<'_, E>]) -> usize {
    loop {
        for (nth, hand) in hands.iter_mut().enumerate() {
            if hand.rest.len() <= hand.beyond {
                return nth;
            }
            let Some((record, next)) = whole(legacy, hand.rest, hand.number + 1) else {
                return nth;
            };
            sys::prefetch(next);
            hand.eye.look(&record);
            hand.number += 1;
            hand.rest = next;
        }
    }
}

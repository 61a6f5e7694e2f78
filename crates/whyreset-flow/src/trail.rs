//! The latest segments of all connections in one ring, each linked to the one before it of its
//! own connection. Refuses to grow: what was overwritten is gone, and says so.

use alloc::vec::Vec;

use crate::key::Direction;
use crate::packet::Packet;

/// One segment as a ladder shows it.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Nanoseconds since the epoch.
    pub at: u64,
    /// 1-based frame number.
    pub frame: u64,
    /// Which end sent it.
    pub direction: Direction,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Payload bytes.
    pub len: u32,
    /// Flags, reserved bits included.
    pub flags: u16,
    /// Window, unscaled.
    pub window: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    before: u32,
}

/// The ring.
#[derive(Debug)]
pub struct Trail {
    ring: Vec<Step>,
    size: usize,
    written: u32,
}

impl Trail {
    /// A ring of so many segments, or of the next power of two.
    pub fn new(size: usize) -> Self {
        Self {
            ring: Vec::new(),
            size: size.next_power_of_two(),
            written: 0,
        }
    }

    /// Keeps a segment; `before` is what the last call for the same connection gave, 0 at first.
    #[inline]
    pub fn add(&mut self, packet: &Packet<'_>, direction: Direction, before: u32) -> u32 {
        let step = Step {
            at: packet.at,
            frame: packet.frame,
            direction,
            seq: packet.seq,
            ack: packet.ack,
            len: packet.len,
            flags: packet.flags.0,
            window: packet.window,
            ttl: packet.ttl,
            before,
        };
        // Names begin anew after four thousand million; 0 is none.
        let name = self.written.checked_add(1).unwrap_or(1);
        let place = self.place(name);
        match self.ring.get_mut(place) {
            Some(old) => *old = step,
            None => self.ring.push(step),
        }
        self.written = name;
        name
    }

    fn place(&self, name: u32) -> usize {
        (name as usize - 1) & (self.size - 1)
    }

    /// The segments of one connection that are still held, the newest first.
    pub fn back(&self, mut name: u32) -> impl Iterator<Item = &Step> {
        core::iter::from_fn(move || {
            let held = name != 0 && name <= self.written && ((self.written - name) as usize) < self.size;
            let step = held.then(|| self.ring.get(self.place(name))).flatten()?;
            name = step.before;
            Some(step)
        })
    }
}

impl Step {
    /// Its header.
    pub fn segment(&self) -> whyreset_evidence::Segment {
        whyreset_evidence::Segment {
            flags: crate::packet::Flags(self.flags).low(),
            seq: self.seq,
            ack: self.ack,
            len: self.len,
            window: self.window,
            ttl: self.ttl,
            payload: Vec::new(),
        }
    }
}

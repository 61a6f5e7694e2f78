//! How far one end of a connection had come at a capture point, and whether its segments are all there.
//! Refuses to keep segments.

use crate::packet::{Packet, diff};

/// Numbers farther apart are another connection's.
const NEAR: i32 = 1 << 24;

/// A segment as it passed one place.
#[derive(Clone, Copy, Debug)]
struct Heard {
    at: u64,
    frame: u64,
    /// The numbers by which another place knows it again, however it was cut into segments there.
    end: u32,
    ack: u32,
    /// By which a copy of it is known from a repeat.
    id: Option<u16>,
    ttl: u8,
}

impl Heard {
    const fn of(packet: &Packet<'_>) -> Self {
        Self {
            at: packet.at,
            frame: packet.frame,
            end: packet.end(),
            ack: packet.ack,
            id: packet.id,
            ttl: packet.ttl,
        }
    }

    /// Whether this is `other` once more, from a mirror port or from the other side of a router.
    fn is_copy_of(&self, other: &Self) -> bool {
        let hops = self.ttl.abs_diff(other.ttl);
        let marked = self.id.is_some_and(|id| id != 0) || hops == 1;
        (self.end, self.ack, self.id) == (other.end, other.ack, other.id) && hops <= 1 && marked
    }
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course {
    /// The number after its last byte.
    nxt: Option<u32>,
    /// The highest acknowledgment it sent.
    acked: Option<u32>,
    /// What it sent last that is no reset.
    last: Option<Heard>,
    /// Segments that brought no new number: acknowledgments, probes, the last one repeated. Offloading
    /// cuts no such segment in two.
    still: u32,
    /// Numbers were passed over.
    hole: bool,
    /// Segments of it passed that are not in the capture.
    gap: bool,
    /// Its highest number is its FIN's.
    fin: bool,
}

impl Course {
    /// Takes a segment of this direction that is no reset.
    pub fn take(&mut self, other: &mut Self, packet: &Packet<'_>) {
        if let Some(nxt) = self.nxt
            && !packet.flags.syn()
        {
            let jump = diff(packet.seq, nxt);
            if (1..NEAR).contains(&jump) {
                self.hole = true;
            } else if jump < 0 && packet.len > 1 {
                self.hole = false;
            }
        }
        let heard = Heard::of(packet);
        let end = heard.end;
        // A probe ends one before the next number.
        let still = self.nxt.is_some_and(|nxt| (-1..=0).contains(&diff(end, nxt)));
        if still && !self.last.is_some_and(|last| heard.is_copy_of(&last)) {
            self.still = self.still.saturating_add(1);
        }
        if self.nxt.is_none_or(|nxt| diff(end, nxt) > 0) {
            self.nxt = Some(end);
            self.fin = packet.flags.fin();
        }
        if packet.flags.ack() {
            if let Some(nxt) = other.nxt {
                let beyond = diff(packet.ack, nxt);
                // What is acknowledged had come, whatever was captured of it.
                other.gap |= (1..NEAR).contains(&beyond) || other.hole && beyond >= 0;
            }
            if self.acked.is_none_or(|acked| diff(packet.ack, acked) > 0) {
                self.acked = Some(packet.ack);
            }
        }
        self.last = Some(heard);
    }

    /// How many segments of it brought no new number so far.
    pub const fn still(&self) -> u32 {
        self.still
    }

    /// Whether its FIN, and nothing more, came at the other place and is missing here. Data in its name
    /// may be as forged as the reset behind it.
    pub fn lacks_the_fin_of(&self, there: &Self, shift: u32) -> bool {
        let next = there.nxt.map(|nxt| nxt.wrapping_add(shift));
        there.fin && next.is_some() && next == self.nxt.map(|nxt| nxt.wrapping_add(1))
    }

    /// Segments of it are missing here.
    pub const fn lacks(&self) -> bool {
        self.gap
    }

    /// Whether it came less far here than to this number.
    pub fn ends_before(&self, seq: u32) -> bool {
        self.nxt.is_none_or(|nxt| (1..NEAR).contains(&diff(seq, nxt)))
    }

    /// Whether it came farther here than to this number.
    pub fn goes_beyond(&self, seq: u32) -> bool {
        self.nxt.is_some_and(|nxt| (1..NEAR).contains(&diff(nxt, seq)))
    }

    /// Whether it went on as if it had not reset the connection: it sent beyond the reset's number,
    /// where that is its own, or took what the reset refused.
    pub fn went_on(&self, seq: Option<u32>, refused: Option<u32>) -> bool {
        let sent = seq.is_some_and(|seq| self.goes_beyond(seq));
        let took = match (self.acked, refused) {
            (Some(acked), Some(refused)) => (0..NEAR).contains(&diff(acked, refused)),
            _ => false,
        };
        sent || took
    }

    /// Whether it last sent after that time.
    pub fn sent_after(&self, at: u64) -> bool {
        self.last.is_some_and(|last| last.at > at)
    }

    /// Whether what it sent last here, in a later frame and after that time, is what it sent last at the
    /// other place too, whose numbers are so much greater.
    pub fn heard_after(&self, frame: u64, at: u64, there: &Self, (seq, ack): (u32, u32)) -> bool {
        match (self.last, there.last) {
            (Some(here), Some(there)) => {
                let known =
                    here.end.wrapping_add(seq) == there.end && here.ack.wrapping_add(ack) == there.ack;
                known && here.frame > frame && here.at > at
            }
            _ => false,
        }
    }
}

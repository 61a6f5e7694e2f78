//! How far one end of a connection had come at a capture point, and whether its segments are all there.
//! Refuses to keep segments.

use crate::packet::{Packet, diff};

/// Numbers farther apart are another connection's.
const NEAR: i32 = 1 << 24;

/// One direction of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course {
    /// The number after its last byte.
    nxt: Option<u32>,
    /// The highest acknowledgment it sent.
    acked: Option<u32>,
    /// When it last sent anything but a reset.
    last_at: Option<u64>,
    /// Numbers were passed over.
    hole: bool,
    /// Segments of it passed that are not in the capture.
    gap: bool,
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
        let end = packet.end();
        if self.nxt.is_none_or(|nxt| diff(end, nxt) > 0) {
            self.nxt = Some(end);
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
        self.last_at = self.last_at.max(Some(packet.at));
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
    /// where that is its own, took what the reset refused, or sent after that time.
    pub fn went_on(&self, seq: Option<u32>, refused: Option<u32>, after: u64) -> bool {
        let sent = seq.is_some_and(|seq| self.goes_beyond(seq));
        let took = match (self.acked, refused) {
            (Some(acked), Some(refused)) => (0..NEAR).contains(&diff(acked, refused)),
            _ => false,
        };
        sent || took || self.last_at.is_some_and(|last| last > after)
    }
}

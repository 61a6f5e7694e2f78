//! What most segments are: the next ones of a connection that stands, with nothing in them that was not
//! to be expected (header prediction, as a TCP receiver does it). Refuses all others, for which
//! [`Sent::take`] is there; what is done with a predicted one is the same.

use super::{Mark, Sent, ms};
use crate::packet::{Packet, diff};

/// FIN, SYN, RST and ACK.
const TOLD: u16 = 0x17;
const SYN: u16 = 0x02;
const ACK: u16 = 0x10;

/// Something passed, with a number and an acknowledgment.
const STANDS: u16 = 1 << Mark::Started as u16 | 1 << Mark::Acks as u16 | 1 << Mark::Passed as u16;

/// No segment is longer, whatever its header claims.
const LONGEST: u32 = 1 << 24;

/// What may be on its way beyond the other end's acknowledgment, whatever its window is.
const AHEAD: i32 = 2 * 65_535;

impl Sent {
    /// Whether this segment is the next one, acknowledges what was sent, no less than the last one did,
    /// and is no copy, neither damaged nor old.
    #[inline]
    pub fn predicts(&self, packet: &Packet<'_>, other: &Self) -> bool {
        let last = &self.last;
        let again = (packet.ack, packet.len) == (last.ack, last.len) && packet.seq == last.seq;
        let answers = diff(packet.ack, self.acked) >= 0
            && diff(packet.ack, other.nxt) <= 0
            && !(other.opened() && diff(packet.ack, other.isn) <= 0);
        let younger = match packet.options.timestamps {
            Some((stamp, _)) => !self.stamped() || diff(stamp, self.stamp) >= 0,
            None => true,
        };
        packet.flags.0 & TOLD == ACK
            && packet.seq == self.nxt
            && packet.len < LONGEST
            && self.marks & STANDS == STANDS
            && other.started()
            && answers
            && younger
            && !again
            && diff(packet.seq, other.acked) <= AHEAD
            && packet.sound != Some(false)
            // What leaves may have come in before.
            && packet.outgoing != Some(true)
    }

    /// Takes a segment that was predicted.
    #[inline]
    pub fn take_predicted(&mut self, packet: &Packet<'_>, other: &mut Self, first_at: u64) {
        self.last.tap.pass(packet.outgoing);
        if packet.sound == Some(true) {
            self.last.tap.hold();
        }
        if packet.len > 0 {
            let since_first = ms(packet.at.saturating_sub(first_at));
            self.take_payload(packet, packet.len, other, since_first);
            self.nxt = packet.end();
        }
        self.take_ack(packet, other);
        self.take_stamp(packet);
        let last = &self.last;
        // Those of a stray SYN were not noted.
        let known = (packet.window, packet.ttl) == (last.window, last.ttl) && last.flags & SYN == 0;
        if !known {
            self.take_habits(packet);
        }
        self.put(Mark::Foreign, false);
        self.put(Mark::Old, false);
        self.be_last(packet);
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use core::net::{Ipv4Addr, SocketAddr};

    use crate::conn::Connection;
    use crate::key::{Direction, Key};
    use crate::packet::{Device, Flags, Options, Packet};

    /// Numbers that are the same in each run (Marsaglia's xorshift).
    struct Dice(u64);

    impl Dice {
        fn of<T: Copy>(&mut self, all: &[T]) -> T {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            all[usize::try_from(self.0 >> 16).unwrap() % all.len()]
        }
    }

    /// What is likely to be predicted, and all that is nearly so.
    fn next(dice: &mut Dice, connection: &Connection, at: u64) -> Packet<'static> {
        let end = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (from, to) = dice.of(&[(1, 2), (2, 1)]);
        let (key, direction) = Key::of(end(from), end(to));
        let [own, other] = [direction, direction.other()].map(|way| &connection.sent[way.index()]);
        let flags = dice.of(&[0x10, 0x10, 0x10, 0x10, 0x18, 0x18, 0x30, 0x11, 0x02, 0x12, 0x00]);
        let near = [0, 0, 0, 0, 0, 0, 1, u32::MAX, 100, 1 << 20, 1 << 31];
        let stamp = own.stamp.wrapping_add(dice.of(&[0, 1, 1, 5, u32::MAX]));
        Packet {
            at,
            frame: at,
            key,
            direction,
            ttl: dice.of(&[64, 64, 64, 63]),
            id: dice.of(&[None, Some(0), Some(7)]),
            outgoing: dice.of(&[None, None, None, Some(false), Some(true)]),
            device: Device::of([0, 0, 0, 0, 0, dice.of(&[1, 2])]),
            lost: 0,
            sound: dice.of(&[None, Some(true), Some(true), Some(false)]),
            seq: own.nxt.wrapping_add(dice.of(&near)),
            ack: other.nxt.wrapping_sub(dice.of(&near)),
            flags: Flags(flags),
            window: dice.of(&[500, 500, 500, 0, 501, 502, 503, 504, 505, 506]),
            len: dice.of(&[0, 0, 1, 100, 1400, 1 << 31]),
            options: Options {
                timestamps: dice.of(&[Some((stamp, 0)), Some((stamp, 0)), None]),
                window_scale: dice.of(&[None, Some(7)]),
                ..Options::default()
            },
            speaks: |_| None,
            alert: dice.of(&[false, true]),
            payload: &[],
        }
    }

    #[test]
    fn what_is_predicted_is_taken_as_any_other() {
        let (mut predicted, mut others) = (0, 0);
        for seed in 1..4_000 {
            let mut dice = Dice(seed << 20);
            let (key, _) = Key::of(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into());
            let mut connection = Connection::new(key, Direction::Low, 0);
            for step in 1..60 {
                let packet = next(&mut dice, &connection, step * 700_000);
                let direction = packet.direction;
                if connection.predicts(&packet, direction) {
                    predicted += 1;
                    let last = connection.sent[direction.index()].last;
                    assert!(
                        !connection.is_new(&packet, direction),
                        "{packet:?} in {connection:?}"
                    );
                    assert!(
                        !connection.is_copy(&packet, direction),
                        "{packet:?} in {connection:?}"
                    );
                    assert!(!last.tap.is_damaged(&packet), "{packet:?} in {connection:?}");
                    let mut short = connection.clone();
                    short.take_predicted(&packet, direction);
                    connection.take(&packet, direction);
                    assert_eq!(format!("{short:?}"), format!("{connection:?}"), "by {packet:?}");
                } else {
                    others += 1;
                    if connection.is_copy(&packet, direction) {
                        connection.take_copy(&packet, direction);
                    } else {
                        connection.take(&packet, direction);
                    }
                }
            }
        }
        assert!(predicted > 3_000 && others > 3_000, "{predicted} and {others}");
    }
}

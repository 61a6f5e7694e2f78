//! One connection while it runs, and the reset that waits for what comes after it. Refuses to keep
//! more than a fixed size before a reset passes.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::net::SocketAddr;

use whyreset_evidence::{Acceptable, Passed, Shape, Sign, Stage, Way};

use crate::half::{Last, Sent, ms};
use crate::key::{Direction, Key};
use crate::packet::{Device, Flags, Packet, diff};
use crate::table::HORIZON_NS;
use crate::trail::Step;

/// Two copies of one segment in a capture, nanoseconds apart at most.
const COPY_NS: u64 = 2_000_000;
/// The same from both sides of a router, which is told by the hop between them, nanoseconds.
const ROUTED_COPY_NS: u64 = 1_000_000_000;
/// What an injector sends in one breath, nanoseconds.
const BREATH_NS: u64 = 2_000_000;
/// Numbers farther from the reset's are those of a later connection.
const OWN_NUMBERS: u32 = 1 << 24;
/// A segment of the name that comes this much later was not merely overtaken, nanoseconds.
const NOT_OVERTAKEN_NS: u64 = 1_000_000;

/// A reset, until what follows has shown what it did.
#[derive(Clone, Debug)]
pub struct Pending {
    pub at: u64,
    pub frame: u64,
    pub from: Direction,
    pub passed: Passed,
    pub ladder: Vec<Step>,
    id: u16,
    /// Segments of the name and of the other end since.
    own_since: u32,
    other_since: u32,
    /// Of the name's, those that were not sent before the reset, by their numbers.
    fresh: u32,
    /// The name sent what one that had reset could not: data beyond the number at which it aborted, an
    /// acknowledgment of what it refused, or of what came to it only afterwards.
    impossible: bool,
    /// The number after what its name sent anew since, and whether the other end has acknowledged that:
    /// the reset ended nothing.
    anew: Option<u32>,
    taken: bool,
    /// The number after what the other end sent for the first time since.
    news: Option<u32>,
    /// Segments of the handshake that it was taken for the answer to a SYN without come after it, in
    /// the capture alone: its number is the connection's own.
    overtook: bool,
    /// The last reset's number, and how many went up from one to the next.
    last_seq: u32,
    guesses: u32,
    burst: u32,
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Connection {
    pub key: Key,
    pub sent: [Sent; 2],
    pub first_at: u64,
    /// Its newest segment in the trail.
    pub trail: u32,
    pub client: Option<Direction>,
    /// Who sent the first segment that was seen.
    pub first: Direction,
    pub pending: Option<Box<Pending>>,
    /// When a router's ICMP error last quoted it, milliseconds after `first_at`, and 1.
    pub icmp_ms: u32,
    /// A SYN with another number came last, from here.
    pub stray_syn: Option<Direction>,
    /// Its reset was told.
    pub told: bool,
    /// By whose link-layer address the last segment of each end came.
    pub devices: [Device; 2],
    /// Copies of segments that were passed over.
    pub copies: u8,
    /// The silence before its newest segment, milliseconds.
    pub silence_ms: u32,
    /// Of both ends' parts of the handshake the bits that their milliseconds take, 15 at most; four bits
    /// for each.
    trips: u8,
}

impl Connection {
    pub fn new(key: Key, first: Direction, at: u64) -> Self {
        Self {
            key,
            sent: [Sent::default(); 2],
            first_at: at,
            trail: 0,
            client: None,
            first,
            pending: None,
            icmp_ms: 0,
            stray_syn: None,
            told: false,
            devices: [Device::NONE; 2],
            copies: 0,
            silence_ms: 0,
            trips: 0,
        }
    }

    /// Reads a word of each of its cache lines. The number means nothing.
    #[inline]
    pub fn touch(&self) -> u64 {
        let [low, high] = &self.sent;
        let sent = low.nxt ^ low.last.frame ^ high.nxt ^ high.last.frame;
        u64::from(sent ^ self.silence_ms ^ self.trail) ^ self.key.touch()
    }

    pub fn last_at(&self) -> u64 {
        let [low, high] = &self.sent;
        low.last.at.max(high.last.at).max(self.first_at)
    }

    /// Whether this port had this connection open at that time, with no FIN of its own, and sent on it
    /// afterwards.
    pub fn served_through(&self, port: SocketAddr, at: u64) -> bool {
        let Some(server) = self.client.map(Direction::other) else {
            return false;
        };
        let sent = &self.sent[server.index()];
        let since_first = ms(at.saturating_sub(self.first_at));
        let open = sent.opened() && sent.acks() && self.first_at < at && !self.told && self.pending.is_none();
        open && sent.last.at > at
            && !(sent.fin() && sent.fin_ms <= since_first)
            && self.key.addr(server) == port
    }

    /// Whether a segment to this end with this number would be the next of its connection, or one that
    /// was sent before.
    pub fn expects(&self, end: SocketAddr, seq: u32) -> bool {
        /// Bytes around the next number.
        const NEAR: u32 = 1 << 20;
        [Direction::Low, Direction::High].into_iter().any(|direction| {
            let from = &self.sent[direction.other().index()];
            let to = &self.sent[direction.index()];
            let known = from.started() && to.passed();
            known && self.key.addr(direction) == end && diff(seq, from.nxt).unsigned_abs() < NEAR
        })
    }

    /// The end that is taken for the client where no handshake was seen: by well-known and ephemeral
    /// ports (Linux: 32768 and above), else who was heard first.
    pub fn likely_client(&self) -> Direction {
        let class = |direction: Direction| match self.key.addr(direction).port() {
            0..1_024 => 0,
            1_024..32_768 => 1,
            32_768.. => 2,
        };
        match class(Direction::Low).cmp(&class(Direction::High)) {
            Ordering::Less => Direction::High,
            Ordering::Greater => Direction::Low,
            Ordering::Equal => self.first,
        }
    }

    /// Whether nothing more is to be expected of it.
    pub fn is_over(&self) -> bool {
        self.told || self.sent.iter().all(Sent::fin)
    }

    /// Whether this segment opens another connection between the same ends.
    pub fn is_new(&self, packet: &Packet<'_>, direction: Direction) -> bool {
        if !packet.flags.syn() || packet.flags.ack() {
            return false;
        }
        let own = &self.sent[direction.index()];
        let repeats = own.opened() && packet.seq == own.isn;
        let ended = self.pending.is_some() || self.told || self.sent.iter().any(Sent::fin);
        // A name that never opened this connection, or reuses a port whose connection is over.
        !repeats && ended || repeats && self.told && self.sent[direction.other().index()].opened()
    }

    /// The same segment once more: both ways of a mirror port, or both sides of a router.
    pub fn is_copy(&self, packet: &Packet<'_>, direction: Direction) -> bool {
        let own = &self.sent[direction.index()];
        let last: &Last = &own.last;
        let leaves = packet.outgoing == Some(true) && last.tap.comes_in();
        if leaves && diff(packet.end(), own.nxt) <= 0 && diff(packet.ack, own.acked) <= 0 {
            // What came in goes on to its next hop, others of the same end between the two.
            return true;
        }
        let same = (packet.seq, packet.ack, packet.len) == (last.seq, last.ack, last.len)
            && packet.flags.0 == last.flags
            && packet.window == last.window
            && own.passed();
        let hops = packet.ttl.abs_diff(last.ttl);
        let same_id = match packet.id {
            Some(id) => id != 0 && id == last.id || id == 0 && last.id == 0 && hops == 1,
            // Without an identification only the hop between the two tells it from a repeat.
            None => hops == 1,
        };
        let within = if hops == 1 { ROUTED_COPY_NS } else { COPY_NS };
        same && same_id && hops <= 1 && packet.at.saturating_sub(last.at) < within
    }

    /// Notes a copy.
    pub fn take_copy(&mut self, packet: &Packet<'_>, direction: Direction) {
        let own = &mut self.sent[direction.index()];
        let usual = own.ttl;
        let last = &own.last;
        let at_once = (packet.seq, packet.len, packet.ttl) == (last.seq, last.len, last.ttl)
            && packet.at.saturating_sub(last.at) < COPY_NS;
        own.last.tap.copy(packet, usual, at_once);
        self.sent[direction.other().index()].heard();
        self.copies = self.copies.saturating_add(1);
    }

    /// The end at whose host the capture was made, by the marks of the capture.
    pub fn here(&self) -> Option<Direction> {
        let leaves = |direction: Direction| {
            let [own, other] =
                [direction, direction.other()].map(|direction| self.sent[direction.index()].last.tap);
            own.only_leaves() && !other.only_leaves()
        };
        [Direction::Low, Direction::High]
            .into_iter()
            .find(|direction| leaves(*direction))
    }

    /// Whether [`Self::take_predicted`] takes this segment: it goes on where its sender stopped, in a
    /// connection that stands and in which no reset waits.
    #[inline]
    pub fn predicts(&self, packet: &Packet<'_>, direction: Direction) -> bool {
        let [own, other] = [direction, direction.other()].map(|direction| &self.sent[direction.index()]);
        self.pending.is_none() && self.stray_syn.is_none() && own.predicts(packet, other)
    }

    /// What [`Self::take`] does with a segment that was predicted.
    #[inline]
    pub fn take_predicted(&mut self, packet: &Packet<'_>, direction: Direction) {
        self.silence_ms = ms(packet.at.saturating_sub(self.last_at()));
        self.devices[direction.index()] = packet.device;
        let [low, high] = &mut self.sent;
        let (own, other) = match direction {
            Direction::Low => (low, high),
            Direction::High => (high, low),
        };
        own.take_predicted(packet, other, self.first_at);
    }

    /// An ordinary segment (no RST).
    pub fn take(&mut self, packet: &Packet<'_>, direction: Direction) {
        if packet.flags.syn() && self.client.is_none() {
            self.client = Some(if packet.flags.ack() {
                direction.other()
            } else {
                direction
            });
        }
        self.silence_ms = ms(packet.at.saturating_sub(self.last_at()));
        let open = packet.flags.syn() && !packet.flags.ack();
        let own = &self.sent[direction.index()];
        if open && own.started() && own.passed() && packet.seq != own.isn {
            // Within a connection: its numbers are not this connection's.
            self.stray_syn = Some(direction);
            self.sent[direction.index()].be_last(packet);
            return;
        }
        if self.stray_syn == Some(direction) {
            self.stray_syn = None;
        }
        self.note_trip(packet, direction);
        let known = self.sent[direction.index()].nxt;
        let [low, high] = &mut self.sent;
        match direction {
            Direction::Low => low.take(packet, high, self.first_at),
            Direction::High => high.take(packet, low, self.first_at),
        }
        self.devices[direction.index()] = packet.device;
        if let Some(pending) = &mut self.pending {
            pending.follow(packet, direction, known);
        }
    }

    /// Notes how long after a SYN or SYN-ACK its first acknowledgment passed.
    fn note_trip(&mut self, packet: &Packet<'_>, direction: Direction) {
        let [own, other] = [direction, direction.other()].map(|direction| &self.sent[direction.index()]);
        let (asked, last) = (Flags(other.last.flags), &other.last);
        let answers = asked.syn()
            && packet.flags.ack()
            && packet.flags.syn() != asked.ack()
            && packet.ack == last.seq.wrapping_add(last.len).wrapping_add(1);
        if answers && !own.acks() {
            let bits = u32::BITS - ms(packet.at.saturating_sub(last.at)).leading_zeros();
            self.trips |= (bits.min(15) as u8) << (4 * direction.index());
        }
    }

    /// What this end's part of the handshake took at least, milliseconds; 0 where that is not known.
    pub const fn trip_ms(&self, direction: Direction) -> u32 {
        match self.trips >> (4 * direction.index()) & 15 {
            0 => 0,
            bits => 1 << (bits - 1),
        }
    }

    /// One more reset while one waits.
    pub fn another(&mut self, packet: &Packet<'_>, direction: Direction) {
        let Some(pending) = &mut self.pending else { return };
        let breath = packet.at.saturating_sub(pending.at) < BREATH_NS;
        if direction == pending.from {
            let id = packet.id.unwrap_or(0);
            if packet.seq == pending.passed.header.seq {
                pending.passed.repeats += 1;
                if breath && id != 0 && id == pending.id && self.copies == 0 {
                    pending.burst += 1;
                }
            } else {
                let answered = self.sent[direction.other().index()].last.ack == packet.seq;
                let own = &self.sent[direction.index()];
                let ahead = diff(packet.seq, pending.last_seq) > 2 && diff(packet.seq, own.nxt) > 0;
                if ahead && breath && !answered {
                    pending.guesses += 1;
                }
                pending.passed.reactions += 1;
            }
            pending.last_seq = packet.seq;
        } else {
            pending.passed.reactions += 1;
        }
    }
}

impl Pending {
    #[inline]
    pub fn new(packet: &Packet<'_>, from: Direction, passed: Passed, ladder: Vec<Step>) -> Self {
        Self {
            at: packet.at,
            frame: packet.frame,
            from,
            passed,
            ladder,
            id: packet.id.unwrap_or(0),
            own_since: 0,
            other_since: 0,
            fresh: 0,
            impossible: false,
            anew: None,
            taken: false,
            news: None,
            overtook: false,
            last_seq: packet.seq,
            guesses: 0,
            burst: 1,
        }
    }

    /// Reads a word of each of its cache lines, as far as these are asked first. The number means
    /// nothing.
    pub fn touch(&self) -> u64 {
        let passed = &self.passed;
        let read = passed.frame ^ passed.own.bytes ^ passed.other.bytes ^ passed.silence_ms;
        u64::from(self.burst ^ passed.reactions ^ passed.header.seq) ^ read
    }

    /// The same reset once more, on its way through or from the other side of a router.
    pub fn is_copy(&self, packet: &Packet<'_>, direction: Direction) -> bool {
        let header = &self.passed.header;
        let same = (
            packet.seq,
            packet.ack,
            packet.len,
            packet.window,
            packet.flags.low(),
        ) == (header.seq, header.ack, header.len, header.window, header.flags);
        let hops = packet.ttl.abs_diff(header.ttl);
        let after = packet.at.saturating_sub(self.at);
        let goes_on = self.passed.way == Way::Came && packet.outgoing == Some(true) && after < HORIZON_NS;
        let same = same && direction == self.from;
        same && packet.id.unwrap_or(0) == self.id
            && (goes_on && hops <= 1 || hops == 1 && after < ROUTED_COPY_NS)
    }

    /// Something ordinary came after the reset; its sender's newest number before was `known`.
    fn follow(&mut self, packet: &Packet<'_>, direction: Direction, known: u32) {
        let reaches = |number: u32, least: u32| (0..OWN_NUMBERS.cast_signed()).contains(&diff(number, least));
        let late = packet.at.saturating_sub(self.at) >= NOT_OVERTAKEN_NS;
        let header = &self.passed.header;
        let number = if direction == self.from {
            packet.end()
        } else {
            packet.ack
        };
        self.overtook |= packet.flags.ack() && header.seq != 0 && number == header.seq;
        if direction == self.from {
            // Data, or the answer to a SYN: what a name that had reset would not send. A SYN begins anew.
            let begins = packet.flags.syn() && !packet.flags.ack();
            let goes_on = header.seq == 0 || diff(packet.seq, header.seq).unsigned_abs() < OWN_NUMBERS;
            let on = packet.flags.syn() && !begins || goes_on && (packet.len > 0 || packet.flags.fin());
            if late && on {
                self.own_since += 1;
                let before = header.seq != 0 && reaches(header.seq, packet.end());
                self.fresh += u32::from(!before);
                if !before {
                    self.anew = Some(packet.end());
                }
                self.impossible |= packet.len > 0 && header.seq != 0 && self.cannot_follow(packet);
            }
            // Whoever has reset the connection takes nothing more of it.
            let takes = packet.flags.ack() && self.news.is_some_and(|news| reaches(packet.ack, news));
            if takes && self.passed.stage == Stage::Established && !begins {
                self.own_since += u32::from(!on);
                self.impossible = true;
                self.taken = true;
            }
        } else {
            let challenge = packet.len == 0
                && packet.flags.ack()
                && !packet.flags.fin()
                && self.passed.acceptable != Acceptable::Exact
                && self.other_since == 0
                && diff(packet.ack, header.seq) != 0;
            if challenge {
                self.passed.after.challenged = true;
            }
            self.other_since += 1;
            if late && packet.len > 0 && self.news.is_none() && diff(packet.seq, known) >= 0 {
                self.news = Some(packet.end());
            }
            self.taken |= packet.flags.ack() && self.anew.is_some_and(|anew| reaches(packet.ack, anew));
        }
    }

    /// Whether an end that had made this reset could not send this data behind it, overtaken or not.
    fn cannot_follow(&self, packet: &Packet<'_>) -> bool {
        let reaches = |number: u32, least: u32| (0..OWN_NUMBERS.cast_signed()).contains(&diff(number, least));
        let header = &self.passed.header;
        match (self.passed.shape, &self.passed.trigger) {
            (Shape::Active, _) => reaches(packet.seq, header.seq),
            (Shape::Reply, Some(trigger)) if trigger.segment.len > 0 => {
                let refused = trigger.segment.seq.wrapping_add(trigger.segment.len);
                packet.flags.ack() && reaches(packet.ack, refused) && reaches(packet.seq, header.seq)
            }
            _ => false,
        }
    }

    /// Closes the account: nothing that comes later counts.
    pub fn settle(&mut self, seen: bool) {
        if self.overtook && self.passed.shape == Shape::Refusal {
            self.passed.shape = Shape::Active;
            self.passed.trigger = None;
            self.passed.missing.gaps = true;
            let of_a_refusal =
                |sign: &Sign| matches!(sign, Sign::RefusalWithNumber(_) | Sign::MirroredWindow(_));
            self.passed.signs.retain(|sign| !of_a_refusal(sign));
        }
        let both = self.own_since >= 2 && self.other_since >= 1;
        self.passed.after.seen = seen;
        self.passed.after.went_on = both || self.taken;
        let shape_allows = self
            .passed
            .trigger
            .as_ref()
            .is_none_or(|trigger| !trigger.segment.flags.is_syn_ack());
        if self.own_since > 0
            && shape_allows
            && (both || self.impossible || self.fresh > 0 && self.passed.stage == Stage::Handshake)
        {
            self.passed.signs.push(Sign::NameWentOn);
        }
        if self.burst >= 3 {
            self.passed.signs.push(Sign::Burst(self.burst));
        }
        if self.guesses >= 1 {
            self.passed.signs.push(Sign::Guesses(self.guesses + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quiet connection, its place in the index counted in at its emptiest.
    #[test]
    fn a_quiet_connection_is_small() {
        let index = 8 * 8 / 3;
        let size = size_of::<Connection>() + index;
        assert!(
            size < 256,
            "{size} bytes: {} of each direction",
            size_of::<Sent>()
        );
    }
}

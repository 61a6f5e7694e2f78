//! One direction of a connection while it runs: numbers, times and habits in a hundred bytes.
//! Refuses to keep segments.

use whyreset_evidence::{Half, Speaks};

use crate::packet::{Packet, diff};
use crate::tap::Tap;

mod predicted;

/// What is known of the last segment of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Last {
    pub at: u64,
    /// Of a file or stream of more than four thousand million frames only the rest.
    pub frame: u32,
    pub seq: u32,
    pub ack: u32,
    pub len: u32,
    pub flags: u16,
    pub window: u16,
    pub id: u16,
    pub ttl: u8,
    /// Of all segments of the direction.
    pub tap: Tap,
}

/// What was met once, or holds of the last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Opened,
    Started,
    Acks,
    Scaled,
    Stamped,
    Fin,
    Data,
    Alert,
    Passed,
    /// The last segment acknowledges what was never sent to it, or its numbers are far away.
    Foreign,
    /// The last segment's timestamp is older than an earlier one's.
    Old,
    /// Its SYN or SYN-ACK bore the window of a NetScaler's.
    Netscaler,
}

/// The window of a NetScaler's SYN and SYN-ACK.
const NETSCALER_WINDOW: u16 = 8190;

/// Numbers farther away than this are another connection's.
const NEAR: i32 = 1 << 24;

const SCALE_AT: u16 = 12;
const SCALE: u16 = 0xf << SCALE_AT;

/// What one end has sent so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    pub last: Last,
    /// Payload bytes.
    pub bytes: u64,
    /// Initial sequence number, with `opened`.
    pub isn: u32,
    /// RFC 9293 SND.NXT, with `started`.
    pub nxt: u32,
    /// The highest acknowledgment it sent, with `acks`.
    pub acked: u32,
    /// Newest timestamp it sent, with `stamped`.
    pub stamp: u32,
    /// Payload bytes since the other end's last payload.
    pub unanswered: u32,
    /// When its last new payload passed, milliseconds after the connection's first segment.
    pub data_ms: u32,
    /// When its FIN passed.
    pub fin_ms: u32,
    /// Windows that it used, as a small Bloom filter.
    windows: [u8; 3],
    /// The first payload, packed by [`pack`].
    speaks: u16,
    /// Smallest and greatest TTL of ordinary segments, 0 where none passed.
    pub ttl: (u8, u8),
    pub syn_ttl: u8,
    pub retransmits: u8,
    /// Keep-alive probes since anything came back (high four bits), and repeats of the SYN (low
    /// four), each 15 at most.
    counts: u8,
    /// Bits of [`Mark`], and the shift of the window above them.
    marks: u16,
}

impl Sent {
    const fn has(&self, mark: Mark) -> bool {
        self.marks & 1 << mark as u16 != 0
    }

    const fn mark(&mut self, mark: Mark) {
        self.marks |= 1 << mark as u16;
    }

    const fn put(&mut self, mark: Mark, holds: bool) {
        if holds {
            self.mark(mark);
        } else {
            self.marks &= !(1 << mark as u16);
        }
    }

    pub const fn opened(&self) -> bool {
        self.has(Mark::Opened)
    }

    pub const fn started(&self) -> bool {
        self.has(Mark::Started)
    }

    pub const fn acks(&self) -> bool {
        self.has(Mark::Acks)
    }

    pub const fn scaled(&self) -> bool {
        self.has(Mark::Scaled)
    }

    pub const fn stamped(&self) -> bool {
        self.has(Mark::Stamped)
    }

    pub const fn fin(&self) -> bool {
        self.has(Mark::Fin)
    }

    pub const fn data(&self) -> bool {
        self.has(Mark::Data)
    }

    pub const fn alert(&self) -> bool {
        self.has(Mark::Alert)
    }

    pub const fn passed(&self) -> bool {
        self.has(Mark::Passed)
    }

    pub const fn foreign(&self) -> bool {
        self.has(Mark::Foreign)
    }

    pub const fn old(&self) -> bool {
        self.has(Mark::Old)
    }

    pub const fn netscaler(&self) -> bool {
        self.has(Mark::Netscaler)
    }

    pub const fn scale(&self) -> u8 {
        (self.marks >> SCALE_AT) as u8
    }

    pub const fn probes(&self) -> u8 {
        self.counts >> 4
    }

    pub const fn syn_repeats(&self) -> u8 {
        self.counts & 0x0f
    }

    /// Takes one segment of this direction. `started` and times are relative to `first_at`.
    pub fn take(&mut self, packet: &Packet<'_>, other: &mut Self, first_at: u64) {
        let foreign = self.is_foreign(packet, other);
        let old = self.is_old(packet, other);
        self.take_gaps(packet, other);
        if packet.flags.syn() {
            if self.opened() && packet.seq == self.isn {
                self.counts = self.counts & 0xf0 | (self.syn_repeats() + 1).min(15);
            }
            self.mark(Mark::Opened);
            self.isn = packet.seq;
            self.syn_ttl = packet.ttl;
            self.put(Mark::Netscaler, packet.window == NETSCALER_WINDOW);
            if packet.options.cut {
                self.last.tap.cut_syn();
            }
            if let Some(scale) = packet.options.window_scale {
                self.mark(Mark::Scaled);
                self.marks = self.marks & !SCALE | u16::from(scale.min(14)) << SCALE_AT;
            }
        }
        self.take_numbers(packet, other, first_at);
        self.take_ack(packet, other);
        self.take_stamp(packet);
        self.take_habits(packet);
        self.mark(Mark::Passed);
        self.put(Mark::Foreign, foreign);
        self.put(Mark::Old, old);
        self.be_last(packet);
    }

    #[inline]
    const fn take_ack(&mut self, packet: &Packet<'_>, other: &mut Self) {
        if packet.flags.ack() {
            if !self.acks() || diff(packet.ack, self.acked) > 0 {
                other.retransmits = 0;
                self.acked = packet.ack;
            }
            self.mark(Mark::Acks);
        }
        // Whatever comes back answers a probe.
        other.counts &= 0x0f;
    }

    #[inline]
    const fn take_stamp(&mut self, packet: &Packet<'_>) {
        if let Some((stamp, _)) = packet.options.timestamps {
            if !self.stamped() || diff(stamp, self.stamp) > 0 {
                self.stamp = stamp;
            }
            self.mark(Mark::Stamped);
        }
    }

    /// Window and TTL.
    #[inline]
    fn take_habits(&mut self, packet: &Packet<'_>) {
        let (byte, bit) = window_bit(packet.window);
        self.windows[byte] |= bit;
        self.ttl = match self.ttl {
            (0, 0) => (packet.ttl, packet.ttl),
            (low, high) => (low.min(packet.ttl), high.max(packet.ttl)),
        };
    }

    /// Keeps it as the last one, whatever its numbers are.
    #[inline]
    pub fn be_last(&mut self, packet: &Packet<'_>) {
        self.last = Last {
            at: packet.at,
            frame: (packet.frame & 0xffff_ffff) as u32,
            seq: packet.seq,
            ack: packet.ack,
            len: packet.len,
            flags: packet.flags.0,
            window: packet.window,
            id: packet.id.unwrap_or(0),
            ttl: packet.ttl,
            tap: self.last.tap,
        };
    }

    /// Notes what must have passed and was not captured: what the other end acknowledges of this one's
    /// segments, and numbers that were passed over and never filled.
    fn take_gaps(&mut self, packet: &Packet<'_>, other: &mut Self) {
        self.last.tap.pass(packet.outgoing);
        if packet.sound == Some(true) {
            self.last.tap.hold();
        }
        if !self.passed() || packet.flags.syn() {
            return;
        }
        if self.knows_more(packet, other) {
            other.last.tap.miss();
        }
        let jump = diff(packet.seq, self.nxt);
        if (1..NEAR).contains(&jump) {
            self.last.tap.hole(true);
        } else if jump < 0 && packet.len > 1 {
            self.last.tap.hole(false);
        }
    }

    fn take_numbers(&mut self, packet: &Packet<'_>, other: &mut Self, first_at: u64) {
        let since_first = || ms(packet.at.saturating_sub(first_at));
        let end = packet.end();
        if !self.started() {
            self.mark(Mark::Started);
            self.nxt = packet.seq;
        }
        let probe = packet.len <= 1
            && !packet.flags.syn()
            && !packet.flags.fin()
            && packet.seq == self.nxt.wrapping_sub(1)
            && self.passed()
            && other.acks()
            && other.acked == self.nxt;
        if probe {
            self.counts = self.counts & 0x0f | (self.probes() + 1).min(15) << 4;
        } else if packet.segment_len() > 0 && diff(end, self.nxt) <= 0 && self.passed() {
            self.retransmits = self.retransmits.saturating_add(1);
        }
        let new = diff(end, self.nxt);
        if new > 0 {
            let flags = u32::from(packet.flags.syn()) + u32::from(packet.flags.fin());
            let payload = new.unsigned_abs().min(packet.len.saturating_add(flags));
            let payload = payload.min(packet.len);
            if payload > 0 {
                self.take_payload(packet, payload, other, since_first());
            }
            self.nxt = end;
        }
        if packet.flags.fin() && !self.fin() {
            self.mark(Mark::Fin);
            self.fin_ms = since_first();
        }
    }

    /// So many bytes of it are new.
    #[inline]
    fn take_payload(&mut self, packet: &Packet<'_>, new: u32, other: &mut Self, since_first: u32) {
        self.bytes += u64::from(new);
        self.unanswered = self.unanswered.saturating_add(new);
        other.unanswered = 0;
        self.data_ms = since_first;
        self.put(Mark::Alert, packet.alert);
        if !self.data() {
            self.speaks = pack((packet.speaks)(packet.payload));
        }
        self.mark(Mark::Data);
    }

    /// It goes on with its own numbers and acknowledges more of the other end than was captured: that
    /// passed here or elsewhere.
    fn knows_more(&self, packet: &Packet<'_>, other: &Self) -> bool {
        // Asked first, for it seldom does.
        let more = diff(packet.ack, other.nxt);
        if !packet.flags.ack() || !(1..NEAR).contains(&more) || !other.started() {
            return false;
        }
        let greeted = self.acks() && other.opened() && diff(self.acked, other.isn) > 0;
        self.passed() && packet.seq == self.nxt && (greeted || self.data() || other.data())
    }

    /// It acknowledges what the other end never sent, or carries bytes far from its own.
    fn is_foreign(&self, packet: &Packet<'_>, other: &Self) -> bool {
        let ahead = packet.flags.ack()
            && other.started()
            && diff(packet.ack, other.nxt) > 0
            && !self.knows_more(packet, other);
        let behind = packet.flags.ack() && other.opened() && diff(packet.ack, other.isn) <= 0;
        let window = i64::from(other.last.window) << other.scale();
        let beyond = other.acks()
            && packet.len > 0
            && i64::from(diff(packet.seq, other.acked)) > window.max(65_535) * 2;
        self.passed() && (ahead || behind || beyond) || (ahead || behind) && !packet.flags.rst()
    }

    /// Its timestamp is older than an earlier one, or a SYN-ACK's echo is of no SYN that was sent.
    fn is_old(&self, packet: &Packet<'_>, other: &Self) -> bool {
        let answer = packet.flags.syn() && packet.flags.ack();
        if let Some((_, echo)) = packet.options.timestamps
            && answer
            && other.stamped()
        {
            return echo != other.stamp && other.syn_repeats() == 0;
        }
        matches!(packet.options.timestamps, Some((stamp, _)) if self.stamped() && diff(stamp, self.stamp) < 0)
    }

    /// Whether it ever used this window; a false `true` is possible.
    pub const fn used_window(&self, window: u16) -> bool {
        let (byte, bit) = window_bit(window);
        self.windows[byte] & bit != 0
    }

    /// Something of the other end came, if only a copy of it: what was asked is answered.
    pub const fn heard(&mut self) {
        self.counts &= 0x0f;
    }

    /// What a dossier gets.
    pub fn tell(&self, other: &Self, at: u64, first_at: u64) -> Half {
        let ago = |since_first: u32| ms(at.saturating_sub(first_at)).saturating_sub(since_first).into();
        let all_acked = other.acks() && diff(other.acked, self.nxt) >= 0;
        Half {
            opened: self.opened(),
            syn_repeats: self.syn_repeats().into(),
            full_syn: self.opened() && (self.scaled() || self.stamped()),
            syn_cut: self.opened() && self.last.tap.is_syn_cut(),
            reopens: false,
            fin_ago_ms: self.fin().then(|| ago(self.fin_ms)),
            fin_acked: self.fin() && all_acked,
            bytes: self.bytes,
            last_ago_ms: self.passed().then(|| at.saturating_sub(self.last.at) / 1_000_000),
            data_ago_ms: self.data().then(|| ago(self.data_ms)),
            unanswered: self.unanswered.into(),
            unacked: if self.started() && other.acks() && !all_acked {
                diff(self.nxt, other.acked).unsigned_abs().into()
            } else {
                0
            },
            retransmits: self.retransmits.into(),
            probes: self.probes().into(),
            zero_window: self.passed() && self.last.window == 0,
            speaks: unpack(self.speaks),
            alert: self.alert(),
            ttl: self.passed().then_some(self.ttl),
        }
    }
}

const fn window_bit(window: u16) -> (usize, u8) {
    let bit = (window.wrapping_mul(0x9e37) >> 8) as usize % 24;
    (bit / 8, 1 << (bit % 8))
}

/// Milliseconds of nanoseconds, in four bytes.
pub fn ms(nanoseconds: u64) -> u32 {
    u32::try_from(nanoseconds / 1_000_000).unwrap_or(u32::MAX)
}

/// Names that [`Speaks::Other`] may bear in two bytes.
const OTHERS: [&str; 6] = ["HTTP/2", "Redis", "PostgreSQL", "MySQL", "PROXY protocol", "DNS"];
const OTHER: u16 = 1000;

fn pack(speaks: Option<Speaks>) -> u16 {
    match speaks {
        None => 0,
        Some(Speaks::Tls) => 1,
        Some(Speaks::TlsAlert) => 2,
        Some(Speaks::HttpRequest) => 3,
        Some(Speaks::Ssh) => 4,
        Some(Speaks::Greeting) => 5,
        Some(Speaks::HttpResponse(status)) => status.clamp(100, OTHER - 1),
        Some(Speaks::Other(name)) => OTHERS
            .iter()
            .position(|other| *other == name)
            .and_then(|index| u16::try_from(index).ok())
            .map_or(0, |index| OTHER + index),
    }
}

fn unpack(packed: u16) -> Option<Speaks> {
    Some(match packed {
        1 => Speaks::Tls,
        2 => Speaks::TlsAlert,
        3 => Speaks::HttpRequest,
        4 => Speaks::Ssh,
        5 => Speaks::Greeting,
        status @ 100..OTHER => Speaks::HttpResponse(status),
        other => Speaks::Other(OTHERS.get(usize::from(other.checked_sub(OTHER)?))?),
    })
}

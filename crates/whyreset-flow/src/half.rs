//! One direction of a connection while it runs: numbers, times and habits in a hundred bytes.
//! Refuses to keep segments.

use whyreset_evidence::{Half, Speaks};

use crate::packet::{Packet, diff};

/// What is known of the last segment of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Last {
    pub at: u64,
    pub frame: u64,
    pub seq: u32,
    pub ack: u32,
    pub len: u32,
    pub flags: u16,
    pub window: u16,
    pub id: u16,
    pub ttl: u8,
    /// It acknowledges what was never sent to it, or repeats what was long acknowledged.
    pub foreign: bool,
    /// Its timestamp is older than an earlier one's.
    pub old_timestamp: bool,
    /// The silence of the whole connection before it, milliseconds.
    pub silence_ms: u32,
}

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
    windows: u32,
    /// The first payload, packed by [`pack`].
    speaks: u16,
    /// The window of its SYN or SYN-ACK.
    pub syn_window: u16,
    pub scale: u8,
    /// Smallest and greatest TTL of ordinary segments, 0 where none passed.
    pub ttl: (u8, u8),
    pub syn_ttl: u8,
    pub syn_repeats: u8,
    pub retransmits: u8,
    pub probes: u8,
    pub opened: bool,
    pub started: bool,
    pub acks: bool,
    pub scaled: bool,
    pub stamped: bool,
    pub fin: bool,
    pub data: bool,
    pub alert: bool,
    pub passed: bool,
}

impl Sent {
    /// Takes one segment of this direction. `started` and times are relative to `first_at`.
    pub fn take(&mut self, packet: &Packet<'_>, other: &mut Self, first_at: u64) {
        let silence = packet.at.saturating_sub(self.last.at.max(other.last.at));
        let foreign = self.is_foreign(packet, other);
        let old_timestamp = self.old_timestamp(packet);
        if packet.flags.syn() {
            if self.opened && packet.seq == self.isn {
                self.syn_repeats = self.syn_repeats.saturating_add(1);
            }
            self.opened = true;
            self.isn = packet.seq;
            self.syn_ttl = packet.ttl;
            self.syn_window = packet.window;
            self.scaled = packet.options.window_scale.is_some();
            self.scale = packet.options.window_scale.unwrap_or(0).min(14);
        }
        self.take_numbers(packet, other, first_at);
        if packet.flags.ack() {
            if !self.acks || diff(packet.ack, self.acked) > 0 {
                other.retransmits = 0;
                self.acked = packet.ack;
            }
            self.acks = true;
        }
        // Whatever comes back answers a probe.
        other.probes = 0;
        if let Some((stamp, _)) = packet.options.timestamps {
            if !self.stamped || diff(stamp, self.stamp) > 0 {
                self.stamp = stamp;
            }
            self.stamped = true;
        }
        self.windows |= window_bit(packet.window);
        self.ttl = match self.ttl {
            (0, 0) => (packet.ttl, packet.ttl),
            (low, high) => (low.min(packet.ttl), high.max(packet.ttl)),
        };
        self.passed = true;
        self.last = Last {
            at: packet.at,
            frame: packet.frame,
            seq: packet.seq,
            ack: packet.ack,
            len: packet.len,
            flags: packet.flags.0,
            window: packet.window,
            id: packet.id.unwrap_or(0),
            ttl: packet.ttl,
            foreign,
            old_timestamp,
            silence_ms: u32::try_from(silence / 1_000_000).unwrap_or(u32::MAX),
        };
    }

    fn take_numbers(&mut self, packet: &Packet<'_>, other: &mut Self, first_at: u64) {
        let since_first = ms(packet.at.saturating_sub(first_at));
        let end = packet.end();
        if !self.started {
            self.started = true;
            self.nxt = packet.seq;
        }
        let probe = packet.len <= 1
            && !packet.flags.syn()
            && !packet.flags.fin()
            && packet.seq == self.nxt.wrapping_sub(1)
            && self.passed
            && other.acks
            && other.acked == self.nxt;
        if probe {
            self.probes = self.probes.saturating_add(1);
        } else if packet.segment_len() > 0 && diff(end, self.nxt) <= 0 && self.passed {
            self.retransmits = self.retransmits.saturating_add(1);
        }
        let new = diff(end, self.nxt);
        if new > 0 {
            let flags = u32::from(packet.flags.syn()) + u32::from(packet.flags.fin());
            let payload = new.unsigned_abs().min(packet.len.saturating_add(flags));
            let payload = payload.min(packet.len);
            if payload > 0 {
                self.bytes += u64::from(payload);
                self.unanswered = self.unanswered.saturating_add(payload);
                other.unanswered = 0;
                self.data_ms = since_first;
                self.alert = packet.alert;
                if !self.data {
                    self.speaks = pack(packet.speaks);
                }
                self.data = true;
            }
            self.nxt = end;
        }
        if packet.flags.fin() && !self.fin {
            self.fin = true;
            self.fin_ms = since_first;
        }
    }

    /// It acknowledges what the other end never sent, or carries bytes far from its own.
    fn is_foreign(&self, packet: &Packet<'_>, other: &Self) -> bool {
        let ahead = packet.flags.ack() && other.started && diff(packet.ack, other.nxt) > 0;
        let behind = packet.flags.ack() && other.opened && diff(packet.ack, other.isn) <= 0;
        let window = i64::from(other.last.window) << other.scale;
        let beyond =
            other.acks && packet.len > 0 && i64::from(diff(packet.seq, other.acked)) > window.max(65_535) * 2;
        self.passed && (ahead || behind || beyond) || (ahead || behind) && !packet.flags.rst()
    }

    fn old_timestamp(&self, packet: &Packet<'_>) -> bool {
        matches!(packet.options.timestamps, Some((stamp, _)) if self.stamped && diff(stamp, self.stamp) < 0)
    }

    /// Whether it ever used this window; a false `true` is possible.
    pub const fn used_window(&self, window: u16) -> bool {
        self.windows & window_bit(window) != 0
    }

    /// What a dossier gets.
    pub fn tell(&self, other: &Self, at: u64, first_at: u64) -> Half {
        let ago = |since_first: u32| ms(at.saturating_sub(first_at)).saturating_sub(since_first).into();
        let all_acked = other.acks && diff(other.acked, self.nxt) >= 0;
        Half {
            opened: self.opened,
            syn_repeats: self.syn_repeats.into(),
            fin_ago_ms: self.fin.then(|| ago(self.fin_ms)),
            fin_acked: self.fin && all_acked,
            bytes: self.bytes,
            last_ago_ms: self.passed.then(|| at.saturating_sub(self.last.at) / 1_000_000),
            data_ago_ms: self.data.then(|| ago(self.data_ms)),
            unanswered: self.unanswered.into(),
            unacked: if self.started && other.acks && !all_acked {
                diff(self.nxt, other.acked).unsigned_abs().into()
            } else {
                0
            },
            retransmits: self.retransmits.into(),
            probes: self.probes.into(),
            zero_window: self.passed && self.last.window == 0,
            speaks: unpack(self.speaks),
            alert: self.alert,
            ttl: self.passed.then_some(self.ttl),
        }
    }
}

const fn window_bit(window: u16) -> u32 {
    1 << (window.wrapping_mul(0x9e37) >> 11)
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

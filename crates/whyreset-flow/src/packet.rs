//! What the flow table is fed: one TCP segment as it passed, decoded elsewhere. Refuses to parse.

use core::net::SocketAddr;

use whyreset_evidence::Speaks;

use crate::key::{Direction, Key, mix};

/// TCP flags of a header, with the reserved bits above them (bits 9 to 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// No more data from the sender.
    pub const fn fin(self) -> bool {
        self.0 & 0x01 != 0
    }
    /// Synchronise sequence numbers.
    pub const fn syn(self) -> bool {
        self.0 & 0x02 != 0
    }
    /// Reset the connection.
    pub const fn rst(self) -> bool {
        self.0 & 0x04 != 0
    }
    /// The acknowledgment field is significant.
    pub const fn ack(self) -> bool {
        self.0 & 0x10 != 0
    }
    /// Reserved bits, the former nonce-sum bit among them.
    pub const fn reserved(self) -> bool {
        self.0 & 0x0f00 != 0
    }
    /// The part that a verdict prints.
    pub const fn low(self) -> whyreset_evidence::Flags {
        whyreset_evidence::Flags((self.0 & 0x1f) as u8)
    }
}

/// Options that matter to a flow, read where they were present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Shift of the window, of a SYN.
    pub window_scale: Option<u8>,
    /// Timestamps: value and echo.
    pub timestamps: Option<(u32, u32)>,
    /// The reason of an MP_TCPRST option.
    pub mptcp_reset: Option<u8>,
    /// An MP_FASTCLOSE option.
    pub mptcp_fastclose: bool,
    /// The capture cut options off.
    pub cut: bool,
}

/// A byte that stands for a link-layer address: different bytes are different devices, equal ones most
/// likely the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Device(u8);

impl Device {
    /// The link has no addresses.
    pub const NONE: Self = Self(0);

    /// Of this address.
    #[inline]
    pub const fn of([a0, a1, a2, a3, a4, a5]: [u8; 6]) -> Self {
        let mixed = mix(u64::from_le_bytes([a0, a1, a2, a3, a4, a5, 0, 0])) >> 56;
        Self((mixed as u8).saturating_add(1))
    }

    /// Whether it is another one, where both are known.
    pub fn is_other(self, known: Self) -> Option<bool> {
        (self != Self::NONE && known != Self::NONE).then(|| self != known)
    }
}

/// One segment.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Nanoseconds since the epoch, by the capture's clock.
    pub at: u64,
    /// 1-based number of the frame in its file.
    pub frame: u64,
    /// Between whom.
    pub key: Key,
    /// Who of them sent it, by its header.
    pub direction: Direction,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification; `None` for IPv6.
    pub id: Option<u16>,
    /// The capture itself marks it as sent (`true`) or received by the capturing host.
    pub outgoing: Option<bool>,
    /// By whose link-layer address it came.
    pub device: Device,
    /// Packets that the capturing host counts as lost right before it.
    pub lost: u64,
    /// Whether its checksum holds; `None` where that was not asked, or cannot be told.
    pub sound: Option<bool>,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Flags.
    pub flags: Flags,
    /// Window, unscaled.
    pub window: u16,
    /// Payload bytes by the IP header.
    pub len: u32,
    /// Options.
    pub options: Options,
    /// Says what a payload is, where its first bytes tell; asked of the first one alone.
    pub speaks: fn(&[u8]) -> Option<Speaks>,
    /// The payload is a TLS alert record, or of the size of a sealed one.
    pub alert: bool,
    /// The captured part of the payload.
    pub payload: &'a [u8],
}

impl Packet<'_> {
    /// Who sent it, by its header.
    pub fn source(&self) -> SocketAddr {
        self.key.addr(self.direction)
    }

    /// SEG.LEN of RFC 9293: payload, SYN and FIN.
    pub const fn segment_len(&self) -> u32 {
        self.len
            .wrapping_add(self.flags.syn() as u32)
            .wrapping_add(self.flags.fin() as u32)
    }

    /// The number after its last byte.
    pub const fn end(&self) -> u32 {
        self.seq.wrapping_add(self.segment_len())
    }
}

/// Signed distance from `b` to `a` on the circle of sequence numbers.
pub const fn diff(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

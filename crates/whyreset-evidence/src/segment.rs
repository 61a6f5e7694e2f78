//! A TCP segment, reduced to what a verdict may need.

use alloc::vec::Vec;

use core::fmt;

/// TCP header flags, as the wire's byte has them (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgment field is significant.
    pub const ACK: u8 = 0x10;

    /// Whether all of `bits` are set.
    pub const fn has(self, bits: u8) -> bool {
        self.0 & bits == bits
    }

    /// A SYN without ACK: somebody opens a connection.
    pub const fn is_open(self) -> bool {
        self.has(Self::SYN) && !self.has(Self::ACK)
    }

    /// The second step of the handshake.
    pub const fn is_syn_ack(self) -> bool {
        self.has(Self::SYN | Self::ACK)
    }
}

impl fmt::Display for Flags {
    /// tcpdump's letters: `S.`, `R.`, `P.`, `F.`; `.` alone is a bare ACK.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bit, letter) in [
            (Self::FIN, "F"),
            (Self::SYN, "S"),
            (Self::RST, "R"),
            (Self::PSH, "P"),
            (Self::ACK, "."),
        ] {
            if self.has(bit) {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}

/// One segment. Numbers are in host order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Header flags.
    pub flags: Flags,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Payload length in bytes.
    pub len: u32,
    /// Advertised window as in the header, unscaled.
    pub window: u16,
    /// IPv4 TTL or IPv6 hop limit.
    pub ttl: u8,
    /// The first bytes of the payload, as many as the source kept (hostile input).
    pub payload: Vec<u8>,
}

impl Segment {
    /// Whether the payload begins with a TLS alert record (RFC 8446 §5.1: type 21, version 3.x).
    /// Encrypted TLS 1.3 alerts travel as application data and are not recognised.
    pub fn is_tls_alert(&self) -> bool {
        matches!(self.payload.as_slice(), [21, 3, ..])
    }

    /// Whether the payload begins with a TLS application-data record so short that it can only be
    /// an encrypted alert (2 bytes of alert, 1 of content type, 16 of tag; RFC 8446 §5.2).
    pub fn is_sealed_tls_alert(&self) -> bool {
        matches!(self.payload.as_slice(), [23, 3, _, 0, 19, ..]) && self.len == 24
    }
}

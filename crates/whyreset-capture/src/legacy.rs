//! The legacy pcap format: its file header and record headers. Reads no file.

use crate::clock::SECOND;
use crate::{Direction, Resolution};

/// Bytes of the file header.
pub(crate) const FILE_HEADER: usize = 24;
/// Bytes of a record header in the common form.
pub(crate) const HEAD: usize = 16;
/// What libpcap and Wireshark take for the longest packet of ordinary links.
pub(crate) const MAX_ORDINARY: u32 = 262_144;
/// The longest packet that is believed, whatever the file allows itself.
pub(crate) const MAX_PACKET: u32 = 16 << 20;

/// What the file header says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Legacy {
    big: bool,
    /// Nanoseconds in a unit of the fraction.
    unit: u64,
    /// Records carry an interface, a protocol and a packet type (the form of 0xa1b2cd34).
    pub modified: bool,
    /// Captured and original length may be the other way round.
    old: Option<Order>,
    /// The longest record that is believed.
    pub max: u32,
    pub link: u16,
    pub snaplen: u32,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Swapped,
    /// Either way: the captured length is the smaller.
    Unsure,
}

/// One record header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub sec: u32,
    pub fraction: u32,
    pub caplen: u32,
    pub wire_len: u32,
}

impl Legacy {
    /// Whether a file that begins so is legacy pcap: byte order, unit, form.
    fn magic(head: [u8; 4]) -> Option<(bool, u64, bool)> {
        let of = |magic| match magic {
            0xa1b2_c3d4_u32 => Some((1000, false)),
            0xa1b2_3c4d => Some((1, false)),
            0xa1b2_cd34 => Some((1000, true)),
            _ => None,
        };
        let little = of(u32::from_le_bytes(head)).map(|(unit, modified)| (false, unit, modified));
        little.or_else(|| of(u32::from_be_bytes(head)).map(|(unit, modified)| (true, unit, modified)))
    }

    /// Whether a file that begins so is legacy pcap.
    pub fn is_magic(head: [u8; 4]) -> bool {
        Self::magic(head).is_some()
    }

    /// From the file header; the error says what is not read.
    pub fn from_header(header: &[u8; FILE_HEADER]) -> Result<Self, String> {
        let [
            m0,
            m1,
            m2,
            m3,
            v0,
            v1,
            n0,
            n1,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            l0,
            l1,
            l2,
            l3,
        ] = *header;
        let Some((big, unit, modified)) = Self::magic([m0, m1, m2, m3]) else {
            return Err("it does not begin as legacy pcap does".to_owned());
        };
        let (major, minor) = (u16_in(big, [v0, v1]), u16_in(big, [n0, n1]));
        let old = match (major, minor) {
            // As libpcap's sf-pcap.c has it: DG/UX wrote 543, and the order was changed with 2.3.
            (543, 0) | (2, 0..=2) => Some(Order::Swapped),
            (2, 3) => Some(Order::Unsure),
            (2.., _) => None,
            _ => {
                return Err(format!(
                    "it is legacy pcap of version {major}.{minor}, which is too old"
                ));
            }
        };
        let snaplen = u32_in(big, [s0, s1, s2, s3]);
        // The upper half tells of frame check sequences, the lower the link type.
        let link = u32_in(big, [l0, l1, l2, l3]).to_le_bytes();
        Ok(Self {
            big,
            unit,
            modified,
            old,
            max: snaplen.clamp(MAX_ORDINARY, MAX_PACKET),
            link: u16::from_le_bytes([link[0], link[1]]),
            snaplen,
        })
    }

    /// The unit of its timestamps.
    pub fn resolution(&self) -> Resolution {
        if self.unit == 1 {
            Resolution::NANO
        } else {
            Resolution::MICRO
        }
    }

    /// Bytes of a record header.
    #[inline]
    pub fn head_len(&self) -> usize {
        if self.modified { HEAD + 8 } else { HEAD }
    }

    /// Whether record headers are as today's writers have them, least byte first.
    #[inline]
    pub fn is_common(&self) -> bool {
        !self.big && !self.modified && self.old.is_none()
    }

    /// Reads a record header where [`Self::is_common`].
    #[inline]
    pub fn common_head(bytes: &[u8; HEAD]) -> Head {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Head {
            sec: word(0),
            fraction: word(4),
            caplen: word(8),
            wire_len: word(12),
        }
    }

    /// Reads the common part of a record header.
    #[inline]
    pub fn head(&self, bytes: &[u8; HEAD]) -> Head {
        let word = |at: usize| u32_in(self.big, [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let mut head = Head {
            sec: word(0),
            fraction: word(4),
            caplen: word(8),
            wire_len: word(12),
        };
        if let Some(order) = self.old
            && (matches!(order, Order::Swapped) || head.caplen > head.wire_len)
        {
            std::mem::swap(&mut head.caplen, &mut head.wire_len);
        }
        head
    }

    /// Nanoseconds since the epoch. Cannot overflow: 2^32 s and 2^32 us are below 2^64 ns.
    #[inline]
    pub fn at_ns(&self, head: &Head) -> u64 {
        u64::from(head.sec) * SECOND + u64::from(head.fraction) * self.unit
    }

    /// Whether the fraction is below a second, as every writer keeps it.
    pub fn fraction_fits(&self, head: &Head) -> bool {
        u64::from(head.fraction) * self.unit < SECOND
    }

    /// Direction from the packet type of the modified form (linux/if_packet.h).
    pub fn direction(packet_type: u8) -> Option<Direction> {
        match packet_type {
            0..=2 => Some(Direction::Inbound),
            4 => Some(Direction::Outbound),
            _ => None,
        }
    }
}

#[inline]
fn u32_in(big: bool, bytes: [u8; 4]) -> u32 {
    if big {
        u32::from_be_bytes(bytes)
    } else {
        u32::from_le_bytes(bytes)
    }
}

fn u16_in(big: bool, bytes: [u8; 2]) -> u16 {
    if big {
        u16::from_be_bytes(bytes)
    } else {
        u16::from_le_bytes(bytes)
    }
}

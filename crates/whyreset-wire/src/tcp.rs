//! A TCP header, its options read when asked for. Refuses to interpret a connection.

use crate::Refusal;
use crate::bytes::u32_at;
use crate::refusal::cut;

/// Flags and reserved bits, as the header's two bytes have them (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// No more data from the sender.
    pub const fn fin(self) -> bool {
        self.0 & 0x001 != 0
    }
    /// Synchronise sequence numbers.
    pub const fn syn(self) -> bool {
        self.0 & 0x002 != 0
    }
    /// Reset the connection.
    pub const fn rst(self) -> bool {
        self.0 & 0x004 != 0
    }
    /// Push.
    pub const fn psh(self) -> bool {
        self.0 & 0x008 != 0
    }
    /// The acknowledgment field is significant.
    pub const fn ack(self) -> bool {
        self.0 & 0x010 != 0
    }
    /// The urgent pointer is significant.
    pub const fn urg(self) -> bool {
        self.0 & 0x020 != 0
    }
    /// ECN echo (RFC 3168).
    pub const fn ece(self) -> bool {
        self.0 & 0x040 != 0
    }
    /// Congestion window reduced (RFC 3168).
    pub const fn cwr(self) -> bool {
        self.0 & 0x080 != 0
    }
    /// Any of the reserved bits, the former nonce sum among them.
    pub const fn ns_or_reserved(self) -> bool {
        self.0 & 0xf00 != 0
    }
}

/// A segment. Numbers are in host order.
#[derive(Clone, Copy, Debug)]
pub struct Tcp<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Flags.
    pub flags: Flags,
    /// Window, unscaled.
    pub window: u16,
    /// Checksum, as it stands there.
    pub checksum: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Options, as far as they were captured.
    pub options: Options<'a>,
    /// Header and payload, as far as they were captured.
    pub bytes: &'a [u8],
    /// The captured part of the payload.
    pub payload: &'a [u8],
    /// Payload bytes by the IP header.
    pub payload_len: u32,
    /// The capture cut the options off.
    pub cut: bool,
}

impl Tcp<'_> {
    /// SEG.LEN of RFC 9293: payload, SYN and FIN.
    pub const fn segment_len(&self) -> u32 {
        self.payload_len
            .wrapping_add(self.flags.syn() as u32)
            .wrapping_add(self.flags.fin() as u32)
    }
}

/// Opens a segment of this length by the IP header.
#[inline]
pub fn open(bytes: &[u8], len: u32) -> Result<Tcp<'_>, Refusal> {
    let head = bytes.first_chunk::<20>().ok_or(cut("TCP"))?;
    let two = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let four = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let header_len = usize::from(head[12] >> 4) * 4;
    if header_len < 20 {
        let why = "it says that it is shorter than 20 bytes";
        return Err(Refusal::Malformed { layer: "TCP", why });
    }
    let payload_len = len
        .checked_sub(u32::try_from(header_len).unwrap_or(u32::MAX))
        .ok_or(Refusal::Malformed {
            layer: "TCP",
            why: "it is longer than the packet",
        })?;
    let options = bytes.get(20..header_len);
    Ok(Tcp {
        source_port: two(0),
        destination_port: two(2),
        seq: four(4),
        ack: four(8),
        flags: Flags(two(12) & 0x0fff),
        window: two(14),
        checksum: two(16),
        urgent: two(18),
        options: Options(options.or_else(|| bytes.get(20..)).unwrap_or_default()),
        bytes,
        payload: bytes.get(header_len..).unwrap_or_default(),
        payload_len,
        cut: options.is_none(),
    })
}

/// The options of a header, one after the other. What is cut or broken ends them.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a>(&'a [u8]);

impl Options<'_> {
    /// Whether there are none.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Value and echo of timestamps that stand alone, as most segments bear them (RFC 7323, appendix A).
    #[inline]
    pub fn only_timestamps(&self) -> Option<(u32, u32)> {
        /// NOP, NOP, kind, length.
        const ALONE: u32 = u32::from_be_bytes([1, 1, 8, 10]);
        let all: &[u8; 12] = self.0.try_into().ok()?;
        let four = |at: usize| u32::from_be_bytes([all[at], all[at + 1], all[at + 2], all[at + 3]]);
        (four(0) == ALONE).then(|| (four(4), four(8)))
    }
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind<'a> {
    /// Maximum segment size.
    Mss(u16),
    /// Shift of the window (RFC 7323).
    WindowScale(u8),
    /// Selective acknowledgments may be sent.
    SackPermitted,
    /// Selective acknowledgments.
    Sack(&'a [u8]),
    /// Timestamps (RFC 7323).
    Timestamps {
        /// Value.
        val: u32,
        /// Echo.
        ecr: u32,
    },
    /// Multipath TCP (RFC 8684): the bytes after kind and length.
    Mptcp(&'a [u8]),
    /// Fast open cookie (RFC 7413).
    FastOpen(&'a [u8]),
    /// User timeout (RFC 5482), as it stands there.
    UserTimeout(u16),
    /// MD5 signature (RFC 2385).
    Md5,
    /// Authentication (RFC 5925).
    Ao,
    /// Any other: kind and bytes.
    Unknown(u8, &'a [u8]),
}

impl<'a> OptionKind<'a> {
    /// The reason of an MP_TCPRST option (RFC 8684 §3.6).
    pub const fn mptcp_reset(self) -> Option<u8> {
        match self {
            Self::Mptcp([head, reason, ..]) if *head >> 4 == 8 => Some(*reason),
            _ => None,
        }
    }

    /// Whether it is an MP_FASTCLOSE (RFC 8684 §3.5).
    pub const fn is_mptcp_fastclose(self) -> bool {
        matches!(self, Self::Mptcp([head, ..]) if *head >> 4 == 7)
    }

    fn of(kind: u8, body: &'a [u8]) -> Self {
        match (kind, body) {
            (2, [high, low]) => Self::Mss(u16::from_be_bytes([*high, *low])),
            (3, [shift]) => Self::WindowScale(*shift),
            (4, []) => Self::SackPermitted,
            (5, blocks) => Self::Sack(blocks),
            (8, stamps) if stamps.len() == 8 => Self::Timestamps {
                val: u32_at(stamps, 0).unwrap_or_default(),
                ecr: u32_at(stamps, 4).unwrap_or_default(),
            },
            (19, _) => Self::Md5,
            (28, [high, low]) => Self::UserTimeout(u16::from_be_bytes([*high, *low])),
            (29, _) => Self::Ao,
            (30, body) => Self::Mptcp(body),
            (34, cookie) => Self::FastOpen(cookie),
            (kind, body) => Self::Unknown(kind, body),
        }
    }
}

impl<'a> IntoIterator for Options<'a> {
    type Item = OptionKind<'a>;
    type IntoIter = OptionsIter<'a>;

    fn into_iter(self) -> OptionsIter<'a> {
        OptionsIter(self.0)
    }
}

/// Goes through [`Options`].
#[derive(Clone, Debug)]
pub struct OptionsIter<'a>(&'a [u8]);

impl<'a> Iterator for OptionsIter<'a> {
    type Item = OptionKind<'a>;

    fn next(&mut self) -> Option<OptionKind<'a>> {
        loop {
            let (&kind, rest) = self.0.split_first()?;
            match kind {
                0 => {
                    self.0 = &[];
                    return None;
                }
                1 => self.0 = rest,
                _ => {
                    let length = usize::from(*rest.first()?);
                    let Some(body) = self.0.get(2..length) else {
                        self.0 = &[];
                        return None;
                    };
                    self.0 = self.0.get(length..).unwrap_or_default();
                    return Some(OptionKind::of(kind, body));
                }
            }
        }
    }
}

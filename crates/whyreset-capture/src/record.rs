//! What a reader hands out. Only shapes: no reading, no judging.

use crate::Resolution;

/// One captured packet. Sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The frame number, from 1, as Wireshark counts: blocks that it shows as frames though they are no
    /// packets (custom blocks, journal entries, system calls) leave a gap here.
    pub number: u64,
    /// Nanoseconds since the Unix epoch, held to what 64 bits can say; `None` where the file gives none.
    pub at_ns: Option<u64>,
    /// The link type (LINKTYPE_ value) of the interface it was captured on.
    pub link: u16,
    /// Index into [`crate::Reader::interfaces`]: over the whole file, unique across its sections.
    pub interface: u32,
    /// Length on the wire as the file claims it; a hostile file may claim less than there are bytes.
    pub wire_len: u32,
    /// The captured bytes.
    pub data: &'a [u8],
    /// Which way it went at the capturing host, where the file says so.
    pub direction: Option<Direction>,
    /// Packets that the capturing host lost between the previous record of this interface and this one.
    pub drops_before: u64,
}

/// Which way a packet went at the host that captured it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It arrived.
    Inbound,
    /// It was sent.
    Outbound,
}

impl Direction {
    /// From the flags word of a pcapng packet (bits 0 and 1).
    pub(crate) const fn from_flags(flags: u32) -> Option<Self> {
        match flags & 3 {
            1 => Some(Self::Inbound),
            2 => Some(Self::Outbound),
            _ => None,
        }
    }

    /// The flags word of a pcapng packet.
    pub(crate) const fn to_flags(self) -> u32 {
        match self {
            Self::Inbound => 1,
            Self::Outbound => 2,
        }
    }
}

/// One interface that a capture names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, where the file gives one.
    pub name: Option<String>,
    /// Its link type (LINKTYPE_ value).
    pub link: u16,
    /// Bytes of each packet that were kept at most; 0 is without limit.
    pub snaplen: u32,
    /// The unit of its timestamps.
    pub tsresol: Resolution,
    /// Seconds to add to its timestamps.
    pub tsoffset: i64,
    /// The section that describes it, from 1.
    pub section: u32,
}

/// How far reading has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes taken from the file or stream; packed bytes where it is packed. Runs ahead of the records by
    /// what is buffered.
    pub bytes_read: u64,
    /// The file's size when it was opened; `None` for a stream.
    pub bytes_total: Option<u64>,
    /// Records handed out.
    pub records: u64,
}

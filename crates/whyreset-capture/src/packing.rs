//! Which packing, by its first bytes. Unpacks nothing.

/// A compression that is undone while reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// gzip (RFC 1952), any number of members.
    Gzip,
    /// Zstandard (RFC 8878), any number of frames.
    Zstd,
    /// LZ4 frames, the legacy ones too.
    Lz4,
}

impl Packing {
    /// The packing whose stream begins so.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        let four = head.first_chunk().copied().map(u32::from_le_bytes);
        match (head, four) {
            ([0x1f, 0x8b, ..], _) => Some(Self::Gzip),
            // zstd writers begin with a skippable frame more often than lz4's do.
            (_, Some(0xfd2f_b528 | 0x184d_2a50..=0x184d_2a5f)) => Some(Self::Zstd),
            (_, Some(0x184d_2204 | 0x184c_2102)) => Some(Self::Lz4),
            _ => None,
        }
    }

    /// The name of the format, as its own tool spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }
}

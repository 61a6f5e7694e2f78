//! Why a frame cannot be read.

use core::fmt;

use crate::LinkType;

/// Why a frame cannot be read. Lengths are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This program does not know the link type.
    UnknownLink(LinkType),
    /// No IP packet is inside: this protocol is (EtherType, or the link's own number).
    NotIp(u16),
    /// The capture holds only a part of this header.
    Truncated {
        /// Which header.
        layer: &'static str,
    },
    /// This header breaks its own rules.
    Malformed {
        /// Which header.
        layer: &'static str,
        /// In what.
        why: &'static str,
    },
    /// Tunnels within tunnels, deeper than any network has them.
    TooDeep,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownLink(link) => write!(f, "link type {} is not known to this program", link.0),
            Self::NotIp(protocol) => write!(f, "it carries protocol {protocol:#06x} and no IP"),
            Self::Truncated { layer } => write!(f, "the {layer} header is cut off"),
            Self::Malformed { layer, why } => write!(f, "the {layer} header is broken: {why}"),
            Self::TooDeep => f.write_str("tunnels within tunnels are too deep"),
        }
    }
}

impl core::error::Error for Refusal {}

pub const fn cut(layer: &'static str) -> Refusal {
    Refusal::Truncated { layer }
}

//! How stacks of end hosts look on the wire, above all their resets: `RFC 9293` and what the systems make
//! of it. Refuses to know a connection.

use super::talk::{ACK, RST};

/// A family of systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// Linux, with timestamps or with `net.ipv4.tcp_timestamps=0`.
    Linux { stamps: bool },
    /// Windows: no timestamps, a window of 0 in every reset.
    Windows,
    /// macOS and the BSDs.
    Bsd { stamps: bool },
    /// Network devices, Solaris, load balancers as ends: initial TTL 255.
    Device,
}

/// Why a stack sends a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A socket is aborted.
    Abort,
    /// A segment came for which there is no socket.
    Stray,
    /// A SYN came for which there is no socket.
    Refusal,
}

/// The header of a reset as far as the stack chooses it.
pub struct Made {
    pub flags: u16,
    pub window: u16,
    pub id: u16,
    pub stamped: bool,
}

impl Stack {
    pub const fn initial_ttl(self) -> u8 {
        match self {
            Self::Linux { .. } | Self::Bsd { .. } => 64,
            Self::Windows => 128,
            Self::Device => 255,
        }
    }

    pub const fn stamps(self) -> bool {
        matches!(self, Self::Linux { stamps: true } | Self::Bsd { stamps: true })
    }

    /// Window of the handshake, and later, scaled.
    pub const fn opening(self) -> u16 {
        match self {
            Self::Linux { .. } => 64_240,
            Self::Windows => 64_000,
            Self::Bsd { .. } => 65_535,
            Self::Device => 4_128,
        }
    }

    pub const fn window(self) -> u16 {
        match self {
            Self::Linux { .. } => 502,
            Self::Windows => 1_026,
            Self::Bsd { .. } => 2_058,
            Self::Device => 4_000,
        }
    }

    /// Options of its SYN, without timestamps.
    pub const fn options(self) -> &'static [u8] {
        match self {
            Self::Linux { .. } => &[2, 4, 5, 180, 4, 2, 1, 3, 3, 7, 0, 0],
            Self::Windows => &[2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2],
            Self::Bsd { .. } => &[2, 4, 5, 180, 1, 3, 3, 6, 4, 2, 0, 0],
            Self::Device => &[2, 4, 5, 180],
        }
    }

    /// The identification of an ordinary segment. Linux's SYN-ACK has none.
    pub fn next_id(self, id: &mut u16, answers_syn: bool) -> u16 {
        match self {
            Self::Linux { .. } if answers_syn => 0,
            _ => {
                *id = id.wrapping_add(1).max(1);
                *id
            }
        }
    }

    /// A reset, where the last window was `window`.
    pub fn reset(self, shape: Shape, id: &mut u16, window: u16) -> Made {
        let next = self.next_id(id, false);
        let with_ack = match (self, shape) {
            (_, Shape::Abort | Shape::Refusal) => ACK,
            // One in three of Windows' copies the acknowledgment.
            (Self::Windows, Shape::Stray) if next.is_multiple_of(3) => ACK,
            (_, Shape::Stray) => 0,
        };
        let id = match (self, shape) {
            (Self::Linux { .. }, Shape::Stray | Shape::Refusal) => 0,
            // A counter of its own for what no socket sends.
            (Self::Bsd { .. }, Shape::Stray | Shape::Refusal) => next.swap_bytes().max(1),
            (Self::Device, Shape::Stray) => (next & 0xff) << 8 | 0x4e,
            _ => next,
        };
        let window = match (self, shape) {
            (Self::Windows, _) | (_, Shape::Stray | Shape::Refusal) => 0,
            (_, Shape::Abort) => window,
        };
        Made {
            flags: RST | with_ack,
            window,
            id,
            stamped: shape == Shape::Abort && self.stamps(),
        }
    }
}

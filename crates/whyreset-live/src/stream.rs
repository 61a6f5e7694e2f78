//! `--forwarded`: the headers of all TCP segments that come in and leave, from a packet socket, for a
//! host whose traffic is not its own. Every packet of the host costs a wake-up's share here; nothing
//! of it runs unless it is asked for.

use std::io;
use std::os::fd::OwnedFd;

use crate::sys;

/// Bytes of each packet that are read: the longest headers and what names a protocol.
const SNAP: usize = 256;

/// One packet, from its IP header on.
#[derive(Debug)]
pub struct Passing<'a> {
    /// The part that was read.
    pub bytes: &'a [u8],
    /// Its length, bytes.
    pub length: u32,
    /// It left this host; else it came in.
    pub outgoing: bool,
    /// When it passed, nanoseconds since the epoch; 0 where the kernel did not say.
    pub at: u64,
}

/// The packet socket.
pub struct Stream {
    socket: OwnedFd,
    buffer: [u8; SNAP],
}

impl Stream {
    /// Opens it in the calling thread's network namespace; needs CAP_NET_RAW.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn open() -> io::Result<Self> {
        Ok(Self {
            socket: sys::stream_socket()?,
            buffer: [0; SNAP],
        })
    }

    /// The next packet that waits; `None` where none does.
    pub fn take(&mut self) -> Option<Passing<'_>> {
        let (length, kind, at) = sys::receive_packet(&self.socket, &mut self.buffer)?;
        Some(Passing {
            bytes: self.buffer.get(..length.min(SNAP)).unwrap_or_default(),
            length: u32::try_from(length).unwrap_or(u32::MAX),
            outgoing: kind == sys::PACKET_OUTGOING,
            at,
        })
    }

    /// Packets that the kernel dropped since the last call because nobody took them in time.
    pub fn lost(&self) -> u64 {
        sys::lost_packets(&self.socket)
    }
}

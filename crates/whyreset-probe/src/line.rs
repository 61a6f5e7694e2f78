//! One open TCP connection, read and written with a deadline. Refuses to block for ever, and to
//! give a meaning to what it carries.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use socket2::Socket;

use crate::info::TcpInfo;
use crate::sys;

/// Whether somebody wants it all to end.
pub type Stop<'a> = &'a dyn Fn() -> bool;

/// Longest time between two looks at the clock and at [`Stop`].
const LOOK_UP: Duration = Duration::from_millis(50);

/// An open connection.
#[derive(Debug)]
pub struct Line {
    socket: Socket,
    /// Our end.
    pub local: SocketAddr,
    /// Their end.
    pub peer: SocketAddr,
    /// When the handshake was complete.
    pub since: Instant,
    /// When the last byte went or came.
    pub stirred: Instant,
    /// Payload bytes handed to the kernel.
    pub sent: u64,
    /// `bytes_acked` before any payload: the SYN counts.
    acked_before: u64,
}

/// What waiting gave.
#[derive(Debug)]
pub enum Event {
    /// Bytes came, so many of the buffer.
    Bytes(usize),
    /// It can be written to.
    Writable,
    /// The other end closed its direction (FIN).
    Fin,
    /// The connection is gone with this error.
    Gone(io::Error),
    /// Nothing until the deadline.
    Nothing,
    /// We were told to stop.
    Stopped,
}

impl Line {
    /// Takes over a connected socket; `None` where it is gone already.
    pub(crate) fn open(socket: Socket, peer: SocketAddr) -> Option<Self> {
        let local = socket.local_addr().ok()?.as_socket()?;
        // From here on ICMP errors are hints, as they are to every program (RFC 5927 §4).
        _ = sys::keep_icmp(&socket, peer.is_ipv6(), false);
        let now = Instant::now();
        Some(Self {
            acked_before: TcpInfo::of(&socket).map_or(1, |info| info.acked.min(1)),
            socket,
            local,
            peer,
            since: now,
            stirred: now,
            sent: 0,
        })
    }

    /// The kernel's view.
    pub fn info(&self) -> TcpInfo {
        TcpInfo::of(&self.socket).unwrap_or_default()
    }

    /// Payload bytes that the other end's kernel acknowledged.
    pub fn acked(&self) -> u64 {
        let acked = self.info().acked.saturating_sub(self.acked_before);
        // A FIN of ours would count as well.
        acked.min(self.sent)
    }

    /// The socket itself, for its options.
    pub const fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Waits for bytes, or with `to_write` for room; what came is in `room`.
    pub fn wait(&mut self, room: &mut [u8], to_write: bool, deadline: Instant, stop: Stop<'_>) -> Event {
        loop {
            let now = Instant::now();
            if stop() {
                return Event::Stopped;
            }
            let left = deadline.saturating_duration_since(now).min(LOOK_UP);
            let mut flags = PollFlags::IN;
            if to_write {
                flags |= PollFlags::OUT;
            }
            let ready = self.poll(flags, left);
            if ready.intersects(PollFlags::IN | PollFlags::ERR | PollFlags::HUP) {
                match (&self.socket).read(room) {
                    Ok(0) => return Event::Fin,
                    Ok(count) => {
                        self.stirred = Instant::now();
                        return Event::Bytes(count);
                    }
                    Err(error) if is_passing(&error) => {}
                    Err(error) => return Event::Gone(error),
                }
            }
            if ready.contains(PollFlags::OUT) {
                return Event::Writable;
            }
            if now >= deadline {
                return Event::Nothing;
            }
        }
    }

    /// Writes what fits.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match (&self.socket).write(bytes) {
            Ok(count) => {
                self.sent = self.sent.saturating_add(count as u64);
                self.stirred = Instant::now();
                Ok(count)
            }
            Err(error) if is_passing(&error) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Whether a reset follows within this time after the other end's FIN.
    pub fn is_reset_within(&self, span: Duration, stop: Stop<'_>) -> bool {
        let deadline = Instant::now() + span;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if self
                .poll(PollFlags::empty(), left.min(LOOK_UP))
                .contains(PollFlags::ERR)
            {
                return true;
            }
            if left.is_zero() || stop() {
                return false;
            }
        }
    }

    fn poll(&self, flags: PollFlags, limit: Duration) -> PollFlags {
        let mut asked = [PollFd::new(&self.socket, flags)];
        let limit = rustix::event::Timespec::try_from(limit).unwrap_or_default();
        match rustix::event::poll(&mut asked, Some(&limit)) {
            Ok(_) => asked[0].revents(),
            Err(_) => PollFlags::empty(),
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

//! `--wire`: the headers of SYNs and resets that come in, from a packet socket of its own. The kernel
//! throws an accepted reset's header away; here it is read beside the event, and held against the
//! handshake of the same connection. Sees nothing that goes out, and of other segments the kernel's
//! filter lets nothing through; still, while it listens every incoming packet passes that filter.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::RecvFlags;
use whyreset_evidence::{Flags, Segment};
use whyreset_wire::{LinkType, Transport};

use crate::sys;

/// Handshakes and resets that are remembered.
const OPENINGS: usize = 65_536;
const RESETS: usize = 4_096;
/// Bytes of each packet that are read: the longest headers.
const SNAP: usize = 160;
/// Packets taken at one look at most.
const AT_ONCE: usize = 4_096;
/// How long it listens after it was armed.
const ARMED: Duration = Duration::from_mins(5);
/// How far an event and its packet may lie apart.
const TOGETHER: Duration = Duration::from_secs(2);

/// From whom, to whom.
type Way = (SocketAddr, SocketAddr);

/// When the tap listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// All the time.
    Always,
    /// For some minutes after a reset that nothing here explains.
    WhenArmed,
}

/// The packet socket and what it heard.
pub struct Tap {
    socket: OwnedFd,
    listen: Listen,
    /// Until when it listens; `None` where it is deaf.
    until: Option<Instant>,
    /// TTL or hop limit of the last SYN that came this way.
    openings: HashMap<Way, u8>,
    order: VecDeque<Way>,
    resets: VecDeque<(Instant, Way, Segment)>,
}

impl Tap {
    /// Opens the socket in the calling thread's network namespace; it needs CAP_NET_RAW, and arming
    /// it later needs nothing.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn open(listen: Listen) -> io::Result<Self> {
        let mut tap = Self {
            socket: sys::packet_socket()?,
            listen,
            until: None,
            openings: HashMap::new(),
            order: VecDeque::new(),
            resets: VecDeque::new(),
        };
        if listen == Listen::Always {
            sys::hear_all(&tap.socket, true)?;
            tap.until = Some(Instant::now());
        }
        Ok(tap)
    }

    /// Listens for some minutes from now on; nothing where it always does.
    pub fn arm(&mut self) {
        if self.listen == Listen::WhenArmed
            && (self.until.is_some() || sys::hear_all(&self.socket, true).is_ok())
        {
            self.until = Some(Instant::now() + ARMED);
        }
    }

    /// Takes what came since the last look.
    pub fn drain(&mut self) {
        let Some(until) = self.until else { return };
        let now = Instant::now();
        let mut buffer = [0; SNAP];
        for _ in 0..AT_ONCE {
            match rustix::net::recv(&self.socket, &mut buffer, RecvFlags::DONTWAIT) {
                Ok((length, _)) => self.hear(now, buffer.get(..length).unwrap_or_default()),
                Err(Errno::INTR | Errno::NOBUFS) => {}
                Err(_) => break,
            }
        }
        if self.listen == Listen::WhenArmed && now > until && sys::hear_all(&self.socket, false).is_ok() {
            self.until = None;
        }
    }

    /// The reset that came this way a moment ago with the number `next` (RFC 9293 RCV.NXT), else the
    /// newest; and how many came after it, each with a number further ahead.
    pub fn reset(&mut self, from: SocketAddr, to: SocketAddr, next: Option<u32>) -> Option<(&Segment, u32)> {
        self.drain();
        let now = Instant::now();
        let mut recent = self
            .resets
            .iter()
            .filter(|(at, way, _)| *way == (from, to) && now.saturating_duration_since(*at) < TOGETHER)
            .map(|(.., segment)| segment);
        let exact = recent.clone().position(|segment| Some(segment.seq) == next);
        let Some(exact) = exact else {
            return recent.next_back().map(|segment| (segment, 0));
        };
        let mut burst = recent.skip(exact);
        let first = burst.next()?;
        let (mut ahead, mut guesses) = (first.seq, 0);
        for segment in burst {
            if segment.seq.wrapping_sub(ahead).cast_signed() > 0 {
                (ahead, guesses) = (segment.seq, guesses + 1);
            }
        }
        Some((first, guesses))
    }

    /// TTL or hop limit of the handshake that came this way.
    pub fn opening(&self, from: SocketAddr, to: SocketAddr) -> Option<u8> {
        self.openings.get(&(from, to)).copied()
    }

    fn hear(&mut self, now: Instant, packet: &[u8]) {
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let Ok(decoded) = whyreset_wire::decode(LinkType::RAW, packet, length) else {
            return;
        };
        let Transport::Tcp(tcp) = &decoded.transport else {
            return;
        };
        let way = (
            SocketAddr::new(decoded.ip.source, tcp.source_port),
            SocketAddr::new(decoded.ip.destination, tcp.destination_port),
        );
        let flags = Flags(u8::try_from(tcp.flags.0 & 0x3f).unwrap_or(0));
        if flags.has(Flags::SYN) {
            if self.openings.insert(way, decoded.ip.hop_limit).is_none() {
                self.order.push_back(way);
            }
            if self.order.len() > OPENINGS
                && let Some(oldest) = self.order.pop_front()
            {
                self.openings.remove(&oldest);
            }
        } else if flags.has(Flags::RST) {
            if self.resets.len() >= RESETS {
                self.resets.pop_front();
            }
            let segment = Segment {
                flags,
                seq: tcp.seq,
                ack: tcp.ack,
                len: 0,
                window: tcp.window,
                ttl: decoded.ip.hop_limit,
                payload: Vec::new(),
            };
            self.resets.push_back((now, way, segment));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_and_resets_are_kept_by_their_way() {
        let mut tap = Tap {
            socket: rustix::net::socket(
                rustix::net::AddressFamily::UNIX,
                rustix::net::SocketType::DGRAM,
                None,
            )
            .unwrap(),
            listen: Listen::Always,
            until: None,
            openings: HashMap::new(),
            order: VecDeque::new(),
            resets: VecDeque::new(),
        };
        let packet = |flags: u8, ttl: u8| {
            let mut bytes = vec![
                0x45, 0, 0, 40, 0, 9, 0x40, 0, ttl, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 0x9c, 0x40,
            ];
            bytes.extend([0, 0, 0, 7, 0, 0, 0, 8, 0x50, flags, 0, 9, 0, 0, 0, 0]);
            bytes
        };
        let (server, client) = ("10.0.0.1:80".parse().unwrap(), "10.0.0.2:40000".parse().unwrap());
        tap.hear(Instant::now(), &packet(0x12, 63));
        tap.hear(Instant::now(), &packet(0x04, 36));
        assert_eq!(tap.opening(server, client), Some(63));
        assert_eq!(tap.opening(client, server), None);
        let (reset, guesses) = tap.reset(server, client, None).unwrap();
        assert_eq!((reset.ttl, reset.seq, reset.window, guesses), (36, 7, 9, 0));
        for cut in 0..40 {
            tap.hear(Instant::now(), &packet(0x04, 36)[..cut]);
        }
        assert_eq!(tap.resets.len(), 1, "a packet that is cut is no reset");
        for seq in [7_u32, 1_467, 4_387] {
            let mut guess = packet(0x04, 36);
            guess[24..28].copy_from_slice(&seq.to_be_bytes());
            tap.hear(Instant::now(), &guess);
        }
        let (reset, guesses) = tap.reset(server, client, Some(7)).unwrap();
        assert_eq!((reset.seq, guesses), (7, 2));
    }
}

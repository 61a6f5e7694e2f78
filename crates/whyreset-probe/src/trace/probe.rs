//! One TTL-limited segment and everything that comes back for it: a SYN, or the first data of an
//! established connection. The kernel's own TCP sends them, so that they are what a client sends.
//! Refuses to leave a connection open behind it.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use whyreset_wire::IcmpKind;

use super::change::{self, Change};
use super::tap::{Seen, Shape, Tap};
use crate::connect;
use crate::line::Stop;
use crate::outcome::End;

/// How long an answer may take; the kernel's own second SYN goes after one second.
const ANSWER: Duration = Duration::from_millis(900);
/// What else may come after the first answer: forged segments race with real ones.
const MORE: Duration = Duration::from_millis(60);
/// Answers to one segment that are kept: a storm is counted no further.
const MOST: usize = 32;

/// What came back for one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// ICMP: its TTL was used up at this router.
    Expired {
        /// The router.
        from: IpAddr,
        /// TTL with which the complaint arrived.
        ttl: u8,
        /// What the path had changed until there.
        changes: Vec<Change>,
    },
    /// ICMP: any other error.
    Refused {
        /// Who says so.
        from: IpAddr,
        /// What.
        kind: IcmpKind,
    },
    /// A RST in the target's name.
    Reset(Shape),
    /// The target's SYN-ACK.
    SynAck(Shape),
    /// The target took the data.
    Taken(Shape),
}

/// Which segment is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// A SYN.
    Syn,
    /// These bytes, in an established connection.
    Data(&'a [u8]),
}

/// Sends one with this TTL, and hears what comes.
///
/// # Errors
/// No connection could be had for the data, and what became of it.
pub fn send(
    tap: &Tap,
    target: SocketAddr,
    what: What<'_>,
    ttl: u8,
    stop: Stop<'_>,
) -> Result<Vec<Answer>, End> {
    match what {
        What::Syn => {
            let socket = start(target, ttl).map_err(|error| End::Failed(error.to_string()))?;
            let port = port_of(&socket)?;
            let answers = hear(tap, port, None, stop);
            // Whatever was opened is closed with a TTL that gets there.
            _ = set_ttl(&socket, target, 64);
            Ok(answers)
        }
        What::Data(bytes) => {
            let line = connect::one(target, Duration::from_secs(5), stop)?;
            let port = line.local.port();
            let sent = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let mut line = line;
            let failed = |error: std::io::Error| End::Failed(error.to_string());
            // What the handshake left behind is not an answer to the data.
            tap.drain();
            set_ttl(line.socket(), target, ttl).map_err(failed)?;
            line.write(bytes).map_err(|_| End::Reset { after_fin: false })?;
            let answers = hear(tap, port, Some(sent), stop);
            _ = set_ttl(line.socket(), target, 64);
            // The target never got the data, or is not to work on it: an abort says so.
            _ = line.socket().set_linger(Some(Duration::ZERO));
            Ok(answers)
        }
    }
}

/// Hears what comes for this port until it is enough.
fn hear(tap: &Tap, port: u16, data: Option<u32>, stop: Stop<'_>) -> Vec<Answer> {
    // The first one, and what the kernel sends again.
    let mut sent: Vec<Vec<u8>> = Vec::new();
    let mut answers: Vec<Answer> = Vec::new();
    let mut deadline = Instant::now() + ANSWER;
    while !stop() && answers.len() < MOST {
        // A storm is not heard for longer than silence.
        if Instant::now() >= deadline {
            break;
        }
        let Some(seen) = tap.next(deadline) else { break };
        if seen.port() != port {
            continue;
        }
        let answer = match seen {
            Seen::Sent { bytes, .. } => {
                if sent.len() < MOST {
                    sent.push(bytes);
                }
                continue;
            }
            Seen::Icmp {
                from,
                ttl,
                kind: IcmpKind::TimeExceeded,
                quote,
                ..
            } => Answer::Expired {
                from,
                ttl,
                changes: change::of_any(&sent, &quote),
            },
            Seen::Icmp { from, kind, .. } => Answer::Refused { from, kind },
            Seen::Reset { shape, .. } => Answer::Reset(shape),
            Seen::SynAck { shape, .. } if data.is_none() => Answer::SynAck(shape),
            Seen::SynAck { .. } => continue,
            Seen::Segment { shape, acks, .. } => {
                let before = sent.first().and_then(|bytes| change::sequence(bytes));
                let due = before.zip(data).map(|(seq, len)| seq.wrapping_add(len));
                // A segment that acknowledges less was under way before.
                let takes = due.is_some_and(|due| acks.wrapping_sub(due) < 1 << 31);
                if !takes || answers.iter().any(|answer| matches!(answer, Answer::Taken(_))) {
                    continue;
                }
                Answer::Taken(shape)
            }
        };
        if answers.is_empty() {
            deadline = Instant::now() + MORE;
        }
        if !answers.contains(&answer) {
            answers.push(answer);
        }
    }
    answers
}

fn start(target: SocketAddr, ttl: u8) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    set_ttl(&socket, target, ttl)?;
    match socket.connect(&SockAddr::from(target)) {
        Err(error) if Errno::from_io_error(&error) != Some(Errno::INPROGRESS) => {
            // Refused at once, on this very host: what it was told is on the tap.
            if Errno::from_io_error(&error) == Some(Errno::CONNREFUSED) {
                Ok(socket)
            } else {
                Err(error)
            }
        }
        _ => Ok(socket),
    }
}

fn port_of(socket: &Socket) -> Result<u16, End> {
    let local = socket.local_addr().ok().and_then(|local| local.as_socket());
    local
        .map(|local| local.port())
        .ok_or_else(|| End::Failed("this host gave the connection no port".to_owned()))
}

fn set_ttl(socket: &Socket, target: SocketAddr, ttl: u8) -> std::io::Result<()> {
    if target.is_ipv6() {
        socket.set_unicast_hops_v6(ttl.into())
    } else {
        socket.set_ttl_v4(ttl.into())
    }
}

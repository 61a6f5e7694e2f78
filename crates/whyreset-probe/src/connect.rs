//! Connects as a careful client does (Happy Eyeballs, RFC 8305): the addresses one after the
//! other, 250 ms apart, until one answers. Keeps what became of each. Refuses to send anything.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::info::Icmp;
use crate::line::{Line, Stop};
use crate::outcome::{Attempt, End};
use crate::sys;

/// RFC 8305 §8, Connection Attempt Delay.
const STEP: Duration = Duration::from_millis(250);
/// Longest time between two looks at the clock.
const LOOK_UP: Duration = Duration::from_millis(50);

/// One handshake under way.
struct Racer {
    address: SocketAddr,
    local: Option<SocketAddr>,
    socket: Option<Socket>,
    begun: Instant,
    took: Duration,
    end: Option<End>,
}

/// The connection, where there is one, and what became of each address that was tried.
pub struct Raced {
    /// The connection.
    pub line: Option<Line>,
    /// Each address, in the order in which it was started.
    pub attempts: Vec<Attempt>,
}

/// Tries these addresses, each for `patience` at most.
pub fn race(addresses: &[SocketAddr], patience: Duration, stop: Stop<'_>) -> Raced {
    let start = Instant::now();
    let mut racers: Vec<Racer> = Vec::new();
    let mut waiting = addresses.iter();
    let mut next = start;
    loop {
        let racing = racers.iter().any(|racer| racer.end.is_none());
        // The next one starts at once where nobody is under way any more.
        if (!racing || Instant::now() >= next)
            && let Some(&address) = waiting.next()
        {
            racers.push(Racer::start(address));
            next = Instant::now() + STEP;
            continue;
        }
        if !racing || stop() {
            break;
        }
        wait(&racers);
        for racer in racers.iter_mut().filter(|racer| racer.end.is_none()) {
            racer.look(patience);
        }
        if racers.iter().any(|racer| racer.end == Some(End::Open)) {
            break;
        }
    }
    let mut line = None;
    let attempts = racers
        .into_iter()
        .map(|mut racer| {
            let end = racer.end.unwrap_or_else(|| {
                racer.took = racer.begun.elapsed();
                End::GivenUp
            });
            if end == End::Open && line.is_none() {
                line = racer.socket.and_then(|socket| Line::open(socket, racer.address));
            }
            Attempt {
                address: racer.address,
                local: racer.local,
                started: racer.begun.saturating_duration_since(start),
                took: racer.took,
                end,
            }
        })
        .collect();
    Raced { line, attempts }
}

/// Connects to one address.
///
/// # Errors
/// What became of it instead.
pub fn one(address: SocketAddr, patience: Duration, stop: Stop<'_>) -> Result<Line, End> {
    let raced = race(&[address], patience, stop);
    let end = raced.attempts.first().map(|attempt| attempt.end.clone());
    raced.line.ok_or_else(|| end.unwrap_or(End::GivenUp))
}

fn wait(racers: &[Racer]) {
    let mut asked: Vec<PollFd<'_>> = racers
        .iter()
        .filter(|racer| racer.end.is_none())
        .filter_map(|racer| racer.socket.as_ref())
        .map(|socket| PollFd::new(socket, PollFlags::OUT))
        .collect();
    let limit = rustix::event::Timespec::try_from(LOOK_UP).ok();
    // A signal that interrupts is looked at by the caller.
    _ = rustix::event::poll(&mut asked, limit.as_ref());
}

impl Racer {
    fn start(address: SocketAddr) -> Self {
        let begun = Instant::now();
        let mut racer = Self {
            address,
            local: None,
            socket: None,
            begun,
            took: Duration::ZERO,
            end: None,
        };
        match begin(address) {
            Ok(socket) => {
                // A refused socket forgets its own name.
                racer.local = socket.local_addr().ok().and_then(|local| local.as_socket());
                racer.socket = Some(socket);
            }
            Err(error) => racer.finish(&error),
        }
        racer
    }

    fn look(&mut self, patience: Duration) {
        let Some(socket) = &self.socket else { return };
        let mut asked = [PollFd::new(socket, PollFlags::OUT)];
        let ready = rustix::event::poll(&mut asked, Some(&rustix::event::Timespec::default()));
        if ready == Ok(0) || ready == Err(Errno::INTR) {
            if self.begun.elapsed() >= patience {
                self.took = self.begun.elapsed();
                self.end = Some(End::Silent);
            }
            return;
        }
        match socket.take_error() {
            Ok(None) => {
                self.took = self.begun.elapsed();
                self.end = Some(End::Open);
            }
            Ok(Some(error)) | Err(error) => self.finish(&error),
        }
    }

    fn finish(&mut self, error: &io::Error) {
        self.took = self.begun.elapsed();
        let icmp = self.socket.as_ref().and_then(Icmp::last_of);
        let number = Errno::from_io_error(error);
        self.end = Some(match (icmp, number) {
            (Some(icmp), _) => End::RefusedByIcmp(icmp),
            (None, Some(Errno::CONNREFUSED)) => End::Refused,
            (None, Some(Errno::TIMEDOUT)) => End::Silent,
            (None, Some(Errno::CONNRESET)) => End::Reset { after_fin: false },
            _ => End::Failed(error.to_string()),
        });
    }
}

fn begin(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    sys::keep_icmp(&socket, address.is_ipv6(), true)?;
    match socket.connect(&SockAddr::from(address)) {
        Ok(()) => Ok(socket),
        Err(error) if Errno::from_io_error(&error) == Some(Errno::INPROGRESS) => Ok(socket),
        // Nothing is under way, and nothing but the error is of use.
        Err(error) => Err(error),
    }
}

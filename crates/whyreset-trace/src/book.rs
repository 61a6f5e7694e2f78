//! What is known of each socket of the command, and what became of it: at the few calls that are told,
//! the kernel is asked for the socket as it is. Refuses to say why it failed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant, SystemTime};

use whyreset_evidence::{Errno, Process, Side, TcpState, Timestamp};
use whyreset_probe::End;

use crate::decide::{self, Found};
use crate::failure::{Failure, How, Known, Own, Stage};
use crate::look::{self, Kind, Look};

/// Sockets that are remembered; of more, the oldest give way.
const MOST: usize = 16_384;
/// A wake of SIGPIPE belongs to a socket that is closed this shortly after.
const PIPE: Duration = Duration::from_secs(10);

/// What was seen of a socket before.
#[derive(Clone, Debug)]
pub(crate) struct Sock {
    pub side: Option<Side>,
    pub unix: bool,
    pub local: Option<SocketAddr>,
    pub peer: Option<SocketAddr>,
    pub began: Instant,
    /// Whether connect() or accept() was seen, so that `began` is the connection's age.
    pub born: bool,
    /// connect() has not been seen to succeed.
    pub pending: bool,
    /// shutdown() of the sending direction.
    pub shut: bool,
    pub error: Option<Errno>,
    pub told: bool,
}

/// The process at whose call this is.
pub(crate) struct At<'a> {
    pub tgid: i32,
    pub pidfd: &'a OwnedFd,
    pub process: &'a Process,
    /// The call, by its name.
    pub call: &'static str,
}

/// What connect() was given.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    pub since: Instant,
    pub family: Option<i32>,
    pub address: Option<SocketAddr>,
}

/// All sockets of the command.
#[derive(Default)]
pub(crate) struct Book {
    socks: HashMap<u64, Sock>,
    pipes: HashMap<i32, Instant>,
}

impl Book {
    /// connect() came back, called at `since`. What it was given tells the rest: the socket itself is
    /// asked only where it failed.
    pub fn connected(&mut self, at: &At<'_>, fd: u64, given: Given, result: i64) -> Option<Failure> {
        let error = i32::try_from(-result).ok().filter(|&number| number > 0);
        let inode = look::inode(at.tgid, fd)?;
        let again = matches!(
            error,
            Some(libc::EALREADY | libc::EISCONN | libc::EINTR | libc::EAGAIN)
        );
        if again && self.socks.contains_key(&inode) {
            if error == Some(libc::EISCONN) {
                self.socks.entry(inode).and_modify(|sock| sock.pending = false);
            }
            return None;
        }
        let mut sock = match self.socks.remove(&inode) {
            // The second connect() of a program that asks so for the result of the first.
            Some(known) if known.pending && !known.told => known,
            _ => Sock {
                began: given.since,
                ..Sock::born(Side::Client)
            },
        };
        sock.unix = given.family == Some(libc::AF_UNIX);
        sock.peer = given.address.or(sock.peer);
        sock.pending = error.is_some();
        let failed = error.filter(|&number| !again && number != libc::EINPROGRESS);
        let Some(number) = failed else {
            self.keep(inode, sock);
            return None;
        };
        if sock.unix {
            return None;
        }
        let look = Look::at(at.pidfd, fd)?;
        if look.kind() != Some(Kind::Tcp) {
            return None;
        }
        let mut found = Found {
            tcp: look.tcp()?,
            errno: Some((look::errno(number), Known::Returned)),
            letting_go: false,
            alone: false,
            last_error: false,
        };
        let how = decide::of(&sock, &found)?;
        sock.told = true;
        let failure = told(at, &sock, &mut found, how, &look);
        self.keep(inode, sock);
        Some(failure)
    }

    /// accept() gave this descriptor.
    pub fn accepted(&mut self, at: &At<'_>, fd: u64) {
        let Some(inode) = look::inode(at.tgid, fd) else {
            return;
        };
        let Some(look) = Look::at(at.pidfd, fd) else {
            return;
        };
        let (local, peer) = look.addresses();
        let sock = Sock {
            unix: peer.is_none() && look.kind() == Some(Kind::Unix),
            local,
            peer,
            ..Sock::born(Side::Server)
        };
        self.keep(inode, sock);
    }

    /// Whether getsockopt(SO_ERROR), which is about to be made, will tell of an error.
    pub fn will_tell(&mut self, at: &At<'_>, fd: u64) -> bool {
        let Some(look) = Look::at(at.pidfd, fd) else {
            return true;
        };
        if look.is_writable() {
            let inode = look::inode(at.tgid, fd);
            if let Some(sock) = inode.and_then(|inode| self.socks.get_mut(&inode)) {
                sock.pending = false;
            }
            return false;
        }
        look.has_error()
    }

    /// connect() is about to be made with AF_UNSPEC: an abort, where there is a connection.
    pub fn disconnecting(&mut self, at: &At<'_>, fd: u64) -> Option<Failure> {
        let inode = look::inode(at.tgid, fd)?;
        let sock = self
            .socks
            .get(&inode)
            .filter(|sock| !sock.told && !sock.unix)?
            .clone();
        let look = Look::at(at.pidfd, fd)?;
        let tcp = look.tcp()?;
        if !tcp.info.state.is_synchronised() {
            return None;
        }
        let mut found = Found {
            tcp,
            errno: None,
            letting_go: true,
            alone: true,
            last_error: false,
        };
        self.socks.remove(&inode);
        Some(told(at, &sock, &mut found, How::Own(Own::Disconnect), &look))
    }

    /// shutdown() is about to be made.
    pub fn shutting(&mut self, at: &At<'_>, fd: u64, how: u64) {
        if how == 0 {
            return;
        }
        let inode = look::inode(at.tgid, fd);
        if let Some(sock) = inode.and_then(|inode| self.socks.get_mut(&inode)) {
            sock.shut = true;
        }
    }

    /// A call gave this error, or getsockopt(SO_ERROR) told it.
    pub fn errored(&mut self, at: &At<'_>, fd: u64, number: i32) -> Option<Failure> {
        let inode = look::inode(at.tgid, fd)?;
        let errno = look::errno(number);
        if self.socks.get(&inode).is_some_and(|sock| sock.told) {
            return None;
        }
        let look = Look::at(at.pidfd, fd)?;
        let mut sock = self.socks.get(&inode).cloned().unwrap_or_else(Sock::unborn);
        sock.error = Some(errno);
        let failure = match look.kind()? {
            Kind::Unix => matches!(errno, Errno::ConnReset | Errno::Pipe).then(|| unix(at, &sock, errno)),
            Kind::Tcp => {
                let mut found = Found {
                    tcp: look.tcp()?,
                    errno: Some((errno, Known::Returned)),
                    letting_go: false,
                    alone: false,
                    last_error: false,
                };
                decide::of(&sock, &found).map(|how| told(at, &sock, &mut found, how, &look))
            }
        };
        sock.told = failure.is_some();
        self.keep(inode, sock);
        failure
    }

    /// SIGPIPE is about to be delivered to this process.
    pub fn broken_pipe(&mut self, tgid: i32) {
        self.pipes.insert(tgid, Instant::now());
    }

    /// The process is about to let go of a descriptor. `alone` tells whether no other descriptor leads
    /// to the same socket; it is asked only where that matters.
    pub fn letting_go(
        &mut self,
        at: &At<'_>,
        (fd, inode): (u64, u64),
        alone: &dyn Fn(u64) -> bool,
    ) -> Option<Failure> {
        let known = self.socks.get(&inode);
        if known.is_some_and(|sock| sock.told || sock.unix) {
            return None;
        }
        let look = Look::at(at.pidfd, fd)?;
        let sock = known.cloned().unwrap_or_else(Sock::unborn);
        let tcp = look.tcp()?;
        let mut found = Found {
            tcp,
            errno: None,
            letting_go: true,
            alone: false,
            last_error: false,
        };
        if !decide::is_of_interest(&sock, &found) {
            return None;
        }
        found.alone = alone(inode);
        if look::is_gone(found.tcp.info.state) {
            found.last_error = look.has_error();
            found.errno = if found.last_error && found.alone {
                look.take_error().map(|errno| (errno, Known::Left))
            } else {
                self.pipes
                    .remove(&at.tgid)
                    .filter(|when| !sock.shut && when.elapsed() < PIPE)
                    .map(|_| (Errno::Pipe, Known::Returned))
            };
        }
        let how = decide::of(&sock, &found)?;
        found.errno = found.errno.or_else(|| decide::inferred(&sock, &found, &how));
        let failure = told(at, &sock, &mut found, how, &look);
        let mut sock = sock;
        sock.told = true;
        self.keep(inode, sock);
        Some(failure)
    }

    /// Whether this is an AF_UNIX connection that is followed.
    pub fn is_unix(&self, inode: u64) -> bool {
        self.socks.get(&inode).is_some_and(|sock| sock.unix)
    }

    /// Nothing leads to this socket any more.
    pub fn forget(&mut self, inode: u64) {
        self.socks.remove(&inode);
    }

    fn keep(&mut self, inode: u64, sock: Sock) {
        if self.socks.len() >= MOST
            && let Some(oldest) = self.socks.iter().min_by_key(|(_, sock)| sock.began)
        {
            let oldest = *oldest.0;
            self.socks.remove(&oldest);
        }
        self.socks.insert(inode, sock);
    }
}

impl Sock {
    fn born(side: Side) -> Self {
        Self {
            side: Some(side),
            born: true,
            ..Self::unborn()
        }
    }

    /// It came from elsewhere: inherited, or sent by another process.
    fn unborn() -> Self {
        Self {
            side: None,
            unix: false,
            local: None,
            peer: None,
            began: Instant::now(),
            born: false,
            pending: false,
            shut: false,
            error: None,
            told: false,
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(since.map_or(0, |span| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
}

fn told(at: &At<'_>, sock: &Sock, found: &mut Found, how: How, look: &Look) -> Failure {
    (found.tcp.local, found.tcp.peer) = look.addresses();
    let (side, flow) = decide::ends(sock, found);
    let info = &found.tcp.info;
    let (sent, received) = decide::bytes(found);
    let (user_timeout, keepalive) = look.timers();
    Failure {
        at: now(),
        process: at.process.clone(),
        side,
        flow,
        stage: decide::stage(sock, found, &how),
        errno: found.errno,
        how,
        call: at.call,
        sent,
        acked: decide::acked(found),
        received,
        unread: found.tcp.unread,
        lingers_zero: found.tcp.lingers_zero,
        user_timeout,
        keepalive,
        shut: sock.shut,
        age: sock.born.then(|| sock.began.elapsed()),
        silence: decide::silence(sock, found),
        info: info.clone(),
    }
}

fn unix(at: &At<'_>, sock: &Sock, errno: Errno) -> Failure {
    Failure {
        at: now(),
        process: at.process.clone(),
        side: None,
        flow: None,
        how: How::Unix,
        errno: Some((errno, Known::Returned)),
        call: at.call,
        stage: Stage::Open,
        sent: 0,
        acked: 0,
        received: 0,
        unread: 0,
        lingers_zero: false,
        user_timeout: Duration::ZERO,
        keepalive: false,
        shut: sock.shut,
        age: sock.born.then(|| sock.began.elapsed()),
        silence: None,
        info: whyreset_probe::TcpInfo::default(),
    }
}

/// What a probe would call this error.
pub(crate) fn end_of(errno: Errno) -> Option<End> {
    Some(match errno {
        Errno::ConnReset => End::Reset { after_fin: false },
        Errno::Pipe => End::Reset { after_fin: true },
        Errno::ConnRefused => End::Refused,
        Errno::TimedOut => End::Silent,
        Errno::ConnAborted => {
            End::Failed("something on this host ended the connection (ss -K, SOCK_DESTROY)".to_owned())
        }
        Errno::HostUnreach => {
            End::Failed("no route to the host: no neighbour answers for it, or a router says so".to_owned())
        }
        Errno::NetUnreach => End::Failed(
            "the network is unreachable: no route of this host leads there, or a router says so".to_owned(),
        ),
        Errno::Other(_) => return None,
    })
}

/// Whether a state still belongs to a connection that this program may end.
pub(crate) const fn is_open(state: TcpState) -> bool {
    matches!(
        state,
        TcpState::Established | TcpState::CloseWait | TcpState::FinWait1 | TcpState::FinWait2
    )
}

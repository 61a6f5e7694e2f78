//! One look at a socket of a stopped process, through a duplicate of its descriptor that is closed
//! before the process goes on. Refuses to change the socket, but for taking an error that its
//! program leaves behind.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdGetfdFlags, pidfd_getfd};
use socket2::{Domain, Protocol, SockRef, Type};
use whyreset_evidence::{Errno, TcpState};
use whyreset_probe::TcpInfo;

/// What kind of socket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp,
    /// A stream or a sequence of packets between processes of one host.
    Unix,
}

/// A socket at one moment.
pub(crate) struct Look {
    duplicate: OwnedFd,
}

/// What TCP tells of it.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    pub info: TcpInfo,
    pub local: Option<SocketAddr>,
    pub peer: Option<SocketAddr>,
    /// Received and never read, bytes.
    pub unread: u64,
    /// SO_LINGER is on with a timeout of 0.
    pub lingers_zero: bool,
}

/// The inode of the socket that a descriptor leads to; `None` where it leads elsewhere.
pub(crate) fn inode(tgid: i32, fd: u64) -> Option<u64> {
    inode_of(&fs::read_link(format!("/proc/{tgid}/fd/{fd}")).ok()?)
}

fn inode_of(link: &Path) -> Option<u64> {
    let word = link.as_os_str().to_str()?;
    word.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The sockets of a process: descriptor and inode.
pub(crate) fn sockets(tgid: i32) -> Vec<(u64, u64)> {
    let Ok(folder) = fs::read_dir(format!("/proc/{tgid}/fd")) else {
        return Vec::new();
    };
    let one = |entry: fs::DirEntry| {
        let fd = entry.file_name().to_str()?.parse().ok()?;
        Some((fd, inode_of(&fs::read_link(entry.path()).ok()?)?))
    };
    folder.flatten().filter_map(one).collect()
}

impl Look {
    /// Takes the duplicate.
    pub fn at(process: &OwnedFd, fd: u64) -> Option<Self> {
        let fd = i32::try_from(fd).ok()?;
        let duplicate = pidfd_getfd(process, fd, PidfdGetfdFlags::empty()).ok()?;
        Some(Self { duplicate })
    }

    /// What kind of socket it is; `None` where it is no stream that can be reset.
    pub fn kind(&self) -> Option<Kind> {
        let socket = SockRef::from(&self.duplicate);
        match (socket.domain().ok()?, socket.protocol().ok()?) {
            (Domain::IPV4 | Domain::IPV6, Some(Protocol::TCP | Protocol::MPTCP)) => Some(Kind::Tcp),
            (Domain::UNIX, _) => {
                let stream = socket.r#type().ok()?;
                (stream == Type::STREAM || stream == Type::SEQPACKET).then_some(Kind::Unix)
            }
            _ => None,
        }
    }

    /// What TCP tells, but for the addresses; `None` where the socket is not TCP's.
    pub fn tcp(&self) -> Option<Tcp> {
        let info = TcpInfo::of(&self.duplicate)?;
        let linger = SockRef::from(&self.duplicate).linger().ok().flatten();
        Some(Tcp {
            info,
            local: None,
            peer: None,
            unread: rustix::io::ioctl_fionread(&self.duplicate).unwrap_or(0),
            lingers_zero: linger.is_some_and(|span| span.is_zero()),
        })
    }

    /// Its two addresses, ours first.
    pub fn addresses(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        let socket = SockRef::from(&self.duplicate);
        let ip = |address: socket2::SockAddr| address.as_socket();
        (
            socket.local_addr().ok().and_then(ip),
            socket.peer_addr().ok().and_then(ip),
        )
    }

    /// TCP_USER_TIMEOUT, zero where there is none, and whether SO_KEEPALIVE is on.
    pub fn timers(&self) -> (Duration, bool) {
        let socket = SockRef::from(&self.duplicate);
        let user = socket.tcp_user_timeout().ok().flatten();
        (user.unwrap_or_default(), socket.keepalive().unwrap_or(false))
    }

    /// connect() has succeeded, and no error waits.
    pub fn is_writable(&self) -> bool {
        let found = self.polled(PollFlags::OUT);
        found.contains(PollFlags::OUT) && !found.intersects(PollFlags::ERR | PollFlags::HUP)
    }

    /// An error waits that nobody has taken.
    pub fn has_error(&self) -> bool {
        self.polled(PollFlags::empty()).contains(PollFlags::ERR)
    }

    fn polled(&self, flags: PollFlags) -> PollFlags {
        let mut asked = [PollFd::new(&self.duplicate, flags)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        match poll(&mut asked, Some(&now)) {
            Ok(_) => asked[0].revents(),
            Err(_) => PollFlags::empty(),
        }
    }

    /// Takes the error that waits: only where the program lets go of the socket.
    pub fn take_error(&self) -> Option<Errno> {
        let error = SockRef::from(&self.duplicate).take_error().ok()??;
        Some(errno(error.raw_os_error()?))
    }
}

/// From a call's own number.
pub(crate) fn errno(number: i32) -> Errno {
    Errno::from_number(u16::try_from(number).unwrap_or(0))
}

/// The connection is over, and no FIN of the other end alone has ended it.
pub(crate) const fn is_gone(state: TcpState) -> bool {
    matches!(state, TcpState::Close)
}

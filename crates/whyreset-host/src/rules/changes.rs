//! Word from nftables that its rules have changed (NFNLGRP_NFTABLES), and when: a thread of its own
//! listens, so that who is busy with other things still learns the time. Refuses to say what changed.

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::SystemTime;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use whyreset_evidence::Timestamp;

/// `NFNLGRP_NFTABLES` as a bit.
const NFTABLES: u32 = 1 << 6;

/// An open ear in one network namespace.
#[derive(Debug)]
pub struct Changes(UnixStream);

impl Changes {
    /// Listens in the calling thread's namespace; `None` where the kernel refuses.
    pub fn listen() -> Option<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            Some(netlink::NETFILTER),
        )
        .ok()?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, NFTABLES)).ok()?;
        let (here, there) = UnixStream::pair().ok()?;
        here.set_nonblocking(true).ok()?;
        let listener = std::thread::Builder::new().name("changes".to_owned());
        listener.spawn(move || hear(&socket, there)).ok()?;
        Some(Self(here))
    }

    /// When the first and when the last change came since this was last asked.
    pub fn heard(&self) -> Option<(Timestamp, Timestamp)> {
        let mut heard = None;
        let mut time = [0; 8];
        // The other end writes whole times.
        while (&self.0).read_exact(&mut time).is_ok() {
            let time = Timestamp(u64::from_ne_bytes(time));
            heard = Some((heard.map_or(time, |(first, _)| first), time));
        }
        heard
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Passes on when changes come, until nobody wants to know.
fn hear(socket: &OwnedFd, mut out: UnixStream) {
    loop {
        let mut fds = [
            PollFd::new(socket, PollFlags::IN),
            PollFd::new(&out, PollFlags::empty()),
        ];
        let polled = poll(&mut fds, None);
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let time = time.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
        let [change, end] = fds.map(|fd| !fd.revents().is_empty());
        if end || !matches!(polled, Ok(_) | Err(Errno::INTR)) {
            return;
        }
        if change && drain(socket) && out.write_all(&time.to_ne_bytes()).is_err() {
            return;
        }
    }
}

/// Takes all that has come; whether anything had.
fn drain(socket: &OwnedFd) -> bool {
    let mut any = false;
    loop {
        // Of a message only that it came counts.
        match rustix::net::recv(socket, &mut [0_u8; 16], RecvFlags::DONTWAIT | RecvFlags::TRUNC) {
            Ok(_) | Err(Errno::NOBUFS) => any = true,
            Err(Errno::INTR) => {}
            Err(_) => return any,
        }
    }
}

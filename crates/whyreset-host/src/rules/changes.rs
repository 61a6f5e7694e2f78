//! Word from nftables that its rules have changed (NFNLGRP_NFTABLES). Refuses to say what changed.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};

/// `NFNLGRP_NFTABLES` as a bit.
const NFTABLES: u32 = 1 << 6;

/// An open ear in one network namespace.
#[derive(Debug)]
pub struct Changes(OwnedFd);

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
        Some(Self(socket))
    }

    /// Whether anything has changed since this was last asked.
    pub fn heard(&self) -> bool {
        let mut heard = false;
        loop {
            // Of a message only that it came counts.
            match rustix::net::recv(&self.0, &mut [0_u8; 16], RecvFlags::DONTWAIT | RecvFlags::TRUNC) {
                Ok(_) | Err(Errno::NOBUFS) => heard = true,
                Err(Errno::INTR) => {}
                Err(_) => return heard,
            }
        }
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

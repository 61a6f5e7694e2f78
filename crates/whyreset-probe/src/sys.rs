//! The few socket calls for which no safe wrapper exists. Refuses to hold anything else.
#![expect(unsafe_code, reason = "kernel interfaces without a safe wrapper")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// `struct tcp_info` as the kernel fills it, cut to what this kernel knows.
pub fn tcp_info(socket: impl AsFd) -> io::Result<Vec<u8>> {
    info(socket, libc::IPPROTO_TCP, libc::TCP_INFO)
}

/// `struct mptcp_info` (linux/mptcp.h), cut likewise; an error where the socket is not Multipath TCP's.
pub fn mptcp_info(socket: impl AsFd) -> io::Result<Vec<u8>> {
    const SOL_MPTCP: i32 = 284;
    const MPTCP_INFO: i32 = 1;
    info(socket, SOL_MPTCP, MPTCP_INFO)
}

fn info(socket: impl AsFd, level: i32, name: i32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0_u8; 512];
    let mut length = socklen(bytes.len());
    // SAFETY: the pointer and the length describe one live buffer; the kernel writes no more than
    // that and tells how much.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            bytes.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    bytes.truncate(usize::try_from(length).unwrap_or_default());
    Ok(bytes)
}

/// Has the kernel keep the ICMP errors that this socket's segments draw (IP_RECVERR).
pub fn keep_icmp(socket: impl AsFd, v6: bool, on: bool) -> io::Result<()> {
    let (level, name) = if v6 {
        (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
    } else {
        (libc::IPPROTO_IP, libc::IP_RECVERR)
    };
    let value = i32::from(on);
    // SAFETY: the pointer and the length describe one live i32, which the kernel only reads.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            socklen(size_of::<i32>()),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The next kept error: the bytes of its `struct sock_extended_err`, with the address of who
/// complained behind it; `None` where there is none.
pub fn kept_error(socket: impl AsFd) -> io::Result<Option<Vec<u8>>> {
    /// Aligned as control messages must be.
    #[repr(align(8))]
    struct Room([u8; 512]);
    let mut payload = [0_u8; 1];
    let mut room = Room([0; 512]);
    let mut part = libc::iovec {
        iov_base: payload.as_mut_ptr().cast(),
        iov_len: payload.len(),
    };
    // SAFETY: all-zero is a valid `msghdr`: null pointers and zero lengths.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = room.0.as_mut_ptr().cast();
    message.msg_controllen = room.0.len();
    // SAFETY: the message points at live buffers of the lengths that stand in it.
    let result = unsafe {
        libc::recvmsg(
            socket.as_fd().as_raw_fd(),
            &raw mut message,
            libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT,
        )
    };
    if result < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::WouldBlock {
            Ok(None)
        } else {
            Err(error)
        };
    }
    // SAFETY: the kernel filled in the control buffer and its length; the macros stay within it.
    let mut head = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    while !head.is_null() {
        // SAFETY: the macros gave a header that lies within the buffer.
        let (level, kind, length) = unsafe { ((*head).cmsg_level, (*head).cmsg_type, (*head).cmsg_len) };
        if matches!(
            (level, kind),
            (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
        ) {
            // SAFETY: the data of this message lies within the buffer, which outlives the copy;
            // its length is what the header says less the header's own.
            let data = unsafe {
                let start = libc::CMSG_DATA(head);
                let before = start.offset_from(head.cast::<u8>());
                let length = length.saturating_sub(usize::try_from(before).unwrap_or(length));
                std::slice::from_raw_parts(start, length).to_vec()
            };
            return Ok(Some(data));
        }
        // SAFETY: as above: both arguments are the kernel's.
        head = unsafe { libc::CMSG_NXTHDR(&raw const message, head) };
    }
    Ok(None)
}

fn socklen(length: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(length).unwrap_or_default()
}

//! The one place of this crate where the compiler cannot check: calls into the C library.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use socket2::{Domain, SockAddr, SockFilter, SockRef, Socket, Type};

/// Gives the memory that reading BTF took back to the system, so that the watcher stays small.
pub fn return_free_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim takes no pointer and may be called at any time from any thread.
    #[expect(unsafe_code, reason = "there is no safe binding of malloc_trim")]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// A packet socket that is deaf until [`hear_all`], and then sees the network layer's start of SYNs
/// and resets that come in. Needs CAP_NET_RAW.
pub fn packet_socket() -> io::Result<OwnedFd> {
    // linux/if_packet.h; in Linux since 4.20. Older kernels show what goes out as well, which is
    // found by its way and never asked for.
    const PACKET_IGNORE_OUTGOING: i32 = 23;
    let socket = Socket::new(Domain::PACKET, Type::DGRAM.nonblocking().cloexec(), None)?;
    socket.attach_filter(&openings_and_resets())?;
    let socket = socket.into();
    switch_on(&socket, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING);
    Ok(socket)
}

/// Sets an option of a socket to 1; an older kernel may not have it.
fn switch_on(socket: &OwnedFd, level: i32, name: i32) {
    let value: i32 = 1;
    // SAFETY: the pointer and the length describe one live i32, which the kernel only reads.
    #[expect(unsafe_code, reason = "there is no safe binding of these options")]
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            libc::socklen_t::try_from(size_of::<i32>()).unwrap_or_default(),
        );
    }
}

/// `PACKET_OUTGOING` (linux/if_packet.h): this host sent it.
pub const PACKET_OUTGOING: u8 = 4;

/// A packet socket that sees the network layer's start of all TCP segments and ICMP messages, both
/// ways. Needs CAP_NET_RAW.
pub fn stream_socket() -> io::Result<OwnedFd> {
    /// Bytes that may wait between two looks.
    const BUFFER: usize = 16 << 20;
    let socket = Socket::new(Domain::PACKET, Type::DGRAM.nonblocking().cloexec(), None)?;
    socket.attach_filter(&tcp_and_icmp())?;
    let socket: OwnedFd = socket.into();
    // Without the right to more the kernel's own limit holds.
    _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, BUFFER);
    switch_on(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS);
    hear_all(&socket, true)?;
    Ok(socket)
}

/// Takes one packet: its length, which may be more than fits, its kind (`sll_pkttype`) and when it
/// passed, nanoseconds since the epoch; 0 where the kernel did not say.
pub fn receive_packet(socket: &OwnedFd, buffer: &mut [u8]) -> Option<(usize, u8, u64)> {
    // SAFETY: all-zero is a valid value of these plain C structures.
    #[expect(unsafe_code, reason = "plain C structures without a constructor")]
    let (mut address, mut message): (libc::sockaddr_ll, libc::msghdr) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    let mut control = [0u64; 8];
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    message.msg_name = (&raw mut address).cast();
    message.msg_namelen = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).ok()?;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: every pointer of the message leads to something that lives for the call, and its length
    // stands beside it; the kernel writes no further.
    #[expect(unsafe_code, reason = "no safe binding gives a packet's address and time")]
    let got = unsafe {
        libc::recvmsg(
            socket.as_raw_fd(),
            &raw mut message,
            libc::MSG_DONTWAIT | libc::MSG_TRUNC,
        )
    };
    let length = usize::try_from(got).ok()?;
    Some((length, address.sll_pkttype, stamp(&message)))
}

/// The time that the kernel noted (`SO_TIMESTAMPNS`).
fn stamp(message: &libc::msghdr) -> u64 {
    // SAFETY: the message was filled by recvmsg() a moment ago and its control buffer lives; the macro
    // gives a pointer into it, or none.
    #[expect(unsafe_code, reason = "the C library's own way through a control message")]
    let noted = unsafe {
        let first = libc::CMSG_FIRSTHDR(&raw const *message);
        if first.is_null()
            || (*first).cmsg_level != libc::SOL_SOCKET
            || (*first).cmsg_type != libc::SCM_TIMESTAMPNS
        {
            return 0;
        }
        libc::CMSG_DATA(first).cast::<libc::timespec>().read_unaligned()
    };
    let seconds = u64::try_from(noted.tv_sec).unwrap_or(0);
    let fraction = u64::try_from(noted.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(fraction)
}

/// Packets that were dropped since the last call because the socket's buffer was full.
pub fn lost_packets(socket: &OwnedFd) -> u64 {
    let mut statistics = [0u32; 2];
    let mut length = libc::socklen_t::try_from(size_of_val(&statistics)).unwrap_or_default();
    // SAFETY: the pointer and the length describe one live tpacket_stats (two u32), which the kernel
    // fills.
    #[expect(unsafe_code, reason = "there is no safe binding of this option")]
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            statistics.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result == 0 { statistics[1].into() } else { 0 }
}

/// Makes a packet socket hear every protocol, or one that nobody speaks; needs no right.
pub fn hear_all(socket: &OwnedFd, hear: bool) -> io::Result<()> {
    let protocol = if hear {
        libc::ETH_P_ALL
    } else {
        libc::ETH_P_LOOPBACK
    };
    let protocol = u16::try_from(protocol).unwrap_or_default().to_be();
    // SAFETY: the storage is zeroed and large enough for a sockaddr_ll, whose fields are plain
    // integers; the length written is that of the structure.
    #[expect(unsafe_code, reason = "there is no safe constructor of a sockaddr_ll")]
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, length| {
            let address = &mut *storage.cast::<libc::sockaddr_ll>();
            address.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or_default();
            address.sll_protocol = protocol;
            *length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).unwrap_or_default();
            Ok(())
        })
    }?;
    SockRef::from(socket).bind(&address)
}

/// TCP over IPv4 or IPv6 with SYN or RST set, no later fragments; 160 bytes of each.
fn openings_and_resets() -> [SockFilter; 16] {
    const HALF_AT: u16 = 0x28; // BPF_LD | BPF_H | BPF_ABS
    const BYTE_AT: u16 = 0x30; // BPF_LD | BPF_B | BPF_ABS
    const BYTE_AT_X: u16 = 0x50; // BPF_LD | BPF_B | BPF_IND
    const HEADER_TO_X: u16 = 0xb1; // BPF_LDX | BPF_B | BPF_MSH
    const EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const ANY_BIT: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    /// `SKF_AD_OFF + SKF_AD_PROTOCOL`
    const PROTOCOL: u32 = 0xffff_f000;
    const IPV4: u32 = 0x0800;
    const IPV6: u32 = 0x86dd;
    const TCP: u32 = 6;
    const SYN_OR_RST: u32 = 0x06;
    [
        SockFilter::new(HALF_AT, 0, 0, PROTOCOL),
        SockFilter::new(EQUAL, 0, 7, IPV4),
        SockFilter::new(BYTE_AT, 0, 0, 9),
        SockFilter::new(EQUAL, 0, 11, TCP),
        SockFilter::new(HALF_AT, 0, 0, 6),
        SockFilter::new(ANY_BIT, 9, 0, 0x1fff),
        SockFilter::new(HEADER_TO_X, 0, 0, 0),
        SockFilter::new(BYTE_AT_X, 0, 0, 13),
        SockFilter::new(ANY_BIT, 5, 6, SYN_OR_RST),
        SockFilter::new(EQUAL, 0, 5, IPV6),
        SockFilter::new(BYTE_AT, 0, 0, 6),
        SockFilter::new(EQUAL, 0, 3, TCP),
        SockFilter::new(BYTE_AT, 0, 0, 53),
        SockFilter::new(ANY_BIT, 0, 1, SYN_OR_RST),
        SockFilter::new(RETURN, 0, 0, 160),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// TCP, and ICMP of both kinds, over IPv4 or IPv6.
fn tcp_and_icmp() -> [SockFilter; 11] {
    const HALF_AT: u16 = 0x28; // BPF_LD | BPF_H | BPF_ABS
    const BYTE_AT: u16 = 0x30; // BPF_LD | BPF_B | BPF_ABS
    const EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    /// `SKF_AD_OFF + SKF_AD_PROTOCOL`
    const PROTOCOL: u32 = 0xffff_f000;
    [
        SockFilter::new(HALF_AT, 0, 0, PROTOCOL),
        SockFilter::new(EQUAL, 0, 3, 0x0800),
        SockFilter::new(BYTE_AT, 0, 0, 9),
        SockFilter::new(EQUAL, 5, 0, 6),
        SockFilter::new(EQUAL, 4, 5, 1),
        SockFilter::new(EQUAL, 0, 4, 0x86dd),
        SockFilter::new(BYTE_AT, 0, 0, 6),
        SockFilter::new(EQUAL, 1, 0, 6),
        SockFilter::new(EQUAL, 0, 1, 58),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

// SAFETY: Tuple is made of integers alone, without padding, and any bytes are one.
#[expect(unsafe_code, reason = "aya asks for this promise of a map's key")]
unsafe impl aya::Pod for crate::abi::Tuple {}

// SAFETY: Filtered is made of integers alone, without padding, and any bytes are one.
#[expect(unsafe_code, reason = "aya asks for this promise of a map's value")]
unsafe impl aya::Pod for crate::abi::Filtered {}

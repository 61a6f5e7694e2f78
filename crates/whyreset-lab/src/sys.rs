//! The few calls for which no safe wrapper exists. Refuses to hold anything else.
#![expect(unsafe_code, reason = "kernel interfaces without a safe wrapper")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::Signal;
use socket2::SockAddr;

/// Puts the calling thread into a new, empty network namespace.
pub fn unshare_network() -> io::Result<()> {
    // SAFETY: only CLONE_NEWNET is asked for; the table of file descriptors stays shared, which is
    // what `unshare_unsafe` warns of.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }?;
    Ok(())
}

/// Ends the program that `command` starts when the calling thread ends, however that happens: else
/// it could go on making things after those who clean up have looked (prctl(2), PR_SET_PDEATHSIG).
pub fn ends_with_us(command: &mut Command) -> &mut Command {
    let us = rustix::process::getpid();
    let promise = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // Who lost its parent before it could promise would never be told.
        if rustix::process::getppid() == Some(us) {
            Ok(())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    };
    // SAFETY: between fork and exec it makes two system calls and neither allocates nor locks.
    unsafe { command.pre_exec(promise) }
}

/// Lets the program that `command` starts inherit its standard streams and `lent`, nothing else: what
/// another run of this process lends at the same time would take up numbers that a program with a
/// tight limit of file descriptors needs (close_range(2); before Linux 5.11 all is inherited).
pub fn inherits_only(command: &mut Command, lent: Vec<RawFd>) -> &mut Command {
    let promise = move || {
        // SAFETY: three integers, and no descriptor is closed before exec.
        let _ = unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
        for fd in &lent {
            // SAFETY: the lender keeps it open until the program has been started.
            let fd = unsafe { BorrowedFd::borrow_raw(*fd) };
            rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty())?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec it makes system calls and neither allocates nor locks.
    unsafe { command.pre_exec(promise) }
}

/// Sets TCP_LINGER2: seconds that an orphan waits in FIN_WAIT2; negative means not at all.
pub fn set_linger2(socket: impl AsFd, seconds: i32) -> io::Result<()> {
    set_int(socket, libc::IPPROTO_TCP, libc::TCP_LINGER2, seconds)
}

/// Makes a packet socket see only what comes in, so that loopback does not show all twice.
pub fn ignore_outgoing(socket: impl AsFd) -> io::Result<()> {
    // linux/if_packet.h; in Linux since 4.20.
    const PACKET_IGNORE_OUTGOING: i32 = 23;
    set_int(socket, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
}

fn set_int(socket: impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: the pointer and the length describe one live i32, which the kernel only reads.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            libc::socklen_t::try_from(size_of::<i32>()).unwrap_or_default(),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Address of an interface for a packet socket (packet(7)), for all protocols.
pub fn packet_address(interface: i32) -> io::Result<SockAddr> {
    // SAFETY: the storage is zeroed and large enough for a sockaddr_ll, whose fields are plain
    // integers; the length written is that of the structure.
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, length| {
            let address = &mut *storage.cast::<libc::sockaddr_ll>();
            address.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or_default();
            address.sll_protocol = all_protocols();
            address.sll_ifindex = interface;
            *length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).unwrap_or_default();
            Ok(())
        })
    }?;
    Ok(address)
}

/// ETH_P_ALL in network byte order.
pub fn all_protocols() -> u16 {
    u16::try_from(libc::ETH_P_ALL).unwrap_or_default().to_be()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;
    use std::process::Command;

    use rustix::fs::{MemfdFlags, memfd_create};

    use super::inherits_only;

    #[test]
    fn a_program_inherits_what_is_lent_alone() {
        let lent = memfd_create("lent", MemfdFlags::CLOEXEC).unwrap();
        let kept = memfd_create("kept", MemfdFlags::empty()).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "readlink /proc/$$/fd/* | grep -o 'memfd:[a-z]*'"]);
        let output = inherits_only(&mut command, vec![lent.as_raw_fd()])
            .output()
            .unwrap();
        drop(kept);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "memfd:lent\n");
    }
}

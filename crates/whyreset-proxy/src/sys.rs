//! The one socket question for which no safe wrapper exists. Refuses to hold anything else.
#![expect(unsafe_code, reason = "a kernel interface without a safe wrapper")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Bytes that were written to this socket and that its other end has not acknowledged (SIOCOUTQ).
pub fn unacknowledged(socket: impl AsFd) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the kernel writes one int through this pointer to a live one.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result == 0 {
        Ok(usize::try_from(bytes).unwrap_or_default())
    } else {
        Err(io::Error::last_os_error())
    }
}

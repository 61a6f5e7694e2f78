//! The system calls that concern a connection, by this machine's numbers.

/// A call, by what it does to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Connect,
    /// sendto() that connects as it sends.
    FastOpen,
    Accept,
    Close,
    /// dup2() and dup3(): the second descriptor is closed before it is a copy.
    Dup,
    /// dup() and fcntl(F_DUPFD).
    Copy,
    CloseRange,
    Shutdown,
    SocketError,
    Transfer,
    Ring,
    Other,
}

impl Call {
    pub fn of(number: i64) -> Self {
        #[cfg(target_arch = "x86_64")]
        if number == libc::SYS_dup2 {
            return Self::Dup;
        }
        match number {
            libc::SYS_connect => Self::Connect,
            libc::SYS_accept | libc::SYS_accept4 => Self::Accept,
            libc::SYS_close => Self::Close,
            libc::SYS_dup3 => Self::Dup,
            libc::SYS_dup | libc::SYS_fcntl => Self::Copy,
            libc::SYS_close_range => Self::CloseRange,
            libc::SYS_shutdown => Self::Shutdown,
            libc::SYS_getsockopt => Self::SocketError,
            libc::SYS_io_uring_setup => Self::Ring,
            libc::SYS_read
            | libc::SYS_write
            | libc::SYS_readv
            | libc::SYS_writev
            | libc::SYS_recvfrom
            | libc::SYS_recvmsg
            | libc::SYS_sendto
            | libc::SYS_sendmsg
            | libc::SYS_sendfile => Self::Transfer,
            _ => Self::Other,
        }
    }

    /// What the filter tells of is a transfer only where it connects.
    pub fn told(self) -> Self {
        if self == Self::Transfer {
            Self::FastOpen
        } else {
            self
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::FastOpen => "sendto",
            Self::Accept => "accept",
            _ => "connect",
        }
    }
}

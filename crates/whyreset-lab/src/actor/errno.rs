//! Names of the errors that sockets give. Refuses to name others: they keep their number.

use rustix::io::Errno;

const NAMES: [(Errno, &str); 14] = [
    (Errno::CONNRESET, "ECONNRESET"),
    (Errno::CONNREFUSED, "ECONNREFUSED"),
    (Errno::CONNABORTED, "ECONNABORTED"),
    (Errno::PIPE, "EPIPE"),
    (Errno::TIMEDOUT, "ETIMEDOUT"),
    (Errno::HOSTUNREACH, "EHOSTUNREACH"),
    (Errno::NETUNREACH, "ENETUNREACH"),
    (Errno::NOTCONN, "ENOTCONN"),
    (Errno::ADDRINUSE, "EADDRINUSE"),
    (Errno::ADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (Errno::AGAIN, "EAGAIN"),
    (Errno::INVAL, "EINVAL"),
    (Errno::PERM, "EPERM"),
    (Errno::PROTONOSUPPORT, "EPROTONOSUPPORT"),
];

/// `ECONNRESET` for 104; `errno 999` where the number is none of a socket's usual ones.
pub(super) fn name_of(error: &std::io::Error) -> String {
    let Some(number) = error.raw_os_error() else {
        return error.to_string().replace(' ', "-");
    };
    NAMES
        .iter()
        .find(|(errno, _)| errno.raw_os_error() == number)
        .map_or_else(|| format!("errno-{number}"), |(_, name)| (*name).to_owned())
}

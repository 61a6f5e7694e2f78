//! Windows: Winsock's numbers and their system texts, in whichever program.

use super::End::{Close, Own, Refused, Reset, Timeout};
use super::likely::{NO_ANSWER, PROBES, READ_RESET, REFUSED, SILENCE};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "windows",
    name: "Windows (Winsock)",
    handling: Handling {
        retry: "only what is idempotent and was not answered; 10061 is always safe to repeat, 10054 and 10053 are not by themselves",
        pool: "the library's own idle limit below the server's or the box's",
        alive: "SO_KEEPALIVE with SIO_KEEPALIVE_VALS, or TCP_KEEPIDLE (Windows 10 1709 and later); the default is two hours",
        stop: "`shutdown(SD_SEND)`, recv to 0, `closesocket`; closing with unread data or SO_LINGER 0 resets",
    },
    messages: &[
        Message {
            id: "windows-10054",
            says: &[
                "10054",
                "wsaeconnreset",
                "forcibly closed by the remote host",
                "forcibly closed",
                "network name is no longer available",
            ],
            example: "[WinError 10054] An existing connection was forcibly closed by the remote host",
            errno: "ECONNRESET (104)",
            socket: "a reset came for an open connection (completion ports: ERROR_NETNAME_DELETED, 64)",
            can: &[(
                Reset,
                "always for TCP; for UDP an ICMP port unreachable gives it too",
            )],
            not: "not necessarily the remote program's doing, in spite of its words",
            likely: &READ_RESET,
        },
        Message {
            id: "windows-10053",
            says: &[
                "(10053)",
                "winerror 10053",
                "wsaeconnaborted",
                "aborted by the software in your host machine",
            ],
            example: "An established connection was aborted by the software in your host machine (10053)",
            errno: "ECONNABORTED (103)",
            socket: "Windows itself gave the connection up: unacknowledged data, or software on this machine (anti-virus, VPN, firewall); also a write after a reset had come",
            can: &[
                (Own, "local software"),
                (Timeout, "retransmissions unanswered"),
                (Reset, "a second write after one"),
            ],
            not: "not proof that the program itself closed",
            likely: &[&SILENCE, &PROBES, &super::likely::LATE_WRITE],
        },
        Message {
            id: "windows-10061",
            says: &["(10061)", "winerror 10061", "wsaeconnrefused", "actively refused"],
            example: "No connection could be made because the target machine actively refused it (10061)",
            errno: "ECONNREFUSED (111)",
            socket: "a reset answered the SYN; Windows tries three times within about two seconds before it says so",
            can: &[(Refused, "always")],
            not: "not a crash in mid-life: nothing had been accepted yet",
            likely: &REFUSED,
        },
        Message {
            id: "windows-10060",
            says: &[
                "(10060)",
                "winerror 10060",
                "wsaetimedout",
                "did not properly respond after a period of time",
            ],
            example: "A connection attempt failed because the connected party did not properly respond after a period of time (10060)",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "no answer to the SYN (about 21 s), or data never acknowledged",
            can: &[(Timeout, "the kernel's")],
            not: "not a reset",
            likely: &NO_ANSWER,
        },
        Message {
            id: "windows-10058",
            says: &["(10058)", "winerror 10058", "wsaeshutdown"],
            example: "A request to send or receive data was disallowed because the socket had already been shut down (10058)",
            errno: "EPIPE (32)",
            socket: "this program had called shutdown() in that direction",
            can: &[(Own, "always"), (Close, "never by the other end's FIN alone")],
            not: "not the other end's doing",
            likely: &[],
        },
    ],
};

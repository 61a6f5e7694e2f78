//! OpenSSH: client and server.

use super::End::{Above, Close, Refused, Reset, Timeout};
use super::likely::{
    CHECK, FIREWALL, FORGOTTEN, GAVE_UP, IDLE, INJECTED, KILLED, LATE_WRITE, NAT, NO_LISTENER, OVERFLOW,
    PROBES, REJECTED, SILENCE, WRONG,
};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "openssh",
    name: "OpenSSH",
    handling: Handling {
        retry: "before the login everything is safe to repeat (`ConnectionAttempts`); a command may have run",
        pool: "`ControlMaster auto`, `ControlPersist` for many sessions; server: `MaxStartups 100:30:200`, `PerSourceMaxStartups`, `PerSourcePenaltyExemptList` (9.8 and later)",
        alive: "`ServerAliveInterval 30`, `ServerAliveCountMax 3` at the client, `ClientAliveInterval` at the server, below the idle limit of every box between",
        stop: "`~.` or exit; sshd keeps running sessions when it is restarted",
    },
    messages: &[
        Message {
            id: "ssh-kex-reset",
            says: &[
                "kex_exchange_identification: read: connection reset",
                "ssh_exchange_identification: read: connection reset",
                "kex_exchange_identification: write",
            ],
            example: "kex_exchange_identification: read: Connection reset by peer",
            errno: "ECONNRESET (104)",
            socket: "the TCP connection stood, and a reset came before sshd's banner: sshd closed with this client's banner unread, or something answered for it",
            can: &[(Reset, "always")],
            not: "not a matter of keys or passwords: nothing had been offered yet",
            likely: &[&REJECTED, &FIREWALL, &OVERFLOW, &INJECTED, &KILLED],
        },
        Message {
            id: "ssh-kex-closed",
            says: &[
                "kex_exchange_identification: connection closed",
                "ssh_exchange_identification: connection closed",
                "kex_exchange_identification: banner line",
            ],
            example: "kex_exchange_identification: Connection closed by remote host",
            errno: "none",
            socket: "end of file before sshd's banner: MaxStartups, PerSourcePenalties (9.8+), hosts.deny, a proxy without its backend",
            can: &[(Close, "always")],
            not: "not a matter of keys or passwords; the server's log says `drop connection` or `refused connect`",
            likely: &[&REJECTED, &KILLED, &WRONG],
        },
        Message {
            id: "ssh-banner-timeout",
            says: &["timed out during banner exchange", "banner exchange: connection"],
            example: "Connection timed out during banner exchange",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "connected, but no banner in `ConnectTimeout`: sshd overloaded, its queue full, or a box that accepts for it",
            can: &[
                (Timeout, "the program's clock"),
                (Above, "`invalid format`: no ssh server there"),
            ],
            not: "not a reset",
            likely: &[&OVERFLOW, &SILENCE, &WRONG],
        },
        Message {
            id: "ssh-send-disconnect",
            says: &[
                "client_loop: send disconnect",
                "packet_write_wait: connection to",
                "ssh_dispatch_run_fatal",
                "write failed: broken pipe",
            ],
            example: "client_loop: send disconnect: Broken pipe",
            errno: "EPIPE (32)",
            socket: "a write into a session that had ended while nobody looked",
            can: &[
                (Close, "`Broken pipe`: the server's FIN, then a reset"),
                (Reset, "`Connection reset by peer`"),
                (Timeout, "`Connection timed out`: nobody acknowledged"),
            ],
            not: "not the moment of the failure: the session died in the silence before",
            likely: &[&IDLE, &NAT, &KILLED, &FORGOTTEN, &LATE_WRITE],
        },
        Message {
            id: "ssh-alive-timeout",
            says: &[
                "timeout, server",
                "not responding",
                "timeout, client not responding",
            ],
            example: "Timeout, server 10.0.0.1 not responding.",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "ServerAliveCountMax (ClientAliveCountMax) heartbeats went unanswered",
            can: &[(Timeout, "ssh's own heartbeat")],
            not: "not a reset",
            likely: &[&SILENCE, &NAT, &PROBES],
        },
        Message {
            id: "sshd-preauth",
            says: &[
                "connection reset by*[preauth]",
                "connection closed by*[preauth]",
                "disconnected from*[preauth]",
                "did not receive identification string",
                "fatal: timeout before authentication",
            ],
            example: "sshd: Connection reset by 10.0.0.2 port 40022 [preauth]",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the client ended before it had logged in: `reset by` was a reset, `closed by` and `did not receive identification` a FIN",
            can: &[
                (Reset, "`Connection reset by`"),
                (Close, "`Connection closed by`"),
                (Timeout, "`Timeout before authentication` (LoginGraceTime)"),
            ],
            not: "not an attack by itself: health checks and scanners look the same",
            likely: &[&CHECK, &GAVE_UP],
        },
        Message {
            id: "ssh-closed-by",
            says: &[
                "connection to*closed by remote host",
                "closed by remote host",
                "connection closed by * port ",
            ],
            example: "Connection to 10.0.0.1 closed by remote host.",
            errno: "none",
            socket: "the session's connection ended in good order, without ssh's own goodbye",
            can: &[(Close, "always")],
            not: "not a reset",
            likely: &[&KILLED, &IDLE],
        },
        Message {
            id: "ssh-reset-by",
            says: &["connection reset by * port "],
            example: "Connection reset by 10.0.0.1 port 22",
            errno: "ECONNRESET (104)",
            socket: "read() returned ECONNRESET; at the client most often during the key exchange",
            can: &[(Reset, "always")],
            not: "not necessarily sshd's doing: a firewall or inspection can send it",
            likely: &[&REJECTED, &FIREWALL, &INJECTED, &KILLED, &FORGOTTEN],
        },
        Message {
            id: "ssh-connect-refused",
            says: &["ssh: connect to host*connection refused"],
            example: "ssh: connect to host 10.0.0.1 port 22: Connection refused",
            errno: "ECONNREFUSED (111)",
            socket: "connect(): a reset (or an ICMP message) answered the SYN",
            can: &[(Refused, "always")],
            not: "not a refused login",
            likely: &[&NO_LISTENER, &FIREWALL],
        },
    ],
};

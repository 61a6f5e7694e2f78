//! Rust: std, tokio, hyper and reqwest, rustls, tungstenite.

use super::End::{Close, Own, Refused, Reset, Timeout};
use super::likely::{CUT_SHORT, EARLY_END, NO_ANSWER, READ_RESET, REFUSED, WRITE_BROKEN};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "rust",
    name: "Rust",
    handling: Handling {
        retry: "`hyper::Error::is_incomplete_message()` on a reused connection and an idempotent request: once. hyper-util repeats by itself only what was never written (`retry_canceled_requests`). Ask `io::ErrorKind`, down the `source()` chain",
        pool: "idle time below the server's: hyper-util and reqwest `pool_idle_timeout` (90 s), `pool_max_idle_per_host(0)` to do without; sqlx and deadpool `idle_timeout`, `max_lifetime`, `test_before_acquire`",
        alive: "reqwest `tcp_keepalive`, `http2_keep_alive_interval`; tonic `http2_keep_alive_interval`, `keep_alive_while_idle`; socket2 `set_tcp_keepalive`",
        stop: "`axum::serve(..).with_graceful_shutdown(..)`, hyper-util `GracefulShutdown`; raw: `shutdown().await`, read to 0, drop; dropping a socket with unread bytes sends a reset; never `set_linger(Some(ZERO))`",
    },
    messages: &[
        Message {
            id: "hyper-incomplete-message",
            says: &["incompletemessage", "connection closed before message completed"],
            example: "hyper::Error(IncompleteMessage): connection closed before message completed",
            errno: "none",
            socket: "hyper read end of file before the answer's head was whole",
            can: &[(
                Close,
                "always; a reset is `connection error: Connection reset by peer (os error 104)`",
            )],
            not: "not a reset",
            likely: &EARLY_END,
        },
        Message {
            id: "rustls-no-close-notify",
            says: &["without sending tls close_notify"],
            example: "peer closed connection without sending TLS close_notify",
            errno: "none",
            socket: "a FIN without the TLS goodbye; whether data is missing only the protocol above can say",
            can: &[(Close, "always")],
            not: "not a reset, and often harmless",
            likely: &CUT_SHORT,
        },
        Message {
            id: "tungstenite-no-handshake",
            says: &["without closing handshake"],
            example: "WebSocket protocol error: Connection reset without closing handshake",
            errno: "none",
            socket: "tungstenite read end of file without a WebSocket close frame",
            can: &[
                (Close, "a FIN, in spite of its words"),
                (Reset, "io errors keep their own words"),
            ],
            not: "not proof of a reset: the word `reset` is tungstenite's own",
            likely: &CUT_SHORT,
        },
        Message {
            id: "rust-reset",
            says: &["(os error 104)", "kind: connectionreset", "code: 104"],
            example: "Os { code: 104, kind: ConnectionReset, message: \"Connection reset by peer\" }",
            errno: "ECONNRESET (104)",
            socket: "read() or write() returned ECONNRESET (io::ErrorKind::ConnectionReset)",
            can: &[
                (Reset, "with os error 104"),
                (Close, "a library may make the kind itself, without a number"),
            ],
            not: "not necessarily the other program's doing: its kernel, its host's death, or a box between can send it",
            likely: &READ_RESET,
        },
        Message {
            id: "rust-broken-pipe",
            says: &["(os error 32)", "kind: brokenpipe"],
            example: "Broken pipe (os error 32)",
            errno: "EPIPE (32)",
            socket: "write() on a connection whose other end had closed and whose reset had already come; printing into a closed pipe gives it too",
            can: &[
                (Close, "its FIN came first"),
                (Reset, "then a reset answered an earlier write"),
            ],
            not: "not the first sign: read() would have given 0 before",
            likely: &WRITE_BROKEN,
        },
        Message {
            id: "rust-refused",
            says: &["(os error 111)", "kind: connectionrefused"],
            example: "tcp connect error: Connection refused (os error 111)",
            errno: "ECONNREFUSED (111)",
            socket: "connect(): a reset (or an ICMP message) answered the SYN",
            can: &[(Refused, "always")],
            not: "not a crash in mid-life: nothing had been accepted yet",
            likely: &REFUSED,
        },
        Message {
            id: "rust-timeout",
            says: &[
                "(os error 110)",
                "kind: timedout",
                "deadline has elapsed",
                "operation timed out",
            ],
            example: "Connection timed out (os error 110)",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "os error 110: the kernel gave up; `deadline has elapsed` and reqwest's `operation timed out`: the program's clock",
            can: &[(Timeout, "the kernel's, or the program's own")],
            not: "not a reset",
            likely: &NO_ANSWER,
        },
        Message {
            id: "rust-eof",
            says: &[
                "kind: unexpectedeof",
                "failed to fill whole buffer",
                "early eof\"",
                "unexpected end of file",
            ],
            example: "Error { kind: UnexpectedEof, message: \"failed to fill whole buffer\" }",
            errno: "none",
            socket: "read_exact() met end of file",
            can: &[(Close, "always")],
            not: "not a reset",
            likely: &CUT_SHORT,
        },
        Message {
            id: "hyper-canceled",
            says: &[
                "operation was canceled: connection",
                "connection was not ready",
                "channel closed",
            ],
            example: "operation was canceled: connection closed",
            errno: "none",
            socket: "hyper's connection task had ended before the request was written",
            can: &[
                (Close, "the pool's connection had been closed"),
                (Own, "this program dropped the connection task"),
            ],
            not: "not a reset; nothing was sent, so a retry is safe",
            likely: &EARLY_END,
        },
    ],
};

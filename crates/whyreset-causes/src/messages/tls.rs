//! TLS libraries, in whichever program.

use super::End::{Above, Close, Reset};
use super::likely::{CUT_SHORT, IN_HANDSHAKE, LATE_WRITE, WRONG};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "tls",
    name: "TLS (OpenSSL and others)",
    handling: Handling {
        retry: "a failed handshake carried nothing: safe",
        pool: "sessions may be resumed; connections may not",
        alive: "TLS has none: TCP keep-alive, or the protocol's own heartbeat",
        stop: "SSL_shutdown() twice, or once and shutdown(SHUT_WR) and read to the end: closing with the other's close_notify or tickets unread resets. Write-only TLS 1.3 clients: `SSL_CTX_set_num_tickets(0)` at the server",
    },
    messages: &[
        Message {
            id: "tls-wrong-version",
            says: &[
                "wrong version number",
                "not an ssl/tls record",
                "http request\", ",
                "ssl routines::http request",
                "record overflow",
                "packet length too long",
            ],
            example: "error:0A00010B:SSL routines::wrong version number",
            errno: "none",
            socket: "what came is no TLS: one side speaks plain text",
            can: &[(
                Above,
                "a wrong port or protocol; closing with it unread sends a reset",
            )],
            not: "not a matter of TLS versions, in spite of the words",
            likely: &[&WRONG],
        },
        Message {
            id: "tls-syscall",
            says: &[
                "ssl_error_syscall",
                "during handshake",
                "ssl_connect",
                "handshake failed: eof",
                "tls handshake eof",
            ],
            example: "SSL_ERROR_SYSCALL",
            errno: "ECONNRESET or an unexpected end",
            socket: "the connection ended during the TLS handshake: wrong port or protocol, a server that drops the client hello, or a box that does not like the name in it",
            can: &[
                (Close, "SSL_ERROR_SYSCALL with errno 0: a FIN"),
                (Reset, "with errno 104"),
            ],
            not: "not a certificate problem: those have words of their own",
            likely: &IN_HANDSHAKE,
        },
        Message {
            id: "tls-unexpected-eof",
            says: &["unexpected eof while reading"],
            example: "error:0A000126:SSL routines::unexpected eof while reading",
            errno: "none",
            socket: "OpenSSL 3: a FIN without close_notify (1.1 said SSL_ERROR_SYSCALL, errno 0)",
            can: &[(Close, "always")],
            not: "not a reset; harmless where the protocol above was done",
            likely: &CUT_SHORT,
        },
        Message {
            id: "tls-after-shutdown",
            says: &[
                "shutdown while in init",
                "protocol is shutdown",
                "application data after close notify",
            ],
            example: "error:0A0000CF:SSL routines::protocol is shutdown",
            errno: "none",
            socket: "written after one's own, or read after the other's, close_notify",
            can: &[
                (Above, "a matter of order in this program"),
                (Reset, "may follow"),
            ],
            not: "not the network",
            likely: &[&LATE_WRITE],
        },
    ],
};

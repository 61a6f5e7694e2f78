//! Ruby: Socket, Net::HTTP, Faraday.

use super::End::{Close, Refused, Reset, Timeout};
use super::likely::{EARLY_END, NO_ANSWER, READ_RESET, REFUSED, WRITE_BROKEN};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "ruby",
    name: "Ruby",
    handling: Handling {
        retry: "Net::HTTP repeats idempotent requests once by itself (`max_retries`); faraday-retry with `methods:`; never repeat a POST without an idempotency key",
        pool: "`Net::HTTP#keep_alive_timeout` (2 s), net-http-persistent `idle_timeout` (5 s) below the server's; ActiveRecord `idle_timeout`, `reaping_frequency`",
        alive: "`setsockopt(:SOCKET, :KEEPALIVE, true)` with `TCP_KEEPIDLE`; `keepalives_idle` in database.yml",
        stop: "Puma: SIGTERM drains (`force_shutdown_after`), `persistent_timeout` (65 s since 7) above the balancer's; raw: `close_write`, read to nil, `close`",
    },
    messages: &[
        Message {
            id: "ruby-reset",
            says: &["errno::econnreset", "too many connection resets"],
            example: "Errno::ECONNRESET: Connection reset by peer",
            errno: "ECONNRESET (104)",
            socket: "read or write returned ECONNRESET",
            can: &[
                (Reset, "always"),
                (
                    Close,
                    "net-http-persistent counts ends of file among its `connection resets`",
                ),
            ],
            not: "not necessarily the other program's doing",
            likely: &READ_RESET,
        },
        Message {
            id: "ruby-eof",
            says: &["end of file reached", "eoferror: end of file"],
            example: "EOFError (end of file reached)",
            errno: "none",
            socket: "Net::HTTP read end of file where the answer should be",
            can: &[(Close, "always")],
            not: "not a reset",
            likely: &EARLY_END,
        },
        Message {
            id: "ruby-epipe",
            says: &["errno::epipe"],
            example: "Errno::EPIPE: Broken pipe",
            errno: "EPIPE (32)",
            socket: "write on a connection whose other end had closed and whose reset had already come",
            can: &[
                (Close, "its FIN came first"),
                (Reset, "then a reset answered an earlier write"),
            ],
            not: "not the first sign: a read would have given nil before",
            likely: &WRITE_BROKEN,
        },
        Message {
            id: "ruby-refused",
            says: &["errno::econnrefused", "failed to open tcp connection"],
            example: "Errno::ECONNREFUSED: Failed to open TCP connection to api:80 (Connection refused - connect(2))",
            errno: "ECONNREFUSED (111)",
            socket: "connect(): a reset (or an ICMP message) answered the SYN",
            can: &[
                (Refused, "with `Connection refused`"),
                (Timeout, "with `Net::OpenTimeout`"),
            ],
            not: "not a crash in mid-life: nothing had been accepted yet",
            likely: &REFUSED,
        },
        Message {
            id: "ruby-timeout",
            says: &[
                "net::readtimeout",
                "net::opentimeout",
                "errno::etimedout",
                "faraday::timeouterror",
            ],
            example: "Net::ReadTimeout with #<TCPSocket:(closed)>",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "the program's `read_timeout` or `open_timeout` (60 s), or the kernel's ETIMEDOUT",
            can: &[(Timeout, "the kernel's, or the program's own")],
            not: "not a reset",
            likely: &NO_ANSWER,
        },
    ],
};

//! PHP: streams, Guzzle, phpredis, PHP-FPM.

use super::End::{Close, Refused, Reset, Timeout};
use super::likely::{EARLY_END, REFUSED, SESSION_LOST, WRITE_BROKEN};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "php",
    name: "PHP",
    handling: Handling {
        retry: "Guzzle `Middleware::retry` on ConnectException (nothing was sent) freely; on RequestException for idempotent methods alone",
        pool: "persistent connections (`pfsockopen`, `PDO::ATTR_PERSISTENT`, `pconnect`) outlive the server's idle limit: close and open anew on error, or do without; `default_socket_timeout` (60 s)",
        alive: "phpredis `Redis::OPT_TCP_KEEPALIVE`; `stream_context` has none for plain streams",
        stop: "FPM: `process_control_timeout` above 0 so that SIGQUIT drains; `request_terminate_timeout` above the longest request",
    },
    messages: &[
        Message {
            id: "php-write-failed",
            says: &["failed with errno=32", "failed with errno=104"],
            example: "fwrite(): Send of 8192 bytes failed with errno=32 Broken pipe",
            errno: "ECONNRESET, EPIPE or none",
            socket: "send() returned the errno that is printed: 32 after the other end's FIN and reset, 104 after a reset alone",
            can: &[(Reset, "errno=104"), (Close, "errno=32: its FIN came first")],
            not: "not the first sign, for 32",
            likely: &WRITE_BROKEN,
        },
        Message {
            id: "phpredis-went-away",
            says: &[
                "redis server went away",
                "read error on connection",
                "redisexception: connection lost",
            ],
            example: "RedisException: read error on connection to 127.0.0.1:6379",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the connection ended, or `read_timeout` ran out: the words do not tell which",
            can: &[
                (Close, "Redis closed (`timeout`, maxclients)"),
                (Reset, "possible"),
                (Timeout, "the client's `read_timeout`"),
            ],
            not: "not proof of a reset",
            likely: &SESSION_LOST,
        },
        Message {
            id: "php-request-failed",
            says: &["http request failed!", "failed to open stream"],
            example: "file_get_contents(http://api/): Failed to open stream: HTTP request failed!",
            errno: "none",
            socket: "the stream ended before a status line",
            can: &[
                (Close, "as a rule"),
                (Refused, "where it ends `Connection refused`"),
                (Timeout, "`default_socket_timeout`"),
            ],
            not: "not proof of a reset",
            likely: &EARLY_END,
        },
        Message {
            id: "php-refused",
            says: &[
                "stream_socket_client(): unable to connect",
                "fsockopen(): unable to connect",
            ],
            example: "stream_socket_client(): Unable to connect to tcp://10.0.0.1:80 (Connection refused)",
            errno: "ECONNREFUSED (111)",
            socket: "connect() failed; the words in brackets say how",
            can: &[
                (Refused, "with `Connection refused`"),
                (Timeout, "with `Connection timed out`"),
            ],
            not: "not a crash in mid-life: nothing had been accepted yet",
            likely: &REFUSED,
        },
    ],
};

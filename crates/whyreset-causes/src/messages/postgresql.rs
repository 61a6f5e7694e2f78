//! PostgreSQL: libpq and what is built on it, pgJDBC, asyncpg, and the server's log.

use super::End::{Above, Close, Own, Refused, Reset, Timeout};
use super::likely::{
    CLIENT_LEFT, FIREWALL, IDLE, KILLED, NO_LISTENER, OOM, RESTART, SESSION_LOST, SILENCE, WRONG,
};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "postgresql",
    name: "PostgreSQL",
    handling: Handling {
        retry: "a whole transaction, from its BEGIN, and only if COMMIT had not been sent: after a lost COMMIT ask (`txid_status()`) before repeating",
        pool: "HikariCP `maxLifetime`, `keepaliveTime`; SQLAlchemy `pool_pre_ping=True`, `pool_recycle`; PgBouncer `server_idle_timeout`, `server_lifetime`; all below `idle_session_timeout` and every box's limit",
        alive: "libpq `keepalives_idle=30 keepalives_interval=10 keepalives_count=3 tcp_user_timeout=`, server `tcp_keepalives_idle`, `client_connection_check_interval`; pgJDBC `tcpKeepAlive=true`, `socketTimeout`",
        stop: "client: Terminate message (`PQfinish`, `close()`), not kill; server: `pg_ctl stop -m fast` tells clients first, `immediate` does not",
    },
    messages: &[
        Message {
            id: "pg-server-closed",
            says: &["server closed the connection unexpectedly"],
            example: "server closed the connection unexpectedly. This probably means the server terminated abnormally before or while processing the request.",
            errno: "ECONNRESET, EPIPE or none",
            socket: "libpq read end of file, or ECONNRESET / EPIPE, which it words the same way",
            can: &[
                (Close, "the backend ended, or an idle limit closed"),
                (
                    Reset,
                    "libpq words ECONNRESET and EPIPE of a read or write the same way",
                ),
            ],
            not: "not proof of a crash, in spite of its second line: an administrator, a limit or a proxy may have closed",
            likely: &SESSION_LOST,
        },
        Message {
            id: "pg-could-not-receive",
            says: &["could not receive data from server"],
            example: "could not receive data from server: Connection reset by peer",
            errno: "ECONNRESET (104)",
            socket: "recv() failed with the words that follow",
            can: &[
                (Reset, "`Connection reset by peer`"),
                (Timeout, "`Connection timed out` (keepalive, tcp_user_timeout)"),
            ],
            not: "not necessarily the server's doing",
            likely: &SESSION_LOST,
        },
        Message {
            id: "pg-tls-ended",
            says: &[
                "ssl syscall error: eof detected",
                "ssl connection has been closed unexpectedly",
                "ssl syscall error: connection reset",
            ],
            example: "SSL SYSCALL error: EOF detected",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the connection ended below TLS",
            can: &[
                (Close, "`EOF detected`, `closed unexpectedly`"),
                (Reset, "`Connection reset by peer`"),
            ],
            not: "not a TLS problem",
            likely: &SESSION_LOST,
        },
        Message {
            id: "pgjdbc-io-error",
            says: &[
                "an i/o error occurred while sending to the backend",
                "this connection has been closed",
                "psqlexception*08006",
            ],
            example: "org.postgresql.util.PSQLException: An I/O error occurred while sending to the backend. (SQLState 08006)",
            errno: "ECONNRESET, EPIPE or none",
            socket: "pgJDBC lost the connection; `Caused by:` names reset, EOF, time-out; `has been closed`: on a connection that had failed before",
            can: &[
                (Reset, "SocketException: Connection reset"),
                (Close, "EOFException"),
                (Timeout, "SocketTimeoutException (`socketTimeout`)"),
                (Own, "`has been closed`: the pool, or an earlier failure"),
            ],
            not: "not proof of a reset",
            likely: &SESSION_LOST,
        },
        Message {
            id: "asyncpg-closed",
            says: &[
                "connection was closed in the middle of operation",
                "connectiondoesnotexisterror",
            ],
            example: "asyncpg.exceptions.ConnectionDoesNotExistError: connection was closed in the middle of operation",
            errno: "ECONNRESET, EPIPE or none",
            socket: "asyncpg's transport was lost with a query under way",
            can: &[(Close, "a FIN"), (Reset, "as well")],
            not: "not proof of a reset",
            likely: &SESSION_LOST,
        },
        Message {
            id: "pg-client-reset",
            says: &[
                "could not receive data from client",
                "could not send data to client",
                "connection to client lost",
            ],
            example: "LOG:  could not receive data from client: Connection reset by peer",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the backend met the client's end: `reset by peer` a reset, `Broken pipe` a FIN before it; `connection to client lost` is the FATAL that follows",
            can: &[
                (Reset, "`Connection reset by peer`"),
                (Close, "`Broken pipe`"),
                (
                    Timeout,
                    "`Connection timed out` (tcp_keepalives, tcp_user_timeout)",
                ),
            ],
            not: "not the database's fault",
            likely: &CLIENT_LEFT,
        },
        Message {
            id: "pg-client-eof",
            says: &["unexpected eof on client connection"],
            example: "LOG:  unexpected EOF on client connection with an open transaction",
            errno: "none",
            socket: "the client's FIN without a Terminate message",
            can: &[(Close, "always")],
            not: "not a reset; the open transaction was rolled back",
            likely: &CLIENT_LEFT,
        },
        Message {
            id: "pg-terminated",
            says: &[
                "terminating connection due to",
                "terminating connection because",
                "the database system is shutting down",
            ],
            example: "FATAL:  terminating connection due to administrator command",
            errno: "none",
            socket: "the server says why and closes: an administrator, idle_session_timeout, idle_in_transaction_session_timeout, another backend's crash",
            can: &[
                (Close, "after the words"),
                (Reset, "to a query that was sent meanwhile"),
            ],
            not: "not the network",
            likely: &[&KILLED, &IDLE, &OOM, &RESTART],
        },
        Message {
            id: "pg-refused",
            says: &[
                "is the server running on that host and accepting",
                "is the server running locally and accepting",
                "connection to server at*connection refused",
            ],
            example: "connection to server at \"10.0.0.1\", port 5432 failed: Connection refused. Is the server running on that host and accepting TCP/IP connections?",
            errno: "ECONNREFUSED (111)",
            socket: "connect(): a reset (or an ICMP message) answered the SYN; `listen_addresses` is localhost by default",
            can: &[
                (Refused, "with `Connection refused`"),
                (Timeout, "with `timeout expired`"),
            ],
            not: "not pg_hba.conf: that refuses in words",
            likely: &[&NO_LISTENER, &FIREWALL, &SILENCE],
        },
        Message {
            id: "pg-invalid-packet",
            says: &[
                "invalid length of startup packet",
                "received invalid response to ssl negotiation",
                "incomplete startup packet",
            ],
            example: "LOG:  invalid length of startup packet",
            errno: "none",
            socket: "something else than a PostgreSQL client spoke (HTTP, TLS without negotiation, a health check)",
            can: &[
                (Close, "the server closes"),
                (Reset, "where bytes lay unread"),
                (Above, "a wrong protocol"),
            ],
            not: "not the network",
            likely: &[&WRONG, &super::likely::CHECK],
        },
    ],
};

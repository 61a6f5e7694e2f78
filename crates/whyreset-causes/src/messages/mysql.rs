//! MySQL and MariaDB: client libraries, Connector/J, the Go driver, and the server's log.

use super::End::{Above, Close, Own, Refused, Reset, Timeout};
use super::likely::{CLIENT_LEFT, FIREWALL, IDLE, KILLED, NO_LISTENER, OOM, REJECTED, SESSION_LOST, UNREAD};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "mysql",
    name: "MySQL, MariaDB",
    handling: Handling {
        retry: "2006 (`has gone away`) on the first statement after a pause is safe outside a transaction; 2013 (`during query`) is not: the statement may have run",
        pool: "below `wait_timeout` (8 h, often less): Go `SetConnMaxLifetime` (< 5 min recommended), HikariCP `maxLifetime`, SQLAlchemy `pool_recycle`, `pool_pre_ping`; `max_allowed_packet` on both sides",
        alive: "Connector/J `tcpKeepAlive=true`; `interactive_timeout`, `net_read_timeout`, `net_write_timeout`",
        stop: "COM_QUIT (`mysql_close`), else the server logs an aborted connection",
    },
    messages: &[
        Message {
            id: "mysql-handshake-lost",
            says: &[
                "reading initial communication packet",
                "reading authorization packet",
                "initial handshake",
            ],
            example: "ERROR 2013 (HY000): Lost connection to MySQL server at 'reading initial communication packet', system error: 104",
            errno: "ECONNRESET, EPIPE or none",
            socket: "connected, and the connection ended before the server's greeting; `system error: 104` is a reset, `0` an orderly end, `110` a time-out",
            can: &[
                (Reset, "system error: 104"),
                (Close, "system error: 0"),
                (Timeout, "system error: 110, or `connect_timeout`"),
            ],
            not: "not a wrong password: that is refused in words",
            likely: &[&REJECTED, &FIREWALL, &super::likely::OVERFLOW, &KILLED],
        },
        Message {
            id: "mysql-2006",
            says: &["server has gone away", "error 2006"],
            example: "ERROR 2006 (HY000): MySQL server has gone away",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the write of a statement met a connection that had ended: `wait_timeout`, a statement larger than `max_allowed_packet`, a restart",
            can: &[
                (Close, "`wait_timeout`, its FIN first"),
                (Reset, "a packet too large: closed with the rest unread"),
            ],
            not: "not proof that the server went away: it may only have closed this session",
            likely: &[&IDLE, &UNREAD, &KILLED, &OOM],
        },
        Message {
            id: "mysql-2013",
            says: &[
                "lost connection to mysql",
                "lost connection to server during query",
                "error 2013",
                "lost connection to",
            ],
            example: "ERROR 2013 (HY000): Lost connection to MySQL server during query",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the connection ended while the client waited for the answer",
            can: &[
                (Reset, "possible"),
                (Close, "possible"),
                (Timeout, "`net_read_timeout`, or the client's own"),
            ],
            not: "not proof of a reset; the statement may have run",
            likely: &[&KILLED, &OOM, &IDLE, &super::likely::NAT, &UNREAD],
        },
        Message {
            id: "mysql-jdbc-link",
            says: &[
                "communications link failure",
                "last packet successfully received from the server was",
            ],
            example: "com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure. The last packet successfully received from the server was 3,600,123 milliseconds ago.",
            errno: "ECONNRESET, EPIPE or none",
            socket: "Connector/J lost the connection; the milliseconds are its silence before, `Caused by:` names how",
            can: &[
                (Close, "EOFException: Can not read response"),
                (Reset, "SocketException: Connection reset"),
                (Refused, "ConnectException"),
                (Timeout, "SocketTimeoutException"),
            ],
            not: "not proof of a reset",
            likely: &SESSION_LOST,
        },
        Message {
            id: "mysql-protocol-lost",
            says: &[
                "protocol_connection_lost",
                "connection lost: the server closed the connection",
                "packets.go: unexpected eof",
                "driver: bad connection",
                "invalid connection\"",
            ],
            example: "Error: Connection lost: The server closed the connection. { code: 'PROTOCOL_CONNECTION_LOST' }",
            errno: "none",
            socket: "node's mysql, or Go's driver, read end of file",
            can: &[(Close, "always for these words")],
            not: "not a reset; with `wait_timeout` it is the ordinary end of an unused connection",
            likely: &SESSION_LOST,
        },
        Message {
            id: "mysqld-aborted",
            says: &[
                "aborted connection",
                "got an error reading communication packets",
                "got timeout reading communication packets",
                "got timeout writing communication packets",
            ],
            example: "Aborted connection 12 to db: 'app' user: 'u' host: '10.0.0.2' (Got an error reading communication packets)",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the server's log: the client ended without COM_QUIT (`error reading`), or was silent for `wait_timeout` (`timeout reading`)",
            can: &[
                (Close, "the client's FIN"),
                (Reset, "its reset"),
                (Timeout, "`timeout reading`"),
                (Own, "then the server closes"),
            ],
            not: "not the server's fault",
            likely: &CLIENT_LEFT,
        },
        Message {
            id: "mysql-blocked",
            says: &[
                "is blocked because of many connection errors",
                "too many connections",
            ],
            example: "ERROR 1040 (HY000): Too many connections",
            errno: "none",
            socket: "the server says why and closes",
            can: &[(Close, "after the words"), (Above, "a limit")],
            not: "not the network",
            likely: &[&REJECTED],
        },
        Message {
            id: "mysql-2003",
            says: &[
                "can't connect to mysql server",
                "can't connect to server on",
                "error 2003",
                "error 2002",
            ],
            example: "ERROR 2003 (HY000): Can't connect to MySQL server on '10.0.0.1:3306' (111)",
            errno: "ECONNREFUSED, as a rule",
            socket: "connect() failed with the number in brackets",
            can: &[(Refused, "(111), 10061"), (Timeout, "(110), 10060")],
            not: "not a wrong password",
            likely: &[&NO_LISTENER, &FIREWALL],
        },
    ],
};

//! Redis and Valkey: clients and the server's log.

use super::End::{Above, Close, Own, Refused, Reset, Timeout};
use super::likely::{
    CLIENT_LEFT, FIREWALL, IDLE, KILLED, NO_LISTENER, REJECTED, SESSION_LOST, STALE_POOL, WRONG,
};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "redis",
    name: "Redis",
    handling: Handling {
        retry: "reads and idempotent writes (SET, not INCR); redis-py `Retry(ExponentialBackoff(), 3)` with `retry_on_error`, ioredis `maxRetriesPerRequest`, `retryStrategy`",
        pool: "redis-py `health_check_interval=30`; Jedis `testWhileIdle`, `timeBetweenEvictionRuns`; Lettuce reconnects by itself; go-redis `ConnMaxIdleTime` (30 min); all below the server's `timeout`",
        alive: "server `tcp-keepalive 300`; redis-py `socket_keepalive=True`; PING from subscribers; Lettuce `SocketOptions.keepAlive`, `tcpUserTimeout`",
        stop: "QUIT, or close after the last answer was read; `client-output-buffer-limit` for slow subscribers",
    },
    messages: &[
        Message {
            id: "redis-closed",
            says: &[
                "connection closed by server",
                "server closed the connection",
                "socket closed unexpectedly",
                "could not connect to redis*not connected",
                "socketclosedunexpectedlyerror",
            ],
            example: "redis.exceptions.ConnectionError: Connection closed by server.",
            errno: "none",
            socket: "read gave end of file: the server's `timeout`, maxclients, an output buffer limit, a restart",
            can: &[(Close, "always for these words")],
            not: "not a reset",
            likely: &[&IDLE, &STALE_POOL, &REJECTED, &KILLED],
        },
        Message {
            id: "redis-while-reading",
            says: &[
                "error while reading from",
                "error while writing to socket",
                "error * connecting to *:6379",
            ],
            example: "redis.exceptions.ConnectionError: Error while reading from 127.0.0.1:6379 : (104, 'Connection reset by peer')",
            errno: "ECONNRESET, EPIPE or none",
            socket: "redis-py: the number in brackets is the errno",
            can: &[
                (Reset, "104"),
                (Close, "32 after a FIN"),
                (Refused, "111"),
                (Timeout, "110, or `Timeout reading from socket`"),
            ],
            not: "not necessarily the server's doing",
            likely: &SESSION_LOST,
        },
        Message {
            id: "jedis-end-of-stream",
            says: &[
                "jedisconnectionexception*end of stream",
                "unexpected end of stream.",
            ],
            example: "redis.clients.jedis.exceptions.JedisConnectionException: Unexpected end of stream.",
            errno: "none",
            socket: "Jedis read end of file",
            can: &[(Close, "always")],
            not: "not a reset: that is `java.net.SocketException: Connection reset` as its cause",
            likely: &[&IDLE, &STALE_POOL, &KILLED],
        },
        Message {
            id: "redis-maxclients",
            says: &["max number of clients reached"],
            example: "-ERR max number of clients reached",
            errno: "none",
            socket: "the server says why and closes; a command already sent is left unread",
            can: &[
                (Close, "after the words"),
                (Reset, "which may overtake the words"),
                (Above, "`maxclients`"),
            ],
            not: "not the network",
            likely: &[&REJECTED],
        },
        Message {
            id: "redis-reading-from-client",
            says: &["reading from client: connection reset", "error writing to client"],
            example: "Reading from client: Connection reset by peer",
            errno: "ECONNRESET (104)",
            socket: "the server's log: the client's connection ended by a reset",
            can: &[(Reset, "always for `reset by peer`"), (Close, "`Broken pipe`")],
            not: "not the server's fault",
            likely: &CLIENT_LEFT,
        },
        Message {
            id: "redis-security-attack",
            says: &["possible security attack detected"],
            example: "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis.",
            errno: "none",
            socket: "HTTP was spoken to Redis, which closed",
            can: &[
                (Close, "as a rule"),
                (Reset, "with bytes unread"),
                (Above, "a wrong port"),
            ],
            not: "not the network",
            likely: &[&WRONG],
        },
        Message {
            id: "redis-refused",
            says: &["could not connect to redis"],
            example: "Could not connect to Redis at 127.0.0.1:6379: Connection refused",
            errno: "ECONNREFUSED, as a rule",
            socket: "connect() failed with the words that follow",
            can: &[
                (Refused, "`Connection refused`"),
                (Timeout, "`Connection timed out`"),
                (Own, "`Name or service not known`: nothing was sent"),
            ],
            not: "not a wrong password",
            likely: &[&NO_LISTENER, &FIREWALL],
        },
    ],
};

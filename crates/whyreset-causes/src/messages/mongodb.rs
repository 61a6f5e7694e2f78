//! MongoDB: drivers and the server's log.

use super::End::{Above, Close, Refused, Reset, Timeout};
use super::likely::{CLIENT_LEFT, NO_ANSWER, SESSION_LOST};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "mongodb",
    name: "MongoDB",
    handling: Handling {
        retry: "`retryReads=true`, `retryWrites=true` (both the default) repeat once what is safe; not `multi` writes and not getMore",
        pool: "`maxIdleTimeMS` below the idle limit of every box between (it is unlimited by default), `maxPoolSize`, `waitQueueTimeoutMS`",
        alive: "drivers set SO_KEEPALIVE with 120 s; server and client `net.ipv4.tcp_keepalive_time=120`",
        stop: "`client.close()`; `rs.stepDown()` before a server is stopped",
    },
    messages: &[
        Message {
            id: "mongo-premature-end",
            says: &[
                "prematurely reached end of stream",
                "autoreconnect*connection closed",
                "mongonetworkerror*closed",
                "connection pool*was cleared because",
            ],
            example: "com.mongodb.MongoSocketReadException: Prematurely reached end of stream",
            errno: "none",
            socket: "the driver read end of file",
            can: &[
                (Close, "always for these words"),
                (Reset, "`cleared because`: what it quotes says which"),
            ],
            not: "not a reset",
            likely: &SESSION_LOST,
        },
        Message {
            id: "mongo-network-error",
            says: &[
                "mongonetworkerror",
                "mongosocketreadexception",
                "mongosocketwriteexception",
                "mongosocketexception",
                "pymongo.errors.autoreconnect",
            ],
            example: "MongoNetworkError: read ECONNRESET",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the driver lost a connection; the words after it say how",
            can: &[
                (Reset, "ECONNRESET, [Errno 104]"),
                (Close, "`connection N to host closed`"),
                (Refused, "ECONNREFUSED"),
                (Timeout, "`timed out`"),
            ],
            not: "not proof of a reset",
            likely: &SESSION_LOST,
        },
        Message {
            id: "mongo-selection",
            says: &[
                "serverselectiontimeouterror",
                "server selection timed out",
                "timed out after * while waiting for a server",
                "mongoserverselectionerror",
            ],
            example: "ServerSelectionTimeoutError: localhost:27017: [Errno 111] Connection refused",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "no suitable server in `serverSelectionTimeoutMS` (30 s); what is quoted for each host is the real failure",
            can: &[
                (Refused, "errno 111"),
                (Timeout, "nothing came"),
                (Above, "no primary"),
            ],
            not: "not one failure but a collection",
            likely: &NO_ANSWER,
        },
        Message {
            id: "mongod-connection-ended",
            says: &[
                "error receiving request from client",
                "interrupted operation as its client disconnected",
            ],
            example: "\"msg\":\"Error receiving request from client. Ending connection from remote\",\"attr\":{\"error\":{\"code\":6,\"codeName\":\"HostUnreachable\",\"errmsg\":\"Connection reset by peer\"}}",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the server's log: the client ended its connection",
            can: &[
                (Reset, "`Connection reset by peer`"),
                (Close, "`Connection closed by peer`"),
            ],
            not: "not the server's fault",
            likely: &CLIENT_LEFT,
        },
    ],
};

//! gRPC: UNAVAILABLE and its kin, in every language.

use super::End::{Above, Close, Refused, Reset, Timeout};
use super::likely::{
    IDLE, KILLED, NO_ANSWER, RACE, READ_RESET, REFUSED, SESSION_LOST, STALE_POOL, USER_TIMEOUT, WRONG,
};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "grpc",
    name: "gRPC",
    handling: Handling {
        retry: "the library repeats by itself what never left (transparent retry). A retryPolicy with `retryableStatusCodes: [UNAVAILABLE]` is safe only for idempotent methods",
        pool: "one channel; server `MAX_CONNECTION_AGE` with `_GRACE` so that GOAWAY comes before the close; a balancer's maximum age above it",
        alive: "`keepalive_time` below the idle limit of every box between, and not below the server's `PERMIT_KEEPALIVE_TIME` (5 min by default), else `too_many_pings`; it sets TCP_USER_TIMEOUT as well",
        stop: "`GracefulStop()` / `shutdown().awaitTermination()`: GOAWAY, wait for calls, then close",
    },
    messages: &[
        Message {
            id: "grpc-rst-stream",
            says: &[
                "stream terminated by rst_stream",
                "received rst_stream",
                "rst_stream closed stream",
            ],
            example: "INTERNAL: stream terminated by RST_STREAM with error code: INTERNAL_ERROR",
            errno: "none: HTTP/2, not TCP",
            socket: "one HTTP/2 stream was ended; by a proxy's time-out, as a rule",
            can: &[(
                Above,
                "its error code says why: CANCEL, REFUSED_STREAM (safe to repeat), NO_ERROR ...",
            )],
            not: "not a TCP reset: the connection under it stays open, and no kernel knows of it",
            likely: &[],
        },
        Message {
            id: "grpc-too-many-pings",
            says: &["too_many_pings", "enhance_your_calm"],
            example: "UNAVAILABLE: GOAWAY received; Error code: 11; Debug Text: too_many_pings",
            errno: "none: HTTP/2, not TCP",
            socket: "the server sent GOAWAY because of heartbeats more often than it permits, then closed",
            can: &[
                (Above, "GOAWAY"),
                (Close, "then a FIN"),
                (Reset, "where requests still came after it"),
            ],
            not: "not the network: raise `keepalive_time`, or the server's permission",
            likely: &[],
        },
        Message {
            id: "grpc-unavailable-reset",
            says: &[
                "unavailable*connection reset",
                "unavailable*econnreset",
                "unavailable: io exception",
                "recvmsg:connection reset by peer",
            ],
            example: "rpc error: code = Unavailable desc = error reading from server: read tcp 10.0.0.2:5->10.0.0.1:6: read: connection reset by peer",
            errno: "ECONNRESET (104)",
            socket: "the channel's connection ended by a reset; `io exception` in Java: read its cause",
            can: &[
                (Reset, "with `reset`"),
                (Close, "`io exception` with another cause"),
            ],
            not: "not the fate of one call only: every stream of the channel ended",
            likely: &READ_RESET,
        },
        Message {
            id: "grpc-unavailable-refused",
            says: &[
                "unavailable*connection refused",
                "error while dialing",
                "failed to connect to all addresses",
                "no connection established",
            ],
            example: "code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp 10.0.0.1:50051: connect: connection refused\"",
            errno: "ECONNREFUSED (111)",
            socket: "connect() failed; the words at the end say how",
            can: &[
                (Refused, "with `refused`"),
                (Timeout, "with `timeout`, `deadline exceeded`"),
                (Above, "with a TLS error"),
            ],
            not: "not a call that was lost: none was sent",
            likely: &REFUSED,
        },
        Message {
            id: "grpc-keepalive-failed",
            says: &[
                "keepalive watchdog timeout",
                "keepalive ping failed",
                "keepalive failed",
                "ping timeout",
            ],
            example: "UNAVAILABLE: Keepalive failed. The connection is likely gone",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "an HTTP/2 ping was not acknowledged in `keepalive_timeout`",
            can: &[(Timeout, "gRPC's heartbeat, or TCP_USER_TIMEOUT which it sets")],
            not: "not a reset",
            likely: &[&super::likely::SILENCE, &USER_TIMEOUT, &IDLE],
        },
        Message {
            id: "grpc-closed",
            says: &[
                "transport is closing",
                "error reading from server: eof",
                "unavailable*socket closed",
                "unavailable: network closed",
                "goaway received",
                "goaway_received",
                "unavailable: end of stream",
            ],
            example: "rpc error: code = Unavailable desc = error reading from server: EOF",
            errno: "none",
            socket: "the connection ended in order, with calls on it: a server or proxy closed (its age, its idle limit, a deploy)",
            can: &[
                (Close, "a FIN, after GOAWAY or without"),
                (Reset, "`Socket closed` may hide one"),
            ],
            not: "not proof of a reset",
            likely: &[&STALE_POOL, &RACE, &KILLED, &IDLE],
        },
        Message {
            id: "grpc-not-http2",
            says: &[
                "trying to connect an http1.x server",
                "http status code 464",
                "received http/2 preface",
                "connection closed before server preface received",
            ],
            example: "UNAVAILABLE: Trying to connect an http1.x server",
            errno: "none",
            socket: "the port speaks no HTTP/2",
            can: &[
                (Above, "a wrong port or protocol"),
                (Close, "`before server preface`: its FIN"),
            ],
            not: "not the network",
            likely: &[&WRONG],
        },
        Message {
            id: "grpc-deadline",
            says: &[
                "deadline_exceeded",
                "code = deadlineexceeded",
                "statuscode.deadline_exceeded",
            ],
            example: "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "the call's deadline ran out; the stream is cancelled by RST_STREAM, the connection stays",
            can: &[(Timeout, "the program's clock")],
            not: "not a reset",
            likely: &NO_ANSWER,
        },
        Message {
            id: "grpc-unavailable",
            says: &[
                "statuscode.unavailable",
                "code = unavailable",
                "status{code=unavailable",
                "14 unavailable",
            ],
            example: "StatusCode.UNAVAILABLE",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the connection could not be made or ended: the description says which",
            can: &[
                (Reset, "possible"),
                (Close, "possible"),
                (Refused, "possible"),
                (Timeout, "possible"),
            ],
            not: "not proof of a reset",
            likely: &SESSION_LOST,
        },
    ],
};

//! HAProxy: what its words say. The two letters of its termination states are in `states`.

use super::End::{Close, Own, Refused, Reset, Timeout};
use super::likely::{
    CHECK, CLIENT_LEFT, FIREWALL, NO_ANSWER, NO_LISTENER, REJECTED, SILENCE, UPSTREAM_RESET,
};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "haproxy",
    name: "HAProxy",
    handling: Handling {
        retry: "`retry-on conn-failure empty-response` with `option redispatch`; `all-retryable-errors` only for what is idempotent (`http-request disable-l7-retry if METH_POST`)",
        pool: "`timeout server` and the server's own keep-alive: `pool-max-conn`, `pool-purge-delay` (5 s), `http-reuse safe` (never the first request of a session on a reused connection)",
        alive: "`option clitcpka`, `option srvtcpka`, `timeout tunnel`, `timeout client` above the application's heartbeat",
        stop: "`systemctl reload` with `expose-fd listeners`; `hard-stop-after`; no `option nolinger`, which resets on purpose",
    },
    messages: &[
        Message {
            id: "haproxy-client-left",
            says: &[
                "termination state cd",
                "termination state ch",
                "termination state cc",
                "termination state cr",
            ],
            example: "haproxy: termination state CD",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the client ended first: C..; HAProxy writes C for its FIN and for its reset",
            can: &[(Close, "a FIN before the end"), (Reset, "as well")],
            not: "not the server's doing",
            likely: &CLIENT_LEFT,
        },
        Message {
            id: "haproxy-server-left",
            says: &["termination state sd", "termination state sh"],
            example: "haproxy: termination state SH",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the server ended first: SH before its headers (the client got 502), SD within the body; S stands for its FIN and for its reset",
            can: &[(Close, "a FIN"), (Reset, "as well")],
            not: "not the client's doing",
            likely: &UPSTREAM_RESET,
        },
        Message {
            id: "haproxy-connect-failed",
            says: &[
                "termination state sc",
                "connection error during ssl handshake",
                "layer4 connection problem",
            ],
            example: "haproxy: termination state SC",
            errno: "ECONNREFUSED, as a rule",
            socket: "SC: the server, or something before it, refused the connection (sC: no answer in `timeout connect`)",
            can: &[
                (Refused, "SC"),
                (Timeout, "sC"),
                (Own, "with <NOSRV>: no server to ask"),
            ],
            not: "not a failure of an answer: none was asked",
            likely: &[&NO_LISTENER, &FIREWALL, &SILENCE],
        },
        Message {
            id: "haproxy-rejected",
            says: &[
                "termination state pr",
                "termination state pc",
                "termination state ph",
                "termination state pd",
            ],
            example: "haproxy: termination state PR",
            errno: "none",
            socket: "P..: HAProxy itself ended it: a rule (PR), a limit of its own (PC), a bad answer (PH)",
            can: &[
                (Own, "HAProxy's doing"),
                (Reset, "towards the client with `reject`, `silent-drop`"),
            ],
            not: "not the network",
            likely: &[&REJECTED, &CHECK],
        },
        Message {
            id: "haproxy-timed-out",
            says: &["termination state sq"],
            example: "haproxy: termination state sQ",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "c.. or s..: HAProxy's own clock for that side ran out (`timeout client`, `timeout server`, `timeout queue`), and it closed both sides",
            can: &[(Timeout, "HAProxy's clock, not the kernel's")],
            not: "not a reset by that side; what it still sends may draw one",
            likely: &NO_ANSWER,
        },
        Message {
            id: "haproxy-server-closed-check",
            says: &["layer7 invalid response", "layer6 invalid response"],
            example: "Server app/s1 is DOWN, reason: Layer7 invalid response",
            errno: "none",
            socket: "a health check was answered by something else, or cut short",
            can: &[(Close, "as a rule"), (Reset, "possible")],
            not: "not the fate of a client's request",
            likely: &[&super::likely::WRONG],
        },
        Message {
            id: "haproxy-timeouts",
            says: &["layer4 timeout", "layer7 timeout"],
            example: "Server app/s1 is DOWN, reason: Layer4 timeout",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "a health check had no answer in `timeout check`",
            can: &[(Timeout, "HAProxy's clock")],
            not: "not a reset",
            likely: &NO_ANSWER,
        },
        Message {
            id: "haproxy-unreachable",
            says: &["layer4 unreachable"],
            example: "Server app/s1 is DOWN, reason: Layer4 unreachable",
            errno: "EHOSTUNREACH (113) or ENETUNREACH (101)",
            socket: "no route, or an ICMP message, for the server's address",
            can: &[(Refused, "by ICMP")],
            not: "not a reset",
            likely: &[&FIREWALL],
        },
    ],
};

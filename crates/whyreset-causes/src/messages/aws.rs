//! Balancers of AWS: statuses in access logs and answers.

use super::End::{Above, Close, Refused, Reset, Timeout};
use super::likely::{
    FIREWALL, GAVE_UP, IDLE, KILLED, NO_LISTENER, RACE, SILENCE, STALE_POOL, UPSTREAM_RESET,
};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "aws",
    name: "AWS load balancers",
    handling: Handling {
        retry: "the client's, on 502/503/504 for idempotent requests; an ALB never repeats",
        pool: "target's keep-alive above the ALB's idle time-out (60 s): node `keepAliveTimeout` 65 s and `headersTimeout` 66 s, nginx `keepalive_timeout 75`, gunicorn `--keep-alive 75`",
        alive: "NLB: 350 s of silence (60 to 6000 s for listeners by `tcp.idle_timeout.seconds`), then a reset to whoever speaks: TCP keep-alive below it",
        stop: "deregister, wait for `deregistration_delay.timeout_seconds`, then SIGTERM",
    },
    messages: &[
        Message {
            id: "alb-460",
            says: &[
                "app/* 460 - ",
                "app/* 460 ",
                "http 460",
                "elb 460",
                "460 client closed",
            ],
            example: "https 2026-01-02T03:04:05.678901Z app/web/50dc6c495c0c9188 10.0.0.2:2817 10.0.0.1:80 0.000 5.001 -1 460 - 34 0 \"GET ...\"",
            errno: "none",
            socket: "the client closed before the target had answered, and before the ALB's idle time-out",
            can: &[(Close, "a FIN"), (Reset, "as well: the status does not tell")],
            not: "not the target's doing, unless it is too slow for the client's time-out",
            likely: &[&GAVE_UP],
        },
        Message {
            id: "alb-502",
            says: &["app/* 502 - ", "elb 502", "http 502", "awselb*502"],
            example: "http 2026-01-02T03:04:05.678901Z app/web/50dc6c495c0c9188 10.0.0.2:2817 10.0.0.1:80 0.000 0.001 -1 502 - 34 366 \"GET ...\"",
            errno: "ECONNRESET, EPIPE or none",
            socket: "`502 -`: the target sent no status: a reset or a FIN on the second leg, or an answer that is no HTTP (a target status beside it is the application's own)",
            can: &[
                (Reset, "at connect or with a request under way"),
                (Close, "its keep-alive ran out as the request came"),
                (Refused, "the target's port"),
                (Above, "a bad answer"),
            ],
            not: "not a client's problem, and not in the target's log: it never saw the request",
            likely: &[&STALE_POOL, &RACE, &KILLED, &NO_LISTENER],
        },
        Message {
            id: "alb-504",
            says: &["app/* 504 - ", "elb 504"],
            example: "http 2026-01-02T03:04:05.678901Z app/web/50dc6c495c0c9188 10.0.0.2:2817 10.0.0.1:80 -1 -1 -1 504 - 34 0 \"GET ...\"",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "no connection to the target in 10 s, or no answer in the idle time-out (60 s)",
            can: &[(Timeout, "the ALB's clock")],
            not: "not a reset",
            likely: &[&SILENCE, &FIREWALL, &IDLE],
        },
        Message {
            id: "gateway-502",
            says: &["502 bad gateway", "bad gateway"],
            example: "502 Bad Gateway",
            errno: "ECONNRESET, EPIPE or none",
            socket: "a proxy could not get an answer from what is behind it; only its log says how",
            can: &[
                (Reset, "on the second leg"),
                (Close, "on the second leg"),
                (Refused, "on the second leg"),
                (Above, "a bad answer"),
            ],
            not: "not a reset of the connection that you see: that one was answered",
            likely: &UPSTREAM_RESET,
        },
    ],
};

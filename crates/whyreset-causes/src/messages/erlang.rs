//! Erlang and Elixir: gen_tcp, Mint and Finch, hackney, DBConnection.

use super::End::{Close, Own, Refused, Reset, Timeout};
use super::likely::{EARLY_END, NO_ANSWER, READ_RESET, REFUSED, SESSION_LOST};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "erlang",
    name: "Erlang and Elixir",
    handling: Handling {
        retry: "Req `retry: :safe_transient` (the default) repeats GET and HEAD alone; `{:error, :closed}` at once on a pooled connection is the safe case",
        pool: "Finch `conn_max_idle_time`, hackney `{timeout, Ms}` of the pool (2 s), gun `keepalive`; Ecto `idle_interval` (1 s ping), `:queue_target`; all below the server's",
        alive: "`{keepalive, true}` with `{raw, 6, 4, <<Idle:32/native>>}` (TCP_KEEPIDLE); `{send_timeout, Ms}`",
        stop: "Cowboy `idle_timeout` (60 s) above the balancer's; `cowboy:stop_listener/1` after `ranch:suspend_listener/1`; `gen_tcp:shutdown(S, write)`, recv to `closed`, close",
    },
    messages: &[
        Message {
            id: "erlang-econnreset",
            says: &[
                "{error,econnreset}",
                ":econnreset",
                "{tcp_error*econnreset",
                "reason: econnreset",
            ],
            example: "{:error, :econnreset}",
            errno: "ECONNRESET (104)",
            socket: "ECONNRESET, told because the socket has `{show_econnreset, true}`, or in a send",
            can: &[(Reset, "always")],
            not: "not necessarily the other program's doing",
            likely: &READ_RESET,
        },
        Message {
            id: "erlang-db-closed",
            says: &[
                "tcp recv: closed",
                "tcp recv (idle): closed",
                "ssl recv: closed",
                "ssl recv (idle): closed",
                "tcp send: closed",
                "ssl send: closed",
            ],
            example: "(DBConnection.ConnectionError) tcp recv (idle): closed",
            errno: "ECONNRESET, EPIPE or none",
            socket: "a database connection ended; `(idle)`: the ping of an unused one met it",
            can: &[
                (Close, "a FIN"),
                (
                    Reset,
                    "gen_tcp tells a reset as `closed` too, unless `show_econnreset` is set",
                ),
            ],
            not: "not proof of an orderly end, nor of a reset",
            likely: &SESSION_LOST,
        },
        Message {
            id: "erlang-closed",
            says: &[
                "{error,closed}",
                "{:error, :closed}",
                "reason: :closed",
                "transporterror) socket closed",
                "httpoison.error*closed",
                "tcp_closed",
            ],
            example: "%Mint.TransportError{reason: :closed}",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the socket ended: gen_tcp gives `closed` for a FIN and, by default, for a reset as well",
            can: &[
                (Close, "a FIN"),
                (Reset, "too: `show_econnreset` is false by default"),
                (Own, "another process of this node closed the port"),
            ],
            not: "not proof of an orderly end, nor of a reset",
            likely: &EARLY_END,
        },
        Message {
            id: "erlang-refused",
            says: &[
                "{error,econnrefused}",
                ":econnrefused",
                "transporterror) connection refused",
            ],
            example: "{:error, :econnrefused}",
            errno: "ECONNREFUSED (111)",
            socket: "connect: a reset (or an ICMP message) answered the SYN",
            can: &[(Refused, "always")],
            not: "not a crash in mid-life: nothing had been accepted yet",
            likely: &REFUSED,
        },
        Message {
            id: "erlang-timeout",
            says: &[
                "{error,etimedout}",
                "{error,timeout}",
                ":etimedout",
                "reason: :timeout",
                "{:error, :timeout}",
            ],
            example: "{:error, :timeout}",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "`timeout` is the program's clock, `etimedout` the kernel's",
            can: &[(Timeout, "either")],
            not: "not a reset",
            likely: &NO_ANSWER,
        },
    ],
};

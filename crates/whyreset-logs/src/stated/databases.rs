//! What databases, caches and brokers state.

use super::Says::{Cause, Situation};
use super::Stated;

const PG: &str = "PostgreSQL source: postgres.c, postmaster.c";
const REDIS: &str = "Redis source: networking.c";

pub static STATED: &[Stated] = &[
    Stated {
        pattern: "terminating connection due to administrator command",
        software: "PostgreSQL",
        says: Cause("process-killed"),
        wide: false,
        source: PG,
        lines: &[
            "2026-11-23 10:00:00.123 UTC [812] FATAL:  terminating connection due to administrator command",
        ],
    },
    Stated {
        pattern: "terminating connection due to idle-session timeout",
        software: "PostgreSQL",
        says: Cause("idle-timeout"),
        wide: false,
        source: PG,
        lines: &[
            "2026-11-23 10:00:00.123 UTC [812] FATAL:  terminating connection due to idle-session timeout",
        ],
    },
    Stated {
        pattern: "terminating connection due to idle-in-transaction timeout",
        software: "PostgreSQL",
        says: Cause("idle-timeout"),
        wide: false,
        source: PG,
        lines: &[
            "2026-11-23 10:00:00.123 UTC [812] FATAL:  terminating connection due to idle-in-transaction timeout",
        ],
    },
    Stated {
        pattern: "terminating connection because of crash of another server process",
        software: "PostgreSQL",
        says: Situation("crash"),
        wide: true,
        source: PG,
        lines: &[
            "2026-11-23 10:00:00.123 UTC [812] WARNING:  terminating connection because of crash of another server process",
        ],
    },
    Stated {
        pattern: "terminating connection due to",
        software: "PostgreSQL",
        says: Cause("process-exited"),
        wide: false,
        source: PG,
        lines: &[
            "2026-11-23 10:00:00.123 UTC [812] FATAL:  terminating connection due to unexpected postmaster exit",
        ],
    },
    Stated {
        pattern: "server process (pid *) was terminated by signal 9",
        software: "PostgreSQL",
        says: Cause("process-killed"),
        wide: true,
        source: PG,
        lines: &[
            "2026-11-23 10:00:00.123 UTC [1] LOG:  server process (PID 812) was terminated by signal 9: Killed",
        ],
    },
    Stated {
        pattern: "was terminated by signal",
        software: "PostgreSQL",
        says: Cause("process-killed"),
        wide: true,
        source: PG,
        lines: &[
            "2026-11-23 10:00:00.123 UTC [1] LOG:  server process (PID 812) was terminated by signal 11: Segmentation fault",
        ],
    },
    Stated {
        pattern: "sorry, too many clients already",
        software: "PostgreSQL",
        says: Situation("connection-limit"),
        wide: false,
        source: "PostgreSQL source: proc.c",
        lines: &["2026-11-23 10:00:00.123 UTC [812] FATAL:  sorry, too many clients already"],
    },
    Stated {
        pattern: "invalid length of startup packet",
        software: "PostgreSQL",
        says: Cause("wrong-protocol"),
        wide: false,
        source: "PostgreSQL source: backend_startup.c",
        lines: &["2026-11-23 10:00:00.123 UTC [812] LOG:  invalid length of startup packet"],
    },
    Stated {
        pattern: "received fast shutdown request",
        software: "PostgreSQL",
        says: Situation("restart-gap"),
        wide: true,
        source: PG,
        lines: &["2026-11-23 10:00:00.123 UTC [1] LOG:  received fast shutdown request"],
    },
    Stated {
        pattern: "max number of clients reached",
        software: "Redis",
        says: Situation("connection-limit"),
        wide: false,
        source: REDIS,
        lines: &["812:M 23 Nov 2026 10:00:00.123 # Error: max number of clients reached"],
    },
    Stated {
        pattern: "overcoming of output buffer limits",
        software: "Redis",
        says: Cause("unread-data"),
        wide: false,
        source: REDIS,
        lines: &[
            "812:M 23 Nov 2026 10:00:00.123 # Client id=9 addr=10.0.0.2:40022 fd=8 cmd=subscribe scheduled to be closed ASAP for overcoming of output buffer limits.",
        ],
    },
    Stated {
        pattern: "possible security attack detected",
        software: "Redis",
        says: Cause("wrong-protocol"),
        wide: false,
        source: "Redis source: networking.c, securityWarningCommand",
        lines: &[
            "812:M 23 Nov 2026 10:00:00.123 # Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. Connection from 10.0.0.2:40022 aborted.",
        ],
    },
    Stated {
        pattern: "got a packet bigger than 'max_allowed_packet'",
        software: "MySQL",
        says: Cause("unread-data"),
        wide: false,
        source: "MySQL error 1153, ER_NET_PACKET_TOO_LARGE",
        lines: &[
            "2026-11-23T10:00:00.123456Z 9 [Note] Aborted connection 9 to db: 'app' user: 'u' host: '10.0.0.2' (Got a packet bigger than 'max_allowed_packet' bytes)",
        ],
    },
    Stated {
        pattern: "got timeout reading communication packets",
        software: "MySQL",
        says: Cause("idle-timeout"),
        wide: false,
        source: "MySQL error 1159, ER_NET_READ_INTERRUPTED; setting wait_timeout",
        lines: &[
            "2026-11-23T10:00:00.123456Z 9 [Note] Aborted connection 9 to db: 'app' user: 'u' host: '10.0.0.2' (Got timeout reading communication packets)",
        ],
    },
    Stated {
        pattern: "is blocked because of many connection errors",
        software: "MySQL",
        says: Situation("access-denied"),
        wide: false,
        source: "MySQL error 1129, ER_HOST_IS_BLOCKED",
        lines: &[
            "ERROR 1129 (HY000): Host '10.0.0.2' is blocked because of many connection errors; unblock with 'mysqladmin flush-hosts'",
        ],
    },
    Stated {
        pattern: "missed heartbeats from client",
        software: "RabbitMQ",
        says: Cause("idle-timeout"),
        wide: false,
        source: "RabbitMQ source: rabbit_reader.erl",
        lines: &[
            "2026-11-23 10:00:00.123456+00:00 [error] <0.9.0> closing AMQP connection <0.9.0> (10.0.0.2:40022 -> 10.0.0.1:5672): missed heartbeats from client, timeout: 60s",
        ],
    },
    Stated {
        pattern: "too_many_pings",
        software: "gRPC",
        says: Situation("access-denied"),
        wide: false,
        source: "gRPC A8: client-side keepalive",
        lines: &["UNAVAILABLE: GOAWAY received; Error code: 11; Debug Text: too_many_pings"],
    },
];

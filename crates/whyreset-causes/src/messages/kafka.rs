//! Kafka: Java clients, librdkafka, brokers.

use super::End::{Above, Close, Refused, Reset, Timeout};
use super::likely::{FIREWALL, IDLE, NAT, NO_LISTENER, RESTART, SESSION_LOST, WRONG};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "kafka",
    name: "Kafka",
    handling: Handling {
        retry: "clients reconnect and repeat by themselves (`retries`, `delivery.timeout.ms`); `enable.idempotence=true` makes it safe",
        pool: "client `connections.max.idle.ms` (9 min) below the broker's (10 min) and below every box's (Azure 4 min, NLB 350 s)",
        alive: "librdkafka `socket.keepalive.enable=true`; Java sets SO_KEEPALIVE; `metadata.max.age.ms` below the idle limit keeps a connection busy",
        stop: "`consumer.close()`, `producer.flush()` and `close()`; `controlled.shutdown.enable` at the broker",
    },
    messages: &[
        Message {
            id: "librdkafka-disconnected",
            says: &[
                "disconnected (after *ms in state",
                "receive failed: connection reset",
                "receive failed: disconnected",
                "broker transport failure",
            ],
            example: "%3|FAIL|rdkafka#consumer-1| [thrd:broker:9092]: broker:9092: Disconnected (after 600042ms in state UP)",
            errno: "ECONNRESET, EPIPE or none",
            socket: "librdkafka lost a broker; the milliseconds are the age of the state: 600,000 is the broker's `connections.max.idle.ms`, harmless",
            can: &[(Close, "`Disconnected`"), (Reset, "`Connection reset by peer`")],
            not: "not a loss of messages by itself; `log.connection.close=false` hides the idle ones",
            likely: &[&IDLE, &RESTART, &NAT],
        },
        Message {
            id: "kafka-terminated-auth",
            says: &["terminated during authentication"],
            example: "Connection to node -1 (broker/10.0.0.1:9093) terminated during authentication. This may happen due to any of the following reasons: ...",
            errno: "ECONNRESET or an unexpected end",
            socket: "connected, and the broker closed within TLS or SASL",
            can: &[
                (Close, "as a rule"),
                (Reset, "with the request unread"),
                (Above, "`security.protocol` does not fit the port"),
            ],
            not: "not the network, as a rule",
            likely: &[&WRONG, &FIREWALL],
        },
        Message {
            id: "kafka-node-refused",
            says: &[
                "could not be established. broker may not be available",
                "could not be established. node may not be available",
            ],
            example: "Connection to node 1 (broker/10.0.0.1:9092) could not be established. Node may not be available.",
            errno: "ECONNREFUSED, as a rule",
            socket: "connect() failed: look at `advertised.listeners` first",
            can: &[
                (Refused, "as a rule"),
                (Timeout, "after `socket.connection.setup.timeout.ms`"),
            ],
            not: "not proof that the broker is down: its advertised address may be wrong",
            likely: &[&NO_LISTENER, &FIREWALL],
        },
        Message {
            id: "kafka-node-disconnected",
            says: &[
                "bootstrap broker*disconnected",
                "node * disconnected.",
                "disconnectexception",
                "connection with * disconnected",
                "broker: disconnected",
            ],
            example: "[NetworkClient] Node 1 disconnected.",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the selector read end of file or an IOException; it logs neither at INFO",
            can: &[
                (Close, "an idle limit or a restart, as a rule"),
                (Reset, "as well: DEBUG of org.apache.kafka.common.network tells"),
            ],
            not: "not proof of a reset",
            likely: &SESSION_LOST,
        },
    ],
};

//! AMQP and MQTT: RabbitMQ, pika, amqplib, mosquitto.

use super::End::{Above, Close, Own, Reset, Timeout};
use super::likely::{CLIENT_LEFT, NAT, PROBES, SESSION_LOST, SILENCE};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "amqp",
    name: "AMQP, MQTT",
    handling: Handling {
        retry: "publish again only with publisher confirms (unconfirmed ones) and consumers that bear duplicates; redelivery is normal",
        pool: "one long connection, channels inside it",
        alive: "heartbeat 10 to 60 s, served by its own thread or `process_data_events()`: a busy pika consumer starves it; MQTT keepalive",
        stop: "channel.close(), connection.close() with the handshake of AMQP; then the socket",
    },
    messages: &[
        Message {
            id: "amqp-missed-heartbeats",
            says: &[
                "missed heartbeats from client",
                "missed server heartbeats",
                "heartbeat timeout",
                "too many heartbeats missed",
                "amqpheartbeattimeout",
                "exceeded timeout, disconnecting",
            ],
            example: "closing AMQP connection <0.1.0> (10.0.0.2:40000 -> 10.0.0.1:5672): missed heartbeats from client, timeout: 60s",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "two heartbeats did not come: the side that waited closes, the other sees a FIN or a reset",
            can: &[
                (Timeout, "the protocol's heartbeat"),
                (Own, "whoever logs it closes"),
            ],
            not: "not the network, as a rule: a consumer that works longer than the heartbeat",
            likely: &[&SILENCE, &NAT, &PROBES],
        },
        Message {
            id: "amqp-client-closed",
            says: &[
                "client unexpectedly closed tcp connection",
                "connection_closed_abruptly",
                "socket error on client",
            ],
            example: "closing AMQP connection <0.1.0> (10.0.0.2:40000 -> 10.0.0.1:5672): client unexpectedly closed TCP connection",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the client ended without the protocol's goodbye",
            can: &[
                (Close, "its FIN"),
                (Reset, "its reset: Erlang tells both as `closed`"),
            ],
            not: "not the broker's fault",
            likely: &CLIENT_LEFT,
        },
        Message {
            id: "amqp-stream-lost",
            says: &[
                "stream connection lost",
                "streamlosterror",
                "amqp*unexpected close",
                "connection_forced",
                "alreadyclosedexception",
                "connection: connection_forced",
            ],
            example: "pika.exceptions.StreamLostError: Stream connection lost: ConnectionResetError(104, 'Connection reset by peer')",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the connection to the broker ended; pika quotes how; CONNECTION_FORCED is the broker's own goodbye",
            can: &[
                (Reset, "ConnectionResetError(104)"),
                (Close, "`IndexError`/`EOF`, Unexpected close"),
                (Above, "CONNECTION_FORCED: shut down by an operator"),
            ],
            not: "not proof of a reset without the number",
            likely: &SESSION_LOST,
        },
        Message {
            id: "mqtt-taken-over",
            says: &["already connected, closing old connection", "session taken over"],
            example: "Client sensor1 already connected, closing old connection.",
            errno: "none",
            socket: "a second client came with the same id; the broker closed the first",
            can: &[
                (Close, "the broker's FIN"),
                (Reset, "to what the first still sends"),
            ],
            not: "not the network",
            likely: &[&super::likely::LATE_WRITE],
        },
    ],
};

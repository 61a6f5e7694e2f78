//! HTTP/2 and QUIC streams: resets that are not TCP's.

use super::End::Above;
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "http2",
    name: "HTTP/2",
    handling: Handling {
        retry: "REFUSED_STREAM, and streams above GOAWAY's last id, were not handled and may be repeated; others only where idempotent",
        pool: "limits of streams (`http2_max_concurrent_streams`, `http2_max_requests`)",
        alive: "PING frames",
        stop: "GOAWAY twice (the first with the highest id), wait, close",
    },
    messages: &[Message {
        id: "http2-stream-reset",
        says: &[
            "rst_stream",
            "stream reset",
            "stream error",
            "stream was reset",
            "err_http2",
            "http2 stream",
            "nghttp2_",
        ],
        example: "http2: stream error: stream ID 1; INTERNAL_ERROR",
        errno: "none: HTTP/2, not TCP",
        socket: "the peer or a proxy ended one stream by RST_STREAM; its error code and the proxy's log say why",
        can: &[(Above, "the connection under it stays")],
        not: "not a TCP reset: the connection under it stays open, and no kernel knows of it",
        likely: &[],
    }],
};

//! Chromium, Firefox and Safari.

use super::End::{Above, Close, Own, Refused, Reset, Timeout};
use super::likely::{
    EARLY_END, FIREWALL, IN_HANDSHAKE, INJECTED, NO_ANSWER, OVERFLOW, REFUSED, REJECTED, SILENCE, UPLOAD,
    WRONG,
};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "browser",
    name: "Browsers",
    handling: Handling {
        retry: "browsers repeat GETs on reused connections by themselves; a form is not repeated",
        pool: "theirs; the server's keep-alive above that of what is before it",
        alive: "WebSocket: ping from the server below the proxies' idle limit (`proxy_read_timeout` 60 s)",
        stop: "the server answers uploads it refuses with `Connection: close` and reads on (nginx `lingering_close`, Tomcat `maxSwallowSize`)",
    },
    messages: &[
        Message {
            id: "chrome-connection-reset",
            says: &[
                "err_connection_reset",
                "pr_connect_reset_error",
                "ns_error_net_reset",
                "the connection was reset",
                "error_net_reset",
            ],
            example: "net::ERR_CONNECTION_RESET (Firefox: PR_CONNECT_RESET_ERROR, NS_ERROR_NET_RESET)",
            errno: "ECONNRESET (104)",
            socket: "read or write gave ECONNRESET: within the TLS handshake, an upload, or an answer",
            can: &[(Reset, "always")],
            not: "not necessarily the site's doing: compare with another network",
            likely: &[&UPLOAD, &INJECTED, &FIREWALL, &REJECTED, &OVERFLOW],
        },
        Message {
            id: "chrome-empty-response",
            says: &[
                "err_empty_response",
                "err_connection_closed",
                "pr_end_of_file_error",
                "ns_error_net_interrupt",
                "ns_error_net_empty_response",
                "the network connection was lost",
                "nsurlerrordomain error -1005",
            ],
            example: "net::ERR_EMPTY_RESPONSE, net::ERR_CONNECTION_CLOSED (Firefox: PR_END_OF_FILE_ERROR; Safari: -1005)",
            errno: "none",
            socket: "end of file: before the first byte (EMPTY_RESPONSE), else (CLOSED, -1005)",
            can: &[(Close, "a FIN"), (Reset, "Safari's -1005 stands for both")],
            not: "not a reset, in Chromium and Firefox",
            likely: &EARLY_END,
        },
        Message {
            id: "chrome-refused",
            says: &[
                "err_connection_refused",
                "ns_error_connection_refused",
                "nsurlerrordomain error -1004",
            ],
            example: "net::ERR_CONNECTION_REFUSED",
            errno: "ECONNREFUSED (111)",
            socket: "connect(): a reset (or an ICMP message) answered the SYN",
            can: &[(Refused, "always")],
            not: "not a crash in mid-life: nothing had been accepted yet",
            likely: &REFUSED,
        },
        Message {
            id: "chrome-timed-out",
            says: &[
                "err_connection_timed_out",
                "err_timed_out",
                "ns_error_net_timeout",
                "nsurlerrordomain error -1001",
            ],
            example: "net::ERR_CONNECTION_TIMED_OUT",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "no answer to the SYN",
            can: &[(Timeout, "the kernel's, or the browser's own")],
            not: "not a reset",
            likely: &NO_ANSWER,
        },
        Message {
            id: "chrome-ssl-protocol",
            says: &["err_ssl_protocol_error", "ssl_error_rx_record_too_long"],
            example: "net::ERR_SSL_PROTOCOL_ERROR",
            errno: "none",
            socket: "what answered the client hello is no TLS",
            can: &[(Above, "a plain port, as a rule")],
            not: "not a reset",
            likely: &[&WRONG],
        },
        Message {
            id: "chrome-aborted",
            says: &[
                "err_connection_aborted",
                "err_network_changed",
                "net::err_aborted",
                "ns_binding_aborted",
            ],
            example: "net::ERR_NETWORK_CHANGED",
            errno: "none",
            socket: "the browser gave it up itself: the network changed, the page was left",
            can: &[
                (Own, "always"),
                (Timeout, "ERR_CONNECTION_ABORTED on Windows (10053)"),
            ],
            not: "not the server's doing; the server sees a reset for it",
            likely: &[&SILENCE],
        },
        Message {
            id: "browser-tls-failed",
            says: &["ssl_error_handshake_failure", "pr_io_error"],
            example: "PR_IO_ERROR",
            errno: "ECONNRESET or an unexpected end",
            socket: "the TLS handshake did not come about",
            can: &[
                (Above, "an alert of the server"),
                (Close, "a FIN within the handshake"),
            ],
            not: "not proof of a reset",
            likely: &IN_HANDSHAKE,
        },
    ],
};

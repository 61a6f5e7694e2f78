//! GNU Wget.

use super::End::{Close, Reset};
use super::likely::{EARLY_END, READ_RESET};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "wget",
    name: "wget",
    handling: Handling {
        retry: "`--tries` (20) repeats resets and ends by itself, `--retry-connrefused` refusals; `-c` goes on where it stopped",
        pool: "`--no-http-keep-alive`",
        alive: "none",
        stop: "wget closes after the last byte; Ctrl-C leaves bytes unread, and the server sees a reset",
    },
    messages: &[
        Message {
            id: "wget-read-reset",
            says: &[
                "read error (connection reset by peer)",
                "read error at byte*reset by peer",
            ],
            example: "Read error (Connection reset by peer) in headers.",
            errno: "ECONNRESET (104)",
            socket: "read() returned ECONNRESET",
            can: &[(Reset, "always")],
            not: "not necessarily the other program's doing",
            likely: &READ_RESET,
        },
        Message {
            id: "wget-no-data",
            says: &["no data received"],
            example: "No data received.",
            errno: "none",
            socket: "end of file before the first byte of the answer",
            can: &[(Close, "always")],
            not: "not a reset",
            likely: &EARLY_END,
        },
    ],
};

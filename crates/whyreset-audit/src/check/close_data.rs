//! Resets sent because data came after close(), or by SO_LINGER 0.

use super::counting;
use crate::{Check, Finding, Host};

const COUNTER: &str = "TcpExtTCPAbortOnData";

/// The declaration.
pub static CHECK: Check = Check {
    id: "close-data",
    causes: &["write-after-close", "linger-abort"],
    reads: "the counter TCPAbortOnData",
    why: "data that arrives after close() is answered with a RST, and so is a close() with SO_LINGER 0; the kernel counts both here",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    counting::findings(&CHECK, host, COUNTER, "connections were reset by data that came after close(), or by a close() with SO_LINGER 0", |_, _, finding| {
        finding
            .fix("find the programs: `sudo whyreset watch --cause write-after-close --cause linger-abort --duration 60s`")
            .fix("let the end that closes wait for the other's FIN, and remove SO_LINGER 0 where it is set")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_its_counter() {
        counting::tests::holds(&CHECK, COUNTER);
    }
}

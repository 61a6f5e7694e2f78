//! Resets sent because of a negative TCP_LINGER2.

use super::counting;
use crate::{Check, Finding, Host};

const COUNTER: &str = "TcpExtTCPAbortOnLinger";

/// The declaration.
pub static CHECK: Check = Check {
    id: "linger2",
    causes: &["linger2-abort"],
    reads: "the counter TCPAbortOnLinger",
    why: "with a negative TCP_LINGER2 a closed socket does not wait for the other end's FIN and resets the connection instead",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    counting::findings(&CHECK, host, COUNTER, "connections were reset because TCP_LINGER2 forbids to wait for the other end's FIN", |_, _, finding| {
        finding
            .fix("find the programs: `sudo whyreset watch --cause linger2-abort --duration 60s`")
            .fix("remove setsockopt(TCP_LINGER2) with a negative value")
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

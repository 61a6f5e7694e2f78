//! Resets sent because a program closed a socket with unread data.

use super::counting;
use crate::{Check, Finding, Host};

const COUNTER: &str = "TcpExtTCPAbortOnClose";

/// The declaration.
pub static CHECK: Check = Check {
    id: "close-unread",
    causes: &["unread-data"],
    reads: "the counter TCPAbortOnClose",
    why: "a program that closes a socket with bytes it has not read makes its kernel send a RST instead of a FIN, and what was on its way to the client is lost",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    counting::findings(&CHECK, host, COUNTER, "connections were reset because a program closed them without reading all that had come", |_, _, finding| {
        finding
            .fix("find the programs: `sudo whyreset watch --cause unread-data --duration 60s`")
            .fix("in each: read the request to its end before closing, or shutdown(SHUT_WR) and read until EOF (nginx: `lingering_close always;`, Tomcat: `maxSwallowSize=\"-1\"`)")
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

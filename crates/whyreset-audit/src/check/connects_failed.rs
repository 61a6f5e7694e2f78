//! Connection attempts that failed.

use super::counting;
use crate::{Check, Finding, Host};

const COUNTER: &str = "TcpAttemptFails";

/// The declaration.
pub static CHECK: Check = Check {
    id: "connects-failed",
    causes: &["no-listener", "scan-or-healthcheck"],
    reads: "the counter AttemptFails",
    why: "a SYN to a port where nothing listens is answered with a RST, and so is a handshake that the other end breaks off; this counts both ends' part in it",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    counting::findings(&CHECK, host, COUNTER, "connection attempts failed: refused to a program here, or broken off by a client before they were complete", |_, _, finding| {
        finding
            .fix("see which: `sudo whyreset watch --all --cause no-listener --cause scan-or-healthcheck --duration 60s`")
            .fix("correct the address or port in the client, or start what should listen; leave health checks and scans alone")
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

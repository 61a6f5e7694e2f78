//! Handshakes refused because of their SYN cookie.

use super::counting;
use crate::{Check, Finding, Host};

const COUNTER: &str = "TcpExtSyncookiesFailed";

/// The declaration.
pub static CHECK: Check = Check {
    id: "syncookies-failed",
    causes: &["connection-forgotten", "bad-handshake-ack"],
    reads: "the counter SyncookiesFailed",
    why: "while the queue of handshakes is full the kernel keeps nothing and sends cookies; an ACK whose cookie is wrong or too old belongs to no connection and is answered with a RST",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    counting::findings(&CHECK, host, COUNTER, "handshakes were reset because their SYN cookie was wrong or had expired", |host, space, finding| {
        finding
            .fix(host.sysctl(space, "net.ipv4.tcp_max_syn_backlog", 8_192))
            .fix("raise the listen backlog of the program with net.core.somaxconn, so that cookies are not needed: `ss -ltn` shows it as Send-Q")
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

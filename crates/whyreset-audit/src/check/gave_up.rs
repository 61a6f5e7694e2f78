//! Connections that the kernel gave up by a timer.

use super::counting;
use crate::{Check, Finding, Host};

const COUNTER: &str = "TcpExtTCPAbortOnTimeout";

/// The declaration.
pub static CHECK: Check = Check {
    id: "gave-up",
    causes: &["retransmission-timeout", "keepalive-timeout", "user-timeout"],
    reads: "the counter TCPAbortOnTimeout",
    why: "the kernel gives a connection up whose other end no longer answers; the program gets ETIMEDOUT, and what the other end still sends is answered with a RST",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    counting::findings(&CHECK, host, COUNTER, "connections were given up because the other end no longer answered", |host, space, finding| {
        finding
            .fix("find the connections: `sudo whyreset watch --cause retransmission-timeout --cause keepalive-timeout --cause user-timeout --duration 10m`")
            .fix(format!("see which paths lose packets: `{}nstat -az TcpRetransSegs TcpExtTCPTimeouts`, `ss -tino state established`", host.inside(space)))
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

//! Closed connections that found no place in TIME_WAIT.

use super::counting;
use crate::{Check, Finding, Host};

const COUNTER: &str = "TcpExtTCPTimeWaitOverflow";

/// The declaration.
pub static CHECK: Check = Check {
    id: "time-wait-buckets",
    causes: &["time-wait-overflow"],
    reads: "the counter TCPTimeWaitOverflow",
    why: "above tcp_max_tw_buckets a closed connection is forgotten at once instead of being remembered for a minute, and whatever still comes for it is answered with a RST",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    counting::findings(&CHECK, host, COUNTER, "closed connections were forgotten at once because too many were remembered", |host, space, finding| {
        finding
            .fix(host.sysctl(space, "net.ipv4.tcp_max_tw_buckets", 262_144))
            .fix("let the clients keep connections open, or close first")
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

//! ICMP errors that do not fit the connection they name.

use super::counting;
use crate::{Check, Finding, Host};

const COUNTER: &str = "TcpExtOutOfWindowIcmps";

/// The declaration.
pub static CHECK: Check = Check {
    id: "foreign-icmp",
    causes: &["injected-reset"],
    reads: "the counter OutOfWindowIcmps",
    why: "somebody sends ICMP errors for connections without knowing their sequence numbers: late routers, or an attempt to end the connections from outside; the kernel ignored these, and one that guesses right ends a connect()",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    counting::hints(&CHECK, host, COUNTER, "ICMP errors quoted sequence numbers that their connections do not use", |host, space, finding| {
        finding
            .fix(format!("see who sends them: `{}tcpdump -ni any 'icmp[icmptype] == 3 or icmp6[0] == 1'`", host.inside(space)))
            .fix("drop ICMP errors from senders that are no routers of yours")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_its_counter() {
        counting::tests::hints(&CHECK, COUNTER);
    }
}

//! SYNs inside live connections.

use super::counting;
use crate::{Check, Finding, Host};

const COUNTER: &str = "TcpExtTCPSYNChallenge";

/// The declaration.
pub static CHECK: Check = Check {
    id: "challenged",
    causes: &["injected-reset", "stray-syn"],
    reads: "the counter TCPSYNChallenge",
    why: "a SYN inside a live connection means that the other end has forgotten it, that a NAT gave its ports away, or that somebody guesses; the kernel asks the other end, whose answer is a RST when it knows of no connection",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    counting::hints(&CHECK, host, COUNTER, "SYNs came for connections that were open", |host, space, finding| {
        finding
            .fix(format!("see from where: `{}nstat -az TcpExtTCPChallengeACK TcpExtTCPSYNChallenge`, then `sudo whyreset watch --cause stray-syn --duration 10m`", host.inside(space)))
            .fix("give clients behind one address more ports, or let the client's side close first, so that a port is not used again while its old connection lives")
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

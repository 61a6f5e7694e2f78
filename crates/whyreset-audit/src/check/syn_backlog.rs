//! Queues of handshakes: full now, or full before.

use whyreset_evidence::TcpState;
use whyreset_host::inspect::Space;

use super::counting;
use crate::{Check, Finding, Host, Severity, words};

const COUNTER: &str = "TcpExtTCPReqQFullDrop";
const SETTING: &str = "net.ipv4.tcp_max_syn_backlog";

/// The declaration.
pub static CHECK: Check = Check {
    id: "syn-backlog",
    causes: &["retransmission-timeout", "connect-abandoned"],
    reads: "sockets in SYN_RECV by sock_diag, TCPReqQFullDrop, the sysctls tcp_max_syn_backlog and tcp_syncookies",
    why: "SYNs that find the queue of handshakes full are dropped; clients that give up meanwhile answer \
          the late SYN-ACK with a RST, the others time out",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = counting::findings(
        &CHECK,
        host,
        COUNTER,
        "SYNs were dropped because the queue of handshakes was full",
        fixes,
    );
    for space in &host.spaces {
        let half = space
            .sockets
            .iter()
            .filter(|sock| sock.state == TcpState::SynRecv)
            .count();
        let half = u64::try_from(half).unwrap_or(u64::MAX);
        let Some(most) = space.number(SETTING) else { continue };
        if half == 0 || words::percent(half, most) < 75 {
            continue;
        }
        let finding = CHECK
            .finds(
                Severity::Likely,
                format!(
                    "{} are under way, {most} may be",
                    words::counted(half, "handshake")
                ),
            )
            .within(space)
            .read(format!("{half} in SYN_RECV"), "sock_diag")
            .read(format!("{SETTING} = {most}"), format!("sysctl {SETTING}"))
            .likely("the queue of handshakes is about to run over");
        found.push(fixes(host, space, finding));
    }
    found
}

fn fixes(host: &Host, space: &Space, finding: Finding) -> Finding {
    let finding = finding.fix(format!(
        "`{}`, and raise net.core.somaxconn and the program's backlog with it",
        host.sysctl(space, SETTING, 8_192)
    ));
    if space.number("net.ipv4.tcp_syncookies") == Some(0) {
        return finding.fix(format!(
            "`{}`: with cookies a full queue refuses nobody",
            host.sysctl(space, "net.ipv4.tcp_syncookies", 1)
        ));
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;

    #[test]
    fn it_follows_its_counter() {
        counting::tests::holds(&CHECK, COUNTER);
    }

    #[test]
    fn a_queue_that_fills_is_found() {
        let mut host = made::with(SETTING, "8");
        for port in 1..=5 {
            let remote = format!("10.0.0.2:{port}");
            made::sock(&mut host, 7, "10.0.0.1:80", &remote, TcpState::SynRecv);
        }
        assert!(made::found(&CHECK, &host).is_empty());
        made::sock(&mut host, 7, "10.0.0.1:80", "10.0.0.2:6", TcpState::SynRecv);
        made::set(&mut host, "net.ipv4.tcp_syncookies", "0");
        let found = made::found(&CHECK, &host);
        assert_eq!(found[0].severity, Severity::Likely);
        assert!(found[0].fix[1].contains("tcp_syncookies=1"));
    }
}

//! `tcp_retries2` below what the RFC asks for.

use whyreset_evidence::TcpState;

use crate::{Check, Finding, Host, Severity};

const SETTING: &str = "net.ipv4.tcp_retries2";
/// RFC 1122 §4.2.3.5 asks for at least 100 s, which are 8 retransmissions.
const LEAST: u64 = 8;

/// The declaration.
pub static CHECK: Check = Check {
    id: "retries2",
    causes: &["retransmission-timeout"],
    reads: "the sysctl net.ipv4.tcp_retries2, established connections, TCPAbortOnTimeout",
    why: "data that is not acknowledged after so many retransmissions ends the connection; what the other \
          end sends later is reset. RFC 1122 asks for 100 s, which are 8",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for space in &host.spaces {
        let open = space
            .sockets
            .iter()
            .filter(|sock| sock.state == TcpState::Established)
            .count();
        let Some(retries) = space.number(SETTING).filter(|retries| *retries < LEAST) else {
            continue;
        };
        if open == 0 {
            continue;
        }
        let given_up = space.counters.get("TcpExtTCPAbortOnTimeout").unwrap_or(0);
        let severity = if given_up > 0 { Severity::Likely } else { Severity::Possible };
        found.push(
            CHECK
                .finds(
                    severity,
                    format!("{open} connections are given up after {retries} retransmissions"),
                )
                .within(space)
                .read(format!("{SETTING} = {retries}"), format!("sysctl {SETTING}"))
                .read(format!("{given_up} given up so far"), "counter TcpExtTCPAbortOnTimeout")
                .likely("it needs a path that is down for a few seconds")
                .fix(format!("`{}`", host.sysctl(space, SETTING, 15))),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;

    #[test]
    fn few_retries_matter_where_connections_stand() {
        let mut host = made::with(SETTING, "3");
        assert!(made::found(&CHECK, &host).is_empty());
        made::sock(&mut host, 7, "10.0.0.1:9", "10.0.0.2:80", TcpState::Established);
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Possible);
        host.spaces[0].counters.set("TcpExtTCPAbortOnTimeout", 1);
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Likely);
        made::set(&mut host, SETTING, "15");
        assert!(made::found(&CHECK, &host).is_empty());
    }
}

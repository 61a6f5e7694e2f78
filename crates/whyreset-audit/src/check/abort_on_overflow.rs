//! `tcp_abort_on_overflow`, where something listens.

use whyreset_evidence::TcpState;

use crate::{Check, Finding, Host, Severity, words};

const SETTING: &str = "net.ipv4.tcp_abort_on_overflow";

/// The declaration.
pub static CHECK: Check = Check {
    id: "abort-on-overflow",
    causes: &["accept-queue-overflow"],
    reads: "the sysctl net.ipv4.tcp_abort_on_overflow, listeners, ListenOverflows",
    why: "with it a connection that meets a full accept queue is reset at once; without it the client's \
          next try finds a place when the burst is over",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for space in &host.spaces {
        let listeners = space
            .sockets
            .iter()
            .filter(|sock| sock.state == TcpState::Listen)
            .count();
        if listeners == 0 || space.number(SETTING) != Some(1) {
            continue;
        }
        let overflows = space.counters.get("TcpExtListenOverflows").unwrap_or(0);
        let (severity, likely) = if overflows > 0 {
            (
                Severity::Likely,
                format!("queues ran over {} already", words::counted(overflows, "time")),
            )
        } else {
            (Severity::Possible, "no queue ran over so far".to_owned())
        };
        let summary = format!(
            "a burst of connections at {} is reset instead of delayed",
            words::counted(listeners as u64, "listener")
        );
        found.push(
            CHECK
                .finds(severity, summary)
                .within(space)
                .read(format!("{SETTING} = 1"), format!("sysctl {SETTING}"))
                .read(
                    format!("{overflows} since the namespace was made"),
                    "counter TcpExtListenOverflows",
                )
                .likely(likely)
                .fix(format!("`{}`", host.sysctl(space, SETTING, 0))),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;

    #[test]
    fn the_setting_matters_where_something_listens() {
        let mut host = made::with(SETTING, "1");
        assert!(made::found(&CHECK, &host).is_empty());
        made::listener(&mut host, 80, 0, 128);
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Possible);
        host.spaces[0].counters.set("TcpExtListenOverflows", 4);
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Likely);
        made::set(&mut host, SETTING, "0");
        assert!(made::found(&CHECK, &host).is_empty());
    }
}

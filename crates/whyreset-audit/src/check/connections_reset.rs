//! Open connections that ended by a reset which no other counter tells of.

use super::counting;
use crate::{Check, Finding, Host, words};

const COUNTER: &str = "TcpEstabResets";
/// What this host itself ended; other checks tell of it.
const OWN: [&str; 3] = [
    "TcpExtTCPAbortOnClose",
    "TcpExtTCPAbortOnData",
    "TcpExtTCPAbortOnTimeout",
];

/// The declaration.
pub static CHECK: Check = Check {
    id: "connections-reset",
    causes: &["unknown", "admin-abort"],
    reads: "EstabResets, less TCPAbortOnClose, TCPAbortOnData and TCPAbortOnTimeout",
    why: "open connections ended without a FIN, and not by a program or a timer of this host: the other end \
          or something between sent a RST, or somebody destroyed the socket (ss -K)",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for count in counting::counts(host, COUNTER) {
        let own = |counters: &whyreset_host::inspect::Counters| {
            OWN.iter().filter_map(|name| counters.get(name)).sum::<u64>()
        };
        let rest = count.total.saturating_sub(own(&count.space.counters));
        if rest == 0 {
            continue;
        }
        let lately = count.space.lately.as_ref().map_or(0, own);
        let lately = count.lately.saturating_sub(lately);
        let count = counting::Count {
            total: rest,
            lately,
            ..count
        };
        let finding = CHECK
            .finds(
                count.severity(),
                format!(
                    "{} by the other end, by something between, or by hand",
                    words::counted(rest, "open connection") + if rest == 1 { " was reset" } else { " were reset" }
                ),
            )
            .within(count.space);
        found.push(
            counting::told(
                host,
                finding,
                "TcpEstabResets less TcpExtTCPAbortOn{Close,Data,Timeout}",
                rest,
                lately,
            )
            .fix("see by whom: `sudo whyreset watch --duration 10m`, and the same on the other host"),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Severity, made};

    #[test]
    fn only_what_no_other_counter_tells_is_found() {
        let mut host = made::counted(COUNTER, 5);
        host.spaces[0].counters.set(OWN[1], 5);
        assert!(made::found(&CHECK, &host).is_empty());
        host.spaces[0].counters.set(OWN[1], 4);
        let found = made::found(&CHECK, &host);
        assert!(found[0].summary.starts_with("1 open connection was"), "{}", found[0].summary);
        made::lately(&mut host, COUNTER, 2);
        made::lately(&mut host, OWN[0], 2);
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Happened);
    }
}

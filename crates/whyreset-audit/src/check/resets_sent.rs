//! Resets sent for segments that belonged to no connection.

use super::counting;
use crate::{Check, Finding, Host, words};

const COUNTER: &str = "TcpOutRsts";
/// Resets that a close or the kernel's own limits made; other checks tell of them.
const OTHERS: [&str; 4] = [
    "TcpExtTCPAbortOnClose",
    "TcpExtTCPAbortOnData",
    "TcpExtTCPAbortOnLinger",
    "TcpExtTCPAbortOnMemory",
];

/// The declaration.
pub static CHECK: Check = Check {
    id: "resets-sent",
    causes: &["no-listener", "connection-forgotten", "write-after-close"],
    reads: "OutRsts, less the TCPAbortOn* counters",
    why: "the kernel answers a segment that belongs to no connection with a RST: a SYN to a closed port, or \
          data for a connection that has ended or been forgotten",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for count in counting::counts(host, COUNTER) {
        let others = |counters: &whyreset_host::inspect::Counters| {
            OTHERS
                .iter()
                .filter_map(|name| counters.get(name))
                .sum::<u64>()
        };
        let rest = count.total.saturating_sub(others(&count.space.counters));
        if rest == 0 {
            continue;
        }
        let lately = count.space.lately.as_ref().map_or(0, others);
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
                    "{} answered segments of no connection",
                    words::counted(rest, "reset")
                ),
            )
            .within(count.space);
        found.push(
            counting::told(host, finding, "TcpOutRsts less TcpExtTCPAbortOn*", rest, lately)
                .fix("see which: `sudo whyreset watch --all --duration 60s`"),
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
        host.spaces[0].counters.set(OTHERS[0], 5);
        assert!(made::found(&CHECK, &host).is_empty());
        host.spaces[0].counters.set(OTHERS[0], 3);
        let found = made::found(&CHECK, &host);
        assert!(found[0].summary.starts_with("2 resets"), "{}", found[0].summary);
        assert_eq!(found[0].severity, Severity::Happened);
        made::lately(&mut host, COUNTER, 1);
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Happening);
    }
}

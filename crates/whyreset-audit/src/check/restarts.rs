//! Services with sockets that systemd had to start again.

use crate::{Check, Finding, Host, Severity, words};

/// The declaration.
pub static CHECK: Check = Check {
    id: "restarts",
    causes: &["process-exited", "process-killed", "oom-killed", "never-accepted", "no-listener"],
    reads: "NRestarts and Result of the units of processes that hold sockets (systemctl show)",
    why: "a process that ends resets the connections with unread bytes and those that wait for accept(), \
          and until it is back every SYN is refused",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let finding = |one: &whyreset_host::inspect::Restarts| {
        let holder = host
            .census
            .holders
            .values()
            .filter(|holder| holder.process.unit.as_deref() == Some(&*one.unit))
            .min_by_key(|holder| holder.process.pid);
        let summary = format!(
            "systemd restarted {} {}",
            one.unit,
            words::counted(one.times, "time")
        );
        CHECK
            .finds(Severity::Happened, summary)
            .of(holder)
            .read(
                format!("NRestarts={}, Result={}", one.times, one.result),
                format!("systemctl show {}", one.unit),
            )
            .likely("it ended by itself so often since it was started by hand")
            .fix(format!(
                "find out why it ends: `journalctl -u {} --grep 'Main process exited'`",
                words::shell(&one.unit)
            ))
            .fix("let a socket unit (`ListenStream=`) hold the port, so that no SYN is refused meanwhile")
    };
    host.restarts.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;
    use whyreset_host::inspect::Restarts;

    #[test]
    fn a_restarted_unit_is_found() {
        let mut host = made::host();
        assert!(made::found(&CHECK, &host).is_empty());
        host.restarts.push(Restarts {
            unit: "a.service".to_owned(),
            times: 2,
            result: "signal".to_owned(),
        });
        let found = made::found(&CHECK, &host);
        assert!(found[0].summary.contains("a.service 2 times"), "{}", found[0].summary);
    }
}

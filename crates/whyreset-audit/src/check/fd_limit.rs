//! Processes with sockets that are near their limit of file descriptors.

use crate::host::name;
use crate::{Check, Finding, Host, Severity, words};

/// Percent of the limit.
const NEAR: u64 = 80;

/// The declaration.
pub static CHECK: Check = Check {
    id: "fd-limit",
    causes: &["fd-limit", "accept-queue-overflow"],
    reads: "open descriptors and the soft limit of every process that holds sockets (/proc/PID/limits, /proc/PID/fd)",
    why: "without a descriptor accept() fails: connections stay in the queue until it is full and are \
          dropped or reset, or are accepted and closed at once",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found: Vec<(u64, Finding)> = Vec::new();
    for holder in host.census.holders.values() {
        let Some((open, most)) = holder.descriptors else {
            continue;
        };
        let percent = words::percent(open, most);
        if percent < NEAR {
            continue;
        }
        let pid = holder.process.pid;
        let full = open >= most;
        let severity = if full { Severity::Happening } else { Severity::Likely };
        let finding = CHECK
            .finds(
                severity,
                format!(
                    "{} has {} of {} file descriptors open",
                    name(holder),
                    words::count(open),
                    words::count(most)
                ),
            )
            .of(Some(holder))
            .read(
                format!("{open} open, soft limit {most}"),
                format!("/proc/{pid}/fd, /proc/{pid}/limits"),
            )
            .likely(if full {
                "the next accept() fails".to_owned()
            } else {
                format!("{percent} % are in use")
            });
        let unit = holder.process.unit.as_deref().map(words::shell);
        let finding = match unit {
            Some(unit) => finding.fix(format!(
                "`systemctl edit {unit}`: set `LimitNOFILE=65536` under `[Service]`, then `systemctl restart {unit}`"
            )),
            None => finding,
        };
        let finding = finding
            .fix(format!("for the one that runs: `prlimit --pid {pid} --nofile=65536`"))
            .fix(format!(
                "see whether it leaks: `ls -l /proc/{pid}/fd | awk '{{print $NF}}' | sed 's/[0-9]*//g' | sort | uniq -c`"
            ));
        let finding = Finding {
            place: crate::Place {
                netns: Some(holder.netns),
                ..finding.place
            },
            ..finding
        };
        found.push((percent, finding));
    }
    found.sort_by_key(|(percent, _)| core::cmp::Reverse(*percent));
    found.into_iter().map(|(_, finding)| finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;
    use whyreset_evidence::TcpState;

    #[test]
    fn near_and_full_are_told_apart_and_room_is_no_finding() {
        let mut host = made::host();
        made::sock(&mut host, 7, "10.0.0.1:80", "10.0.0.2:9", TcpState::Established);
        for (open, expected) in [
            (700, None),
            (820, Some(Severity::Likely)),
            (1_024, Some(Severity::Happening)),
        ] {
            host.census.holders.get_mut(&7).unwrap().descriptors = Some((open, 1_024));
            let found = made::found(&CHECK, &host);
            assert_eq!(found.first().map(|one| one.severity), expected, "{open}");
        }
        host.census.holders.get_mut(&7).unwrap().descriptors = Some((1_024, u64::MAX));
        assert!(made::found(&CHECK, &host).is_empty());
    }
}

//! Control groups whose processes hold sockets and were killed for want of memory, or soon are.

use crate::{Check, Finding, Host, Severity, words};

/// Percent of the limit.
const NEAR: u64 = 95;

/// The declaration.
pub static CHECK: Check = Check {
    id: "cgroup-memory",
    causes: &["oom-killed", "process-killed"],
    reads: "oom_kill, usage and limit of the control groups of processes that hold sockets",
    why: "the out-of-memory killer ends a process with all its connections: those with unread bytes are \
          reset at once, the others when their other end writes again",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut groups: Vec<_> = host.groups.values().filter(|group| group.path != "/").collect();
    groups.sort_by(|a, b| a.path.cmp(&b.path));
    let mut found = Vec::new();
    for group in groups {
        let within = |cgroup: &Option<String>| cgroup.as_deref() == Some(&*group.path);
        let holder = host
            .census
            .holders
            .values()
            .filter(|holder| within(&holder.process.cgroup))
            .min_by_key(|holder| holder.process.pid);
        let file = group.file.display();
        let memory = group.memory.as_ref();
        let full = memory.map(|memory| words::percent(memory.used, memory.limit));
        let killed = group.killed.filter(|killed| *killed > 0);
        if killed.is_none() && full.is_none_or(|percent| percent < NEAR) {
            continue;
        }
        let finding = match killed {
            Some(killed) => CHECK
                .finds(
                    Severity::Happened,
                    format!(
                        "the out-of-memory killer ended {} in {}",
                        words::counted(killed, "process").replace("processs", "processes"),
                        group.path
                    ),
                )
                .read(format!("oom_kill {killed}"), file.to_string())
                .likely("it did so since the group was made"),
            None => CHECK
                .finds(
                    Severity::Likely,
                    format!("{} uses {} % of the memory that it may", group.path, full.unwrap_or(0)),
                )
                .likely("the out-of-memory killer is next, where nothing can be freed"),
        };
        let finding = match memory {
            Some(memory) => finding.read(
                format!("{} of {} bytes", words::count(memory.used), words::count(memory.limit)),
                format!("control group {}", group.path),
            ),
            None => finding,
        };
        let unit = holder.and_then(|holder| holder.process.unit.as_deref().map(words::shell));
        found.push(finding.of(holder).fix(match unit {
            Some(unit) => format!(
                "raise the limit: `systemctl set-property {unit} MemoryMax=SIZE`; see who was killed: \
                 `journalctl -k --grep 'oom-kill'`"
            ),
            None => "raise the group's memory limit (a container's: `--memory`), or let the program use \
                     less; see who was killed: `journalctl -k --grep 'oom-kill'`"
                .to_owned(),
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;
    use whyreset_evidence::{Memory, TcpState};
    use whyreset_host::inspect::Group;

    #[test]
    fn kills_and_a_full_group_are_found() {
        let mut host = made::host();
        made::sock(&mut host, 7, "10.0.0.1:80", "10.0.0.2:9", TcpState::Established);
        host.census.holders.get_mut(&7).unwrap().process.cgroup = Some("/a.service".to_owned());
        for (killed, used, expected) in [
            (0, 50, None),
            (0, 96, Some(Severity::Likely)),
            (2, 50, Some(Severity::Happened)),
        ] {
            let group = Group {
                path: "/a.service".to_owned(),
                killed: Some(killed),
                memory: Some(Memory { used, limit: 100 }),
                ..Group::default()
            };
            host.groups.insert(group.path.clone(), group);
            let found = made::found(&CHECK, &host);
            assert_eq!(found.first().map(|one| one.severity), expected);
            let pid = found.first().and_then(|one| Some(one.place.process.as_ref()?.pid));
            assert_eq!(pid, expected.map(|_| 7));
        }
    }
}

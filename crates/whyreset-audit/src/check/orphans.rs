//! Closed connections that the kernel still finishes, against how many it may.

use crate::{Check, Finding, Host, Severity, words};

const SETTING: &str = "net.ipv4.tcp_max_orphans";
/// Percent. The kernel counts an orphan that is idle twice.
const NEAR: u64 = 50;

/// The declaration.
pub static CHECK: Check = Check {
    id: "orphans",
    causes: &["orphan-limit"],
    reads: "orphans in /proc/net/sockstat against the sysctl net.ipv4.tcp_max_orphans",
    why: "a closed connection whose last data is still on its way is reset, and the data lost, when there \
          are more of them than the limit; one that is idle counts twice",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    // Both are the whole host's.
    let whole = host
        .spaces
        .iter()
        .find_map(|space| Some((space, space.used?, space.number(SETTING)?)));
    let Some((space, used, most)) = whole else {
        return Vec::new();
    };
    if used.orphans == 0 || words::percent(used.orphans, most) < NEAR {
        return Vec::new();
    }
    let full = used.orphans >= most;
    let severity = if full { Severity::Happening } else { Severity::Likely };
    vec![
        CHECK
            .finds(
                severity,
                format!(
                    "{} of {} orphans that may be",
                    words::count(used.orphans),
                    words::count(most)
                ),
            )
            .read(format!("orphan {}", used.orphans), "/proc/net/sockstat")
            .read(format!("{SETTING} = {most}"), format!("sysctl {SETTING}"))
            .likely(if full {
                "what is closed next with data still unsent is reset"
            } else {
                "half of the limit is enough, for idle ones count twice"
            })
            .fix(format!("`{}`", host.sysctl(space, SETTING, most.saturating_mul(4))))
            .fix(format!(
                "end them sooner: `{}`",
                host.sysctl(space, "net.ipv4.tcp_orphan_retries", 3)
            )),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;
    use whyreset_host::inspect::Use;

    #[test]
    fn orphans_are_held_against_their_limit() {
        let mut host = made::with(SETTING, "100");
        for (orphans, expected) in [
            (0, None),
            (49, None),
            (50, Some(Severity::Likely)),
            (100, Some(Severity::Happening)),
        ] {
            host.spaces[0].used = Some(Use {
                orphans,
                ..Use::default()
            });
            let found = made::found(&CHECK, &host);
            assert_eq!(found.first().map(|one| one.severity), expected, "{orphans}");
        }
        host.spaces[0].sysctls.clear();
        assert!(made::found(&CHECK, &host).is_empty());
    }
}

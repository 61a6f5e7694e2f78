//! TCP's buffers against what they may hold.

use super::counting;
use crate::{Check, Finding, Host, Severity, words};

const SETTING: &str = "net.ipv4.tcp_mem";
const COUNTER: &str = "TcpExtTCPMemoryPressures";

/// The declaration.
pub static CHECK: Check = Check {
    id: "tcp-memory",
    causes: &["tcp-memory"],
    reads: "pages in /proc/net/sockstat against the sysctl net.ipv4.tcp_mem, TCPMemoryPressures",
    why: "above the third value of tcp_mem the kernel resets closed connections that still hold data",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    // Both are the whole host's.
    let whole = host
        .spaces
        .iter()
        .find_map(|space| Some((space, space.used?.pages, space.numbers(SETTING)?)));
    let Some((space, pages, limits)) = whole else {
        return Vec::new();
    };
    let [_, pressure, most] = limits[..] else {
        return Vec::new();
    };
    let before = host
        .spaces
        .iter()
        .filter_map(|space| space.counters.get(COUNTER))
        .sum::<u64>();
    let severity = match pages {
        pages if pages >= most => Severity::Happening,
        pages if pages >= pressure => Severity::Likely,
        _ if before > 0 => Severity::Possible,
        _ => return Vec::new(),
    };
    let summary = if severity == Severity::Possible {
        format!("TCP was short of memory {}", words::counted(before, "time"))
    } else {
        format!(
            "TCP holds {} of the {} pages that it may",
            words::count(pages),
            words::count(most)
        )
    };
    let finding = CHECK
        .finds(severity, summary)
        .read(format!("mem {pages}"), "/proc/net/sockstat")
        .read(
            format!("{SETTING} = {}", space.sysctls.get(SETTING).map_or("", |text| text)),
            format!("sysctl {SETTING}"),
        );
    let finding = match counting::counts(host, COUNTER).first() {
        Some(count) => counting::told(host, finding, COUNTER, count.total, count.lately),
        None => finding.likely("receivers that do not read, or very many connections, fill it"),
    };
    vec![
        finding
            .fix(format!(
                "raise it: `{}`",
                host.sysctl(
                    space,
                    SETTING,
                    format!("\"{} {} {}\"", most, most.saturating_mul(2), most.saturating_mul(3))
                )
            ))
            .fix("find who holds it: `ss -tmpn | grep -B1 -E 'rb[0-9]{7}'`; bound it with `net.ipv4.tcp_rmem` and `tcp_wmem`"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;
    use whyreset_host::inspect::Use;

    #[test]
    fn pages_are_held_against_their_limits() {
        let mut host = made::with(SETTING, "100\t200\t300");
        for (pages, expected) in [
            (199, None),
            (200, Some(Severity::Likely)),
            (300, Some(Severity::Happening)),
        ] {
            host.spaces[0].used = Some(Use {
                pages,
                ..Use::default()
            });
            let found = made::found(&CHECK, &host);
            assert_eq!(found.first().map(|one| one.severity), expected, "{pages}");
        }
        host.spaces[0].used = Some(Use::default());
        host.spaces[0].counters.set(COUNTER, 3);
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Possible);
        made::set(&mut host, SETTING, "nonsense");
        assert!(made::found(&CHECK, &host).is_empty());
    }
}

//! The table of tracked connections against its size.

use super::counting;
use crate::{Check, Finding, Host, Severity, words};

const COUNT: &str = "net.netfilter.nf_conntrack_count";
const MOST: &str = "net.netfilter.nf_conntrack_max";
/// Percent.
const NEAR: u64 = 80;

/// The declaration.
pub static CHECK: Check = Check {
    id: "conntrack-full",
    causes: &["conntrack-full", "nat-state-lost"],
    reads: "the sysctls nf_conntrack_count and nf_conntrack_max; drop and early_drop in /proc/net/stat/nf_conntrack",
    why: "when the table is full a new connection is dropped, or takes the place of one that lives; a \
          translated connection without its entry is reset by whoever gets its next segment",
    look,
};

fn look(host: &Host) -> Vec<Finding> {
    let mut found = Vec::new();
    for space in &host.spaces {
        let (Some(count), Some(most)) = (space.number(COUNT), space.number(MOST)) else {
            continue;
        };
        let lost = |name: &str| space.counters.get(name).unwrap_or(0);
        let recently = |name: &str| {
            let lately = space.lately.as_ref();
            lately.and_then(|lately| lately.get(name)).unwrap_or(0)
        };
        let (drop, early) = ("nf_conntrack.drop", "nf_conntrack.early_drop");
        let gone = lost(drop).saturating_add(lost(early));
        let going = recently(drop).saturating_add(recently(early));
        let percent = words::percent(count, most);
        let severity = match (percent, gone, going) {
            (100.., ..) | (_, _, 1..) => Severity::Happening,
            (_, 1.., _) => Severity::Happened,
            (NEAR.., ..) => Severity::Likely,
            _ => continue,
        };
        let summary = format!(
            "{} of {} connections are tracked, {} dropped for want of room so far",
            words::count(count),
            words::count(most),
            words::count(gone)
        );
        let finding = CHECK
            .finds(severity, summary)
            .within(space)
            .read(format!("{COUNT} = {count}"), format!("sysctl {COUNT}"))
            .read(format!("{MOST} = {most}"), format!("sysctl {MOST}"));
        let finding = if gone > 0 {
            counting::told(host, finding, "nf_conntrack.drop and early_drop", gone, going)
        } else {
            finding.likely(format!("{percent} % of the table are in use"))
        };
        found.push(
            finding
                .fix(format!(
                    "`{}`",
                    host.sysctl(space, MOST, most.max(65_536).saturating_mul(2))
                ))
                .fix(format!(
                    "see who fills it: `{}conntrack -L -o extended | awk '{{print $6}}' | sort | uniq -c`",
                    host.inside(space)
                )),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made;

    #[test]
    fn the_table_is_held_against_its_size() {
        let mut host = made::with(MOST, "100");
        for (count, expected) in [
            ("79", None),
            ("80", Some(Severity::Likely)),
            ("100", Some(Severity::Happening)),
        ] {
            made::set(&mut host, COUNT, count);
            let found = made::found(&CHECK, &host);
            assert_eq!(found.first().map(|one| one.severity), expected, "{count}");
        }
        made::set(&mut host, COUNT, "1");
        host.spaces[0].counters.set("nf_conntrack.drop", 4);
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Happened);
        made::lately(&mut host, "nf_conntrack.early_drop", 1);
        assert_eq!(made::found(&CHECK, &host)[0].severity, Severity::Happening);
    }
}

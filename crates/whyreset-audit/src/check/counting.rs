//! Counters that count resets themselves: since the namespace was made, and while we watched.

use whyreset_host::inspect::Space;

use crate::{Check, Finding, Host, Severity, words};

/// How grave it is that something was counted before, and while we watched: of resets, and of what
/// may lead to some.
const RESETS: [Severity; 2] = [Severity::Happened, Severity::Happening];
const HINTS: [Severity; 2] = [Severity::Possible, Severity::Likely];

/// A counter that is not 0.
pub(super) struct Count<'a> {
    pub space: &'a Space,
    pub total: u64,
    pub lately: u64,
}

impl Count<'_> {
    pub fn severity(&self) -> Severity {
        self.of(RESETS)
    }

    fn of(&self, [before, now]: [Severity; 2]) -> Severity {
        if self.lately > 0 { now } else { before }
    }
}

/// The namespaces in which this counter is not 0.
pub(super) fn counts<'a>(host: &'a Host, name: &str) -> Vec<Count<'a>> {
    let count = |space: &'a Space| {
        let total = space.counters.get(name).filter(|total| *total > 0)?;
        let lately = space.lately.as_ref().and_then(|lately| lately.get(name));
        Some(Count {
            space,
            total,
            lately: lately.unwrap_or(0),
        })
    };
    host.spaces.iter().filter_map(count).collect()
}

/// One finding a namespace in which this counter, of what ended connections, is not 0: `12 {what}`.
pub(super) fn findings(
    check: &'static Check,
    host: &Host,
    name: &str,
    what: &str,
    fix: impl Fn(&Host, &Space, Finding) -> Finding,
) -> Vec<Finding> {
    as_grave(check, host, name, what, RESETS, fix)
}

/// The same for a counter of what may end connections.
pub(super) fn hints(
    check: &'static Check,
    host: &Host,
    name: &str,
    what: &str,
    fix: impl Fn(&Host, &Space, Finding) -> Finding,
) -> Vec<Finding> {
    as_grave(check, host, name, what, HINTS, fix)
}

fn as_grave(
    check: &'static Check,
    host: &Host,
    name: &str,
    what: &str,
    grave: [Severity; 2],
    fix: impl Fn(&Host, &Space, Finding) -> Finding,
) -> Vec<Finding> {
    let finding = |count: &Count<'_>| {
        let summary = format!("{} {what}", words::count(count.total));
        let finding = check.finds(count.of(grave), summary).within(count.space);
        let finding = told(host, finding, name, count.total, count.lately);
        fix(host, count.space, finding)
    };
    counts(host, name).iter().map(finding).collect()
}

/// Adds what a counter said, and how likely that makes it.
pub(super) fn told(host: &Host, finding: Finding, name: &str, total: u64, lately: u64) -> Finding {
    let said = format!("{total} since the namespace was made");
    let cite = format!("counter {}", name.replacen("nf_conntrack.", "nf_conntrack ", 1));
    let finding = finding.read(said, cite.clone());
    let Some(watched) = host.watched else {
        return finding.likely("counted; --watch 10s shows whether it goes on");
    };
    let span = words::span_ms(u64::try_from(watched.as_millis()).unwrap_or(u64::MAX));
    let finding = finding.read(format!("{lately} more in {span}"), cite);
    if lately > 0 {
        finding.likely(format!("it happens: {} in {span}", words::count(lately)))
    } else {
        finding.likely(format!("it happened before, and not in the {span} of watching"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{HINTS, RESETS};
    use crate::{Check, Severity, made};

    /// The counter makes the finding, its growth makes it graver, and without it there is none.
    pub(in crate::check) fn holds(check: &'static Check, counter: &str) {
        follows(check, counter, RESETS);
    }

    /// The same where the counter is a hint.
    pub(in crate::check) fn hints(check: &'static Check, counter: &str) {
        follows(check, counter, HINTS);
    }

    fn follows(check: &'static Check, counter: &str, [before, now]: [Severity; 2]) {
        assert!(made::found(check, &made::host()).is_empty());
        assert!(made::found(check, &made::counted(counter, 0)).is_empty());
        let mut host = made::counted(counter, 1_200);
        let found = made::found(check, &host);
        assert_eq!(found.len(), 1, "{}", check.id);
        assert_eq!(found[0].severity, before);
        assert!(
            found[0].read[0]
                .cite
                .contains(counter.rsplit('.').next().unwrap())
        );
        assert!(!found[0].fix.is_empty(), "{}", check.id);
        host.watched = Some(core::time::Duration::from_secs(10));
        made::lately(&mut host, counter, 3);
        let found = made::found(check, &host);
        assert_eq!(found[0].severity, now);
        assert!(found[0].likely.contains("3 in 10 s"), "{}", found[0].likely);
    }
}

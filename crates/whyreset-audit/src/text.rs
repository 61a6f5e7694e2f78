//! Findings for people, grouped by how near they are. Everything that comes from outside is made
//! harmless for a terminal. Refuses to print.

use std::fmt::Write as _;
use std::time::Duration;

use whyreset_host::inspect::Unread;
use whyreset_report::escape::escape;
use whyreset_report::wrap::wrap;

use crate::{Finding, Host, Severity, words};

/// Columns before what is told, and of the word before it.
const INDENT: usize = 2;
const WORD: usize = 8;

/// How it looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paint {
    /// Whether to colour.
    pub colour: bool,
    /// The summaries alone.
    pub brief: bool,
    /// Columns, where lines shall be broken.
    pub width: Option<usize>,
}

impl Paint {
    fn on(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// All findings, the gravest first.
pub fn page(findings: &[Finding], host: &Host, paint: Paint) -> String {
    let mut out = String::new();
    for severity in Severity::ALL {
        let mut group = findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .peekable();
        if group.peek().is_none() {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        let code = match severity {
            Severity::Happening => "1;31",
            Severity::Happened => "31",
            Severity::Likely => "33",
            Severity::Possible => "36",
        };
        _ = writeln!(out, "{}", paint.on(code, severity.heading()));
        for finding in group {
            one(finding, host, paint, &mut out);
        }
    }
    out
}

fn one(finding: &Finding, host: &Host, paint: Paint, out: &mut String) {
    let place = namespace(finding, host).map_or(String::new(), |place| format!("  ({place})"));
    let head = paint.on(
        "1",
        &format!("{}: {}", finding.check.id, escape(&finding.summary)),
    );
    _ = writeln!(out, "{:INDENT$}{head}{place}", "");
    if paint.brief {
        return;
    }
    let mut row = |word: &str, code: &str, text: &str| {
        let word = paint.on(code, &format!("{word:WORD$}"));
        let text = wrap(text, INDENT + 2 + WORD, paint.width);
        _ = writeln!(out, "{:1$}{word}{text}", "", INDENT + 2);
    };
    for read in &finding.read {
        row("read", "0", &escape(&format!("{} ({})", read.what, read.cite)));
    }
    row("why", "0", finding.check.why);
    row("here", "0", &escape(&finding.likely));
    if let Some(link) = &finding.link {
        let last = &link.last;
        let by = last
            .process
            .as_deref()
            .map_or(String::new(), |name| format!(" by {name}"));
        let text = format!(
            "{} in the record, the last {} -> {}{by}: {}",
            words::counted(link.count, "reset"),
            last.flow.client,
            last.flow.server,
            last.cause
        );
        row("seen", "31", &escape(&text));
    }
    for fix in &finding.fix {
        row("fix", "32", &escape(fix));
    }
    row("cause", "2", &finding.check.causes.join(", "));
}

/// Which namespace it is in, where there are several.
fn namespace(finding: &Finding, host: &Host) -> Option<String> {
    let inode = finding.place.netns.filter(|_| host.spaces.len() > 1)?;
    let own = host.spaces.iter().any(|space| space.own && space.inode == inode);
    Some(if own {
        "this network namespace".to_owned()
    } else {
        format!("network namespace {inode}")
    })
}

/// What was looked at, and what was found.
pub fn summary(findings: &[Finding], host: &Host) -> String {
    let sockets: usize = host.spaces.iter().map(|space| space.sockets.len()).sum();
    let watched = host.watched.map_or_else(String::new, |span: Duration| {
        let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        format!(", counters watched for {}", words::span_ms(ms))
    });
    let looked = format!(
        "looked at {}, {} and {} that hold them{watched}",
        words::counted(host.spaces.len() as u64, "network namespace"),
        words::counted(sockets as u64, "socket"),
        match host.census.holders.len() {
            1 => "1 process".to_owned(),
            more => format!("{} processes", words::count(more as u64)),
        },
    );
    if findings.is_empty() {
        return format!("nothing found that resets connections here; {looked}");
    }
    let of = |severity: Severity| {
        let count = findings.iter().filter(|one| one.severity == severity).count();
        (count > 0).then(|| format!("{count} {}", severity.as_str()))
    };
    let counts: Vec<String> = Severity::ALL.into_iter().filter_map(of).collect();
    format!(
        "{}: {}; {looked}",
        words::counted(findings.len() as u64, "finding"),
        counts.join(", ")
    )
}

/// One line for what could not be read.
pub fn unread(unread: &Unread) -> String {
    escape(&format!("could not read {}: {}", unread.what, unread.cure))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CHECKS, made};

    fn hostile() -> Finding {
        CHECKS[0]
            .finds(Severity::Likely, "a\u{1b}[2Jb")
            .read("c\nd", "e\u{202e}")
            .likely("f\u{7}")
            .fix("g\u{9b}h")
    }

    #[test]
    fn the_gravest_is_first_and_nothing_steers_the_terminal() {
        let grave = CHECKS[1].finds(Severity::Happening, "z");
        let page = page(&[hostile(), grave], &made::host(), Paint::default());
        let first = page.find("happening").expect("a heading");
        assert!(first < page.find("likely:").expect("another"));
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{page:?}");
        assert!(!page.contains('\u{202e}'));
        for word in ["read", "why", "here", "fix", "cause"] {
            assert!(page.contains(&format!("    {word:WORD$}")), "{word}: {page}");
        }
    }

    #[test]
    fn nothing_found_is_said() {
        assert!(summary(&[], &made::host()).starts_with("nothing found"));
        assert!(summary(&[hostile()], &made::host()).starts_with("1 finding: 1 likely"));
    }
}

//! `whyreset audit`: what on this host resets connections, or will. Refuses to know how; it wires
//! arguments, the host, a recording and the faces together.

mod args;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use whyreset_audit::text::Paint;
use whyreset_audit::{Finding, Host, Severity, audit, json, seen, text};
use whyreset_host::netns;

pub(crate) use self::args::Audit;
use crate::args::Format;
use crate::screen;

/// Looks once. Exit code 1 where `--fail-on` minds what was found.
pub(crate) fn run(args: &Audit) -> ExitCode {
    match look(args) {
        Ok(code) => code,
        Err(error) => screen::fail(&format!("{error:#}")),
    }
}

fn look(args: &Audit) -> Result<ExitCode> {
    let only = args.netns.as_deref().map(netns::inode_of).transpose()?;
    // A recording that cannot be read is told before anybody waits.
    let seen = args.record.as_deref().map(record).transpose()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot catch signals")?;
    }
    let wait = || {
        let end = args.watch.map(|span| Instant::now() + span);
        while end.is_some_and(|end| Instant::now() < end) && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let begun = Instant::now();
    let mut host = Host::look(only, args.watch.map(|span| (span, &wait as &dyn Fn())));
    // Ctrl-C prints what is known.
    host.watched = host.watched.map(|span| span.min(begun.elapsed()));
    if host.spaces.is_empty() {
        let why = host
            .unread
            .first()
            .map_or_else(|| "it is gone".to_owned(), text::unread);
        return Err(anyhow!("cannot look at this network namespace: {why}"));
    }
    let mut findings = audit(&host);
    if let Some(seen) = &seen {
        let strangers = seen::link(&mut findings, seen);
        notice(&format!(
            "{} resets in the record, {strangers} of which no finding explains",
            seen.len()
        ));
    }
    show(args, &host, &findings)?;
    let minded = findings
        .iter()
        .any(|finding| args.fail_on.iter().any(|word| minds(word, finding)));
    Ok(if minded {
        ExitCode::from(screen::MINDED)
    } else {
        ExitCode::SUCCESS
    })
}

fn record(path: &Path) -> Result<Vec<seen::Seen>> {
    let what = || format!("cannot read the recording {}", path.display());
    let file = File::open(path).with_context(what)?;
    seen::read(BufReader::new(file)).with_context(what)
}

fn show(args: &Audit, host: &Host, findings: &[Finding]) -> Result<()> {
    let mut out = String::new();
    match args.output {
        Format::Json => {
            out.extend(findings.iter().map(json::finding));
            out.extend(host.unread.iter().map(json::unread));
        }
        Format::Text => {
            let style = screen::style(args.color, args.quiet, false);
            let paint = Paint {
                colour: style.colour,
                brief: style.brief,
                width: style.width,
            };
            out.push_str(&text::page(findings, host, paint));
        }
    }
    screen::print(&out).context("cannot write to standard output")?;
    if args.output == Format::Text {
        for unread in &host.unread {
            notice(&text::unread(unread));
        }
    }
    notice(&text::summary(findings, host));
    Ok(())
}

fn notice(text: &str) {
    use std::io::Write as _;
    // Where not even stderr can be written there is nobody left to tell.
    _ = writeln!(std::io::stderr(), "whyreset: {text}");
}

/// A severity minds what is graver, too.
fn minds(word: &str, finding: &Finding) -> bool {
    let severity = Severity::ALL.into_iter().find(|one| one.as_str() == word);
    word == "any"
        || severity.is_some_and(|least| finding.severity >= least)
        || finding.check.id == word
        || finding.check.causes.contains(&word)
}

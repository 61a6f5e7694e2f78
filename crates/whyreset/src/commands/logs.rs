//! `whyreset logs`: connection errors in logs, grouped and explained. Refuses to judge: words are
//! not packets, and what they cannot tell is said beside them.

mod args;
mod groups;
mod json;
mod text;
mod vocabulary;

use std::ffi::OsStr;
use std::io::{self, Cursor, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use whyreset_logs::{Clock, Journal, KernelLog, Progress, Scanned, Source, scan};

pub(crate) use self::args::Logs;
use self::groups::{Found, Groups};
pub(crate) use self::vocabulary::Known;
use crate::args::Format;
use crate::screen;

/// Searches what was named.
pub fn run(args: &Logs) -> ExitCode {
    match search(args) {
        Ok(code) => code,
        Err(error) => screen::fail(&format!("{error:#}")),
    }
}

/// What all files together were.
#[derive(Default)]
struct Account {
    scanned: Scanned,
    files: usize,
    failed: usize,
    took: Duration,
}

fn search(args: &Logs) -> Result<ExitCode> {
    let known = Known::new();
    let clock = Clock::system();
    let mut groups = Groups::default();
    let mut account = Account::default();
    let start = Instant::now();
    for name in &args.files {
        match one(name, args, &known, &clock, &mut groups) {
            Ok(scanned) => {
                account.files += 1;
                account.scanned.bytes += scanned.bytes;
                account.scanned.lines += scanned.lines;
                account.scanned.overlong += scanned.overlong;
            }
            Err(why) => {
                account.failed += 1;
                notice(&format!("{why:#}"));
            }
        }
    }
    account.took = start.elapsed();
    let style = screen::style(args.color, false, false);
    let told = match args.output {
        Format::Text => text::page(&groups, &account, &style),
        Format::Json => json::lines(&groups, &account)?,
    };
    screen::print(&told)?;
    if account.scanned.overlong > 0 {
        notice(&format!(
            "{} lines are longer than a block; only their beginnings were looked at",
            account.scanned.overlong
        ));
    }
    if groups.turned_away > 0 {
        notice(&format!(
            "{} lines of further kinds were counted and not kept; name fewer files at once",
            groups.turned_away
        ));
    }
    let minded = groups.any(|id| args.fail_on.iter().any(|minded| minded == "any" || minded == id));
    Ok(ExitCode::from(match (account.failed, minded) {
        (0, false) => 0,
        (0, true) => screen::MINDED,
        _ => screen::SET_UP,
    }))
}

fn one(name: &Path, args: &Logs, known: &Known, clock: &Clock, groups: &mut Groups) -> Result<Scanned> {
    let mut clock = clock.clone();
    let named = name.to_str().unwrap_or_default();
    let mut progress = None;
    let source: Box<dyn Read + Send> = match named.split_once(':').unwrap_or((named, "")) {
        ("journal", unit) if !name.exists() => {
            let unit = Some(unit).filter(|unit| !unit.is_empty());
            Box::new(Journal::start(
                OsStr::new("journalctl"),
                unit,
                args.since.as_deref(),
                false,
            )?)
        }
        ("kernel", "") if !name.exists() => Box::new(Cursor::new(kernel()?)),
        _ => {
            let source = Source::open(name)?;
            clock.reference = source.modified.unwrap_or(clock.reference);
            progress = source.size.map(|size| (source.progress.clone(), size));
            source.into_reader()
        }
    };
    let index = groups.source(name.display().to_string());
    let threads = thread::available_parallelism().map_or(1, |count| count.get().min(4));
    let over = AtomicBool::new(false);
    let (scanned, end) = thread::scope(|scope| {
        if let Some((progress, size)) = progress.filter(|_| io::stderr().is_terminal()) {
            let over = &over;
            scope.spawn(move || draw(&progress, size, over));
        }
        let done = scan(
            source,
            &known.words,
            threads,
            |line, look| Found::new(line, look, &clock),
            |hit| groups.add(index, hit.line, &hit.value, known),
        );
        over.store(true, Ordering::Relaxed);
        done
    });
    end.map_err(|why| whyreset_logs::LogError::Read {
        name: name.display().to_string(),
        after: scanned.bytes,
        why,
    })?;
    Ok(scanned)
}

/// All that the kernel's log holds.
pub(crate) fn kernel() -> Result<Vec<u8>> {
    /// The kernel's ring has a few megabytes.
    const MOST: usize = 16 << 20;
    let mut log = KernelLog::open()?;
    let mut text = Vec::new();
    while text.len() < MOST {
        let Some(record) = log.record()? else { break };
        text.extend_from_slice(record.line().as_bytes());
        text.push(b'\n');
    }
    Ok(text)
}

/// A bar on standard error until `over`.
fn draw(progress: &Progress, size: u64, over: &AtomicBool) {
    let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr_with_hz(5));
    let template = "{bar:32} {bytes} of {total_bytes}  {binary_bytes_per_sec}  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    while !over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(50));
        bar.set_position(progress.bytes());
    }
    bar.finish_and_clear();
}

fn notice(text: &str) {
    // Where not even stderr can be written there is nobody left to tell.
    _ = writeln!(io::stderr(), "whyreset: {text}");
}

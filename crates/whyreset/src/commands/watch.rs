//! `whyreset watch`: wires kernel, judge and faces together, and keeps the policy.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use whyreset_causes::judge;
use whyreset_evidence::{Dossier, Verdict, parse_dossier, write_dossier};
use whyreset_host::{netns, privileges};
use whyreset_live::{Options, Watcher};
use whyreset_report::json_v1;
use whyreset_report::summary::Summary;
use whyreset_report::text::{self, Style};

use crate::args::{Format, Watch};
use crate::filter::{self, Filter};
use crate::holders::Table;
use crate::screen;

/// Longest time between two looks at signals and the clock.
const LOOK_UP: Duration = Duration::from_millis(200);

/// Watches until told to stop.
pub fn run(args: &Watch) -> ExitCode {
    match Desk::new(args).and_then(|desk| {
        if args.replay.is_some() {
            replay(desk)
        } else {
            watch(desk)
        }
    }) {
        Ok(code) => code,
        Err(error) => screen::fail(&format!("{error:#}")),
    }
}

/// What happens to each dossier: judged, filtered, counted, recorded, printed.
struct Desk<'a> {
    args: &'a Watch,
    filter: Option<Filter>,
    style: Style,
    record: Option<File>,
    summary: Summary,
    printed: u64,
    minded: bool,
    /// Why to stop before the time is over: nobody reads, or nothing can be written.
    end: Option<Result<()>>,
}

impl<'a> Desk<'a> {
    fn new(args: &'a Watch) -> Result<Self> {
        let expression = args.filter.join(" ");
        let filter = (!expression.is_empty())
            .then(|| filter::parse(&expression))
            .transpose()?;
        let record = args.record.as_deref().map(open_record).transpose()?;
        Ok(Self {
            args,
            filter,
            style: screen::style(args.color, args.quiet, args.verbose),
            record,
            summary: Summary::default(),
            printed: 0,
            minded: false,
            end: None,
        })
    }

    /// `false` when it is time to stop.
    fn take(&mut self, dossier: &Dossier) -> bool {
        let verdict = judge(dossier);
        if !self.wants(&verdict) {
            return true;
        }
        self.summary.add(&verdict);
        if verdict.reset.benign && !self.args.all {
            return true;
        }
        self.minded |= self
            .args
            .fail_on
            .iter()
            .any(|id| *id == "any" || *id == verdict.cause.id);
        let outcome = self.keep(dossier).and_then(|()| self.print(&verdict));
        match outcome {
            Ok(true) => {
                self.printed += 1;
                !self.full()
            }
            Ok(false) => {
                self.end = Some(Ok(()));
                false
            }
            Err(error) => {
                self.end = Some(Err(error));
                false
            }
        }
    }

    fn wants(&self, verdict: &Verdict) -> bool {
        let args = self.args;
        let by_cause = args.cause.is_empty() || args.cause.contains(&verdict.cause.id);
        let by_flow = self.filter.as_ref().is_none_or(|filter| filter.takes(verdict));
        let by_process = args.pid.is_none_or(|pid| {
            let victim = verdict.victim.as_ref().and_then(|victim| victim.process.as_ref());
            [verdict.sender.process.as_ref(), victim]
                .into_iter()
                .flatten()
                .any(|process| process.pid == pid)
        });
        by_cause && by_flow && by_process
    }

    fn full(&self) -> bool {
        self.args.count.is_some_and(|count| self.printed >= count)
    }

    fn keep(&mut self, dossier: &Dossier) -> Result<()> {
        let Some(file) = &mut self.record else {
            return Ok(());
        };
        let path = || {
            self.args
                .record
                .as_deref()
                .unwrap_or(Path::new(""))
                .display()
                .to_string()
        };
        file.write_all((write_dossier(dossier) + "\n").as_bytes())
            .with_context(|| {
                format!(
                    "cannot record to {}; free some space or leave --record out",
                    path()
                )
            })
    }

    fn print(&self, verdict: &Verdict) -> Result<bool> {
        let text = match self.args.output {
            Format::Json => json_v1::line(verdict) + "\n",
            Format::Text => text::verdict(verdict, &self.style),
        };
        screen::print(&text).context("cannot write to standard output")
    }

    fn code(self) -> Result<ExitCode> {
        self.end.transpose()?;
        Ok(if self.minded {
            ExitCode::from(screen::MINDED)
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn open_record(path: &Path) -> Result<File> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| {
            format!(
                "cannot write the recording {}; choose another place",
                path.display()
            )
        })
}

/// Judges a recording: the same road, another door.
fn replay(mut desk: Desk<'_>) -> Result<ExitCode> {
    let path = desk.args.replay.as_deref().unwrap_or(Path::new("-"));
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the recording {}", path.display()))?;
    for (index, part) in text
        .split("\n\n")
        .enumerate()
        .filter(|(_, part)| !part.trim().is_empty())
    {
        let dossier = parse_dossier(part)
            .with_context(|| format!("{}: record {} is damaged", path.display(), index + 1))?;
        if !desk.take(&dossier) {
            break;
        }
    }
    desk.code()
}

fn watch(mut desk: Desk<'_>) -> Result<ExitCode> {
    let args = desk.args;
    let netns = args.netns.as_deref().map(netns::inode_of).transpose()?;
    let missing = privileges::missing_for_live();
    if !missing.is_empty() {
        anyhow::bail!(
            "{} missing: the kernel lets only privileged programs watch it; run `sudo whyreset`, or give the file the \
             capabilities once: `sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search+ep $(command -v whyreset)`",
            missing.join(" and ")
        );
    }
    let stop = stop_flag()?;
    let mut watcher = Watcher::attach(
        &Options {
            netns,
            ring: args.ring,
        },
        Box::new(Table::scanned()),
    )?;
    if let Err(error) = privileges::drop_all_but_lookup() {
        notice(&format!("privileges could not be dropped: {error}"));
    }
    announce(args, &watcher)?;
    let unseen = privileges::missing_for_lookup();
    if !unseen.is_empty() {
        notice(&format!(
            "{} missing: whose socket it is cannot be looked up for other users' processes (who closes one is still known)",
            unseen.join(" and ")
        ));
    }
    let end = args.duration.map(|span| Instant::now() + span);
    while !stop.load(Ordering::Relaxed) && desk.end.is_none() && !desk.full() {
        let left = end.map_or(LOOK_UP, |end| end.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            break;
        }
        watcher.poll(left.min(LOOK_UP), &mut |dossier| desk.take(dossier));
    }
    if desk.end.is_none() && !desk.full() {
        watcher.flush(&mut |dossier| desk.take(dossier));
    }
    if desk.end.is_none() {
        notice(&desk.summary.text(false));
    }
    if watcher.lost() > 0 {
        notice(&format!(
            "{} kernel events were lost: the ring was full; give it more with --ring, or narrow the view with --netns",
            watcher.lost()
        ));
    }
    desk.code()
}

/// Set by SIGINT and SIGTERM; a second one ends the program at once.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .context("cannot listen to signals")?;
    }
    Ok(stop)
}

fn announce(args: &Watch, watcher: &Watcher) -> Result<()> {
    let place = if args.netns.is_some() {
        "in this network namespace"
    } else {
        "on this host"
    };
    notice(&format!(
        "watching every TCP reset {place}; Ctrl-C ends with a summary"
    ));
    for blind in watcher.missing() {
        notice(&format!("not seen: {} ({})", blind.what, blind.cure));
    }
    if let Some(fd) = args.ready_fd {
        let path = format!("/proc/self/fd/{fd}");
        let written = File::options()
            .write(true)
            .open(&path)
            .and_then(|mut file| file.write_all(b"\n"));
        written.with_context(|| format!("cannot write to descriptor {fd} given with --ready-fd"))?;
    }
    Ok(())
}

fn notice(text: &str) {
    for line in text.lines() {
        // Where not even stderr can be written there is nobody left to tell.
        _ = writeln!(io::stderr(), "whyreset: {line}");
    }
}

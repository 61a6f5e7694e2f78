//! `whyreset demo`: five classic ways to lose a connection, played by real processes, watched by
//! the real watcher, and for one of them what was on the wire. Refuses to invent: every line of a
//! client is what its kernel gave it, every verdict is the watcher's own.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use whyreset_lab::Watcher;
use whyreset_lab::demo::{ACTS, Speaker, Theatre, Wire};

use crate::args::Colour;
use crate::ladder::draw;
use crate::screen;

/// A verdict follows its reset within this time.
const VERDICT: Duration = Duration::from_secs(3);
/// A verdict is complete when no line has come for this long.
const QUIET: Duration = Duration::from_millis(400);
/// Pause before a line, for eyes that read along.
const PACE: Duration = Duration::from_millis(300);

/// Plays the tour. Exit code 2 where not even the acts could be played.
pub(crate) fn run() -> ExitCode {
    match play(&mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed(&error) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(io::stderr(), "whyreset demo: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether nobody reads stdout any more.
fn is_closed(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    kind == Some(io::ErrorKind::BrokenPipe)
}

fn play(out: &mut dyn Write) -> anyhow::Result<()> {
    let program = std::env::current_exe()?;
    let pace = if io::stdout().is_terminal() {
        PACE
    } else {
        Duration::ZERO
    };
    writeln!(
        out,
        "Five ways to lose a TCP connection, on loopback, with real processes."
    )?;
    let mut theatre = Theatre::open(&program)?;
    match &theatre.shared {
        None => writeln!(
            out,
            "They play in a network namespace of their own; nothing else is touched."
        )?,
        Some(why) => writeln!(
            out,
            "They play on this machine's loopback: no namespace of their own ({why})."
        )?,
    }
    let mut words = vec!["--netns".to_owned(), theatre.netns.to_string()];
    if screen::style(Colour::Auto, false, false).colour {
        // Its stdout is a pipe to here.
        words.extend(["--color", "always"].map(str::to_owned));
    }
    if theatre.shared.is_some() {
        words.extend(["host", "127.0.0.1"].map(str::to_owned));
    }
    let watcher = watch(out, &program, &words)?;
    for (number, act) in (1..).zip(ACTS) {
        writeln!(out, "\n{number}/{}  {}\n", ACTS.len(), act.title)?;
        let mut failed = Ok(());
        let mut tell = |speaker: Speaker, line: &str| {
            sleep(pace);
            let line = match speaker {
                Speaker::Plain => format!("{:11}  \"{line}\"", ""),
                _ => format!("     {:6}  {line}", speaker.word()),
            };
            let told = writeln!(out, "{line}").and_then(|()| out.flush());
            if failed.is_ok() {
                failed = told;
            }
        };
        let wire = theatre.perform(act, &mut tell)?;
        failed?;
        if let Some(watcher) = &watcher {
            verdict(out, watcher)?;
        }
        if let Some(note) = act.ladder {
            ladder(out, &wire, note)?;
        }
        out.flush()?;
    }
    writeln!(out, "\n{END}")?;
    Ok(())
}

/// The watcher, or in words why there is none.
fn watch(
    out: &mut dyn Write,
    program: &std::path::Path,
    words: &[String],
) -> anyhow::Result<Option<Watcher>> {
    let begun = Instant::now();
    let mut watcher = Watcher::start(program, words)?;
    match watcher.wait_ready() {
        Ok(()) => {
            let took = begun.elapsed().as_secs_f32();
            writeln!(
                out,
                "`whyreset watch` is attached to the kernel (after {took:.1} s) and watches."
            )?;
            Ok(Some(watcher))
        }
        Err(error) => {
            writeln!(
                out,
                "\nThe watcher cannot run here, so that only the programs' own view is shown:\n  {error:#}"
            )?;
            writeln!(out, "  As root the verdicts are shown too: sudo whyreset demo")?;
            Ok(None)
        }
    }
}

fn verdict(out: &mut dyn Write, watcher: &Watcher) -> io::Result<()> {
    writeln!(out, "\n     whyreset watch:")?;
    let mut patience = VERDICT;
    let mut said = false;
    while let Some(line) = watcher.line(patience) {
        writeln!(out, "     {line}")?;
        (patience, said) = (QUIET, true);
    }
    if !said {
        writeln!(out, "     (nothing, which is a defect: please report it)")?;
    }
    Ok(())
}

fn ladder(out: &mut dyn Write, wire: &anyhow::Result<Wire>, note: &str) -> io::Result<()> {
    let wire = match wire {
        Err(error) => return writeln!(out, "\n     The wire could not be watched: {error:#}"),
        Ok(wire) => wire,
    };
    writeln!(out, "\n     On the wire:\n")?;
    out.write_all(draw(wire.server, &wire.frames, note, None).as_bytes())
}

const END: &str = "\
refused      there never was a connection: a reset answered the SYN. Start the server, or fix the port.
reset        there was a connection, and the other side's kernel threw it away. Ask who closed it, and why.
broken pipe  you wrote to a connection that was already dead. The reset came before, often drawn by your last write.

Next:  sudo whyreset                every reset on this machine, as it happens
       whyreset explain             all causes; `whyreset explain unread-data` is one page
       sudo whyreset lab run --all  every cause, made to happen and checked";

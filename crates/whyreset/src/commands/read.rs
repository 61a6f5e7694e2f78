//! `whyreset read`: verdicts from captures. Chooses between a file, a stream and several places,
//! and says what could not be seen.

mod crew;
mod desk;
mod faces;
mod first;
mod follow;
pub mod input;
mod joined;
mod lanes;
mod marks;
mod progress;
mod queue;
mod single;

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use anyhow::{Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use whyreset_capture::Reader;

use self::desk::Desk;
use self::progress::Progress;
use self::single::Account;
use crate::args::{Read, ReadFormat};
use crate::screen;

/// Reads what was asked for.
pub fn run(args: &Read) -> ExitCode {
    match read(args) {
        Ok(code) => code,
        Err(error) => screen::fail(&format!("{error:#}")),
    }
}

fn read(args: &Read) -> Result<ExitCode> {
    let (files, expression) = split(args)?;
    let stream = files == [Path::new("-")];
    ensure!(
        stream || !files.iter().any(|file| file == Path::new("-")),
        "`-` (standard input) cannot be read together with files"
    );
    ensure!(
        !(stream && args.logs.logs.iter().any(|log| log == "-")),
        "standard input is the capture; name the log by its file"
    );
    ensure!(
        args.annotate.is_none() || (files.len() == 1 && !stream),
        "--annotate wants one capture file to copy"
    );
    let ladders = AtomicBool::new(!args.quiet && args.output != ReadFormat::Json);
    let mut desk = Desk::new(args, &expression, stream, &ladders)?;
    let progress = if stream {
        Progress::none()
    } else {
        Progress::shown()
    };
    let most = args.max_flows;
    let outcome = match files.as_slice() {
        [_] if stream => Reader::from_stdin()
            .map_err(anyhow::Error::from)
            .and_then(|reader| {
                single::stream(reader, most, &progress, &stdin_comes, &mut |told| desk.take(told))
            }),
        // All connections of a small file cost nothing, and tell of each other.
        [file] if is_large(file) => {
            single::file(file, most, args.threads(), &progress, &ladders, &mut |told| {
                desk.take(told)
            })
        }
        [file] => Reader::open(file)
            .map_err(anyhow::Error::from)
            .and_then(|reader| {
                single::stream(reader, most, &progress, &|| true, &mut |told| desk.take(told))
            }),
        files => joined::read(files, most, &progress).map(|(account, told)| {
            for one in told {
                if !desk.take(one) {
                    break;
                }
            }
            account
        }),
    };
    desk.release();
    progress.end();
    let account = match outcome {
        Ok(account) => account,
        Err(error) => {
            close(&mut desk, &Account::default());
            return Err(error);
        }
    };
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    faces::write(&mut desk, args, &files, &account)?;
    close(&mut desk, &account);
    desk.outcome()?;
    if let Some(output) = &args.annotate {
        let annotated = whyreset_capture::annotate(Path::new(&files[0]), output, &desk.comments)?;
        notice(&format!(
            "{} written: {} packets, {} of them with a verdict",
            output.display(),
            annotated.packets,
            annotated.comments
        ));
    }
    Ok(if desk.minded {
        ExitCode::from(screen::MINDED)
    } else {
        ExitCode::SUCCESS
    })
}

/// What the whole capture was, on standard error.
fn close(desk: &mut Desk<'_>, account: &Account) {
    if !desk.has_reader() {
        return;
    }
    for line in notices(account) {
        notice(&line);
    }
    if desk.folded > 0 {
        notice(&format!(
            "{} more of the same kinds were counted and not printed; -o json lists every one",
            desk.folded
        ));
    }
    notice(&desk.summary().text(false));
    if account.frames > 0 {
        let counters = account.counters;
        notice(&format!(
            "{} frames, {} TCP segments, {} resets in the capture, {} of them only repeat or answer another",
            account.frames, counters.segments, counters.resets, counters.echoes
        ));
    }
}

/// What was not seen, or not believed.
fn notices(account: &Account) -> Vec<String> {
    let mut lines = account.notices.clone();
    let counters = account.counters;
    for (count, what) in [
        (
            account.lost,
            "packets were lost by the capture itself; what they held is not known",
        ),
        (
            account.unread,
            "frames could not be decoded (cut, broken, or of an unknown link layer)",
        ),
        (
            account.steps_back,
            "times the clock went back by more than a second",
        ),
        (
            counters.copies,
            "segments are in the capture twice and were counted once",
        ),
        (
            counters.evicted,
            "connections were forgotten to make room; --max-flows gives them more",
        ),
    ] {
        if count > 0 {
            lines.push(format!("{count} {what}"));
        }
    }
    lines
}

/// The files, and the filter after them: the first word is a file, and so is every further one
/// that is there or that no filter begins with.
fn split(args: &Read) -> Result<(Vec<PathBuf>, String)> {
    const OPENERS: [&str; 14] = [
        "host",
        "net",
        "port",
        "portrange",
        "src",
        "dst",
        "ip",
        "ip6",
        "tcp",
        "not",
        "!",
        "(",
        "and",
        "or",
    ];
    let mut files = args.file.clone();
    let mut words = args.words.iter().peekable();
    while let Some(word) = words.peek() {
        let path = PathBuf::from(word);
        let is_file = word.as_str() == "-" || path.exists();
        // A filter may come as one word, as shells quote it.
        let first = word.split_whitespace().next().unwrap_or_default();
        let opens_filter = OPENERS.contains(&first) || word.starts_with(['(', '!']);
        if !is_file && (opens_filter || !files.is_empty() && !word.contains(['/', '.'])) {
            break;
        }
        files.push(path);
        words.next();
    }
    if files.is_empty() {
        bail!("no capture named; `whyreset read trace.pcap`, or `tcpdump -w - | whyreset read -`");
    }
    let mut seen = HashSet::new();
    for file in &files {
        ensure!(seen.insert(file), "{} is named twice", file.display());
    }
    let filter: Vec<&str> = words.map(String::as_str).collect();
    Ok((files, filter.join(" ")))
}

/// Waits for standard input, for as long as a reset waits for what follows it.
fn stdin_comes() -> bool {
    let wait = Timespec {
        tv_sec: 2,
        tv_nsec: 0,
    };
    let stdin = io::stdin();
    // What cannot be asked is read at once.
    poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&wait)).map_or(true, |ready| ready > 0)
}

fn is_large(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.len() >= single::LARGE)
}

fn notice(text: &str) {
    for line in text.lines() {
        // Where not even stderr can be written there is nobody left to tell.
        _ = writeln!(io::stderr(), "whyreset: {line}");
    }
}

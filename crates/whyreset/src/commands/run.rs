//! `whyreset run`: runs a command and tells of every connection failure that it or its children meet.
//! Wires the way to follow it, the judge and the report together. Its exit code is the command's.

mod args;
mod calls;
mod kernel;
mod report;

use std::process::ExitCode;

use whyreset_host::privileges;
use whyreset_trace::{Follow, Held, Unable, hold};

use self::args::By;
pub(crate) use self::args::Run;
use self::report::{Report, notice};
use crate::screen;

/// The command could not be started or watched, as env(1) has it.
const NOT_STARTED: u8 = 125;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Runs the command to its end.
pub(crate) fn run(args: &Run) -> ExitCode {
    let report = match Report::open(args) {
        Ok(report) => report,
        Err(error) => return screen::fail(&format!("{error:#}")),
    };
    match hold(&args.command).and_then(|held| followed(args, held, report)) {
        Ok(code) => ExitCode::from(code),
        Err(unable) => refused(&unable),
    }
}

fn followed(args: &Run, held: Held, report: Report<'_>) -> Result<u8, Unable> {
    let missing = privileges::missing_for_live();
    let follow = if args.every_call {
        Follow::EveryCall
    } else {
        Follow::Sockets
    };
    match args.by {
        By::Calls => calls::run(held, follow, report),
        By::Auto if args.every_call || !missing.is_empty() => calls::run(held, follow, report),
        By::Kernel if !missing.is_empty() => Err(Unable::NotStarted(format!(
            "{} missing: the kernel lets only privileged programs watch it; run it with sudo, or with --by calls",
            missing.join(" and ")
        ))),
        By::Auto | By::Kernel => match kernel::eyes() {
            Ok(eyes) => kernel::run(eyes, held, report),
            Err(why) if args.by == By::Auto => {
                notice(&format!("{why:#}; following the command by its calls instead"));
                calls::run(held, follow, report)
            }
            Err(why) => Err(Unable::NotStarted(format!("{why:#}"))),
        },
    }
}

fn refused(unable: &Unable) -> ExitCode {
    let (why, code) = match unable {
        Unable::NotFound(why) => (why, NOT_FOUND),
        Unable::NotExecutable(why) => (why, NOT_EXECUTABLE),
        Unable::NotStarted(why) => (why, NOT_STARTED),
    };
    notice(why);
    ExitCode::from(code)
}

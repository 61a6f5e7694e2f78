//! What goes to the terminal and how: style, exit codes, and the quiet end when nobody reads.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use whyreset_report::text::Style;

use crate::args::Colour;

/// Usage or set-up error.
pub const SET_UP: u8 = 2;
/// Resets that the policy minds.
pub const MINDED: u8 = 1;

/// The style of standard output.
pub fn style(colour: Colour, brief: bool, verbose: bool) -> Style {
    let stdout = io::stdout();
    let terminal = stdout.is_terminal();
    let colour = match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => terminal && wants_colour(),
    };
    let width = terminal
        .then(|| rustix::termios::tcgetwinsize(&stdout).ok())
        .flatten();
    Style {
        colour,
        width: width
            .map(|size| usize::from(size.ws_col))
            .filter(|columns| *columns >= 40),
        brief,
        verbose,
        zone: jiff::tz::TimeZone::try_system().unwrap_or(jiff::tz::TimeZone::UTC),
    }
}

/// `NO_COLOR` (no-color.org: any value that is not empty), and terminals that have none.
fn wants_colour() -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    !forbidden && !dumb
}

/// Writes all of `text` at once. `Ok(false)`: nobody reads any more, which is a quiet end.
///
/// # Errors
/// Any other failure, for instance a full disk.
pub fn print(text: &str) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

/// Prints a whole answer and ends.
pub fn answer(text: &str) -> ExitCode {
    match print(text) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("cannot write to standard output: {error}")),
    }
}

/// Says why nothing could be done, and ends.
pub fn fail(why: &str) -> ExitCode {
    // Where not even stderr can be written there is nobody left to tell.
    _ = writeln!(io::stderr(), "whyreset: {why}");
    ExitCode::from(SET_UP)
}

/// Prints clap's own words; help and version are answers, the rest are errors.
pub fn usage(refusal: &clap::Error) -> ExitCode {
    if refusal.use_stderr() {
        _ = refusal.print();
        return ExitCode::from(SET_UP);
    }
    answer(&refusal.render().to_string())
}

//! `whyreset explain`: a cause's page, what an error message means, or the list of causes.

use std::process::ExitCode;

use whyreset_report::explain;

use crate::args::Explain;
use crate::screen;

/// Answers, or says what is near and ends with 2.
pub fn run(args: &Explain) -> ExitCode {
    let style = screen::style(args.color, false, false);
    match explain::answer(&args.what.join(" "), &style) {
        Ok(answer) => screen::answer(&answer),
        Err(refusal) => screen::fail(&refusal),
    }
}

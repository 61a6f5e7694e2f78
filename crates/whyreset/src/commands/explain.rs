//! `whyreset explain`: a cause's page, what an error message means, or the list of causes.

use std::process::ExitCode;

use whyreset_report::{explain, messages};

use crate::args::Explain;
use crate::screen;

/// Answers, or says what is near and ends with 2.
pub fn run(args: &Explain) -> ExitCode {
    let query = args.what.join(" ");
    if query.is_empty() {
        return screen::answer(&explain::list());
    }
    if let Some(cause) = whyreset_causes::find(&query) {
        return screen::answer(&explain::page(cause, &screen::style(args.color, false, false)));
    }
    if let Some(meaning) = messages::explain(&query) {
        return screen::answer(&meaning);
    }
    let near = explain::nearest(&query).map_or(String::new(), |id| {
        format!("; did you mean `whyreset explain {id}`?")
    });
    screen::fail(&format!(
        "neither a cause nor an error message that is known{near} (`whyreset explain` alone lists the causes)"
    ))
}

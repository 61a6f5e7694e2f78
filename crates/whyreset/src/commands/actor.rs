//! `whyreset actor ROLE k=v...`, hidden: one real process of a lab scenario. Refuses to be run by
//! hand for anything else.

use std::ffi::OsString;
use std::process::ExitCode;

/// Plays the role; see `whyreset_lab::actor`.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    whyreset_lab::actor::main(arguments)
}

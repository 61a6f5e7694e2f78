//! The binary: arguments, wiring, exit codes.

mod args;
mod commands;
mod filter;
mod holders;
mod ladder;
mod logbook;
mod screen;
mod sys;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    sys::forgo_backtraces();
    let words = args::with_default_command(std::env::args_os().collect());
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(refusal) => return screen::usage(&refusal),
    };
    match cli.command {
        Command::Watch(watch) => commands::watch::run(&watch),
        Command::Read(read) => commands::read::run(&read),
        Command::Probe(probe) => commands::probe::run(&probe),
        Command::Proxy(proxy) => commands::proxy::run(*proxy),
        Command::Audit(audit) => commands::audit::run(&audit),
        Command::Explain(explain) => commands::explain::run(&explain),
        Command::Logs(logs) => commands::logs::run(&logs),
        Command::Run(run) => commands::run::run(&run),
        Command::Demo => commands::demo::run(),
        Command::Lab { lab } => commands::lab::run(&lab),
        Command::Warden { netns } => commands::warden::run(netns),
        Command::Actor { role } => commands::actor::run(role),
    }
}

//! `whyreset actor ROLE k=v...`: real processes that play the ends of a connection. Hidden from
//! users; steered by lines on stdin, answering with lines on stdout. Refuses to outlive the lab.

mod churn;
mod enter;
mod errno;
mod hand;
mod keeper;
mod options;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

/// Plays the role that the arguments name. Exit code 2 on a usage error.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match play(arguments.into_iter().collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("whyreset actor: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn play(arguments: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let mut words = arguments.into_iter();
    let role = words.next().context("a role is missing: hand, keeper or exec")?;
    let mut settings = Vec::new();
    for word in words.by_ref() {
        let word = word.into_string().ok().context("arguments must be UTF-8")?;
        if word == "--" {
            break;
        }
        let (key, value) = word
            .split_once('=')
            .with_context(|| format!("not key=value: {word}"))?;
        settings.push((key.to_owned(), value.to_owned()));
    }
    let settings = enter::Settings::new(settings);
    settings.apply()?;
    match role.to_str() {
        Some("hand") => hand::main().map(|()| ExitCode::SUCCESS),
        Some("keeper") => keeper::main(&settings).map(|()| ExitCode::SUCCESS),
        Some("exec") => {
            let program = words.next().context("a program is missing after --")?;
            let error = Command::new(&program).args(words).exec();
            Err(error).with_context(|| format!("cannot run {}", program.display()))
        }
        _ => bail!(
            "no such role: {}; there are hand, keeper and exec",
            role.display()
        ),
    }
}

//! Who runs: the product, the minimal scan, and the programs that people use today. Says how each is
//! called and which of them are not installed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::sh;

/// A program and how it is called for one capture.
pub struct Entrant {
    pub role: Role,
    /// For the table.
    pub label: String,
    program: PathBuf,
    before: Vec<OsString>,
    after: Vec<OsString>,
}

/// What it is to the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The product, one line a reset, on one processor.
    OneCore,
    /// The same on two.
    TwoCores,
    /// The product with every verdict whole, on one processor.
    Json,
    Minimal,
    Tcpdump,
    Tcptrace,
    Tshark,
}

impl Role {
    /// Whether it reads the smaller capture: the whole one would take it hours.
    pub fn is_slow(self) -> bool {
        matches!(self, Self::Tcptrace | Self::Tshark)
    }

    /// Whether it also runs with the capture out of the page cache.
    pub fn runs_cold(self) -> bool {
        matches!(
            self,
            Self::OneCore | Self::TwoCores | Self::Minimal | Self::Tcpdump
        )
    }

    /// Whether it says on stderr what it counted.
    pub fn tells_counts(self) -> bool {
        matches!(self, Self::OneCore | Self::TwoCores | Self::Minimal)
    }
}

impl Entrant {
    fn new(role: Role, label: &str, program: &Path, before: &[&str], after: &[&str]) -> Self {
        Self {
            role,
            label: label.to_owned(),
            program: program.to_owned(),
            before: before.iter().map(OsString::from).collect(),
            after: after.iter().map(OsString::from).collect(),
        }
    }

    /// Its command line for this file.
    pub fn command(&self, file: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.before).arg(file).args(&self.after);
        command
    }
}

/// All that can run here, the product first, and what cannot: its name with the package that has it.
pub fn all(whyreset: &Path, two_cores: bool) -> Result<(Vec<Entrant>, Vec<String>)> {
    let ours = std::env::current_exe().context("cannot find our own program")?;
    let mut entrants = vec![Entrant::new(
        Role::OneCore,
        "whyreset read -q",
        whyreset,
        &["read", "-q"],
        &[],
    )];
    if two_cores {
        let label = "whyreset read -q, 2 cores";
        entrants.push(Entrant::new(
            Role::TwoCores,
            label,
            whyreset,
            &["read", "-q"],
            &[],
        ));
    }
    let json = &["read", "--all", "-o", "json"];
    entrants.push(Entrant::new(
        Role::Json,
        "whyreset read --all -o json",
        whyreset,
        json,
        &[],
    ));
    entrants.push(Entrant::new(
        Role::Minimal,
        "minimal scan",
        &ours,
        &["bench", "read-minimal"],
        &[],
    ));
    let mut missing = Vec::new();
    for (role, name, before, after) in [
        (
            Role::Tcpdump,
            "tcpdump",
            &["-n", "-r"][..],
            &["-w", "/dev/null", "tcp[13]&4!=0"][..],
        ),
        (Role::Tcptrace, "tcptrace", &["-n"], &[]),
        (Role::Tshark, "tshark", &["-r"], &["-Y", "tcp.flags.reset==1"]),
    ] {
        match sh::find(name) {
            Some(program) => entrants.push(Entrant::new(role, name, &program, before, after)),
            // Each comes in a Debian package of its own name.
            None => missing.push(format!("{name} is not installed (package {name})")),
        }
    }
    Ok((entrants, missing))
}

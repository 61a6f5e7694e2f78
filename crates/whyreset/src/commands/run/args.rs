//! What `whyreset run` takes.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::{Colour, Format};

/// How the command is followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// By the kernel's events where privileges allow, else by its calls
    #[default]
    Auto,
    /// By the kernel's events (eBPF; needs root): who reset and why, at no cost to the command
    Kernel,
    /// By the calls it makes on sockets (seccomp and ptrace; needs no privilege): closed in order, and AF_UNIX, too
    Calls,
}

/// `whyreset run`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Run {
    /// Output format of the report
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// One line a failure, without the reasons
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Where each piece of evidence was read, too
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// How the command is followed
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) by: By,
    /// Stop at every read and write of a process that has a connection: slow, and tells the very error that each call gave
    #[arg(long, conflicts_with = "by")]
    pub(crate) every_call: bool,
    /// Append the report to this file rather than to stderr
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Colour,
    /// The command and its arguments
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) command: Vec<OsString>,
}

//! What `whyreset logs` takes.

use std::path::PathBuf;

use clap::Args;

use crate::args::{Colour, Format};

/// `whyreset logs`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Logs {
    /// Log files, plain or packed by gzip or zstd; `-` is standard input, `journal` or `journal:UNIT` the systemd
    /// journal, `kernel` the kernel's log
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Output format: for people, or one JSON object a line
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// Of the journal only what came since, as journalctl takes it: -1h, "2026-01-02 10:00"
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,
    /// Exit with 1 if this message or stated cause was found, or `any` (may be given several times)
    #[arg(long, value_name = "ID", value_parser = minded)]
    pub(crate) fail_on: Vec<String>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Colour,
}

fn minded(id: &str) -> Result<String, String> {
    let stated = || whyreset_logs::Stated::all().any(|one| one.says.id() == id);
    if id == "any" || whyreset_causes::messages::message(id).is_some() || stated() {
        return Ok(id.to_owned());
    }
    Err("no such message or stated cause (`whyreset explain` lists the messages)".to_owned())
}

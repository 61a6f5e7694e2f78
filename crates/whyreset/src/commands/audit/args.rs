//! The arguments of `whyreset audit`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use whyreset_audit::{CHECKS, Severity};

use crate::args::{Colour, Format, duration};

/// `whyreset audit`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Audit {
    /// Look at the counters twice, so long apart: what grows happens now
    #[arg(long, value_name = "TIME", value_parser = watch)]
    pub(crate) watch: Option<Duration>,
    /// This network namespace alone: a path, a name under /run/netns, or an inode
    #[arg(long, value_name = "PATH|INODE")]
    pub(crate) netns: Option<String>,
    /// Hold a recording of `whyreset watch --record` beside the findings: resets really seen
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Output format; JSON is one object a line (whyreset/audit/1)
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// One line a finding, without the reasons
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Exit with 1 on a finding so grave (happening, happened, likely, possible), or graver, with
    /// this id, with this cause, or `any` (may be given several times)
    #[arg(long, value_name = "SEVERITY|ID", value_parser = minded)]
    pub(crate) fail_on: Vec<String>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Colour,
}

fn watch(word: &str) -> Result<Duration, String> {
    match duration(word)? {
        span if span > Duration::from_hours(24) => Err("not longer than 24h".to_owned()),
        span => Ok(span),
    }
}

fn minded(word: &str) -> Result<String, String> {
    let severity = Severity::ALL.iter().any(|one| one.as_str() == word);
    let check = CHECKS.iter().any(|check| check.id == word);
    if word == "any" || severity || check || whyreset_causes::find(word).is_some() {
        return Ok(word.to_owned());
    }
    let ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
    Err(format!(
        "it is any, happening, happened, likely, possible, a finding ({}), or a cause (`whyreset explain` \
         lists them)",
        ids.join(", ")
    ))
}

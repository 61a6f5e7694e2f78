//! `--logs`: what may be named, and which lines are kept. Refuses to judge a line: that is said beside
//! the causes.

mod glob;
mod live;
mod past;
mod tail;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Args;
use whyreset_logs::{Clock, Kept, Look, Stated, parse_time, who};

pub use self::live::{Live, Opened};
pub use self::past::Past;
use crate::commands::logs::Known;

/// Which logs.
#[derive(Clone, Debug, Default, Args)]
pub struct LogArgs {
    /// Search this log for what it says of each reset (may be given several times): a file, plain or packed, a pattern
    /// like '/var/log/nginx/*.log', `journal` or `journal:UNIT`, `kernel`, `-` for standard input
    #[arg(long = "logs", value_name = "LOG")]
    pub logs: Vec<String>,
}

/// One source that was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A file; `-` is standard input.
    File(PathBuf),
    /// The systemd journal, of one unit or whole.
    Journal(Option<String>),
    /// The kernel's log.
    Kernel,
}

impl LogArgs {
    /// The sources, patterns resolved. `may_come`: a file that is not there yet is none to complain of.
    ///
    /// # Errors
    /// A pattern that meets no file, a file that is not there.
    pub fn named(&self, may_come: bool) -> Result<Vec<Named>> {
        let mut named = Vec::new();
        for word in &self.logs {
            let path = Path::new(word);
            match word.split_once(':').unwrap_or((word, "")) {
                ("journal", unit) if !path.exists() => {
                    let unit = Some(unit.to_owned()).filter(|unit| !unit.is_empty());
                    add(&mut named, Named::Journal(unit));
                }
                ("kernel", "") if !path.exists() => add(&mut named, Named::Kernel),
                _ if path.exists() || word == "-" || (may_come && !glob::is_pattern(word)) => {
                    add(&mut named, Named::File(path.to_owned()));
                }
                _ if glob::is_pattern(word) => {
                    let found = glob::files(word);
                    ensure!(
                        !found.is_empty(),
                        "--logs {word}: no file has such a name; name one that is there"
                    );
                    for file in found {
                        add(&mut named, Named::File(file));
                    }
                }
                _ => anyhow::bail!(
                    "--logs {word}: there is no such file; name a file, a pattern, journal, journal:UNIT, kernel or -"
                ),
            }
        }
        Ok(named)
    }
}

fn add(list: &mut Vec<Named>, one: Named) {
    if !list.contains(&one) {
        list.push(one);
    }
}

impl Named {
    /// As it is cited.
    pub fn cited(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Journal(None) => "journal".to_owned(),
            Self::Journal(Some(unit)) => format!("journal:{unit}"),
            Self::Kernel => "kernel".to_owned(),
        }
    }
}

/// Keeps a line that states something, or speaks of an error of a connection that it names.
/// `came`: when it was seen to come, for one without a time of its own.
fn kept(
    number: u64,
    line: &[u8],
    look: Look,
    known: &Known,
    clock: &Clock,
    came: Option<whyreset_logs::Stamp>,
) -> Option<Kept> {
    let stated: Option<&'static Stated> = look.stated.and_then(|number| known.stated(number));
    let who = who(line);
    let names_a_connection = || who.addresses.iter().any(|address| address.port.is_some());
    if stated.is_none() && !(known.message(look).is_some() && names_a_connection()) {
        return None;
    }
    let stamp = match (parse_time(line, clock), came) {
        // It came within its second: when it came is known better.
        (Some(stamp), Some(came)) if is_within(came, stamp) => came,
        (stamp, came) => stamp.or(came)?,
    };
    Some(Kept::new(number, stamp, who, line, stated))
}

fn is_within(came: whyreset_logs::Stamp, written: whyreset_logs::Stamp) -> bool {
    let since = came
        .ns
        .checked_sub(written.ns)
        .and_then(|since| u64::try_from(since).ok());
    let least = came.resolution;
    written.resolution > least
        && since.is_some_and(|since| since <= written.resolution.saturating_add(2 * least))
}

/// Tells it on standard error.
fn notice(text: &str) {
    use std::io::Write as _;
    // Where not even stderr can be written there is nobody left to tell.
    _ = writeln!(std::io::stderr(), "whyreset: {text}");
}

//! The command line. `watch` is what runs when no command is named.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::commands::audit::Audit;
use crate::commands::lab::Lab;
use crate::commands::logs::Logs;
use crate::commands::probe::Probe;
use crate::commands::proxy::Proxy;
use crate::commands::run::Run;

/// Says who reset a TCP connection, why, how it knows, and what to change.
#[derive(Debug, Parser)]
#[command(
    name = "whyreset",
    version,
    about,
    max_term_width = 100,
    infer_subcommands = false
)]
#[command(
    after_help = "Without a command whyreset watches: `sudo whyreset port 443` is `sudo whyreset watch port 443`.\n\
    Exit codes: 0 nothing that the policy minds, 1 resets that --fail-on names, 2 usage or set-up error."
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch this host's kernel and print a verdict for every reset (the default)
    Watch(Watch),
    /// Verdicts from packet captures: pcap and pcapng, plain or packed, from one place or several
    Read(Read),
    /// Ask one endpoint from the client's side: open, refused, reset or silent; its idle timeout; which hop resets
    Probe(Box<Probe>),
    /// What on this host resets connections or will: counters, sockets, limits, settings; each with its fix
    Audit(Audit),
    /// A TCP proxy that breaks connections on purpose: every kind of reset, on demand; speaks toxiproxy's API
    Proxy(Box<Proxy>),
    /// The page of a cause, or what an error message means; without an argument, the list
    Explain(Explain),
    /// Connection errors in logs, in every runtime's words: who, to where, how often, and what they can mean
    Logs(Box<Logs>),
    /// Run a command and explain the connection failures that it and its children meet; needs no privilege
    Run(Box<Run>),
    /// The two-minute tour: classic resets on loopback, watched live
    Demo,
    /// Make causes happen for real and check the verdicts
    Lab {
        #[command(subcommand)]
        lab: Lab,
    },
    /// Reads firewall rules for a watcher that has given up the right to
    #[command(hide = true)]
    Warden {
        /// Inode of the namespace that is watched; 0 for this program's own
        netns: u32,
    },
    /// One process of a lab scenario
    #[command(hide = true, disable_help_flag = true)]
    Actor {
        /// Its role
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        role: Vec<OsString>,
    },
}

/// How verdicts are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// Verdict v1, one object a line
    Json,
}

/// When colour is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// When headers are read from the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wire {
    /// All the time
    Always,
    /// For some minutes after a reset that nothing explains
    Auto,
}

/// `whyreset watch`.
#[derive(Clone, Debug, Args)]
pub struct Watch {
    /// Only these connections: host, net, port, portrange, src, dst, ip, ip6, and, or, not (pcap-filter)
    #[arg(value_name = "FILTER")]
    pub filter: Vec<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
    /// One line a reset, without the reasons
    #[arg(short, long)]
    pub quiet: bool,
    /// Where each piece of evidence was read, too
    #[arg(short, long)]
    pub verbose: bool,
    /// Stop after this many verdicts
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Stop after this long: 500ms, 60s, 5m, 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Only resets that this process sent or suffered
    #[arg(short, long, value_name = "PID")]
    pub pid: Option<u32>,
    /// Stand inside this network namespace alone: a path, a name under /run/netns, or an inode
    #[arg(long, value_name = "PATH|INODE")]
    pub netns: Option<String>,
    /// Read the headers of arriving handshakes and resets too, which the kernel's events do not hold: always, or for
    /// some minutes after a reset that nothing explains. Costs something with every incoming packet
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "always", conflicts_with = "replay")]
    pub wire: Option<Wire>,
    /// On a router: resets of connections that only pass through it, too, from the headers of all that it sends on.
    /// Costs something with every packet
    #[arg(long, conflicts_with = "replay")]
    pub forwarded: bool,
    /// Only this cause (may be given several times)
    #[arg(long, value_name = "ID", value_parser = cause)]
    pub cause: Vec<&'static str>,
    /// Exit with 1 if this cause was seen, or `any` (may be given several times)
    #[arg(long, value_name = "ID", value_parser = cause_or_any)]
    pub fail_on: Vec<&'static str>,
    /// The benign resets too: late TLS goodbyes, health checks, scans
    #[arg(long)]
    pub all: bool,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Colour,
    #[command(flatten)]
    pub logs: crate::logbook::LogArgs,
    /// Bytes of the kernel's event ring, rounded up to a power of two
    #[arg(long, value_name = "BYTES")]
    pub ring: Option<u32>,
    /// Append the facts behind every verdict to this file
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// Judge the facts of a recording instead of watching
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Write a newline to this descriptor once attached
    #[arg(long, value_name = "FD", hide = true)]
    pub ready_fd: Option<i32>,
}

/// How the verdicts of a capture are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReadFormat {
    /// For people
    #[default]
    Text,
    /// Verdict v1, one object a line
    Json,
    /// One page with charts and ladder diagrams, without anything from elsewhere
    Html,
    /// For a ticket, with mermaid diagrams
    Markdown,
}

/// `whyreset read`.
#[derive(Clone, Debug, Args)]
pub struct Read {
    /// Captures (`-` is standard input), then a filter: host, net, port, portrange, src, dst, ip, ip6, and, or, not.
    /// Several captures are taken for several places on the same path
    #[arg(value_name = "FILE... [FILTER]")]
    pub words: Vec<String>,
    /// A capture, as tcpdump names it (may be given several times)
    #[arg(short = 'r', long = "file", value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ReadFormat,
    /// One line a reset, without the reasons and ladders
    #[arg(short, long)]
    pub quiet: bool,
    /// In which frame each piece of evidence was read, too
    #[arg(short, long)]
    pub verbose: bool,
    /// Stop after this many verdicts
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Only this cause (may be given several times)
    #[arg(long, value_name = "ID", value_parser = cause)]
    pub cause: Vec<&'static str>,
    /// Exit with 1 if this cause was seen, or `any` (may be given several times)
    #[arg(long, value_name = "ID", value_parser = cause_or_any)]
    pub fail_on: Vec<&'static str>,
    /// The benign resets too: late TLS goodbyes, health checks, scans
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub logs: crate::logbook::LogArgs,
    /// Write the capture with every verdict as a packet comment, for Wireshark
    #[arg(long, value_name = "OUT.pcapng")]
    pub annotate: Option<PathBuf>,
    /// Connections that are remembered at once
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = flows)]
    pub max_flows: usize,
    /// Threads for large files (default: two, where there are two)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub threads: Option<u8>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Colour,
}

impl Read {
    /// How many threads a large file gets.
    pub fn threads(&self) -> usize {
        let there = || std::thread::available_parallelism().map_or(1, |count| count.get().min(2));
        self.threads.map_or_else(there, usize::from)
    }
}

/// `whyreset explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A cause's id, an errno (name or number), an error message in any runtime's words, or a kernel reset reason
    #[arg(value_name = "ID|ERROR", allow_negative_numbers = true)]
    pub what: Vec<String>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Colour,
}

fn flows(word: &str) -> Result<usize, String> {
    match word.parse() {
        Ok(count @ 16..=100_000_000) => Ok(count),
        _ => Err(format!("{word:?} is not a number from 16 to 100000000")),
    }
}

pub(crate) fn duration(word: &str) -> Result<Duration, String> {
    let split = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
    let (number, unit) = word.split_at(split);
    let scale = match unit {
        "ms" => 1e-3,
        "s" | "" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("{unit:?} is not a unit; use ms, s, m or h")),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| format!("{word:?} is not a time like 60s, 500ms or 5m"))?;
    Duration::try_from_secs_f64(number * scale).map_err(|_| format!("{word:?} is out of range"))
}

fn cause(id: &str) -> Result<&'static str, String> {
    if let Some(cause) = whyreset_causes::find(id) {
        return Ok(cause.id);
    }
    let nearest =
        whyreset_report::explain::nearest(id).map_or(String::new(), |near| format!("; did you mean {near}?"));
    Err(format!("no such cause{nearest} (`whyreset explain` lists them)"))
}

fn cause_or_any(id: &str) -> Result<&'static str, String> {
    if id == "any" { Ok("any") } else { cause(id) }
}

/// Puts `watch` where no command is named, so that `whyreset -q port 80` works.
pub fn with_default_command(mut words: Vec<OsString>) -> Vec<OsString> {
    const OWN_FLAGS: [&str; 4] = ["-h", "--help", "-V", "--version"];
    let first = words.get(1).and_then(|word| word.to_str()).unwrap_or_default();
    let named = first == "help"
        || Cli::command()
            .get_subcommands()
            .any(|command| command.get_name() == first);
    if !named && !OWN_FLAGS.contains(&first) {
        // As tcpdump takes it.
        let command = if first == "-r" { "read" } else { "watch" };
        words.insert(1.min(words.len()), command.into());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Cli {
        let words = std::iter::once("whyreset")
            .chain(words.iter().copied())
            .map(OsString::from)
            .collect();
        Cli::try_parse_from(with_default_command(words)).unwrap()
    }

    #[test]
    fn watch_is_the_default() {
        for words in [
            &[][..],
            &["-q"],
            &["port", "80"],
            &["watch"],
            &["--cause", "no-listener", "host", "10.0.0.1"],
        ] {
            assert!(matches!(parsed(words).command, Command::Watch(_)), "{words:?}");
        }
        assert!(matches!(
            parsed(&["explain", "no-listener"]).command,
            Command::Explain(_)
        ));
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        for bad in ["", "s", "5x", "-1s", "1e400s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_unknown_cause_is_refused_by_name() {
        assert!(cause("no-listner").unwrap_err().contains("no-listener"));
    }
}

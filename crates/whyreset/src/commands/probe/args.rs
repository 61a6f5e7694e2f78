//! What `whyreset probe` takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::args::{Colour, Format, duration};

/// `whyreset probe`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Probe {
    /// The endpoint: name:443, 10.0.0.1:443, [2001:db8::1]:443
    #[arg(value_name = "HOST:PORT", value_parser = whyreset_probe::Target::parse)]
    pub(crate) target: whyreset_probe::Target,
    /// Shake hands in TLS
    #[arg(long)]
    pub(crate) tls: bool,
    /// The server name to ask for in TLS (default: the host)
    #[arg(long, value_name = "NAME", requires = "tls")]
    pub(crate) sni: Option<String>,
    /// Take any certificate
    #[arg(long, requires = "tls")]
    pub(crate) insecure: bool,
    /// Ask for this path in HTTP/1.1
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "/", value_parser = path,
          conflicts_with = "send")]
    pub(crate) http: Option<String>,
    /// Send what this file holds (at most 16 MiB)
    #[arg(long, value_name = "FILE")]
    pub(crate) send: Option<PathBuf>,
    /// Hold the connection this long afterwards, and see what becomes of it
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1s")]
    pub(crate) hold: Duration,
    /// How long the handshake, the request and the answer may take, each
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub(crate) timeout: Duration,
    /// Ask each address of the name, not only the one that answers first
    #[arg(long)]
    pub(crate) each: bool,
    /// Find out after which silence the path or the server lets go of a connection
    ///
    /// Holds connections in parallel. After the silence a keep-alive probe is sent, which no program
    /// sees; with --http another request.
    #[arg(long, conflicts_with_all = ["count", "each", "hold"])]
    pub(crate) idle: bool,
    /// The longest silence that is tried
    #[arg(long, value_name = "TIME", value_parser = longest, default_value = "10m", requires = "idle")]
    pub(crate) idle_max: Duration,
    /// Connections held at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = connections, requires = "idle")]
    pub(crate) connections: usize,
    /// Let the server speak first after the silence: a path, or text with \r and \n, that has it
    /// answer after {s} seconds (or {ms})
    #[arg(long, value_name = "PATH|TEXT", requires = "idle", conflicts_with_all = ["http", "send"])]
    pub(crate) server_first: Option<String>,
    /// After the silence, send the bytes of --send again rather than a keep-alive probe
    #[arg(long, requires = "idle", requires = "send")]
    pub(crate) poke_again: bool,
    /// Keep what was learned in this file, and go on from it
    #[arg(long, value_name = "FILE", requires = "idle")]
    pub(crate) state: Option<PathBuf>,
    /// Find out which hop answers with the RST (needs CAP_NET_RAW): SYNs and, with --tls, --http or --send,
    /// first data with a TTL that ends a little farther each time
    #[arg(long, conflicts_with_all = ["count", "each", "hold", "idle"])]
    pub(crate) trace: bool,
    /// Hops that are traced at most
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u8).range(1..=64),
          requires = "trace")]
    pub(crate) hops: u8,
    /// Ask so many times
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) count: u64,
    /// From one try to the next
    #[arg(short, long, value_name = "TIME", value_parser = interval, default_value = "1s")]
    pub(crate) interval: Duration,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// One line a try, without the reasons
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Where each piece of evidence was read, too
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Exit with 1 on this outcome (open, refused, reset, closed, silent, failed), cause, or `any` that is not open
    #[arg(long, value_name = "OUTCOME|ID", value_parser = minded)]
    pub(crate) fail_on: Vec<String>,
    /// When to use colour
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Colour,
}

/// The outcomes of a probe, as `--fail-on` takes them.
const OUTCOMES: [&str; 6] = ["open", "refused", "reset", "closed", "silent", "failed"];

fn minded(word: &str) -> Result<String, String> {
    if word == "any" || OUTCOMES.contains(&word) || whyreset_causes::find(word).is_some() {
        return Ok(word.to_owned());
    }
    Err(format!(
        "it is any, {}, or a cause (`whyreset explain` lists them)",
        OUTCOMES.join(", ")
    ))
}

fn path(word: &str) -> Result<String, String> {
    let good =
        word.starts_with('/') && word.len() <= 8_000 && word.bytes().all(|byte| byte.is_ascii_graphic());
    good.then(|| word.to_owned())
        .ok_or_else(|| "a path begins with / and has no spaces".to_owned())
}

/// Nobody is asked more often than ten times a second.
fn interval(word: &str) -> Result<Duration, String> {
    let least = Duration::from_millis(100);
    match duration(word)? {
        span if span < least => Err("not more often than every 100ms".to_owned()),
        span => Ok(span),
    }
}

fn longest(word: &str) -> Result<Duration, String> {
    let span = duration(word)?;
    let bounds = Duration::from_secs(2)..=Duration::from_hours(48);
    bounds
        .contains(&span)
        .then_some(span)
        .ok_or_else(|| "it is from 2s to 48h".to_owned())
}

fn connections(word: &str) -> Result<usize, String> {
    match word.parse() {
        Ok(count @ 2..=64) => Ok(count),
        _ => Err("it is a number from 2 to 64".to_owned()),
    }
}

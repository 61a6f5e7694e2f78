//! What `whyreset proxy` takes.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use whyreset_proxy::{Fault, How, KINDS};

use crate::args::duration;

/// `whyreset proxy`.
#[derive(Debug, Args)]
#[command(after_help = kinds())]
pub(crate) struct Proxy {
    /// Where to listen: 127.0.0.1:8080, [::1]:8080, :8080; port 0 is any. Without it the API makes the proxies
    #[arg(value_name = "LISTEN", requires = "upstream")]
    pub(crate) listen: Option<String>,
    /// Where to pass to: 127.0.0.1:5432, db.internal:5432
    #[arg(value_name = "UPSTREAM")]
    pub(crate) upstream: Option<String>,
    /// Break connections so (may be given several times); kinds and what they take are listed below
    #[arg(short, long, value_name = "KIND[,NAME=VALUE]...", value_parser = Given::parse, requires = "listen")]
    pub(crate) fault: Vec<Given>,
    /// Name of the proxy in the API
    #[arg(long, value_name = "NAME", default_value = "whyreset")]
    pub(crate) name: String,
    /// Where the HTTP API answers, as toxiproxy's does
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8474")]
    pub(crate) api: String,
    /// No HTTP API
    #[arg(long, conflicts_with = "api", requires = "listen")]
    pub(crate) no_api: bool,
    /// Connections at once (default: 10000, or what the limit of descriptors is enough for)
    #[arg(long, value_name = "N", value_parser = connections)]
    pub(crate) max_connections: Option<usize>,
    /// How long open connections may go on after Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "5s")]
    pub(crate) grace: Duration,
}

/// A fault as it was written: read twice, because what counts its strokes is not copied.
#[derive(Clone, Debug)]
pub(crate) struct Given(String);

impl Given {
    fn parse(text: &str) -> Result<Self, String> {
        Fault::from_words(text).map(|_| Self(text.to_owned()))
    }

    /// The fault.
    pub(crate) fn fault(&self) -> Result<Fault, String> {
        Fault::from_words(&self.0)
    }
}

fn connections(word: &str) -> Result<usize, String> {
    match word.parse() {
        Ok(count @ 1..=500_000) => Ok(count),
        _ => Err(format!("{word:?} is not a number from 1 to 500000")),
    }
}

/// The faults, from the declarations that the proxy itself reads.
fn kinds() -> String {
    let mut text = String::from("Faults:\n");
    for kind in KINDS {
        let mut takes: Vec<String> = kind
            .attributes
            .iter()
            .map(|one| format!("{}={}{}", one.name, one.default, one.unit))
            .collect();
        takes.extend(kind.chooses.then(|| "how=linger".to_owned()));
        // Writing to a string does not fail.
        _ = writeln!(text, "  {:<15} {}", kind.name, kind.about);
        _ = writeln!(text, "  {:<15} {}", "", takes.join(", "));
    }
    let how = How::ALL.map(How::as_str).join(", ");
    _ = write!(
        text,
        "Each takes probability=1 (of connections; of periods for refuse and backlog), direction=downstream (the \
         client is hit) or upstream (the server is), seed=N (the same seed strikes the same connections) and \
         name=NAME. how is one of {how}."
    );
    text
}

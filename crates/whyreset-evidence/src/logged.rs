//! A line of a log that most likely speaks of a connection. Hostile input: whoever may write to the
//! log, or has a program write what he sent, wrote it.

use alloc::string::String;

/// A line, as it can be quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The line, bounded, without what steers a terminal.
    pub quote: String,
    /// What ties it to the connection.
    pub tie: Tie,
    /// From the line to the reset, ms, clocks compared; negative where the line came later.
    pub apart_ms: i64,
    /// How the log's clock differs from ours, in words, where that was found out.
    pub clock: Option<String>,
    /// What its wording states, where that is known.
    pub claim: Option<Claim>,
}

/// What ties a line to a connection, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tie {
    /// It names the client's address and port.
    Connection,
    /// A process of either end wrote it, or it names one.
    Process,
    /// The systemd unit of such a process.
    Unit,
    /// It speaks of the whole host.
    Host,
    /// The name of such a process.
    Program,
    /// The address of an end.
    Address,
}

impl Tie {
    const WORDS: [(Self, &'static str); 6] = [
        (Self::Connection, "connection"),
        (Self::Process, "process"),
        (Self::Unit, "unit"),
        (Self::Host, "host"),
        (Self::Program, "program"),
        (Self::Address, "address"),
    ];

    /// Whether it belongs to this very connection, its process or its host, and not only to the same name
    /// or address.
    pub const fn is_close(self) -> bool {
        matches!(self, Self::Connection | Self::Process | Self::Unit | Self::Host)
    }

    /// A recording's word.
    pub fn as_str(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(tie, _)| *tie == self)
            .map_or("", |(_, word)| *word)
    }

    /// From a recording's word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(tie, _)| *tie)
    }
}

/// What a line states by its wording.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Claim {
    /// The cause of this id.
    Cause(String),
    /// The everyday case of this id.
    Situation(String),
}

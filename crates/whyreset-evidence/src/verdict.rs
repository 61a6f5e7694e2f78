//! What is said in the end. The JSON contract (verdict v1) is written from this shape.

use alloc::string::String;
use alloc::vec::Vec;

use core::time::Duration;

use crate::{Errno, Flow, Process, Side, Source, Timestamp};

/// Gives an enum the words that the JSON contract (verdict v1) has for it.
macro_rules! words {
    ($name:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $name {
            /// The contract's word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// From the contract's word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words!(Certainty { Unknown => "unknown", Possible => "possible", Likely => "likely", Certain => "certain" });
words!(Outcome { Reset => "reset", Refused => "refused", Timeout => "timeout", Aborted => "aborted" });
words!(Stage {
    Handshake => "handshake", Established => "established", Closing => "closing", Closed => "closed",
    Unknown => "unknown",
});
words!(Party {
    Application => "application", Kernel => "kernel", Firewall => "firewall", Middlebox => "middlebox",
    Operator => "operator", Unknown => "unknown",
});
words!(Host { Local => "local", Remote => "remote", Between => "between", Unknown => "unknown" });
words!(SeenFrom {
    Sent => "sent", Received => "received", Both => "both", Passing => "passing", None => "none",
});
words!(Mark { Seen => "seen", Absent => "absent", Blind => "blind" });

impl Origin {
    /// The contract's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::End(side) => side.as_str(),
            Self::Between => "between",
            Self::Unknown => "unknown",
        }
    }
}

/// How sure a verdict is. Ordered: `Certain` is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Nothing was proved.
    Unknown,
    /// Fits all that was seen, and so do others.
    Possible,
    /// Decisive evidence is seen, a rival could not be refused.
    Likely,
    /// Every requirement was seen and every rival refused.
    Certain,
}

/// What the application gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// ECONNRESET or EPIPE.
    Reset,
    /// ECONNREFUSED.
    Refused,
    /// ETIMEDOUT.
    Timeout,
    /// ECONNABORTED.
    Aborted,
}

/// Where in its life the connection was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Before the handshake was complete.
    Handshake,
    /// Open both ways.
    Established,
    /// One end or both had sent FIN.
    Closing,
    /// Already gone.
    Closed,
    /// Nothing told.
    Unknown,
}

/// The kind of actor that sent the reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// A program, by what it did or by how it died.
    Application,
    /// A TCP stack, by its own rules.
    Kernel,
    /// A packet filter's rule.
    Firewall,
    /// A box on the path.
    Middlebox,
    /// A person or agent that had the connection destroyed.
    Operator,
    /// Nothing told.
    Unknown,
}

/// Where the sender is, relative to the observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// The observed host.
    Local,
    /// The other end's host.
    Remote,
    /// Neither end.
    Between,
    /// Nothing told.
    Unknown,
}

/// The end the reset came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// One of the two ends.
    End(Side),
    /// Neither.
    Between,
    /// Nothing told.
    Unknown,
}

/// From where the reset was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeenFrom {
    /// At its sender.
    Sent,
    /// At its receiver.
    Received,
    /// At both.
    Both,
    /// On its way.
    Passing,
    /// There was none (a timeout, an abort).
    None,
}

/// The connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Its two ends.
    pub flow: Flow,
    /// Where in its life it was.
    pub stage: Stage,
    /// Age at the reset.
    pub age: Option<Duration>,
    /// Silence before the segment that drew the reset, or before the reset.
    pub idle: Option<Duration>,
    /// How long the other end had been silent when the reset's sender closed its own end.
    pub quiet_before_close: Option<Duration>,
    /// Payload bytes from client to server, as far as acknowledged or received.
    pub bytes_to_server: Option<u64>,
    /// Payload bytes from server to client.
    pub bytes_to_client: Option<u64>,
    /// Inode of the network namespace.
    pub netns: Option<u32>,
    /// Zeek's word for how it ended (`RSTO`, `REJ`), for a capture.
    pub conn_state: Option<&'static str>,
}

/// The reset itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Where it came from.
    pub from: Origin,
    /// From where it was seen.
    pub seen: SeenFrom,
    /// Whether the receiver's stack took it; `None` where the receiver was not watched.
    pub accepted: Option<bool>,
    /// How many are folded into this verdict.
    pub count: usize,
    /// Harms nobody.
    pub benign: bool,
    /// 1-based number of its frame, for a capture.
    pub frame: Option<u64>,
}

/// Who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The kind of actor.
    pub party: Party,
    /// Where it is.
    pub host: Host,
    /// The process accused.
    pub process: Option<Process>,
    /// The firewall rule, as its own tool prints it.
    pub rule: Option<String>,
}

/// Who suffered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Victim {
    /// The process that held the socket.
    pub process: Option<Process>,
    /// What it got, or will get at its next call.
    pub errno: Option<Errno>,
    /// The kernel itself used the socket, so that no program got anything: for which service, empty where
    /// that is not known.
    pub kernel: Option<String>,
}

/// The cause named, with this case's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Cause id (kebab-case, a contract), or `unknown`.
    pub id: &'static str,
    /// One sentence with this case's own numbers and names.
    pub summary: String,
    /// How sure.
    pub certainty: Certainty,
    /// The recognised everyday case of the cause.
    pub situation: Option<&'static str>,
    /// How, where `id` says why.
    pub mechanism: Option<&'static str>,
    /// Other causes that were weighed, the nearest first.
    pub rivals: Vec<Rival>,
}

/// A cause that was weighed and not named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Its id.
    pub id: &'static str,
    /// What refused it, or what could not be seen.
    pub because: String,
}

/// The three answers of a [`crate::Finding`], as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// It is so.
    Seen,
    /// It is not so.
    Absent,
    /// Could not see; the citation says what would.
    Blind,
}

/// One line of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceLine {
    /// The answer.
    pub finding: Mark,
    /// The sentence.
    pub what: String,
    /// Where it was read, or for a blind one what would show it.
    pub cite: String,
}

/// Who, why, how we know, what to change.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// When the reset happened.
    pub time: Timestamp,
    /// Where the facts came from.
    pub source: Source,
    /// What the application gets.
    pub outcome: Outcome,
    /// The connection.
    pub connection: Connection,
    /// The reset.
    pub reset: Reset,
    /// Who sent it.
    pub sender: Sender,
    /// Who suffered.
    pub victim: Option<Victim>,
    /// Why.
    pub cause: Named,
    /// How we know.
    pub evidence: Vec<EvidenceLine>,
    /// What to change.
    pub fix: Vec<String>,
}

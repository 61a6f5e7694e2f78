//! What became of one try, as data. Refuses to say why.

use std::net::SocketAddr;
use std::time::Duration;

use whyreset_evidence::Timestamp;

use crate::info::{Icmp, TcpInfo};
use crate::target::Target;
use crate::tls::Tls;

/// How far a try had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The TCP handshake.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The request was being sent.
    Request,
    /// The answer was awaited, or was coming.
    Answer,
    /// The connection was held.
    Hold,
}

impl Stage {
    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Hold => "hold",
        }
    }

    /// The word within a sentence: `in the TLS handshake`.
    pub const fn within(self) -> &'static str {
        match self {
            Self::Connect => "in the TCP handshake",
            Self::Tls => "in the TLS handshake",
            Self::Request => "while the request was sent",
            Self::Answer => "while the answer was awaited",
            Self::Hold => "while the connection was held",
        }
    }
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It is open: nothing went wrong as long as we looked.
    Open,
    /// Refused by a RST.
    Refused,
    /// Refused by an ICMP error.
    RefusedByIcmp(Icmp),
    /// Reset after the TCP handshake.
    Reset {
        /// The other end had closed its direction before.
        after_fin: bool,
    },
    /// Closed in order by the other end (FIN).
    Closed,
    /// Nothing came where something was due.
    Silent,
    /// We could not even ask: this host's own error.
    Failed(String),
    /// Given up because another address was faster, or because we were told to stop.
    GivenUp,
}

impl End {
    /// The contract's word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Refused | Self::RefusedByIcmp(_) => "refused",
            Self::Reset { .. } => "reset",
            Self::Closed => "closed",
            Self::Silent => "silent",
            Self::Failed(_) => "failed",
            Self::GivenUp => "given-up",
        }
    }

    /// How much it tells, the most first: where no address took us, this one is reported.
    pub(crate) const fn weight(&self) -> u8 {
        match self {
            Self::Open | Self::Reset { .. } | Self::Closed => 0,
            Self::Refused => 1,
            Self::RefusedByIcmp(_) => 2,
            Self::Silent => 3,
            Self::Failed(_) => 4,
            Self::GivenUp => 5,
        }
    }
}

/// One address tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// Our end, where there was one.
    pub local: Option<SocketAddr>,
    /// When it was started, after the first one.
    pub started: Duration,
    /// How long it took to its end.
    pub took: Duration,
    /// `Open` where the handshake was completed.
    pub end: End,
}

/// What came back from the other end. Hostile input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The first bytes as they came, before TLS.
    pub raw: Vec<u8>,
    /// The first bytes of the answer, TLS taken off.
    pub plain: Vec<u8>,
    /// How many came, before TLS.
    pub raw_total: u64,
    /// How many came, TLS taken off.
    pub plain_total: u64,
}

/// What was exchanged on an open connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// Our end.
    pub local: SocketAddr,
    /// Their end.
    pub peer: SocketAddr,
    /// Bytes handed to the kernel.
    pub sent: u64,
    /// Bytes of them that the other end's kernel acknowledged.
    pub acked: u64,
    /// What came.
    pub heard: Heard,
    /// The TLS handshake, where one was asked for.
    pub tls: Option<Tls>,
    /// A first request was sent.
    pub asked: bool,
    /// Status of the HTTP answer, where it is one.
    pub status: Option<u16>,
    /// From the TCP handshake to the end.
    pub age: Duration,
    /// Without a byte either way before the end.
    pub silence: Duration,
    /// The socket when the end was seen.
    pub info: TcpInfo,
}

/// One try of one endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What was asked for.
    pub target: Target,
    /// 1-based number of the try.
    pub number: u64,
    /// When it ended.
    pub at: Timestamp,
    /// The addresses tried, in the order in which they were started.
    pub attempts: Vec<Attempt>,
    /// What was exchanged, where a handshake was completed.
    pub exchange: Option<Exchange>,
    /// How far it came.
    pub stage: Stage,
    /// How it ended.
    pub end: End,
}

impl Report {
    /// The address that this is about: the one connected to, else the most telling one.
    pub fn address(&self) -> Option<SocketAddr> {
        self.exchange
            .as_ref()
            .map(|exchange| exchange.peer)
            .or_else(|| self.telling().map(|attempt| attempt.address))
    }

    /// The attempt that tells most.
    pub fn telling(&self) -> Option<&Attempt> {
        self.attempts.iter().min_by_key(|attempt| attempt.end.weight())
    }
}

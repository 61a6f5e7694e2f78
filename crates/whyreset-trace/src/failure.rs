//! A failure that a program met on a connection, as data. Refuses to say why it came about.

use std::time::Duration;

use whyreset_evidence::{Errno, Flow, Process, Side, Timestamp};
use whyreset_probe::{End, TcpInfo};

/// How a connection failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// By what came, or did not come, from the other end; in the words of a probe.
    Met(End),
    /// This program ended it with a reset of its own.
    Own(Own),
    /// The other end of a socket of this host (AF_UNIX) went away.
    Unix,
}

/// What a program did that resets its own connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// It closed it with received data that it had not read.
    Unread,
    /// It closed it with SO_LINGER set to 0.
    Linger,
    /// connect() with AF_UNSPEC.
    Disconnect,
}

/// Where in its life the connection was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The handshake was not complete.
    Handshake,
    /// Nothing had been said yet.
    Open,
    /// The client had spoken, and nothing had come back.
    AfterRequest,
    /// An answer had come at least in part, shortly before.
    MidResponse,
    /// An answer had come, and then there was silence.
    Idle,
}

impl Stage {
    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Open => "open",
            Self::AfterRequest => "after-request",
            Self::MidResponse => "mid-response",
            Self::Idle => "idle",
        }
    }

    /// The word within a sentence.
    pub const fn within(self) -> &'static str {
        match self {
            Self::Handshake => "in the handshake",
            Self::Open => "before anything was said",
            Self::AfterRequest => "after the request, before any answer",
            Self::MidResponse => "in the middle of the exchange",
            Self::Idle => "while the connection was idle",
        }
    }
}

/// How it is known which error there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// A call returned it.
    Returned,
    /// It waited in the socket when the program let go: the program never took it.
    Left,
    /// The socket had failed, and its error had been taken by a call that was not watched.
    Inferred,
}

impl Known {
    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Left => "left",
            Self::Inferred => "inferred",
        }
    }
}

/// One failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// When it was noticed.
    pub at: Timestamp,
    /// Who met it.
    pub process: Process,
    /// Which end of the connection that is; `None` for AF_UNIX.
    pub side: Option<Side>,
    /// The connection; `None` for AF_UNIX.
    pub flow: Option<Flow>,
    /// How it failed.
    pub how: How,
    /// The error, and how it is known.
    pub errno: Option<(Errno, Known)>,
    /// The call at which it was noticed.
    pub call: &'static str,
    /// Where in its life the connection was.
    pub stage: Stage,
    /// Bytes that left.
    pub sent: u64,
    /// Bytes that were acknowledged.
    pub acked: u64,
    /// Bytes that came.
    pub received: u64,
    /// Bytes of them that nobody had read.
    pub unread: u64,
    /// SO_LINGER was on with 0 s.
    pub lingers_zero: bool,
    /// TCP_USER_TIMEOUT; zero where there was none.
    pub user_timeout: Duration,
    /// SO_KEEPALIVE was on.
    pub keepalive: bool,
    /// This program had shut its sending direction down before.
    pub shut: bool,
    /// Since connect() or accept(); `None` where neither was seen.
    pub age: Option<Duration>,
    /// Without data either way, up to when it was noticed.
    pub silence: Option<Duration>,
    /// TCP_INFO.
    pub info: TcpInfo,
}

impl Failure {
    /// The contract's word for the outcome.
    pub const fn outcome(&self) -> &'static str {
        match &self.how {
            How::Met(end) => end.as_str(),
            How::Own(_) => "aborted",
            How::Unix => "reset",
        }
    }

    /// By what it was ended.
    pub const fn by(&self) -> Option<&'static str> {
        match &self.how {
            How::Met(End::Refused | End::Reset { .. }) | How::Own(_) => Some("rst"),
            How::Met(End::Closed) => Some("fin"),
            How::Unix => Some("unix"),
            How::Met(_) => None,
        }
    }

    /// The end that ended it; a reset bears a name, and this is the name.
    pub fn from(&self) -> Option<Side> {
        match &self.how {
            How::Met(End::Refused | End::Reset { .. } | End::Closed) => self.side.map(Side::other),
            How::Own(_) => self.side,
            How::Met(_) | How::Unix => None,
        }
    }
}

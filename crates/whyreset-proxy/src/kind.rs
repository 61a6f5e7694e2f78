//! Which faults there are: one declaration each, with what they take. Refuses to know how they are
//! done.

/// Which way the traffic goes that a fault concerns, and so which end it hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// From the client to the server: the server is hit.
    Upstream,
    /// From the server to the client: the client is hit.
    Downstream,
}

impl Stream {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }

    /// The stream of that name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Upstream, Self::Downstream]
            .into_iter()
            .find(|stream| stream.as_str() == word)
    }
}

/// How a connection is broken when its moment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// close() with SO_LINGER 0: a reset at once.
    Linger,
    /// close() with received data unread: the kernel resets.
    Unread,
    /// close() in order, everything read: what the other end still writes is answered by a reset.
    LateWrite,
    /// shutdown(SHUT_WR): the end of the data, and no more; the other way stays open.
    HalfClose,
    /// Nothing passes and nothing is closed.
    Hang,
}

impl How {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Linger,
        Self::Unread,
        Self::LateWrite,
        Self::HalfClose,
        Self::Hang,
    ];

    /// As attributes name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linger => "linger",
            Self::Unread => "unread",
            Self::LateWrite => "late_write",
            Self::HalfClose => "half_close",
            Self::Hang => "hang",
        }
    }

    /// The way of that name; hyphens are as good as underscores.
    pub fn parse(word: &str) -> Option<Self> {
        let word = word.replace('-', "_");
        Self::ALL.into_iter().find(|how| how.as_str() == word)
    }
}

/// What a fault does, before its attributes are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Latency,
    Bandwidth,
    SlowClose,
    Timeout,
    ResetPeer,
    Slicer,
    LimitData,
    /// After a time.
    After(How),
    /// After so many bytes of one answer.
    Bytes,
    /// After a silence.
    Idle,
    /// After a silence that follows an answer.
    Answered(How),
    /// When the nth request arrives.
    Request,
    /// The port is closed for a time.
    Refuse,
    /// Nobody accepts for a time.
    Backlog,
}

/// A number that a fault takes.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// As the API names it.
    pub name: &'static str,
    /// Where none is given.
    pub default: u64,
    /// `ms`, `us`, `KB/s`, `bytes`, or nothing for a count.
    pub unit: &'static str,
}

const fn takes(name: &'static str, default: u64, unit: &'static str) -> Attribute {
    Attribute { name, default, unit }
}

/// One kind of fault.
#[derive(Debug)]
pub struct Kind {
    /// As the API names its type.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// The numbers that it takes.
    pub attributes: &'static [Attribute],
    /// Whether it takes `how`, the way in which it breaks a connection.
    pub chooses: bool,
    /// Whether it is one of toxiproxy's own.
    pub toxiproxy: bool,
    pub(crate) act: Act,
}

impl Kind {
    /// The kind of that name; hyphens are as good as underscores.
    pub fn find(word: &str) -> Option<&'static Self> {
        let word = word.replace('-', "_");
        KINDS.iter().find(|kind| kind.name == word)
    }

    /// Whether it acts on the listener and not on connections.
    pub fn is_gate(&self) -> bool {
        matches!(self.act, Act::Refuse | Act::Backlog)
    }
}

const fn own(
    name: &'static str,
    act: Act,
    chooses: bool,
    attributes: &'static [Attribute],
    about: &'static str,
) -> Kind {
    Kind {
        name,
        about,
        attributes,
        chooses,
        toxiproxy: false,
        act,
    }
}

const fn toxic(name: &'static str, act: Act, attributes: &'static [Attribute], about: &'static str) -> Kind {
    Kind {
        name,
        about,
        attributes,
        chooses: false,
        toxiproxy: true,
        act,
    }
}

/// Every kind of fault.
pub static KINDS: &[Kind] = &[
    own(
        "linger",
        Act::After(How::Linger),
        false,
        &[takes("after", 0, "ms")],
        "close with SO_LINGER 0: a reset at once",
    ),
    own(
        "unread",
        Act::After(How::Unread),
        false,
        &[takes("after", 0, "ms")],
        "close with data unread: the kernel resets",
    ),
    own(
        "late_write",
        Act::Answered(How::LateWrite),
        false,
        &[takes("idle", 50, "ms")],
        "close in order once it is silent after an answer: the next write meets a reset",
    ),
    own(
        "mid_response",
        Act::Bytes,
        true,
        &[takes("bytes", 0, "bytes")],
        "break after so many bytes of an answer",
    ),
    own(
        "on_idle",
        Act::Idle,
        true,
        &[takes("idle", 1_000, "ms")],
        "break after a silence",
    ),
    own(
        "on_nth_request",
        Act::Request,
        true,
        &[takes("n", 2, "")],
        "break when the nth request of a connection arrives",
    ),
    own(
        "refuse",
        Act::Refuse,
        false,
        &[takes("period", 1_000, "ms")],
        "the port is closed; with a probability, for that share of periods",
    ),
    own(
        "half_close",
        Act::After(How::HalfClose),
        false,
        &[takes("after", 0, "ms")],
        "send FIN and no more, take what still comes",
    ),
    own(
        "hang",
        Act::After(How::Hang),
        false,
        &[takes("after", 0, "ms")],
        "pass nothing and close nothing",
    ),
    own(
        "backlog",
        Act::Backlog,
        false,
        &[takes("size", 0, ""), takes("period", 1_000, "ms")],
        "accept nobody: the queue holds size+1 connections, what comes then is not answered",
    ),
    toxic(
        "latency",
        Act::Latency,
        &[takes("latency", 0, "ms"), takes("jitter", 0, "ms")],
        "delay data",
    ),
    toxic(
        "bandwidth",
        Act::Bandwidth,
        &[takes("rate", 0, "KB/s")],
        "so many kilobytes a second at most",
    ),
    toxic(
        "slow_close",
        Act::SlowClose,
        &[takes("delay", 0, "ms")],
        "delay the end of the data",
    ),
    toxic(
        "timeout",
        Act::Timeout,
        &[takes("timeout", 0, "ms")],
        "drop all data, and close after the time; 0: never",
    ),
    toxic(
        "reset_peer",
        Act::ResetPeer,
        &[takes("timeout", 0, "ms")],
        "reset both ends, so long after the first data",
    ),
    toxic(
        "slicer",
        Act::Slicer,
        &[
            takes("average_size", 0, "bytes"),
            takes("size_variation", 0, "bytes"),
            takes("delay", 0, "us"),
        ],
        "cut data into small pieces, with a pause after each",
    ),
    toxic(
        "limit_data",
        Act::LimitData,
        &[takes("bytes", 0, "bytes")],
        "close after so many bytes",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_hyphens_do_not_matter() {
        for (at, kind) in KINDS.iter().enumerate() {
            assert!(std::ptr::eq(
                Kind::find(&kind.name.replace('_', "-")).unwrap(),
                kind
            ));
            assert!(KINDS[..at].iter().all(|other| other.name != kind.name));
        }
        assert_eq!(How::parse("late-write"), Some(How::LateWrite));
        assert!(Kind::find("lingers").is_none());
    }
}

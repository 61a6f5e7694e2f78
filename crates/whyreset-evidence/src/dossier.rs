//! All facts about one reset, and the questions that every judge asks of them.

use alloc::string::String;
use alloc::vec::Vec;

use core::net::SocketAddr;
use core::time::Duration;

use crate::{
    Alike, Balanced, Drop, Ended, Errno, Fact, Flow, Holdings, Killed, Logged, Passed, Process, Received,
    Ruled, Segment, Sent, Side, TcpState, Timestamp, Tracking, Translation, What,
};

/// Where the facts came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Source {
    /// This host's kernel, as it happened.
    #[default]
    Live,
    /// A packet capture.
    Capture,
    /// An active probe.
    Probe,
    /// Many hosts joined together.
    Fleet,
}

/// A view that is missing, why, and how to get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blindness {
    /// What cannot be seen.
    pub what: String,
    /// Why, and what would cure it.
    pub cure: String,
}

/// What the observer could have seen, so that silence can be told from blindness.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The kernel of the client's end is watched.
    pub client: bool,
    /// The kernel of the server's end is watched.
    pub server: bool,
    /// Resets that answer a segment without a full socket are reported (Linux 6.10 and newer).
    pub reply_resets: bool,
    /// Drops are reported with a reason.
    pub drops: bool,
    /// Since when: what ended earlier left no tombstone.
    pub since: Timestamp,
    /// Events known to be lost around this dossier.
    pub lost: u64,
    /// Views that this observer lacks altogether.
    pub missing: Vec<Blindness>,
}

/// All facts about one reset: the connection, its two ends, what came before and what the
/// application got. Facts stand in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Dossier {
    /// The connection.
    pub flow: Flow,
    /// Where the facts came from.
    pub source: Source,
    /// Inode of the network namespace, where there is one.
    pub netns: Option<u32>,
    /// The facts.
    pub facts: Vec<Fact>,
    /// What could be seen at all.
    pub coverage: Coverage,
}

/// One fact's payload together with the fact that carries it.
type Found<'a, T> = Option<(&'a Fact, &'a T)>;

macro_rules! pick {
    ($facts:expr, $variant:ident) => {
        $facts.filter_map(|fact| match &fact.what {
            What::$variant(inner) => Some((fact, inner)),
            _ => None,
        })
    };
}

impl Dossier {
    /// Whether this end's kernel is watched.
    pub const fn watches(&self, side: Side) -> bool {
        match side {
            Side::Client => self.coverage.client,
            Side::Server => self.coverage.server,
        }
    }

    /// The decisive reset as its sender's kernel made it; `None` where that kernel did not show
    /// it. A reset with which the other end answers a reset is never the decisive one.
    pub fn sent(&self) -> Found<'_, Sent> {
        /// On one host a reset may be reported received just before it is reported sent: the
        /// kernel traces an active one after it was transmitted. Later ones are others.
        const SKEW: Duration = Duration::from_millis(100);
        let first = self.effective()?;
        let from = self.from();
        let mut near = pick!(self.facts.iter(), Sent)
            .filter(|(fact, _)| fact.side == from && fact.at.since(first.at) < SKEW);
        // What is still under way meets a connection that is gone already, and the answer to it is
        // traced first.
        near.clone()
            .find(|(_, sent)| sent.trigger.is_none())
            .or_else(|| near.next())
    }

    /// The decisive reset as the other end's kernel accepted it.
    pub fn received(&self) -> Found<'_, Received> {
        let at = self.from().map(Side::other);
        pick!(self.facts.iter(), Received).find(|(fact, r)| r.accepted && fact.side == at)
    }

    /// The first received reset that the stack refused.
    pub fn refused_reset(&self) -> Found<'_, Received> {
        pick!(self.facts.iter(), Received).find(|(_, r)| !r.accepted)
    }

    /// The decisive reset as it passed a capture point.
    pub fn passed(&self) -> Found<'_, Passed> {
        pick!(self.facts.iter(), Passed)
            .next()
            .map(|(fact, passed)| (fact, &**passed))
    }

    /// The end the decisive reset came from, as far as the facts themselves tell: of all resets
    /// sent or accepted the first, by whose kernel sent it or else by whose name it bore. Where
    /// there was none: in whose name a refused one came, else the end that gave up.
    pub fn from(&self) -> Option<Side> {
        match (self.effective(), self.refused_reset()) {
            (Some(fact), _) if matches!(fact.what, What::Sent(_)) => fact.side,
            (Some(fact), _) | (None, Some((fact, _))) => fact.side.map(Side::other),
            (None, None) => self
                .passed()
                .map(|(fact, _)| fact)
                .or_else(|| self.failure())
                .and_then(|fact| fact.side),
        }
    }

    /// The first reset that was sent, or received and accepted.
    fn effective(&self) -> Option<&Fact> {
        self.facts.iter().find(|fact| match &fact.what {
            What::Sent(_) => true,
            What::Received(received) => received.accepted,
            _ => false,
        })
    }

    /// Whether any reset was seen, sent or received, accepted or refused.
    pub fn has_reset(&self) -> bool {
        self.facts
            .iter()
            .any(|fact| matches!(fact.what, What::Sent(_) | What::Received(_) | What::Passed(_)))
    }

    /// The first end or error report of a socket that was left with an error.
    fn failure(&self) -> Option<&Fact> {
        self.facts.iter().find(|fact| match &fact.what {
            What::Ended(ended) => ended.error.is_some(),
            What::Errored(_) => true,
            _ => false,
        })
    }

    /// The tombstones of one end, in order of time.
    pub fn endings(&self, side: Side) -> impl DoubleEndedIterator<Item = (&Fact, &Ended)> {
        pick!(self.facts.iter(), Ended).filter(move |(fact, _)| fact.side == Some(side))
    }

    /// The ending of this end in which a process closed it, or gave its connect() up.
    pub fn closed_by(&self, side: Side) -> Found<'_, Ended> {
        self.endings(side).find(|(_, ended)| ended.by.is_some())
    }

    /// The ending of this end that left an error.
    pub fn failed(&self, side: Side) -> Found<'_, Ended> {
        self.endings(side).find(|(_, ended)| ended.error.is_some())
    }

    /// Segments dropped before TCP took them.
    pub fn drops(&self) -> impl Iterator<Item = (&Fact, &Drop)> {
        pick!(self.facts.iter(), Drop)
    }

    /// Who sent a deadly signal to this process.
    pub fn killer_of(&self, pid: u32) -> Found<'_, Killed> {
        pick!(self.facts.iter(), Killed).find(|(_, killed)| killed.victim == pid)
    }

    /// The process that held this end's socket.
    pub fn owner(&self, side: Side) -> Option<&Process> {
        pick!(self.facts.iter(), Owner)
            .find(|(fact, _)| fact.side == Some(side))
            .map(|(_, process)| process)
    }

    /// The process that holds the listening socket of this end.
    pub fn listener(&self, side: Side) -> Option<&Process> {
        pick!(self.facts.iter(), Listener)
            .find(|(fact, _)| fact.side == Some(side))
            .map(|(_, process)| process)
    }

    /// The fact that shows that the kernel itself uses this end's socket.
    pub fn kernel_socket(&self, side: Side) -> Option<&Fact> {
        let mut here = self.facts.iter().filter(|fact| fact.side == Some(side));
        here.find(|fact| match &fact.what {
            What::Sent(Sent { socket, .. }) | What::Received(Received { socket, .. }) => {
                socket.as_ref().is_some_and(|socket| socket.of_kernel)
            }
            What::Ended(ended) => ended.socket.of_kernel,
            _ => false,
        })
    }

    /// The process in whose call the kernel acted on a socket that it uses itself.
    pub fn asked_by(&self, side: Side) -> Found<'_, Process> {
        pick!(self.facts.iter(), AskedBy).find(|(fact, _)| fact.side == Some(side))
    }

    /// How many others were reset after the same silence.
    pub fn alike(&self) -> Option<&Alike> {
        let passed = self.passed().and_then(|(_, passed)| passed.silence.as_ref());
        passed.or_else(|| pick!(self.facts.iter(), Alike).next().map(|(_, alike)| alike))
    }

    /// How long nothing had passed before the reset, or before what drew it, ms; `None` where the
    /// observer cannot tell.
    pub fn silence_ms(&self) -> Option<u64> {
        /// What the receiver had sent so shortly before drew the reset.
        const DREW_MS: u64 = 1_000;
        if let Some((_, passed)) = self.passed() {
            return Some(passed.silence_ms);
        }
        let (_, received) = self.received()?;
        let socket = received.socket.as_ref()?;
        let (heard, sent) = (socket.heard_ago_ms?, socket.sent_ago_ms?);
        if sent >= DREW_MS {
            return Some(heard.min(sent));
        }
        // What it sends again and again in vain is no silence.
        (socket.retransmits == 0).then(|| heard.saturating_sub(sent))
    }

    /// Rules that can have met what a packet filter dropped.
    pub fn ruled(&self) -> Found<'_, Ruled> {
        pick!(self.facts.iter(), Ruled).next()
    }

    /// How full the table of tracked connections was.
    pub fn tracking(&self) -> Found<'_, Tracking> {
        pick!(self.facts.iter(), Tracking).next()
    }

    /// The socket of this end as it was found open after a reset in its name had arrived.
    pub fn standing(&self, side: Side) -> Option<(&Fact, TcpState)> {
        let mut found = pick!(self.facts.iter(), Standing).filter(|(fact, _)| fact.side == Some(side));
        found.next().map(|(fact, state)| (fact, *state))
    }

    /// With whom the one open socket of this end's address is connected, where that is another.
    pub fn only_with(&self, side: Side) -> Found<'_, SocketAddr> {
        pick!(self.facts.iter(), OnlyWith).find(|(fact, _)| fact.side == Some(side))
    }

    /// What this end sent after a reset in its name had arrived.
    pub fn went_on(&self, side: Side) -> Found<'_, Segment> {
        pick!(self.facts.iter(), WentOn).find(|(fact, _)| fact.side == Some(side))
    }

    /// The translation of this connection's addresses that connection tracking had forgotten, or has and
    /// did not use.
    pub fn translation(&self) -> Found<'_, Translation> {
        pick!(self.facts.iter(), Translation).next()
    }

    /// The service that IPVS of the answering host has at the address of this segment.
    pub fn balanced(&self) -> Found<'_, Balanced> {
        pick!(self.facts.iter(), Balanced).next()
    }

    /// What a process of this end held.
    pub fn holdings(&self, side: Side) -> Found<'_, Holdings> {
        pick!(self.facts.iter(), Holds).find(|(fact, _)| fact.side == Some(side))
    }

    /// Lines of logs that most likely speak of this connection, the nearest first.
    pub fn logged(&self) -> impl Iterator<Item = (&Fact, &Logged)> {
        pick!(self.facts.iter(), Logged)
    }

    /// The error this end's socket was left with.
    pub fn errno(&self, side: Side) -> Option<Errno> {
        pick!(self.facts.iter(), Errored)
            .find(|(fact, _)| fact.side == Some(side))
            .map(|(_, errno)| *errno)
    }

    /// Resets seen, sent and received ones of one segment counted once.
    pub fn reset_count(&self) -> usize {
        let sent = |side| {
            pick!(self.facts.iter(), Sent)
                .filter(|(f, _)| f.side == Some(side))
                .count()
        };
        let received = |side: Side| {
            pick!(self.facts.iter(), Received)
                .filter(|(f, _)| f.side == Some(side.other()))
                .count()
        };
        [Side::Client, Side::Server]
            .into_iter()
            .map(|side| sent(side).max(received(side)))
            .sum()
    }

    /// When it happened: the first reset, else the first error, else the first fact.
    pub fn time(&self) -> Timestamp {
        self.facts
            .iter()
            .find(|fact| matches!(fact.what, What::Sent(_) | What::Received(_) | What::Passed(_)))
            .or_else(|| self.failure())
            .or_else(|| self.facts.first())
            .map_or(Timestamp::default(), |fact| fact.at)
    }
}

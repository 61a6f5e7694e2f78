//! What one end alone may conclude from a failure that a program met, and the next command. Resets
//! are left to the judge; what is said here is what it has no word for. Refuses to guess beyond that.

use whyreset_evidence::{Certainty, Errno, Side};
use whyreset_probe::{End, Guess, words};

use crate::failure::{Failure, How, Own, Stage};

/// What a failure tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Plain statements about what was seen.
    pub notes: Vec<String>,
    /// What would explain it, the likeliest first.
    pub guesses: Vec<Guess>,
    /// Commands that would tell more.
    pub next: Vec<String>,
}

/// Reads one failure.
pub fn read(failure: &Failure) -> Reading {
    Reading {
        notes: notes(failure),
        guesses: guesses(failure),
        next: next(failure),
    }
}

fn notes(failure: &Failure) -> Vec<String> {
    let mut notes = Vec::new();
    match &failure.how {
        How::Met(End::Closed) => notes.push(
            "no RST came: the other end closed in order (FIN) where an answer was due. Runtimes word this as a reset (\"socket hang up\", \
             ECONNRESET in Node, RemoteDisconnected, curl's \"Empty reply\")"
                .to_owned(),
        ),
        How::Unix => notes.push(
            "no RST came: this is a socket between two processes of this host (AF_UNIX). Its kernel says ECONNRESET where the other end \
             closed with data unread, EPIPE where it is gone"
                .to_owned(),
        ),
        How::Own(Own::Disconnect) => notes.push(
            "connect() with AF_UNSPEC aborts a connection: its own kernel sends the RST".to_owned(),
        ),
        How::Own(_) => {
            notes.push("this program ends the connection itself: its own kernel sends the RST, as the socket's state at this call tells; the RST itself was not watched".to_owned());
        }
        How::Met(End::Reset { .. }) if failure.shut => notes.push(
            "this program had shut its own direction down before: data that comes after shutdown(SHUT_RDWR) makes its own kernel reset"
                .to_owned(),
        ),
        How::Met(_) => {}
    }
    if failure.flow.is_some_and(|flow| flow.client.port() == 0) {
        notes.push("its own port is not known: the kernel had let go of it".to_owned());
    }
    notes
}

fn possible(id: Option<&'static str>, what: impl Into<String>, decide: impl Into<String>) -> Guess {
    Guess {
        id,
        certainty: Certainty::Possible,
        what: what.into(),
        decide: decide.into(),
    }
}

fn guesses(failure: &Failure) -> Vec<Guess> {
    let host = failure.flow.map_or_else(
        || "the other end".to_owned(),
        |flow| match failure.side {
            Some(side) => flow.addr(side.other()).ip().to_string(),
            None => flow.server.ip().to_string(),
        },
    );
    match (&failure.how, failure.stage) {
        (How::Met(End::Closed), _) => vec![
            possible(
                None,
                "the server's program closed, ended or crashed without an answer, or a proxy has no backend",
                format!("the log of the program on {host} at this time"),
            ),
            possible(
                Some("wrong-protocol"),
                "the request was not in the protocol that the port speaks",
                "whyreset probe HOST:PORT, with --tls or --http",
            ),
        ],
        (How::Met(End::Silent), Stage::Handshake) => vec![
            possible(
                Some("firewall-reject"),
                "a rule drops the SYN without a word",
                format!("another port of {host} that answers speaks for it"),
            ),
            possible(
                None,
                format!("{host} is down, or the address is wrong"),
                format!("ping {host}"),
            ),
            possible(
                Some("accept-queue-overflow"),
                "the listener's queues are full: SYNs are dropped",
                format!("nstat -az TcpExtListenOverflows on {host}, ss -ltn there"),
            ),
        ],
        (How::Met(End::Silent), _) if failure.acked < failure.sent => vec![possible(
            None,
            format!(
                "{} were never acknowledged: the path lost them, or the other host is gone",
                words::bytes(failure.sent - failure.acked)
            ),
            "tracepath to the host; whyreset probe --trace",
        )],
        (How::Met(End::Silent), _) => vec![possible(
            None,
            "its kernel took the request and nobody answered: the program hangs or is slow, or this protocol has no answers",
            format!("ss -tnp on {host}: unread bytes in Recv-Q speak for a program that hangs"),
        )],
        (How::Met(End::Failed(why)), _) => vec![possible(None, why.clone(), "ip route get, ip neigh")],
        (How::Unix, _) => vec![possible(
            None,
            "the process at the other end of the socket closed it early, ended or was killed",
            "its log; ss -xp names who holds the other end",
        )],
        (How::Met(End::Reset { .. }), stage) => vec![possible(
            None,
            reset(failure, stage),
            format!("whyreset watch on {host} names the cause"),
        )],
        _ => Vec::new(),
    }
}

/// What the stage says of a reset that came.
fn reset(failure: &Failure, stage: Stage) -> &'static str {
    match (stage, failure.side) {
        (Stage::Handshake, _) => "the connection was taken back before it stood",
        (Stage::Open, Some(Side::Client)) => {
            "it takes connections and drops them unheard: a limit, a proxy without a backend, a rule"
        }
        (Stage::AfterRequest, Some(Side::Client)) if failure.acked < failure.sent => {
            "not all of the request was acknowledged: the part that was not has reached no program"
        }
        (Stage::AfterRequest, Some(Side::Client)) => {
            "its kernel took the request; the program there closed without reading all of it, was killed, or crashed"
        }
        (Stage::MidResponse, Some(Side::Client)) => {
            "it broke off in the middle: the program there was killed or gave up, or a box cut in"
        }
        (Stage::Idle, _) => "after a silence: an idle timer of the other end or of a box between",
        (_, Some(Side::Server)) => "the client gave up, was stopped, or closed with data unread",
        _ => "the other end, or a box in its name, ended it",
    }
}

fn next(failure: &Failure) -> Vec<String> {
    let (Some(flow), Some(side)) = (failure.flow, failure.side) else {
        return Vec::new();
    };
    let port = flow.server.port();
    let there = flow.addr(side.other()).ip();
    let watch = format!("on {there}: sudo whyreset watch port {port}");
    let probe = format!("whyreset probe {}", flow.server);
    let out = matches!(failure.errno, Some((Errno::TimedOut, _)));
    match (&failure.how, side) {
        (How::Own(_), _) => vec![format!("sudo whyreset watch port {port}")],
        (How::Met(End::Failed(_)), _) => vec![format!("ip route get {}", flow.server.ip())],
        (How::Met(End::Silent), _) if out || failure.stage == Stage::Handshake => {
            vec![format!("sudo {probe} --trace")]
        }
        (How::Met(_), Side::Client) if failure.stage == Stage::Idle => vec![format!("{probe} --idle"), watch],
        (How::Met(End::Refused), Side::Client) => vec![probe, watch],
        (How::Met(_), _) => vec![watch],
        (How::Unix, _) => Vec::new(),
    }
}

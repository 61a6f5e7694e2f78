//! What a dossier says by itself, whatever the cause: stage, outcome, victim, and the evidence
//! that belongs to every verdict.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use core::time::Duration;

use whyreset_evidence::{
    Connection, Dossier, Errno, EvidenceLine, Finding, Host, Named, Origin, Outcome, Party, Process, Reset,
    SeenFrom, Sender, Side, Socket, Source, Stage, TcpState, Verdict, Victim, What,
};

use crate::cause::{Accuse, Cause, From};
use crate::{ask, filter, idle, passing, pattern, service};

/// Findings that every verdict carries: the kernel's own word, and what could not be seen.
pub fn background(dossier: &Dossier) -> Vec<Finding> {
    let mut findings = passing::background(dossier);
    if let Some((fact, sent)) = dossier.sent()
        && let Some(reason) = &sent.reason
    {
        findings.push(Finding::seen(
            format!("kernel reset reason {reason}"),
            &*fact.cite,
        ));
    }
    for side in [Side::Client, Side::Server] {
        if let Some(used) = service::used(dossier, side) {
            findings.extend(used.findings(dossier));
        }
    }
    findings.extend(thread_of_a_program_that_let_go(dossier));
    for side in [Side::Client, Side::Server] {
        findings.extend(pattern::near_a_limit(dossier, side));
    }
    for side in [Side::Client, Side::Server] {
        if !dossier.watches(side) {
            findings.push(ask::elsewhere(dossier, side));
        }
    }
    if dossier.coverage.lost > 0 {
        findings.push(ask::lost(dossier));
    }
    findings
}

/// The last reference to a program's socket may be the kernel's (io_uring, descriptors on their way).
fn thread_of_a_program_that_let_go(dossier: &Dossier) -> Option<Finding> {
    let (fact, sent) = dossier.sent()?;
    let thread = sent.actor.as_ref().filter(|actor| actor.kernel)?;
    let own = service::sender(dossier).is_some();
    (!own).then(|| {
        Finding::seen(
            format!("{thread} closed the socket: no process held it any more"),
            &*fact.cite,
        )
    })
}

/// What the kernel itself does to a socket of its own is no program's doing.
pub fn party(dossier: &Dossier, cause: &Cause) -> Party {
    match cause.party {
        Party::Application if service::sender(dossier).is_some() => Party::Kernel,
        party => party,
    }
}

/// Puts the verdict together.
pub fn assemble(
    dossier: &Dossier,
    cause: &Cause,
    named: Named,
    evidence: Vec<EvidenceLine>,
    fix: Vec<String>,
    benign: bool,
) -> Verdict {
    if dossier.source == Source::Capture {
        return Verdict {
            time: dossier.time(),
            source: dossier.source,
            outcome: passing::outcome(dossier),
            connection: passing::connection(dossier),
            reset: passing::reset(dossier, cause, benign),
            sender: passing::sender(dossier, cause),
            victim: passing::victim(dossier),
            cause: named,
            evidence,
            fix,
        };
    }
    Verdict {
        time: dossier.time(),
        source: dossier.source,
        outcome: outcome(dossier),
        connection: connection(dossier),
        reset: Reset {
            from: origin(dossier, cause),
            seen: seen(dossier),
            accepted: accepted(dossier),
            count: dossier.reset_count(),
            benign,
            frame: None,
        },
        sender: Sender {
            party: party(dossier, cause),
            host: host(dossier, cause),
            process: accused(dossier, cause),
            rule: rule(dossier, cause),
        },
        victim: victim(dossier),
        cause: named,
        evidence,
        fix,
    }
}

/// The packet filter's rule, where it is a packet filter that is accused and one rule alone can have
/// done it.
pub fn rule(dossier: &Dossier, cause: &Cause) -> Option<String> {
    let (_, ruled) = dossier.ruled().filter(|_| cause.party == Party::Firewall)?;
    ruled.the_one().map(|rule| rule.text.clone())
}

/// The end that a reset hit, or that gave up where there was none.
fn victim_side(dossier: &Dossier) -> Option<Side> {
    match dossier.from() {
        Some(side) if dossier.has_reset() && !gave_up(dossier, side) => Some(side.other()),
        other => other,
    }
}

/// The reset only told that its own sender's timer had ended the connection: whom it was meant
/// for had been silent, and the sender's program gets the error.
fn gave_up(dossier: &Dossier, side: Side) -> bool {
    let answered = dossier.sent().is_some_and(|(_, sent)| sent.trigger.is_some());
    dossier.errno(side) == Some(Errno::TimedOut) && dossier.received().is_none() && !answered
}

fn outcome(dossier: &Dossier) -> Outcome {
    let errno = victim_side(dossier).and_then(|side| dossier.errno(side));
    if !dossier.has_reset() || errno == Some(Errno::TimedOut) {
        return match errno {
            Some(Errno::ConnAborted) => Outcome::Aborted,
            Some(Errno::ConnRefused) => Outcome::Refused,
            _ => Outcome::Timeout,
        };
    }
    let opened_only = dossier
        .received()
        .is_some_and(|(_, r)| state_is(r.socket.as_ref(), TcpState::SynSent))
        || dossier.sent().is_some_and(|(_, s)| {
            s.socket.is_none() && s.trigger.as_ref().is_some_and(|trigger| trigger.flags.is_open())
        });
    if opened_only || errno == Some(Errno::ConnRefused) {
        Outcome::Refused
    } else {
        Outcome::Reset
    }
}

fn state_is(socket: Option<&Socket>, state: TcpState) -> bool {
    socket.is_some_and(|socket| socket.state == state)
}

fn origin(dossier: &Dossier, cause: &Cause) -> Origin {
    match (cause.from, dossier.from()) {
        (From::Between, _) => Origin::Between,
        // Whose name a reset bore is no proof of who sent it: without a cause, only the sender's
        // own kernel tells.
        (From::Sender, Some(side)) if cause.party != Party::Unknown || dossier.sent().is_some() => {
            Origin::End(side)
        }
        _ => Origin::Unknown,
    }
}

fn host(dossier: &Dossier, cause: &Cause) -> Host {
    match origin(dossier, cause) {
        Origin::Between if filter::dropped(dossier).is_some() => Host::Local,
        Origin::Between => Host::Between,
        Origin::End(side) if dossier.watches(side) => Host::Local,
        Origin::End(_) => Host::Remote,
        Origin::Unknown => Host::Unknown,
    }
}

fn seen(dossier: &Dossier) -> SeenFrom {
    match (
        dossier.sent().is_some(),
        dossier.received().is_some() || dossier.refused_reset().is_some(),
    ) {
        (true, true) => SeenFrom::Both,
        (true, false) => SeenFrom::Sent,
        (false, true) => SeenFrom::Received,
        (false, false) => SeenFrom::None,
    }
}

fn accepted(dossier: &Dossier) -> Option<bool> {
    if dossier.received().is_some() {
        Some(true)
    } else {
        dossier.refused_reset().map(|_| false)
    }
}

/// The process that `cause` accuses, where the dossier holds it.
pub fn accused(dossier: &Dossier, cause: &Cause) -> Option<Process> {
    accused_as(dossier, cause.accuse)
}

/// The process in this role, where the dossier holds it.
pub fn accused_as(dossier: &Dossier, accuse: Accuse) -> Option<Process> {
    let side = dossier.from()?;
    let program = |process: &Process| !process.kernel;
    let actor = || {
        dossier
            .sent()
            .and_then(|(_, sent)| sent.actor.clone())
            .filter(program)
    };
    let closer = || {
        dossier
            .closed_by(side)
            .and_then(|(_, ended)| ended.by.clone())
            .filter(program)
    };
    let owner = || dossier.owner(side).or_else(|| dossier.listener(side)).cloned();
    match accuse {
        // Nobody holds what the kernel uses itself.
        Accuse::Closer | Accuse::Owner if service::used(dossier, side).is_some() => None,
        Accuse::Closer => actor().or_else(closer).or_else(owner),
        Accuse::Owner => owner().or_else(closer),
        Accuse::Actor => actor(),
        Accuse::Nobody => None,
    }
}

fn victim(dossier: &Dossier) -> Option<Victim> {
    let side = victim_side(dossier)?;
    if !dossier.watches(side) {
        return None;
    }
    if let Some(used) = service::used(dossier, side) {
        return Some(Victim {
            process: None,
            errno: None,
            kernel: Some(used.what().unwrap_or_default()),
        });
    }
    let process = dossier.owner(side).or_else(|| dossier.listener(side)).cloned();
    let socket = dossier
        .received()
        .and_then(|(_, received)| received.socket.as_ref());
    let derived = socket
        .filter(|socket| !socket.dead)
        .map(|socket| match socket.state {
            TcpState::SynSent => Errno::ConnRefused,
            TcpState::CloseWait => Errno::Pipe,
            _ => Errno::ConnReset,
        });
    let gave_up = || {
        let own = ask::own_error(dossier).filter(|_| !dossier.has_reset());
        own.map(|(errno, _)| errno)
    };
    let errno = dossier.errno(side).or(derived).or_else(gave_up);
    (process.is_some() || errno.is_some()).then_some(Victim {
        process,
        errno,
        kernel: None,
    })
}

fn stage(dossier: &Dossier) -> Stage {
    let of = |state: TcpState| match state {
        TcpState::SynSent | TcpState::SynRecv | TcpState::NewSynRecv => Some(Stage::Handshake),
        TcpState::Established => Some(Stage::Established),
        TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::CloseWait
        | TcpState::LastAck
        | TcpState::Closing => Some(Stage::Closing),
        TcpState::TimeWait => Some(Stage::Closed),
        _ => None,
    };
    let received = dossier
        .received()
        .and_then(|(_, received)| of(received.socket.as_ref()?.state));
    if let Some(stage) = received {
        return stage;
    }
    let Some((_, sent)) = dossier.sent() else {
        let failed = dossier.from().and_then(|side| dossier.failed(side));
        return failed
            .and_then(|(_, ended)| of(ended.from))
            .unwrap_or(Stage::Unknown);
    };
    match (&sent.socket, &sent.trigger) {
        (Some(socket), None) if socket.state == TcpState::Close => {
            let fin_was_out = dossier.from().is_some_and(|side| {
                dossier
                    .endings(side)
                    .any(|(_, ended)| ended.to.after_own_fin() || ended.from == TcpState::CloseWait)
            });
            if fin_was_out {
                Stage::Closing
            } else {
                Stage::Established
            }
        }
        (Some(socket), _) if of(socket.state).is_some() => of(socket.state).unwrap_or(Stage::Unknown),
        (_, Some(trigger)) if trigger.flags.is_open() || trigger.flags.is_syn_ack() => Stage::Handshake,
        (Some(socket), Some(_))
            if socket.state == TcpState::Listen && dossier.endings(Side::Server).next().is_none() =>
        {
            Stage::Unknown
        }
        (Some(socket), Some(_)) if socket.state == TcpState::Close => Stage::Closing,
        _ => Stage::Closed,
    }
}

/// Sockets of one end, the one nearest to the reset first.
fn sockets(dossier: &Dossier, side: Side) -> impl Iterator<Item = &Socket> {
    let at = move |fact: &&whyreset_evidence::Fact| fact.side == Some(side);
    let near = dossier
        .facts
        .iter()
        .filter(at)
        .filter_map(|fact| match &fact.what {
            What::Sent(sent) => sent.socket.as_ref(),
            What::Received(received) => received.socket.as_ref(),
            _ => None,
        });
    let far = dossier
        .facts
        .iter()
        .rev()
        .filter(at)
        .filter_map(|fact| match &fact.what {
            What::Ended(ended) => Some(&ended.socket),
            _ => None,
        });
    near.chain(far).filter(|socket| socket.state != TcpState::Listen)
}

/// Only where the close is what the reset follows from, and it had a silence to end.
fn quiet_before_close(dossier: &Dossier) -> Option<u64> {
    let (_, ended) = dossier.closed_by(dossier.from()?)?;
    ended.socket.heard_ago_ms.filter(|&quiet| quiet >= idle::LONG_MS)
}

fn connection(dossier: &Dossier) -> Connection {
    let ms = |ms: Option<u64>| ms.map(Duration::from_millis);
    let both = || {
        [Side::Client, Side::Server]
            .into_iter()
            .flat_map(|side| sockets(dossier, side))
    };
    let bytes = |receiver: Side| {
        let received = sockets(dossier, receiver)
            .map(|socket| socket.bytes_received)
            .max();
        let acked = sockets(dossier, receiver.other())
            .map(|socket| socket.bytes_acked)
            .max();
        received.max(acked)
    };
    let idle = match dossier.received() {
        Some((_, received)) => received.socket.as_ref().and_then(|socket| socket.heard_ago_ms),
        None => dossier.sent().and_then(|(_, sent)| {
            let socket = sent.socket.as_ref()?;
            [socket.sent_ago_ms, socket.heard_ago_ms]
                .into_iter()
                .flatten()
                .min()
        }),
    };
    Connection {
        flow: dossier.flow,
        stage: stage(dossier),
        age: ms(both().filter_map(|socket| socket.age_ms).max()),
        idle: ms(idle),
        quiet_before_close: ms(quiet_before_close(dossier)),
        bytes_to_server: bytes(Side::Server),
        bytes_to_client: bytes(Side::Client),
        netns: dossier.netns,
        conn_state: None,
    }
}

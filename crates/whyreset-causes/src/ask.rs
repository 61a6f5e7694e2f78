//! Questions that several causes put to a dossier, asked in one way. Each tells `Absent` (the
//! kernel concerned is watched, and it is not so) from `Blind` (it is not watched).

use whyreset_evidence::{Dossier, Ended, Fact, Finding, Segment, Sent, Side, Socket, TcpState};

/// What made a kernel send a reset.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drawn {
    /// A process or a timer decided; no segment was answered.
    Active,
    /// A segment arrived that the stack refuses.
    Reply,
}

/// Why there is no reset of this kind from its sender: not watched, not reported, or not sent.
fn unseen(dossier: &Dossier, drawn: Drawn) -> Finding {
    match dossier.from() {
        None => Finding::absent("no reset was sent or received", "kernel:tcp_send_reset"),
        Some(side) if !dossier.watches(side) => elsewhere(dossier, side),
        Some(_) if drawn == Drawn::Reply && !dossier.coverage.reply_resets => Finding::blind(
            "this kernel does not report a reset that answers a segment without a full socket",
            "Linux 6.10 or newer reports it",
        ),
        Some(side) => Finding::absent(
            format!("the {side}'s kernel is watched and reported no such reset"),
            "kernel:tcp_send_reset",
        ),
    }
}

/// The finding for an end that is not watched.
pub fn elsewhere(dossier: &Dossier, side: Side) -> Finding {
    Finding::blind(
        format!("the {side}'s end is on another host"),
        format!("whyreset watch on {} would show it", dossier.flow.addr(side).ip()),
    )
}

/// Asks the socket for which a process or a timer sent the reset.
pub fn active(dossier: &Dossier, ask: impl FnOnce(&Fact, &Sent, &Socket) -> Finding) -> Finding {
    match dossier.sent() {
        None => unseen(dossier, Drawn::Active),
        Some((fact, sent)) => match (&sent.trigger, &sent.socket) {
            (None, Some(socket)) => ask(fact, sent, socket),
            (Some(trigger), _) => Finding::absent(
                format!("the reset answers a segment (flags {})", trigger.flags),
                &*fact.cite,
            ),
            (None, None) => Finding::absent("the reset belongs to no socket", &*fact.cite),
        },
    }
}

/// Asks the segment that drew the reset.
pub fn reply(dossier: &Dossier, ask: impl FnOnce(&Fact, &Sent, &Segment) -> Finding) -> Finding {
    match dossier.sent() {
        None => unseen(dossier, Drawn::Reply),
        Some((fact, sent)) => match &sent.trigger {
            Some(trigger) => ask(fact, sent, trigger),
            None => Finding::absent(
                "no segment drew the reset: a process or a timer sent it",
                &*fact.cite,
            ),
        },
    }
}

/// The reset was sent while a process let go of a socket that it held: close(), exit, or the
/// death of its last holder (`__tcp_close` in state CLOSE with both directions shut).
pub fn sent_by_close(dossier: &Dossier) -> Finding {
    active(dossier, |fact, _, socket| {
        let holds = socket.state == TcpState::Close
            && socket.shutdown.receive()
            && socket.shutdown.send()
            && (socket.attached || socket.dead);
        let what = if holds {
            "the reset was sent by close() itself".to_owned()
        } else {
            format!(
                "the socket was in {} and not being closed by its holder",
                socket.state
            )
        };
        Finding::when(holds, what, &*fact.cite)
    })
}

/// What the receiver's socket says of the reset that hit it; `Blind` where the receiver is not
/// watched, `Absent` where it is and got none.
pub fn receiver(dossier: &Dossier, ask: impl FnOnce(&Fact, &Socket) -> Finding) -> Finding {
    match dossier.received() {
        Some((fact, received)) => match &received.socket {
            Some(socket) => ask(fact, socket),
            None => Finding::absent("the reset hit no socket", &*fact.cite),
        },
        None => match dossier.from() {
            Some(side) if !dossier.watches(side.other()) => elsewhere(dossier, side.other()),
            _ => Finding::absent("no end that is watched took a reset", "kernel:tcp_receive_reset"),
        },
    }
}

/// Not refused by the receiver: where it is watched, its connection was past the handshake.
/// Seen also where the receiver is not watched, for the sender's own facts then decide.
pub fn was_open(dossier: &Dossier) -> Finding {
    match dossier.received() {
        Some((fact, received)) => match &received.socket {
            Some(socket) => Finding::when(
                socket.state.is_synchronised(),
                format!("the receiver's socket was in {}", socket.state),
                &*fact.cite,
            ),
            None => Finding::absent("the reset hit no socket", &*fact.cite),
        },
        None => match dossier.sent() {
            Some((fact, _)) => Finding::seen("the connection had been open at its sender", &*fact.cite),
            None => Finding::absent("no reset was sent or received", "kernel:tcp_receive_reset"),
        },
    }
}

/// How the sender's connection had ended before: its tombstone. `Blind` where the sender is not
/// watched, or where the end may lie before the watch began.
pub fn tombstone(dossier: &Dossier, ask: impl Fn(&Fact, &Ended) -> Option<Finding>) -> Finding {
    let Some(side) = dossier.from() else {
        return Finding::absent("no reset was sent or received", "kernel:tcp_send_reset");
    };
    if !dossier.watches(side) {
        return elsewhere(dossier, side);
    }
    let mut last = None;
    for (fact, ended) in dossier.endings(side) {
        if let Some(finding) = ask(fact, ended) {
            return finding;
        }
        last = Some((fact, ended));
    }
    match last {
        Some((fact, ended)) => Finding::absent(
            format!("the {side}'s socket had ended {} -> {}", ended.from, ended.to),
            &*fact.cite,
        ),
        None => Finding::absent(
            format!("no end of the {side}'s socket was seen before"),
            "kernel:inet_sock_set_state",
        ),
    }
}

//! What a socket's last state tells of how its connection ended: a table of states, counters and
//! what its program had done. Refuses to ask the kernel.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use whyreset_evidence::{Errno, Flow, Side, TcpState};
use whyreset_probe::End;

use crate::book::{Sock, end_of, is_open};
use crate::failure::{How, Known, Own, Stage};
use crate::look::{Tcp, is_gone};

/// Without an answer for so long, a program that lets go has given up.
const GAVE_UP: Duration = Duration::from_secs(1);
/// From so much silence on, a connection was idle.
const IDLE: Duration = Duration::from_secs(1);
/// Spans of TCP_INFO are whole milliseconds: below this, two are equal.
const EQUAL: Duration = Duration::from_millis(2);
/// Unanswered retransmissions, or probes, after which the kernel's own timer is the likelier end.
const TIMED_OUT: u32 = 3;

/// A socket at a call.
pub(crate) struct Found {
    pub tcp: Tcp,
    pub errno: Option<(Errno, Known)>,
    /// The program lets go of it at this call.
    pub letting_go: bool,
    /// No other descriptor leads to it.
    pub alone: bool,
    /// An error was waiting that nobody had taken.
    pub last_error: bool,
}

/// A cheap first look: whether it can have failed at all.
pub(crate) fn is_of_interest(sock: &Sock, found: &Found) -> bool {
    let info = &found.tcp.info;
    match info.state {
        TcpState::Listen => false,
        TcpState::Close => sock.pending || sock.born || info.sent > 0 || info.received > 0,
        TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2 => {
            found.tcp.unread > 0
                || found.tcp.lingers_zero
                || unanswered(sock, found).is_some_and(|span| span >= GAVE_UP)
        }
        TcpState::CloseWait | TcpState::LastAck => {
            found.tcp.unread > 0 || found.tcp.lingers_zero || closed_unanswered(sock, found)
        }
        _ => true,
    }
}

/// How it failed; `None` where it did not.
pub(crate) fn of(sock: &Sock, found: &Found) -> Option<How> {
    let info = &found.tcp.info;
    if let Some((errno, _)) = found.errno {
        return end_of(errno).map(How::Met);
    }
    if !found.letting_go {
        return None;
    }
    match info.state {
        TcpState::SynSent => (sock.began.elapsed() >= GAVE_UP).then_some(How::Met(End::Silent)),
        state if is_gone(state) => gone(sock, found),
        state if is_open(state) && found.alone && found.tcp.unread > 0 => Some(How::Own(Own::Unread)),
        state if is_open(state) && found.alone && found.tcp.lingers_zero => Some(How::Own(Own::Linger)),
        TcpState::CloseWait | TcpState::LastAck if found.alone => {
            closed_unanswered(sock, found).then_some(How::Met(End::Closed))
        }
        TcpState::Established | TcpState::FinWait1 | TcpState::FinWait2 if found.alone => {
            unanswered(sock, found)
                .is_some_and(|span| span >= GAVE_UP)
                .then_some(How::Met(End::Silent))
        }
        _ => None,
    }
}

/// The socket has no connection any more, and no call that was watched told an error.
fn gone(sock: &Sock, found: &Found) -> Option<How> {
    let info = &found.tcp.info;
    if shook_hands(sock, found) {
        if sock.shut && !found.last_error && fin_was_acked(sock, found) {
            let (sent, received) = bytes(found);
            let nothing = sock.side == Some(Side::Client) && sent > 0 && received.saturating_sub(1) == 0;
            return nothing.then_some(How::Met(End::Closed));
        }
        let timer = info.retransmits >= TIMED_OUT || info.probes >= TIMED_OUT;
        return Some(How::Met(if timer {
            End::Silent
        } else {
            End::Reset { after_fin: false }
        }));
    }
    // Without a connect() there was none that could fail.
    (sock.pending && sock.born).then_some(How::Met(if info.retransmits > 0 {
        End::Silent
    } else {
        End::Refused
    }))
}

/// The error that its program must have got, where the socket's end tells.
pub(crate) fn inferred(sock: &Sock, found: &Found, how: &How) -> Option<(Errno, Known)> {
    let errno = match how {
        How::Met(End::Reset { .. }) => Errno::ConnReset,
        How::Met(End::Refused) => Errno::ConnRefused,
        How::Met(End::Silent) if is_gone(found.tcp.info.state) => Errno::TimedOut,
        _ => return None,
    };
    // An error that still waits was given to nobody.
    (!found.last_error || sock.error.is_some()).then_some((errno, Known::Inferred))
}

fn shook_hands(sock: &Sock, found: &Found) -> bool {
    let info = &found.tcp.info;
    // A reset in SYN_SENT gives ECONNREFUSED (tcp_reset): here the SYN had been answered.
    if matches!(found.errno, Some((Errno::ConnReset, _))) {
        return true;
    }
    info.acked > 0 || info.received > 0 || !sock.pending && sock.born
}

/// The opener's SYN and each end's FIN count as a byte that is acknowledged.
fn fin_was_acked(sock: &Sock, found: &Found) -> bool {
    let syn = u64::from(sock.side == Some(Side::Client));
    found.tcp.info.acked > found.tcp.info.sent + syn
}

/// Payload that left, and that came: where a FIN came it counted as a byte.
pub(crate) fn bytes(found: &Found) -> (u64, u64) {
    let info = &found.tcp.info;
    let fin = matches!(
        info.state,
        TcpState::CloseWait | TcpState::LastAck | TcpState::Closing | TcpState::TimeWait
    );
    (info.sent, info.received.saturating_sub(fin.into()))
}

/// Payload that was acknowledged.
pub(crate) fn acked(found: &Found) -> u64 {
    found.tcp.info.acked.min(found.tcp.info.sent)
}

/// How long the client's last words have been without an answer.
fn unanswered(sock: &Sock, found: &Found) -> Option<Duration> {
    let info = &found.tcp.info;
    if sock.side != Some(Side::Client) || info.sent == 0 {
        return None;
    }
    let (_, received) = bytes(found);
    let newer = received == 0 || info.data_heard_ago > info.data_sent_ago + EQUAL;
    newer.then_some(info.data_sent_ago)
}

/// The other end closed in order where an answer was due. What was said just now may be a goodbye.
fn closed_unanswered(sock: &Sock, found: &Found) -> bool {
    let (sent, received) = bytes(found);
    if sock.side != Some(Side::Client) || sent == 0 {
        return false;
    }
    received == 0 || unanswered(sock, found).is_some_and(|span| span >= EQUAL.max(found.tcp.info.rtt))
}

/// Where in its life the connection was.
pub(crate) fn stage(sock: &Sock, found: &Found, how: &How) -> Stage {
    let info = &found.tcp.info;
    if matches!(how, How::Met(End::Refused)) || !shook_hands(sock, found) {
        return Stage::Handshake;
    }
    let (sent, mut received) = bytes(found);
    if is_gone(info.state) && received == 1 {
        // A FIN that had come before.
        received = 0;
    }
    let (asked, asked_ago, answered, answered_ago) = match sock.side {
        Some(Side::Server) => (received, info.data_heard_ago, sent, info.data_sent_ago),
        _ => (sent, info.data_sent_ago, received, info.data_heard_ago),
    };
    match (asked, answered) {
        (0, 0) => Stage::Open,
        (_, 0) => Stage::AfterRequest,
        (0, _) if answered_ago < IDLE => Stage::MidResponse,
        (1.., _) if asked_ago + EQUAL < answered_ago => Stage::AfterRequest,
        _ if asked_ago.min(answered_ago) < IDLE => Stage::MidResponse,
        _ => Stage::Idle,
    }
}

/// Without data either way.
pub(crate) fn silence(sock: &Sock, found: &Found) -> Option<Duration> {
    let info = &found.tcp.info;
    let sent = (info.sent > 0).then_some(info.data_sent_ago);
    let heard = (bytes(found).1 > 0).then_some(info.data_heard_ago);
    let age = sock.born.then(|| sock.began.elapsed());
    [sent, heard].into_iter().flatten().min().or(age)
}

/// Which end this is, and the connection. The opener's own port may be forgotten by now: 0 then.
pub(crate) fn ends(sock: &Sock, found: &Found) -> (Option<Side>, Option<Flow>) {
    let peer = sock.peer.or(found.tcp.peer);
    let local = sock.local.or(found.tcp.local);
    let Some(peer) = peer else {
        return (sock.side, None);
    };
    let unknown = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    let mut local = local.unwrap_or(unknown);
    if local.ip().is_unspecified() && peer.ip().to_canonical().is_loopback() {
        // A failed connect() gives the address back; to itself a host speaks from itself.
        local.set_ip(peer.ip().to_canonical());
    }
    match sock.side {
        Some(Side::Client) => (sock.side, Some(Flow::new(local, peer))),
        Some(Side::Server) => (sock.side, Some(Flow::new(peer, local))),
        None => {
            let flow = Flow::guessed(local, peer);
            (flow.side_of(local), Some(flow))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use whyreset_probe::TcpInfo;

    use super::*;

    const AGO: Duration = Duration::from_millis(1_500);

    fn sock() -> Sock {
        Sock {
            side: Some(Side::Client),
            unix: false,
            local: None,
            peer: Some("127.0.0.1:80".parse().unwrap()),
            began: Instant::now(),
            born: true,
            pending: false,
            shut: false,
            error: None,
            told: false,
        }
    }

    /// A request of 10 bytes went out; `received` as the kernel counts.
    fn found(state: TcpState, received: u64) -> Found {
        let info = TcpInfo {
            state,
            sent: 10,
            acked: 11,
            received,
            data_sent_ago: Duration::from_millis(20),
            data_heard_ago: Duration::from_millis(10),
            ..TcpInfo::default()
        };
        Found {
            tcp: Tcp {
                info,
                local: None,
                peer: None,
                unread: 0,
                lingers_zero: false,
            },
            errno: None,
            letting_go: true,
            alone: true,
            last_error: false,
        }
    }

    #[test]
    fn what_is_no_failure_is_none() {
        for (state, received) in [
            (TcpState::Established, 5),
            // The answer, and the FIN behind it.
            (TcpState::CloseWait, 6),
            (TcpState::LastAck, 6),
            (TcpState::Listen, 0),
            (TcpState::SynSent, 0),
        ] {
            assert_eq!(of(&sock(), &found(state, received)), None, "{state}");
        }
        let shut = Sock { shut: true, ..sock() };
        let mut orderly = found(TcpState::Close, 6);
        orderly.tcp.info.acked = 12;
        assert_eq!(of(&shut, &orderly), None);
        let unconnected = Sock {
            born: false,
            ..sock()
        };
        let mut unused = found(TcpState::Close, 0);
        unused.tcp.info = TcpInfo {
            state: TcpState::Close,
            ..TcpInfo::default()
        };
        assert_eq!(of(&unconnected, &unused), None);
    }

    #[test]
    fn a_connection_that_is_gone_was_reset_or_timed_out() {
        let reset = How::Met(End::Reset { after_fin: false });
        let mut gone = found(TcpState::Close, 5);
        assert_eq!(of(&sock(), &gone), Some(reset.clone()));
        assert_eq!(stage(&sock(), &gone, &reset), Stage::MidResponse);
        assert_eq!(
            inferred(&sock(), &gone, &reset),
            Some((Errno::ConnReset, Known::Inferred))
        );
        gone.tcp.info.data_heard_ago = AGO;
        assert_eq!(stage(&sock(), &gone, &reset), Stage::AfterRequest);
        gone.tcp.info.data_sent_ago = AGO;
        assert_eq!(stage(&sock(), &gone, &reset), Stage::Idle);
        gone.tcp.info.retransmits = TIMED_OUT;
        assert_eq!(of(&sock(), &gone), Some(How::Met(End::Silent)));
        // Its FIN was not acknowledged: it did not end in order.
        let shut = Sock { shut: true, ..sock() };
        assert_eq!(of(&shut, &found(TcpState::Close, 5)), Some(reset));
    }

    #[test]
    fn a_handshake_that_failed_was_refused_or_silent() {
        let pending = Sock {
            pending: true,
            ..sock()
        };
        let mut refused = found(TcpState::Close, 0);
        (refused.tcp.info.sent, refused.tcp.info.acked) = (0, 0);
        let how = of(&pending, &refused).unwrap();
        assert_eq!(how, How::Met(End::Refused));
        assert_eq!(stage(&pending, &refused, &how), Stage::Handshake);
        refused.tcp.info.retransmits = 2;
        assert_eq!(of(&pending, &refused), Some(How::Met(End::Silent)));
        let old = Sock {
            began: Instant::now().checked_sub(AGO).unwrap(),
            ..pending
        };
        refused.tcp.info.state = TcpState::SynSent;
        assert_eq!(of(&old, &refused), Some(How::Met(End::Silent)));
    }

    #[test]
    fn a_fin_without_an_answer_is_told_from_one_after_it() {
        // The FIN counts as a byte.
        assert_eq!(
            of(&sock(), &found(TcpState::CloseWait, 1)),
            Some(How::Met(End::Closed))
        );
        let mut second = found(TcpState::CloseWait, 6);
        second.tcp.info.data_heard_ago = AGO;
        assert_eq!(of(&sock(), &second), Some(How::Met(End::Closed)));
        // A goodbye that was said just now (TLS close_notify) asks for no answer.
        second.tcp.info.data_sent_ago = Duration::ZERO;
        assert_eq!(of(&sock(), &second), None);
    }

    #[test]
    fn own_aborts_need_the_last_descriptor() {
        let mut unread = found(TcpState::Established, 5);
        unread.tcp.unread = 5;
        assert_eq!(of(&sock(), &unread), Some(How::Own(Own::Unread)));
        unread.alone = false;
        assert_eq!(of(&sock(), &unread), None);
        let mut lingers = found(TcpState::Established, 5);
        lingers.tcp.lingers_zero = true;
        assert_eq!(of(&sock(), &lingers), Some(How::Own(Own::Linger)));
    }

    #[test]
    fn an_error_that_was_told_decides() {
        for (errno, how) in [
            (Errno::ConnReset, Some(How::Met(End::Reset { after_fin: false }))),
            (Errno::Pipe, Some(How::Met(End::Reset { after_fin: true }))),
            (Errno::TimedOut, Some(How::Met(End::Silent))),
            (Errno::Other(9), None),
        ] {
            let mut told = found(TcpState::Close, 5);
            told.errno = Some((errno, Known::Returned));
            assert_eq!(of(&sock(), &told), how, "{errno}");
        }
    }
}

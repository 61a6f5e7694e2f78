//! A failure as a dossier for the judge: what this end's own socket tells. Refuses to judge.

use std::time::Duration;

use whyreset_evidence::{
    Coverage, Dossier, Ended, Errno, Fact, Received, Sent, Shutdown, Socket, Source, TcpState, What,
};
use whyreset_probe::End;

use crate::failure::{Failure, How, Own, Stage};

/// The dossier of a failure with a reset or a timer in it; `None` where the judge's vocabulary has
/// no word for it (closed in order, AF_UNIX, no route).
pub fn of(failure: &Failure) -> Option<Dossier> {
    let (flow, side) = (failure.flow?, failure.side?);
    let cite = || format!("ptrace:{} TCP_INFO", failure.call);
    let fact = |what, cite: String| Fact {
        at: failure.at,
        side: Some(side),
        what,
        cite,
    };
    let received = |state, errno: Errno| {
        let what = What::Received(Received {
            socket: Some(socket(failure, state)),
            accepted: true,
            ..Received::default()
        });
        vec![
            fact(what, cite()),
            fact(What::Errored(errno), format!("ptrace:{} {errno}", failure.call)),
        ]
    };
    let mut facts = match &failure.how {
        How::Met(End::Refused) => received(TcpState::SynSent, Errno::ConnRefused),
        How::Met(End::Reset { after_fin: false }) => received(TcpState::Established, Errno::ConnReset),
        How::Met(End::Reset { after_fin: true }) => received(TcpState::CloseWait, Errno::Pipe),
        How::Met(End::Silent) if failure.errno.is_some_and(|(errno, _)| errno == Errno::TimedOut) => {
            let from = match failure.stage {
                Stage::Handshake => TcpState::SynSent,
                _ => TcpState::Established,
            };
            let ended = Ended {
                from,
                to: TcpState::Close,
                by: None,
                error: Some(Errno::TimedOut),
                socket: socket(failure, from),
                fin_seq: None,
                rcv_nxt: None,
            };
            vec![
                fact(What::Ended(ended), cite()),
                fact(
                    What::Errored(Errno::TimedOut),
                    format!("ptrace:{} ETIMEDOUT", failure.call),
                ),
            ]
        }
        How::Own(Own::Unread | Own::Linger) => {
            let sent = Sent {
                socket: Some(Socket {
                    shutdown: Shutdown(3),
                    ..socket(failure, TcpState::Close)
                }),
                trigger: None,
                reason: None,
                actor: Some(failure.process.clone()),
            };
            vec![fact(What::Sent(sent), cite())]
        }
        _ => return None,
    };
    facts.push(fact(
        What::Owner(failure.process.clone()),
        format!("ptrace:{}", failure.process.pid),
    ));
    let here = |end| side == end;
    Some(Dossier {
        flow,
        source: Source::Live,
        netns: None,
        facts,
        coverage: Coverage {
            client: here(whyreset_evidence::Side::Client),
            server: here(whyreset_evidence::Side::Server),
            since: failure.at.before(failure.age.unwrap_or_default()),
            ..Coverage::default()
        },
    })
}

/// The socket as it was before: TCP_INFO afterwards still tells what had passed.
fn socket(failure: &Failure, state: TcpState) -> Socket {
    let info = &failure.info;
    let unacked = failure.sent.saturating_sub(failure.acked);
    let few = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    Socket {
        state,
        attached: true,
        linger: failure.lingers_zero,
        user_timeout_ms: u32::try_from(failure.user_timeout.as_millis()).unwrap_or(u32::MAX),
        keepalive: failure.keepalive,
        unread: few(failure.unread),
        unacked: few(unacked),
        retransmits: info.retransmits,
        probes_out: info.probes,
        snd_wnd: info.window,
        // As the kernel counts them: its judge knows that the SYN is one.
        bytes_acked: info.acked,
        bytes_received: failure.received,
        sent_ago_ms: (failure.sent > 0).then(|| ms(info.data_sent_ago)),
        heard_ago_ms: (failure.stage != Stage::Handshake).then(|| ms(info.heard_ago)),
        age_ms: failure.age.map(ms),
        ..Socket::default()
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

//! A reset that a probe met, as a dossier for the judge: what this end's own socket tells. Refuses
//! to judge.

use std::time::Duration;

use whyreset_evidence::{
    Coverage, Dossier, Errno, Fact, Flow, Received, Side, Socket, Source, TcpState, What,
};

use crate::outcome::{End, Exchange, Report};

/// The dossier of a try that a RST ended; `None` where none did.
#[inline(never)]
pub fn of(report: &Report) -> Option<Dossier> {
    let (errno, state) = match report.end {
        End::Refused => (Errno::ConnRefused, TcpState::SynSent),
        End::Reset { after_fin: false } => (Errno::ConnReset, TcpState::Established),
        End::Reset { after_fin: true } => (Errno::Pipe, TcpState::CloseWait),
        _ => return None,
    };
    let (local, peer, socket) = match (&report.exchange, report.telling()) {
        (Some(exchange), _) => (exchange.local, exchange.peer, socket(exchange, state)),
        (None, Some(attempt)) => {
            let socket = Socket {
                state,
                age_ms: Some(ms(attempt.took)),
                ..Socket::default()
            };
            (attempt.local?, attempt.address, socket)
        }
        (None, None) => return None,
    };
    let fact = |what, cite: String| Fact {
        at: report.at,
        side: Some(Side::Client),
        what,
        cite,
    };
    let received = Received {
        socket: Some(socket),
        accepted: true,
        header: None,
        guesses: 0,
    };
    Some(Dossier {
        flow: Flow::new(local, peer),
        source: Source::Probe,
        netns: None,
        facts: vec![
            fact(
                What::Received(received),
                format!("probe:{}", report.stage.as_str()),
            ),
            fact(What::Errored(errno), format!("probe:SO_ERROR={errno}")),
        ],
        coverage: Coverage {
            client: true,
            since: report.at,
            ..Coverage::default()
        },
    })
}

/// The socket as it was before the reset: TCP_INFO afterwards still tells what had passed.
fn socket(exchange: &Exchange, state: TcpState) -> Socket {
    let unacked = exchange.sent.saturating_sub(exchange.acked);
    Socket {
        state,
        attached: true,
        unacked: u32::try_from(unacked).unwrap_or(u32::MAX),
        bytes_acked: exchange.acked,
        bytes_received: exchange.heard.raw_total,
        retransmits: exchange.info.retransmits,
        snd_wnd: exchange.info.window,
        sent_ago_ms: (exchange.sent > 0).then(|| ms(exchange.info.data_sent_ago)),
        heard_ago_ms: Some(ms(exchange.silence)),
        age_ms: Some(ms(exchange.age)),
        ..Socket::default()
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

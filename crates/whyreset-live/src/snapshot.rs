//! An event's raw fields to the socket they describe. Refuses to name anybody.

use whyreset_evidence::{Mode, Shutdown, Socket, TcpState};

use crate::abi::{Event, flag, mode, role};
use crate::clock::{ago_ms, ticks_per_second};

/// The socket at the event; `None` where the kernel had none.
pub fn socket(event: &Event) -> Option<Socket> {
    let state = TcpState::from_number(event.state);
    match event.mode {
        mode::MINI => Some(Socket {
            mode: Mode::Mini,
            state,
            substate: (event.substate != 0).then(|| TcpState::from_number(event.substate)),
            ..Socket::default()
        }),
        mode::FULL => {
            let hz = ticks_per_second(event.jiffies, event.at);
            let ago = |then: u32| (then != 0).then(|| ago_ms(event.jiffies, then, hz));
            let is = |bit: u8| event.flags & bit != 0;
            // The acknowledgment of our own SYN counts as one byte.
            let syn = u64::from(event.owner.role == role::CLIENT && event.bytes_acked > 0);
            let born = event.owner.born;
            Some(Socket {
                mode: Mode::Full,
                state,
                substate: None,
                shutdown: Shutdown(event.shutdown),
                attached: is(flag::ATTACHED),
                dead: is(flag::DEAD),
                linger: is(flag::LINGER),
                linger_ms: event.lingertime.saturating_mul(1_000) / hz.max(1),
                linger2_negative: is(flag::LINGER2_NEGATIVE),
                keepalive: is(flag::KEEPALIVE),
                probes_out: event.probes_out.into(),
                retransmits: event.retransmits.into(),
                user_timeout_ms: event.user_timeout,
                unread: event.unread,
                unacked: event.unacked,
                unsent: event.unsent,
                snd_wnd: event.snd_wnd,
                bytes_received: event.bytes_received,
                bytes_acked: event.bytes_acked - syn,
                sent_ago_ms: ago(event.lsndtime).filter(|_| event.bytes_acked > syn || event.unacked > 0),
                heard_ago_ms: ago(event.rcv_tstamp),
                age_ms: (born != 0 && event.at > born && event.owner.role != role::LISTENER)
                    .then(|| (event.at - born) / 1_000_000),
                rcv_nxt: (state != TcpState::Listen).then_some(event.rcv_nxt),
                backlog: event.backlog,
                max_backlog: event.max_backlog,
                of_kernel: event.is_of_kernel(),
                mptcp: is(flag::MPTCP),
                handshake_ttl: (event.handshake_ttl > 1).then_some(event.handshake_ttl),
            })
        }
        _ => None,
    }
}

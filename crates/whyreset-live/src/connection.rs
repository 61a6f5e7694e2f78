//! Which connection an event belongs to, and what of the remembered past is that connection's.

use core::net::SocketAddr;

use whyreset_evidence::{Errno, Flags, Flow, Roles, Side, TcpState};

use crate::abi::{self, Event, event_type, mode, role};
use crate::clock::{ago_ms, ticks_per_second};

/// Who opened the connection: known where its opening was seen, or the segment itself tells;
/// else an accepted socket is known by the TTL of its handshake, else by its port.
pub fn orient(event: &Event, local: SocketAddr, remote: SocketAddr) -> (Flow, Side) {
    let as_server = |roles| {
        (
            Flow {
                roles,
                ..Flow::new(remote, local)
            },
            Side::Server,
        )
    };
    let as_client = |roles| {
        (
            Flow {
                roles,
                ..Flow::new(local, remote)
            },
            Side::Client,
        )
    };
    let trigger = Flags(event.trigger.flags);
    let incoming = event.trigger.present != 0;
    // The other end's tombstone has the other end's role.
    let across = match u16::from(event.other.role) {
        role::CLIENT => role::SERVER,
        role::SERVER => role::CLIENT,
        _ => 0,
    };
    match [event.owner.role, u16::from(event.tombstone.role), across]
        .into_iter()
        .find(|&role| role != 0)
    {
        Some(role::CLIENT) => return as_client(Roles::Known),
        Some(role::SERVER | role::LISTENER) => return as_server(Roles::Known),
        _ => {}
    }
    match (event.mode, TcpState::from_number(event.state)) {
        (mode::FULL, TcpState::Listen) | (mode::MINI, TcpState::NewSynRecv) => as_server(Roles::Known),
        (mode::FULL, TcpState::SynSent) => as_client(Roles::Known),
        (mode::FULL, _) if event.handshake_ttl > 1 => as_server(Roles::Guessed),
        _ if incoming && trigger.is_open() => as_server(Roles::Known),
        _ if incoming && trigger.is_syn_ack() => as_client(Roles::Known),
        _ => {
            let flow = Flow::guessed(local, remote);
            let side = flow.side_of(local).unwrap_or(Side::Server);
            (flow, side)
        }
    }
}

/// The tombstones that belong to this very connection, each with its end. Addresses are used
/// again: what ended before the living socket was born is another connection's, a SYN begins a
/// new one, and the failure that the event at hand has itself just written is no earlier end.
pub fn trusted_tombstones(event: &Event, side: Side) -> Vec<(abi::Tombstone, Side)> {
    let trigger = Flags(event.trigger.flags);
    if event.trigger.present != 0 && trigger.is_open() {
        return Vec::new();
    }
    let state = TcpState::from_number(event.state);
    let living = event.mode == mode::FULL && state != TcpState::Listen;
    let born = event.owner.born;
    let trust =
        |at: u64, plausible: bool| at != 0 && (!living || if born != 0 { at >= born } else { plausible });
    let (mut own, mut other) = (event.tombstone, event.other);
    if !trust(own.closed_at, state.after_own_fin() || state == TcpState::Close) {
        own.closed_at = 0;
    }
    if living && event.kind != event_type::ERROR {
        own.failed_at = 0;
    }
    let after_peer_fin = matches!(
        state,
        TcpState::CloseWait | TcpState::LastAck | TcpState::Closing | TcpState::Close
    );
    if !trust(other.closed_at, after_peer_fin) {
        other.closed_at = 0;
    }
    // Before the other end's FIN it was another connection's: whoever closes second closes no first time.
    if let Some(parted) = parted_at(event) {
        own.closed_at = 0;
        if own.failed_at <= parted {
            own.failed_at = 0;
        }
    }
    // Why the other end failed is told by its own event.
    other.failed_at = 0;
    vec![(own, side), (other, side.other())]
}

/// How long a segment can come late, ms: TIME_WAIT answers a FIN that is sent again (`TCP_TIMEWAIT_LEN`).
const LATE_WITHIN_MS: u64 = 60_000;

/// When this end had closed after the other end had (monotonic, ns), where the event's segment is a late
/// one of that connection. Whoever has closed can send an acknowledgment or its FIN again: anything else
/// is another connection's.
pub fn parted_at(event: &Event) -> Option<u64> {
    let trigger = &event.trigger;
    let flags = Flags(trigger.flags);
    let met_none = event.mode == mode::NONE || TcpState::from_number(event.state) == TcpState::Listen;
    let late = trigger.present != 0 && !flags.has(Flags::SYN) && (trigger.len == 0 || flags.has(Flags::FIN));
    if event.parted == 0 || !met_none || !late {
        return None;
    }
    let ago = ago_ms(
        event.jiffies,
        event.parted,
        ticks_per_second(event.jiffies, event.at),
    );
    (ago <= LATE_WITHIN_MS).then(|| event.at.saturating_sub(ago * 1_000_000))
}

/// Whether the connection had already been reset when this stray answer was made.
pub fn is_echo(event: &Event) -> bool {
    let stray = event.kind == event_type::SENT && (event.mode != mode::FULL || event.state == 10);
    let flags = Flags(event.trigger.flags);
    let tombstone = &event.tombstone;
    let reset_before = tombstone.reset_sent != 0
        || (tombstone.failed_at != 0
            && matches!(
                Errno::from_number(tombstone.err),
                Errno::ConnReset | Errno::Pipe | Errno::ConnAborted
            ));
    stray && reset_before && event.trigger.present != 0 && !flags.has(Flags::SYN)
}

//! The codes that a NetScaler writes into the window of its resets. Refuses to trust a number
//! alone: the name that bears it must look like one.

use alloc::string::ToString as _;

use whyreset_evidence::{Reason, Teller, Told};

use crate::half::Sent;

/// The reason, where the sender's ordinary segments are a NetScaler's.
pub fn told(window: u16, ttl: u8, own: &Sent) -> Option<Told> {
    let family = ttl > 128 || own.opened() && own.syn_ttl > 128;
    if !family || !own.opened() || !own.netscaler() {
        return None;
    }
    let (reason, text) = code(window)?;
    Some(Told {
        by: Teller::NetScaler,
        reason,
        text: text.to_string(),
    })
}

/// The vendor's table (Citrix CTX200852).
const fn code(window: u16) -> Option<(Reason, &'static str)> {
    Some(match window {
        8196 => (Reason::Other, "8196: bad TLS record"),
        8201 => (Reason::Stray, "8201: a stray packet for a closed socket"),
        8202 => (Reason::Stray, "8202: SYN cookie expired"),
        8204 => (Reason::Other, "8204: SYN retransmitted with a wrong number"),
        8205 => (Reason::Other, "8205: bad ACK in the handshake"),
        8207 => (Reason::Other, "8207: SYN in the window"),
        8208 => (Reason::Other, "8208: too many retransmissions"),
        8209 => (Reason::Other, "8209: no memory"),
        8211 => (Reason::Idle, "8211: zombie connection"),
        8212 => (Reason::Stray, "8212: stray SYN"),
        9300..=9303 => (Reason::Idle, "9300-9303: idle timeout, or the service went down"),
        9304 => (Reason::Other, "9304: window probes gave up"),
        9310 => (Reason::Other, "9310: keep-alive failed"),
        9400 | 9401 => (Reason::Idle, "9400/9401: the reuse pool was flushed"),
        9700 | 9701 => (Reason::PassedOn, "9700/9701: the other side's reset, passed on"),
        9800 => (Reason::Other, "9800: a monitor's probe"),
        9811 => (Reason::Other, "9811: after a fatal TLS alert"),
        9812 => (Reason::Other, "9812: the address was removed"),
        9814 => (Reason::Policy, "9814: a policy resets"),
        9830 => (Reason::Policy, "9830: an access list denies"),
        9845 => (Reason::Policy, "9845: the application firewall"),
        _ => return None,
    })
}

//! The one list of causes. Adding one costs its two files and its line here.

mod between;
mod closed;
mod died;
mod exhausted;
mod expired;
mod protocol;
mod refused;
mod unknown;

pub use unknown::UNKNOWN;

use crate::Cause;

/// Every cause, group by group in the order of [`crate::Group`].
pub static CATALOG: &[&Cause] = &[
    &refused::NO_LISTENER,
    &refused::CONNECT_ABANDONED,
    &closed::UNREAD_DATA,
    &closed::LINGER_ABORT,
    &closed::WRITE_AFTER_CLOSE,
    &closed::DISCONNECT_ABORT,
    &closed::NEVER_ACCEPTED,
    &closed::LINGER2_ABORT,
    &died::PROCESS_KILLED,
    &died::PROCESS_EXITED,
    &died::OOM_KILLED,
    &died::CONNECTION_FORGOTTEN,
    &expired::KEEPALIVE_TIMEOUT,
    &expired::USER_TIMEOUT,
    &expired::RETRANSMISSION_TIMEOUT,
    &expired::IDLE_TIMEOUT,
    &expired::KEEPALIVE_RACE,
    &expired::FIN_WAIT_EXPIRED,
    &between::FIREWALL_REJECT,
    &between::INJECTED_RESET,
    &between::NAT_STATE_LOST,
    &between::ADMIN_ABORT,
    &exhausted::ACCEPT_QUEUE_OVERFLOW,
    &exhausted::ORPHAN_LIMIT,
    &exhausted::TCP_MEMORY,
    &exhausted::TIME_WAIT_OVERFLOW,
    &exhausted::FD_LIMIT,
    &exhausted::CONNTRACK_FULL,
    &protocol::BAD_SYN_ACK,
    &protocol::BAD_HANDSHAKE_ACK,
    &protocol::STRAY_SYN,
    &protocol::TIMESTAMP_REJECTED,
    &protocol::MPTCP_FASTCLOSE,
    &protocol::MPTCP_SUBFLOW,
    &protocol::WRONG_PROTOCOL,
    &protocol::SCAN_OR_HEALTHCHECK,
];

/// The cause with this id, `unknown` among them.
pub fn find(id: &str) -> Option<&'static Cause> {
    CATALOG
        .iter()
        .copied()
        .chain([&UNKNOWN])
        .find(|cause| cause.id == id)
}

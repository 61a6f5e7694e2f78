//! A segment broke the rules.

mod bad_handshake_ack;
mod bad_syn_ack;
mod mptcp_fastclose;
mod mptcp_subflow;
mod scan_or_healthcheck;
mod stray_syn;
mod timestamp_rejected;
mod wrong_protocol;

pub use bad_handshake_ack::BAD_HANDSHAKE_ACK;
pub use bad_syn_ack::BAD_SYN_ACK;
pub use mptcp_fastclose::MPTCP_FASTCLOSE;
pub use mptcp_subflow::MPTCP_SUBFLOW;
pub use scan_or_healthcheck::SCAN_OR_HEALTHCHECK;
pub use stray_syn::STRAY_SYN;
pub use timestamp_rejected::TIMESTAMP_REJECTED;
pub use wrong_protocol::WRONG_PROTOCOL;

//! Something that is neither end.

mod admin_abort;
mod firewall_reject;
mod injected_reset;
mod nat_state_lost;

pub use admin_abort::ADMIN_ABORT;
pub use firewall_reject::FIREWALL_REJECT;
pub use injected_reset::INJECTED_RESET;
pub use nat_state_lost::NAT_STATE_LOST;

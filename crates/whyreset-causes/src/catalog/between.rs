//! Something that is neither end.

mod admin_abort;
mod firewall_reject;
mod injected_reset;

pub use admin_abort::ADMIN_ABORT;
pub use firewall_reject::FIREWALL_REJECT;
pub use injected_reset::INJECTED_RESET;

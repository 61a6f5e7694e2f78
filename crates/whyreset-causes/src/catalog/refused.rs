//! There was never a connection.

mod connect_abandoned;
mod no_listener;

pub use connect_abandoned::CONNECT_ABANDONED;
pub use no_listener::NO_LISTENER;

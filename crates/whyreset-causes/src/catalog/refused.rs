//! There was never a connection.

mod no_listener;

pub use no_listener::NO_LISTENER;

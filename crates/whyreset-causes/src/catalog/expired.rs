//! A timer ran out.

mod fin_wait_expired;
mod keepalive_timeout;
mod retransmission_timeout;
mod user_timeout;

pub use fin_wait_expired::FIN_WAIT_EXPIRED;
pub use keepalive_timeout::KEEPALIVE_TIMEOUT;
pub use retransmission_timeout::RETRANSMISSION_TIMEOUT;
pub use user_timeout::USER_TIMEOUT;

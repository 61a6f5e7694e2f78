//! A timer ran out.

mod fin_wait_expired;
mod idle_timeout;
mod keepalive_race;
mod keepalive_timeout;
mod retransmission_timeout;
mod user_timeout;

pub use fin_wait_expired::FIN_WAIT_EXPIRED;
pub use idle_timeout::IDLE_TIMEOUT;
pub use keepalive_race::KEEPALIVE_RACE;
pub use keepalive_timeout::KEEPALIVE_TIMEOUT;
pub use retransmission_timeout::RETRANSMISSION_TIMEOUT;
pub use user_timeout::USER_TIMEOUT;

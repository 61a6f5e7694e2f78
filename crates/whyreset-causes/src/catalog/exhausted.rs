//! A limit was reached.

mod accept_queue_overflow;
mod conntrack_full;
mod fd_limit;
mod orphan_limit;
mod tcp_memory;
mod time_wait_overflow;

pub use accept_queue_overflow::ACCEPT_QUEUE_OVERFLOW;
pub use conntrack_full::CONNTRACK_FULL;
pub use fd_limit::FD_LIMIT;
pub use orphan_limit::ORPHAN_LIMIT;
pub use tcp_memory::TCP_MEMORY;
pub use time_wait_overflow::TIME_WAIT_OVERFLOW;

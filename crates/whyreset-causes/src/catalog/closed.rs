//! A program closed its socket.

mod disconnect_abort;
mod linger2_abort;
mod linger_abort;
mod never_accepted;
mod unread_data;
mod write_after_close;

pub use disconnect_abort::DISCONNECT_ABORT;
pub use linger_abort::LINGER_ABORT;
pub use linger2_abort::LINGER2_ABORT;
pub use never_accepted::NEVER_ACCEPTED;
pub use unread_data::UNREAD_DATA;
pub use write_after_close::WRITE_AFTER_CLOSE;

//! A program closed its socket.

mod unread_data;
mod write_after_close;

pub use unread_data::UNREAD_DATA;
pub use write_after_close::WRITE_AFTER_CLOSE;

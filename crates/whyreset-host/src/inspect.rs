//! A look at this host's TCP as it stands: counters, sockets, settings and tracked connections of
//! every network namespace that may be entered, the processes that hold sockets, and their control
//! groups. Bounded, reads only, and says what it could not read. Refuses to judge.

mod census;
mod counters;
mod files;
mod listing;
mod memory;
mod options;
mod space;
mod units;

pub use census::{Census, Holder};
pub use counters::{Counters, Use};
pub use files::Files;
pub use listing::{Sock, Timer};
pub use memory::{Group, groups};
pub use options::{Options, options};
pub use space::{Space, Unread, spaces, tally};
pub use units::{Restarts, restarts};

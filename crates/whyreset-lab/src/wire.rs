//! Raw packets: what a host that is no kernel says, and what really was on the wire. Refuses to
//! leave the interface it was opened on.

mod craft;
mod phantom;
mod recorder;
mod tap;

pub use craft::Craft;
pub use phantom::{Phantom, reply};
pub use recorder::Recorder;
pub use tap::{Frame, Tap};

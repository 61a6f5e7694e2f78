//! The one list of causes. Adding one costs its two files and its line here.

mod closed;
mod died;
mod refused;
mod unknown;

pub use unknown::UNKNOWN;

use crate::Cause;

/// Every cause, group by group in the order of [`crate::Group`].
pub static CATALOG: &[&Cause] = &[
    &refused::NO_LISTENER,
    &closed::UNREAD_DATA,
    &closed::WRITE_AFTER_CLOSE,
    &died::PROCESS_KILLED,
];

/// The cause with this id, `unknown` among them.
pub fn find(id: &str) -> Option<&'static Cause> {
    CATALOG
        .iter()
        .copied()
        .chain([&UNKNOWN])
        .find(|cause| cause.id == id)
}

//! What could not be done on this host. Refuses to be silent about why and what to do next.

use core::fmt;

/// Something on this host that could not be read or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError {
    /// What failed.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do next.
    pub next: String,
}

impl HostError {
    pub(crate) fn new(what: impl Into<String>, why: impl fmt::Display, next: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            why: why.to_string(),
            next: next.into(),
        }
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.what, self.why, self.next)
    }
}

impl core::error::Error for HostError {}

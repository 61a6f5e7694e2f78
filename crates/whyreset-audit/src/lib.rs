//! What on this host resets connections, or will. A finding is declared in a file of its own
//! (`check/`): what is read, why that resets connections, and the causes it leads to; it is made only
//! where what was read shows it. Refuses to change anything, to judge a reset, and to report a
//! setting that cannot bite here.

#![forbid(unsafe_code)]

mod check;
mod finding;
mod host;
pub mod json;
pub mod seen;
mod software;
pub mod text;
mod words;

#[cfg(test)]
mod made;

pub use check::CHECKS;
pub use finding::{Check, Finding, Place, Read, Severity};
pub use host::{Host, SYSCTLS};

/// Holds every check against the host; the gravest first.
pub fn audit(host: &Host) -> Vec<Finding> {
    let mut found: Vec<Finding> = CHECKS.iter().flat_map(|check| (check.look)(host)).collect();
    found.sort_by_key(|finding| core::cmp::Reverse(finding.severity));
    found
}

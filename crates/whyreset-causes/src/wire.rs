//! Questions that causes put to a reset which passed a capture point. What a header cannot tell is
//! not asked here. Refuses to know a cause.

mod cases;
mod ends;
mod missing;
mod origin;
mod shape;
mod silence;
mod told;

pub use self::cases::*;
pub use self::ends::*;
pub use self::missing::*;
pub use self::origin::*;
pub use self::shape::*;
pub use self::silence::*;
pub use self::told::*;

use whyreset_evidence::{Dossier, Fact, Finding, Passed};

/// Asks the reset as it passed.
pub fn ask(dossier: &Dossier, ask: impl FnOnce(&Fact, &Passed) -> Finding) -> Finding {
    match dossier.passed() {
        Some((fact, passed)) => ask(fact, passed),
        None => Finding::absent("no reset passed", "frame"),
    }
}

//! The answer to one question put to a dossier.

use alloc::string::String;

/// *Could not see* is never *did not happen*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is so.
    Seen {
        /// What was seen, with this case's own numbers.
        what: String,
        /// Where.
        cite: String,
    },
    /// We were watching, and it is not so.
    Absent {
        /// What was seen instead.
        what: String,
        /// Where.
        cite: String,
    },
    /// We could not see.
    Blind {
        /// Why not.
        why: String,
        /// What would show it.
        cure: String,
    },
}

impl Finding {
    /// It is so.
    pub fn seen(what: impl Into<String>, cite: impl Into<String>) -> Self {
        Self::Seen {
            what: what.into(),
            cite: cite.into(),
        }
    }

    /// We were watching, and it is not so.
    pub fn absent(what: impl Into<String>, cite: impl Into<String>) -> Self {
        Self::Absent {
            what: what.into(),
            cite: cite.into(),
        }
    }

    /// We could not see.
    pub fn blind(why: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::Blind {
            why: why.into(),
            cure: cure.into(),
        }
    }

    /// `Seen` where `holds`, else `Absent`, with the same words and place.
    pub fn when(holds: bool, what: impl Into<String>, cite: impl Into<String>) -> Self {
        if holds {
            Self::seen(what, cite)
        } else {
            Self::absent(what, cite)
        }
    }

    /// Whether it is so.
    pub const fn is_seen(&self) -> bool {
        matches!(self, Self::Seen { .. })
    }

    /// The sentence, whatever the answer.
    pub fn text(&self) -> &str {
        match self {
            Self::Seen { what, .. } | Self::Absent { what, .. } => what,
            Self::Blind { why, .. } => why,
        }
    }
}

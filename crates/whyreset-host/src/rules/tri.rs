//! Yes, no, and what cannot be known. Refuses to guess.

/// Whether something holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tri {
    /// It holds.
    #[default]
    Yes,
    /// It does not.
    No,
    /// It depends on what is not known: a state, a rate, a word that is not understood.
    Perhaps,
}

impl Tri {
    pub(super) const fn known(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Perhaps,
        }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, Self::No) => Self::No,
            _ => Self::Perhaps,
        }
    }

    pub(super) const fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Perhaps => Self::Perhaps,
        }
    }

    pub(super) fn any(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::No, Self::or)
    }
}

#[cfg(test)]
mod tests {
    use super::Tri::{No, Perhaps, Yes};
    use super::*;

    #[test]
    fn what_is_not_known_decides_nothing() {
        assert_eq!(Perhaps.and(No), No);
        assert_eq!(Perhaps.and(Yes), Perhaps);
        assert_eq!(Perhaps.or(Yes), Yes);
        assert_eq!(Perhaps.or(No), Perhaps);
        assert_eq!(Perhaps.not(), Perhaps);
        assert_eq!(Tri::any([No, Perhaps]), Perhaps);
        assert_eq!(Tri::any([]), No);
    }
}

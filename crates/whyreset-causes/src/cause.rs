//! What a cause declares.

use alloc::string::String;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, Source};

/// Families of causes, in the order they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// There was never a connection.
    Refused,
    /// A program closed its socket.
    Closed,
    /// A program, or a whole host's memory of the connection, is gone.
    Died,
    /// A timer ran out.
    Expired,
    /// Something that is neither end.
    Between,
    /// A limit was reached.
    Exhausted,
    /// A segment broke the rules.
    Protocol,
}

impl Group {
    /// The folder under `catalog/` and the heading in lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Closed => "closed",
            Self::Died => "died",
            Self::Expired => "expired",
            Self::Between => "between",
            Self::Exhausted => "exhausted",
            Self::Protocol => "protocol",
        }
    }
}

/// Which process a cause accuses. The process is named only where the dossier holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accuse {
    /// Who closed or aborted the sending end's socket: the actor of the reset, else the closer in
    /// its tombstone.
    Closer,
    /// Who owns the sending end's socket or listener.
    Owner,
    /// The task that ran when the reset was made, and is neither owner nor closer.
    Actor,
    /// No process.
    Nobody,
}

/// Where a cause says that the reset comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The end that the facts name.
    Sender,
    /// Something on the path, or a rule on either host: neither end's TCP.
    Between,
}

/// One question and the weight of not being able to see the answer.
#[derive(Clone, Copy)]
pub struct Requirement {
    /// What must hold, as a statement: `data was left unread at close()`.
    pub text: &'static str,
    /// The most that may be claimed when the answer is `Blind`.
    pub if_blind: Certainty,
    /// Asks the dossier.
    pub check: fn(&Dossier) -> Finding,
}

/// Shorthand for the catalogue's declarations.
pub(crate) const fn need(
    text: &'static str,
    if_blind: Certainty,
    check: fn(&Dossier) -> Finding,
) -> Requirement {
    Requirement {
        text,
        if_blind,
        check,
    }
}

/// An everyday case of a cause, recognised by evidence of its own. It never changes who is accused.
pub struct Situation {
    /// kebab-case id.
    pub id: &'static str,
    /// Evidence for it; anything but `Seen` means it is not named.
    pub check: fn(&Dossier) -> Finding,
    /// Whether the reset then harms nobody.
    pub benign: bool,
    /// What to do about it, before the cause's own fixes.
    pub fix: &'static [&'static str],
}

/// What a cause says of facts of one kind of source.
#[derive(Clone, Copy)]
pub struct Rules {
    /// The most it may claim, were all requirements seen.
    pub at_most: Certainty,
    /// All must hold.
    pub requires: &'static [Requirement],
    /// None may hold. `Blind` weighs as in `requires`.
    pub excludes: &'static [Requirement],
    /// Causes that this one explains: where both hold, this is why and that is how.
    pub explains: &'static [&'static str],
    /// One sentence with this case's own numbers and names. Called only where the cause stands.
    pub sentence: fn(&Dossier) -> String,
    /// Everyday cases, the most specific first.
    pub situations: &'static [Situation],
}

impl Cause {
    /// The rules for this source; `None` where it shows nothing of this cause.
    pub fn rules(&self, source: Source) -> Option<Rules> {
        match (source, &self.wire) {
            (Source::Capture, wire) => *wire,
            _ => Some(Rules {
                at_most: self.at_most,
                requires: self.requires,
                excludes: self.excludes,
                explains: self.explains,
                sentence: self.sentence,
                situations: self.situations,
            }),
        }
    }
}

/// A cause of a reset: one static per file.
pub struct Cause {
    /// kebab-case; equals the file's stem with `-` for `_`; a contract, never reused.
    pub id: &'static str,
    /// The family.
    pub group: Group,
    /// One line for lists: what happened, in general.
    pub summary: &'static str,
    /// Kernel reset reasons (`sk_rst_reason`, verbatim) under which it shows. Corroboration only.
    pub kernel: &'static [&'static str],
    /// The kind of actor it accuses.
    pub party: Party,
    /// Where it says the reset comes from.
    pub from: From,
    /// Which process it accuses.
    pub accuse: Accuse,
    /// The most it may claim, were all requirements seen.
    pub at_most: Certainty,
    /// All must hold.
    pub requires: &'static [Requirement],
    /// None may hold. `Blind` weighs as in `requires`.
    pub excludes: &'static [Requirement],
    /// Causes that this one explains: where both hold, this is why and that is how.
    pub explains: &'static [&'static str],
    /// One sentence with this case's own numbers and names. Called only where the cause stands.
    pub sentence: fn(&Dossier) -> String,
    /// Everyday cases, the most specific first.
    pub situations: &'static [Situation],
    /// How it shows to a capture, where it does.
    pub wire: Option<Rules>,
    /// The page: `## What it means`, `## Fix`, `## Cases`, `## Not to be confused with`.
    pub text: &'static str,
}

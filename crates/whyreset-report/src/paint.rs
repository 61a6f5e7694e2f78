//! Colour, where it is asked for. It repeats what a word beside it says, and never says it alone.

use whyreset_evidence::Certainty;

/// What a piece of text is.
#[derive(Clone, Copy)]
pub enum Ink {
    Plain,
    Faint,
    Bold,
    Red,
    Yellow,
    Green,
    Cyan,
}

impl Ink {
    /// The colour of a certainty word.
    pub const fn of(certainty: Certainty) -> Self {
        match certainty {
            Certainty::Certain => Self::Green,
            Certainty::Likely => Self::Cyan,
            Certainty::Possible => Self::Yellow,
            Certainty::Unknown => Self::Faint,
        }
    }

    /// `text` in this ink where `colour` is on.
    pub fn on(self, text: &str, colour: bool) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Faint => "2",
            Self::Bold => "1",
            Self::Red => "31",
            Self::Yellow => "33",
            Self::Green => "32",
            Self::Cyan => "36",
        };
        if colour && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

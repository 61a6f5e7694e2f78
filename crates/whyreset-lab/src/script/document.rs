//! What a scenario file says. Refuses keys that it does not know.

use std::collections::BTreeMap;

use serde::Deserialize;
use whyreset_evidence::Certainty;

use crate::truth::{Accused, Truth, View};

/// A whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Document {
    /// What is done, in one line.
    pub(super) summary: String,
    /// About how long it takes.
    pub(super) seconds: u32,
    /// Why it cannot be played on IPv6, where it cannot.
    pub(super) ipv4_only: Option<String>,
    /// Why the client's program cannot be run by an ordinary user, where it cannot.
    pub(super) client_needs_root: Option<String>,
    /// Programs that must be installed, as `need.rs` names them.
    pub(super) needs: Vec<String>,
    /// Files under `/run/lab` of each host, by name.
    #[serde(default)]
    pub(super) file: BTreeMap<String, String>,
    /// In order.
    pub(super) step: Vec<Step>,
    pub(super) truth: TruthText,
}

/// The files and the steps.
pub struct Script {
    /// As [`Document::client_needs_root`].
    pub(super) client_needs_root: Option<String>,
    /// As [`Document::file`].
    pub(super) file: BTreeMap<String, String>,
    /// As [`Document::step`].
    pub(super) step: Vec<Step>,
}

/// A host of the scenario.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Place {
    Client,
    Router,
    Server,
}

/// One step. `established` says that, once it is done, the connection stands that will be reset,
/// and that nothing has happened to it: a watcher may start here.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Step {
    /// A line that runs to its end.
    Run {
        on: Place,
        run: String,
        /// What it must print, on stdout or stderr. Without, it must end with code 0.
        prints: Option<String>,
        /// Seconds it may take.
        within: Option<f32>,
        #[serde(default)]
        established: bool,
    },
    /// A line that goes on until the scenario ends.
    Start {
        on: Place,
        start: String,
        /// Wait until this TCP port listens there.
        listens: Option<Number>,
    },
    /// A line that is repeated until it succeeds: something has to become ready.
    Until {
        on: Place,
        until: String,
        #[serde(default)]
        established: bool,
    },
    /// Seconds of nothing.
    Wait {
        wait: f32,
        #[serde(default)]
        established: bool,
    },
}

impl Place {
    /// For people.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Router => "router",
            Self::Server => "server",
        }
    }
}

impl Step {
    /// Whether the connection stands after it.
    pub(super) const fn establishes(&self) -> bool {
        match self {
            Self::Run { established, .. }
            | Self::Until { established, .. }
            | Self::Wait { established, .. } => *established,
            Self::Start { .. } => false,
        }
    }

    /// What is done, in one line.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Run { on, run, .. } => format!("{}# {run}", on.word()),
            Self::Start { on, start, .. } => format!("{}# {start} &", on.word()),
            Self::Until { on, until, .. } => format!("{}# until {until}; do sleep 0.05; done", on.word()),
            Self::Wait { wait, .. } => format!("sleep {wait}"),
        }
    }
}

/// A number, or one of the run's own numbers by name (`@PORT@`).
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Number {
    Is(u16),
    Named(String),
}

/// [`Truth`], in words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TruthText {
    pub(super) cause: String,
    mechanism: Option<String>,
    situation: Option<String>,
    #[serde(default = "reset")]
    outcome: Vec<String>,
    party: String,
    from: String,
    /// The one process that may and must be accused.
    process: Option<String>,
    /// Processes that may be named as the sender; for a kernel's or a firewall's reset.
    #[serde(default)]
    suspects: Vec<String>,
    victim: Option<String>,
    #[serde(default)]
    reply: bool,
    #[serde(default)]
    benign: bool,
    #[serde(default)]
    or: Vec<String>,
    #[serde(default)]
    several: bool,
    #[serde(default)]
    cites: Vec<String>,
    #[serde(default)]
    also: Vec<String>,
    /// Words of the rule that must be quoted, where a place knows for certain.
    #[serde(default)]
    rule: Vec<String>,
    /// Further options of the watchers.
    #[serde(default)]
    watch: Vec<String>,
    server: ViewText,
    client: ViewText,
    router: Option<ViewText>,
    machine: ViewText,
}

fn reset() -> Vec<String> {
    vec!["reset".to_owned()]
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ViewText {
    Knows(Sure),
    Guesses(Vec<String>),
    May(Vec<String>),
    Silent,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Sure {
    Certain,
    Likely,
    Possible,
}

impl ViewText {
    fn leak(&self) -> View {
        match self {
            Self::Knows(Sure::Certain) => View::Knows(Certainty::Certain),
            Self::Knows(Sure::Likely) => View::Knows(Certainty::Likely),
            Self::Knows(Sure::Possible) => View::Knows(Certainty::Possible),
            Self::Guesses(causes) => View::Guesses(words(causes)),
            Self::May(causes) => View::May(words(causes)),
            Self::Silent => View::Silent,
        }
    }
}

fn word(text: &str) -> &'static str {
    text.to_owned().leak()
}

fn words(list: &[String]) -> &'static [&'static str] {
    list.iter().map(|text| word(text)).collect::<Vec<_>>().leak()
}

impl TruthText {
    /// The truth as the comparison wants it; its words are never freed.
    pub(super) fn leak(&self) -> Truth {
        Truth {
            mechanism: self.mechanism.as_deref().map(word),
            situation: self.situation.as_deref().map(word),
            outcome: words(&self.outcome),
            party: word(&self.party),
            from: word(&self.from),
            accused: match &self.process {
                Some(name) => Accused::Must(word(name)),
                None => Accused::May(words(&self.suspects)),
            },
            victim: self.victim.as_deref().map(word),
            reply: self.reply,
            benign: self.benign,
            or: words(&self.or),
            several: self.several,
            cites: words(&self.cites),
            also: words(&self.also),
            rule: words(&self.rule),
            watch: words(&self.watch),
            server: self.server.leak(),
            client: self.client.leak(),
            router: self.router.as_ref().map(ViewText::leak),
            machine: self.machine.leak(),
        }
    }
}

//! What a check declares and what it finds. Refuses to know any one of them.

use whyreset_evidence::Process;
use whyreset_host::inspect::{Holder, Space};

use crate::Host;
use crate::seen::Link;

/// How near a finding is to a reset, from the farthest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It can, where something else comes to it.
    Possible,
    /// It will, when load or time comes.
    Likely,
    /// It did, since the namespace was made or the unit was started.
    Happened,
    /// It does: seen in live sockets, or counted while we watched.
    Happening,
}

impl Severity {
    /// All, the gravest first.
    pub const ALL: [Self; 4] = [Self::Happening, Self::Happened, Self::Likely, Self::Possible];

    /// The word for JSON and `--fail-on`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Happened => "happened",
            Self::Happening => "happening",
        }
    }

    /// What the word means, as a heading.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Possible => "possible: it ends or refuses connections where more comes to it",
            Self::Likely => "likely: it will end or refuse connections when load or time comes",
            Self::Happened => "happened: it has already ended or refused connections",
            Self::Happening => "happening: it ends or refuses connections now",
        }
    }
}

/// One kind of finding: one static a file.
pub struct Check {
    /// kebab-case id, for `--fail-on`.
    pub id: &'static str,
    /// Causes of the catalogue that it leads to, the nearest first.
    pub causes: &'static [&'static str],
    /// What is read.
    pub reads: &'static str,
    /// Why it resets connections.
    pub why: &'static str,
    /// Finds it.
    pub look: fn(&Host) -> Vec<Finding>,
}

/// Something read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// What it said.
    pub what: String,
    /// Where: a counter, a file with its line, a sysctl, sock_diag.
    pub cite: String,
}

/// What a finding is about, so that resets really seen can be held beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Inode of the network namespace; `None` for the whole host.
    pub netns: Option<u32>,
    /// The process.
    pub process: Option<Process>,
    /// The port that it listens on, or that connections go to.
    pub port: Option<u16>,
}

/// A finding.
#[derive(Clone)]
pub struct Finding {
    /// Its declaration.
    pub check: &'static Check,
    /// How near it is.
    pub severity: Severity,
    /// What it is about.
    pub place: Place,
    /// One sentence with the numbers of this host.
    pub summary: String,
    /// What was read.
    pub read: Vec<Read>,
    /// How likely it is here, and by what that is seen.
    pub likely: String,
    /// What to change, with commands.
    pub fix: Vec<String>,
    /// Resets really seen.
    pub link: Option<Link>,
}

impl Check {
    /// Begins a finding.
    pub fn finds(&'static self, severity: Severity, summary: impl Into<String>) -> Finding {
        Finding {
            check: self,
            severity,
            place: Place::default(),
            summary: summary.into(),
            read: Vec::new(),
            likely: String::new(),
            fix: Vec::new(),
            link: None,
        }
    }
}

impl Finding {
    /// In this namespace.
    #[must_use]
    pub fn within(mut self, space: &Space) -> Self {
        self.place.netns = Some(space.inode);
        self
    }

    /// About this process.
    #[must_use]
    pub fn of(mut self, holder: Option<&Holder>) -> Self {
        self.place.process = holder.map(|holder| holder.process.clone());
        self
    }

    /// About this port.
    #[must_use]
    pub const fn at(mut self, port: u16) -> Self {
        self.place.port = Some(port);
        self
    }

    /// What was read, and where.
    #[must_use]
    pub fn read(mut self, what: impl Into<String>, cite: impl Into<String>) -> Self {
        self.read.push(Read {
            what: what.into(),
            cite: cite.into(),
        });
        self
    }

    /// How likely it is here.
    #[must_use]
    pub fn likely(mut self, why: impl Into<String>) -> Self {
        self.likely = why.into();
        self
    }

    /// What to change.
    #[must_use]
    pub fn fix(mut self, what: impl Into<String>) -> Self {
        self.fix.push(what.into());
        self
    }
}

//! What really happened, and what may be said of it from each place. Refuses to be vague: all
//! that is not listed as acceptable is a wrong accusation.

use whyreset_evidence::Certainty;

use crate::stage::{CLIENT, SERVER};

/// Where a watcher stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vantage {
    /// In the server's namespace: as if on the server's host.
    Server,
    /// In the client's namespace.
    Client,
    /// In the namespace of the router between them.
    Router,
    /// On the machine that runs all.
    Machine,
}

impl Vantage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Server, Self::Client, Self::Router, Self::Machine];

    /// For lists and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Router => "router",
            Self::Machine => "machine",
        }
    }
}

/// What must be said from one place.
#[derive(Clone, Copy, Debug)]
pub enum View {
    /// The cause, at least this sure, with all its particulars, once.
    Knows(Certainty),
    /// Something, never `certain`; `likely` only the truth or one of these causes.
    Guesses(&'static [&'static str]),
    /// Anything that `Guesses` allows, or nothing.
    May(&'static [&'static str]),
    /// Nothing.
    Silent,
}

/// Whom a verdict may name as the sender's process.
#[derive(Clone, Copy, Debug)]
pub enum Accused {
    /// This one and no other.
    Must(&'static str),
    /// One of these, or none.
    May(&'static [&'static str]),
}

impl Accused {
    /// Whether naming `name` accuses an innocent.
    pub fn is_innocent(&self, name: &str) -> bool {
        match self {
            Self::Must(only) => *only != name,
            Self::May(names) => !names.contains(&name),
        }
    }
}

/// The truth of one scenario. Words are those of verdict v1.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    /// How, where the cause says why.
    pub mechanism: Option<&'static str>,
    /// The everyday case.
    pub situation: Option<&'static str>,
    /// What the application gets: one of these.
    pub outcome: &'static [&'static str],
    /// The kind of actor.
    pub party: &'static str,
    /// The sender's end.
    pub from: &'static str,
    /// The sender's process.
    pub accused: Accused,
    /// The process that suffers, or the kernel's own service; asked for where both ends are seen.
    pub victim: Option<&'static str>,
    /// The reset answers a segment: kernels before 6.10 do not report all of those, and `likely`
    /// is then enough.
    pub reply: bool,
    /// Harms nobody; then it must also be folded away without `--all`.
    pub benign: bool,
    /// Words that the evidence must hold, in `what` or `cite`, whatever their case.
    pub cites: &'static [&'static str],
    /// From the server's namespace.
    pub server: View,
    /// From the client's namespace.
    pub client: View,
    /// From the router's namespace; none where nobody stands there.
    pub router: Option<View>,
    /// From the whole machine.
    pub machine: View,
    /// What is as true where a moment decides between the two; the particulars then are not asked.
    pub or: &'static [&'static str],
    /// Several connections end so, each with a verdict of its own.
    pub several: bool,
    /// Causes that other connections of the scenario may truly have.
    pub also: &'static [&'static str],
    /// Words of the rule that must be quoted as the sender's, where a place knows for certain.
    pub rule: &'static [&'static str],
    /// Further options of the watchers.
    pub watch: &'static [&'static str],
}

impl Truth {
    /// The server's program did it; the client sees only that a reset came.
    pub const BY_SERVER: Self = Self {
        mechanism: None,
        situation: None,
        outcome: &["reset"],
        party: "application",
        from: "server",
        accused: Accused::Must(SERVER),
        victim: Some(CLIENT),
        reply: false,
        benign: false,
        cites: &[],
        server: View::Knows(Certainty::Certain),
        client: View::Guesses(&[]),
        router: None,
        machine: View::Knows(Certainty::Certain),
        or: &[],
        several: false,
        also: &[],
        rule: &[],
        watch: &[],
    };

    /// The server's kernel did it by its own rules.
    pub const BY_SERVER_KERNEL: Self = Self {
        party: "kernel",
        reply: true,
        accused: Accused::May(&[SERVER]),
        ..Self::BY_SERVER
    };

    /// The client's kernel did it; the server's place holds no kernel.
    pub const BY_CLIENT_KERNEL: Self = Self {
        party: "kernel",
        reply: true,
        from: "client",
        accused: Accused::May(&[CLIENT]),
        victim: None,
        server: View::Silent,
        client: View::Knows(Certainty::Certain),
        ..Self::BY_SERVER
    };

    /// From this place.
    pub const fn view(&self, vantage: Vantage) -> Option<View> {
        match vantage {
            Vantage::Server => Some(self.server),
            Vantage::Client => Some(self.client),
            Vantage::Router => self.router,
            Vantage::Machine => Some(self.machine),
        }
    }
}

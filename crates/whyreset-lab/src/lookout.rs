//! The watchers of one run: where they stand, and whether they come before, during or after what
//! happens. Refuses to let the play go on before each of them is attached.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::said::Said;
use crate::scenario::Scenario;
use crate::stage::Stage;
use crate::topology::End;
use crate::truth::Vantage;
use crate::watcher::Watcher;

/// When the watchers start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WatchFrom {
    /// Before the first step.
    #[default]
    Before,
    /// While the connection stands that will be reset, before anything has happened to it.
    During,
    /// After the last step.
    After,
}

/// The watchers of one run, planned or attached.
pub struct Lookout {
    program: PathBuf,
    /// `None` is the whole machine without `--all`.
    places: Vec<(Option<Vantage>, Vec<String>)>,
    from: WatchFrom,
    watching: Vec<(Option<Vantage>, Watcher)>,
    since: Option<SystemTime>,
}

/// What each place said, and since when all were attached.
pub struct Heard {
    /// `None` is the whole machine without `--all`.
    pub places: Vec<(Option<Vantage>, Vec<Said>)>,
    /// The moment at which the last one was attached.
    pub since: SystemTime,
}

impl WatchFrom {
    /// For people and for JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
        }
    }
}

impl Lookout {
    /// One at each place that the truth speaks of.
    pub fn plan(program: &Path, scenario: &Scenario, stage: &Stage, from: WatchFrom) -> anyhow::Result<Self> {
        let mut places = Vec::new();
        for vantage in Vantage::ALL {
            if scenario.truth.view(vantage).is_some() {
                places.push((Some(vantage), words(stage, scenario, vantage, true)?));
            }
        }
        if scenario.truth.benign {
            places.push((None, words(stage, scenario, Vantage::Machine, false)?));
        }
        Ok(Self {
            program: program.to_owned(),
            places,
            from,
            watching: Vec::new(),
            since: None,
        })
    }

    /// The play has come to `moment`: they start if this is theirs, and are attached when it
    /// returns.
    pub fn reached(&mut self, moment: WatchFrom) -> anyhow::Result<()> {
        if moment != self.from || self.since.is_some() {
            return Ok(());
        }
        for (vantage, words) in &self.places {
            self.watching
                .push((*vantage, Watcher::start(&self.program, words)?));
        }
        for (_, watcher) in &mut self.watching {
            watcher.wait_ready()?;
        }
        self.since = Some(SystemTime::now());
        Ok(())
    }

    /// Ends them. `None` where their moment never came.
    pub fn end(self, quiet: Duration) -> anyhow::Result<Option<Heard>> {
        let Some(since) = self.since else {
            return Ok(None);
        };
        let mut places = Vec::new();
        for (vantage, watcher) in self.watching {
            places.push((vantage, watcher.verdicts(quiet)?));
        }
        Ok(Some(Heard { places, since }))
    }
}

fn words(stage: &Stage, scenario: &Scenario, vantage: Vantage, all: bool) -> anyhow::Result<Vec<String>> {
    let mut words = vec!["-o".to_owned(), "json".to_owned()];
    words.extend(scenario.truth.watch.iter().map(|&word| word.to_owned()));
    if all {
        words.push("--all".to_owned());
    }
    let place = match vantage {
        Vantage::Server => Some(stage.at(End::Server)?),
        Vantage::Client => Some(stage.at(End::Client)?),
        Vantage::Router => stage.topology()?.router(),
        Vantage::Machine => None,
    };
    if let Some(place) = place {
        words.extend(["--netns".to_owned(), place.inode()?.to_string()]);
    }
    words.extend(stage.topology()?.filter().split(' ').map(str::to_owned));
    Ok(words)
}

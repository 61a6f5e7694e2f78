//! What logs say while the watcher watches: files followed through rotation, the journal and the
//! kernel's log on a thread of their own, and a dossier held back for as long as its line may still
//! come. Refuses to hold up a storm: beyond a bound nobody waits.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use whyreset_evidence::{Dossier, What};
use whyreset_logs::{Follow, Journal, KernelLog, Store};

use super::tail::{Shared, Tail, follow, listen};
use super::{LogArgs, Named, notice};

/// How long a dossier waits for its line.
const PATIENCE: Duration = Duration::from_millis(700);
/// Dossiers that wait at once.
const WAITING: usize = 4_096;
/// Bytes of a file's past that are searched, and how far back the journal is.
const PAST: u64 = 4 << 20;
const PAST_OF_JOURNAL: &str = "-30s";
/// Bytes of lines that are kept.
const KEPT: usize = 16 << 20;

struct Waiting {
    since: Instant,
    news: u64,
    dossier: Dossier,
}

/// Logs opened, and not yet followed.
pub struct Opened(Vec<(Named, Tail)>, bool);

/// Logs that are followed.
pub struct Live {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// In the order of their coming.
    waiting: VecDeque<Waiting>,
}

impl Opened {
    /// Opens each log, while this program may.
    ///
    /// # Errors
    /// One cannot be opened.
    pub fn open(args: &LogArgs) -> Result<Option<Self>> {
        let (mut tails, mut stdin) = (Vec::new(), false);
        for named in args.named(true)? {
            let tail = match &named {
                Named::File(path) if path.as_os_str() == "-" => {
                    stdin = true;
                    continue;
                }
                Named::File(path) => {
                    if !path.exists() {
                        notice(&format!(
                            "{} is not there yet; it is read from when it is",
                            path.display()
                        ));
                    }
                    let follow = Follow::recent(path, PAST);
                    Tail::File(follow.with_context(|| format!("cannot follow {}", path.display()))?)
                }
                Named::Journal(unit) => Tail::Journal(Journal::start(
                    OsStr::new("journalctl"),
                    unit.as_deref(),
                    Some(PAST_OF_JOURNAL),
                    true,
                )?),
                Named::Kernel => Tail::Kernel(KernelLog::open()?),
            };
            tails.push((named, tail));
        }
        Ok((stdin || !tails.is_empty()).then_some(Self(tails, stdin)))
    }

    /// Follows them from now on.
    pub fn follow(self) -> Live {
        let Self(tails, stdin) = self;
        let mut store = Store::new(KEPT);
        let tails: Vec<_> = tails
            .into_iter()
            .map(|(named, tail)| (store.source(named.cited()), tail))
            .collect();
        let input = stdin.then(|| store.source("stdin".to_owned()));
        let shared = Arc::new(Shared::new(store));
        if let Some(source) = input {
            let shared = Arc::clone(&shared);
            // It ends with its input or with the program: nothing can call it back from a read.
            thread::spawn(move || listen(&shared, source));
        }
        let theirs = Arc::clone(&shared);
        Live {
            thread: Some(thread::spawn(move || follow(tails, &theirs))),
            shared,
            waiting: VecDeque::new(),
        }
    }
}

impl Live {
    /// Gives back what its line has come for already, or what nothing is waited for any more; holds
    /// the rest.
    pub fn consult(&mut self, dossier: Dossier) -> Option<Dossier> {
        let news = self.shared.news.load(Ordering::Acquire);
        let (dossier, done) = self.joined(dossier);
        if done || self.waiting.len() >= WAITING {
            return Some(dossier);
        }
        self.waiting.push_back(Waiting {
            since: Instant::now(),
            news,
            dossier,
        });
        None
    }

    /// Dossiers whose line has come, or that have waited for long enough.
    pub fn answered(&mut self) -> Vec<Dossier> {
        let news = self.shared.news.load(Ordering::Acquire);
        let mut out = Vec::new();
        for _ in 0..self.waiting.len() {
            let Some(mut one) = self.waiting.pop_front() else {
                break;
            };
            let over = one.since.elapsed() >= PATIENCE;
            if !over && one.news == news {
                self.waiting.push_back(one);
                continue;
            }
            let (dossier, done) = self.joined(one.dossier);
            if over || done {
                out.push(dossier);
            } else {
                one = Waiting { news, dossier, ..one };
                self.waiting.push_back(one);
            }
        }
        out
    }

    /// Whether any dossier still waits.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// With the lines that there are by now, and whether one of them states something and is close.
    fn joined(&self, mut dossier: Dossier) -> (Dossier, bool) {
        dossier.facts.retain(|fact| !matches!(fact.what, What::Logged(_)));
        let facts = self.shared.store().join(&dossier);
        let done = facts.iter().any(
            |fact| matches!(&fact.what, What::Logged(line) if line.claim.is_some() && line.tie.is_close()),
        );
        dossier.facts.extend(facts);
        (dossier, done)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // What it died of is of no use to anybody now.
            _ = thread.join();
        }
    }
}

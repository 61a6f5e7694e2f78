//! What logs say of resets that are past: searched once from end to end, joined by time afterwards.
//! Refuses to keep lines of other days than the capture's.

use std::ffi::OsStr;
use std::io::{Cursor, Read};
use std::ops::Range;
use std::path::Path;

use anyhow::Result;
use whyreset_evidence::Dossier;
use whyreset_logs::{Clock, Journal, Source, Store, reset_of, scan};

use super::{LogArgs, Named, kept, notice};
use crate::commands::logs::{Known, kernel};

/// Bytes of lines that are kept.
const KEPT: usize = 64 << 20;
/// How far a log's zone may be mistaken, nanoseconds.
const ZONES: i64 = 15 * 3_600_000_000_000;

/// Logs that are there, searched when the first reset asks.
pub struct Past {
    sources: Vec<Named>,
    store: Option<Store>,
}

impl Past {
    /// Sees that each can be read.
    ///
    /// # Errors
    /// One cannot.
    pub fn open(args: &LogArgs) -> Result<Option<Self>> {
        let sources = args.named(false)?;
        for source in &sources {
            if let Named::File(path) = source
                && path.as_os_str() != "-"
                && !is_pipe(path)
            {
                Source::open(path)?;
            }
        }
        Ok((!sources.is_empty()).then_some(Self { sources, store: None }))
    }

    /// Adds the lines that speak of these resets as facts about them.
    pub fn join<'a>(&mut self, dossiers: impl Iterator<Item = &'a mut Dossier>) {
        let mut dossiers: Vec<&mut Dossier> = dossiers.collect();
        let at = |dossier: &&mut Dossier| i64::try_from(dossier.time().0).unwrap_or(i64::MAX);
        let (Some(first), Some(last)) = (dossiers.iter().map(at).min(), dossiers.iter().map(at).max()) else {
            return;
        };
        let store = match &mut self.store {
            Some(store) => store,
            store => store.insert(search(&self.sources, first..last)),
        };
        let resets: Vec<_> = dossiers.iter().map(|dossier| reset_of(dossier)).collect();
        store.compare_clocks(&resets);
        for dossier in &mut dossiers {
            let facts = store.join(dossier);
            dossier.facts.extend(facts);
        }
    }
}

fn search(sources: &[Named], span: Range<i64>) -> Store {
    let mut store = Store::new(KEPT);
    let known = Known::new();
    for source in sources {
        let index = store.source(source.cited());
        if let Err(error) = one(source, &span, &known, index, &mut store) {
            notice(&format!("{error:#}; its lines are missing in the verdicts"));
        }
    }
    if store.dropped > 0 {
        notice(&format!(
            "{} lines of the logs were too many to be kept; name fewer files, or those of the capture's day",
            store.dropped
        ));
    }
    store
}

fn one(source: &Named, span: &Range<i64>, known: &Known, index: usize, store: &mut Store) -> Result<()> {
    let mut clock = Clock::system();
    let reader: Box<dyn Read + Send> = match source {
        Named::Journal(unit) => {
            // The journal's clock is this host's own.
            let since = format!("@{}", span.start / 1_000_000_000 - 60);
            let journal = Journal::start(OsStr::new("journalctl"), unit.as_deref(), Some(&since), false)?;
            Box::new(journal)
        }
        Named::Kernel => Box::new(Cursor::new(kernel()?)),
        Named::File(path) => {
            let source = Source::open(path)?;
            clock.reference = source.modified.unwrap_or(clock.reference);
            source.into_reader()
        }
    };
    let wanted = span.start.saturating_sub(ZONES)..span.end.saturating_add(ZONES);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(4));
    let (scanned, end) = scan(
        reader,
        &known.words,
        threads,
        |line, look| kept(0, line, look, known, &clock, None).filter(|line| wanted.contains(&line.stamp.ns)),
        |hit| {
            let mut line = hit.value;
            line.number = hit.line;
            store.add(index, line);
        },
    );
    end.map_err(|why| {
        whyreset_logs::LogError::Read {
            name: source.cited(),
            after: scanned.bytes,
            why,
        }
        .into()
    })
}

/// What can be read but once is not tried before.
fn is_pipe(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

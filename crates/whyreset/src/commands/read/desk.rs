//! Where each reset of a capture passes: held back until silences can be compared, judged,
//! filtered, folded, printed. Refuses to judge what is only counted: one of a class stands for all.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use foldhash::fast::FixedState;
use whyreset_causes::{Class, Gist, judge};
use whyreset_evidence::{Dossier, Flags, Side, Verdict};
use whyreset_flow::{Rung, Silences, Told};
use whyreset_report::json_v1;
use whyreset_report::ladder;
use whyreset_report::summary::Summary;
use whyreset_report::text::{self, Style};

use crate::args::{Read, ReadFormat};
use crate::filter::{self, Filter};
use crate::logbook::Past;
use crate::screen;

/// Resets that wait until silences can be compared.
const HELD_BACK: usize = 20_000;
/// Resets of one kind that are printed; the rest are counted.
const PRINTED: u64 = 20;
/// Resets of all kinds that are printed for people.
const PRINTED_IN_ALL: u64 = 1_000;
/// Of these, with their reasons and ladder.
const IN_FULL: u64 = 3;
/// Kinds that are counted together.
const TOGETHER: usize = 256;
/// Classes that are kept apart.
const MOST_CLASSES: usize = 1 << 16;
/// Verdicts that a page keeps with their ladders, and points of its chart.
const MOST_KEPT: usize = 1_000;
const MOST_POINTS: usize = 1 << 20;

/// A verdict with its ladder, for faces that are written at the end.
pub struct Kept {
    /// The verdict.
    pub verdict: Verdict,
    /// Its frame.
    pub frame: u64,
    /// Its ladder.
    pub rungs: Vec<ladder::Rung>,
    /// How many more of the same kind there were.
    pub alike: usize,
}

/// Resets of one kind: at one server, from one end, for one cause.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind {
    server: SocketAddr,
    from: Option<Side>,
    /// Of all that were met.
    gist: usize,
}

/// A gist, and where it is among those that were met.
#[derive(Clone, Copy)]
struct Met {
    gist: Gist,
    place: usize,
}

/// In two words: it is asked for each of hundreds of thousands.
impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let address = match self.server.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        state.write_u128(address.to_bits());
        let side = self.from.map_or(0, |side| 1 + side as u64);
        state.write_u64(u64::from(self.server.port()) << 48 | side << 32 | self.gist as u64);
    }
}

/// What happens to each reset.
pub struct Desk<'a> {
    args: &'a Read,
    filter: Option<Filter>,
    style: Style,
    /// Whether any ladder will still be drawn.
    ladders: &'a AtomicBool,
    /// Everything is told at once, as a stream wants it.
    at_once: bool,
    held: Vec<Told>,
    silences: Silences,
    logs: Option<Past>,
    classes: HashMap<Class, Met, FixedState>,
    /// All that were met; how sure a verdict is makes no difference here.
    gists: Vec<Gist>,
    kinds: HashMap<Kind, u64, FixedState>,
    /// Kinds of resets that are not counted yet.
    uncounted: Vec<Kind>,
    /// For pages.
    pub kept: Vec<Kept>,
    kept_places: HashMap<Kind, usize, FixedState>,
    /// Time, cause, certainty and benign of every reset.
    pub points: Vec<(whyreset_evidence::Timestamp, Gist)>,
    /// Comments by frame.
    pub comments: std::collections::BTreeMap<u64, String>,
    printed: u64,
    /// Resets that were counted with others and not printed.
    pub folded: u64,
    /// Whether the policy minds.
    pub minded: bool,
    end: Option<Result<()>>,
}

impl<'a> Desk<'a> {
    /// Reads the filter.
    ///
    /// # Errors
    /// A filter that cannot be read.
    pub fn new(args: &'a Read, expression: &str, at_once: bool, ladders: &'a AtomicBool) -> Result<Self> {
        let filter = (!expression.is_empty())
            .then(|| filter::parse(expression))
            .transpose()?;
        Ok(Self {
            args,
            filter,
            style: screen::style(args.color, args.quiet, args.verbose),
            ladders,
            at_once,
            held: Vec::new(),
            silences: Silences::default(),
            logs: Past::open(&args.logs)?,
            classes: HashMap::default(),
            gists: Vec::new(),
            kinds: HashMap::default(),
            uncounted: Vec::new(),
            kept: Vec::new(),
            kept_places: HashMap::default(),
            points: Vec::new(),
            comments: std::collections::BTreeMap::new(),
            printed: 0,
            folded: 0,
            minded: false,
            end: None,
        })
    }

    /// Takes one reset; `false` when it is time to stop.
    pub fn take(&mut self, told: Told) -> bool {
        self.silences.note(&told.dossier);
        if self.folds(&told.dossier) {
            return self.is_open();
        }
        self.held.push(told);
        if self.at_once || self.held.len() >= HELD_BACK {
            self.release();
        }
        self.is_open()
    }

    /// Whether there is a reason to go on.
    pub fn is_open(&self) -> bool {
        self.end.is_none() && self.args.count.is_none_or(|count| self.printed < count)
    }

    /// Tells all that was held back.
    pub fn release(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        held.sort_by_key(|told| told.dossier.time());
        if let Some(logs) = &mut self.logs {
            logs.join(held.iter_mut().map(|told| &mut told.dossier));
        }
        for mut told in held {
            if !self.is_open() {
                return;
            }
            self.silences.tell(&mut told.dossier);
            if let Err(error) = self.tell(&told) {
                self.end = Some(Err(error));
            }
        }
        let wanted = match self.args.output {
            ReadFormat::Json => false,
            ReadFormat::Text => !self.args.quiet && self.printed < PRINTED_IN_ALL,
            ReadFormat::Html | ReadFormat::Markdown => self.kept.len() < MOST_KEPT,
        };
        self.ladders.store(wanted, Ordering::Relaxed);
    }

    /// Counts it at once where nothing else would come of holding it back: its class is judged, and
    /// enough of its kind are printed.
    fn folds(&mut self, dossier: &Dossier) -> bool {
        let counted_only =
            self.args.output == ReadFormat::Text && self.args.count.is_none() && !self.tells_every();
        if !counted_only || self.classes.is_empty() || !self.is_open() {
            return false;
        }
        let met = Class::of(dossier).and_then(|class| self.classes.get(&class).copied());
        let Some(met) = met else {
            return false;
        };
        let kind = kind(dossier, met);
        if self.printed >= PRINTED_IN_ALL {
            self.uncounted.push(kind);
            if self.uncounted.len() >= TOGETHER {
                self.count_kinds();
            }
        } else {
            match self.kinds.get_mut(&kind) {
                Some(count) if *count >= PRINTED => *count += 1,
                _ => return false,
            }
        }
        self.note(met.gist);
        self.folded += u64::from(!met.gist.benign || self.args.all);
        true
    }

    /// Counts the kinds that nobody has asked for yet, one right behind the other: memory answers many
    /// questions in the time of one.
    fn count_kinds(&mut self) {
        for kind in self.uncounted.drain(..) {
            *self.kinds.entry(kind).or_default() += 1;
        }
    }

    /// What a reset is to the policy.
    fn note(&mut self, gist: Gist) {
        let counts = !gist.benign || self.args.all;
        let names = |id: &&str| *id == "any" || *id == gist.cause;
        self.minded |= counts && self.args.fail_on.iter().any(names);
    }

    /// Where every one is printed, or has lines of its own, every one is judged.
    fn tells_every(&self) -> bool {
        self.args.output == ReadFormat::Json
            || self.args.annotate.is_some()
            || self.filter.is_some()
            || self.logs.is_some()
    }

    fn tell(&mut self, told: &Told) -> Result<()> {
        let every = self.tells_every();
        if !every
            && let Some(class) = Class::of(&told.dossier)
            && let Some(met) = self.classes.get(&class).copied()
            && self.is_enough(&told.dossier, met)
        {
            self.count(&told.dossier, met);
            return Ok(());
        }
        let verdict = judge(&told.dossier);
        if !self.wants(&verdict) {
            return Ok(());
        }
        let met = self.meet(Gist::of(&verdict));
        if !every
            && self.classes.len() < MOST_CLASSES
            && let Some(class) = Class::of(&told.dossier)
        {
            self.classes.insert(class, met);
        }
        let enough = self.is_enough(&told.dossier, met);
        let before = self.count(&told.dossier, met);
        if verdict.reset.benign && !self.args.all {
            return Ok(());
        }
        if self.args.annotate.is_some() {
            self.comments.insert(told.frame, comment(&verdict));
        }
        match self.args.output {
            ReadFormat::Json => self.print(&(json_v1::line(&verdict) + "\n")),
            ReadFormat::Text if !enough => {
                let full = before < IN_FULL && !self.args.quiet;
                let style = Style {
                    brief: !full,
                    ..self.style.clone()
                };
                let mut text = text::verdict(&verdict, &style);
                if full {
                    text.push_str(&self.ladder(told));
                }
                self.print(&text)
            }
            ReadFormat::Text => Ok(()),
            ReadFormat::Html | ReadFormat::Markdown => {
                self.keep(told, verdict, met);
                Ok(())
            }
        }
    }

    /// Finds or makes the place of a gist.
    fn meet(&mut self, gist: Gist) -> Met {
        let alike = |known: &Gist| {
            (known.cause, known.situation, known.benign) == (gist.cause, gist.situation, gist.benign)
        };
        let known = self.gists.iter().position(alike);
        let place = known.unwrap_or_else(|| {
            self.gists.push(gist);
            self.gists.len() - 1
        });
        Met { gist, place }
    }

    /// Whether no more of this kind are printed.
    fn is_enough(&self, dossier: &Dossier, met: Met) -> bool {
        let of_its_kind = || self.kinds.get(&kind(dossier, met)).copied().unwrap_or(0);
        self.printed >= PRINTED_IN_ALL || of_its_kind() >= PRINTED
    }

    /// Counts a reset, and says how many of its kind came before it.
    fn count(&mut self, dossier: &Dossier, met: Met) -> u64 {
        let gist = met.gist;
        if self.points.len() < MOST_POINTS
            && matches!(self.args.output, ReadFormat::Html | ReadFormat::Markdown)
        {
            self.points.push((dossier.time(), gist));
        }
        self.note(gist);
        let enough = self.is_enough(dossier, met);
        let kind = kind(dossier, met);
        let count = self.kinds.entry(kind).or_default();
        *count += 1;
        let before = *count - 1;
        if let Some(place) = self.kept_places.get(&kind).filter(|_| before >= PRINTED) {
            self.kept[*place].alike += 1;
        }
        if enough && self.args.output == ReadFormat::Text {
            self.folded += u64::from(!gist.benign || self.args.all);
        }
        before
    }

    fn keep(&mut self, told: &Told, verdict: Verdict, met: Met) {
        if self.kept.len() >= MOST_KEPT {
            return;
        }
        self.kept_places.insert(kind(&told.dossier, met), self.kept.len());
        self.kept.push(Kept {
            verdict,
            frame: told.frame,
            rungs: rungs(&told.ladder),
            alike: 0,
        });
    }

    fn wants(&self, verdict: &Verdict) -> bool {
        let by_cause = self.args.cause.is_empty() || self.args.cause.contains(&verdict.cause.id);
        by_cause && self.filter.as_ref().is_none_or(|filter| filter.takes(verdict))
    }

    fn ladder(&self, told: &Told) -> String {
        let flow = told.dossier.flow;
        let drawn = ladder::draw(
            &format!("client {}", flow.client),
            &format!("server {}", flow.server),
            &rungs(&told.ladder),
            &self.style,
        );
        drawn
            .lines()
            .fold(String::new(), |text, line| text + "              " + line + "\n")
    }

    fn print(&mut self, text: &str) -> Result<()> {
        let written = screen::print(text).context("cannot write to standard output")?;
        self.printed += 1;
        if !written {
            self.end = Some(Ok(()));
        }
        Ok(())
    }

    /// Counts by cause and sender.
    pub fn summary(&mut self) -> Summary {
        self.count_kinds();
        let mut summary = Summary::default();
        for (kind, count) in &self.kinds {
            let sender = match kind.from {
                Some(side) => format!("{side} of {}", kind.server),
                None => "nobody known".to_owned(),
            };
            let gist = self.gists[kind.gist];
            summary.add_many(gist.cause, gist.benign, sender, *count);
        }
        summary
    }

    /// Whether anybody reads the output, as far as is known.
    pub const fn has_reader(&self) -> bool {
        self.end.is_none()
    }

    /// What went wrong while printing.
    ///
    /// # Errors
    /// What could not be written.
    pub fn outcome(&mut self) -> Result<()> {
        self.end.take().unwrap_or(Ok(()))
    }
}

fn kind(dossier: &Dossier, met: Met) -> Kind {
    Kind {
        server: dossier.flow.server,
        from: dossier.from(),
        gist: met.place,
    }
}

/// What Wireshark shows beside the packet.
fn comment(verdict: &Verdict) -> String {
    let id = match verdict.cause.situation {
        Some(situation) => format!("{}/{situation}", verdict.cause.id),
        None => verdict.cause.id.to_owned(),
    };
    let mut text = format!(
        "whyreset: {id} ({})\n{}",
        verdict.cause.certainty.as_str(),
        verdict.cause.summary
    );
    for line in &verdict.evidence {
        _ = write!(text, "\n{}: {}", line.finding.as_str(), line.what);
    }
    for fix in &verdict.fix {
        _ = write!(text, "\nfix: {fix}");
    }
    text
}

/// A ladder's segments in tcpdump's words.
fn rungs(ladder: &[Rung]) -> Vec<ladder::Rung> {
    let first = ladder.first().map(|rung| rung.at).unwrap_or_default();
    ladder
        .iter()
        .map(|rung| {
            let segment = &rung.segment;
            let size = if segment.len > 0 {
                format!(" {} bytes", segment.len)
            } else {
                String::new()
            };
            ladder::Rung {
                at: rung.at.since(first),
                from: rung.from,
                label: format!("{}{size}", segment.flags),
                note: Some(format!("frame {}", rung.frame)),
                reset: segment.flags.has(Flags::RST),
            }
        })
        .collect()
}

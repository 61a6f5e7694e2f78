//! Which rule did it, and whether connection tracking or a balancer should have taken a stray segment:
//! asks a process of its own (`warden`), which keeps the right to know that this one gives up, and holds
//! a dossier back until the answer has come. Off the events' path: a storm is answered from few
//! questions, and what takes too long goes without.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::OFlags;
use whyreset_evidence::{Dossier, Drop, Fact, Ruled, Side, Timestamp, What};

use crate::commands::warden::{Answer, Question, Segment};

/// How long a dossier waits for its rule.
const PATIENCE: Duration = Duration::from_secs(3);
/// Questions that wait at once.
const WAITING: usize = 256;
/// Dossiers that wait at once.
const HELD: usize = 1_024;
const KINDS: usize = 1_024;
/// Bytes of one answer at most.
const LONGEST: usize = 1 << 20;

/// Segments that rules most likely treat alike.
type Kind = (u32, u32, IpAddr, SocketAddr, u8);

/// The times of which an answer tells where rules have stood since the segment was dropped that it was
/// asked for: from then to when it was asked.
#[derive(Clone, Copy)]
struct Span(Timestamp, Timestamp);

impl Span {
    fn holds(self, dropped: Timestamp) -> bool {
        self.0 <= dropped && dropped <= self.1
    }
}

struct Waiting {
    since: Instant,
    /// All of one kind, dropped within the span; one alone where it waits for no rule.
    dossiers: Vec<Dossier>,
    kind: Option<(Kind, Span)>,
}

/// The open line to the process that reads rules.
pub struct Rulebook {
    child: Child,
    ask: ChildStdin,
    hear: ChildStdout,
    heard: Vec<u8>,
    /// In the order in which they were asked.
    waiting: VecDeque<Waiting>,
    /// Answers still to come for dossiers that went without.
    overdue: usize,
    known: HashMap<Kind, (Span, Ruled)>,
}

impl Rulebook {
    /// Starts the process.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn open(netns: Option<u32>) -> io::Result<Self> {
        let mut child = Command::new("/proc/self/exe")
            .arg("warden")
            .arg(netns.unwrap_or(0).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let taken = || io::Error::other("a pipe is missing");
        let ask = child.stdin.take().ok_or_else(taken)?;
        let hear = child.stdout.take().ok_or_else(taken)?;
        rustix::fs::fcntl_setfl(&hear, OFlags::NONBLOCK)?;
        rustix::fs::fcntl_setfl(&ask, OFlags::NONBLOCK)?;
        Ok(Self {
            child,
            ask,
            hear,
            heard: Vec::new(),
            waiting: VecDeque::new(),
            overdue: 0,
            known: HashMap::new(),
        })
    }

    /// Holds a dossier back where a packet filter of this host dropped a segment of it; gives back at
    /// once what needs no answer.
    pub fn consult(&mut self, dossier: &Dossier) -> Option<Dossier> {
        let Some((dropped, drop, kind, from, to)) = question(dossier) else {
            let netns = dossier.netns.unwrap_or(0);
            let asked = stray(dossier).is_some_and(|(from, to)| self.ask(&Question::Entry(netns, from, to)));
            return self.wait(asked, dossier, None);
        };
        if let Some((_, ruled)) = self.known.get(&kind).filter(|(span, _)| span.holds(dropped)) {
            return Some(with(dossier.clone(), What::Ruled(ruled.clone())));
        }
        let held: usize = self.waiting.iter().map(|waiting| waiting.dossiers.len()).sum();
        if held >= HELD {
            return Some(dossier.clone());
        }
        let alike = self.waiting.iter_mut().find(|waiting| {
            waiting
                .kind
                .is_some_and(|(of, span)| of == kind && span.holds(dropped))
        });
        if let Some(alike) = alike {
            alike.dossiers.push(dossier.clone());
            return None;
        }
        let span = Span(dropped, now());
        let asked = self.ask(&Question::Rules(Segment::new(drop, dropped, from, to)));
        self.wait(asked, dossier, Some((kind, span)))
    }

    /// Has it wait for the answer to what was asked; gives it back where nothing was.
    fn wait(&mut self, asked: bool, dossier: &Dossier, kind: Option<(Kind, Span)>) -> Option<Dossier> {
        let dossier = dossier.clone();
        if !asked {
            return Some(dossier);
        }
        self.waiting.push_back(Waiting {
            since: Instant::now(),
            dossiers: vec![dossier],
            kind,
        });
        None
    }

    fn ask(&mut self, question: &Question) -> bool {
        self.waiting.len() + self.overdue < WAITING && self.ask.write_all(question.line().as_bytes()).is_ok()
    }

    /// Dossiers whose answer has come, or has taken too long.
    pub fn answered(&mut self) -> Vec<Dossier> {
        let mut out = Vec::new();
        let mut buffer = [0; 16 << 10];
        while self.heard.len() < LONGEST
            && let Ok(length @ 1..) = self.hear.read(&mut buffer)
        {
            self.heard.extend(buffer.get(..length).unwrap_or_default());
        }
        while let Some(end) = self.heard.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.heard.drain(..=end).collect();
            let answer = Answer::read(&line);
            if self.overdue > 0 {
                self.overdue -= 1;
                continue;
            }
            let Some(waiting) = self.waiting.pop_front() else {
                continue;
            };
            match (answer, waiting.kind) {
                (Some(Answer::Rules(ruled, true)), Some((kind, span))) => {
                    if self.known.len() >= KINDS {
                        self.known.clear();
                    }
                    self.known.insert(kind, (span, ruled.clone()));
                    out.extend(add(waiting.dossiers, &What::Ruled(ruled)));
                }
                (Some(Answer::Rules(ruled, false)), Some(_)) => {
                    let mut dossiers = waiting.dossiers;
                    // Of what was dropped later it does not tell.
                    let later = dossiers.split_off(1.min(dossiers.len()));
                    out.extend(add(dossiers, &What::Ruled(ruled)));
                    out.extend(later.iter().filter_map(|dossier| self.consult(dossier)));
                }
                (Some(Answer::Entry(Some(entry))), None) => {
                    out.extend(add(waiting.dossiers, &What::Translation(entry)));
                }
                (Some(Answer::Balanced(found)), None) => {
                    out.extend(add(waiting.dossiers, &What::Balanced(found)));
                }
                _ => out.extend(waiting.dossiers),
            }
        }
        while self
            .waiting
            .front()
            .is_some_and(|waiting| waiting.since.elapsed() > PATIENCE)
        {
            self.overdue += 1;
            out.extend(
                self.waiting
                    .pop_front()
                    .into_iter()
                    .flat_map(|waiting| waiting.dossiers),
            );
        }
        out
    }

    /// Whether any dossier still waits.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl std::ops::Drop for Rulebook {
    fn drop(&mut self) {
        // It ends by itself when nobody can ask any more; a rule that it is reading does not hold us up.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// What is to be asked: the dropped segment, when it was dropped, and from whom to whom it went.
fn question(dossier: &Dossier) -> Option<(Timestamp, &Drop, Kind, SocketAddr, SocketAddr)> {
    if dossier.sent().is_some() || dossier.ruled().is_some() {
        return None;
    }
    let (fact, drop) = dossier
        .drops()
        .find(|(_, drop)| drop.reason == "NETFILTER_DROP")?;
    // The reset came in the name of whom the segment was meant for; a connection that was given up
    // had sent it itself.
    let side = dossier.from()?;
    let sender = if dossier.has_reset() { side.other() } else { side };
    let (from, to) = (dossier.flow.addr(sender), dossier.flow.addr(Side::other(sender)));
    let kind = (drop.netns, drop.device, from.ip(), to, drop.segment.flags.0);
    Some((fact.at, drop, kind, from, to))
}

/// From whom to whom a segment went that met no connection, and whose translation was not seen to end.
fn stray(dossier: &Dossier) -> Option<(SocketAddr, SocketAddr)> {
    let (_, sent) = dossier.sent()?;
    let trigger = sent.trigger.as_ref()?;
    let opens = trigger.flags.is_open() || trigger.flags.is_syn_ack();
    if opens || sent.socket.is_some() || dossier.translation().is_some() {
        return None;
    }
    let side = dossier.from()?;
    Some((dossier.flow.addr(side.other()), dossier.flow.addr(side)))
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)))
}

fn add(dossiers: Vec<Dossier>, what: &What) -> impl Iterator<Item = Dossier> {
    let what = what.clone();
    dossiers
        .into_iter()
        .map(move |dossier| with(dossier, what.clone()))
}

fn with(mut dossier: Dossier, what: What) -> Dossier {
    dossier.facts.push(Fact {
        at: dossier.time(),
        side: None,
        cite: what.kernel_cite(),
        what,
    });
    dossier
}

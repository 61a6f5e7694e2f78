//! Which rule did it, and whether connection tracking or a balancer should have taken a stray segment:
//! asks a process of its own (`warden`), which keeps the right to know that this one gives up, and holds
//! a dossier back until the answer has come. Off the events' path: a storm is answered from what is
//! known, and what takes too long goes without.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use whyreset_evidence::{Dossier, Drop, Fact, Ruled, Side, What};

use crate::commands::warden::{Answer, Question, Segment};

/// How long a dossier waits for its rule.
const PATIENCE: Duration = Duration::from_secs(3);
/// Dossiers that wait at once.
const WAITING: usize = 256;
/// How long an answer holds for segments of the same kind.
const FRESH: Duration = Duration::from_millis(250);
const KINDS: usize = 1_024;
/// Bytes of one answer at most.
const LONGEST: usize = 1 << 20;

/// Segments that rules most likely treat alike.
type Kind = (u32, u32, IpAddr, SocketAddr, u8);

struct Waiting {
    since: Instant,
    dossier: Dossier,
    /// Where it waits for a rule.
    kind: Option<Kind>,
}

/// The open line to the process that reads rules.
pub struct Rulebook {
    child: Child,
    ask: ChildStdin,
    hear: ChildStdout,
    heard: Vec<u8>,
    /// In the order in which they were asked.
    waiting: std::collections::VecDeque<Waiting>,
    /// Answers still to come for dossiers that went without.
    overdue: usize,
    known: HashMap<Kind, (Instant, Ruled)>,
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
            waiting: std::collections::VecDeque::new(),
            overdue: 0,
            known: HashMap::new(),
        })
    }

    /// Holds a dossier back where a packet filter of this host dropped a segment of it; gives back at
    /// once what needs no answer.
    pub fn consult(&mut self, dossier: &Dossier) -> Option<Dossier> {
        let now = Instant::now();
        let Some((drop, kind, from, to)) = question(dossier) else {
            let netns = dossier.netns.unwrap_or(0);
            let asked = stray(dossier).is_some_and(|(from, to)| self.ask(&Question::Entry(netns, from, to)));
            if !asked {
                return Some(dossier.clone());
            }
            self.waiting.push_back(Waiting {
                since: now,
                dossier: dossier.clone(),
                kind: None,
            });
            return None;
        };
        if let Some((_, ruled)) = self
            .known
            .get(&kind)
            .filter(|(at, _)| now.duration_since(*at) < FRESH)
        {
            return Some(with(dossier.clone(), What::Ruled(ruled.clone())));
        }
        if !self.ask(&Question::Rules(Segment::new(drop, from, to))) {
            return Some(dossier.clone());
        }
        self.waiting.push_back(Waiting {
            since: now,
            dossier: dossier.clone(),
            kind: Some(kind),
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
                (Some(Answer::Rules(ruled)), Some(kind)) => {
                    if self.known.len() >= KINDS {
                        self.known.clear();
                    }
                    self.known.insert(kind, (Instant::now(), ruled.clone()));
                    out.push(with(waiting.dossier, What::Ruled(ruled)));
                }
                (Some(Answer::Entry(Some(entry))), None) => {
                    out.push(with(waiting.dossier, What::Translation(entry)));
                }
                (Some(Answer::Balanced(found)), None) => {
                    out.push(with(waiting.dossier, What::Balanced(found)));
                }
                _ => out.push(waiting.dossier),
            }
        }
        while self
            .waiting
            .front()
            .is_some_and(|waiting| waiting.since.elapsed() > PATIENCE)
        {
            self.overdue += 1;
            out.extend(self.waiting.pop_front().map(|waiting| waiting.dossier));
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

/// What is to be asked: the dropped segment, and from whom to whom it went.
fn question(dossier: &Dossier) -> Option<(&Drop, Kind, SocketAddr, SocketAddr)> {
    if dossier.sent().is_some() || dossier.ruled().is_some() {
        return None;
    }
    let (_, drop) = dossier
        .drops()
        .find(|(_, drop)| drop.reason == "NETFILTER_DROP")?;
    // The reset came in the name of whom the segment was meant for; a connection that was given up
    // had sent it itself.
    let side = dossier.from()?;
    let sender = if dossier.has_reset() { side.other() } else { side };
    let (from, to) = (dossier.flow.addr(sender), dossier.flow.addr(Side::other(sender)));
    let kind = (drop.netns, drop.device, from.ip(), to, drop.segment.flags.0);
    Some((drop, kind, from, to))
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

fn with(mut dossier: Dossier, what: What) -> Dossier {
    dossier.facts.push(Fact {
        at: dossier.time(),
        side: None,
        cite: what.kernel_cite(),
        what,
    });
    dossier
}

//! `whyreset warden`, hidden: reads the rules of this host's packet filters, and asks its connection
//! tracking and its balancer, for a watcher that has given up the right to. One question a line on
//! standard input, one answer a line; ends with its standard input.

mod known;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};
use whyreset_evidence::{Balanced, Drop, Flags, Rule, Ruled, Timestamp, Translation};
use whyreset_host::rules::{Device, Dropped, Rules};
use whyreset_host::{Entries, balancer, netns, privileges};

use self::known::{Known, When, now};

/// Namespaces whose rules are remembered.
const NAMESPACES: usize = 64;
/// How long the namespaces that were found are taken for all that there are.
const ALL: Duration = Duration::from_secs(5);

/// Answers until nobody asks any more.
pub fn run(netns: u32) -> ExitCode {
    // What it could not give up it does not use.
    _ = privileges::drop_all_but_rules();
    let mut known = HashMap::new();
    // What counters stand at now tells later which of them moved.
    unasked(place(netns), &mut known);
    let mut entries = None;
    let Ok(stdin) = io::stdin().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let mut asked = BufReader::new(File::from(stdin));
    let mut line = String::new();
    loop {
        if asked.buffer().is_empty() && !wait(&mut known) {
            continue;
        }
        line.clear();
        if !asked.read_line(&mut line).is_ok_and(|length| length > 0) {
            break;
        }
        let answer = match Question::read(&line) {
            Some(Question::Rules(dropped)) => match about(&dropped, &mut known) {
                Ok((ruled, when)) => Answer::Rules(ruled, when == When::Latest),
                Err(why) => Answer::Failed(why),
            },
            Some(Question::Entry(at, from, to)) => match entry(from, to, netns, &mut entries) {
                None => balanced(at, to).map_or(Answer::Entry(None), Answer::Balanced),
                found => Answer::Entry(found),
            },
            None => Answer::Failed("not a question".to_owned()),
        };
        let mut out = io::stdout().lock();
        let told = out.write_all(answer.line().as_bytes()).and_then(|()| out.flush());
        if told.is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}

/// Waits for a question; meanwhile reads rules that have changed, so that the answer is at hand when
/// one comes. `false` where something else than a question came.
fn wait(known: &mut HashMap<u32, Known>) -> bool {
    let due = known
        .iter()
        .filter_map(|(netns, one)| Some((one.due()?, *netns)))
        .min();
    let now = Instant::now();
    if let Some((_, netns)) = due.filter(|(at, _)| *at <= now) {
        unasked(netns, known);
        return false;
    }
    let limit = due.and_then(|(at, _)| Timespec::try_from(at - now).ok());
    let stdin = io::stdin();
    let mut fds = vec![PollFd::new(&stdin, PollFlags::IN)];
    fds.extend(
        known
            .values()
            .filter_map(Known::changes)
            .map(|changes| PollFd::new(changes, PollFlags::IN)),
    );
    _ = poll(&mut fds, limit.as_ref());
    let asked = fds.first().is_some_and(|fd| !fd.revents().is_empty());
    for one in known.values_mut() {
        one.listen();
    }
    asked
}

/// Reads rules, and the words of those that reset, before anyone asks.
fn unasked(netns: u32, known: &mut HashMap<u32, Known>) {
    let begin = Instant::now();
    // What cannot be read now is told to who asks.
    _ = read(netns, false, now(), known)
        .and_then(|()| within(netns, When::Latest, known, |rules| drop(rules.resetting())));
    if let Some(one) = known.get_mut(&netns) {
        one.took(begin.elapsed());
    }
}

/// Has rules that are known do what needs the namespace that they are of.
fn within<T: Send + 'static>(
    netns: u32,
    when: When,
    known: &mut HashMap<u32, Known>,
    work: impl FnOnce(&mut Rules) -> T + Send + 'static,
) -> Result<T, String> {
    let mut one = known.remove(&netns).ok_or("the rules are gone")?;
    let space = (netns != 0).then_some(netns);
    let (one, done) = netns::inside(space, move || {
        let done = work(one.rules(when));
        (one, done)
    })
    .map_err(|error| error.to_string())?;
    known.insert(netns, one);
    Ok(done)
}

/// 0 for this program's own namespace.
fn place(netns: u32) -> u32 {
    if netns == netns::current() { 0 } else { netns }
}

/// Reads the rules of this namespace, where those that are known are not enough.
fn read(netns: u32, counted: bool, at: Timestamp, known: &mut HashMap<u32, Known>) -> Result<(), String> {
    let read = Known::read(known.remove(&netns), netns, counted, at)?;
    if known.len() >= NAMESPACES {
        known.clear();
    }
    known.insert(netns, read);
    Ok(())
}

/// The entry that translates what went from one to the other, looked for in the namespaces watched.
fn entry(
    from: SocketAddr,
    to: SocketAddr,
    netns: u32,
    entries: &mut Option<(Instant, Entries)>,
) -> Option<Translation> {
    if !Entries::are_used() {
        return None;
    }
    if entries.as_ref().is_none_or(|(at, _)| at.elapsed() > ALL) {
        *entries = Some((Instant::now(), Entries::open((netns != 0).then_some(netns))));
    }
    entries.as_ref()?.1.translating(from, to)
}

/// The service at this address that IPVS of the namespace has which answered for it.
fn balanced(netns: u32, to: SocketAddr) -> Option<Balanced> {
    let space = Some(place(netns)).filter(|&netns| netns != 0);
    netns::inside(space, move || balancer::service(to)).ok()?
}

fn about(question: &Segment, known: &mut HashMap<u32, Known>) -> Result<(Ruled, When), String> {
    let netns = place(question.netns);
    let device = question.device;
    read(netns, false, question.at, known)?;
    let space = (netns != 0).then_some(netns);
    let name = netns::inside(space, move || netns::device(device)).map_err(|error| error.to_string())?;
    let dropped = Dropped {
        from: question.from,
        to: question.to,
        flags: Flags(question.flags),
        // Without a name it is still one that came in.
        device: (device != 0).then(|| Device {
            index: device,
            name: name.unwrap_or_default(),
        }),
    };
    let about = |known: &HashMap<u32, Known>| {
        let known = known.get(&netns).ok_or("the rules are gone")?;
        Ok::<_, String>(known.about(&dropped, question.at))
    };
    let (mut ruled, mut when) = about(known)?;
    // Of several it may be told by what has moved since they were read.
    let counts = ruled.resets.len() > 1 && ruled.resets.iter().all(|rule| rule.packets.is_some());
    if counts && when == When::Latest {
        read(netns, true, question.at, known)?;
        (ruled, when) = about(known)?;
    }
    within(netns, when, known, move |rules| {
        rules.quote(&mut ruled);
        (ruled, when)
    })
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// Which rules can have met this segment.
    Rules(Segment),
    /// Which entry of connection tracking translates what goes from the first to the second, and which
    /// service the namespace with this inode balances there; 0 for this program's own.
    Entry(u32, SocketAddr, SocketAddr),
}

/// A segment that a packet filter dropped.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Inode of the network namespace; 0 for this program's own.
    pub netns: u32,
    /// Index of the device; 0 where it had none yet.
    pub device: u32,
    /// From whom.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// TCP flags.
    pub flags: u8,
    /// When it was dropped.
    pub at: Timestamp,
}

impl Segment {
    /// This one.
    pub fn new(drop: &Drop, at: Timestamp, from: SocketAddr, to: SocketAddr) -> Self {
        Self {
            at,
            netns: drop.netns,
            device: drop.device,
            from,
            to,
            flags: drop.segment.flags.0,
        }
    }
}

impl Question {
    /// As it is asked.
    pub fn line(&self) -> String {
        match self {
            Self::Rules(Segment {
                netns,
                device,
                from,
                to,
                flags,
                at,
            }) => format!("rules {netns} {device} {from} {to} {flags} {}\n", at.0),
            Self::Entry(netns, from, to) => format!("entry {netns} {from} {to}\n"),
        }
    }

    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let mut next = || words.next();
        match next()? {
            "rules" => Some(Self::Rules(Segment {
                netns: next()?.parse().ok()?,
                device: next()?.parse().ok()?,
                from: next()?.parse().ok()?,
                to: next()?.parse().ok()?,
                flags: next()?.parse().ok()?,
                at: Timestamp(next()?.parse().ok()?),
            })),
            "entry" => Some(Self::Entry(
                next()?.parse().ok()?,
                next()?.parse().ok()?,
                next()?.parse().ok()?,
            )),
            _ => None,
        }
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These rules, and whether they have stood since the segment was dropped: so that they hold of what
    /// was dropped later too.
    Rules(Ruled, bool),
    /// This entry, or none.
    Entry(Option<Translation>),
    /// No entry, and a service.
    Balanced(Balanced),
    /// It could not be read, and why.
    Failed(String),
}

impl Answer {
    fn line(&self) -> String {
        let list = |rules: &[Rule]| -> Vec<Value> {
            rules
                .iter()
                .map(|rule| json!([rule.text, rule.surely, rule.packets]))
                .collect()
        };
        let value = match self {
            Self::Rules(found, stood) => json!({
                "resets": list(&found.resets), "drops": list(&found.drops), "whole": found.whole, "stood": stood,
            }),
            Self::Entry(None) => json!({ "entry": null }),
            Self::Entry(Some(found)) => json!({
                "entry": [found.other.0.to_string(), found.other.1.to_string(), found.reply, found.state],
            }),
            Self::Balanced(found) => json!({
                "balanced": [found.service.to_string(), found.scheduler, found.timeout_ms],
            }),
            Self::Failed(why) => json!({ "error": why }),
        };
        format!("{value}\n")
    }

    /// `None` where it is none.
    pub fn read(line: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(line).ok()?;
        if let Some(why) = value.get("error") {
            return Some(Self::Failed(why.as_str()?.to_owned()));
        }
        if let Some(entry) = value.get("entry") {
            return Some(Self::Entry(standing(entry)));
        }
        if let Some(found) = value.get("balanced") {
            return Some(Self::Balanced(Balanced {
                service: found.get(0)?.as_str()?.parse().ok()?,
                scheduler: found.get(1)?.as_str()?.to_owned(),
                timeout_ms: found.get(2)?.as_u64()?,
            }));
        }
        let rules = |key: &str| -> Option<Vec<Rule>> {
            let rule = |one: &Value| {
                Some(Rule {
                    text: one.get(0)?.as_str()?.to_owned(),
                    surely: one.get(1)?.as_bool()?,
                    packets: one.get(2).and_then(Value::as_u64),
                })
            };
            value.get(key)?.as_array()?.iter().map(rule).collect()
        };
        let found = Ruled {
            resets: rules("resets")?,
            drops: rules("drops")?,
            whole: value.get("whole")?.as_bool()?,
        };
        Some(Self::Rules(found, value.get("stood")?.as_bool()?))
    }
}

fn standing(entry: &Value) -> Option<Translation> {
    let end = |at: usize| entry.get(at)?.as_str()?.parse().ok();
    Some(Translation {
        other: (end(0)?, end(1)?),
        reply: entry.get(2)?.as_bool()?,
        state: u8::try_from(entry.get(3)?.as_u64()?).ok()?,
        timeout_ms: 0,
        stands: true,
        asked: false,
        by: None,
    })
}

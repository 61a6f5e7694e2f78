//! Lines gathered by what they are, where they point and which file they are in. Refuses to keep
//! more kinds than a bounded number; those turned away are counted.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

use whyreset_causes::messages::{Message, Runtime};
use whyreset_logs::{Address, Clock, Look, Stamp, Stated, Who, Written, idle_ns, parse_time, quote, who};

use super::vocabulary::Known;

/// Kinds kept at most.
const MOST: usize = 4_096;
/// Peers of one kind that are told apart.
const PEERS: usize = 64;
/// Distances in time that are looked at for regularity.
const GAPS: usize = 64;

/// One line that is something.
pub struct Found {
    look: Look,
    stamp: Option<Stamp>,
    who: Who,
    idle: Option<u64>,
    quote: String,
}

impl Found {
    /// Reads all that is needed of a line, on the thread that found it.
    #[expect(clippy::unnecessary_wraps, reason = "a scan may also keep nothing of a line")]
    pub fn new(line: &[u8], look: Look, clock: &Clock) -> Option<Self> {
        Some(Self {
            look,
            stamp: parse_time(line, clock),
            who: who(line),
            idle: idle_ns(line),
            quote: quote(line),
        })
    }
}

/// What a kind of lines is.
#[derive(Clone, Copy)]
pub enum Kind {
    /// An error in a runtime's words.
    Error(&'static Runtime, &'static Message),
    /// A line that states a cause.
    Stated(&'static Stated),
}

impl Kind {
    /// The message's id, or the stated cause's.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Error(_, message) => message.id,
            Self::Stated(stated) => stated.says.id(),
        }
    }

    fn key(&self) -> &'static str {
        match self {
            Self::Error(_, message) => message.id,
            Self::Stated(stated) => stated.pattern,
        }
    }
}

/// Lines of one kind.
pub struct Group {
    pub kind: Kind,
    pub source: usize,
    pub program: Option<String>,
    pub to: Option<String>,
    pub count: u64,
    pub from: BTreeSet<Address>,
    /// More peers than are kept.
    pub many: bool,
    pub first: Option<Stamp>,
    pub last: Option<Stamp>,
    /// The least and the most, in nanoseconds.
    pub idle: Option<(u64, u64)>,
    /// The first line's number and text.
    pub line: u64,
    pub quote: String,
    gaps: Vec<i64>,
}

impl Group {
    /// The regular distance of its lines in nanoseconds, where there is one.
    pub fn period(&self) -> Option<i64> {
        let mut gaps: Vec<i64> = self.gaps.iter().copied().filter(|gap| *gap > 0).collect();
        if gaps.len() < 4 || gaps.len() < self.gaps.len() {
            return None;
        }
        gaps.sort_unstable();
        let middle = gaps[gaps.len() / 2];
        let even = gaps[0] >= middle - middle / 10 && gaps[gaps.len() - 1] <= middle + middle / 10;
        (even && middle >= 500_000_000).then_some(middle)
    }

    /// Whether its times had to be read with an assumed zone or date.
    pub fn assumed(&self) -> bool {
        self.first
            .is_some_and(|stamp| !matches!(stamp.written, Written::Whole))
    }
}

/// What, in which file, by which program, to where.
type Key = (&'static str, usize, Option<String>, Option<String>);

/// All kinds.
#[derive(Default)]
pub struct Groups {
    /// The files by name.
    pub sources: Vec<String>,
    /// Lines of kinds beyond those kept.
    pub turned_away: u64,
    kinds: Vec<Group>,
    index: HashMap<Key, usize>,
}

impl Groups {
    /// Opens a file's lines.
    pub fn source(&mut self, name: String) -> usize {
        self.sources.push(name);
        self.sources.len() - 1
    }

    /// Takes a line.
    pub fn add(&mut self, source: usize, line: u64, found: &Found, known: &Known) {
        if let Some((runtime, message)) = known.message(found.look) {
            self.put(Kind::Error(runtime, message), source, line, found);
        }
        if let Some(stated) = found.look.stated.and_then(|number| known.stated(number)) {
            self.put(Kind::Stated(stated), source, line, found);
        }
    }

    fn put(&mut self, kind: Kind, source: usize, line: u64, found: &Found) {
        let (to, from) = ends(&found.who);
        let program = found.who.program.clone();
        let key = (kind.key(), source, program.clone(), to.clone());
        let at = match self.index.get(&key) {
            Some(at) => *at,
            None if self.kinds.len() == MOST => {
                self.turned_away += 1;
                return;
            }
            None => {
                self.kinds.push(Group {
                    kind,
                    source,
                    program,
                    to,
                    count: 0,
                    from: BTreeSet::new(),
                    many: false,
                    first: None,
                    last: None,
                    idle: None,
                    line,
                    quote: found.quote.clone(),
                    gaps: Vec::new(),
                });
                self.index.insert(key, self.kinds.len() - 1);
                self.kinds.len() - 1
            }
        };
        self.kinds[at].take(found, from);
    }

    /// The kinds, the most frequent first, errors before what is stated.
    pub fn sorted(&self) -> Vec<&Group> {
        let mut sorted: Vec<&Group> = self.kinds.iter().collect();
        sorted.sort_by_key(|group| {
            (
                matches!(group.kind, Kind::Stated(_)),
                std::cmp::Reverse(group.count),
                group.source,
                group.line,
            )
        });
        sorted
    }

    /// Whether `minds` minds one of the kinds.
    pub fn any(&self, minds: impl Fn(&str) -> bool) -> bool {
        self.kinds.iter().any(|group| minds(group.kind.id()))
    }
}

impl Group {
    fn take(&mut self, found: &Found, from: Vec<Address>) {
        self.count += 1;
        for peer in from {
            let peer = Address { port: None, ..peer };
            if self.from.len() < PEERS {
                self.from.insert(peer);
            } else {
                self.many |= !self.from.contains(&peer);
            }
        }
        if let Some(stamp) = found.stamp {
            if let Some(last) = self.last
                && self.gaps.len() < GAPS
            {
                self.gaps.push(stamp.ns.saturating_sub(last.ns));
            }
            if self.first.is_none_or(|first| stamp.ns < first.ns) {
                self.first = Some(stamp);
            }
            if self.last.is_none_or(|last| stamp.ns > last.ns) {
                self.last = Some(stamp);
            }
        }
        if let Some(idle) = found.idle {
            let (least, most) = self.idle.unwrap_or((idle, idle));
            self.idle = Some((least.min(idle), most.max(idle)));
        }
    }
}

/// Where a line points, and whom it names besides: the last address with a port below the
/// ephemeral ones is what was connected to.
fn ends(who: &Who) -> (Option<String>, Vec<Address>) {
    const EPHEMERAL: u16 = 32_768;
    let to = who
        .addresses
        .iter()
        .rposition(|one| one.port.is_some_and(|port| (1..EPHEMERAL).contains(&port)));
    let mut from = who.addresses.clone();
    let to = to.map(|at| from.remove(at)).and_then(|one| {
        let port = one.port?;
        Some(SocketAddr::new(one.ip, port).to_string())
    });
    (to.or_else(|| who.host.clone()), from)
}

//! The watcher: drains the ring, asks who holds a socket while it can still be answered, and
//! hands over complete dossiers.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use whyreset_evidence::{
    Blindness, Coverage, Dossier, Fact, Holdings, Process, Received, TcpState, Timestamp, Tracking,
    Translation, What,
};

use crate::abi::{Event, Tuple, event_type};
use crate::clock::{self, Clock};
use crate::facts::{Told, Translator};
use crate::incident::{Incidents, Setting};
use crate::loader::{self, Attached};
use crate::prerequisites;
use crate::symbols::Symbols;
use crate::tap::Tap;

/// How often the ring is drained while something happens. The first event after a pause wakes the
/// reader, and so does a ring that fills; all others wait for this timer, for a wake-up costs
/// several times the event.
const DRAIN_BUSY: Duration = Duration::from_millis(20);
/// How often while nothing does.
const DRAIN_IDLE: Duration = Duration::from_millis(500);

/// Events taken from the ring before dossiers are handed over.
const BATCH: usize = 1_024;

/// Batches taken at the end at most: more than the default ring holds.
const FLUSH_BATCHES: usize = 16;

/// Looks processes up; the binary wires the host's own table in.
pub trait Holders {
    /// The process that holds the socket with this inode, asking `likely` first.
    fn holder_of(&mut self, inode: u64, likely: Option<u32>) -> Option<Process>;
    /// What a living process holds, of what it may hold.
    fn holdings(&mut self, process: &Process) -> Option<Holdings>;
    /// The translation that named a segment from `from` to `to` and was forgotten, and when.
    fn translation(&mut self, _from: SocketAddr, _to: SocketAddr) -> Option<(Timestamp, Translation)> {
        None
    }
    /// How full the table of tracked connections is in this network namespace.
    fn tracking(&mut self, _netns: u32) -> Option<Tracking> {
        None
    }
    /// The state of the socket that `local` has with `remote`, where it is on this host.
    fn standing(&mut self, _local: SocketAddr, _remote: SocketAddr) -> Option<TcpState> {
        None
    }
    /// With whom the one open socket that is bound to `local` is connected.
    fn only_with(&mut self, _local: SocketAddr) -> Option<SocketAddr> {
        None
    }
    /// Called whenever events are taken: what waits elsewhere may be taken too.
    fn look(&mut self) {}
    /// Fills in what is known of a process beyond pid and name: exe, control group, unit,
    /// container, pod, alive. `cgroup` is the kernel's id of its control group.
    fn describe(&mut self, process: &mut Process, cgroup: Option<u64>);
}

/// What to watch.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only this network namespace, by inode: nothing seen in another one is known.
    pub netns: Option<u32>,
    /// Bytes of the event ring, rounded up to a power of two; `None` for the default of 4 MiB.
    pub ring: Option<u32>,
}

/// Why the watcher cannot run, and what to do.
#[derive(Debug)]
pub struct AttachError(pub String);

impl std::fmt::Display for AttachError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AttachError {}

/// The attached programs and the connections being put together. Dropping it detaches.
pub struct Watcher {
    attached: Attached,
    translator: Translator,
    incidents: Incidents,
    setting: Setting,
    holders: Box<dyn Holders>,
    /// The last drain ended before the ring was empty.
    full_batch: bool,
    /// Still to be read.
    symbols: Option<Symbols>,
    tap: Option<Tap>,
}

impl Watcher {
    /// Checks what is needed, loads and attaches. From its return on, every reset is seen.
    ///
    /// # Errors
    /// What is missing, and what to run.
    pub fn attach(options: &Options, holders: Box<dyn Holders>) -> Result<Self, AttachError> {
        prerequisites::check()?;
        let attached = loader::attach(options)?;
        let clock = Clock::now();
        let coverage = Coverage {
            reply_resets: attached.reply_resets,
            drops: attached.drops,
            since: clock.utc(clock::monotonic()),
            missing: attached.missing.clone(),
            ..Coverage::default()
        };
        Ok(Self {
            translator: Translator {
                names: attached.names.clone(),
                clock,
            },
            attached,
            incidents: Incidents::default(),
            setting: Setting { coverage },
            holders,
            full_batch: false,
            symbols: Symbols::open(),
            tap: None,
        })
    }

    /// Takes the headers of resets from this tap from now on.
    pub fn tap(&mut self, tap: Tap) {
        self.tap = Some(tap);
    }

    /// The last segment from `from` to `to` that a packet filter dropped.
    pub fn dropped(&mut self, from: SocketAddr, to: SocketAddr) -> Option<Fact> {
        let bytes = |address: SocketAddr| match address.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        let way = Tuple {
            laddr: bytes(from),
            raddr: bytes(to),
            lport: from.port(),
            rport: to.port(),
            netns: 0,
        };
        let filtered = self.attached.filtered.get(&way, 0).ok()?;
        self.translator.clock = Clock::now();
        self.translator.dropped(&filtered)
    }

    /// Views that could not be had here, and what would cure it.
    pub fn missing(&self) -> &[Blindness] {
        &self.attached.missing
    }

    /// Drains the kernel's events for up to `wait`, handing every dossier that is complete to
    /// `deliver`; stops early when `deliver` returns `false`.
    pub fn poll(&mut self, wait: Duration, deliver: &mut dyn FnMut(&Dossier) -> bool) {
        if let Some(symbols) = self.symbols.take() {
            for (index, address) in (0u32..).zip(symbols.addresses()) {
                // Without it the payload of page fragments is not seen, and nothing is claimed of it.
                _ = self.attached.symbols.set(index, address, 0);
            }
        }
        let end = monotonic() + wait;
        let mut go_on = true;
        while go_on {
            let busy = self.drain() || self.incidents.any_open();
            self.incidents
                .mature(Some(monotonic()), &self.setting, &mut |mut dossier| {
                    count_guesses(self.tap.as_mut(), &mut dossier);
                    go_on = deliver(&dossier);
                    go_on
                });
            let left = end.saturating_sub(monotonic());
            if left.is_zero() || !go_on {
                return;
            }
            if self.full_batch {
                continue;
            }
            self.sleep(left.min(if busy { DRAIN_BUSY } else { DRAIN_IDLE }));
        }
    }

    /// Hands over what is still open, complete or not.
    pub fn flush(&mut self, deliver: &mut dyn FnMut(&Dossier) -> bool) {
        // What is in the ring now, and no more: a storm may go on for ever.
        for _ in 0..FLUSH_BATCHES {
            self.drain();
            self.incidents
                .mature(Some(monotonic()), &self.setting, &mut |mut dossier| {
                    count_guesses(self.tap.as_mut(), &mut dossier);
                    deliver(&dossier)
                });
            if !self.full_batch {
                break;
            }
        }
        self.incidents
            .mature(None, &self.setting, &mut |dossier| deliver(&dossier));
    }

    /// Events lost since the start, because the ring was full.
    pub fn lost(&self) -> u64 {
        self.attached
            .lost
            .get(&0, 0)
            .map_or(0, |per_cpu| per_cpu.iter().sum())
    }

    /// Resets that only repeated a known one and got no verdict of their own.
    pub fn echoes(&self) -> u64 {
        self.incidents.echoes
    }

    /// Takes what waits, at most one batch: in a storm the ring never empties, and dossiers must
    /// leave as events come. `false` where nothing waited.
    fn drain(&mut self) -> bool {
        self.translator.clock = Clock::now();
        self.holders.look();
        if let Some(tap) = &mut self.tap {
            tap.drain();
        }
        let now = monotonic();
        let mut taken = 0;
        while taken < BATCH
            && let Some(item) = self.attached.ring.next()
        {
            taken += 1;
            let Some(event) = Event::read(&item) else { continue };
            drop(item);
            let Some(mut told) = self.translator.tell(&event) else {
                continue;
            };
            if !told.echo {
                identify(&mut *self.holders, &mut told, &event);
                if let Some(tap) = &mut self.tap {
                    read_header(tap, &mut told);
                }
            }
            self.incidents.add(now, event.tuple.netns, told);
        }
        if taken > 0 {
            self.setting.coverage.lost = self.lost();
        }
        self.full_batch = taken == BATCH;
        taken > 0
    }

    fn sleep(&self, span: Duration) {
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: i64::try_from(span.as_nanos()).unwrap_or(20_000_000),
        };
        let ring = self.attached.ring.as_fd();
        // An interruption is a reason to look again, as is any error.
        _ = poll(
            &mut [PollFd::from_borrowed_fd(ring, PollFlags::IN)],
            Some(&timeout),
        );
    }
}

/// Looks, only when a reset was sent, at what the process that sent it holds.
fn holdings(holders: &mut dyn Holders, told: &mut Told, event: &Event) {
    if event.kind != event_type::SENT {
        return;
    }
    let here = told.facts.iter().filter(|fact| fact.side == Some(told.side));
    let process = here
        .filter_map(|fact| match &fact.what {
            What::Sent(sent) => sent.actor.as_ref().filter(|actor| !actor.kernel),
            What::Ended(ended) => ended.by.as_ref().filter(|by| !by.kernel),
            What::Owner(process) | What::Listener(process) => Some(process),
            _ => None,
        })
        .find(|process| process.exit.is_none());
    if let Some(held) = process.and_then(|process| holders.holdings(process)) {
        looked_up(told, What::Holds(held));
    }
}

/// Asks, where a segment met no connection, whether its addresses should have been translated.
fn translation(holders: &mut dyn Holders, told: &mut Told) {
    let Some(at) = told.facts.first().and_then(|fact| match &fact.what {
        What::Sent(sent) if sent.trigger.is_some() && sent.socket.is_none() => Some(fact.at),
        _ => None,
    }) else {
        return;
    };
    let (here, there) = (told.flow.addr(told.side), told.flow.addr(told.side.other()));
    if let Some((gone, translation)) = holders.translation(there, here) {
        let what = What::Translation(translation);
        told.facts.push(Fact {
            // It was found gone at the last look, which may lie after the event.
            at: gone.min(at),
            side: None,
            cite: what.kernel_cite(),
            what,
        });
    } else if strays(told)
        && let Some(peer) = holders.only_with(here)
    {
        looked_up(told, What::OnlyWith(peer));
    }
}

/// Whether a segment of an open connection came of which nothing is known.
fn strays(told: &Told) -> bool {
    let ended = |fact: &Fact| matches!(fact.what, What::Ended(_)) && fact.side == Some(told.side);
    let opens = |fact: &Fact| match &fact.what {
        What::Sent(sent) => (sent.trigger.as_ref())
            .is_some_and(|trigger| trigger.flags.is_open() || trigger.flags.is_syn_ack()),
        _ => false,
    };
    !told.facts.iter().any(|fact| ended(fact) || opens(fact))
}

/// Asks, where a connection was given up and a filter had dropped its segments, whether the table of
/// tracked connections had room.
fn tracking(holders: &mut dyn Holders, told: &mut Told, event: &Event) {
    let dropped = told.facts.iter().any(|fact| matches!(fact.what, What::Drop(_)));
    if event.kind == event_type::ERROR
        && dropped
        && let Some(table) = holders.tracking(event.filtered.netns)
    {
        looked_up(told, What::Tracking(table));
    }
}

/// Adds the header of a reset that arrived, and the distance of the handshake before it.
fn read_header(tap: &mut Tap, told: &mut Told) {
    let (there, here) = (told.flow.addr(told.side.other()), told.flow.addr(told.side));
    let Some(fact) = told.facts.first_mut() else {
        return;
    };
    let What::Received(received) = &mut fact.what else {
        return;
    };
    tap.arm();
    let next = received.socket.as_ref().and_then(|socket| socket.rcv_nxt);
    if received.header.is_none()
        && let Some((header, _)) = tap.reset(there, here, next)
    {
        received.header = Some(header.clone());
        fact.cite = format!("{}, packet socket", fact.cite);
    }
    if let (Some(socket), Some(ttl)) = (&mut received.socket, tap.opening(there, here)) {
        socket.handshake_ttl.get_or_insert(ttl);
    }
}

/// Counts what came right after a reset, when all of it has come.
fn count_guesses(tap: Option<&mut Tap>, dossier: &mut Dossier) {
    let Some(tap) = tap else { return };
    for fact in &mut dossier.facts {
        if let (Some(side), What::Received(received)) = (fact.side, &mut fact.what)
            && let Some(next) = received.socket.as_ref().and_then(|socket| socket.rcv_nxt)
        {
            let (there, here) = (dossier.flow.addr(side.other()), dossier.flow.addr(side));
            let heard = tap.reset(there, here, Some(next));
            received.guesses = heard.map_or(0, |(_, guesses)| guesses);
        }
    }
}

/// Asks, where a reset arrived, whether the end in whose name it came is on this host and has the
/// connection open still: who sends a reset has it no more. Of one that was refused also whether it
/// came for a connection at all.
fn standing(holders: &mut dyn Holders, told: &mut Told) {
    let Some((at, accepted)) = told.facts.first().and_then(|fact| match &fact.what {
        What::Received(received) => Some((fact.at, received.accepted)),
        _ => None,
    }) else {
        return;
    };
    let own = (!accepted).then_some(told.side);
    for side in [Some(told.side.other()), own].into_iter().flatten() {
        let (local, remote) = (told.flow.addr(side), told.flow.addr(side.other()));
        let state = holders.standing(local, remote);
        if let Some(state) = state.filter(|state| state.is_synchronised()) {
            let what = What::Standing(state);
            told.facts.push(Fact {
                at,
                side: Some(side),
                cite: what.kernel_cite(),
                what,
            });
        }
    }
}

/// Adds what was looked up when the event was read: it stands with the event's own facts.
fn looked_up(told: &mut Told, what: What) {
    if let Some(first) = told.facts.first() {
        told.facts.push(Fact {
            at: first.at,
            side: Some(told.side),
            cite: what.kernel_cite(),
            what,
        });
    }
}

fn monotonic() -> Duration {
    Duration::from_nanos(clock::monotonic())
}

/// A connection that came in where the kernel itself listens, and that no process holds, is the kernel's.
fn taken_in_by_the_kernel(told: &mut Told) {
    if let Some(fact) = told.facts.first_mut()
        && let What::Received(Received {
            socket: Some(socket), ..
        }) = &mut fact.what
    {
        socket.of_kernel = socket.attached;
    }
}

/// Names the holder of the event's socket and describes every process of its facts.
fn identify(holders: &mut dyn Holders, told: &mut Told, event: &Event) {
    let owner_known = told
        .facts
        .iter()
        .any(|fact| matches!(fact.what, What::Owner(_)) && fact.side == Some(told.side));
    let acted = told
        .facts
        .iter()
        .any(|fact| matches!(&fact.what, What::Sent(sent) if sent.actor.as_ref().is_some_and(|actor| !actor.kernel)));
    // A socket that its closer is letting go of has no other holder.
    if !owner_known && !acted && !told.of_kernel && told.inode != 0 {
        let likely = (event.owner.tgid != 0).then_some(event.owner.tgid);
        if let Some(process) = holders.holder_of(told.inode, likely) {
            looked_up(told, What::Owner(process));
        } else if event.listener.kernel != 0 {
            taken_in_by_the_kernel(told);
        }
    }
    translation(holders, told);
    tracking(holders, told, event);
    standing(holders, told);
    holdings(holders, told, event);
    let current = (event.current.cgroup != 0).then_some(event.current.cgroup);
    for fact in &mut told.facts {
        match &mut fact.what {
            What::Sent(sent) => {
                if let Some(actor) = sent.actor.as_mut().filter(|actor| !actor.kernel) {
                    holders.describe(actor, current);
                }
            }
            What::Ended(ended) => {
                if let Some(by) = ended.by.as_mut().filter(|by| !by.kernel) {
                    let cgroup = [event.tombstone.by, event.other.by]
                        .iter()
                        .find(|task| task.tgid == by.pid && task.cgroup != 0)
                        .map(|task| task.cgroup);
                    holders.describe(by, cgroup);
                }
            }
            What::Owner(process) | What::Listener(process) => {
                let recorded = [event.owner, event.listener]
                    .into_iter()
                    .find(|owner| owner.tgid == process.pid);
                let cgroup = recorded.map_or(told.cgroup, |owner| owner.cgroup);
                let cgroup = (cgroup != 0).then_some(cgroup);
                holders.describe(process, cgroup);
            }
            What::Killed(killed) => holders.describe(&mut killed.by, None),
            What::AskedBy(process) => holders.describe(process, None),
            _ => {}
        }
    }
    if let Some(candidate) = &mut told.candidate {
        holders.describe(candidate, current);
    }
}

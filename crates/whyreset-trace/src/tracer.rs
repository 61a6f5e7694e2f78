//! Follows a command and all that it starts: stops are taken, looked at and let go on. Refuses to
//! change a call, a signal or a result.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use whyreset_evidence::Process;

use crate::address;
use crate::book::{At, Book, Given};
use crate::calls::Call;
use crate::failure::Failure;
use crate::look;
use crate::signals::Passed;
use crate::sys::{self, CallStop};

const TRACESYSGOOD: i32 = 0x01;
const FORKS: i32 = 0x02 | 0x04 | 0x08;
const EXEC: i32 = 0x10;
const EXIT: i32 = 0x40;
const SECCOMP: i32 = 0x80;
const EXITKILL: i32 = 0x10_0000;

const EVENT_FORK: i32 = 1;
const EVENT_VFORK: i32 = 2;
const EVENT_CLONE: i32 = 3;
const EVENT_EXEC: i32 = 4;
const EVENT_EXIT: i32 = 6;
const EVENT_SECCOMP: i32 = 7;
const EVENT_STOP: i32 = 128;

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Only which processes there are: no call stops.
    Tree,
    /// The calls that open, end or ask a socket.
    Sockets,
    /// Every call of a process that has an open connection: dear, and exact.
    EveryCall,
}

impl Follow {
    pub(crate) const fn options(self) -> i32 {
        match self {
            Self::Tree => TRACESYSGOOD | FORKS | EXEC,
            // The filter has calls fail where nobody is told: without us the command must end.
            Self::Sockets | Self::EveryCall => TRACESYSGOOD | FORKS | EXEC | EXIT | SECCOMP | EXITKILL,
        }
    }
}

/// What is told while the command runs.
pub enum Event {
    /// A connection failed.
    Failed(Box<Failure>),
    /// Another process belongs to the command.
    Started(u32),
    /// A process uses io_uring, whose calls nobody is told of.
    Ring(Process),
    /// The command itself has ended, and so many processes that it left run on.
    Ended(usize),
}

struct Thread {
    group: i32,
    /// The call that it is in, where its result is waited for.
    call: Option<(Call, [u64; 6], Given)>,
}

struct Family {
    /// Descriptors that may lead to a connection: no other is looked at when it is closed.
    fds: HashSet<u64>,
    pidfd: Option<OwnedFd>,
    process: Process,
    threads: usize,
    /// AF_UNIX connections: their failures show in results alone.
    unix: usize,
    tcp: bool,
    rings: bool,
}

/// All that is followed.
pub(crate) struct Tracer<'a> {
    follow: Follow,
    root: i32,
    passed: Passed,
    threads: HashMap<i32, Thread>,
    families: HashMap<i32, Family>,
    book: Book,
    tell: &'a mut dyn FnMut(Event),
}

impl<'a> Tracer<'a> {
    pub fn new(follow: Follow, root: i32, passed: Passed, tell: &'a mut dyn FnMut(Event)) -> Self {
        let mut tracer = Self {
            follow,
            root,
            passed,
            threads: HashMap::new(),
            families: HashMap::new(),
            book: Book::default(),
            tell,
        };
        tracer.meet(root);
        if let Some(family) = tracer.families.get_mut(&root) {
            // What the command is given open, it inherits from us.
            family
                .fds
                .extend(look::sockets(root).into_iter().map(|(fd, _)| fd));
        }
        tracer
    }

    /// Until the last process has ended, or without a filter the command itself; its wait status.
    pub fn run(&mut self) -> io::Result<i32> {
        let mut ended = None;
        loop {
            let (tid, status) = match sys::wait() {
                Err(error) if error.raw_os_error() == Some(libc::EINTR) => continue,
                Err(error) if error.raw_os_error() == Some(libc::ECHILD) => {
                    return ended.ok_or(error);
                }
                other => other?,
            };
            if libc::WIFSTOPPED(status) {
                self.stopped(tid, libc::WSTOPSIG(status), status >> 16);
                continue;
            }
            self.part(tid);
            if tid == self.root {
                ended = Some(status);
                if self.follow != Follow::Tree && !self.threads.is_empty() {
                    (self.tell)(Event::Ended(self.families.len()));
                }
            }
            if let Some(status) = ended
                && (self.threads.is_empty() || self.follow == Follow::Tree)
            {
                return Ok(status);
            }
        }
    }

    fn stopped(&mut self, tid: i32, signal: i32, event: i32) {
        self.meet(tid);
        let mut pass_on = 0;
        match event {
            EVENT_FORK | EVENT_VFORK | EVENT_CLONE => {
                if let Ok(Ok(new)) = sys::event_message(tid).map(i32::try_from) {
                    self.meet(new);
                    self.inherit(tid, new);
                }
            }
            EVENT_EXEC => self.rename(tid),
            EVENT_EXIT => self.leaving(tid),
            EVENT_SECCOMP => self.entered(tid),
            EVENT_STOP if signal != libc::SIGTRAP => {
                // The whole group stands still, by a signal that has had its effect.
                if sys::listen(tid).is_ok() {
                    if tid == self.root {
                        self.passed.group_stopped(signal);
                    }
                    return;
                }
            }
            EVENT_STOP => {}
            _ if signal == libc::SIGTRAP | 0x80 => self.at_call(tid),
            _ => {
                pass_on = signal;
                if signal == libc::SIGPIPE
                    && let Some(thread) = self.threads.get(&tid)
                {
                    self.book.broken_pipe(thread.group);
                }
                if tid == self.root
                    && let Ok(sender) = sys::signal_sender(tid)
                {
                    self.passed.delivered(signal, sender);
                }
            }
        }
        let calls = self.wants_calls(tid);
        // A thread that is gone by now was killed: its end is told by wait().
        _ = sys::resume(tid, pass_on, calls);
    }

    /// Whether the thread is to stop at its next call, or at the end of this one.
    fn wants_calls(&self, tid: i32) -> bool {
        let Some(thread) = self.threads.get(&tid) else {
            return false;
        };
        thread.call.is_some() || self.every_call(thread.group)
    }

    fn every_call(&self, group: i32) -> bool {
        let every = self.follow == Follow::EveryCall;
        self.families
            .get(&group)
            .is_some_and(|family| family.unix > 0 || every && family.tcp)
    }

    /// The filter told of a call.
    fn entered(&mut self, tid: i32) {
        let Ok(CallStop::Entry { number, args }) = sys::call(tid) else {
            return;
        };
        let call = Call::of(number).told();
        let Some(group) = self.threads.get(&tid).map(|thread| thread.group) else {
            return;
        };
        match call {
            Call::Close => self.let_go(group, "close", &[args[0]]),
            Call::Dup if args[0] != args[1] => {
                self.let_go(group, "dup2", &[args[1]]);
                self.copied(group, args[0], args[1]);
            }
            // CLOSE_RANGE_CLOEXEC closes nothing yet.
            Call::CloseRange if args[2] & 4 == 0 => {
                let fds = self
                    .families
                    .get(&group)
                    .into_iter()
                    .flat_map(|family| &family.fds);
                let fds: Vec<u64> = fds
                    .copied()
                    .filter(|fd| (args[0]..=args[1]).contains(fd))
                    .collect();
                self.let_go(group, "close_range", &fds);
            }
            Call::Shutdown => self.at(group, "shutdown", |book, at| {
                book.shutting(at, args[0], args[1]);
                None
            }),
            Call::Connect => {
                let given = given(group, args[1], args[2]);
                if given.family == Some(libc::AF_UNSPEC) {
                    self.at(group, "connect", |book, at| book.disconnecting(at, args[0]));
                } else {
                    self.wait_for(tid, call, args, given);
                }
            }
            Call::FastOpen => self.wait_for(tid, call, args, given(group, args[4], args[5])),
            Call::Accept | Call::Copy => self.wait_for(tid, call, args, given(group, 0, 0)),
            Call::SocketError => {
                let mut will_tell = false;
                self.at(group, "getsockopt", |book, at| {
                    will_tell = book.will_tell(at, args[0]);
                    None
                });
                if will_tell {
                    self.wait_for(tid, call, args, given(group, 0, 0));
                }
            }
            Call::Ring => self.ring(group),
            Call::Dup | Call::CloseRange | Call::Transfer | Call::Other => {}
        }
    }

    /// What this call gives is to be seen.
    fn wait_for(&mut self, tid: i32, call: Call, args: [u64; 6], given: Given) {
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.call = Some((call, args, given));
        }
    }

    /// A thread whose calls are followed stands before or after one.
    fn at_call(&mut self, tid: i32) {
        match sys::call(tid) {
            Ok(CallStop::Exit(result)) => {
                let thread = self.threads.get_mut(&tid);
                let found = thread.and_then(|thread| Some((thread.group, thread.call.take()?)));
                if let Some((group, (call, args, given))) = found {
                    self.returned(group, call, args, given, result);
                }
            }
            Ok(CallStop::Entry { number, args }) if Call::of(number) == Call::Transfer => {
                self.wait_for(tid, Call::Transfer, args, given(tid, 0, 0));
            }
            _ => {}
        }
    }

    fn returned(&mut self, group: i32, call: Call, args: [u64; 6], given: Given, result: i64) {
        match call {
            Call::Connect | Call::FastOpen => {
                let unix = given.family == Some(libc::AF_UNIX);
                if unix && result < 0 {
                    return;
                }
                self.opened(group, args[0], unix);
                self.at(group, call.name(), |book, at| {
                    book.connected(at, args[0], given, result.min(0))
                });
            }
            Call::Accept => {
                if let Ok(fd) = u64::try_from(result) {
                    self.at(group, "accept", |book, at| {
                        book.accepted(at, fd);
                        None
                    });
                    let unix = look::inode(group, fd).is_some_and(|inode| self.book.is_unix(inode));
                    self.opened(group, fd, unix);
                }
            }
            Call::Copy => {
                if let Ok(fd) = u64::try_from(result) {
                    self.copied(group, args[0], fd);
                }
            }
            Call::SocketError if result == 0 => {
                let mut four = [0; 4];
                if sys::read_memory(group, args[3], &mut four) == four.len() {
                    let number = i32::from_ne_bytes(four);
                    if number != 0 {
                        self.at(group, "getsockopt", |book, at| book.errored(at, args[0], number));
                    }
                }
            }
            Call::Transfer => {
                if let Ok(number @ 1..4096) = i32::try_from(-result)
                    && !matches!(number, libc::EAGAIN | libc::EINTR | libc::EINPROGRESS | 512..=530)
                {
                    self.at(group, "read or write", |book, at| {
                        book.errored(at, args[0], number)
                    });
                }
            }
            _ => {}
        }
    }

    /// A connection was opened: from now on its descriptor matters.
    fn opened(&mut self, group: i32, fd: u64, unix: bool) {
        if let Some(family) = self.families.get_mut(&group) {
            family.fds.insert(fd);
            family.unix += usize::from(unix);
            family.tcp |= !unix;
        }
    }

    /// A second descriptor leads to where this one does.
    fn copied(&mut self, group: i32, from: u64, to: u64) {
        if let Some(family) = self.families.get_mut(&group)
            && family.fds.contains(&from)
        {
            family.fds.insert(to);
        }
    }

    /// A new process begins with what its parent had open.
    fn inherit(&mut self, parent: i32, child: i32) {
        let group = |tid| self.threads.get(&tid).map(|thread: &Thread| thread.group);
        let (Some(parent), Some(child)) = (group(parent), group(child)) else {
            return;
        };
        if parent == child {
            return;
        }
        let fds = self.families.get(&parent).map(|family| family.fds.clone());
        if let (Some(fds), Some(family)) = (fds, self.families.get_mut(&child)) {
            family.fds.extend(fds);
        }
    }

    fn let_go(&mut self, group: i32, call: &'static str, fds: &[u64]) {
        for &fd in fds {
            let known = self
                .families
                .get_mut(&group)
                .is_some_and(|family| family.fds.remove(&fd));
            if !known {
                continue;
            }
            let Some(inode) = look::inode(group, fd) else {
                continue;
            };
            let alone = self.alone(group, fd);
            self.at(group, call, |book, at| book.letting_go(at, fd, &alone));
            if self.book.is_unix(inode)
                && let Some(family) = self.families.get_mut(&group)
            {
                family.unix = family.unix.saturating_sub(1);
            }
            if self.families.len() == 1 {
                self.book.forget(inode);
            }
        }
    }

    /// A thread is about to end; with the first one, its process.
    fn leaving(&mut self, tid: i32) {
        let Some(family) = self.families.get(&tid) else {
            return;
        };
        let fds: Vec<u64> = family.fds.iter().copied().collect();
        self.let_go(tid, "exit", &fds);
    }

    /// Tells of a socket whether only this descriptor of this process leads to it.
    fn alone(&self, group: i32, fd: u64) -> impl Fn(u64) -> bool + use<> {
        let others: Vec<i32> = self.families.keys().copied().collect();
        move |inode| {
            !others.iter().any(|&other| {
                look::sockets(other)
                    .into_iter()
                    .any(|(number, found)| found == inode && (other, number) != (group, fd))
            })
        }
    }

    fn at(
        &mut self,
        group: i32,
        call: &'static str,
        ask: impl FnOnce(&mut Book, &At<'_>) -> Option<Failure>,
    ) {
        let Some(family) = self.families.get_mut(&group) else {
            return;
        };
        if family.pidfd.is_none() {
            family.pidfd = Pid::from_raw(group).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        }
        let Some(pidfd) = &family.pidfd else {
            return;
        };
        let at = At {
            tgid: group,
            pidfd,
            process: &family.process,
            call,
        };
        if let Some(failure) = ask(&mut self.book, &at) {
            (self.tell)(Event::Failed(Box::new(failure)));
        }
    }

    fn ring(&mut self, group: i32) {
        if let Some(family) = self.families.get_mut(&group).filter(|family| !family.rings) {
            family.rings = true;
            (self.tell)(Event::Ring(family.process.clone()));
        }
    }

    /// Takes note of a thread that was not known.
    fn meet(&mut self, tid: i32) {
        if self.threads.contains_key(&tid) {
            return;
        }
        let group = group_of(tid).unwrap_or(tid);
        self.threads.insert(tid, Thread { group, call: None });
        let tell = &mut self.tell;
        let family = self.families.entry(group).or_insert_with(|| {
            let process = described(group);
            tell(Event::Started(process.pid));
            Family {
                fds: HashSet::new(),
                pidfd: None,
                process,
                threads: 0,
                unix: 0,
                tcp: false,
                rings: false,
            }
        });
        family.threads += 1;
    }

    fn rename(&mut self, tid: i32) {
        // All other threads of the process are gone, and this one bears its number now.
        if let Ok(Ok(former)) = sys::event_message(tid).map(i32::try_from)
            && former != tid
        {
            self.part(former);
        }
        if let Some(family) = self.families.get_mut(&tid) {
            family.process = described(tid);
            family.unix = 0;
        }
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.call = None;
        }
    }

    fn part(&mut self, tid: i32) {
        let Some(thread) = self.threads.remove(&tid) else {
            return;
        };
        if let Some(family) = self.families.get_mut(&thread.group) {
            family.threads = family.threads.saturating_sub(1);
            if family.threads == 0 {
                self.families.remove(&thread.group);
            }
        }
    }
}

fn group_of(tid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    line.trim().parse().ok()
}

fn described(group: i32) -> Process {
    let name = fs::read_to_string(format!("/proc/{group}/comm")).unwrap_or_default();
    let exe = fs::read_link(format!("/proc/{group}/exe")).ok();
    let mut process = Process::new(group.unsigned_abs(), name.trim_end_matches('\n'));
    process.exe = exe.map(|path| path.to_string_lossy().into_owned());
    process
}

/// The address that a call is given; none where its length is 0.
fn given(group: i32, at: u64, length: u64) -> Given {
    /// `struct sockaddr_storage`.
    const MOST: usize = 128;
    let mut bytes = [0; MOST];
    let length = usize::try_from(length).unwrap_or(0).min(MOST);
    let read = match &mut bytes[..length] {
        [] => 0,
        part => sys::read_memory(group, at, part),
    };
    let bytes = &bytes[..read.min(length)];
    Given {
        since: Instant::now(),
        family: address::family(bytes),
        address: address::parse(bytes),
    }
}

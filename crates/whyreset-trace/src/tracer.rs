//! Follows a command and all that it starts: stops are taken, looked at and let go on. Refuses to
//! change a call, a signal or a result.

mod calls;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use whyreset_evidence::Process;

use crate::book::{Book, Given};
use crate::calls::Call;
use crate::failure::Failure;
use crate::look;
use crate::signals::Passed;
use crate::sys;
use crate::waiting::Waiting;

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
    /// Some connection may have more than one descriptor.
    copies: bool,
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
            copies: false,
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
        let mut waiting = Waiting::new();
        loop {
            let (tid, status) = match waiting.next() {
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

fn name_of(group: i32) -> Option<String> {
    let mut name = fs::read_to_string(format!("/proc/{group}/comm")).ok()?;
    name.truncate(name.trim_end_matches('\n').len());
    Some(name)
}

fn described(group: i32) -> Process {
    let exe = fs::read_link(format!("/proc/{group}/exe")).ok();
    let mut process = Process::new(group.unsigned_abs(), name_of(group).unwrap_or_default());
    process.exe = exe.map(|path| path.to_string_lossy().into_owned());
    process
}

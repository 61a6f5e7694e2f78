//! What a tracer does at the calls that it is told of: descriptors are opened, copied and let go, and
//! results asked for where they tell. Refuses to resume anything.

use std::time::Instant;

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::{Event, Thread, Tracer};
use crate::address;
use crate::book::{At, Book, Given};
use crate::calls::Call;
use crate::failure::Failure;
use crate::look;
use crate::sys::{self, CallStop};

impl Tracer<'_> {
    /// The filter told of a call.
    pub(super) fn entered(&mut self, tid: i32) {
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
    pub(super) fn at_call(&mut self, tid: i32) {
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
            self.copies = true;
        }
    }

    /// A new process begins with what its parent had open.
    pub(super) fn inherit(&mut self, parent: i32, child: i32) {
        let group = |tid| self.threads.get(&tid).map(|thread: &Thread| thread.group);
        let (Some(parent), Some(child)) = (group(parent), group(child)) else {
            return;
        };
        if parent == child {
            return;
        }
        let fds = self.families.get(&parent).map(|family| family.fds.clone());
        if let (Some(fds), Some(family)) = (fds, self.families.get_mut(&child)) {
            self.copies |= !fds.is_empty();
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
            self.at(group, call, |book, at| book.letting_go(at, (fd, inode), &alone));
            if self.book.is_unix(inode)
                && let Some(family) = self.families.get_mut(&group)
            {
                family.unix = family.unix.saturating_sub(1);
            }
            if !self.copies {
                self.book.forget(inode);
            }
        }
    }

    /// A thread is about to end; with the first one, its process.
    pub(super) fn leaving(&mut self, tid: i32) {
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
        if let Some(mut failure) = ask(&mut self.book, &at) {
            // Many programs give themselves another name once they run.
            if let Some(name) = super::name_of(group) {
                failure.process.name = name;
            }
            (self.tell)(Event::Failed(Box::new(failure)));
        }
    }

    fn ring(&mut self, group: i32) {
        if let Some(family) = self.families.get_mut(&group).filter(|family| !family.rings) {
            family.rings = true;
            (self.tell)(Event::Ring(family.process.clone()));
        }
    }
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

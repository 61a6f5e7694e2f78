//! Hosts made by hand for tests. Refuses to read a real one.

use std::net::SocketAddr;

use whyreset_evidence::{Process, TcpState};
use whyreset_host::inspect::{Counters, Holder, Sock, Space, Timer};

use crate::{Check, Finding, Host};

/// A host with one namespace, in which nothing is.
pub(crate) fn host() -> Host {
    Host {
        spaces: vec![Space {
            inode: 1,
            own: true,
            ..Space::default()
        }],
        ..Host::default()
    }
}

/// The same with one setting.
pub(crate) fn with(name: &'static str, value: &str) -> Host {
    let mut host = host();
    set(&mut host, name, value);
    host
}

pub(crate) fn set(host: &mut Host, name: &'static str, value: &str) {
    host.spaces[0].sysctls.insert(name, value.to_owned());
}

/// The same with one counter.
pub(crate) fn counted(name: &str, value: u64) -> Host {
    let mut host = host();
    host.spaces[0].counters.set(name, value);
    host
}

/// What was counted while we watched.
pub(crate) fn lately(host: &mut Host, name: &str, value: u64) {
    host.spaces[0]
        .lately
        .get_or_insert_with(Counters::default)
        .set(name, value);
}

pub(crate) fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A socket of this process; its inode is told.
pub(crate) fn sock(host: &mut Host, pid: u32, local: &str, remote: &str, state: TcpState) -> usize {
    let space = &mut host.spaces[0];
    let inode = 1_000 + space.sockets.len() as u64;
    space.sockets.push(Sock {
        local: at(local),
        remote: at(remote),
        state,
        inode,
        receive_queue: 0,
        send_queue: 0,
        timer: Timer::None,
        quiet_ms: Some(0),
    });
    host.census.places.insert(inode, (pid, 3));
    host.census.holders.entry(pid).or_insert_with(|| Holder {
        process: Process::new(pid, "app".to_owned()),
        ..Holder::default()
    });
    host.spaces[0].sockets.len() - 1
}

/// A listener of process 7 with this queue.
pub(crate) fn listener(host: &mut Host, port: u16, waiting: u32, most: u32) {
    let one = sock(host, 7, &format!("0.0.0.0:{port}"), "0.0.0.0:0", TcpState::Listen);
    host.spaces[0].sockets[one].receive_queue = waiting;
    host.spaces[0].sockets[one].send_queue = most;
}

/// What this check alone finds.
pub(crate) fn found(check: &Check, host: &Host) -> Vec<Finding> {
    (check.look)(host)
}

//! Doors into the network namespaces of this host, opened while the right to do so is held, so that
//! it can be asked later, without any right, whether a connection stands, which translation was
//! forgotten and how full the table of tracked connections is. Refuses to list tables.

mod diag;
mod message;
mod peers;
mod standing;
mod tracked;

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use whyreset_evidence::{TcpState, Timestamp, Tracking, Translation};

use self::diag::Diag;
pub(crate) use self::message::find as attribute;
pub use self::standing::Entries;
use self::tracked::{Kept, Tracked};
use crate::netns;

/// Namespaces that are entered.
const MOST: usize = 256;
/// How often the sockets of a port are looked for at most.
const SELDOM: Duration = Duration::from_millis(200);

/// One namespace.
struct Space {
    /// Its inode.
    netns: u32,
    diag: Option<Diag>,
    tracked: Option<Tracked>,
}

/// The namespaces that could be entered.
#[derive(Default)]
pub struct Spaces {
    all: Vec<Space>,
    kept: Kept,
    /// When the sockets of a port were last looked for.
    looked: Option<Instant>,
    /// Why translations that are forgotten are not heard of, where they are not.
    deaf: Option<Errno>,
}

impl Spaces {
    /// Opens the namespace with this inode, or this program's own and all others that there are;
    /// what may not be entered (CAP_SYS_ADMIN) is left out.
    pub fn open(only: Option<u32>) -> Self {
        // setns() is a thread's own affair; the thread ends before anything else begins.
        let opening = std::thread::spawn(move || open_all(only));
        let (all, deaf) = opening.join().unwrap_or_default();
        Self {
            all,
            kept: Kept::default(),
            looked: None,
            deaf,
        }
    }

    /// Why translations that are forgotten are not heard of: without CAP_NET_ADMIN, or in a kernel
    /// without nf_conntrack_netlink. `None` where they are, or no connection is tracked.
    pub fn deaf(&self) -> Option<Errno> {
        self.deaf.filter(|_| tracked::is_used())
    }

    /// The translation that named a segment from `from` to `to`, and when it was found to be gone
    /// (up to the time between two looks late).
    pub fn gone(&mut self, from: SocketAddr, to: SocketAddr) -> Option<(Timestamp, Translation)> {
        self.drain();
        self.kept.find(from, to)
    }

    /// Takes what has come since the last look.
    pub fn drain(&mut self) {
        for tracked in self.all.iter().filter_map(|space| space.tracked.as_ref()) {
            tracked.drain(&mut self.kept);
        }
    }

    /// How often messages were lost because too many came between two looks.
    pub const fn lost(&self) -> u64 {
        self.kept.lost
    }

    /// How full the table of the namespace with this inode is.
    pub fn tracking(&self, netns: u32) -> Option<Tracking> {
        let space = self.all.iter().find(|space| space.netns == netns)?;
        space.tracked.as_ref()?.fill()
    }

    /// The state of the socket that `local` has with `remote`, in whichever namespace it is.
    pub fn state(&self, local: SocketAddr, remote: SocketAddr) -> Option<TcpState> {
        let diags = self.all.iter().filter_map(|space| space.diag.as_ref());
        let mut diags = diags;
        diags.find_map(|diag| diag.state(local, remote))
    }

    /// With whom the one open socket of this address is connected; `None` where there are several, or
    /// this was asked just now: in a storm few answers must do.
    pub fn only_with(&mut self, local: SocketAddr) -> Option<SocketAddr> {
        if self.looked.is_some_and(|at| at.elapsed() < SELDOM) {
            return None;
        }
        self.looked = Some(Instant::now());
        let mut found = Vec::new();
        for diag in self.all.iter().filter_map(|space| space.diag.as_ref()) {
            found.extend(peers::peers(diag.door(), local).unwrap_or_default());
        }
        match found[..] {
            [peer] => Some(peer),
            _ => None,
        }
    }
}

fn open_all(only: Option<u32>) -> (Vec<Space>, Option<Errno>) {
    let own = netns::current();
    let mut all = Vec::new();
    let mut deaf = None;
    let mut open = |netns| {
        let tracked = Tracked::open().map_err(|error| deaf = Some(error)).ok();
        all.push(Space {
            netns,
            diag: Diag::open().ok(),
            tracked,
        });
    };
    if only.is_none_or(|inode| inode == own) {
        open(own);
    }
    for (netns, file) in netns::others(only, MOST) {
        if move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).is_ok() {
            open(netns);
        }
    }
    (all, deaf)
}

//! The mirror of `bpf/abi.h`: what crosses the ring buffer, byte for byte. Nothing is interpreted
//! here; sizes are asserted at compile time so that the two cannot drift apart silently.

use zerocopy::{FromBytes, Immutable, KnownLayout};

/// `enum event_type`.
pub mod event_type {
    pub const SENT: u32 = 1;
    pub const RECEIVED: u32 = 2;
    pub const ERROR: u32 = 3;
    pub const REFUSED: u32 = 4;
    pub const INFERRED: u32 = 5;
}

/// `enum socket_mode`.
pub mod mode {
    pub const NONE: u8 = 0;
    pub const FULL: u8 = 1;
    pub const MINI: u8 = 2;
}

/// `enum socket_flag`.
pub mod flag {
    pub const ATTACHED: u8 = 1;
    pub const DEAD: u8 = 2;
    pub const LINGER: u8 = 4;
    pub const KEEPALIVE: u8 = 8;
    pub const MPTCP: u8 = 16;
    pub const LINGER2_NEGATIVE: u8 = 32;
    pub const KERNEL: u8 = 64;
    pub const MADE: u8 = 128;
}

/// `enum role`.
pub mod role {
    pub const CLIENT: u16 = 1;
    pub const SERVER: u16 = 2;
    pub const LISTENER: u16 = 3;
}

/// `enum task_mark`.
pub mod task_mark {
    pub const OOM: u8 = 1;
    pub const KTHREAD: u8 = 2;
}

/// `reason` where the kernel gives none.
pub const NO_REASON: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Task {
    pub cgroup: u64,
    pub tgid: u32,
    pub exit_code: u16,
    pub exiting: u8,
    pub marks: u8,
    pub comm: [u8; 16],
}

#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Owner {
    pub born: u64,
    pub cgroup: u64,
    pub tgid: u32,
    pub role: u16,
    pub half_closed: u8,
    pub kernel: u8,
    pub comm: [u8; 16],
}

#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Killer {
    pub at: u64,
    pub tgid: u32,
    pub signal: u32,
    pub comm: [u8; 16],
}

#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Tombstone {
    pub closed_at: u64,
    pub failed_at: u64,
    pub born: u64,
    pub by: Task,
    /// `rcv_nxt` of one closed in good order.
    pub unacked: u32,
    /// `lsndtime` of one closed in good order.
    pub unsent: u32,
    /// `fin_seq` of one closed in good order.
    pub snd_wnd: u32,
    pub user_timeout: u32,
    pub err: u16,
    pub closed_from: u8,
    pub closed_to: u8,
    pub failed_from: u8,
    pub failed_to: u8,
    pub probes_out: u8,
    pub retransmits: u8,
    pub flags: u8,
    pub shutdown: u8,
    pub role: u8,
    pub reset_sent: u8,
    pub rcv_tstamp: u32,
}

#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Tuple {
    pub laddr: [u8; 16],
    pub raddr: [u8; 16],
    pub lport: u16,
    pub rport: u16,
    pub netns: u32,
}

#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Segment {
    pub seq: u32,
    pub ack: u32,
    pub len: u32,
    pub window: u16,
    pub flags: u8,
    pub ttl: u8,
    pub payload_len: u8,
    pub present: u8,
    pub pad: [u8; 2],
    pub payload: [u8; 12],
}

#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Filtered {
    pub at: u64,
    pub reason: u32,
    pub netns: u32,
    pub ifindex: u32,
    pub pad: u32,
    pub segment: Segment,
}

#[derive(Clone, Copy, Debug, Default, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Event {
    pub at: u64,
    pub jiffies: u64,
    pub sk: u64,
    pub tuple: Tuple,
    pub kind: u32,
    pub reason: u32,
    pub mode: u8,
    pub state: u8,
    pub substate: u8,
    pub shutdown: u8,
    pub flags: u8,
    pub role: u8,
    pub probes_out: u8,
    pub retransmits: u8,
    pub handshake_ttl: u8,
    pub family: u8,
    pub err: u16,
    pub uid: u32,
    pub inode: u64,
    pub cgroup: u64,
    pub lingertime: u64,
    pub bytes_received: u64,
    pub bytes_acked: u64,
    pub unread: u32,
    pub unacked: u32,
    pub unsent: u32,
    pub snd_wnd: u32,
    pub user_timeout: u32,
    pub backlog: u32,
    pub max_backlog: u32,
    pub lsndtime: u32,
    pub rcv_tstamp: u32,
    pub rcv_nxt: u32,
    pub parted: u32,
    pub pad: u32,
    pub trigger: Segment,
    pub current: Task,
    pub owner: Owner,
    pub listener: Owner,
    pub tombstone: Tombstone,
    pub other: Tombstone,
    pub filtered: Filtered,
    pub killer: Killer,
}

const _: () = {
    assert!(size_of::<Task>() == 32);
    assert!(size_of::<Owner>() == 40);
    assert!(size_of::<Killer>() == 32);
    assert!(size_of::<Tombstone>() == 88);
    assert!(size_of::<Tuple>() == 40);
    assert!(size_of::<Segment>() == 32);
    assert!(size_of::<Filtered>() == 56);
    assert!(size_of::<Event>() == EVENT_SIZE);
};

/// Bytes of one event; the C side asserts the same number.
pub const EVENT_SIZE: usize = 584;

/// Whether these flags say that the kernel itself uses a socket of this role. That it was made for the
/// kernel is certain of one that connects, and may be inherited by one that was accepted.
const fn is_marked(flags: u8, of: u16) -> bool {
    flags & flag::KERNEL != 0 || flags & flag::MADE != 0 && of == role::CLIENT
}

impl Event {
    /// Whether the kernel itself uses the socket at the event. That a kernel thread closes what came in at a port
    /// where the kernel itself listens is as good as the socket's own mark.
    pub fn is_of_kernel(&self) -> bool {
        let closed = self.kind == event_type::SENT && self.trigger.present == 0;
        self.mode == mode::FULL
            && (is_marked(self.flags, self.owner.role) || closed && self.is_kernel_listeners(&self.current))
    }

    /// Whether a kernel thread closed, earlier, a socket that the kernel itself used; the tombstone tells.
    pub fn was_of_kernel(&self, tombstone: &Tombstone) -> bool {
        is_marked(tombstone.flags, tombstone.role.into()) || self.is_kernel_listeners(&tombstone.by)
    }

    fn is_kernel_listeners(&self, task: &Task) -> bool {
        self.listener.kernel != 0 && self.owner.role != role::CLIENT && task.marks & task_mark::KTHREAD != 0
    }

    /// The event in a ring record; `None` where the record is not one.
    pub fn read(record: &[u8]) -> Option<Self> {
        Self::read_from_prefix(record).ok().map(|(event, _)| event)
    }
}

//! A kernel socket as it was at one moment. Fields carry the kernel's own names where it has one.

use core::fmt;

/// TCP states, spelled as the kernel spells them without the `TCP_` prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are RFC 9293's and the kernel's own")]
pub enum TcpState {
    Established,
    SynSent,
    SynRecv,
    FinWait1,
    FinWait2,
    TimeWait,
    #[default]
    Close,
    CloseWait,
    LastAck,
    Listen,
    Closing,
    NewSynRecv,
    /// A number this program does not know, kept.
    Unknown(u8),
}

const STATES: [(u8, TcpState, &str); 12] = [
    (1, TcpState::Established, "ESTABLISHED"),
    (2, TcpState::SynSent, "SYN_SENT"),
    (3, TcpState::SynRecv, "SYN_RECV"),
    (4, TcpState::FinWait1, "FIN_WAIT1"),
    (5, TcpState::FinWait2, "FIN_WAIT2"),
    (6, TcpState::TimeWait, "TIME_WAIT"),
    (7, TcpState::Close, "CLOSE"),
    (8, TcpState::CloseWait, "CLOSE_WAIT"),
    (9, TcpState::LastAck, "LAST_ACK"),
    (10, TcpState::Listen, "LISTEN"),
    (11, TcpState::Closing, "CLOSING"),
    (12, TcpState::NewSynRecv, "NEW_SYN_RECV"),
];

impl TcpState {
    /// From the kernel's number (include/net/tcp_states.h).
    pub fn from_number(number: u8) -> Self {
        STATES
            .iter()
            .find(|(n, ..)| *n == number)
            .map_or(Self::Unknown(number), |(_, state, _)| *state)
    }

    /// From the kernel's name without `TCP_`.
    pub fn from_name(name: &str) -> Option<Self> {
        STATES
            .iter()
            .find(|(.., n)| *n == name)
            .map(|(_, state, _)| *state)
    }

    /// Whether our own FIN is out, so that the application here has finished with the socket.
    pub const fn after_own_fin(self) -> bool {
        matches!(
            self,
            Self::FinWait1 | Self::FinWait2 | Self::Closing | Self::LastAck | Self::TimeWait
        )
    }

    /// Whether the handshake is complete and the connection not yet gone.
    pub const fn is_synchronised(self) -> bool {
        matches!(
            self,
            Self::Established
                | Self::FinWait1
                | Self::FinWait2
                | Self::CloseWait
                | Self::LastAck
                | Self::Closing
        )
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match STATES.iter().find(|(_, state, _)| state == self) {
            Some((.., name)) => f.write_str(name),
            None => match self {
                Self::Unknown(number) => write!(f, "UNKNOWN_{number}"),
                _ => Ok(()),
            },
        }
    }
}

/// `sk_shutdown`: which directions the application (or the peer's FIN) has closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shutdown(pub u8);

impl Shutdown {
    /// `RCV_SHUTDOWN`: nothing more will be read.
    pub const fn receive(self) -> bool {
        self.0 & 1 != 0
    }

    /// `SEND_SHUTDOWN`: nothing more will be sent.
    pub const fn send(self) -> bool {
        self.0 & 2 != 0
    }
}

/// How much of a socket there was to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A full `struct sock`: every field below holds.
    #[default]
    Full,
    /// A time-wait or request minisocket: only `state` and `substate` hold.
    Mini,
}

/// A socket at one moment. Sizes are bytes, spans are milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one flag of struct sock, read by its own name"
)]
pub struct Socket {
    /// How much of it could be read.
    pub mode: Mode,
    /// `skc_state` at the event.
    pub state: TcpState,
    /// `tw_substate` of a time-wait minisocket: the state it really is in.
    pub substate: Option<TcpState>,
    /// `sk_shutdown`.
    pub shutdown: Shutdown,
    /// `sk_socket` is set: a file descriptor still leads here.
    pub attached: bool,
    /// `SOCK_DEAD`: an orphan that no process holds any more.
    pub dead: bool,
    /// `SO_LINGER` is on.
    pub linger: bool,
    /// `sk_lingertime`, meaningful with `linger`.
    pub linger_ms: u64,
    /// `TCP_LINGER2` is negative: never wait in FIN_WAIT2.
    pub linger2_negative: bool,
    /// `SO_KEEPALIVE` is on.
    pub keepalive: bool,
    /// `icsk_probes_out`: unanswered keep-alive or window probes.
    pub probes_out: u32,
    /// `icsk_retransmits`: unanswered retransmissions in a row.
    pub retransmits: u32,
    /// `TCP_USER_TIMEOUT`, 0 where unset.
    pub user_timeout_ms: u32,
    /// `rcv_nxt - copied_seq` without a FIN: received in order and never read.
    pub unread: u32,
    /// `snd_nxt - snd_una`: sent and not acknowledged.
    pub unacked: u32,
    /// `write_seq - snd_nxt`: written by the application and not yet sent.
    pub unsent: u32,
    /// `snd_wnd`: what the peer last allowed.
    pub snd_wnd: u32,
    /// `bytes_received` over the connection's life.
    pub bytes_received: u64,
    /// `bytes_acked` over the connection's life.
    pub bytes_acked: u64,
    /// Silence since our last data segment; `None` where none was ever sent.
    pub sent_ago_ms: Option<u64>,
    /// Silence since the last segment of the peer.
    pub heard_ago_ms: Option<u64>,
    /// Age since the handshake (or connect()), where the start was seen.
    pub age_ms: Option<u64>,
    /// `rcv_nxt`: the sequence number that it expects next; where it was noted.
    pub rcv_nxt: Option<u32>,
    /// `sk_ack_backlog` of a listener: connections waiting in its accept queue.
    pub backlog: u32,
    /// `sk_max_ack_backlog` of a listener: its accept queue's limit.
    pub max_backlog: u32,
    /// The kernel itself uses it: made for its own ends (`sk_kern_sock`), reached by no file
    /// (`sk_socket->file`), or in the hands of kernel code that restricts its allocations
    /// (`sk_allocation` without `__GFP_FS`), whoever made it. NFS, NVMe over TCP, iSCSI and the like.
    pub of_kernel: bool,
    /// The subflow of a Multipath TCP connection.
    pub mptcp: bool,
    /// TTL or hop limit of the peer's handshake, kept by accepted sockets.
    pub handshake_ttl: Option<u8>,
}

impl Socket {
    /// `SO_LINGER` with a timeout of zero: close() means abort.
    pub const fn aborts_on_close(&self) -> bool {
        self.linger && self.linger_ms == 0
    }
}

/* SPDX-License-Identifier: (Apache-2.0 OR MIT)
 *
 * What crosses the ring buffer. The Rust side (src/abi.rs) mirrors these structures and asserts
 * their sizes; numbers are in host order, addresses as 16 bytes (IPv4 mapped), times in
 * nanoseconds of CLOCK_MONOTONIC.
 */
#ifndef WHYRESET_ABI_H
#define WHYRESET_ABI_H

enum event_type {
	EVENT_SENT = 1,     /* tcp_send_reset */
	EVENT_RECEIVED = 2, /* tcp_receive_reset */
	EVENT_ERROR = 3,    /* a socket closed with an error that no reset explains */
	EVENT_REFUSED = 4,  /* a reset that arrived and that the stack did not take */
	EVENT_INFERRED = 5, /* a segment without a socket, where the kernel does not report its answer */
};

enum socket_mode { SOCKET_NONE = 0, SOCKET_FULL = 1, SOCKET_MINI = 2 };
enum socket_flag {
	FLAG_ATTACHED = 1,
	FLAG_DEAD = 2,
	FLAG_LINGER = 4,
	FLAG_KEEPALIVE = 8,
	FLAG_MPTCP = 16,
	FLAG_LINGER2_NEGATIVE = 32,
	FLAG_KERNEL = 64, /* the kernel itself uses it */
	FLAG_MADE = 128,  /* the kernel made it for itself, or its listener for a Multipath TCP one */
};
enum role { ROLE_UNKNOWN = 0, ROLE_CLIENT = 1, ROLE_SERVER = 2, ROLE_LISTENER = 3 };

enum task_mark {
	TASK_OOM = 1,     /* its end was an out-of-memory kill */
	TASK_KTHREAD = 2, /* a kernel thread: the actor where the socket is the kernel's, else only its hand */
};

struct task {
	u64 cgroup;
	u32 tgid;
	u16 exit_code; /* signal->group_exit_code */
	u8 exiting;
	u8 marks; /* enum task_mark */
	char comm[16]; /* of a worker, the queue that it works for */
};

/* Who opened (or listens on) a socket. */
struct owner {
	u64 born;
	u64 cgroup;
	u32 tgid;
	u16 role;
	u8 half_closed; /* shutdown(SHUT_WR): a tombstone stands, and the socket is still read */
	u8 kernel; /* a listener that the kernel itself uses */
	char comm[16];
};

/* A deadly signal, kept by the victim's process id. */
struct killer {
	u64 at;
	u32 tgid;
	u32 signal;
	char comm[16];
};

/* How a connection ended; outlives its socket. */
struct tombstone {
	u64 closed_at; /* 0: no process closed it */
	u64 failed_at; /* 0: no error ended it */
	u64 born;
	struct task by;
	union {
		u32 unacked; /* of one that an error ended */
		u32 rcv_nxt; /* of one closed in good order */
	};
	union {
		u32 unsent;   /* of one that an error ended */
		u32 lsndtime; /* of one closed in good order: low 32 bits of jiffies */
	};
	union {
		u32 snd_wnd; /* of one that an error ended */
		u32 fin_seq; /* of one closed in good order: its FIN's sequence number */
	};
	u32 user_timeout;
	u16 err;
	u8 closed_from, closed_to;
	u8 failed_from, failed_to;
	u8 probes_out, retransmits;
	u8 flags;
	u8 shutdown;
	u8 role;
	u8 reset_sent; /* an active reset of ours ended it */
	u32 rcv_tstamp; /* low 32 bits of jiffies: when the peer was last heard */
};

struct tuple {
	u8 laddr[16], raddr[16];
	u16 lport, rport;
	u32 netns;
};

struct segment {
	u32 seq, ack, len;
	u16 window;
	u8 flags;
	u8 ttl;
	u8 payload_len;
	u8 present;
	u8 pad[2];
	u8 payload[12];
};

/* A segment that netfilter dropped, kept by its addresses. */
struct filtered {
	u64 at;
	u32 reason;
	u32 netns;
	u32 ifindex; /* of the device it came in by or was to leave by; 0 where it had none */
	u32 pad;
	struct segment segment;
};

struct event {
	u64 at;
	u64 jiffies;
	u64 sk;
	struct tuple tuple; /* local is the end this event happened at */
	u32 type;
	u32 reason; /* sk_rst_reason or skb_drop_reason; ~0 where the kernel has none */
	u8 mode;
	u8 state;
	u8 substate;
	u8 shutdown;
	u8 flags;
	u8 role;
	u8 probes_out;
	u8 retransmits;
	u8 handshake_ttl;
	u8 family;
	u16 err;
	u32 uid;
	u64 inode;
	u64 cgroup;
	u64 lingertime; /* jiffies */
	u64 bytes_received, bytes_acked;
	u32 unread, unacked, unsent, snd_wnd;
	u32 user_timeout; /* ms */
	u32 backlog, max_backlog;
	u32 lsndtime, rcv_tstamp; /* low 32 bits of jiffies */
	u32 rcv_nxt;
	u32 parted; /* low 32 bits of jiffies: when this end closed after the other end had; 0: it was not seen to */
	u32 pad;
	struct segment trigger;
	struct task current;
	struct owner owner;
	struct owner listener; /* of the local port, where the owner is not known */
	struct tombstone tombstone;
	struct tombstone other; /* the tombstone of the end across the wire, same namespace */
	struct filtered filtered;
	struct killer killer;
};

_Static_assert(sizeof(struct event) == 584, "src/abi.rs mirrors this structure");

#endif

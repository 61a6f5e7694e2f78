/* SPDX-License-Identifier: (Apache-2.0 OR MIT)
 *
 * The kernel side of whyreset. Programs sit on stable tracepoints as raw tracepoints: their
 * arguments are plain scalars, so a NULL check is never optimised away, and every access is a
 * probe read. Nothing runs per packet: hooks fire per reset, per state change, per drop and per
 * deadly signal, and each first throws away what it does not want.
 *
 * It refuses to interpret: it copies what the kernel holds and keeps what will be gone by the
 * time somebody asks (owner, tombstone, killer, filtered segment).
 */
#include "core.h"
#include "abi.h"

#define AF_INET 2
#define AF_INET6 10
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define IPPROTO_TCP 6

enum {
	TCP_ESTABLISHED = 1, TCP_SYN_SENT, TCP_SYN_RECV, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_TIME_WAIT, TCP_CLOSE,
	TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_LISTEN, TCP_CLOSING, TCP_NEW_SYN_RECV,
};
enum { EPIPE = 32, ECONNABORTED = 103, ECONNRESET = 104, ETIMEDOUT = 110, ECONNREFUSED = 111 };
enum { SHUTDOWN_BOTH = 3 };
/* include/net/sock.h, enum sock_flags: the order of the first ones has not changed since 2.6. */
enum { SOCK_DEAD = 0, SOCK_DONE = 1, SOCK_KEEPOPEN = 3, SOCK_LINGER = 4 };
#define WAKE_AFTER_NS 50000000ull
enum { PF_EXITING = 0x4, PF_WQ_WORKER = 0x20, PF_KTHREAD = 0x200000 };
enum { GFP_FS = 0x80 };
enum { TH_FIN = 1, TH_SYN = 2, TH_RST = 4 };
#define NO_REASON (~0u)
/* x86-64; elsewhere the proof in direct_map() fails and the payload of fragments is not seen. */
#define PAGE_SHIFT 12
#define PAGE_STRUCT 64

/* Set before loading. */
const volatile u32 only_netns = 0;      /* 0: every namespace */
const volatile u32 wakeup_bytes = 65536;
const volatile u64 drops_filtered[4];   /* bit per skb_drop_reason: kept, for what follows from it */
const volatile u64 drops_refused[4];    /* ... a reset among these was refused by the stack */
const volatile u64 drops_unanswered[4]; /* ... was answered by a reset that is not reported */

const volatile u64 page_offset_default = 0xffff888000000000ull;
const volatile u64 vmemmap_default = 0xffffea0000000000ull;

struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4 << 20); } events SEC(".maps");
/* Owners by socket address and tombstones by 4-tuple live in caches of our own: an array of small
 * sets, where the oldest of a set gives way. A kernel LRU hash costs several times as much, on
 * every connection of the host. A set that two processors write at once may lose an entry; an
 * entry's key is cleared before it is written and set after, so that none is taken for another.
 * What a healthy connection writes lies in as few cache lines as it can. */
struct owner_line {
	u64 key;
	struct owner owner;
	u64 pad[2];
} __attribute__((aligned(64)));
struct owner_set {
	struct owner_line line[2];
};
/* BPF_F_MMAPABLE: nobody maps them, but only such an array begins where a cache line does. */
#define PAGE_ALIGNED (1 << 10)
#define WAYS 4
struct tombstone_set {
	u32 tag[WAYS];
	u64 at[WAYS];
	u64 pad[2];
	struct { struct tuple tuple; struct tombstone tombstone; } entry[WAYS];
};
const volatile u32 set_mask = 4095; /* number of sets - 1 */

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, PAGE_ALIGNED); __uint(max_entries, 4096); __type(key, u32); __type(value, struct owner_set); } owners SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, PAGE_ALIGNED); __uint(max_entries, 4096); __type(key, u32); __type(value, struct tombstone_set); } tombstones SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4096); __type(key, u32); __type(value, u64); } partings SEC(".maps");
struct port { u32 netns; u32 port; };
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 4096); __type(key, struct port); __type(value, struct owner); } listeners SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 1024); __type(key, u32); __type(value, struct killer); } killers SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 4096); __type(key, struct tuple); __type(value, struct filtered); } filtered SEC(".maps");
/* When the last event was submitted. */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, u32); __type(value, u64); } woken SEC(".maps");
/* Addresses of page_offset_base and vmemmap_base, where kallsyms tells them. */
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 2); __type(key, u32); __type(value, u64); } symbols SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, u32); __type(value, u64); } lost SEC(".maps");

/* ---- tasks ------------------------------------------------------------------------------------- */

/* The name of the running process, whose id it gives. A process goes by its leader's name; a thread's own
 * is its private matter. */
INLINE u32 name_now(char *comm)
{
	u64 id = bpf_get_current_pid_tgid();
	struct task_struct *now, *leader;

	bpf_get_current_comm(comm, 16);
	if ((u32)id == id >> 32)
		return id;
	now = (void *)bpf_get_current_task();
	leader = READ(now, group_leader);
	if (leader)
		READ_INTO((char (*)[16])comm, leader, comm);
	return id >> 32;
}

/* Whether the running task can be had as a typed pointer, which is loaded through directly: a helper
 * that reads costs several times as much as all that is read here. */
#define task_typed value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)

INLINE u32 flags_now(void)
{
	if (task_typed)
		return bpf_get_current_task_btf()->flags;
	return READ((struct task_struct *)bpf_get_current_task(), flags);
}

/* ---- what is remembered ------------------------------------------------------------------------ */

#define barrier() __asm__ volatile("" ::: "memory")

INLINE u64 mix(u64 hash, u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

INLINE u32 oldest(u64 *at)
{
	u32 a = at[1] < at[0] ? 1 : 0, b = at[3] < at[2] ? 3 : 2;
	return at[b] < at[a] ? b : a;
}

INLINE struct owner *owner_of(u64 sk)
{
	u32 index = mix(0, sk) >> 32 & set_mask;
	struct owner_set *set = bpf_map_lookup_elem(&owners, &index);

	if (!set)
		return NULL;
	if (set->line[0].key == sk)
		return &set->line[0].owner;
	return set->line[1].key == sk ? &set->line[1].owner : NULL;
}

/* `now` is of the monotonic clock, nanoseconds. */
INLINE void remember_owner(u64 sk, u32 role, u64 now)
{
	u32 index = mix(0, sk) >> 32 & set_mask;
	struct owner_set *set = bpf_map_lookup_elem(&owners, &index);
	struct owner_line *line;

	if (!set)
		return;
	if (set->line[0].key == sk)
		line = &set->line[0];
	else if (set->line[1].key == sk)
		line = &set->line[1];
	else
		line = set->line[1].owner.born < set->line[0].owner.born ? &set->line[1] : &set->line[0];
	line->key = 0;
	barrier();
	line->owner.born = now;
	line->owner.role = role;
	line->owner.half_closed = 0;
	line->owner.kernel = 0;
	line->owner.tgid = 0;
	/* An accepted socket is born in softirq: whoever runs then is not its owner. */
	if (role != ROLE_SERVER) {
		line->owner.tgid = name_now(line->owner.comm);
		line->owner.cgroup = bpf_get_current_cgroup_id();
	}
	barrier();
	line->key = sk;
}

INLINE int same(struct tuple *a, struct tuple *b)
{
	u64 *x = (void *)a, *y = (void *)b;
	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

INLINE u64 hash_of(struct tuple *tuple)
{
	u64 *words = (void *)tuple, sum;

	/* Products that do not wait for one another. */
	sum = words[0] * 0x9e3779b97f4a7c15ull + words[1] * 0xc2b2ae3d27d4eb4full + words[2] * 0x165667b19e3779f9ull +
	      words[3] * 0xd6e8feb86659fd93ull + words[4] * 0xff51afd7ed558ccdull;
	return mix(0, sum ^ sum >> 32);
}

/* When this end closed after the other end had: the high half is of the tuple's hash, the low one of jiffies. */
INLINE u64 *parting_of(u64 hash)
{
	u32 index = hash >> 32 & set_mask;
	return bpf_map_lookup_elem(&partings, &index);
}

/* The tombstone of a connection; where there is none, a blank one if `make`. */
INLINE struct tombstone *tombstone_of(struct tuple *tuple, int make)
{
	u64 hash = hash_of(tuple);
	u32 index = hash >> 32 & set_mask, tag = (u32)hash | 1, way = WAYS;
	struct tombstone_set *set = bpf_map_lookup_elem(&tombstones, &index);

	if (!set)
		return NULL;
	way = set->tag[0] == tag ? 0 : set->tag[1] == tag ? 1 : set->tag[2] == tag ? 2 : set->tag[3] == tag ? 3 : WAYS;
	if (way < WAYS && same(&set->entry[way].tuple, tuple))
		return &set->entry[way].tombstone;
	if (!make)
		return NULL;
	if (way == WAYS)
		way = oldest(set->at);
	way &= WAYS - 1;
	set->tag[way] = 0;
	barrier();
	set->entry[way].tuple = *tuple;
	set->entry[way].tombstone = (struct tombstone){};
	set->at[way] = bpf_jiffies64();
	barrier();
	set->tag[way] = tag;
	return &set->entry[way].tombstone;
}

/* ---- sockets ---------------------------------------------------------------------------------- */

INLINE u32 netns_of(struct sock_common *common)
{
	struct net *net = READ(common, skc_net.net);
	return net ? READ(net, ns.inum) : 0;
}

INLINE int foreign(u32 netns)
{
	return only_netns && netns != only_netns;
}

INLINE void mapped(u8 *addr, be32 v4)
{
	/* In whole words: what is read as one is not put together from several stores. */
	((u64 *)addr)[0] = 0;
	((u64 *)addr)[1] = (u64)v4 << 32 | 0xffff0000;
}

/* `skc_num` and later `skc_dport` are cleared on the way to CLOSE; `inet_sport` stays. */
INLINE void tuple_of(struct tuple *tuple, struct sock *sk, u32 netns, int full)
{
	struct sock_common *common = (void *)sk;

	tuple->netns = netns;
	if (READ(common, skc_family) == AF_INET6) {
		READ_INTO((struct in6_addr *)tuple->laddr, common, skc_v6_rcv_saddr);
		READ_INTO((struct in6_addr *)tuple->raddr, common, skc_v6_daddr);
	} else {
		u64 pair = READ(common, skc_addrpair); /* remote address first */
		mapped(tuple->raddr, pair);
		mapped(tuple->laddr, pair >> 32);
	}
	tuple->rport = bpf_ntohs(READ(common, skc_dport));
	tuple->lport = full ? bpf_ntohs(READ((struct inet_sock *)sk, inet_sport)) : READ(common, skc_num);
}

/* Workers are nobody's: what one is busy with is the queue whose name it bears (`worker->desc`). */
SHARED void name_queue(struct task_struct *now, char *comm)
{
	struct kthread *kthread;
	struct worker *worker;

	if (!field_exists(struct task_struct, worker_private) || !field_exists(struct worker, desc))
		return;
	kthread = READ(now, worker_private);
	worker = kthread ? READ(kthread, data) : NULL;
	if (!worker)
		return;
	READ_INTO((char (*)[16])comm, worker, desc);
	comm[15] = 0;
}

/* Of a task that is no process going about its business. */
SHARED void task_odd(struct task *task, u32 flags)
{
	struct task_struct *now = (void *)bpf_get_current_task();
	struct signal_struct *signal;

	if (flags & PF_KTHREAD)
		task->marks = TASK_KTHREAD;
	if (flags & PF_WQ_WORKER)
		name_queue(now, task->comm);
	if (!(flags & PF_EXITING))
		return;
	task->exiting = 1;
	signal = READ(now, signal);
	task->exit_code = READ(signal, group_exit_code);
	if (!task->exit_code)
		task->exit_code = READ(now, exit_code);
	if (READ(signal, oom_mm))
		task->marks |= TASK_OOM;
}

INLINE void task_now(struct task *task)
{
	u32 flags = flags_now();

	task->marks = 0;
	task->exiting = 0;
	task->exit_code = 0;
	task->tgid = name_now(task->comm);
	task->cgroup = bpf_get_current_cgroup_id();
	if (flags & (PF_KTHREAD | PF_WQ_WORKER | PF_EXITING))
		task_odd(task, flags);
}

INLINE u64 cgroup_of(struct sock *sk)
{
	struct cgroup *cgroup;
	struct kernfs_node *kn;

	if (field_exists(struct sock_cgroup_data, cgroup)) {
		cgroup = READ(sk, sk_cgrp_data.cgroup);
	} else {
		/* A pointer unless the low bit says that it holds v1 class ids. */
		u64 val = READ((struct sock___v5_14 *)sk, sk_cgrp_data.val);
		cgroup = val & 1 ? NULL : (void *)val;
	}
	if (!cgroup)
		return 0;
	kn = READ(cgroup, kn);
	return kn ? READ(kn, id) : 0;
}

INLINE u8 handshake_ttl(struct sock *sk, u8 family)
{
	struct ipv6_pinfo *pinet6;

	if (family == AF_INET6) {
		pinet6 = READ((struct inet_sock *)sk, pinet6);
		if (pinet6) {
			/* A signed bit field in older kernels, a byte in newer ones. */
			u64 raw = 0;
			u32 offset = __builtin_preserve_field_info(((struct ipv6_pinfo *)0)->mcast_hops, FIELD_BYTE_OFFSET);
			u32 left = __builtin_preserve_field_info(((struct ipv6_pinfo *)0)->mcast_hops, FIELD_LSHIFT_U64);
			u32 right = __builtin_preserve_field_info(((struct ipv6_pinfo *)0)->mcast_hops, FIELD_RSHIFT_U64);
			bpf_probe_read_kernel(&raw, FIELD_SIZE(struct ipv6_pinfo, mcast_hops), (char *)pinet6 + offset);
			return (raw << left) >> right;
		}
	}
	return READ((struct inet_sock *)sk, mc_ttl);
}

SHARED u8 made_by_kernel(struct sock *sk)
{
	u64 raw = 0;
	u32 offset = __builtin_preserve_field_info(((struct sock *)0)->sk_kern_sock, FIELD_BYTE_OFFSET);
	u32 left = __builtin_preserve_field_info(((struct sock *)0)->sk_kern_sock, FIELD_LSHIFT_U64);
	u32 right = __builtin_preserve_field_info(((struct sock *)0)->sk_kern_sock, FIELD_RSHIFT_U64);

	bpf_probe_read_kernel(&raw, FIELD_SIZE(struct sock, sk_kern_sock), (char *)sk + offset);
	if (!((raw << left) >> right))
		return 0;
	/* Before 6.10 what a Multipath TCP listener accepts may bear the mark of its inner socket. */
	return type_exists(struct proto_accept_arg) ? FLAG_KERNEL : FLAG_MADE;
}

/* Whether the kernel itself uses this socket: no file leads to it (a process's has one until after
 * its close), it was made for the kernel, or kernel code has forbidden its allocations to wait for
 * file systems, which no process can. What file there is may be one that the kernel made for a TLS
 * handshake. A Multipath TCP subflow and a ULP belong to the process above. */
SHARED u8 used_by_kernel(struct sock *sk, struct socket *socket, int dead)
{
	u8 made = made_by_kernel(sk);

	if (field_exists(struct tcp_sock, is_mptcp) && READ((struct tcp_sock *)sk, is_mptcp))
		return 0;
	if (!socket)
		return dead ? made : 0;
	if (!READ(socket, file))
		return FLAG_KERNEL;
	if (!(READ(sk, sk_allocation) & GFP_FS) && !READ((struct inet_connection_sock *)sk, icsk_ulp_ops))
		return FLAG_KERNEL;
	return made;
}

/* What a full socket holds; `event->mode` says that it was one. */
INLINE void describe(struct event *event, struct sock *sk)
{
	struct inet_connection_sock *icsk = (void *)sk;
	struct tcp_sock *tp = (void *)sk;
	struct socket *socket = READ(sk, sk_socket);
	u64 flags = READ(sk, __sk_common.skc_flags);
	u32 snd_nxt = READ(tp, snd_nxt);

	event->mode = SOCKET_FULL;
	event->shutdown = READ(sk, sk_shutdown);
	if (socket) {
		event->flags |= FLAG_ATTACHED;
		event->inode = READ((struct socket_alloc *)socket, vfs_inode.i_ino);
	}
	event->flags |= flags & (1 << SOCK_DEAD) ? FLAG_DEAD : 0;
	event->flags |= used_by_kernel(sk, socket, flags & (1 << SOCK_DEAD));
	event->flags |= flags & (1 << SOCK_LINGER) ? FLAG_LINGER : 0;
	event->flags |= flags & (1 << SOCK_KEEPOPEN) ? FLAG_KEEPALIVE : 0;
	event->flags |= READ(tp, linger2) < 0 ? FLAG_LINGER2_NEGATIVE : 0;
	if (field_exists(struct tcp_sock, is_mptcp))
		event->flags |= READ(tp, is_mptcp) ? FLAG_MPTCP : 0;
	event->lingertime = READ(sk, sk_lingertime);
	event->probes_out = READ(icsk, icsk_probes_out);
	event->retransmits = READ(icsk, icsk_retransmits);
	event->user_timeout = READ(icsk, icsk_user_timeout);
	event->backlog = READ(sk, sk_ack_backlog);
	event->max_backlog = READ(sk, sk_max_ack_backlog);
	event->uid = READ(sk, sk_uid.val);
	event->cgroup = cgroup_of(sk);
	event->err = READ(sk, sk_err);
	event->handshake_ttl = handshake_ttl(sk, event->family);
	if (event->state == TCP_LISTEN)
		return;
	event->rcv_nxt = READ(tp, rcv_nxt);
	event->unread = event->rcv_nxt - READ(tp, copied_seq);
	/* A FIN takes a sequence number and is never read. */
	if (event->unread && (flags & (1 << SOCK_DONE)))
		event->unread--;
	event->unacked = snd_nxt - READ(tp, snd_una);
	event->unsent = READ(tp, write_seq) - snd_nxt;
	event->snd_wnd = READ(tp, snd_wnd);
	event->bytes_received = READ(tp, bytes_received);
	if (event->bytes_received && (flags & (1 << SOCK_DONE)))
		event->bytes_received--;
	event->bytes_acked = READ(tp, bytes_acked);
	event->lsndtime = READ(tp, lsndtime);
	event->rcv_tstamp = READ(tp, rcv_tstamp);
}

/* ---- segments --------------------------------------------------------------------------------- */

/* Where the kernel maps all memory and where its array of `struct page` is, proved on the running
 * task: its own page must name the slab cache it comes from. 0 where the proof fails. */
INLINE int direct_map(u64 *memory, u64 *pages)
{
	u64 task = bpf_get_current_task(), head, *symbol;
	u32 index = 0;
	struct kmem_cache *cache;
	struct page *page;
	char name[8] = {};

	*memory = page_offset_default;
	*pages = vmemmap_default;
	symbol = bpf_map_lookup_elem(&symbols, &index);
	if (symbol && *symbol)
		bpf_probe_read_kernel(memory, 8, (void *)*symbol);
	index = 1;
	symbol = bpf_map_lookup_elem(&symbols, &index);
	if (symbol && *symbol)
		bpf_probe_read_kernel(pages, 8, (void *)*symbol);
	if (!*memory || task < *memory)
		return 0;
	page = (void *)(*pages + ((task - *memory) >> PAGE_SHIFT) * PAGE_STRUCT);
	head = READ(page, compound_head);
	if (head & 1)
		page = (void *)(head - 1);
	cache = type_exists(struct slab) ? READ((struct slab *)page, slab_cache) : READ(page, slab_cache);
	if (!cache)
		return 0;
	bpf_probe_read_kernel(name, sizeof(name), READ(cache, name));
	return name[0] == 't' && name[1] == 'a' && name[2] == 's' && name[3] == 'k' && name[4] == '_';
}

/* The first payload bytes: in the linear part, or at the start of the first page fragment. */
INLINE void peek(struct sk_buff *skb, struct segment *segment, u8 *payload)
{
	u32 linear = READ(skb, len) - READ(skb, data_len);
	u8 *end = READ(skb, data) + linear;
	u64 memory, pages;
	struct { u64 page; u32 len, offset; } fragment = {};

	if (payload + sizeof(segment->payload) <= end) {
		if (!bpf_probe_read_kernel(segment->payload, sizeof(segment->payload), payload))
			segment->payload_len = sizeof(segment->payload);
		return;
	}
	if (payload != end || !READ(skb, data_len))
		return;
	bpf_probe_read_kernel(&fragment, sizeof(fragment),
			      READ(skb, head) + READ(skb, end) +
				      __builtin_preserve_field_info(((struct skb_shared_info *)0)->frags, FIELD_BYTE_OFFSET));
	if (fragment.page & 1 || fragment.len < sizeof(segment->payload) || !direct_map(&memory, &pages))
		return;
	payload = (u8 *)(memory + (((fragment.page - pages) / PAGE_STRUCT) << PAGE_SHIFT) + fragment.offset);
	if (!bpf_probe_read_kernel(segment->payload, sizeof(segment->payload), payload))
		segment->payload_len = sizeof(segment->payload);
}

/* Reads a received or outgoing TCP segment; `tuple` gets source as local. 0 where it is no TCP. */
INLINE int parse(struct sk_buff *skb, struct segment *segment, struct tuple *tuple)
{
	u8 *head = READ(skb, head), *ip = head + READ(skb, network_header), *tcp;
	u16 protocol = bpf_ntohs(READ(skb, protocol));
	u8 raw[40], th[16];
	u32 total, header;

	if (protocol == ETH_P_IP) {
		if (bpf_probe_read_kernel(raw, 20, ip) || raw[9] != IPPROTO_TCP)
			return 0;
		header = (raw[0] & 0xf) * 4;
		total = raw[2] << 8 | raw[3];
		segment->ttl = raw[8];
		mapped(tuple->laddr, *(be32 *)(raw + 12));
		mapped(tuple->raddr, *(be32 *)(raw + 16));
	} else if (protocol == ETH_P_IPV6) {
		if (bpf_probe_read_kernel(raw, 40, ip) || raw[6] != IPPROTO_TCP)
			return 0;
		header = 40;
		total = 40 + (raw[4] << 8 | raw[5]);
		segment->ttl = raw[7];
		__builtin_memcpy(tuple->laddr, raw + 8, 16);
		__builtin_memcpy(tuple->raddr, raw + 24, 16);
	} else {
		return 0;
	}
	tcp = ip + header;
	if (bpf_probe_read_kernel(th, sizeof(th), tcp))
		return 0;
	tuple->lport = th[0] << 8 | th[1];
	tuple->rport = th[2] << 8 | th[3];
	segment->seq = bpf_ntohl(*(u32 *)(th + 4));
	segment->ack = bpf_ntohl(*(u32 *)(th + 8));
	segment->flags = th[13];
	segment->window = th[14] << 8 | th[15];
	header += (th[12] >> 4) * 4;
	segment->len = total > header ? total - header : 0;
	segment->present = 1;
	if (segment->len)
		peek(skb, segment, ip + header);
	return 1;
}

INLINE u32 netns_of_skb(struct sk_buff *skb)
{
	struct net_device *dev = READ(skb, dev);
	struct net *net = dev ? READ(dev, nd_net.net) : NULL;
	struct dst_entry *dst;
	struct sock *sk;

	if (net)
		return READ(net, ns.inum);
	sk = READ(skb, sk);
	if (sk)
		return netns_of((void *)sk);
	/* TCP has taken the device away; the route still leads to one. */
	dst = (void *)(READ(skb, _skb_refdst) & ~1ull);
	dev = dst ? READ(dst, dev) : NULL;
	net = dev ? READ(dev, nd_net.net) : NULL;
	return net ? READ(net, ns.inum) : 0;
}

INLINE u32 ifindex_of(struct sk_buff *skb)
{
	struct net_device *dev = READ(skb, dev);
	return dev ? READ(dev, ifindex) : 0;
}

INLINE void swap(struct tuple *to, struct tuple *from)
{
	__builtin_memcpy(to->laddr, from->raddr, 16);
	__builtin_memcpy(to->raddr, from->laddr, 16);
	to->lport = from->rport;
	to->rport = from->lport;
	to->netns = from->netns;
}

/* ---- events ----------------------------------------------------------------------------------- */

INLINE struct event *reserve(u32 type)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		u32 zero = 0;
		u64 *count = bpf_map_lookup_elem(&lost, &zero);
		if (count)
			(*count)++;
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->type = type;
	event->at = bpf_ktime_get_ns();
	event->jiffies = bpf_jiffies64();
	event->reason = NO_REASON;
	return event;
}

/* Waking the reader costs several times the event itself: in a storm it comes by its own timer,
 * or when the ring fills. The first event after a pause wakes it, so that who holds a socket is
 * looked up while it is still held. */
INLINE void submit(struct event *event)
{
	u64 waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA), now = event->at, *last;
	u64 flags = waiting >= wakeup_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
	u32 zero = 0;

	last = bpf_map_lookup_elem(&woken, &zero);
	if (last) {
		if (now - *last > WAKE_AFTER_NS)
			flags = BPF_RB_FORCE_WAKEUP;
		*last = now;
	}
	bpf_ringbuf_submit(event, flags);
}

/* Adds what was kept about this connection: owner, tombstones, filtered segments, killer. */
INLINE void remember(struct event *event)
{
	struct tuple other = {};
	struct owner *owner;
	struct tombstone *tomb;
	struct filtered *drop;
	struct killer *killer;
	u64 hash, *parting;
	u32 dead = 0;

	if (event->sk) {
		owner = owner_of(event->sk);
		if (owner)
			event->owner = *owner;
	}
	if (!event->owner.tgid && event->owner.role != ROLE_CLIENT) {
		struct port port = { .netns = event->tuple.netns, .port = event->tuple.lport };
		owner = bpf_map_lookup_elem(&listeners, &port);
		if (owner)
			event->listener = *owner;
	}
	swap(&other, &event->tuple);
	tomb = tombstone_of(&event->tuple, 0);
	if (tomb)
		event->tombstone = *tomb;
	tomb = tombstone_of(&other, 0);
	if (tomb)
		event->other = *tomb;
	hash = hash_of(&event->tuple);
	parting = parting_of(hash);
	if (parting && (u32)hash == *parting >> 32)
		event->parted = *parting;
	if (event->type != EVENT_REFUSED) {
		/* What this end sent and a filter dropped, or what reached this end and its full accept queue
		 * dropped, whatever namespace that was in. */
		struct tuple way = event->type == EVENT_SENT || event->type == EVENT_INFERRED ? other : event->tuple;
		way.netns = 0;
		drop = bpf_map_lookup_elem(&filtered, &way);
		if (drop)
			event->filtered = *drop;
	}
	if (event->type == EVENT_SENT && !event->trigger.present && event->current.exiting)
		dead = event->current.tgid;
	else if (event->tombstone.by.exiting)
		dead = event->tombstone.by.tgid;
	else if (event->other.by.exiting)
		dead = event->other.by.tgid;
	if (dead) {
		killer = bpf_map_lookup_elem(&killers, &dead);
		if (killer)
			event->killer = *killer;
	}
}

INLINE void fill(struct event *event, struct sock *sk, struct sk_buff *skb, u32 netns)
{
	struct sock_common *common = (void *)sk;
	struct tuple incoming = {};

	event->sk = (u64)sk;
	task_now(&event->current);
	if (sk) {
		event->state = READ(common, skc_state);
		event->family = READ(common, skc_family);
		if (event->state == TCP_TIME_WAIT || event->state == TCP_NEW_SYN_RECV) {
			event->mode = SOCKET_MINI;
			if (event->state == TCP_TIME_WAIT)
				event->substate = READ((struct inet_timewait_sock *)sk, tw_substate);
			tuple_of(&event->tuple, sk, netns, 0);
		} else {
			describe(event, sk);
			tuple_of(&event->tuple, sk, netns, 1);
		}
	}
	event->tuple.netns = netns;
	if (skb && parse(skb, &event->trigger, &incoming)) {
		/* The segment came in: its destination is the local end. A listener has no other. */
		incoming.netns = netns;
		swap(&event->tuple, &incoming);
	}
}

SEC("raw_tp/tcp_send_reset")
int on_send_reset(u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];
	struct sk_buff *skb = (void *)ctx[1];
	u32 netns = sk ? netns_of((void *)sk) : skb ? netns_of_skb(skb) : 0;
	struct event *event;

	if (foreign(netns))
		return 0;
	event = reserve(EVENT_SENT);
	if (!event)
		return 0;
	fill(event, sk, skb, netns);
	if (field_exists(struct trace_event_raw_tcp_send_reset, reason))
		event->reason = ctx[2];
	remember(event);
	if (!skb) {
		struct tombstone *tomb = tombstone_of(&event->tuple, 1);
		if (tomb) {
			tomb->reset_sent = 1;
			tomb->role = event->owner.role;
			tomb->born = event->owner.born;
		}
	}
	submit(event);
	return 0;
}

SEC("raw_tp/tcp_receive_reset")
int on_receive_reset(u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];
	u32 netns = netns_of((void *)sk);
	struct event *event;

	if (foreign(netns))
		return 0;
	event = reserve(EVENT_RECEIVED);
	if (!event)
		return 0;
	fill(event, sk, NULL, netns);
	remember(event);
	submit(event);
	return 0;
}

/* ---- the life of a socket --------------------------------------------------------------------- */

/* This program takes typed pointers (tp_btf) and loads through them directly: it runs ten times in
 * the life of every healthy connection. Its socket is never NULL. The others take scalars. */

/* The socket's address as a number: of two typed pointers the verifier allows the difference alone. */
INLINE u64 number_of(struct sock *sk, u64 *ctx)
{
	u64 number = (u64)sk;

	if (task_typed) {
		asm volatile("%0 -= %1" : "+r"(number) : "r"(bpf_get_current_task_btf()));
		return number + bpf_get_current_task();
	}
	bpf_probe_read_kernel(&number, sizeof(number), &ctx[0]);
	return number;
}

/* When the segment that is being taken in arrived: the kernel has just asked its clock for that, and
 * asking again is what costs most in the life of a healthy connection. */
INLINE u64 arrived_at(struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	return tp ? tp->tcp_mstamp * 1000 : bpf_ktime_get_ns();
}

INLINE u32 netns_direct(struct sock *sk)
{
	struct net *net = sk->__sk_common.skc_net.net;
	return net ? net->ns.inum : 0;
}

INLINE void tuple_direct(struct tuple *tuple, struct sock *sk, u32 netns, u16 sport)
{
	if (sk->__sk_common.skc_family == AF_INET6) {
		READ_INTO((struct in6_addr *)tuple->laddr, sk, __sk_common.skc_v6_rcv_saddr);
		READ_INTO((struct in6_addr *)tuple->raddr, sk, __sk_common.skc_v6_daddr);
	} else {
		u64 pair = sk->__sk_common.skc_addrpair;
		mapped(tuple->raddr, pair);
		mapped(tuple->laddr, pair >> 32);
	}
	((u64 *)tuple)[4] = bpf_ntohs(sport) | (u32)bpf_ntohs(sk->__sk_common.skc_dport) << 16 | (u64)netns << 32;
}

/* What nearly every socket fails, by direct loads. */
INLINE int may_be_kernels(struct sock *sk)
{
	struct socket *socket = sk->sk_socket;
	void *word = (void *)sk + __builtin_preserve_field_info(sk->sk_kern_sock, FIELD_BYTE_OFFSET);
	u32 size = __builtin_preserve_field_info(sk->sk_kern_sock, FIELD_BYTE_SIZE);
	u32 left = __builtin_preserve_field_info(sk->sk_kern_sock, FIELD_LSHIFT_U64);
	u64 raw = size == 1 ? *(u8 *)word : size == 2 ? *(u16 *)word : *(u32 *)word;

	return socket && (!socket->file || !(sk->sk_allocation & GFP_FS) || (raw << left) >> 63);
}

/* A process closes its end in good order (or gives a connect() up): the tombstone begins. */
INLINE void closed(struct sock *sk, u64 key, u32 netns, u8 from, u8 to)
{
	/* Before all branches: the verifier searches its types by name wherever a pointer is loaded through
	 * one, and on each path anew. */
	int kernels = may_be_kernels(sk);
	struct owner *owner = owner_of(key);
	struct tombstone *tomb;
	struct tuple tuple = {};
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!tp)
		return;
	tuple_direct(&tuple, sk, netns, ((struct inet_sock *)tp)->inet_sport);
	tomb = tombstone_of(&tuple, 1);
	if (!tomb)
		return;
	tomb->closed_at = bpf_ktime_get_ns();
	tomb->failed_at = 0;
	tomb->reset_sent = 0;
	tomb->closed_from = from;
	tomb->closed_to = to;
	tomb->shutdown = sk->sk_shutdown;
	tomb->flags = kernels ? used_by_kernel((void *)key, READ((struct sock *)key, sk_socket), 0) : 0;
	tomb->rcv_tstamp = tp->rcv_tstamp;
	tomb->lsndtime = tp->lsndtime;
	tomb->rcv_nxt = tp->rcv_nxt;
	/* close() after shutdown(SHUT_WR): the FIN has its number already. */
	tomb->fin_seq = tp->write_seq - (from == TCP_FIN_WAIT1);
	task_now(&tomb->by);
	if (owner)
		owner->half_closed = tomb->shutdown != SHUTDOWN_BOTH;
	tomb->born = owner ? owner->born : 0;
	tomb->role = owner ? owner->role : ROLE_UNKNOWN;
}

/* A process closes after the other end had: all that is kept is that both did, and when. */
INLINE void parted(struct sock *sk, u32 netns)
{
	struct tuple tuple = {};
	u64 hash, *parting;

	tuple_direct(&tuple, sk, netns, bpf_htons(sk->__sk_common.skc_num));
	hash = hash_of(&tuple);
	parting = parting_of(hash);
	if (parting)
		*parting = hash << 32 | (u32)bpf_jiffies64();
}

/* A half-closed socket leaves FIN_WAIT2: its receiving half is closed now, too. */
INLINE void closed_whole(struct sock *sk, u32 netns)
{
	struct tombstone *tomb;
	struct tuple tuple = {};
	u8 shutdown = sk->sk_shutdown;

	if (shutdown != SHUTDOWN_BOTH)
		return;
	tuple_direct(&tuple, sk, netns, READ((struct inet_sock *)sk, inet_sport));
	tomb = tombstone_of(&tuple, 0);
	if (tomb)
		tomb->shutdown = shutdown;
}

INLINE void failed(struct sock *sk, u64 key, u32 netns, u8 from, u16 err)
{
	struct inet_connection_sock *icsk = (void *)sk;
	struct tcp_sock *tp = (void *)sk;
	struct tombstone *tomb;
	struct tuple tuple = {};
	struct owner *owner = owner_of(key);
	struct event *event;
	u32 snd_nxt = READ(tp, snd_nxt);
	u64 flags = READ(sk, __sk_common.skc_flags);

	tuple_direct(&tuple, sk, netns, READ((struct inet_sock *)sk, inet_sport));
	tomb = tombstone_of(&tuple, 1);
	if (tomb) {
		/* An earlier connection between the same ports says nothing of this one. */
		if (owner && tomb->closed_at < owner->born)
			tomb->closed_at = 0;
		tomb->failed_at = bpf_ktime_get_ns();
		tomb->failed_from = from;
		tomb->failed_to = TCP_CLOSE;
		tomb->err = err;
		tomb->unacked = snd_nxt - READ(tp, snd_una);
		tomb->unsent = READ(tp, write_seq) - snd_nxt;
		tomb->snd_wnd = READ(tp, snd_wnd);
		tomb->user_timeout = READ(icsk, icsk_user_timeout);
		tomb->probes_out = READ(icsk, icsk_probes_out);
		tomb->retransmits = READ(icsk, icsk_retransmits);
		/* Of an orphan, its close has told. */
		tomb->flags = tomb->closed_at ? tomb->flags & (FLAG_KERNEL | FLAG_MADE) : 0;
		tomb->flags |= used_by_kernel(sk, READ(sk, sk_socket), flags & (1 << SOCK_DEAD));
		tomb->flags |= flags & (1 << SOCK_KEEPOPEN) ? FLAG_KEEPALIVE : 0;
		tomb->born = owner ? owner->born : 0;
		tomb->role = owner ? owner->role : ROLE_UNKNOWN;
	}
	/* A received reset has its own event, and the errno follows from its state; an orphan's error
	 * reaches nobody, but tells who destroyed it. */
	if ((flags & (1 << SOCK_DEAD) && err != ECONNABORTED) || err == ECONNRESET || err == ECONNREFUSED || err == EPIPE)
		return;
	event = reserve(EVENT_ERROR);
	if (!event)
		return;
	fill(event, sk, NULL, netns);
	event->state = from;
	event->tuple = tuple;
	remember(event);
	submit(event);
}

INLINE void remember_listener(struct sock *sk, u64 key, u32 netns)
{
	struct port port = { .netns = netns };
	struct owner *owner = owner_of(key);

	port.port = bpf_ntohs(READ((struct inet_sock *)sk, inet_sport));
	if (!owner)
		return;
	owner->kernel = used_by_kernel((void *)key, READ(sk, sk_socket), 0) == FLAG_KERNEL;
	bpf_map_update_elem(&listeners, &port, owner, BPF_ANY);
}

SEC("tp_btf/inet_sock_set_state")
int on_set_state(u64 *ctx)
{
	struct sock *sk = (void *)ctx[0];
	u8 from = ctx[1], to = ctx[2];
	u16 err = 0;
	u32 netns;
	u64 key;

	switch (to) {
	case TCP_SYN_SENT:
	case TCP_LISTEN:
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		break;
	case TCP_ESTABLISHED:
		if (from != TCP_SYN_RECV)
			return 0;
		break;
	case TCP_CLOSE:
		err = sk->sk_err;
		if (!err && from != TCP_SYN_SENT && from != TCP_FIN_WAIT2)
			return 0;
		break;
	default:
		return 0;
	}
	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	netns = netns_direct(sk);
	if (foreign(netns))
		return 0;
	if (to == TCP_LAST_ACK) {
		parted(sk, netns);
		return 0;
	}
	key = number_of(sk, ctx);
	switch (to) {
	case TCP_SYN_SENT:
		remember_owner(key, ROLE_CLIENT, bpf_ktime_get_ns());
		return 0;
	case TCP_LISTEN:
		remember_owner(key, ROLE_LISTENER, bpf_ktime_get_ns());
		remember_listener(sk, key, netns);
		return 0;
	case TCP_ESTABLISHED:
		remember_owner(key, ROLE_SERVER, arrived_at(sk));
		return 0;
	case TCP_FIN_WAIT1:
		closed(sk, key, netns, from, to);
		return 0;
	}
	if (err) {
		failed(sk, key, netns, from, err);
	} else if (from == TCP_SYN_SENT) {
		closed(sk, key, netns, from, to);
	} else {
		struct owner *owner = owner_of(key);
		if (!owner || owner->half_closed)
			closed_whole(sk, netns);
	}
	return 0;
}

/* ---- drops ------------------------------------------------------------------------------------ */

INLINE int among(const volatile u64 *set, u32 reason)
{
	return reason < 256 && (set[(reason >> 6) & 3] >> (reason & 63)) & 1;
}

SEC("raw_tp/kfree_skb")
int on_kfree_skb(u64 *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];
	struct tuple incoming = {};
	struct segment segment = {};
	struct event *event;
	u32 reason, netns;
	int filter, refused, unanswered;

	if (!field_exists(struct trace_event_raw_kfree_skb, reason))
		return 0;
	reason = ctx[2];
	filter = among(drops_filtered, reason);
	refused = among(drops_refused, reason);
	unanswered = among(drops_unanswered, reason);
	if (!filter && !refused && !unanswered)
		return 0;
	if (!skb || !parse(skb, &segment, &incoming))
		return 0;
	netns = netns_of_skb(skb);
	if (foreign(netns))
		return 0;
	if (filter) {
		struct filtered drop = {};
		/* No rule answers a reset with one: what drew the first would be forgotten for it. */
		if (segment.flags & TH_RST)
			return 0;
		drop.at = bpf_ktime_get_ns();
		drop.reason = reason;
		drop.netns = netns;
		drop.ifindex = ifindex_of(skb);
		drop.segment = segment;
		bpf_map_update_elem(&filtered, &incoming, &drop, BPF_ANY);
		return 0;
	}
	if (segment.flags & TH_RST ? !refused : !unanswered)
		return 0;
	event = reserve(segment.flags & TH_RST ? EVENT_REFUSED : EVENT_INFERRED);
	if (!event)
		return 0;
	fill(event, NULL, skb, netns);
	event->reason = reason;
	remember(event);
	submit(event);
	return 0;
}

/* ---- who killed whom -------------------------------------------------------------------------- */

SEC("raw_tp/signal_generate")
int on_signal(u64 *ctx)
{
	u32 signal = ctx[0];
	struct task_struct *victim = (void *)ctx[2];
	struct killer killer = {};
	u32 tgid;

	/* SIGHUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM and the limits. */
	if (signal == 0 || signal > 25 || signal == 17 || signal == 18 || signal == 20 || signal == 23)
		return 0;
	tgid = READ(victim, tgid);
	killer.at = bpf_ktime_get_ns();
	killer.signal = signal;
	killer.tgid = name_now(killer.comm);
	bpf_map_update_elem(&killers, &tgid, &killer, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

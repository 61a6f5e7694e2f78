/* SPDX-License-Identifier: (Apache-2.0 OR MIT)
 *
 * Everything the program needs from outside, by hand: integer types, the helpers it calls, CO-RE
 * reads, and of each kernel structure only the members that are read. Offsets come from the
 * running kernel's BTF at load time; nothing here fixes a layout.
 */
#ifndef WHYRESET_CORE_H
#define WHYRESET_CORE_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;
typedef signed long long s64;
typedef u16 be16;
typedef u32 be32;

#define NULL ((void *)0)
#define SEC(name) __attribute__((section(name), used))
#define INLINE static __attribute__((always_inline)) inline
/* A function of its own, where several programs hold one that is seldom called. */
#define SHARED static __attribute__((noinline))

#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name

/* include/uapi/linux/bpf.h: the numbers are kernel ABI. */
enum { BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PERCPU_ARRAY = 6, BPF_MAP_TYPE_LRU_HASH = 9, BPF_MAP_TYPE_RINGBUF = 27 };
enum { BPF_ANY = 0 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0 };

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_get_current_comm)(void *buf, u32 size) = (void *)16;
static u64 (*bpf_get_current_task)(void) = (void *)35;
static u64 (*bpf_get_current_cgroup_id)(void) = (void *)80;
static long (*bpf_probe_read_kernel)(void *dst, u32 size, const void *src) = (void *)113;
static u64 (*bpf_jiffies64)(void) = (void *)118;
/* Since Linux 5.11: asked for by `task_typed` alone. */
static struct task_struct *(*bpf_get_current_task_btf)(void) = (void *)158;
enum bpf_func_id { BPF_FUNC_get_current_task_btf = 158 };
static struct tcp_sock *(*bpf_skc_to_tcp_sock)(void *sk) = (void *)137;
static void *(*bpf_ringbuf_reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;
static u64 (*bpf_ringbuf_query)(void *ring, u64 flags) = (void *)134;

#define bpf_ntohs(x) __builtin_bswap16(x)
#define bpf_htons(x) __builtin_bswap16(x)
#define bpf_ntohl(x) __builtin_bswap32(x)

/* Kinds of BPF_FIELD_* and BPF_TYPE_* relocations (tools/lib/bpf/relo_core.h, ABI of BTF.ext). */
enum { FIELD_BYTE_OFFSET = 0, FIELD_BYTE_SIZE = 1, FIELD_EXISTS = 2, FIELD_LSHIFT_U64 = 4, FIELD_RSHIFT_U64 = 5 };
enum { TYPE_EXISTS = 0, TYPE_SIZE = 1 };
enum { VALUE_EXISTS = 0 };

#define field_exists(type, member) __builtin_preserve_field_info(((type *)0)->member, FIELD_EXISTS)
#define type_exists(type) __builtin_preserve_type_info(*(type *)0, TYPE_EXISTS)
#define value_exists(type, value) __builtin_preserve_enum_value(*(type *)value, VALUE_EXISTS)

/* A constant for the verifier, at most 8: the type's own size is what relocation gives. */
#define FIELD_SIZE(type, member) (__builtin_preserve_field_info(((type *)0)->member, FIELD_BYTE_SIZE) & 7 ?: 8)

/* Reads one member through a pointer that may be anything; 0 where the read fails. */
#define READ(ptr, member)                                                                                              \
	({                                                                                                             \
		typeof((ptr)->member) __value;                                                                         \
		__builtin_memset(&__value, 0, sizeof(__value));                                                        \
		bpf_probe_read_kernel(&__value, sizeof(__value),                                                       \
				      (const void *)__builtin_preserve_access_index(&(ptr)->member));                  \
		__value;                                                                                               \
	})
#define READ_INTO(dst, ptr, member)                                                                                    \
	bpf_probe_read_kernel(dst, sizeof(*(dst)), (const void *)__builtin_preserve_access_index(&(ptr)->member))

#define KERNEL __attribute__((preserve_access_index))

struct kernfs_node { u64 id; } KERNEL;
struct cgroup { struct kernfs_node *kn; } KERNEL;
struct sock_cgroup_data { struct cgroup *cgroup; } KERNEL;
struct sock_cgroup_data___v5_14 { u64 val; } KERNEL;
struct ns_common { u32 inum; } KERNEL;
struct net { struct ns_common ns; } KERNEL;
typedef struct { struct net *net; } possible_net_t;
struct in6_addr { u8 bytes[16]; };
typedef struct { u32 val; } kuid_t;
struct list_head { struct list_head *next, *prev; };

struct inode { u64 i_ino; } KERNEL;
struct file;
struct socket { short state; struct file *file; } KERNEL;
struct socket_alloc { struct socket socket; struct inode vfs_inode; } KERNEL;

struct kmem_cache { char *name; } KERNEL;
struct timewait_sock_ops { struct kmem_cache *twsk_slab; } KERNEL;
struct proto { struct kmem_cache *slab; struct timewait_sock_ops *twsk_prot; } KERNEL;

struct sock_common {
	u64 skc_addrpair;
	be16 skc_dport;
	u16 skc_num;
	u16 skc_family;
	u8 skc_state;
	struct proto *skc_prot;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
	u64 skc_flags;
} KERNEL;

struct sock {
	struct sock_common __sk_common;
	s32 sk_err;
	struct socket *sk_socket;
	u8 sk_kern_sock : 1;
	u32 sk_allocation;
	u16 sk_protocol;
	u8 sk_shutdown;
	u64 sk_lingertime;
	u32 sk_ack_backlog, sk_max_ack_backlog;
	kuid_t sk_uid;
	struct sock_cgroup_data sk_cgrp_data;
} KERNEL;

struct sock___v5_14 { struct sock_cgroup_data___v5_14 sk_cgrp_data; } KERNEL;

struct ipv6_pinfo;
struct inet_sock { struct sock sk; struct ipv6_pinfo *pinet6; be16 inet_sport; u8 mc_ttl; } KERNEL;
/* `mcast_hops` is a 9-bit field in older kernels and a byte in newer ones: read by its own size. */
struct ipv6_pinfo { s32 mcast_hops : 9; } KERNEL;
struct tcp_ulp_ops;
struct inet_connection_sock {
	u8 icsk_retransmits, icsk_probes_out;
	u32 icsk_user_timeout;
	const struct tcp_ulp_ops *icsk_ulp_ops;
} KERNEL;
struct tcp_sock {
	u32 rcv_nxt, copied_seq, snd_una, snd_nxt, write_seq, snd_wnd;
	u32 lsndtime, rcv_tstamp;
	u64 bytes_received, bytes_acked, tcp_mstamp;
	s32 linger2;
	u8 is_mptcp;
} KERNEL;
struct inet_timewait_sock { u8 tw_substate; } KERNEL;

struct net_device { possible_net_t nd_net; s32 ifindex; } KERNEL;
struct dst_entry { struct net_device *dev; } KERNEL;
struct sk_buff {
	struct sock *sk;
	struct net_device *dev;
	u64 _skb_refdst;
	u32 len, data_len;
	be16 protocol;
	u16 transport_header, network_header;
	u32 end;
	u8 *head, *data;
} KERNEL;
struct skb_frag;
/* Its elements are { page, length, offset } from 5.4 on, under several names. */
struct skb_shared_info { struct { u64 page; u32 len, offset; } frags[17]; } KERNEL;

struct page { u64 flags; u64 compound_head; struct kmem_cache *slab_cache; } KERNEL;
struct slab { struct kmem_cache *slab_cache; } KERNEL;

struct worker { char desc[16]; } KERNEL; /* longer there */
struct kthread { void *data; } KERNEL;
struct signal_struct { s32 group_exit_code; void *oom_mm; } KERNEL;
struct task_struct {
	struct task_struct *group_leader;
	s32 tgid;
	s32 exit_code;
	u32 flags;
	char comm[16];
	struct signal_struct *signal;
	void *worker_private;
} KERNEL;

/* Tracepoint records, looked at for which members exist. The enums must be enums: CO-RE does not
 * match an int against one. */
enum sk_rst_reason { SK_RST_REASON_NOT_SPECIFIED };
enum skb_drop_reason { SKB_DROP_REASON_NOT_SPECIFIED };
struct trace_event_raw_tcp_send_reset { enum sk_rst_reason reason; } KERNEL;
struct trace_event_raw_kfree_skb { enum skb_drop_reason reason; } KERNEL;
struct proto_accept_arg { s32 flags; } KERNEL;
struct trace_event_raw_mark_victim { u64 total_vm; } KERNEL;

#endif

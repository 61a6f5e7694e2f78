//! What the kernel, systemd and the container's runtime state.

use super::Says::Cause;
use super::Stated;

const OOM: &str = "Linux source: mm/oom_kill.c";
const SYSTEMD: &str = "systemd source: core/service.c, core/manager.c";

pub static STATED: &[Stated] = &[
    Stated {
        pattern: "memory cgroup out of memory",
        software: "Linux",
        says: Cause("oom-killed"),
        wide: false,
        source: OOM,
        lines: &["[12345.678901] Memory cgroup out of memory: Killed process 812 (node) total-vm:800000kB"],
    },
    Stated {
        pattern: "out of memory: killed process",
        software: "Linux",
        says: Cause("oom-killed"),
        wide: false,
        source: OOM,
        lines: &[
            "[12345.678901] Out of memory: Killed process 812 (java) total-vm:8000000kB, anon-rss:4000000kB",
        ],
    },
    Stated {
        pattern: "invoked oom-killer",
        software: "Linux",
        says: Cause("oom-killed"),
        wide: true,
        source: OOM,
        lines: &[
            "[12345.678901] java invoked oom-killer: gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0",
        ],
    },
    Stated {
        pattern: "oom-kill:constraint=",
        software: "Linux",
        says: Cause("oom-killed"),
        wide: false,
        source: OOM,
        lines: &[
            "[12345.678901] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),task=java,pid=812,uid=1000",
        ],
    },
    Stated {
        pattern: "tcp: too many orphaned sockets",
        software: "Linux",
        says: Cause("orphan-limit"),
        wide: true,
        source: "Linux source: net/ipv4/tcp.c, tcp_check_oom()",
        lines: &["[12345.678901] TCP: too many orphaned sockets"],
    },
    Stated {
        pattern: "tcp: out of memory -- consider tuning tcp_mem",
        software: "Linux",
        says: Cause("tcp-memory"),
        wide: true,
        source: "Linux source: net/ipv4/tcp.c, tcp_check_oom()",
        lines: &["[12345.678901] TCP: out of memory -- consider tuning tcp_mem (connections lost)"],
    },
    Stated {
        pattern: "nf_conntrack: table full",
        software: "Linux",
        says: Cause("conntrack-full"),
        wide: true,
        source: "Linux source: net/netfilter/nf_conntrack_core.c",
        lines: &["[12345.678901] nf_conntrack: nf_conntrack: table full, dropping packet"],
    },
    Stated {
        pattern: "possible syn flooding",
        software: "Linux",
        says: Cause("accept-queue-overflow"),
        wide: true,
        source: "Linux source: net/ipv4/tcp_input.c, tcp_syn_flood_action()",
        lines: &[
            "[12345.678901] TCP: request_sock_TCP: Possible SYN flooding on port 10.0.0.1:8080. Sending cookies.",
        ],
    },
    Stated {
        pattern: "segfault at",
        software: "Linux",
        says: Cause("process-killed"),
        wide: false,
        source: "Linux source: arch/x86/mm/fault.c",
        lines: &[
            "[12345.678901] app[812]: segfault at 0 ip 000055d0c0de sp 00007ffd error 4 in app[55d0c0d0+1000]",
        ],
    },
    Stated {
        pattern: "traps: *general protection",
        software: "Linux",
        says: Cause("process-killed"),
        wide: false,
        source: "Linux source: arch/x86/kernel/traps.c",
        lines: &[
            "[12345.678901] traps: app[812] general protection fault ip:55d0c0de sp:7ffd error:0 in app[55d0c0d0+1000]",
        ],
    },
    Stated {
        pattern: "main process exited, code=killed",
        software: "systemd",
        says: Cause("process-killed"),
        wide: false,
        source: SYSTEMD,
        lines: &[
            "Nov 23 10:00:00 host systemd[1]: app.service: Main process exited, code=killed, status=9/KILL",
        ],
    },
    Stated {
        pattern: "main process exited, code=dumped",
        software: "systemd",
        says: Cause("process-killed"),
        wide: false,
        source: SYSTEMD,
        lines: &[
            "Nov 23 10:00:00 host systemd[1]: app.service: Main process exited, code=dumped, status=11/SEGV",
        ],
    },
    Stated {
        pattern: "main process exited, code=exited, status=*failure",
        software: "systemd",
        says: Cause("process-exited"),
        wide: false,
        source: SYSTEMD,
        lines: &[
            "Nov 23 10:00:00 host systemd[1]: app.service: Main process exited, code=exited, status=1/FAILURE",
        ],
    },
    Stated {
        pattern: "failed with result 'oom-kill'",
        software: "systemd",
        says: Cause("oom-killed"),
        wide: false,
        source: SYSTEMD,
        lines: &["Nov 23 10:00:00 host systemd[1]: app.service: Failed with result 'oom-kill'."],
    },
    Stated {
        pattern: "failed with result 'watchdog'",
        software: "systemd",
        says: Cause("process-killed"),
        wide: false,
        source: SYSTEMD,
        lines: &["Nov 23 10:00:00 host systemd[1]: app.service: Failed with result 'watchdog'."],
    },
    Stated {
        pattern: "state 'stop-sigterm' timed out. killing",
        software: "systemd",
        says: Cause("process-killed"),
        wide: false,
        source: SYSTEMD,
        lines: &["Nov 23 10:00:00 host systemd[1]: app.service: State 'stop-sigterm' timed out. Killing."],
    },
    Stated {
        pattern: "oomkilled",
        software: "Kubernetes",
        says: Cause("oom-killed"),
        wide: false,
        source: "Kubernetes: containerStatuses[].lastState.terminated.reason",
        lines: &["Warning  OOMKilled  pod/app-1  container app terminated"],
    },
    Stated {
        pattern: "destroyed socket",
        software: "Cilium",
        says: Cause("admin-abort"),
        wide: false,
        source: "Cilium: socket termination of the load balancer",
        lines: &[
            "level=info msg=\"Forcefully terminated sockets: destroyed socket lost backend\" l3n4Addr=10.0.0.1:80",
        ],
    },
];

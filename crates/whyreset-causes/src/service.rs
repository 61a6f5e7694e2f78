//! Sockets that the kernel itself uses: which of its services, told by a thread's name or else by the
//! port, and what to look at. Refuses to accuse a process of them.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use whyreset_evidence::{Dossier, Fact, Finding, Process, Side, What};

/// The everyday case of whatever the kernel does to a socket of its own.
pub const SITUATION: &str = "kernel-socket";

/// What to do where no service is known.
const FIX: &str = "look at the kernel's log of that moment (`dmesg -T`, `journalctl -k`): the kernel itself uses this socket, so no program's code or options change what it does";

/// One service of the kernel that speaks TCP by itself.
pub struct Service {
    /// As people call it.
    pub name: &'static str,
    /// How the names of its threads and of the queues that its workers serve begin.
    threads: &'static [&'static str],
    /// Ports that it listens on by default.
    ports: &'static [u16],
    /// Where it tells more, and what it can be told.
    fix: &'static str,
}

/// All that are known. Names are from the sources of Linux 6.1 to 6.18.
static SERVICES: [Service; 10] = [
    Service {
        name: "NVMe over TCP",
        threads: &["nvme"],
        ports: &[4420, 8009],
        fix: "look for `nvme` and `nvmet` in the kernel's log (`dmesg -T`) of both hosts: a refused or malformed connect, a controller that timed out or was removed; how long a host tries again is its `--ctrl-loss-tmo`, `--reconnect-delay` and `--keep-alive-tmo`",
    },
    Service {
        name: "NFS",
        threads: &["nfsd", "nfsv4", "NFSv4", "lockd", "rpciod", "xprtiod"],
        ports: &[2049],
        fix: "look for `nfs`, `RPC` and `svc` in the kernel's log (`dmesg -T`): a server that restarts or a request that is too long ends its connections, and clients connect again by themselves; `timeo=` and `retrans=` of the mount say when one gives up",
    },
    Service {
        name: "iSCSI",
        threads: &["iscsi"],
        ports: &[3260],
        fix: "look for `iscsi` and `connection` in the kernel's log (`dmesg -T`): the error that ended the session; `node.conn[0].timeo.noop_out_timeout` and `node.session.timeo.replacement_timeout` say how long it waits",
    },
    Service {
        name: "SMB",
        threads: &["cifs", "ksmbd"],
        ports: &[445],
        fix: "look for `CIFS` or `ksmbd` in the kernel's log (`dmesg -T`); `echo_interval=` of the mount says when a server counts as gone",
    },
    Service {
        name: "nbd",
        threads: &["knbd", "nbd"],
        ports: &[10809],
        fix: "look for `block nbd` in the kernel's log (`dmesg -T`); `nbd-client -timeout` says how long a request may take",
    },
    Service {
        name: "Ceph",
        threads: &["ceph"],
        ports: &[3300, 6789],
        fix: "look for `libceph` in the kernel's log (`dmesg -T`): which monitor or OSD closed or was replaced",
    },
    Service {
        name: "OCFS2",
        threads: &["o2net"],
        ports: &[7777],
        fix: "look for `o2net` in the kernel's log (`dmesg -T`); O2CB_IDLE_TIMEOUT_MS says how long a node may be silent",
    },
    Service {
        name: "DLM",
        threads: &["dlm"],
        ports: &[21064],
        fix: "look for `dlm` in the kernel's log (`dmesg -T`): which node left",
    },
    Service {
        name: "DRBD",
        threads: &["drbd"],
        ports: &[],
        fix: "look for `drbd` in the kernel's log (`dmesg -T`); `ping-timeout` and `ko-count` of the resource say when it gives a connection up",
    },
    Service {
        name: "RDS",
        threads: &["krds"],
        ports: &[16385],
        fix: "look for `RDS` in the kernel's log (`dmesg -T`)",
    },
];

/// A socket that the kernel itself uses, at one end of a connection.
pub struct Used<'a> {
    side: Side,
    /// Where it was seen.
    fact: &'a Fact,
    /// The thread that acted on it, where one did.
    thread: Option<&'a Process>,
    service: Option<&'static Service>,
    /// The service is told by nothing but the port.
    by_port: Option<u16>,
}

/// The socket of this end, where the kernel itself uses it.
pub fn used(dossier: &Dossier, side: Side) -> Option<Used<'_>> {
    let fact = dossier.kernel_socket(side)?;
    let here = dossier.facts.iter().filter(|fact| fact.side == Some(side));
    let mut threads = here.filter_map(|fact| match &fact.what {
        What::Sent(sent) => sent.actor.as_ref(),
        What::Ended(ended) => ended.by.as_ref(),
        _ => None,
    });
    let thread = threads.find(|thread| thread.kernel && thread.pid != 0);
    let begins = |service: &&Service, name: &str| service.threads.iter().any(|begin| name.starts_with(begin));
    let named = thread.and_then(|thread| SERVICES.iter().find(|service| begins(service, &thread.name)));
    let port = dossier.flow.server.port();
    let usual = || SERVICES.iter().find(|service| service.ports.contains(&port));
    Some(Used {
        side,
        fact,
        thread,
        service: named.or_else(usual),
        by_port: named.is_none().then_some(port),
    })
}

/// The socket that the reset came from, where the kernel itself uses it.
pub fn sender(dossier: &Dossier) -> Option<Used<'_>> {
    used(dossier, dossier.from()?)
}

impl Used<'_> {
    /// Whom to name where a process would be: `the client's kernel itself (NVMe over TCP)`.
    pub fn who(&self) -> String {
        let side = self.side;
        match self.what() {
            Some(what) => format!("the {side}'s kernel itself ({what})"),
            None => format!("the {side}'s kernel itself"),
        }
    }

    /// The service, and whether nothing but the port tells it.
    pub fn what(&self) -> Option<String> {
        let name = self.service?.name;
        Some(match self.by_port {
            Some(port) => format!("port {port}: {name}"),
            None => name.to_owned(),
        })
    }

    /// What to do about it, in place of what programs can be told.
    pub fn fix(&self) -> &'static str {
        self.service.map_or(FIX, |service| service.fix)
    }

    /// How it is known, and who had a part in it.
    pub fn findings(&self, dossier: &Dossier) -> Vec<Finding> {
        let side = self.side;
        let cite = format!("{} sk_kern_sock sk_socket->file sk_allocation", self.fact.cite);
        let mut findings = Vec::new();
        let of = self.what().map_or(String::new(), |what| format!(" ({what})"));
        findings.push(Finding::seen(
            format!("the {side}'s socket is one that the kernel itself uses{of}, and no program's"),
            &*cite,
        ));
        if let Some(thread) = self.thread {
            findings.push(Finding::seen(
                format!("{thread} closed the {side}'s socket"),
                &*self.fact.cite,
            ));
        }
        if let Some((fact, process)) = dossier.asked_by(side) {
            findings.push(Finding::seen(
                format!("the kernel closed the {side}'s socket in a call of {process}, which asked for it and does not hold it"),
                &*fact.cite,
            ));
        }
        findings
    }
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;

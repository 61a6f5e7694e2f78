//! What a scenario needs of the machine, and why it cannot run where that is missing. Refuses to
//! install or change anything.

use std::path::Path;
use std::sync::OnceLock;

use socket2::{Domain, Protocol, Socket, Type};

use crate::{cgroup, ip, nvme};

/// Something that may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A program in the path, and the Debian package that brings it.
    Program(&'static str, &'static str),
    /// MPTCP sockets.
    Mptcp,
    /// A memory control group.
    MemoryGroup,
    /// Network namespaces.
    Namespaces,
    /// Mount and process namespaces: hosts for real programs.
    Hosts,
    /// A table of tracked connections small enough to be filled.
    SmallTracking,
    /// A kernel that rejects in the tables of bridges (nft_reject_bridge).
    BridgeReject,
    /// A kernel that balances connections (ip_vs).
    Balancer,
    /// A kernel that speaks NVMe over TCP at both ends (nvme-tcp, nvmet-tcp, configfs).
    NvmeTcp,
    /// A kernel whose eBPF programs may destroy sockets (bpf_sock_destroy, Linux 6.5).
    SockDestroy,
    /// Something that no lab may touch; says what.
    Never(&'static str),
}

/// What scenarios of real software may need: a name for their files, what shows that it is there,
/// and the Debian package that brings it.
const SOFTWARE: &[(&str, &str, &str)] = &[
    ("apache", "apache2", "apache2-bin"),
    ("caddy", "caddy", "caddy"),
    ("conntrack", "conntrack", "conntrack"),
    ("curl", "curl", "curl"),
    ("dsniff", "tcpkill", "dsniff"),
    ("gunicorn", "gunicorn", "gunicorn"),
    ("haproxy", "haproxy", "haproxy"),
    ("hping3", "hping3", "hping3"),
    ("ipset", "ipset", "ipset"),
    ("iptables", "iptables", "iptables"),
    ("ipvsadm", "ipvsadm", "ipvsadm"),
    ("java", "java", "default-jre-headless"),
    ("lighttpd", "lighttpd", "lighttpd"),
    ("grpc", "/usr/lib/python3/dist-packages/grpc", "python3-grpcio"),
    ("memcached", "memcached", "memcached"),
    ("mosquitto", "mosquitto", "mosquitto"),
    ("mptcpize", "mptcpize", "mptcpize"),
    ("netcat", "nc", "netcat-openbsd"),
    ("nft", "nft", "nftables"),
    ("nginx", "nginx", "nginx-light"),
    (
        "nginx-stream",
        "/usr/lib/nginx/modules/ngx_stream_module.so",
        "libnginx-mod-stream",
    ),
    ("nmap", "nmap", "nmap"),
    ("node", "node", "nodejs"),
    ("openssl", "openssl", "openssl"),
    ("postgres", "pg_ctlcluster", "postgresql"),
    ("python3", "python3", "python3"),
    ("redis", "redis-server", "redis-server"),
    ("socat", "socat", "socat"),
    ("sshd", "sshd", "openssh-server"),
    ("stunnel", "stunnel4", "stunnel4"),
    ("tc", "tc", "iproute2"),
    ("tomcat", "/usr/share/tomcat10", "tomcat10-common"),
    (
        "uwsgi",
        "/usr/lib/uwsgi/plugins/python3_plugin.so",
        "uwsgi-plugin-python3",
    ),
    ("xinetd", "xinetd", "xinetd"),
];

/// The Debian packages of all software that scenarios use, each with what shows that it is there.
pub fn packages() -> impl Iterator<Item = (&'static str, Need)> {
    let base = [
        ("ip", "iproute2"),
        ("unshare", "util-linux"),
        ("tcpdump", "tcpdump"),
    ];
    let base = base
        .into_iter()
        .map(|(program, package)| (package, Need::Program(program, package)));
    base.chain(
        SOFTWARE
            .iter()
            .map(|(_, program, package)| (*package, Need::Program(program, package))),
    )
}

impl Need {
    /// By the name that scenario files use; none where there is no such name.
    pub fn software(name: &str) -> Option<Self> {
        match name {
            "mptcp" => return Some(Self::Mptcp),
            "small-conntrack" => return Some(Self::SmallTracking),
            "bpf-sock-destroy" => return Some(Self::SockDestroy),
            _ => {}
        }
        let (_, program, package) = SOFTWARE.iter().find(|(known, ..)| *known == name)?;
        Some(Self::Program(program, package))
    }

    /// The program, by its name; a library by its folder's.
    pub fn program(self) -> Option<&'static str> {
        match self {
            Self::Program(name, _) => name.rsplit('/').next(),
            _ => None,
        }
    }

    /// Why it is missing here.
    ///
    /// # Errors
    /// What is missing, in words, and how to get it.
    pub fn probe(self) -> Result<(), String> {
        match self {
            Self::Program(name, package) => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let found = std::env::split_paths(&path)
                    .chain(["/usr/sbin", "/sbin"].map(Into::into))
                    .any(|folder: std::path::PathBuf| folder.join(name).exists());
                found
                    .then_some(())
                    .ok_or_else(|| format!("`{name}` is not installed: apt install {package}"))
            }
            Self::Mptcp => Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP))
                .map(|_| ())
                .map_err(|error| format!("no MPTCP sockets here (sysctl net.mptcp.enabled): {error}")),
            Self::MemoryGroup => cgroup::probe(),
            Self::SmallTracking => small_tracking(),
            Self::BridgeReject => bridge_reject(),
            Self::Balancer => balancer(),
            Self::NvmeTcp => nvme::probe(),
            Self::SockDestroy => sock_destroy(),
            Self::Namespaces => namespaces(),
            Self::Hosts => ["nsenter", "unshare"]
                .into_iter()
                .try_for_each(|name| Self::Program(name, "util-linux").probe()),
            Self::Never(why) => Err(why.to_owned()),
        }
    }
}

/// The limit is the host's, and each namespace may fill it with entries of its own.
fn small_tracking() -> Result<(), String> {
    const FILLED_IN_SECONDS: u64 = 400_000;
    let path = "/proc/sys/net/netfilter/nf_conntrack_max";
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{path}: {error}: connections are not tracked here"))?;
    match text.trim().parse::<u64>() {
        Ok(1..=FILLED_IN_SECONDS) => Ok(()),
        _ => Err(format!(
            "nf_conntrack_max is {}: too many entries to fill",
            text.trim()
        )),
    }
}

fn bridge_reject() -> Result<(), String> {
    const RULES: &str = "table bridge lab { chain in { type filter hook prerouting priority 0; \
                         meta l4proto tcp reject with tcp reset; }; }\n";
    static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
    let ask = || {
        Need::Program("nft", "nftables").probe()?;
        apart(|| ip::run("nft", &["-f", "-"], RULES)).map_err(|_| {
            "this kernel has no `reject` in the tables of bridges (nft_reject_bridge)".to_owned()
        })
    };
    ANSWER.get_or_init(ask).clone()
}

fn balancer() -> Result<(), String> {
    static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
    let ask = || {
        Need::Program("ipvsadm", "ipvsadm").probe()?;
        apart(|| ip::run("ipvsadm", &["-L", "-n"], ""))
            .map_err(|_| "this kernel balances no connections (ip_vs)".to_owned())
    };
    ANSWER.get_or_init(ask).clone()
}

fn sock_destroy() -> Result<(), String> {
    const NAME: &[u8] = b"\0bpf_sock_destroy\0";
    static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
    let ask = || {
        let path = "/sys/kernel/btf/vmlinux";
        let types = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
        let known = types.windows(NAME.len()).any(|bytes| bytes == NAME);
        known
            .then_some(())
            .ok_or_else(|| "this kernel has no bpf_sock_destroy (Linux 6.5)".to_owned())
    };
    ANSWER.get_or_init(ask).clone()
}

/// In an empty network namespace, on a thread of its own: the namespace goes when the thread ends.
fn apart(work: impl FnOnce() -> anyhow::Result<String> + Send) -> Result<(), String> {
    namespaces()?;
    let inside = || {
        crate::sys::unshare_network().map_err(|error| error.to_string())?;
        work().map(drop).map_err(|error| format!("{error:#}"))
    };
    std::thread::scope(|scope| scope.spawn(inside).join())
        .unwrap_or_else(|_| Err("the probe panicked".to_owned()))
}

fn namespaces() -> Result<(), String> {
    static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
    let ask = || {
        Need::Program("ip", "iproute2").probe()?;
        if !Path::new("/proc/self/ns/net").exists() {
            return Err("this kernel has no network namespaces".to_owned());
        }
        // On a thread of its own: the empty namespace goes when the thread ends.
        std::thread::spawn(crate::sys::unshare_network)
            .join()
            .map_err(|_| "the probe panicked".to_owned())?
            .map_err(|error| format!("cannot make a network namespace ({error}): run as root"))
    };
    ANSWER.get_or_init(ask).clone()
}

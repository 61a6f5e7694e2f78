//! Two hosts and what is between them: a client's and a server's namespace joined by a cable
//! (veth), or by a router, with addresses that no other run on this machine uses at the same time.
//! Refuses to use anything of the host's own network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::netns::Namespace;
use crate::{ip, life};

/// Address family of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "4",
            Self::V6 => "6",
        })
    }
}

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The one that connects.
    Client,
    /// The one that listens.
    Server,
}

/// What stands at an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// A kernel with addresses.
    Kernel,
    /// Nobody: the addresses are answered by raw packets alone, or not at all.
    Phantom,
}

/// The namespaces; removed when dropped.
pub struct Topology {
    client: Namespace,
    server: Namespace,
    router: Option<Namespace>,
    family: Family,
    number: u16,
}

/// Number of `/29` networks in 198.18.0.0/15, the benchmark range of RFC 2544.
const NETWORKS: u32 = 1 << 14;

/// A cable's carrier is there within this time.
const CARRIER: Duration = Duration::from_secs(5);

impl Topology {
    fn named(family: Family, routed: bool) -> anyhow::Result<Self> {
        let (name, n) = life::fresh_name();
        let number = std::process::id().wrapping_mul(127).wrapping_add(n) % NETWORKS;
        Ok(Self {
            client: Namespace::named(format!("{name}-c")),
            server: Namespace::named(format!("{name}-s")),
            router: routed.then(|| Namespace::named(format!("{name}-r"))),
            family,
            number: u16::try_from(number)?,
        })
    }

    /// Client, router and server, each with a kernel. The interfaces are `eth0` at the ends, and
    /// `client` and `server` on the router.
    pub fn routed(family: Family) -> anyhow::Result<Self> {
        let topology = Self::named(family, true)?;
        let router = topology.router.as_ref().context("no router")?.name().to_owned();
        ip::batch(None, &[format!("netns add {router}")])?;
        for end in [End::Client, End::Server] {
            let name = topology.at(end).name();
            let side = end.word();
            ip::batch(
                None,
                &[
                    format!("netns add {name}"),
                    format!("link add eth0 netns {name} type veth peer name {side} netns {router}"),
                ],
            )?;
        }
        let via = topology.router.as_ref().context("no router")?;
        // No address may be in doubt while the steps run.
        for end in [End::Client, End::Server] {
            topology.at(end).sysctl("net.ipv6.conf.eth0.accept_dad", "0")?;
            let key = format!("net.ipv6.conf.{}.accept_dad", end.word());
            via.sysctl(&key, "0")?;
        }
        via.sysctl("net.ipv4.ip_forward", "1")?;
        via.sysctl("net.ipv6.conf.all.forwarding", "1")?;
        let mut lines = vec!["link set lo up".to_owned()];
        for end in [End::Client, End::Server] {
            let (v4, v6) = topology.gateway(end);
            let side = end.word();
            lines.push(format!("address add {v4}/30 dev {side}"));
            lines.push(format!("address add {v6}/64 dev {side} nodad"));
            lines.push(format!("link set {side} up"));
            ip::batch(
                Some(topology.at(end).name()),
                &[
                    "link set lo up".to_owned(),
                    format!("address add {}/30 dev eth0", topology.v4(end)),
                    format!("address add {}/64 dev eth0 nodad", topology.v6(end)),
                    "link set eth0 up".to_owned(),
                ],
            )?;
        }
        ip::batch(Some(via.name()), &lines)?;
        for end in [End::Client, End::Server] {
            let (v4, v6) = topology.gateway(end);
            let lines = [
                format!("route add default via {v4}"),
                format!("-6 route add default via {v6}"),
            ];
            for line in lines {
                let words: Vec<&str> = line.split(' ').collect();
                ip::run_in(topology.at(end).name(), "ip", &words, "")?;
            }
        }
        for place in [&topology.client, &topology.server, via] {
            wait_for_carrier(place.name())?;
        }
        Ok(topology)
    }

    /// The interface of both ends.
    pub const fn interface(&self) -> &'static str {
        if self.router.is_some() { "eth0" } else { "veth0" }
    }

    /// The router, where there is one.
    pub fn router(&self) -> Option<&Namespace> {
        self.router.as_ref()
    }

    /// The router's addresses towards an end.
    pub fn gateway(&self, end: End) -> (Ipv4Addr, Ipv6Addr) {
        let base = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + u32::from(self.number) * 8;
        let v4 = Ipv4Addr::from(base + end.subnet() + 2);
        (
            v4,
            Ipv6Addr::new(0xfd00, 0x77, self.number, end.link(), 0, 0, 0, 0xfe),
        )
    }

    /// The router's address towards an end, in the family of this run.
    pub fn router_address(&self, end: End) -> IpAddr {
        match (self.family, self.gateway(end)) {
            (Family::V4, (v4, _)) => v4.into(),
            (Family::V6, (_, v6)) => v6.into(),
        }
    }

    /// Makes the router a bridge: it passes frames between the two ends, who find each other on one
    /// network, and has no address of its own.
    pub fn bridge(&self) -> anyhow::Result<()> {
        let router = self.router.as_ref().context("no router")?;
        let mut lines = vec!["link add br0 type bridge".to_owned()];
        for end in [End::Client, End::Server] {
            let side = end.word();
            lines.push(format!("address flush dev {side}"));
            lines.push(format!("link set {side} master br0"));
        }
        lines.push("link set br0 up".to_owned());
        ip::batch(Some(router.name()), &lines)?;
        for end in [End::Client, End::Server] {
            let other = self.address(end.other());
            ip::batch(
                Some(self.at(end).name()),
                &[format!("route replace {other} dev eth0")],
            )?;
        }
        wait_for_carrier(router.name())
    }

    /// Makes both namespaces, joined by a cable.
    pub fn new(family: Family, client: Host, server: Host) -> anyhow::Result<Self> {
        let topology = Self::named(family, false)?;
        let (c, s) = (topology.client.name(), topology.server.name());
        let cable = format!(
            "link add veth0 address {} netns {c} type veth peer name veth0 address {} netns {s}",
            mac(End::Client),
            mac(End::Server)
        );
        ip::batch(None, &[format!("netns add {c}"), format!("netns add {s}"), cable])?;
        for (end, host) in [(End::Client, client), (End::Server, server)] {
            topology.furnish(end, host)?;
        }
        Ok(topology)
    }

    fn furnish(&self, end: End, host: Host) -> anyhow::Result<()> {
        let mut lines = vec!["link set lo up".to_owned()];
        match host {
            Host::Kernel => {
                lines.push(format!("address add {}/29 dev veth0", self.v4(end)));
                lines.push(format!("address add {}/64 dev veth0 nodad", self.v6(end)));
            }
            Host::Phantom => self.at(end).sysctl("net.ipv6.conf.all.disable_ipv6", "1")?,
        }
        lines.push("link set veth0 up".to_owned());
        if host == Host::Kernel {
            // The neighbour is known from the start, so that no address resolution blurs the
            // picture, and a phantom needs not to answer it.
            let other = end.other();
            for address in [IpAddr::from(self.v4(other)), IpAddr::from(self.v6(other))] {
                lines.push(neighbour(address, mac(other)));
            }
        }
        ip::batch(Some(self.at(end).name()), &lines)
    }

    /// The namespace of an end.
    pub fn at(&self, end: End) -> &Namespace {
        match end {
            End::Client => &self.client,
            End::Server => &self.server,
        }
    }

    /// The address of an end, in the family of this run.
    pub fn address(&self, end: End) -> IpAddr {
        match self.family {
            Family::V4 => self.v4(end).into(),
            Family::V6 => self.v6(end).into(),
        }
    }

    fn v4(&self, end: End) -> Ipv4Addr {
        let base = u32::from(Ipv4Addr::new(198, 18, 0, 0));
        let host = if self.router.is_some() {
            end.subnet() + 1
        } else {
            end.number()
        };
        Ipv4Addr::from(base + u32::from(self.number) * 8 + host)
    }

    fn v6(&self, end: End) -> Ipv6Addr {
        let host = u16::try_from(end.number()).unwrap_or_default();
        let link = if self.router.is_some() { end.link() } else { 0 };
        Ipv6Addr::new(0xfd00, 0x77, self.number, link, 0, 0, 0, host)
    }

    /// A pcap-filter expression that this run's traffic passes and no other's.
    pub fn filter(&self) -> String {
        let base = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + u32::from(self.number) * 8;
        match self.family {
            Family::V4 => format!("net {}/29", Ipv4Addr::from(base)),
            Family::V6 => format!("net fd00:77:{:x}::/48", self.number),
        }
    }

    /// Makes all that `end` sends vanish: it goes to a hardware address that nobody has.
    pub fn cut(&self, end: End) -> anyhow::Result<()> {
        self.rewire(end, "02:00:00:00:00:99")
    }

    /// Undoes [`Topology::cut`].
    pub fn heal(&self, end: End) -> anyhow::Result<()> {
        self.rewire(end, mac(end.other()))
    }

    fn rewire(&self, end: End, to: &str) -> anyhow::Result<()> {
        ip::batch(
            Some(self.at(end).name()),
            &[neighbour(self.address(end.other()), to)],
        )
    }
}

/// The kernel tells a new cable's carrier up to a second late, and answers no neighbour before.
fn wait_for_carrier(place: &str) -> anyhow::Result<()> {
    let limit = Instant::now() + CARRIER;
    loop {
        let links = ip::run_in(place, "ip", &["-o", "link", "show"], "")?;
        if !links.contains("NO-CARRIER") && !links.contains("state DOWN") {
            return Ok(());
        }
        if Instant::now() > limit {
            bail!("no carrier in {place} after {CARRIER:?}: {links}");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn neighbour(address: IpAddr, mac: &str) -> String {
    format!("neighbour replace {address} lladdr {mac} dev veth0 nud permanent")
}

/// Hardware address of an end's interface.
const fn mac(end: End) -> &'static str {
    match end {
        End::Client => "02:00:00:00:00:01",
        End::Server => "02:00:00:00:00:02",
    }
}

impl End {
    /// The one across the cable.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// For interface names.
    const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    /// Where its `/30` begins behind a router.
    const fn subnet(self) -> u32 {
        match self {
            Self::Client => 0,
            Self::Server => 4,
        }
    }

    /// Number of its IPv6 link behind a router.
    const fn link(self) -> u16 {
        match self {
            Self::Client => 1,
            Self::Server => 2,
        }
    }

    const fn number(self) -> u32 {
        match self {
            Self::Client => 1,
            Self::Server => 2,
        }
    }

    /// Hardware address of its interface.
    pub(crate) const fn hardware(self) -> [u8; 6] {
        [2, 0, 0, 0, 0, if matches!(self, Self::Client) { 1 } else { 2 }]
    }
}

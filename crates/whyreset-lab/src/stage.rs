//! What a scenario plays on: two places (namespaces, or loopback of the current one), the actors
//! on them and the raw packets between. Refuses to let an actor live longer than itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::lookout::{Lookout, WatchFrom};
use crate::netns::Namespace;
use crate::puppet::{Journal, Puppet, actor};
use crate::topology::{End, Family, Host, Topology};
use crate::under_run::UnderRun;
use crate::wire::Tap;

/// Process name of the server's actor.
pub const SERVER: &str = "lab-server";
/// Process name of the client's actor.
pub const CLIENT: &str = "lab-client";
/// Process name of a second holder of the server's socket.
pub const KEEPER: &str = "lab-keeper";

/// Two places and what is kept alive until the watchers have seen it all.
pub struct Stage {
    program: PathBuf,
    family: Family,
    lookout: Option<Lookout>,
    // Before the topology: fields are dropped in order, and actors go before the namespaces that
    // they stand in.
    kept: Vec<Box<dyn Send>>,
    topology: Option<Topology>,
    server: Option<SocketAddr>,
    under_run: Option<UnderRun>,
    journal: Journal,
}

/// Both ends of an open connection.
pub struct Pair {
    /// Has connected. Goes first, so that it is not reset by the other's end.
    pub client: Puppet,
    /// Has accepted.
    pub server: Puppet,
    /// The server's listening address.
    pub address: SocketAddr,
    /// The client's address.
    pub peer: SocketAddr,
}

impl Stage {
    /// Two namespaces of its own.
    pub fn apart(program: &Path, family: Family, client: Host, server: Host) -> anyhow::Result<Self> {
        let topology = Topology::new(family, client, server)?;
        Ok(Self {
            topology: Some(topology),
            ..Self::on_loopback(program, family)
        })
    }

    /// Client, router and server, for real programs.
    pub fn routed(program: &Path, family: Family) -> anyhow::Result<Self> {
        Ok(Self {
            topology: Some(Topology::routed(family)?),
            ..Self::on_loopback(program, family)
        })
    }

    /// Loopback of the current namespace, for scenarios that only need a kernel.
    pub fn on_loopback(program: &Path, family: Family) -> Self {
        Self {
            program: program.to_owned(),
            family,
            lookout: None,
            topology: None,
            kept: Vec::new(),
            server: None,
            under_run: None,
            journal: Journal::default(),
        }
    }

    /// The cable between the namespaces.
    pub fn topology(&self) -> anyhow::Result<&Topology> {
        self.topology
            .as_ref()
            .context("this scenario needs namespaces of its own")
    }

    /// The namespace of an end.
    pub fn at(&self, end: End) -> anyhow::Result<&Namespace> {
        Ok(self.topology()?.at(end))
    }

    /// The namespace of the router between the ends.
    pub fn between(&self) -> anyhow::Result<&Namespace> {
        self.topology()?.router().context("no router between the ends")
    }

    /// The address of an end.
    pub fn address(&self, end: End) -> IpAddr {
        match (&self.topology, self.family) {
            (Some(topology), _) => topology.address(end),
            (None, Family::V4) => Ipv4Addr::LOCALHOST.into(),
            (None, Family::V6) => Ipv6Addr::LOCALHOST.into(),
        }
    }

    /// The server's address that the scenario used, as soon as there is one.
    pub fn server_address(&self) -> Option<SocketAddr> {
        self.server
    }

    /// What was done so far.
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Tells which server address this run is about.
    pub fn is_about(&mut self, address: SocketAddr) {
        self.server = Some(address);
    }

    /// Gives the watchers of this run, which may have to start in its midst.
    pub fn watch_with(&mut self, lookout: Lookout) {
        self.lookout = Some(lookout);
    }

    /// Has the client's programs run under `whyreset run` from here on.
    pub fn put_client_under_run(&mut self) -> anyhow::Result<()> {
        self.under_run = Some(UnderRun::new(&self.program)?);
        Ok(())
    }

    /// `whyreset run`, where the client's programs run under it.
    pub const fn under_run(&self) -> Option<&UnderRun> {
        self.under_run.as_ref()
    }

    /// Ends all that was kept, so that `whyreset run` tells of what its programs still held.
    pub fn end_under_run(&mut self) -> Option<UnderRun> {
        // Who came last goes first: a client is not reset by its server's end.
        while self.kept.pop().is_some() {}
        self.under_run.take()
    }

    /// Takes the watchers back.
    pub fn watched(&mut self) -> Option<Lookout> {
        self.lookout.take()
    }

    /// Says that the connection stands that will be reset, and that nothing has happened to it.
    pub fn established(&mut self) -> anyhow::Result<()> {
        self.lookout
            .as_mut()
            .map_or(Ok(()), |lookout| lookout.reached(WatchFrom::During))
    }

    /// A new actor at an end.
    pub fn actor(&self, end: End, name: &str) -> anyhow::Result<Puppet> {
        let path = self.topology.as_ref().map(|topology| topology.at(end).path());
        let command = match (&self.under_run, &path) {
            (Some(under_run), Some(path)) if end == End::Client => under_run.actor("hand", path),
            _ => {
                let mut command = actor(&self.program, "hand");
                command.args(path.map(|path| format!("netns={}", path.display())));
                command
            }
        };
        let mut puppet = Puppet::start(command, name, self.journal.clone())?;
        puppet.leaves_by_itself = self.under_run.is_some();
        Ok(puppet)
    }

    /// Keeps something alive until the watchers are done: an actor whose death would send more.
    pub fn keep(&mut self, thing: impl Send + 'static) {
        self.kept.push(Box::new(thing));
    }

    /// A server that listens, with words for its `listen` command.
    pub fn listening(&mut self, words: &str) -> anyhow::Result<(Puppet, SocketAddr)> {
        let mut server = self.actor(End::Server, SERVER)?;
        let wanted = SocketAddr::new(self.address(End::Server), 0);
        let address = server.expect(&format!("listen {wanted} {words}"), "listening")?;
        let address = address
            .parse()
            .with_context(|| format!("not an address: {address}"))?;
        self.is_about(address);
        Ok((server, address))
    }

    /// A client and a server with an open connection.
    pub fn connected(&mut self, listen: &str, connect: &str) -> anyhow::Result<Pair> {
        let (mut server, address) = self.listening(listen)?;
        let mut client = self.actor(End::Client, CLIENT)?;
        let peer = client.expect(&format!("connect {address} {connect}"), "connected")?;
        server.expect("accept", "accepted")?;
        self.established()?;
        let peer = peer.parse().with_context(|| format!("not an address: {peer}"))?;
        Ok(Pair {
            client,
            server,
            address,
            peer,
        })
    }

    /// A packet socket on the cable, at an end.
    pub fn tap(&self, end: End) -> anyhow::Result<Tap> {
        self.at(end)?
            .inside(|| Tap::open("veth0").context("cannot open a packet socket (CAP_NET_RAW needed)"))
    }
}

impl Pair {
    /// The server has got `bytes` from the client and not read them.
    pub fn leave_unread(&mut self, bytes: usize) -> anyhow::Result<()> {
        self.client.expect(&format!("send {bytes}"), "sent")?;
        self.server.expect(&format!("await {bytes}"), "queued")?;
        Ok(())
    }

    /// The server has got `bytes` from the client and read them.
    pub fn read_all(&mut self, bytes: usize) -> anyhow::Result<()> {
        self.leave_unread(bytes)?;
        self.server.expect(&format!("recv {bytes}"), "received")?;
        Ok(())
    }
}

//! IPVS on the router forgets an idle connection that it balances; its kernel answers what comes
//! then.

use std::net::SocketAddr;

use anyhow::Context;
use whyreset_evidence::Certainty;

use super::{Scenario, Steps};
use crate::need::Need;
use crate::stage::{CLIENT, Pair, Stage};
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "balancer-forgot",
    cause: "nat-state-lost",
    summary: "IPVS forgets an idle connection",
    needs: &[
        Need::Namespaces,
        Need::Program("ipvsadm", "ipvsadm"),
        Need::Balancer,
    ],
    seconds: 5,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Across(play),
    truth: Truth {
        mechanism: Some("connection-forgotten"),
        situation: Some("balancer-forgot"),
        party: "kernel",
        accused: Accused::May(&[]),
        reply: true,
        cites: &["IPVS balances", "rr"],
        server: View::Silent,
        router: Some(View::Knows(Certainty::Likely)),
        machine: View::Knows(Certainty::Likely),
        ..Truth::BY_SERVER
    },
};

/// Below the ephemeral ports: who only sees the end must know whose it is.
const SERVICE: u16 = 8080;

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let (mut server, real) = stage.listening("")?;
    let service = SocketAddr::new(stage.topology()?.router_address(End::Client), SERVICE);
    let lines = format!("-A -t {service} -s rr\n-a -t {service} -r {real} -m\n");
    stage.between()?.run("ipvsadm", &["-R"], &lines)?;
    // Seconds that a connection may be silent; the others stay as they are.
    stage.between()?.run("ipvsadm", &["--set", "1", "0", "0"], "")?;
    stage.is_about(service);
    let mut client = stage.actor(End::Client, CLIENT)?;
    let peer = client.expect(&format!("connect {service}"), "connected")?;
    let peer = peer.parse().with_context(|| format!("not an address: {peer}"))?;
    server.expect("accept", "accepted")?;
    stage.established()?;
    let mut pair = Pair {
        client,
        server,
        address: service,
        peer,
    };
    pair.read_all(10)?;
    pair.client.expect("pause 3500", "ok")?;
    pair.client.expect("send 5", "sent")?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}

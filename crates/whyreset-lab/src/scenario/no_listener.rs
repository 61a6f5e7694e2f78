//! A client connects to a port that nobody listens on.

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::{CLIENT, Stage};
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "no-listener",
    cause: "no-listener",
    summary: "connect() to a closed port",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: true,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        outcome: &["refused"],
        accused: Accused::May(&[]),
        ..Truth::BY_SERVER_KERNEL
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let (mut server, address) = stage.listening("")?;
    server.expect("close-listener", "ok")?;
    let mut client = stage.actor(End::Client, CLIENT)?;
    client.expect(&format!("connect {address}"), "error ECONNREFUSED")?;
    stage.keep((server, client));
    Ok(())
}

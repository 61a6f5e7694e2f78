//! A SYN-ACK echoes a timestamp that was never sent (PAWS).

use std::net::SocketAddr;

use anyhow::Context;
use whyreset_evidence::Flags;

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::{CLIENT, Stage};
use crate::topology::{End, Host};
use crate::truth::Truth;
use crate::wire::{Phantom, reply};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "timestamp-rejected",
    cause: "timestamp-rejected",
    summary: "SYN-ACK with a foreign timestamp echo",
    needs: NAMESPACES,
    seconds: 2,
    client: Host::Kernel,
    server: Host::Phantom,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth::BY_CLIENT_KERNEL,
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut phantom = Phantom::new(stage.tap(End::Server)?, End::Server);
    let address = SocketAddr::new(stage.address(End::Server), 8443);
    stage.is_about(address);
    let mut client = stage.actor(End::Client, CLIENT)?;
    client.tell(&format!("connect {address} timeout=700"))?;
    let syn = phantom.hear(Flags::SYN, Flags::ACK)?;
    let (value, _) = syn
        .timestamps
        .context("the SYN carries no timestamps (net.ipv4.tcp_timestamps)")?;
    let mut answer = reply(&syn, Flags::SYN | Flags::ACK, 7_000_000);
    answer.timestamps = Some((1, value.wrapping_add(1 << 28)));
    phantom.say(&answer)?;
    phantom.hear(Flags::RST, 0)?;
    client.hear()?;
    stage.keep(client);
    Ok(())
}

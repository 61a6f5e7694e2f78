//! The SYN-ACK comes after the client gave up connecting.

use std::net::SocketAddr;

use whyreset_evidence::Flags;

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::{CLIENT, Stage};
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth};
use crate::wire::{Phantom, reply};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "connect-abandoned",
    cause: "connect-abandoned",
    summary: "SYN-ACK after connect() was given up",
    needs: NAMESPACES,
    seconds: 2,
    client: Host::Kernel,
    server: Host::Phantom,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        party: "application",
        accused: Accused::Must(CLIENT),
        ..Truth::BY_CLIENT_KERNEL
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut phantom = Phantom::new(stage.tap(End::Server)?, End::Server);
    let address = SocketAddr::new(stage.address(End::Server), 8443);
    stage.is_about(address);
    let mut client = stage.actor(End::Client, CLIENT)?;
    client.tell(&format!("connect {address} timeout=300; close"))?;
    let syn = phantom.hear(Flags::SYN, Flags::ACK)?;
    client.hear()?;
    phantom.say(&reply(&syn, Flags::SYN | Flags::ACK, 7_000_000))?;
    phantom.hear(Flags::RST, 0)?;
    stage.keep(client);
    Ok(())
}

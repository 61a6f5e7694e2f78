//! Two SYNs cross (RFC 9293 §3.5), and the last ACK acknowledges what was never sent.

use std::net::SocketAddr;

use whyreset_evidence::Flags;

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::{CLIENT, Stage};
use crate::topology::{End, Host};
use crate::truth::Truth;
use crate::wire::{Phantom, reply};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "bad-handshake-ack",
    cause: "bad-handshake-ack",
    summary: "the last ACK of a handshake with an impossible acknowledgment",
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
    let mut crossing = reply(&syn, Flags::SYN, 7_000_000);
    crossing.ack = 0;
    phantom.say(&crossing)?;
    let answer = phantom.hear(Flags::SYN | Flags::ACK, 0)?;
    let mut ack = reply(&answer, Flags::ACK, 7_000_001);
    ack.ack = ack.ack.wrapping_add(100_000);
    phantom.say(&ack)?;
    phantom.hear(Flags::RST, 0)?;
    client.hear()?;
    stage.keep(client);
    Ok(())
}

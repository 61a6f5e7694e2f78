//! A second SYN with another sequence number comes during the handshake.

use std::net::SocketAddr;

use whyreset_evidence::Flags;

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::{Truth, View};
use crate::wire::{Craft, Phantom};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "stray-syn",
    cause: "stray-syn",
    summary: "another SYN in SYN_RECV",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Phantom,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        victim: None,
        client: View::Silent,
        ..Truth::BY_SERVER_KERNEL
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let (server, address) = stage.listening("")?;
    let mut phantom = Phantom::new(stage.tap(End::Client)?, End::Client);
    let mut syn = Craft::new(
        SocketAddr::new(stage.address(End::Client), 40_404),
        address,
        Flags::SYN,
    );
    syn.seq = 1_000_000;
    phantom.say(&syn)?;
    phantom.hear(Flags::SYN | Flags::ACK, Flags::RST)?;
    syn.seq += 500;
    phantom.say(&syn)?;
    phantom.hear(Flags::RST, 0)?;
    stage.keep(server);
    Ok(())
}

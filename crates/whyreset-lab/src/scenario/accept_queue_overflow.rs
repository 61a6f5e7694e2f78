//! The accept queue is full and tcp_abort_on_overflow says to reset.

use std::thread::sleep;
use std::time::Duration;

use anyhow::bail;
use whyreset_evidence::Certainty;

use super::{NAMESPACES, Scenario, Steps};
use crate::puppet::Puppet;
use crate::stage::{CLIENT, SERVER, Stage};
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "accept-queue-overflow",
    cause: "accept-queue-overflow",
    summary: "accept queue full with tcp_abort_on_overflow=1",
    needs: NAMESPACES,
    seconds: 3,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        // The watch is young: that no earlier connection had these addresses cannot be seen.
        server: View::Knows(Certainty::Likely),
        machine: View::Knows(Certainty::Likely),
        accused: Accused::May(&[SERVER]),
        ..Truth::BY_SERVER_KERNEL
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    overflow(stage, |_| Ok(()))
}

/// Lets the accept queue run over, after `prepare` has done something to the listening process.
pub(super) fn overflow(
    stage: &mut Stage,
    prepare: fn(&mut Puppet) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    stage
        .at(End::Server)?
        .sysctl("net.ipv4.tcp_abort_on_overflow", "1")?;
    // A backlog of 2 has room for three. Two wait already; the handshakes of two more are held
    // between SYN and SYN-ACK, because a full queue would drop their SYN.
    let (mut server, address) = stage.listening("backlog=2")?;
    prepare(&mut server)?;
    let mut early = Vec::new();
    for _ in 0..2 {
        let mut client = stage.actor(End::Client, CLIENT)?;
        client.expect(&format!("connect {address}"), "connected")?;
        early.push(client);
    }
    let mut late = [
        stage.actor(End::Client, CLIENT)?,
        stage.actor(End::Client, CLIENT)?,
    ];
    stage.topology()?.cut(End::Server)?;
    for client in &mut late {
        client.tell(&format!("connect {address}"))?;
        // Apart in time, so that their last ACKs are: the kernel counts without a lock.
        sleep(Duration::from_millis(200));
    }
    stage.topology()?.heal(End::Server)?;
    let mut reset = 0;
    for client in &mut late {
        let said = client.hear()?;
        client.expect("pause 100", "ok")?;
        let status = client.ask("status")?;
        reset += usize::from(said.contains("ECONNRESET") || status.contains("ECONNRESET"));
    }
    if reset != 1 {
        bail!("{reset} of two connections were reset instead of one");
    }
    stage.keep((early, late, server));
    Ok(())
}

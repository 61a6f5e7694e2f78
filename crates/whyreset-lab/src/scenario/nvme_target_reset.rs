//! A program aborts a connection that the kernel's own NVMe target has taken in.

use std::net::SocketAddr;

use super::{Scenario, Steps};
use crate::need::Need;
use crate::nvme::{self, Target};
use crate::stage::{CLIENT, Stage};
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "nvme-target-reset",
    cause: "linger-abort",
    summary: "SO_LINGER 0 against the kernel's NVMe target",
    needs: &[Need::Namespaces, Need::NvmeTcp],
    seconds: 2,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        from: "client",
        accused: Accused::Must(CLIENT),
        victim: Some("port 4420: NVMe over TCP"),
        cites: &["SO_LINGER"],
        server: View::Guesses(&[]),
        client: Truth::BY_SERVER.server,
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let address = SocketAddr::new(stage.address(End::Server), nvme::PORT);
    stage.is_about(address);
    let target = Target::new(stage.at(End::Server)?, address)?;
    stage.keep(target);
    let mut client = stage.actor(End::Client, CLIENT)?;
    client.expect(&format!("connect {address} linger=0"), "connected")?;
    stage.established()?;
    // Less than a header: the target waits for the rest.
    client.expect("send 4", "sent")?;
    client.expect("pause 200", "ok")?;
    client.expect("close", "ok")?;
    stage.keep(client);
    Ok(())
}

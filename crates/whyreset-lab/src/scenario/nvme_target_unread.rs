//! The kernel's own NVMe target gets what is no NVMe, and lets go of it unread.

use std::net::SocketAddr;

use super::{Scenario, Steps};
use crate::need::Need;
use crate::nvme::{self, Target};
use crate::stage::{CLIENT, Stage};
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "nvme-target-unread",
    cause: "unread-data",
    summary: "the kernel's NVMe target gets what is no NVMe",
    needs: &[Need::Namespaces, Need::NvmeTcp],
    seconds: 2,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        situation: Some("kernel-socket"),
        party: "kernel",
        accused: Accused::May(&[]),
        cites: &["never read", "the kernel itself uses", "the kernel thread"],
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let address = SocketAddr::new(stage.address(End::Server), nvme::PORT);
    stage.is_about(address);
    let target = Target::new(stage.at(End::Server)?, address)?;
    stage.keep(target);
    let mut client = stage.actor(End::Client, CLIENT)?;
    client.expect(&format!("connect {address}"), "connected")?;
    stage.established()?;
    client.expect("send 1000", "sent")?;
    client.expect("await-end", "ok")?;
    stage.keep(client);
    Ok(())
}

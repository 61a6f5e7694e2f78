//! TCP's memory is one budget for the whole machine, so that no lab may lower it.

use anyhow::bail;

use super::{Scenario, Steps};
use crate::need::Need;
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::Truth;

pub(super) static SCENARIO: Scenario = Scenario {
    id: "tcp-memory",
    cause: "tcp-memory",
    summary: "TCP out of its memory (tcp_mem)",
    needs: &[
        Need::Namespaces,
        Need::Never("net.ipv4.tcp_mem is host-wide, not per namespace: a lab must not lower it"),
    ],
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth::BY_SERVER_KERNEL,
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    bail!("not played: {}", stage.address(End::Server));
}

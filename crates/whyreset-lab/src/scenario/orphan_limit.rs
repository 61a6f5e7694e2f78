//! The orphan limit is one for the whole machine, so that no lab may lower it.

use anyhow::bail;

use super::{Scenario, Steps};
use crate::need::Need;
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::Truth;

pub(super) static SCENARIO: Scenario = Scenario {
    id: "orphan-limit",
    cause: "orphan-limit",
    summary: "more orphans than tcp_max_orphans",
    needs: &[
        Need::Namespaces,
        Need::Never("net.ipv4.tcp_max_orphans is host-wide, not per namespace: a lab must not lower it"),
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

//! The out-of-memory killer takes a server inside a control group of the lab's own.

use super::{Scenario, Steps};
use crate::cgroup::MemoryGroup;
use crate::need::Need;
use crate::stage::Stage;
use crate::topology::Host;
use crate::truth::Truth;

pub(super) static SCENARIO: Scenario = Scenario {
    id: "oom-killed",
    cause: "oom-killed",
    summary: "killed for memory with unread data",
    needs: &[Need::Namespaces, Need::MemoryGroup],
    seconds: 2,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        mechanism: Some("unread-data"),
        party: "kernel",
        cites: &["memory"],
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.leave_unread(100)?;
    let group = MemoryGroup::new(48 << 20)?;
    group.take(pair.server.pid())?;
    pair.server.tell("eat 512")?;
    pair.server.gone()?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(group);
    stage.keep(pair);
    Ok(())
}

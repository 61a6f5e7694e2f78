//! The server closes an MPTCP connection with unread data.

use super::{Scenario, Steps};
use crate::need::Need;
use crate::stage::Stage;
use crate::topology::Host;
use crate::truth::Truth;

pub(super) static SCENARIO: Scenario = Scenario {
    id: "mptcp-fastclose",
    cause: "mptcp-fastclose",
    summary: "MPTCP close() with unread data",
    needs: &[Need::Namespaces, Need::Mptcp],
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth::BY_SERVER,
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("mptcp", "mptcp")?;
    pair.leave_unread(100)?;
    pair.server.expect("close", "ok")?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}

//! Two processes hold the socket; the last one to let go leaves data unread.

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::{KEEPER, Stage};
use crate::topology::Host;
use crate::truth::{Accused, Truth};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "shared-socket",
    cause: "unread-data",
    summary: "the last of two holders closes",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        accused: Accused::Must(KEEPER),
        cites: &["never read"],
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.leave_unread(100)?;
    pair.server.expect(&format!("share 300 {KEEPER}"), "shared")?;
    pair.server.expect("close", "ok")?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}

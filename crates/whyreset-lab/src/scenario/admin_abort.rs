//! An operator destroys the server's socket with `ss -K`.

use super::{Scenario, Steps};
use crate::need::Need;
use crate::stage::Stage;
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "admin-abort",
    cause: "admin-abort",
    summary: "ss -K on the server",
    needs: &[Need::Namespaces, Need::Program("ss", "iproute2")],
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        party: "operator",
        accused: Accused::Must("ss"),
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    let from = pair.address.port().to_string();
    let to = pair.peer.port().to_string();
    let filter = [
        "-K",
        "-t",
        "state",
        "established",
        "sport",
        "=",
        &from,
        "dport",
        "=",
        &to,
    ];
    stage.at(End::Server)?.run("ss", &filter, "")?;
    pair.server.expect("recv 1", "error ECONNABORTED")?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}

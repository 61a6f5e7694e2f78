//! A thousand short connections that end with FINs: nothing to say.

use anyhow::bail;

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::{CLIENT, Stage};
use crate::topology::{End, Host};
use crate::truth::{Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "healthy",
    cause: "unknown",
    summary: "200 healthy connections a second",
    needs: NAMESPACES,
    seconds: 6,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        server: View::Silent,
        client: View::Silent,
        machine: View::Silent,
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let (mut server, address) = stage.listening("backlog=128")?;
    let mut client = stage.actor(End::Client, CLIENT)?;
    server.tell("serve 1000")?;
    client.expect(&format!("churn {address} 1000 5"), "churned")?;
    if server.hear()? != "served" {
        bail!("the server failed");
    }
    stage.keep((server, client));
    Ok(())
}

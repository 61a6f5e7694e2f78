//! The listener is closed while a connection waits to be accepted.

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::{CLIENT, Stage};
use crate::topology::{End, Host};
use crate::truth::Truth;

pub(super) static SCENARIO: Scenario = Scenario {
    id: "never-accepted",
    cause: "never-accepted",
    summary: "listener closed with a connection waiting",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth::BY_SERVER,
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    let (mut server, address) = stage.listening("")?;
    let mut client = stage.actor(End::Client, CLIENT)?;
    client.expect(&format!("connect {address}"), "connected")?;
    stage.established()?;
    server.expect("close-listener", "ok")?;
    client.expect("recv 1", "error ECONNRESET")?;
    stage.keep((server, client));
    Ok(())
}

//! An orphan waits in FIN_WAIT2 for a FIN that never comes. The kernel resets at the end of that wait
//! only where it is longer than a minute; here the limit is lowered while it waits.

use whyreset_evidence::Certainty;

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::{SERVER, Stage};
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "fin-wait-expired",
    cause: "fin-wait-expired",
    summary: "the other end never closes its half",
    needs: NAMESPACES,
    seconds: 3,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        accused: Accused::May(&[SERVER]),
        reply: false,
        client: View::Guesses(&["write-after-close"]),
        // How the socket came to its end is not reported beside the reset.
        server: View::Knows(Certainty::Likely),
        machine: View::Knows(Certainty::Likely),
        ..Truth::BY_SERVER_KERNEL
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    stage.at(End::Server)?.sysctl("net.ipv4.tcp_fin_timeout", "61")?;
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    pair.server.expect("close", "ok")?;
    pair.client.expect("recv 1", "eof")?;
    // Its kernel may take a while to acknowledge the FIN.
    pair.client.expect("pause 200", "ok")?;
    stage.at(End::Server)?.sysctl("net.ipv4.tcp_fin_timeout", "60")?;
    pair.client.expect("pause 1500", "ok")?;
    pair.client.expect("send 5", "error EPIPE")?;
    stage.keep(pair);
    Ok(())
}

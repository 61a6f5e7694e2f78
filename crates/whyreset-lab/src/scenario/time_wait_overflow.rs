//! No place in TIME_WAIT: whoever closes first is forgotten before the other end closes too.

use whyreset_evidence::Certainty;

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::{SERVER, Stage};
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "time-wait-overflow",
    cause: "time-wait-overflow",
    summary: "more closed connections than tcp_max_tw_buckets",
    needs: NAMESPACES,
    seconds: 1,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Code(play),
    truth: Truth {
        accused: Accused::May(&[SERVER]),
        benign: true,
        client: View::Guesses(&["write-after-close"]),
        server: View::Knows(Certainty::Likely),
        machine: View::Knows(Certainty::Likely),
        ..Truth::BY_SERVER_KERNEL
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    stage
        .at(End::Server)?
        .sysctl("net.ipv4.tcp_max_tw_buckets", "0")?;
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    pair.server.expect("close", "ok")?;
    pair.client.expect("recv 1", "eof")?;
    // Its kernel may take a while to acknowledge the FIN.
    pair.client.expect("pause 200", "ok")?;
    pair.client.expect("close", "ok")?;
    pair.client.expect("pause 100", "ok")?;
    stage.keep(pair);
    Ok(())
}

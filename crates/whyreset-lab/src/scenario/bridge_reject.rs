//! A bridge between the two ends, which have one network in common, rejects an open connection.

use whyreset_evidence::Certainty;

use super::{Scenario, Steps};
use crate::need::Need;
use crate::stage::Stage;
use crate::topology::Host;
use crate::truth::{Accused, Truth, View};

pub(super) static SCENARIO: Scenario = Scenario {
    id: "bridge-reject",
    cause: "firewall-reject",
    summary: "nft `reject with tcp reset` in the table of a bridge between the two",
    needs: &[
        Need::Namespaces,
        Need::Program("nft", "nftables"),
        Need::BridgeReject,
    ],
    seconds: 2,
    client: Host::Kernel,
    server: Host::Kernel,
    basic: false,
    ipv4_only: None,
    steps: Steps::Across(play),
    truth: Truth {
        party: "firewall",
        from: "between",
        accused: Accused::May(&[]),
        cites: &["dropped"],
        server: View::Silent,
        client: View::Guesses(&["injected-reset"]),
        router: Some(View::Knows(Certainty::Likely)),
        machine: View::Knows(Certainty::Likely),
        watch: &["--forwarded"],
        ..Truth::BY_SERVER
    },
};

fn play(stage: &mut Stage) -> anyhow::Result<()> {
    stage.topology()?.bridge()?;
    let mut pair = stage.connected("", "")?;
    pair.read_all(10)?;
    let rules = format!(
        "table bridge lab {{ chain in {{ type filter hook prerouting priority 0; tcp dport {} reject with tcp reset; }}; }}\n",
        pair.address.port()
    );
    stage.between()?.run("nft", &["-f", "-"], &rules)?;
    pair.client.expect("send 5", "sent")?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}

//! Somebody on the path forges resets in the server's name: with the exact number, within the window or
//! beside it, one or three in a breath, from the distance of the host whose name is used or from another.
//! One declaration for each, since they differ in these alone and in what may be known of them.

use whyreset_evidence::{Certainty, Flags};

use super::{NAMESPACES, Scenario, Steps};
use crate::stage::{Pair, Stage};
use crate::topology::{End, Host};
use crate::truth::{Accused, Truth, View};
use crate::wire::{Craft, Phantom};

/// What the server's own segments arrive with.
const ALIKE: u8 = 64;
/// What they would have from elsewhere.
const FAR: u8 = 36;
/// How far ahead of the number that the client expects.
const EXACT: &[u32] = &[0];
const IN_WINDOW: &[u32] = &[100];
const OUTSIDE: &[u32] = &[0_u32.wrapping_sub(100_000)];
const THRICE: &[u32] = &[0, 1_460, 4_380];
const THRICE_IN_WINDOW: &[u32] = &[100, 1_560, 4_480];

/// Taken by the client. The server's end stands as if nothing had happened, and only who watches it too
/// knows that it sent none.
const TAKEN: Truth = Truth {
    party: "middlebox",
    from: "between",
    accused: Accused::May(&[]),
    server: View::Silent,
    machine: View::Knows(Certainty::Likely),
    ..Truth::BY_SERVER
};
/// The header tells.
const TOLD_APART: Truth = Truth {
    client: View::Knows(Certainty::Likely),
    watch: &["--wire"],
    ..TAKEN
};
/// The kernel challenges or ignores it, and the connection lives.
const REFUSED: Truth = Truth {
    victim: None,
    client: View::Guesses(&[]),
    ..TAKEN
};

#[expect(
    clippy::large_types_passed_by_value,
    reason = "done by the compiler: nothing is passed when it runs"
)]
const fn forged(
    id: &'static str,
    summary: &'static str,
    play: fn(&mut Stage) -> anyhow::Result<()>,
    truth: Truth,
) -> Scenario {
    Scenario {
        id,
        cause: "injected-reset",
        summary,
        needs: NAMESPACES,
        seconds: 1,
        client: Host::Kernel,
        server: Host::Kernel,
        basic: false,
        ipv4_only: None,
        steps: Steps::Code(play),
        truth,
    }
}

pub(super) static SCENARIOS: [Scenario; 11] = [
    forged(
        "forged-exact",
        "forged RST, exact sequence number",
        |stage| taken(stage, FAR, EXACT),
        TAKEN,
    ),
    forged(
        "forged-alike",
        "forged RST, exact sequence number, with the TTL of the host",
        |stage| taken(stage, ALIKE, EXACT),
        Truth {
            watch: &["--wire"],
            ..TAKEN
        },
    ),
    forged(
        "forged-by-distance",
        "forged RST from another distance, headers read from the wire",
        |stage| taken(stage, FAR, EXACT),
        TOLD_APART,
    ),
    forged(
        "forged-while-sending",
        "forged RST with the exact number, and the server sends on",
        sends_on,
        Truth {
            // Its data meets no connection any more: the client's kernel resets it in turn.
            server: View::Guesses(&[]),
            client: View::Knows(Certainty::Likely),
            cites: &["went on after it with"],
            ..TAKEN
        },
    ),
    forged(
        "forged-in-window",
        "forged RST within the window: refused",
        |stage| refused(stage, FAR, IN_WINDOW),
        REFUSED,
    ),
    forged(
        "forged-in-window-alike",
        "forged RST within the window, with the TTL of the host: refused",
        |stage| refused(stage, ALIKE, IN_WINDOW),
        REFUSED,
    ),
    forged(
        "forged-outside",
        "forged RST outside the window: ignored",
        |stage| refused(stage, FAR, OUTSIDE),
        REFUSED,
    ),
    forged(
        "forged-outside-alike",
        "forged RST outside the window, with the TTL of the host: ignored",
        |stage| refused(stage, ALIKE, OUTSIDE),
        REFUSED,
    ),
    forged(
        "forged-thrice",
        "three forged RSTs in one breath, with the TTL of the host",
        |stage| taken(stage, ALIKE, THRICE),
        TOLD_APART,
    ),
    forged(
        "forged-thrice-far",
        "three forged RSTs in one breath, from another distance",
        |stage| taken(stage, FAR, THRICE),
        TOLD_APART,
    ),
    forged(
        "forged-thrice-in-window",
        "three forged RSTs within the window: refused",
        |stage| refused(stage, FAR, THRICE_IN_WINDOW),
        REFUSED,
    ),
];

/// A connection on which something was sent, and resets of these numbers in the server's name.
fn forge(stage: &mut Stage, ttl: u8, ahead: &[u32]) -> anyhow::Result<Pair> {
    let mut pair = stage.connected("", "")?;
    let mut forger = Phantom::new(stage.tap(End::Server)?, End::Server);
    pair.read_all(10)?;
    let seen = forger.hear(Flags::PSH, 0)?;
    let mut reset = Craft::new(seen.destination, seen.source, Flags::RST);
    reset.ttl = ttl;
    for ahead in ahead {
        reset.seq = seen.segment.ack.wrapping_add(*ahead);
        forger.say(&reset)?;
    }
    Ok(pair)
}

fn taken(stage: &mut Stage, ttl: u8, ahead: &[u32]) -> anyhow::Result<()> {
    let mut pair = forge(stage, ttl, ahead)?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    stage.keep(pair);
    Ok(())
}

fn sends_on(stage: &mut Stage) -> anyhow::Result<()> {
    let mut pair = forge(stage, FAR, EXACT)?;
    pair.client.expect("recv 1", "error ECONNRESET")?;
    pair.server.expect("send 40", "sent")?;
    stage.keep(pair);
    Ok(())
}

fn refused(stage: &mut Stage, ttl: u8, ahead: &[u32]) -> anyhow::Result<()> {
    let mut pair = forge(stage, ttl, ahead)?;
    pair.client.expect("pause 200", "ok")?;
    pair.read_all(10)?;
    stage.keep(pair);
    Ok(())
}

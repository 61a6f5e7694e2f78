//! The same connection as the server's own capture has it, where a capture is the client's. Refuses what
//! was captured elsewhere.

use super::talk::{Frame, Talk};

/// By how much the server's clock is ahead, microseconds.
const AHEAD: i64 = 3_000_000;

const fn initial(ttl: u8) -> u8 {
    match ttl {
        0..=64 => 64,
        65..=128 => 128,
        129..=255 => 255,
    }
}

/// What passed at the server: all but what something between made, half a round trip earlier or later.
pub fn at_server(talk: &Talk) -> Option<Talk> {
    let [client, server] = &talk.ends;
    let hops = initial(server.ttl) - server.ttl;
    if client.ttl != client.stack.initial_ttl() || hops == 0 {
        return None;
    }
    let way = talk.rtt / 2 - 50;
    let moved = |frame: &Frame| Frame {
        at: frame.at + AHEAD + if frame.server { -way } else { way },
        ttl: if frame.server {
            initial(frame.ttl)
        } else {
            frame.ttl - hops
        },
        ..frame.clone()
    };
    let mut frames: Vec<Frame> = talk
        .frames
        .iter()
        .filter(|frame| !frame.forged)
        .map(moved)
        .collect();
    frames.sort_by_key(|frame| frame.at);
    Some(Talk {
        frames,
        ..talk.clone()
    })
}

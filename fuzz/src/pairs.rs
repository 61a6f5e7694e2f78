//! Connections made by hand that two places saw, in the bytes of a script, for the corpus. Refuses to
//! say their causes.

use crate::stories::{
    ACK, AGAIN, AT_CLIENT, AT_SERVER, CLOSED, DATA, HOUR, LATER, RST, RST_ACK, Record, SECOND, SERVER, SOON,
    SYN, TTL, answered, asked, plain, record, reset, said,
};

/// Each pair: name, how, how far apart, script.
pub fn all() -> Vec<(&'static str, u8, u8, Vec<u8>)> {
    let s = SERVER;
    let far = 3 | 5 << 3;
    let only = |place: u8, mut step: Record| {
        step[0] |= place;
        step
    };
    let injected = |flow: u8| {
        asked(
            flow,
            &[
                only(AT_CLIENT, record(flow | s, RST, 0, 0, TTL, 0, LATER, 62)),
                only(AT_SERVER, said(flow | s, 1, SOON)),
                only(AT_SERVER, record(flow | s, DATA, AGAIN, 0, 0, 0, SECOND, 0)),
                only(AT_SERVER, said(flow | s, 1, SECOND)),
            ],
        )
    };
    let sent = asked(0, &[reset(s, RST_ACK, LATER)]);
    let swallowed = asked(
        0,
        &[
            only(AT_SERVER, reset(s, RST_ACK, LATER)),
            said(0, 0, SECOND),
            said(0, 0, SECOND),
        ],
    );
    let changed = asked(
        0,
        &[
            only(AT_SERVER, reset(s, RST_ACK, LATER)),
            only(AT_CLIENT, record(s, RST_ACK, 0, 0, 2 << 2, 0, 0, 0)),
        ],
    );
    let forgotten = answered(
        0,
        &[
            only(AT_CLIENT, said(0, 0, HOUR)),
            only(AT_CLIENT, reset(s, RST, SOON)),
            plain(2, SYN, SECOND),
        ],
    );
    let lossy = asked(
        0,
        &[
            only(AT_SERVER, record(0, DATA, 0, 4, 0, 0, SOON, 0)),
            plain(s, ACK, SOON),
            only(AT_CLIENT, reset(s, RST_ACK, SOON)),
        ],
    );
    let syn_only = vec![
        plain(0, SYN, SOON),
        only(AT_CLIENT, record(s, RST_ACK, 4, 0, CLOSED, 0, LATER, 0)),
        plain(2, SYN, SECOND),
    ];
    [
        ("injected", 1, far, injected(0)),
        ("injected-v6", 1, far, injected(4)),
        ("sent", 1, far, sent.clone()),
        ("sent-translated", 3, far, sent),
        ("swallowed", 1, far, swallowed),
        ("changed", 1, far, changed),
        ("forgotten", 3, far, forgotten),
        ("lossy", 0x21, 0, lossy),
        ("refused-between", 1, far, syn_only),
        ("injected-near", 0xf3, 1, injected(0)),
    ]
    .into_iter()
    .map(|(name, how, apart, story)| (name, how, apart, story.concat()))
    .collect()
}

//! Connections made by hand in the bytes of a script, for the corpus: one for each way in which
//! resets come about. Refuses to say their causes: fuzzing asks for no right answer.

/// A record: who, flags, numbers, length, shape, options, time, amount.
pub(crate) type Record = [u8; 8];

pub(crate) const SERVER: u8 = 8;
pub(crate) const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
pub(crate) const ACK: u8 = 0x10;
pub(crate) const DATA: u8 = 0x18;
const FIN: u8 = 0x11;
pub(crate) const RST: u8 = 0x04;
pub(crate) const RST_ACK: u8 = 0x14;
const ICMP: u8 = 0xff;
/// Options of a SYN: timestamps and a scale.
const FULL: u8 = 3;
/// A canned payload, chosen by the amount.
const SAID: u8 = 0x80;
/// A window of zero.
pub(crate) const CLOSED: u8 = 1 << 2;
/// A TTL that the amount says.
pub(crate) const TTL: u8 = 3;
/// What this end sent last, once more.
pub(crate) const AGAIN: u8 = 0x80;
/// Capture marks.
const IN: u8 = 2 << 6;
const OUT: u8 = 3 << 6;
/// Captured at the client's place only.
pub(crate) const AT_CLIENT: u8 = 2 << 4;
/// Captured at the server's place only.
pub(crate) const AT_SERVER: u8 = 1 << 4;
/// 0.1 ms, 38 ms, 5 s, 84 s, 89 min.
pub(crate) const SOON: u8 = 0x0a;
pub(crate) const LATER: u8 = 0x4f;
pub(crate) const SECOND: u8 = 0x88;
const MINUTE: u8 = 0xb2;
pub(crate) const HOUR: u8 = 0xe2;

pub(crate) const fn record(
    who: u8,
    flags: u8,
    numbers: u8,
    length: u8,
    shape: u8,
    options: u8,
    time: u8,
    amount: u8,
) -> Record {
    [who, flags, numbers, length, shape, options, time, amount]
}

pub(crate) const fn plain(who: u8, flags: u8, time: u8) -> Record {
    record(who, flags, 0, 0, 0, 0, time, 0)
}

pub(crate) const fn said(who: u8, what: u8, time: u8) -> Record {
    record(who, DATA, 0, 0, 0, SAID, time, what)
}

pub(crate) const fn reset(who: u8, flags: u8, time: u8) -> Record {
    record(
        who,
        flags,
        0,
        0,
        if flags == RST { CLOSED } else { 0 },
        0,
        time,
        0,
    )
}

/// A handshake of this connection.
fn opened(flow: u8) -> Vec<Record> {
    vec![
        record(flow, SYN, 0, 0, 4 << 2, FULL, SOON, 7),
        record(flow | SERVER, SYN_ACK, 0, 0, 4 << 2, FULL, SOON, 7),
        plain(flow, ACK, SOON),
    ]
}

fn then(mut begun: Vec<Record>, more: &[Record]) -> Vec<Record> {
    begun.extend(more);
    begun
}

pub(crate) fn asked(flow: u8, more: &[Record]) -> Vec<Record> {
    let mut story = then(
        opened(flow),
        &[said(flow, 0, SOON), plain(flow | SERVER, ACK, SOON)],
    );
    story.extend(more);
    story
}

pub(crate) fn answered(flow: u8, more: &[Record]) -> Vec<Record> {
    let mut story = asked(flow, &[said(flow | SERVER, 1, SOON), plain(flow, ACK, SOON)]);
    story.extend(more);
    story
}

fn told() -> Vec<(&'static str, Vec<Record>)> {
    let s = SERVER;
    vec![
        (
            "refused",
            vec![plain(0, SYN, SOON), record(s, RST_ACK, 4, 0, CLOSED, 0, SOON, 0)],
        ),
        (
            "refused-v6",
            vec![
                plain(4, SYN, SOON),
                record(4 | s, RST_ACK, 4, 0, CLOSED, 0, SOON, 0),
            ],
        ),
        (
            "refused-with-number",
            vec![plain(0, SYN, SOON), record(s, RST_ACK, 3, 0, CLOSED, 0, SOON, 77)],
        ),
        (
            "abandoned",
            vec![
                plain(0, SYN, SOON),
                record(0, SYN, AGAIN, 0, 0, 0, SECOND, 0),
                plain(s, SYN_ACK, LATER),
                reset(0, RST, SOON),
            ],
        ),
        ("aborted", asked(0, &[reset(s, RST_ACK, LATER)])),
        ("aborted-v6", asked(4, &[reset(4 | s, RST_ACK, LATER)])),
        (
            "unread",
            asked(
                0,
                &[
                    record(0, DATA, 0, 7, 0, 0, SOON, 0),
                    reset(s, RST_ACK, LATER),
                    reset(s, RST, SOON),
                ],
            ),
        ),
        (
            "late-write",
            answered(
                0,
                &[
                    plain(s, FIN, LATER),
                    plain(0, ACK, SOON),
                    said(0, 0, LATER),
                    reset(s, RST, SOON),
                ],
            ),
        ),
        (
            "late-alert",
            answered(
                4,
                &[
                    plain(4 | s, FIN, LATER),
                    plain(4, ACK, SOON),
                    said(4, 3, LATER),
                    plain(4, FIN, SOON),
                    reset(4 | s, RST, SOON),
                    reset(4 | s, RST, SOON),
                ],
            ),
        ),
        ("idle", answered(0, &[said(0, 0, MINUTE), reset(s, RST, SOON)])),
        (
            "idle-told",
            answered(0, &[record(s, RST_ACK, 0, 0, 0, SAID, HOUR, 6)]),
        ),
        (
            "probed",
            answered(
                0,
                &[
                    record(0, ACK, 2, 0, 0, 0, MINUTE, 0),
                    record(0, ACK, 2, 0, 0, 0, MINUTE, 0),
                    record(0, ACK, 2, 3, 0, 0, MINUTE, 0),
                    record(0, RST_ACK, 0, 0, 0, 0, MINUTE, 0),
                ],
            ),
        ),
        (
            "in-vain",
            then(
                opened(0),
                &[
                    said(0, 0, SOON),
                    record(0, DATA, AGAIN, 0, 0, 0, SECOND, 0),
                    record(0, DATA, AGAIN, 0, 0, 0, SECOND, 0),
                    record(0, DATA, AGAIN, 0, 0, 0, SECOND, 0),
                    reset(s, RST, MINUTE),
                ],
            ),
        ),
        (
            "forged-burst",
            asked(
                0,
                &[
                    record(s, RST, 0, 0, TTL, 0, SOON, 250),
                    record(s, RST, 3, 0, TTL, 0, SOON, 250),
                    record(s, RST, 6, 0, TTL, 0, SOON, 250),
                    said(s, 1, SOON),
                    plain(0, ACK, SOON),
                ],
            ),
        ),
        (
            "mirrored",
            asked(
                0,
                &[
                    record(s, RST_ACK, 0x60, 0, 0, 0, SOON, 0),
                    record(s, 0xd4, 0xe0, 0, 0, 0, SOON, 1),
                ],
            ),
        ),
        (
            "icmp",
            asked(
                0,
                &[
                    said(0, 0, SOON),
                    plain(0, ICMP, SOON),
                    record(s, RST, 0, 0, TTL, 0, SOON, 60),
                ],
            ),
        ),
        (
            "icmp-v6",
            asked(
                5,
                &[
                    said(5, 0, SOON),
                    plain(5, ICMP, SOON),
                    reset(5 | s, RST_ACK, SOON),
                ],
            ),
        ),
        (
            "multipath",
            asked(
                0,
                &[
                    record(s, RST_ACK, 0, 0, 0, 4, SOON, 3),
                    record(0, RST_ACK, 0, 0, 0, 8, SOON, 0),
                ],
            ),
        ),
        (
            "wrong-protocol",
            then(
                opened(0),
                &[said(0, 2, SOON), said(s, 1, SOON), reset(s, RST_ACK, SOON)],
            ),
        ),
        (
            "ssh",
            then(opened(5), &[said(5 | s, 4, SOON), reset(5, RST_ACK, SOON)]),
        ),
        (
            "half-open",
            vec![plain(0, SYN, SOON), plain(s, SYN_ACK, SOON), reset(0, RST, SOON)],
        ),
        ("stray", vec![said(0, 0, SOON), reset(s, RST, SOON)]),
        (
            "stray-syn",
            answered(
                0,
                &[
                    record(0, SYN, 6, 0, 0, FULL, LATER, 9),
                    plain(s, ACK, SOON),
                    reset(0, RST, SOON),
                ],
            ),
        ),
        (
            "zero-window",
            asked(
                0,
                &[
                    record(s, ACK, 0, 0, CLOSED, 0, SOON, 0),
                    record(0, ACK, 2, 3, 0, 0, SECOND, 0),
                    reset(s, RST_ACK, MINUTE),
                ],
            ),
        ),
        (
            "untranslated",
            then(answered(0, &[]), &[said(3, 0, MINUTE), reset(3 | s, RST, SOON)]),
        ),
        (
            "routed",
            [IN, OUT].iter().fold(Vec::new(), |mut story, way| {
                for (index, mut step) in asked(0, &[reset(s, RST_ACK, LATER)]).into_iter().enumerate() {
                    step[0] |= way;
                    if *way == OUT {
                        step[2] |= AGAIN;
                        step[4] |= TTL;
                        step[7] = 63;
                    }
                    story.insert((index * 2 + usize::from(*way == OUT)).min(story.len()), step);
                }
                story
            }),
        ),
        (
            "made-here",
            asked(0, &[record(OUT | s, RST_ACK, 0, 0, 0, 0, SOON, 0)])
                .into_iter()
                .map(|mut step| {
                    step[0] |= IN;
                    step
                })
                .collect(),
        ),
        (
            "paws",
            asked(0, &[record(0, DATA, 0, 4, 0, 0x41, SOON, 0), reset(s, RST, SOON)]),
        ),
        (
            "lossy",
            asked(
                0,
                &[
                    record(0, DATA, 3, 4, 0, 0x20, SOON, 99),
                    record(s, ACK, 0x10, 0, 0, 0, SOON, 4),
                    reset(s, RST, SOON),
                ],
            ),
        ),
        (
            "damaged",
            asked(
                0,
                &[
                    record(0, DATA, 0, 0, 2 << 5, SAID, SOON, 0),
                    record(s, ACK, 0, 0, 2 << 5, 0, SOON, 0),
                    record(s, RST, 0, 0, 3 << 5, 0, SOON, 0),
                ],
            ),
        ),
        (
            "cut",
            vec![
                record(0, SYN, 0, 0, 0x80, FULL, SOON, 7),
                record(s, SYN_ACK, 0, 0, 0x80, FULL, SOON, 7),
                record(s, RST_ACK, 0, 5, 0x80, 0, SOON, 0),
            ],
        ),
        (
            "clock-back",
            asked(0, &[plain(0, ACK, 0xff), reset(s, RST_ACK, 0xff)]),
        ),
        (
            "self",
            then(opened(7), &[said(7, 0, SOON), reset(7, RST_ACK, SOON)]),
        ),
        (
            "many",
            (0..40)
                .flat_map(|_| {
                    [
                        plain(1, SYN, SOON),
                        record(1 | s, RST_ACK, 4, 0, CLOSED, 0, SECOND, 0),
                    ]
                })
                .collect(),
        ),
        (
            "several",
            (0..4)
                .flat_map(|flow| asked(flow, &[]))
                .chain((0..4).map(|flow| reset(flow | s, RST_ACK, LATER)))
                .collect(),
        ),
    ]
}

/// The scripts of one place.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let bytes = |(name, story): (&'static str, Vec<Record>)| (name, story.concat());
    told().into_iter().map(bytes).collect()
}

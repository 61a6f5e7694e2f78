//! Hand-written traces as lists of segments that a capture may lose, repeat or reorder.

use std::net::SocketAddr;

use whyreset_causes::{CATALOG, Page, UNKNOWN, judge};
use whyreset_evidence::{Certainty, Host, Origin, Party, Verdict};
use whyreset_flow::script::{Passing, each};
use whyreset_flow::{Packet, Table, Told};

/// One line of a trace.
#[derive(Clone)]
pub struct Frame {
    pub at: u64,
    /// Its line among those that pass, for messages.
    pub line: usize,
    pub what: What,
}

#[derive(Clone)]
pub enum What {
    /// A segment, and its payload.
    Segment(Packet<'static>, Vec<u8>),
    /// A router's error about a segment.
    Error(SocketAddr, SocketAddr, u32),
}

/// A trace of a page.
pub struct Trace {
    /// `injected-reset.md line 12`.
    pub place: String,
    pub frames: Vec<Frame>,
}

/// Every trace of packets of every page.
pub fn all() -> Vec<Trace> {
    let causes = CATALOG.iter().copied().chain([&UNKNOWN]);
    causes
        .flat_map(|cause| {
            Page::of(cause)
                .packets()
                .into_iter()
                .map(move |case| (cause, case))
        })
        .map(|(cause, case)| Trace {
            place: format!("{}.md line {}", cause.id, case.line),
            frames: frames(case.facts),
        })
        .collect()
}

/// The segments of one.
pub fn frames(text: &str) -> Vec<Frame> {
    let mut frames = Vec::new();
    each(text, &mut |passing| {
        let (at, what) = match passing {
            Passing::Segment(packet) => {
                let payload = packet.payload.to_vec();
                (
                    packet.at,
                    What::Segment(
                        Packet {
                            payload: &[],
                            ..packet
                        },
                        payload,
                    ),
                )
            }
            Passing::Error {
                at,
                source,
                destination,
                seq,
            } => (at, What::Error(source, destination, seq)),
        };
        frames.push(Frame {
            at,
            line: frames.len() + 1,
            what,
        });
    })
    .unwrap();
    frames
}

impl Frame {
    /// The segment, with the number that it has in a broken capture.
    pub fn packet(&self, number: u64) -> Option<Packet<'_>> {
        match &self.what {
            What::Segment(packet, payload) => Some(Packet {
                at: self.at,
                frame: number,
                payload,
                ..*packet
            }),
            What::Error(..) => None,
        }
    }

    pub fn is_reset(&self) -> bool {
        matches!(&self.what, What::Segment(packet, _) if packet.flags.rst())
    }
}

/// What is told of such a capture; `each` sees every segment too.
pub fn play(name: &str, frames: &[Frame], each: &mut dyn FnMut(&Packet<'_>)) -> Vec<Told> {
    let mut table = Table::new(64, name);
    let mut told = Vec::new();
    for (number, frame) in (1..).zip(frames) {
        match (&frame.what, frame.packet(number)) {
            (What::Error(source, destination, seq), _) => {
                table.icmp(frame.at, *source, *destination, Some(*seq));
            }
            (_, Some(packet)) => {
                each(&packet);
                table.add(&packet, &mut |one| told.push(one));
            }
            (_, None) => {}
        }
    }
    table.finish(&mut |one| told.push(one));
    told
}

/// The verdicts on such a capture.
pub fn verdicts(frames: &[Frame]) -> Vec<Verdict> {
    let told = play("", frames, &mut |_| {});
    told.iter().map(|one| judge(&one.dossier)).collect()
}

/// Whether it accuses something that is neither end, at least as likely.
pub fn accuses_between(verdict: &Verdict) -> bool {
    let party = matches!(verdict.sender.party, Party::Firewall | Party::Middlebox);
    let between = verdict.reset.from == Origin::Between || verdict.sender.host == Host::Between;
    (party || between) && verdict.cause.certainty >= Certainty::Likely
}

/// Whether all these verdicts name one of the two ends: a trace that an end reset.
pub fn sent_by_an_end(verdicts: &[Verdict]) -> bool {
    !verdicts.is_empty()
        && verdicts.iter().all(|verdict| {
            let known = verdict.cause.certainty > Certainty::Unknown;
            let end = matches!(verdict.reset.from, Origin::End(_)) && verdict.sender.host != Host::Between;
            let party = !matches!(verdict.sender.party, Party::Firewall | Party::Middlebox);
            known && end && party
        })
}

/// `lost 3, again 4`: what was done to a trace, as tests print it.
pub fn shown(frames: &[Frame]) -> String {
    let lines: Vec<String> = frames.iter().map(|frame| frame.line.to_string()).collect();
    format!("lines {}", lines.join(" "))
}

/// Numbers that look random and are the same in every run (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((word ^ (word >> 31)) >> 1).unwrap_or(0) % sides
    }
}

/// Lost, repeated and reordered by chance, as one capture of it may be. Times stay in order where the
/// capture stamps what it writes, and go with the frames where the card does.
pub fn broken(frames: &[Frame], dice: &mut Dice) -> Vec<Frame> {
    let odds = [4, 8, 16][dice.roll(3)];
    let mut out: Vec<Frame> = Vec::new();
    for frame in frames {
        if dice.roll(odds) == 0 {
            continue;
        }
        out.push(frame.clone());
        if dice.roll(odds) == 0 {
            let late = dice.roll(3) as u64 * 20_000;
            out.push(Frame {
                at: frame.at + late,
                ..frame.clone()
            });
        }
    }
    let mut index = 1;
    while index < out.len() {
        // What a capture writes in another order was on its way at the same time.
        let near = out[index].at.abs_diff(out[index - 1].at) < 1_500_000;
        if near && dice.roll(odds) == 0 {
            swap(&mut out, index, dice.roll(2) == 0);
            index += 1;
        }
        index += 1;
    }
    out
}

/// Two neighbours change places.
pub fn swap(frames: &mut [Frame], second: usize, with_times: bool) {
    let [one, two] = &mut frames[second - 1..=second] else {
        return;
    };
    std::mem::swap(one, two);
    if !with_times {
        std::mem::swap(&mut one.at, &mut two.at);
    }
}

/// Whether a SYN and a reset are all that is left: with the handshake and all after it lost, nothing
/// tells a reset of that connection from a box's answer to the SYN.
pub fn says_nothing(frames: &[Frame]) -> bool {
    frames.iter().all(|frame| match &frame.what {
        What::Segment(packet, _) => packet.flags.rst() || packet.flags.syn() && !packet.flags.ack(),
        What::Error(..) => false,
    })
}

/// Every single loss, repetition and change of places.
pub fn once_broken(frames: &[Frame]) -> Vec<(String, Vec<Frame>)> {
    let mut out = Vec::new();
    for index in 0..frames.len() {
        let line = frames[index].line;
        let mut lost = frames.to_vec();
        lost.remove(index);
        out.push((format!("lost {line}"), lost));
        for (word, late) in [("at once", 0), ("soon", 30_000), ("later", 5_000_000)] {
            let mut twice = frames.to_vec();
            let copy = Frame {
                at: frames[index].at + late,
                ..frames[index].clone()
            };
            let place = twice.partition_point(|frame| frame.at <= copy.at).max(index + 1);
            twice.insert(place, copy);
            out.push((format!("twice {line} {word}"), twice));
        }
        if index > 0 {
            for (word, with_times) in [("alone", false), ("with their times", true)] {
                let mut swapped = frames.to_vec();
                swap(&mut swapped, index, with_times);
                out.push((format!("{line} before its neighbour, {word}"), swapped));
            }
        }
        out.push((format!("begun after {line}"), frames[index + 1..].to_vec()));
        out.push((format!("ended before {line}"), frames[..index].to_vec()));
    }
    out
}

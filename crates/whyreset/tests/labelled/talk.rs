//! One connection as frames of a capture: two stacks, their distances, numbers and clocks. Refuses to
//! know who reset it.

use super::stack::{Shape, Stack};

pub const FIN: u16 = 0x01;
pub const SYN: u16 = 0x02;
pub const RST: u16 = 0x04;
pub const PSH: u16 = 0x08;
pub const ACK: u16 = 0x10;
/// The former nonce-sum bit and its neighbours.
pub const RESERVED: u16 = 0x0700;

/// Numbers that look random and are the same in every run (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((word ^ (word >> 31)) >> 33).unwrap() % sides
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.roll(u32::try_from(choices.len()).unwrap()) as usize]
    }
}

/// A TCP segment, or a router's error about one.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Microseconds.
    pub at: i64,
    /// From the server; else from the client.
    pub server: bool,
    pub ttl: u8,
    pub id: u16,
    pub flags: u16,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    /// Timestamps, of a stack that has agreed on them.
    pub stamp: Option<(u32, u32)>,
    /// Options of a SYN.
    pub options: &'static [u8],
    pub payload: Vec<u8>,
    /// A router at this address says that it let nothing pass of the segment quoted here.
    pub error_from: Option<[u8; 4]>,
    /// Something between made it.
    pub forged: bool,
}

/// One end.
#[derive(Clone, Debug)]
pub struct End {
    pub stack: Stack,
    /// What is left of its TTL at the capture.
    pub ttl: u8,
    pub next: u32,
    pub acked: u32,
    pub id: u16,
    pub window: u16,
    pub stamp: u32,
}

/// A connection while it is made.
#[derive(Clone)]
pub struct Talk {
    pub frames: Vec<Frame>,
    pub ends: [End; 2],
    /// Microseconds, and the round trip.
    pub now: i64,
    pub rtt: i64,
    /// Both ends have timestamps.
    pub stamps: bool,
}

impl Talk {
    /// Two stacks at these distances from the capture.
    pub fn new(stacks: [Stack; 2], hops: [u8; 2], dice: &mut Dice) -> Self {
        let end = |stack: Stack, hops: u8, dice: &mut Dice| End {
            stack,
            ttl: stack.initial_ttl() - hops,
            next: dice.roll(u32::MAX),
            acked: 0,
            id: u16::try_from(1 + dice.roll(60_000)).unwrap(),
            window: stack.window(),
            stamp: dice.roll(1 << 30),
        };
        let rtt = 2_000 + i64::from(hops[0] + hops[1]) * 4_000 + i64::from(dice.roll(3_000));
        Self {
            frames: Vec::new(),
            ends: [end(stacks[0], hops[0], dice), end(stacks[1], hops[1], dice)],
            now: i64::from(dice.roll(1_000_000)),
            rtt,
            stamps: stacks.iter().all(|stack| stack.stamps()),
        }
    }

    pub fn wait(&mut self, microseconds: i64) {
        self.now += microseconds;
    }

    /// An ordinary segment of an end, with its own numbers.
    pub fn send(&mut self, server: bool, flags: u16, payload: &[u8]) {
        let [own, other] = [usize::from(server), usize::from(!server)];
        let peer = self.ends[other].next;
        let open = flags & SYN != 0;
        let end = &mut self.ends[own];
        let frame = Frame {
            at: self.now,
            server,
            ttl: end.ttl,
            id: end.stack.next_id(&mut end.id, open && server),
            flags,
            seq: end.next,
            ack: if flags & ACK != 0 { peer } else { 0 },
            window: if open { end.stack.opening() } else { end.window },
            stamp: None,
            options: if open { end.stack.options() } else { &[] },
            payload: payload.to_vec(),
            error_from: None,
            forged: false,
        };
        let length = u32::try_from(payload.len()).unwrap();
        end.next = end
            .next
            .wrapping_add(length + u32::from(open) + u32::from(flags & FIN != 0));
        if flags & ACK != 0 {
            end.acked = peer;
        }
        self.push(frame);
    }

    /// What an end's own stack sends: an abort of a socket, or an answer without one.
    pub fn reset(&mut self, server: bool, shape: Shape) {
        let [own, other] = [usize::from(server), usize::from(!server)];
        let (next, acked) = (self.ends[other].next, self.ends[other].acked);
        let stamps = self.stamps;
        let end = &mut self.ends[own];
        let made = end.stack.reset(shape, &mut end.id, end.window);
        let (seq, ack) = match shape {
            Shape::Refusal => (0, next),
            Shape::Abort => (end.next, next),
            Shape::Stray if made.flags & ACK != 0 => (acked, acked),
            Shape::Stray => (acked, 0),
        };
        let frame = Frame {
            at: self.now,
            server,
            ttl: end.ttl,
            id: made.id,
            flags: made.flags,
            seq,
            ack,
            window: made.window,
            stamp: (made.stamped && stamps).then_some((end.stamp, 0)),
            options: &[],
            payload: Vec::new(),
            error_from: None,
            forged: false,
        };
        self.frames.push(frame);
    }

    /// A segment that neither end made.
    pub fn forge(&mut self, frame: Frame) {
        self.frames.push(frame);
    }

    /// A router's error about what the client sent last.
    pub fn error(&mut self, from: [u8; 4]) {
        let quoted = self.frames.iter().rev().find(|frame| !frame.server).cloned();
        let error = Frame {
            at: self.now,
            error_from: Some(from),
            forged: true,
            ..quoted.expect("the client has spoken")
        };
        self.frames.push(error);
    }

    fn push(&mut self, mut frame: Frame) {
        if self.stamps {
            let own = usize::from(frame.server);
            let echo = self.ends[1 - own].stamp;
            let end = &mut self.ends[own];
            end.stamp = end
                .stamp
                .wrapping_add(u32::try_from(self.rtt / 1_000 + 1).unwrap());
            frame.stamp = Some((end.stamp, echo));
        }
        self.frames.push(frame);
    }

    /// A handshake.
    pub fn open(&mut self) {
        self.send(false, SYN, b"");
        self.wait(self.rtt);
        self.send(true, SYN | ACK, b"");
        self.wait(30);
        self.send(false, ACK, b"");
    }

    /// A request.
    pub fn ask(&mut self, payload: &[u8]) {
        self.wait(200);
        self.send(false, PSH | ACK, payload);
    }

    /// Its acknowledgment and an answer, and that one's acknowledgment.
    pub fn answer(&mut self, payload: &[u8]) {
        self.wait(self.rtt);
        self.send(true, ACK, b"");
        self.wait(700);
        self.send(true, PSH | ACK, payload);
        self.wait(40);
        self.send(false, ACK, b"");
    }

    /// The last segment of one end.
    pub fn last(&self, server: bool) -> &Frame {
        let mut of_end = self.frames.iter().rev().filter(|frame| frame.server == server);
        of_end
            .find(|frame| frame.flags & RST == 0 && frame.error_from.is_none())
            .expect("it has spoken")
    }
}

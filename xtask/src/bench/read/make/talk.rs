//! One connection of a made capture, from its SYN to its last segment. Its addresses, its manner
//! and its end follow from its number, so that how many resets there are is known beforehand.

use super::frame::{ACK, Addresses, FIN, FULL, Options, PSH, RST, SYN, Segment};

/// What connections of a capture do between their handshake and their end.
#[derive(Clone, Copy)]
pub enum Manner {
    /// Small requests and answers in turn.
    Chat,
    /// One request, then data from the server, two segments to an acknowledgement.
    Bulk {
        /// Bytes of a data segment.
        payload: usize,
    },
}

/// How it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// FIN from both.
    Close,
    /// One end gives up with data unread or unsent: RST and ACK, the window still told.
    Abort,
    /// The server closes, data comes all the same, and a kernel without the connection answers it.
    Stateless,
}

/// A connection under way.
pub struct Talk {
    number: u64,
    step: u32,
    /// Segments between handshake and end.
    middle: u32,
    end: End,
    manner: Manner,
    /// Of client and server: what is sent next.
    next: [u32; 2],
    /// Of client and server: the timestamp told last.
    told: [u32; 2],
}

const CLIENT: usize = 0;
const SERVER: usize = 1;
/// Client addresses; a client takes another port each time that the numbers have gone round.
const CLIENTS: u64 = 40_000;
const SERVERS: u64 = 500;
/// None whose payload a dissector would put together or find broken: a rival must not be slowed by
/// payload that no such service sends.
const SERVICES: [u16; 5] = [443, 80, 7001, 9001, 9090];

impl Talk {
    /// `random` seeds its sequence numbers.
    pub fn new(number: u64, manner: Manner, end: End, middle: u32, random: u64) -> Self {
        Self {
            number,
            step: 0,
            middle,
            end,
            manner,
            next: [low(random), low(random >> 32)],
            told: [0; 2],
        }
    }

    /// Its next segment, and whether that was the last; `at` in microseconds.
    pub fn advance(&mut self, at: u64) -> (Segment, bool) {
        let (from, flags, payload) = self.what();
        let (stateless, to) = (flags == RST, 1 - from);
        let options = self.options(from, flags, low(at / 1000));
        let segment = Segment {
            addresses: addresses(self.number, from == CLIENT),
            ports: ports(self.number, from == CLIENT),
            sequence: self.next[from],
            acknowledged: if flags & ACK == 0 { 0 } else { self.next[to] },
            flags,
            window: if stateless { 0 } else { 502 },
            options,
            ttl: if from == CLIENT { 57 } else { 64 },
            ip_id: if stateless {
                0
            } else {
                low16(self.number * 31 + u64::from(self.step))
            },
            payload,
        };
        let advance = low(payload as u64) + u32::from(flags & (SYN | FIN) != 0);
        self.next[from] = self.next[from].wrapping_add(advance);
        self.step += 1;
        (segment, self.step == 3 + self.middle + closing(self.end))
    }

    /// Who sends, flags, payload.
    fn what(&self) -> (usize, u8, usize) {
        match self.step {
            0 => return (CLIENT, SYN, 0),
            1 => return (SERVER, SYN | ACK, 0),
            2 => return (CLIENT, ACK, 0),
            _ => {}
        }
        let step = self.step - 3;
        if step < self.middle {
            return match self.manner {
                Manner::Chat => {
                    let from = if step.is_multiple_of(2) { CLIENT } else { SERVER };
                    (
                        from,
                        PSH | ACK,
                        2 + (low(self.number).wrapping_add(step * 5) % 16) as usize,
                    )
                }
                Manner::Bulk { .. } if step == 0 => (CLIENT, PSH | ACK, 120),
                Manner::Bulk { .. } if step.is_multiple_of(3) => (CLIENT, ACK, 0),
                Manner::Bulk { payload } => (SERVER, ACK, payload.min(FULL)),
            };
        }
        match (self.end, step - self.middle) {
            (End::Close, 0) => (CLIENT, FIN | ACK, 0),
            (End::Close, 1) => (SERVER, ACK, 0),
            (End::Close, 2) | (End::Stateless, 0) => (SERVER, FIN | ACK, 0),
            (End::Abort, _) if (self.number / 100).is_multiple_of(2) => (SERVER, RST | ACK, 0),
            (End::Abort, _) => (CLIENT, RST | ACK, 0),
            (End::Stateless, 2) => (CLIENT, PSH | ACK, 9),
            (End::Stateless, 3) => (SERVER, RST, 0),
            _ => (CLIENT, ACK, 0),
        }
    }

    /// Every third connection is between hosts that use timestamps; `clock` in milliseconds.
    fn options(&mut self, from: usize, flags: u8, clock: u32) -> Options {
        if flags == RST {
            return Options::None;
        }
        let syn = flags & SYN != 0;
        if !self.number.is_multiple_of(3) {
            return if syn { Options::Plain } else { Options::None };
        }
        let value = clock
            .wrapping_add(low(self.number))
            .wrapping_add(low(from as u64) << 24);
        self.told[from] = value;
        let echo = self.told[1 - from];
        if syn {
            Options::Offer(value, echo)
        } else {
            Options::Stamp(value, echo)
        }
    }
}

/// Segments of an end.
const fn closing(end: End) -> u32 {
    match end {
        End::Close | End::Stateless => 4,
        End::Abort => 1,
    }
}

/// One connection in ten is over IPv6.
fn addresses(number: u64, from_client: bool) -> Addresses {
    let client = low(number % CLIENTS);
    let server = low(scattered(number) % SERVERS);
    if number / 10 % 10 == 3 {
        let address = |net: u8, host: u32| {
            let mut address = [0x20, 1, 0x0d, 0xb8, 0, net, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            address[12..].copy_from_slice(&host.to_be_bytes());
            address
        };
        let (client, server) = (address(1, client), address(2, server));
        return if from_client {
            Addresses::V6(client, server)
        } else {
            Addresses::V6(server, client)
        };
    }
    let client = (0x0a00_0000 + client).to_be_bytes();
    let server = (0xc0a8_0000 + server).to_be_bytes();
    if from_client {
        Addresses::V4(client, server)
    } else {
        Addresses::V4(server, client)
    }
}

fn ports(number: u64, from_client: bool) -> (u16, u16) {
    let client = low16(32_768 + number / CLIENTS % 28_000);
    let server = SERVICES[low16(scattered(number) % SERVICES.len() as u64) as usize];
    if from_client {
        (client, server)
    } else {
        (server, client)
    }
}

fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33
}

#[expect(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
pub fn low(value: u64) -> u32 {
    value as u32
}

#[expect(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
fn low16(value: u64) -> u16 {
    value as u16
}

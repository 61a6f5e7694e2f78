//! Bytes as a script of segments between a handful of addresses. Every input is a script, and a small
//! change of the bytes is a small change of the script: numbers are said by what came before, so that
//! most scripts are connections. Refuses nothing.
//!
//! A record is eight bytes and the payload that it asks for: who, flags, numbers, length, shape,
//! options, time, amount.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use whyreset_evidence::Speaks;
use whyreset_flow::{Device, Flags, Key, Options, Packet};

/// Segments of one script at most.
pub const MOST: usize = 2_000;
/// 2023-11-14T22:13:20Z in nanoseconds.
const START: u64 = 1_700_000_000_000_000_000;
/// The connections that a script speaks of.
const FLOWS: usize = 8;
/// The one whose every SYN comes from another port.
const NEW_PORTS: usize = 1;
/// A record that stands for a router's error.
const ICMP: u8 = 0xff;
/// A time that goes back.
const BACK: u8 = 0xff;
/// What payloads begin with, so that no mutation has to find it.
const SAID: [&[u8]; 8] = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 413 Content Too Large\r\n\r\n",
    &[22, 3, 1, 0, 5, 1, 0, 0, 1, 0],
    &[21, 3, 3, 0, 2, 2, 40],
    b"SSH-2.0-x\r\n",
    b"220 ready\r\n",
    b"[F5RST] Flow expired (sweeper)",
    b"\x1b[2Jhello\x07\xff",
];

/// One step of a script.
#[derive(Clone, Debug)]
pub struct Step {
    /// Nanoseconds since the epoch, half way between two places.
    pub at: u64,
    /// The client's, by the script, or the server's.
    pub from_server: bool,
    /// Bit 0: not at the first of two places. Bit 1: not at the second.
    pub unseen: u8,
    /// A router's error that quotes a segment with these ends and this number.
    pub icmp: bool,
    /// Source.
    pub source: SocketAddr,
    /// Destination.
    pub destination: SocketAddr,
    /// TTL or hop limit at its sender.
    pub ttl: u8,
    /// IP identification, for IPv4.
    pub id: u16,
    /// What the capture marks.
    pub outgoing: Option<bool>,
    /// The sender's link-layer address.
    pub device: [u8; 6],
    /// Packets that the capture lost before it.
    pub lost: u64,
    /// Whether its checksum holds, where it has one.
    pub sound: Option<bool>,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Flags with the reserved bits.
    pub flags: u16,
    /// Window.
    pub window: u16,
    /// Payload bytes by its header.
    pub len: u16,
    /// Options.
    pub options: Options,
    /// Its payload as far as it is captured.
    pub payload: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
struct End {
    next: u32,
    acked: u32,
    /// Number, acknowledgment, length, window and identification of what it sent last.
    last: (u32, u32, u16, u16, u16),
    id: u16,
}

/// Both ends of a connection, the client first; `opened` connections there were before it.
fn ends(flow: usize, opened: u16) -> [SocketAddr; 2] {
    let v4 = |last: u8, port| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), port);
    let v6 =
        |last: u16, port| SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last)), port);
    match flow {
        0 => [v4(2, 40_000), v4(1, 80)],
        NEW_PORTS => [v4(2, 40_000 + opened), v4(1, 80)],
        2 => [v4(3, 40_000), v4(1, 443)],
        // The first one behind a translation: the same numbers, another name.
        3 => [v4(7, 50_000), v4(1, 80)],
        4 => [v6(2, 40_000), v6(1, 80)],
        5 => [v6(2, 40_001), v6(1, 22)],
        6 => [v4(9, 80), v4(2, 40_002)],
        // A host that speaks to itself from one port.
        _ => [v4(1, 7), v4(1, 7)],
    }
}

fn isn(flow: usize, server: bool) -> u32 {
    match (flow, server) {
        (0 | 3, false) => 1_000_000,
        (0 | 3, true) => 0xffff_ff00,
        (flow, false) => 0x0100_0000_u32.wrapping_mul(u32::try_from(flow).unwrap_or(0) + 7),
        (flow, true) => 0x0300_0000_u32.wrapping_mul(u32::try_from(flow).unwrap_or(0) + 5),
    }
}

/// Bytes one after the other; zeros behind the end.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

fn pick<T: Copy>(from: &[T], index: u8) -> T {
    from[usize::from(index) % from.len()]
}

/// Reads bytes as a script.
pub fn read(data: &[u8]) -> Vec<Step> {
    let mut bytes = Bytes(data);
    let mut steps = Vec::new();
    let mut at = START;
    let mut flows: [[End; 2]; FLOWS] = std::array::from_fn(|flow| {
        [false, true].map(|server| End {
            next: isn(flow, server),
            id: if server { 0x7000 } else { 0x1000 },
            ..End::default()
        })
    });
    let mut opened = 0;
    while !bytes.0.is_empty() && steps.len() < MOST {
        steps.push(step(&mut bytes, &mut at, &mut opened, &mut flows));
    }
    steps
}

fn step(bytes: &mut Bytes<'_>, at: &mut u64, opened: &mut u16, flows: &mut [[End; 2]; FLOWS]) -> Step {
    let [who, bits, numbers, length, shape, extras, time, amount] = std::array::from_fn(|_| bytes.next());
    let flow = usize::from(who & 7);
    let server = who & 8 != 0;
    *at = if time == BACK {
        at.saturating_sub(3_000_000_000)
    } else {
        // Ten microseconds to many hours.
        at.saturating_add((u64::from(time & 0x0f) << (u64::from(time >> 4) * 2)) * 10_000)
    };
    let (own, other) = (usize::from(server), usize::from(!server));
    let mut flags = u16::from(bits);
    if numbers & 0xe0 == 0xe0 {
        flags |= 0x100;
    }
    let mut payload = bytes.take(usize::from(length >> 3)).to_vec();
    if extras & 0x80 != 0 {
        payload.splice(0..0, pick(&SAID, amount).iter().copied());
    }
    let held = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    let sound = [None, None, Some(true), Some(false)][usize::from(shape >> 5 & 3)];
    let len = match sound {
        // What is cut cannot be summed.
        Some(_) => held,
        None => held.max(pick(&[0, 0, 0, 1, 24, 100, 1_448, 60_000], length & 7)),
    };
    let far = u32::from(amount) << 8;
    let (one, two) = (flows[flow][own], flows[flow][other]);
    let reset = bits & 4 != 0;
    let mut seq = match numbers & 7 {
        // What a stack would send.
        0 if reset && bits & 0x10 == 0 => two.last.1,
        0 => one.next,
        1 => one.last.0,
        2 => one.next.wrapping_sub(1),
        3 => one.next.wrapping_add(u32::from(amount)),
        4 => 0,
        5 => one.next.wrapping_sub(far),
        6 => one.next.wrapping_add(far),
        _ => two.acked,
    };
    let mut ack = match (bits & 0x10 != 0, numbers >> 3 & 3) {
        (false, 0..=2) => 0,
        (true, 0) | (false, _) => two.next,
        (true, 1) => one.acked,
        (true, 2) => two.next.wrapping_add(far),
        (true, _) => two.next.wrapping_sub(u32::from(amount)),
    };
    let mut window = pick(
        &[502, 0, 65_535, 1, 501, 9_200, 29_200, u16::from(amount) << 5],
        shape >> 2 & 7,
    );
    let mut id = match numbers >> 5 & 3 {
        0 | 1 => one.id,
        2 => 0,
        _ => two.last.4,
    };
    let mut len = len;
    if numbers & 0x80 != 0 && numbers & 0x60 == 0 {
        (seq, ack, len, window, id) = one.last;
        len = len.max(held);
    }
    let icmp = bits == ICMP;
    let stamps = u32::from(amount).wrapping_add(u32::try_from((*at / 1_000_000) & 0xffff_ffff).unwrap_or(0));
    let options = Options {
        window_scale: (extras & 2 != 0).then_some(amount),
        timestamps: match extras & 0x41 {
            1 => Some((stamps, 0)),
            0x41 => Some((stamps.wrapping_sub(100_000), 0)),
            _ => None,
        },
        mptcp_reset: (extras & 4 != 0).then_some(amount),
        mptcp_fastclose: extras & 8 != 0,
        cut: shape & 0x80 != 0,
    };
    if flow == NEW_PORTS && bits & 0x16 == 2 {
        *opened += 1;
    }
    let [client_at, server_at] = ends(flow, *opened);
    let (source, destination) = if server {
        (server_at, client_at)
    } else {
        (client_at, server_at)
    };
    let end = &mut flows[flow][own];
    if !icmp {
        end.last = (seq, ack, len, window, id);
        end.id = end.id.wrapping_add(1);
        if !reset {
            let after = seq
                .wrapping_add(u32::from(len))
                .wrapping_add(u32::from(bits & 1) + u32::from(bits >> 1 & 1));
            if whyreset_flow::diff(after, end.next) > 0 || bits & 2 != 0 {
                end.next = after;
            }
            if bits & 0x10 != 0 {
                end.acked = ack;
            }
        }
    }
    Step {
        at: *at,
        from_server: server,
        unseen: who >> 4 & 3,
        icmp,
        source,
        destination,
        ttl: pick(&[if server { 61 } else { 64 }, 128, 255, amount], shape & 3),
        id,
        outgoing: [None, None, Some(false), Some(true)][usize::from(who >> 6)],
        device: [
            2,
            0,
            0,
            0,
            0,
            if extras & 0x10 != 0 {
                amount
            } else {
                u8::from(server)
            },
        ],
        lost: u64::from(extras & 0x20 != 0) * u64::from(amount),
        sound,
        seq,
        ack,
        flags,
        window,
        len,
        options,
        payload,
    }
}

/// What a payload is, as far as the flow table asks.
pub fn speaks(payload: &[u8]) -> Option<Speaks> {
    use whyreset_wire::hint::{Protocol, protocol};
    Some(match protocol(payload)? {
        Protocol::TlsClientHello { .. } | Protocol::TlsRecord(_) => Speaks::Tls,
        Protocol::TlsAlert { .. } => Speaks::TlsAlert,
        Protocol::HttpRequest { .. } => Speaks::HttpRequest,
        Protocol::HttpResponse { status } => Speaks::HttpResponse(status),
        Protocol::Ssh => Speaks::Ssh,
        Protocol::Greeting(_) => Speaks::Greeting,
        _ => Speaks::Other("another"),
    })
}

impl Step {
    /// As the flow table takes it.
    pub fn packet(&self, frame: u64) -> Packet<'_> {
        let (key, direction) = Key::of(self.source, self.destination);
        Packet {
            at: self.at,
            frame,
            key,
            direction,
            ttl: self.ttl,
            id: self.source.is_ipv4().then_some(self.id),
            outgoing: self.outgoing,
            device: Device::of(self.device),
            lost: self.lost,
            sound: self.sound,
            seq: self.seq,
            ack: self.ack,
            flags: Flags(self.flags & 0x0fff),
            window: self.window,
            len: self.len.into(),
            options: self.options,
            speaks,
            alert: whyreset_wire::hint::last_tls_record(&self.payload),
            payload: &self.payload,
        }
    }
}

//! One TCP segment as the record of a legacy capture: Ethernet, IPv4 or IPv6, options and
//! checksums as a host writes them. Knows nothing of connections.

/// TCP flags.
pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;

/// The most payload that an Ethernet frame carries beside timestamps.
pub const FULL: usize = 1448;
/// What every payload is the beginning of.
static PAYLOAD: [u8; FULL] = [b'w'; FULL];

/// The header of a capture with microseconds, Ethernet frames and no cut.
pub const HEAD: [u8; 24] = [
    0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0,
];

/// The two addresses, in network order, sender first.
pub enum Addresses {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
}

/// TCP options.
#[derive(Clone, Copy)]
pub enum Options {
    None,
    /// A SYN's, without timestamps.
    Plain,
    /// A SYN's, with timestamps: value and echo.
    Offer(u32, u32),
    /// Those of an open connection: value and echo.
    Stamp(u32, u32),
}

/// What one frame holds.
pub struct Segment {
    pub addresses: Addresses,
    /// Sender's first.
    pub ports: (u16, u16),
    pub sequence: u32,
    pub acknowledged: u32,
    pub flags: u8,
    pub window: u16,
    pub options: Options,
    pub ttl: u8,
    pub ip_id: u16,
    /// Bytes, at most [`FULL`].
    pub payload: usize,
}

/// Appends the record; `at` is its time in microseconds.
pub fn put(buffer: &mut Vec<u8>, at: u64, segment: &Segment) {
    let payload = &PAYLOAD[..segment.payload.min(FULL)];
    let record = buffer.len();
    buffer.extend_from_slice(&seconds(at).to_le_bytes());
    buffer.extend_from_slice(&remainder(at).to_le_bytes());
    buffer.extend_from_slice(&[0; 8]);
    let frame = buffer.len();
    buffer.extend_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
    let tcp = 20 + length(segment.options) + payload.len();
    let pseudo = match segment.addresses {
        Addresses::V4(from, to) => v4(buffer, segment, tcp, from, to),
        Addresses::V6(from, to) => v6(buffer, segment, tcp, &from, &to),
    };
    let start = buffer.len();
    put_tcp(buffer, segment);
    buffer.extend_from_slice(payload);
    let check = fold(pseudo + sum(&buffer[start..]) + u32::from(low(tcp)) + 6);
    buffer[start + 16..start + 18].copy_from_slice(&check.to_be_bytes());
    let whole = u32::from(low(buffer.len() - frame)).to_le_bytes();
    buffer[record + 8..record + 12].copy_from_slice(&whole);
    buffer[record + 12..record + 16].copy_from_slice(&whole);
}

/// The header with its checksum; gives the sum of the addresses.
fn v4(buffer: &mut Vec<u8>, segment: &Segment, tcp: usize, from: [u8; 4], to: [u8; 4]) -> u32 {
    buffer.extend_from_slice(&[8, 0]);
    let start = buffer.len();
    buffer.extend_from_slice(&[0x45, 0]);
    buffer.extend_from_slice(&low(20 + tcp).to_be_bytes());
    buffer.extend_from_slice(&segment.ip_id.to_be_bytes());
    buffer.extend_from_slice(&[0x40, 0, segment.ttl, 6, 0, 0]);
    buffer.extend_from_slice(&from);
    buffer.extend_from_slice(&to);
    let check = fold(sum(&buffer[start..]));
    buffer[start + 10..start + 12].copy_from_slice(&check.to_be_bytes());
    sum(&buffer[start + 12..])
}

fn v6(buffer: &mut Vec<u8>, segment: &Segment, tcp: usize, from: &[u8; 16], to: &[u8; 16]) -> u32 {
    buffer.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0]);
    buffer.extend_from_slice(&low(tcp).to_be_bytes());
    buffer.extend_from_slice(&[6, segment.ttl]);
    buffer.extend_from_slice(from);
    buffer.extend_from_slice(to);
    sum(from) + sum(to)
}

/// Header and options, the checksum still 0.
fn put_tcp(buffer: &mut Vec<u8>, segment: &Segment) {
    buffer.extend_from_slice(&segment.ports.0.to_be_bytes());
    buffer.extend_from_slice(&segment.ports.1.to_be_bytes());
    buffer.extend_from_slice(&segment.sequence.to_be_bytes());
    buffer.extend_from_slice(&segment.acknowledged.to_be_bytes());
    let words = low(20 + length(segment.options)) / 4;
    let offset = words << 12 | u16::from(segment.flags);
    buffer.extend_from_slice(&offset.to_be_bytes());
    buffer.extend_from_slice(&segment.window.to_be_bytes());
    buffer.extend_from_slice(&[0; 4]);
    let (head, stamps): (&[u8], _) = match segment.options {
        Options::None => (&[], None),
        // MSS 1460, NOP, window scale 7, NOP, NOP, SACK permitted.
        Options::Plain => (&[2, 4, 5, 0xb4, 1, 3, 3, 7, 1, 1, 4, 2], None),
        // MSS 1460, SACK permitted, timestamps, then NOP, window scale 7.
        Options::Offer(value, echo) => (&[2, 4, 5, 0xb4, 4, 2, 8, 10], Some((value, echo))),
        Options::Stamp(value, echo) => (&[1, 1, 8, 10], Some((value, echo))),
    };
    buffer.extend_from_slice(head);
    if let Some((value, echo)) = stamps {
        buffer.extend_from_slice(&value.to_be_bytes());
        buffer.extend_from_slice(&echo.to_be_bytes());
    }
    if let Options::Offer(..) = segment.options {
        buffer.extend_from_slice(&[1, 3, 3, 7]);
    }
}

fn length(options: Options) -> usize {
    match options {
        Options::None => 0,
        Options::Plain | Options::Stamp(..) => 12,
        Options::Offer(..) => 20,
    }
}

/// The sum of 16-bit words in network order, not yet folded; no frame is long enough to overflow it.
fn sum(bytes: &[u8]) -> u32 {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let whole: u32 = pairs
        .iter()
        .map(|pair| u32::from(u16::from_be_bytes(*pair)))
        .sum();
    whole + odd.first().map_or(0, |byte| u32::from(*byte) << 8)
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !low(sum as usize)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "lengths of frames and folded sums fit"
)]
fn low(value: usize) -> u16 {
    value as u16
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the clock starts in 2026 and runs for hours"
)]
fn seconds(at: u64) -> u32 {
    (at / 1_000_000) as u32
}

fn remainder(at: u64) -> u32 {
    (at % 1_000_000) as u32
}

//! A record of a capture as a segment for the flow table. Refuses to keep anything.

use std::net::SocketAddr;

use whyreset_capture::{Direction as Marked, Record};
use whyreset_evidence::Speaks;
use whyreset_flow::{Device, Direction, Flags, Key, Options, Packet};
use whyreset_wire::checksum::{self, Checksum};
use whyreset_wire::hint::{self, Protocol};
use whyreset_wire::{
    Ends, Glance, IcmpError, IcmpKind, LinkType, OptionKind, Packet as Frame, Tcp, Transport,
};

/// What a frame is to this program.
pub enum Seen<'a> {
    /// A TCP segment, with all that a flow wants to know of it.
    Segment(Packet<'a>),
    /// A router's error about a segment from the first to the second address, with its number where
    /// that was quoted: the segment did not come to its receiver.
    Error(SocketAddr, SocketAddr, Option<u32>),
    /// Nothing that concerns TCP connections.
    Other,
    /// What could not be read: a cut or broken header, an unknown link.
    Unread,
}

/// Decodes one record of this time, nanoseconds.
pub fn decode<'a>(record: &Record<'a>, at: u64) -> Seen<'a> {
    let mut packet = blank();
    if common(record, at, &mut packet) {
        Seen::Segment(packet)
    } else {
        uncommon(*record, at)
    }
}

/// Nothing yet, for [`common`].
pub fn blank<'a>() -> Packet<'a> {
    let (key, direction) = Key::of_bits(0, 0, 0, 0);
    Packet {
        at: 0,
        frame: 0,
        key,
        direction,
        ttl: 0,
        id: None,
        outgoing: None,
        device: Device::NONE,
        lost: 0,
        sound: None,
        seq: 0,
        ack: 0,
        flags: Flags(0),
        window: 0,
        len: 0,
        options: Options::default(),
        speaks,
        alert: false,
        payload: &[],
    }
}

/// Whether a record is what most are, whose segment is `to` then.
#[inline(never)]
pub fn common<'a>(record: &Record<'a>, at: u64, to: &mut Packet<'a>) -> bool {
    to.lost = record.drops_before;
    common_in_place(record, at, to)
}

/// The same for a loop that does little else. What was lost before it is not told.
#[expect(clippy::inline_always, reason = "a call costs a tenth of its work")]
#[inline(always)]
pub fn common_in_place<'a>(record: &Record<'a>, at: u64, to: &mut Packet<'a>) -> bool {
    let frame = whyreset_wire::plain(LinkType(record.link), record.data, record.wire_len);
    let Some(plain) = frame else { return false };
    let tcp = &plain.tcp;
    let ends = match plain.ends() {
        Ends::V4(source, destination) => {
            Key::of_v4(source, tcp.source_port, destination, tcp.destination_port)
        }
        Ends::V6(source, destination) => Key::of_bits(
            u128::from_be_bytes(source),
            tcp.source_port,
            u128::from_be_bytes(destination),
            tcp.destination_port,
        ),
    };
    fill(record, ends, tcp, at, to);
    to.ttl = plain.hop_limit();
    to.id = plain.id();
    to.outgoing = outgoing(record.direction, None);
    to.device = Device::of(plain.device());
    to.sound = is_sound(tcp, || plain.checksum());
    true
}

/// Decodes a record that is not [`common`].
#[inline(never)]
pub fn uncommon(record: Record<'_>, at: u64) -> Seen<'_> {
    match whyreset_wire::decode(LinkType(record.link), record.data, record.wire_len) {
        Ok(frame) => match &frame.transport {
            Transport::Tcp(tcp) => Seen::Segment(uncommon_segment(&record, &frame, tcp, at)),
            Transport::IcmpError(error) if stopped(error) => {
                Seen::Error(error.quoted.source, error.quoted.destination, error.quoted.seq)
            }
            _ => Seen::Other,
        },
        Err(whyreset_wire::Refusal::NotIp(_)) => Seen::Other,
        Err(_) => Seen::Unread,
    }
}

/// Whether a router says that the segment did not come to its receiver. That it is too long for a
/// link, or that its receiver itself has no such port, is no such word.
fn stopped(error: &IcmpError) -> bool {
    let port = if error.from.is_ipv4() { 3 } else { 4 };
    match error.kind {
        IcmpKind::TimeExceeded => true,
        IcmpKind::Unreachable(code) => code != port && error.from != error.quoted.destination.ip(),
        IcmpKind::TooBig | IcmpKind::ParameterProblem | IcmpKind::Redirect => false,
    }
}

/// What can be told at a glance.
#[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
#[inline(always)]
pub fn glance(record: &Record<'_>) -> Option<Glance> {
    whyreset_wire::glance(LinkType(record.link), record.data)
}

/// The hash of its connection, as [`whyreset_flow::Key`] has it.
#[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
#[inline(always)]
pub fn hash(seen: &Glance) -> u32 {
    match seen.ends {
        Ends::V4(source, destination) => {
            whyreset_flow::hash_v4(source, seen.source_port, destination, seen.destination_port)
        }
        Ends::V6(source, destination) => {
            whyreset_flow::hash(source, seen.source_port, destination, seen.destination_port)
        }
    }
}

fn uncommon_segment<'a>(record: &Record<'a>, frame: &Frame<'a>, tcp: &Tcp<'a>, at: u64) -> Packet<'a> {
    let ends = Key::of(
        SocketAddr::new(frame.ip.source, tcp.source_port),
        SocketAddr::new(frame.ip.destination, tcp.destination_port),
    );
    let mut packet = blank();
    fill(record, ends, tcp, at, &mut packet);
    packet.lost = record.drops_before;
    packet.ttl = frame.ip.hop_limit;
    packet.id = frame.ip.id;
    packet.outgoing = outgoing(record.direction, frame.link.packet_type);
    packet.device = frame.link.source.map_or(Device::NONE, Device::of);
    packet.sound = is_sound(tcp, || checksum::check(&frame.ip, tcp));
    packet
}

/// What record and TCP header tell. Written where it is to stay: as one value it would be copied about.
#[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
#[inline(always)]
fn fill<'a>(
    record: &Record<'a>,
    (key, direction): (Key, Direction),
    tcp: &Tcp<'a>,
    at: u64,
    to: &mut Packet<'a>,
) {
    to.at = at;
    to.frame = record.number;
    to.key = key;
    to.direction = direction;
    to.seq = tcp.seq;
    to.ack = tcp.ack;
    to.flags = Flags(tcp.flags.0);
    to.window = tcp.window;
    to.len = tcp.payload_len;
    to.payload = tcp.payload;
    options(tcp, &mut to.options);
    to.alert = !tcp.payload.is_empty() && is_alert(tcp.payload, tcp.payload_len);
}

/// What the capture itself says of the direction: pcapng's flags, or a Linux cooked header.
#[inline]
fn outgoing(direction: Option<Marked>, packet_type: Option<u16>) -> Option<bool> {
    match (direction, packet_type) {
        (Some(Marked::Outbound), _) | (None, Some(4)) => Some(true),
        (Some(Marked::Inbound), _) | (None, Some(0)) => Some(false),
        _ => None,
    }
}

/// Whether its checksum holds. Long segments are not asked: that costs reading all of them.
#[inline]
fn is_sound(tcp: &Tcp<'_>, check: impl FnOnce() -> Checksum) -> Option<bool> {
    /// Header and payload.
    const SHORT: usize = 128;
    // Zero is what was never computed.
    if tcp.bytes.len() > SHORT || tcp.checksum == 0 {
        return None;
    }
    match check() {
        Checksum::Good => Some(true),
        Checksum::Bad => Some(false),
        Checksum::Partial | Checksum::Unknown => None,
    }
}

#[expect(clippy::inline_always, reason = "a call would cost as much as its work")]
#[inline(always)]
fn options(tcp: &Tcp<'_>, options: &mut Options) {
    // Field by field: what is put together elsewhere first has to be read back in other pieces.
    options.timestamps = tcp.options.only_timestamps();
    options.window_scale = None;
    options.mptcp_reset = None;
    options.mptcp_fastclose = false;
    options.cut = tcp.cut;
    if options.timestamps.is_none() && !tcp.options.is_empty() {
        all_options(tcp.options, options);
    }
}

#[inline(never)]
fn all_options(all: whyreset_wire::Options<'_>, options: &mut Options) {
    for option in all {
        if let Some(reason) = option.mptcp_reset() {
            options.mptcp_reset = Some(reason);
        }
        options.mptcp_fastclose |= option.is_mptcp_fastclose();
        match option {
            OptionKind::WindowScale(shift) => options.window_scale = Some(shift),
            OptionKind::Timestamps { val, ecr } => options.timestamps = Some((val, ecr)),
            _ => {}
        }
    }
}

fn speaks(payload: &[u8]) -> Option<Speaks> {
    Some(match hint::protocol(payload)? {
        Protocol::TlsClientHello { .. } | Protocol::TlsRecord(_) => Speaks::Tls,
        Protocol::TlsAlert { .. } => Speaks::TlsAlert,
        Protocol::HttpRequest { .. } => Speaks::HttpRequest,
        Protocol::HttpResponse { status } => Speaks::HttpResponse(status),
        Protocol::Ssh => Speaks::Ssh,
        Protocol::Http2Preface => Speaks::Other("HTTP/2"),
        Protocol::Greeting(_) => Speaks::Greeting,
        Protocol::Redis => Speaks::Other("Redis"),
        Protocol::PostgresStartup => Speaks::Other("PostgreSQL"),
        Protocol::MysqlGreeting => Speaks::Other("MySQL"),
        Protocol::ProxyHeader => Speaks::Other("PROXY protocol"),
    })
}

/// A TLS alert record at the end of a payload, in plain or of a sealed one's size (RFC 8446 §5.2).
#[inline]
fn is_alert(payload: &[u8], len: u32) -> bool {
    let sealed = len == 24 && matches!(payload, [23, 3, _, 0, 19, ..]);
    sealed || hint::last_tls_record(payload)
}

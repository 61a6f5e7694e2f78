//! Hand-written traces: one segment a line, numbers relative, what is not said follows from what
//! came before. For the pages of causes and for tests. Refuses to be a capture format.
//!
//! ```text
//! client 10.0.0.2:40000 ttl=64
//! server 10.0.0.1:80 ttl=61
//! +0   client S
//! +0.5 server S.
//! +0.6 client .
//! +1   client P. len=100 http
//! +2   server R. win=502
//! ```
//! Times are milliseconds. Words: `seq= ack= len= win= ttl= id= mac= ts= mptcp-reset= told=TEXT`, and
//! `ws=SCALE tls http ssh response=STATUS alert reserved fastclose`, and `zero` for the number 0. Data numbers count from the SYN as 0.
//! Of the capture: `in` and `out` at the capturing host, `again` for one more copy of what this end sent
//! last, `lost=PACKETS` before it, `sound` and `damaged` for its checksum, `cut` for its options.
//! `+2 icmp client` is a router's error that quotes what the client sent last, `seq=` another segment.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use whyreset_evidence::{Dossier, Speaks};

use crate::key::Key;
use crate::packet::{Device, Flags, Options, Packet};
use crate::table::Table;

/// 2023-11-14T22:13:20Z, so that times print as dates.
const START: u64 = 1_700_000_000_000_000_000;
/// What the ends' numbers start from.
const ISN: [u32; 2] = [1_000_000, 0xffff_ff00];

struct End {
    address: Option<SocketAddr>,
    ttl: u8,
    id: u16,
    next: u32,
    acked: u32,
    /// Number, acknowledgment, payload, window and identification of what it sent last.
    last: (u32, u32, u32, u16, Option<u16>),
}

/// What a line of a trace makes pass.
#[derive(Clone, Copy, Debug)]
pub enum Passing<'a> {
    /// A segment.
    Segment(Packet<'a>),
    /// A router's ICMP error.
    Error {
        /// Nanoseconds since the epoch.
        at: u64,
        /// Who sent what it quotes.
        source: SocketAddr,
        /// For whom.
        destination: SocketAddr,
        /// The number quoted.
        seq: u32,
    },
}

/// The dossiers of a trace.
///
/// # Errors
/// The first line that cannot be read, with its number.
pub fn play(text: &str) -> Result<Vec<Dossier>, String> {
    let mut table = Table::new(64, "");
    let mut told = Vec::new();
    each(text, &mut |passing| match passing {
        Passing::Segment(packet) => table.add(&packet, &mut |one| told.push(one.dossier)),
        Passing::Error {
            at,
            source,
            destination,
            seq,
        } => table.icmp(at, source, destination, Some(seq)),
    })?;
    table.finish(&mut |one| told.push(one.dossier));
    Ok(told)
}

/// Gives what a trace makes pass, line by line, for whoever loses or repeats some of it.
///
/// # Errors
/// The first line that cannot be read, with its number.
pub fn each(text: &str, pass: &mut dyn FnMut(Passing<'_>)) -> Result<(), String> {
    let mut ends = ISN.map(|isn| End {
        address: None,
        ttl: 64,
        id: if isn == ISN[0] { 0x1000 } else { 0x7000 },
        next: isn,
        acked: 0,
        last: (isn, 0, 0, 0, None),
    });
    let mut frame = 0;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let result = if line.starts_with('+') && line.split_whitespace().nth(1) == Some("icmp") {
            error(line, &ends).map(&mut *pass)
        } else if line.starts_with('+') {
            frame += 1;
            segment(line, frame, &mut ends, pass)
        } else {
            end(line, &mut ends)
        };
        result.map_err(|why| format!("line {}: {why}", index + 1))?;
    }
    Ok(())
}

fn which(word: Option<&str>) -> Result<usize, String> {
    match word {
        Some("client") => Ok(0),
        Some("server") => Ok(1),
        other => Err(format!("{other:?} is neither client nor server")),
    }
}

fn number<T: core::str::FromStr>(word: &str) -> Result<T, String> {
    word.parse()
        .map_err(|_| format!("{word:?} is not a number that fits"))
}

fn end(line: &str, ends: &mut [End; 2]) -> Result<(), String> {
    let mut words = line.split_whitespace();
    let end = &mut ends[which(words.next())?];
    let address = words.next().ok_or("an address is missing")?;
    end.address = Some(number(address)?);
    for word in words {
        match word.split_once('=') {
            Some(("ttl", ttl)) => end.ttl = number(ttl)?,
            _ => return Err(format!("unknown word {word:?}")),
        }
    }
    Ok(())
}

fn time(word: &str) -> Result<u64, String> {
    let ms: f64 = number(word.trim_start_matches('+'))?;
    u64::try_from(core::time::Duration::from_secs_f64(ms / 1e3).as_nanos())
        .map(|after| START + after)
        .map_err(|_| "a time out of range".into())
}

/// A router's ICMP error.
fn error(line: &str, ends: &[End; 2]) -> Result<Passing<'static>, String> {
    let mut words = line.split_whitespace();
    let at = time(words.next().unwrap_or_default())?;
    let from = which(words.nth(1))?;
    let mut seq = ends[from].last.0;
    for word in words {
        match word.split_once('=') {
            Some(("seq", value)) => seq = ISN[from].wrapping_add(number(value)?),
            _ => return Err(format!("unknown word {word:?}")),
        }
    }
    let address = |end: &End| end.address.ok_or("both ends need an address first");
    Ok(Passing::Error {
        at,
        source: address(&ends[from])?,
        destination: address(&ends[1 - from])?,
        seq,
    })
}

const RESPONSE: u8 = b'r';

/// What the words of a line said of its payload.
fn spoken(payload: &[u8]) -> Option<Speaks> {
    match payload {
        [b't', ..] => Some(Speaks::Tls),
        [b'h', ..] => Some(Speaks::HttpRequest),
        [b's', ..] => Some(Speaks::Ssh),
        [RESPONSE, high, low] => Some(Speaks::HttpResponse(u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

fn flags(word: &str) -> Result<Flags, String> {
    let bits = word.chars().try_fold(0_u16, |bits, letter| {
        Ok(bits
            | match letter {
                'F' => 0x01,
                'S' => 0x02,
                'R' => 0x04,
                'P' => 0x08,
                '.' => 0x10,
                other => return Err(format!("{other:?} is not a flag of F S R P .")),
            })
    });
    bits.map(Flags)
}

fn segment(
    line: &str,
    frame: u64,
    ends: &mut [End; 2],
    pass: &mut dyn FnMut(Passing<'_>),
) -> Result<(), String> {
    let mut words = line.split_whitespace();
    let at = time(words.next().unwrap_or_default())?;
    let from = which(words.next())?;
    let flags = flags(words.next().ok_or("flags are missing")?)?;
    let to = 1 - from;
    let address = |end: &End| end.address.ok_or("both ends need an address first");
    let (source, destination) = (address(&ends[from])?, address(&ends[to])?);
    let (key, direction) = Key::of(source, destination);
    let bare_reset = flags.rst() && !flags.ack();
    let to_syn = flags.rst() && flags.ack() && ends[from].next == ISN[from];
    let mut packet = Packet {
        at,
        frame,
        key,
        direction,
        ttl: ends[from].ttl,
        id: source
            .is_ipv4()
            .then_some(if bare_reset || to_syn { 0 } else { ends[from].id }),
        outgoing: None,
        device: Device::NONE,
        lost: 0,
        sound: None,
        seq: if bare_reset {
            ends[to].acked
        } else if to_syn {
            0
        } else {
            ends[from].next
        },
        ack: if flags.ack() { ends[to].next } else { 0 },
        flags,
        window: if bare_reset || to_syn { 0 } else { 502 },
        len: 0,
        options: Options::default(),
        speaks: spoken,
        alert: false,
        payload: &[],
    };
    let mut told = String::new();
    let mut said = [0_u8; 3];
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("seq", value) => packet.seq = ISN[from].wrapping_add(number(value)?),
            ("ack", value) => packet.ack = ISN[to].wrapping_add(number(value)?),
            ("len", value) => packet.len = number(value)?,
            ("win", value) => packet.window = number(value)?,
            ("ttl", value) => packet.ttl = number(value)?,
            ("id", value) => packet.id = Some(number(value)?),
            ("ts", value) => packet.options.timestamps = Some((number(value)?, 0)),
            ("mptcp-reset", value) => packet.options.mptcp_reset = Some(number(value)?),
            ("told", value) => told = value.replace('_', " "),
            ("response", value) => {
                let status: u16 = number(value)?;
                said = [RESPONSE, (status >> 8) as u8, (status & 0xff) as u8];
            }
            ("fastclose", _) => packet.options.mptcp_fastclose = true,
            ("mac", value) => packet.device = Device::of([0, 0, 0, 0, 0, number(value)?]),
            ("zero", _) => packet.seq = 0,
            ("in", _) => packet.outgoing = Some(false),
            ("out", _) => packet.outgoing = Some(true),
            ("again", _) => {
                (packet.seq, packet.ack, packet.len, packet.window, packet.id) = ends[from].last;
            }
            ("lost", value) => packet.lost = number(value)?,
            ("sound", _) => packet.sound = Some(true),
            ("damaged", _) => packet.sound = Some(false),
            ("cut", _) => packet.options.cut = true,
            ("ws", value) => packet.options.window_scale = Some(number(value)?),
            ("http", _) => said[0] = b'h',
            ("tls", _) => said[0] = b't',
            ("ssh", _) => said[0] = b's',
            ("alert", _) => packet.alert = true,
            ("reserved", _) => packet.flags.0 |= 0x200,
            (other, _) => return Err(format!("unknown word {other:?}")),
        }
    }
    if said[0] != 0 {
        packet.payload = &said;
    }
    if !told.is_empty() {
        packet.len = u32::try_from(told.len()).unwrap_or(0);
        packet.payload = told.as_bytes();
    }
    pass(Passing::Segment(packet));
    let end = &mut ends[from];
    end.last = (packet.seq, packet.ack, packet.len, packet.window, packet.id);
    end.id = end.id.wrapping_add(1);
    if !flags.rst() {
        let after = packet.end();
        if crate::packet::diff(after, end.next) > 0 {
            end.next = after;
        }
        if flags.ack() {
            end.acked = packet.ack;
        }
    }
    Ok(())
}

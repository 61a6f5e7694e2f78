//! The least that a program with a flow table must do for each packet: walk the records of a mapped
//! capture, parse Ethernet, IP and TCP, look the connection up. It keeps one count per connection
//! and judges nothing; what it takes is the floor that the product is held against. Legacy captures
//! of this machine's byte order alone.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use foldhash::fast::RandomState;

use super::sys::Mapped;

/// What was counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub packets: u64,
    pub resets: u64,
    pub connections: u64,
}

/// Addresses in 32-bit words and ports, the lesser end first.
#[derive(PartialEq, Eq)]
struct Key<const WORDS: usize> {
    ends: [[u32; WORDS]; 2],
    ports: [u16; 2],
}

impl<const WORDS: usize> Key<WORDS> {
    fn new(from: [u32; WORDS], to: [u32; WORDS], ports: [u16; 2]) -> Self {
        if (from, ports[0]) <= (to, ports[1]) {
            Self {
                ends: [from, to],
                ports,
            }
        } else {
            Self {
                ends: [to, from],
                ports: [ports[1], ports[0]],
            }
        }
    }
}

impl<const WORDS: usize> Hash for Key<WORDS> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (from, to) in self.ends[0].iter().zip(&self.ends[1]) {
            state.write_u64(u64::from(*from) << 32 | u64::from(*to));
        }
        state.write_u32(u32::from(self.ports[0]) << 16 | u32::from(self.ports[1]));
    }
}

#[derive(Default)]
struct Flows {
    v4: HashMap<Key<1>, u32, RandomState>,
    v6: HashMap<Key<4>, u32, RandomState>,
}

/// Runs in a child: scans the file and tells what it counted.
pub fn run(file: &Path) -> Result<()> {
    let opened = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let bytes = Mapped::new(&opened).with_context(|| format!("cannot map {}", file.display()))?;
    let counted = scan(&bytes)?;
    eprintln!(
        "{} frames, {} resets, {} connections",
        counted.packets, counted.resets, counted.connections
    );
    Ok(())
}

/// One pass.
pub fn scan(bytes: &[u8]) -> Result<Counted> {
    let rest = bytes.strip_prefix(&[0xd4, 0xc3, 0xb2, 0xa1]);
    let mut rest = rest.and_then(|rest| rest.get(20..)).unwrap_or_default();
    ensure!(!rest.is_empty(), "not a legacy capture with microseconds");
    let mut counted = Counted::default();
    let mut flows = Flows::default();
    while let Some((head, after)) = rest.split_first_chunk::<16>() {
        let length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let Some((frame, after)) = after.split_at_checked(length) else {
            break;
        };
        rest = after;
        counted.packets += 1;
        counted.resets += u64::from(flows.packet(frame).is_some_and(|flags| flags & 4 != 0));
    }
    counted.connections = (flows.v4.len() + flows.v6.len()) as u64;
    Ok(counted)
}

impl Flows {
    /// Counts it; gives its flags when it is TCP.
    fn packet(&mut self, frame: &[u8]) -> Option<u8> {
        let (ethernet, ip) = frame.split_first_chunk::<14>()?;
        match [ethernet[12], ethernet[13]] {
            [8, 0] => {
                let head = ip.first_chunk::<20>()?;
                let tcp = ip.get(usize::from(head[0] & 15) * 4..)?;
                let first = u16::from_be_bytes([head[6] & 0x1f, head[7]]) == 0;
                (head[9] == 6 && first).then_some(())?;
                let (ports, flags) = ports_and_flags(tcp)?;
                let key = Key::new([word(&head[12..])], [word(&head[16..])], ports);
                *self.v4.entry(key).or_default() += 1;
                Some(flags)
            }
            [0x86, 0xdd] => {
                let (head, tcp) = ip.split_first_chunk::<40>()?;
                (head[6] == 6).then_some(())?;
                let (ports, flags) = ports_and_flags(tcp)?;
                let key = Key::new(words(&head[8..24]), words(&head[24..]), ports);
                *self.v6.entry(key).or_default() += 1;
                Some(flags)
            }
            _ => None,
        }
    }
}

fn ports_and_flags(tcp: &[u8]) -> Option<([u16; 2], u8)> {
    let head = tcp.first_chunk::<20>()?;
    let ports = [
        u16::from_be_bytes([head[0], head[1]]),
        u16::from_be_bytes([head[2], head[3]]),
    ];
    Some((ports, head[13]))
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn words(bytes: &[u8]) -> [u32; 4] {
    [
        word(bytes),
        word(&bytes[4..]),
        word(&bytes[8..]),
        word(&bytes[12..]),
    ]
}

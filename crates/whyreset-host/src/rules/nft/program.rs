//! The machine that a rule's expressions run on: registers that hold bytes of the segment, each known
//! or not. Refuses to say yes or no where a byte decides that is not known.

use std::cmp::Ordering;
use std::sync::Arc;

use super::set::{self, Element, Set};
use crate::rules::Dropped;
use crate::rules::tri::Tri;

/// A byte of which it may not be known what it is.
pub(super) type Known = Option<u8>;

/// Bytes of all registers (`NFT_REG32_NUM` of four).
const BYTES: usize = 64;
/// `IFNAMSIZ`.
const NAME: usize = 16;
const TCP: u8 = 6;

/// Where a register lies among their bytes (`NFT_REG_1` has the place of `NFT_REG32_00` to `03`).
pub(super) fn place(register: u32) -> Option<usize> {
    let at = match register {
        1..=4 => (register - 1) * 16,
        8..=23 => (register - 8) * 4,
        _ => return None,
    };
    usize::try_from(at).ok()
}

/// What is loaded of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// Bytes of the IP header from this one on.
    Network(usize),
    /// Bytes of the TCP header from this one on.
    Transport(usize),
    /// `meta l4proto`.
    Protocol,
    /// `meta nfproto`.
    Family,
    /// `meta protocol`.
    EtherType,
    /// `meta iif`.
    DeviceIndex,
    /// `meta iifname`.
    DeviceName,
    /// What cannot be known afterwards.
    Unknown,
}

/// How a comparison is to come out (`NFT_CMP_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Equal,
    Not,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// One expression. All places count bytes of the registers.
pub(super) enum Step {
    Load {
        what: Load,
        to: usize,
        length: usize,
    },
    Put {
        to: usize,
        bytes: Vec<u8>,
    },
    Mask {
        from: usize,
        to: usize,
        mask: Vec<u8>,
        xor: Vec<u8>,
    },
    Compare {
        from: usize,
        op: Op,
        with: Vec<u8>,
    },
    Range {
        from: usize,
        outside: bool,
        low: Vec<u8>,
        high: Vec<u8>,
    },
    Lookup {
        from: usize,
        length: usize,
        set: Arc<Set>,
        outside: bool,
    },
    /// It may hold or not, and leave anything in any register.
    Perhaps,
}

/// Runs the steps: whether all hold, and what the registers are then.
pub(super) fn run(steps: &[Step], dropped: &Dropped) -> (Tri, Registers) {
    let mut registers = Registers([None; BYTES]);
    let mut met = Tri::Yes;
    for step in steps {
        met = met.and(registers.step(step, dropped));
        if met == Tri::No {
            break;
        }
    }
    (met, registers)
}

/// All registers.
pub(super) struct Registers([Known; BYTES]);

impl Registers {
    /// Whether the bytes there meet an element of a set.
    pub(super) fn meet(&self, from: usize, length: usize, set: &Set, element: &Element) -> Tri {
        self.at(from, length)
            .map_or(Tri::Perhaps, |value| set.meets(element, value))
    }

    fn at(&self, from: usize, length: usize) -> Option<&[Known]> {
        self.0.get(from..from.checked_add(length)?)
    }

    fn write(&mut self, to: usize, values: impl Iterator<Item = Known>) {
        let mut end = to;
        for (place, value) in self.0.iter_mut().skip(to).zip(values) {
            *place = value;
            end += 1;
        }
        // The kernel clears the rest of the last register.
        let rest = end.next_multiple_of(4) - end;
        self.0
            .iter_mut()
            .skip(end)
            .take(rest)
            .for_each(|byte| *byte = Some(0));
    }

    fn step(&mut self, step: &Step, dropped: &Dropped) -> Tri {
        match step {
            Step::Load { what, to, length } => {
                self.load(*what, *to, *length, dropped);
                Tri::Yes
            }
            Step::Put { to, bytes } => {
                self.write(*to, bytes.iter().copied().map(Some));
                Tri::Yes
            }
            Step::Mask { from, to, mask, xor } => {
                let masked: Vec<Known> = (0..mask.len())
                    .map(|at| {
                        let (mask, xor) = (mask[at], xor.get(at).copied().unwrap_or(0));
                        let byte = self.0.get(from + at).copied().flatten();
                        byte.or((mask == 0).then_some(0)).map(|byte| byte & mask ^ xor)
                    })
                    .collect();
                self.write(*to, masked.into_iter());
                Tri::Yes
            }
            Step::Compare { from, op, with } => {
                let Some(value) = self.at(*from, with.len()) else {
                    return Tri::Perhaps;
                };
                let order = |holds: fn(Ordering) -> bool| {
                    set::compare(value, with).map_or(Tri::Perhaps, |order| Tri::known(holds(order)))
                };
                match op {
                    Op::Equal => set::equal(value, with),
                    Op::Not => set::equal(value, with).not(),
                    Op::Less => order(Ordering::is_lt),
                    Op::LessOrEqual => order(Ordering::is_le),
                    Op::Greater => order(Ordering::is_gt),
                    Op::GreaterOrEqual => order(Ordering::is_ge),
                }
            }
            Step::Range {
                from,
                outside,
                low,
                high,
            } => {
                let value = self.at(*from, low.len());
                turned(
                    *outside,
                    value.map_or(Tri::Perhaps, |value| set::between(value, low, high)),
                )
            }
            Step::Lookup {
                from,
                length,
                set,
                outside,
            } => {
                let value = self.at(*from, *length);
                turned(*outside, value.map_or(Tri::Perhaps, |value| set.has(value)))
            }
            Step::Perhaps => {
                self.0 = [None; BYTES];
                Tri::Perhaps
            }
        }
    }

    fn load(&mut self, what: Load, to: usize, length: usize, dropped: &Dropped) {
        let v6 = dropped.from.is_ipv6();
        let bytes = |bytes: &[u8]| -> Vec<Known> { bytes.iter().copied().map(Some).collect() };
        let places = |from: usize| from..from.saturating_add(length.min(BYTES));
        let device = dropped.device.as_ref();
        let value: Vec<Known> = match what {
            Load::Network(from) => places(from).map(|at| network(dropped, at)).collect(),
            Load::Transport(from) => places(from).map(|at| transport(dropped, at)).collect(),
            Load::Protocol => bytes(&[TCP]),
            // `NFPROTO_IPV6` and `NFPROTO_IPV4`.
            Load::Family => bytes(&[if v6 { 10 } else { 2 }]),
            Load::EtherType => bytes(if v6 { &[0x86, 0xdd] } else { &[0x08, 0x00] }),
            Load::DeviceIndex => device
                .filter(|device| device.index != 0)
                .map_or(vec![None; 4], |device| bytes(&device.index.to_ne_bytes())),
            Load::DeviceName => {
                device
                    .filter(|device| !device.name.is_empty())
                    .map_or(vec![None; NAME], |device| {
                        let mut name = device.name.clone().into_bytes();
                        name.resize(NAME, 0);
                        bytes(&name)
                    })
            }
            Load::Unknown => vec![None; length.min(BYTES)],
        };
        self.write(to, value.into_iter());
    }
}

fn turned(outside: bool, met: Tri) -> Tri {
    if outside { met.not() } else { met }
}

/// A byte of the IP header. Extension headers are taken to be none.
fn network(dropped: &Dropped, at: usize) -> Known {
    let (from, to) = (dropped.from.ip(), dropped.to.ip());
    let byte = |ip: std::net::IpAddr, at: usize| match ip {
        std::net::IpAddr::V4(ip) => ip.octets().get(at).copied(),
        std::net::IpAddr::V6(ip) => ip.octets().get(at).copied(),
    };
    match (dropped.from.is_ipv6(), at) {
        (false, 9) | (true, 6) => Some(TCP),
        (false, 12..16) => byte(from, at - 12),
        (false, 16..20) => byte(to, at - 16),
        (true, 8..24) => byte(from, at - 8),
        (true, 24..40) => byte(to, at - 24),
        _ => None,
    }
}

/// A byte of the TCP header.
fn transport(dropped: &Dropped, at: usize) -> Known {
    match at {
        0 | 1 => dropped.from.port().to_be_bytes().get(at).copied(),
        2 | 3 => dropped.to.port().to_be_bytes().get(at - 2).copied(),
        13 => Some(dropped.flags.0),
        _ => None,
    }
}

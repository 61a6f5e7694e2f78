//! Link layers: what stands before the first network header, by the numbers that captures use
//! (tcpdump.org, LINKTYPE_ values). Refuses radio headers and other media.

use crate::Refusal;
use crate::bytes::{chunk, u16_at, u32_at};
use crate::refusal::cut;

/// A link type as captures number it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

#[expect(missing_docs, reason = "the names are the registry's own")]
impl LinkType {
    pub const NULL: Self = Self(0);
    pub const ETHERNET: Self = Self(1);
    pub const PPP: Self = Self(9);
    pub const PPP_HDLC: Self = Self(50);
    pub const PPP_ETHER: Self = Self(51);
    pub const RAW: Self = Self(101);
    pub const LOOP: Self = Self(108);
    pub const LINUX_SLL: Self = Self(113);
    pub const IPV4: Self = Self(228);
    pub const IPV6: Self = Self(229);
    pub const LINUX_SLL2: Self = Self(276);
}

/// What the link layer tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkInfo {
    /// The sender's address on the link.
    pub source: Option<[u8; 6]>,
    /// The receiver's.
    pub destination: Option<[u8; 6]>,
    /// The outermost VLAN.
    pub vlan: Option<u16>,
    /// Linux's packet type: 0 for us, 1 broadcast, 2 multicast, 3 for another host, 4 sent by us.
    pub packet_type: Option<u16>,
    /// Linux's interface index.
    pub interface: Option<u32>,
}

/// EtherTypes.
pub const IPV4: u16 = 0x0800;
pub const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const QINQ: u16 = 0x88a8;
const OLD_QINQ: u16 = 0x9100;
const PPPOE_SESSION: u16 = 0x8864;
const MPLS: u16 = 0x8847;
const MPLS_UPSTREAM: u16 = 0x8848;
/// VLAN tags, MPLS labels and the like around one packet at most.
const MOST_TAGS: usize = 16;

/// Opens the link layer: what it tells, the EtherType of what is inside, and that.
pub fn open(link: LinkType, bytes: &[u8]) -> Result<(LinkInfo, u16, &[u8]), Refusal> {
    match link {
        LinkType::ETHERNET => ethernet(bytes),
        LinkType::LINUX_SLL => cooked(bytes),
        LinkType::LINUX_SLL2 => cooked2(bytes),
        // 12 and 14 are what some systems wrote for raw IP.
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 | LinkType(12 | 14) => {
            Ok((LinkInfo::default(), by_version(bytes)?, bytes))
        }
        LinkType::NULL | LinkType::LOOP => {
            let rest = bytes.get(4..).ok_or(cut("loopback"))?;
            // The family's number differs from system to system, and its byte order from host to host.
            Ok((LinkInfo::default(), by_version(rest)?, rest))
        }
        LinkType::PPP | LinkType::PPP_HDLC => {
            let rest = bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes);
            ppp(LinkInfo::default(), rest)
        }
        LinkType::PPP_ETHER => ppp(LinkInfo::default(), bytes.get(6..).ok_or(cut("PPPoE"))?),
        other => Err(Refusal::UnknownLink(other)),
    }
}

/// The EtherType of an IP packet, by its first four bits.
pub fn by_version(bytes: &[u8]) -> Result<u16, Refusal> {
    match bytes.first().map(|first| first >> 4) {
        Some(4) => Ok(IPV4),
        Some(6) => Ok(IPV6),
        Some(other) => Err(Refusal::NotIp(other.into())),
        None => Err(cut("IP")),
    }
}

/// Ethernet, also as tunnels carry it.
pub fn ethernet(bytes: &[u8]) -> Result<(LinkInfo, u16, &[u8]), Refusal> {
    let short = || cut("Ethernet");
    let info = LinkInfo {
        destination: chunk(bytes, 0),
        source: chunk(bytes, 6),
        ..LinkInfo::default()
    };
    let kind = u16_at(bytes, 12).ok_or_else(short)?;
    let rest = bytes.get(14..).ok_or_else(short)?;
    // IEEE 802.3: a length stands there; IP comes behind LLC and SNAP.
    if kind <= 1500 {
        return match rest {
            [0xaa, 0xaa, 0x03, _, _, _, high, low, inner @ ..] => {
                inside(info, u16::from_be_bytes([*high, *low]), inner)
            }
            [0x06, 0x06, 0x03, inner @ ..] => inside(info, IPV4, inner),
            _ => Err(Refusal::NotIp(kind)),
        };
    }
    inside(info, kind, rest)
}

fn cooked(bytes: &[u8]) -> Result<(LinkInfo, u16, &[u8]), Refusal> {
    let short = || cut("Linux cooked");
    let rest = bytes.get(16..).ok_or_else(short)?;
    let info = LinkInfo {
        packet_type: u16_at(bytes, 0),
        source: (u16_at(bytes, 4) == Some(6)).then(|| chunk(bytes, 6)).flatten(),
        ..LinkInfo::default()
    };
    inside(info, u16_at(bytes, 14).ok_or_else(short)?, rest)
}

fn cooked2(bytes: &[u8]) -> Result<(LinkInfo, u16, &[u8]), Refusal> {
    let short = || cut("Linux cooked");
    let rest = bytes.get(20..).ok_or_else(short)?;
    let info = LinkInfo {
        packet_type: bytes.get(10).copied().map(u16::from),
        interface: u32_at(bytes, 4),
        source: (bytes.get(11) == Some(&6)).then(|| chunk(bytes, 12)).flatten(),
        ..LinkInfo::default()
    };
    inside(info, u16_at(bytes, 0).ok_or_else(short)?, rest)
}

fn ppp(info: LinkInfo, bytes: &[u8]) -> Result<(LinkInfo, u16, &[u8]), Refusal> {
    match bytes {
        [0x00, 0x21, rest @ ..] | [0x21, rest @ ..] => Ok((info, IPV4, rest)),
        [0x00, 0x57, rest @ ..] | [0x57, rest @ ..] => Ok((info, IPV6, rest)),
        [high, low, ..] => Err(Refusal::NotIp(u16::from_be_bytes([*high, *low]))),
        _ => Err(cut("PPP")),
    }
}

/// Through VLAN tags, MPLS labels and PPPoE to the network header.
fn inside(mut info: LinkInfo, mut kind: u16, mut rest: &[u8]) -> Result<(LinkInfo, u16, &[u8]), Refusal> {
    for _ in 0..MOST_TAGS {
        match kind {
            VLAN | QINQ | OLD_QINQ => {
                let tag = u16_at(rest, 0).ok_or(cut("VLAN"))?;
                info.vlan.get_or_insert(tag & 0x0fff);
                kind = u16_at(rest, 2).ok_or(cut("VLAN"))?;
                rest = rest.get(4..).ok_or(cut("VLAN"))?;
            }
            MPLS | MPLS_UPSTREAM => {
                let label = u32_at(rest, 0).ok_or(cut("MPLS"))?;
                rest = rest.get(4..).ok_or(cut("MPLS"))?;
                if label & 0x100 != 0 {
                    return Ok((info, by_version(rest)?, rest));
                }
            }
            PPPOE_SESSION => {
                let inner = rest.get(6..).ok_or(cut("PPPoE"))?;
                return ppp(info, inner);
            }
            IPV4 | IPV6 => return Ok((info, kind, rest)),
            other => return Err(Refusal::NotIp(other)),
        }
    }
    Err(Refusal::TooDeep)
}

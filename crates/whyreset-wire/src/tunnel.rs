//! From the first network header inwards: IP in IP, GRE, VXLAN, GENEVE. What is told is the
//! innermost connection. Refuses encrypted tunnels, in which there is nothing to see.

use crate::bytes::{u16_at, u32_at};
use crate::ip::{self, Opened};
use crate::link::{self, IPV4, IPV6, LinkInfo};
use crate::refusal::cut;
use crate::{Packet, Refusal, Transport, icmp, tcp};

/// What a packet was wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tunnel {
    /// IPv4 or IPv6 directly in either.
    IpInIp,
    /// Generic routing encapsulation (RFC 2784, RFC 2890).
    Gre {
        /// Its key, where it has one.
        key: Option<u32>,
    },
    /// RFC 7348.
    Vxlan {
        /// Network identifier.
        vni: u32,
    },
    /// RFC 8926.
    Geneve {
        /// Network identifier.
        vni: u32,
    },
}

/// Tunnels around one packet at most.
const DEEPEST: usize = 8;
const TRANSPARENT_ETHERNET: u16 = 0x6558;

/// What stands inside a tunnel: its EtherType, and its bytes.
type Inner<'a> = (u16, &'a [u8]);

pub fn open(link: LinkInfo, mut kind: u16, mut bytes: &[u8], mut left: u32) -> Result<Packet<'_>, Refusal> {
    let mut tunnel = None;
    for _ in 0..DEEPEST {
        let opened = match kind {
            IPV4 => ip::v4(bytes, left)?,
            IPV6 => ip::v6(bytes, left)?,
            other => return Err(Refusal::NotIp(other)),
        };
        let wrapped = if opened.later_fragment {
            None
        } else {
            wrapped(&opened)?
        };
        let Some((found, inner)) = wrapped else {
            return Ok(Packet {
                ip: opened.ip,
                transport: transport(&opened)?,
                link,
                tunnel,
            });
        };
        tunnel = Some(found);
        let before = opened.body.len() - inner.1.len();
        left = opened
            .body_len
            .saturating_sub(u32::try_from(before).unwrap_or(u32::MAX));
        (kind, bytes) = inner;
        if kind == TRANSPARENT_ETHERNET {
            let (_, inside, rest) = link::ethernet(bytes)?;
            left = left.saturating_sub(u32::try_from(bytes.len() - rest.len()).unwrap_or(u32::MAX));
            (kind, bytes) = (inside, rest);
        }
    }
    Err(Refusal::TooDeep)
}

fn transport<'a>(opened: &Opened<'a>) -> Result<Transport<'a>, Refusal> {
    if opened.later_fragment {
        return Ok(Transport::Fragment);
    }
    Ok(match opened.protocol {
        6 => Transport::Tcp(tcp::open(opened.body, opened.body_len)?),
        1 | 58 => match icmp::open(opened.ip.source, opened.body) {
            Some(error) => Transport::IcmpError(error),
            None => Transport::Other(opened.protocol),
        },
        other => Transport::Other(other),
    })
}

/// The tunnel that this packet is, and what is inside.
fn wrapped<'a>(opened: &Opened<'a>) -> Result<Option<(Tunnel, Inner<'a>)>, Refusal> {
    let body = opened.body;
    match opened.protocol {
        4 => Ok(Some((Tunnel::IpInIp, (IPV4, body)))),
        41 => Ok(Some((Tunnel::IpInIp, (IPV6, body)))),
        47 => gre(body),
        17 => udp(body),
        _ => Ok(None),
    }
}

fn gre(body: &[u8]) -> Result<Option<(Tunnel, Inner<'_>)>, Refusal> {
    let short = || cut("GRE");
    let flags = u16_at(body, 0).ok_or_else(short)?;
    let kind = u16_at(body, 2).ok_or_else(short)?;
    // Version 1 is PPTP's, which is compressed or encrypted more often than not.
    if flags & 0x7 != 0 || !matches!(kind, IPV4 | IPV6 | TRANSPARENT_ETHERNET) {
        return Ok(None);
    }
    let field = |bit: u16| if flags & bit != 0 { 4 } else { 0 };
    let (checksum, key, sequence) = (field(0x8000), field(0x2000), field(0x1000));
    let inner = body.get(4 + checksum + key + sequence..).ok_or_else(short)?;
    let key = (key > 0).then(|| u32_at(body, 4 + checksum)).flatten();
    Ok(Some((Tunnel::Gre { key }, (kind, inner))))
}

fn udp(body: &[u8]) -> Result<Option<(Tunnel, Inner<'_>)>, Refusal> {
    let Some(inner) = body.get(8..) else {
        return Ok(None);
    };
    match u16_at(body, 2) {
        // The second is what Linux used before there was a registered port.
        Some(4789 | 8472) => {
            let vni = u32_at(inner, 4).ok_or(cut("VXLAN"))? >> 8;
            let inner = inner.get(8..).ok_or(cut("VXLAN"))?;
            Ok(Some((Tunnel::Vxlan { vni }, (TRANSPARENT_ETHERNET, inner))))
        }
        Some(6081) => {
            let short = || cut("GENEVE");
            let options = usize::from(*inner.first().ok_or_else(short)? & 0x3f) * 4;
            let kind = u16_at(inner, 2).ok_or_else(short)?;
            let vni = u32_at(inner, 4).ok_or_else(short)? >> 8;
            let inner = inner.get(8 + options..).ok_or_else(short)?;
            Ok(Some((Tunnel::Geneve { vni }, (kind, inner))))
        }
        _ => Ok(None),
    }
}

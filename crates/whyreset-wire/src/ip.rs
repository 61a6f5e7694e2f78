//! IPv4 and IPv6 headers. Refuses to reassemble fragments: the first one has the TCP header.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Refusal;
use crate::bytes::{chunk, u16_at, u32_at};
use crate::refusal::cut;

/// What an IP header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip {
    /// Who sent it, by its header.
    pub source: IpAddr,
    /// For whom.
    pub destination: IpAddr,
    /// TTL, or hop limit.
    pub hop_limit: u8,
    /// Identification; `None` for IPv6.
    pub id: Option<u16>,
    /// It must not be fragmented; always so for IPv6.
    pub dont_fragment: bool,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// Flow label; `None` for IPv4.
    pub flow_label: Option<u32>,
}

/// An IP packet opened.
pub struct Opened<'a> {
    pub ip: Ip,
    pub protocol: u8,
    /// The captured part of what it carries, without the padding of the link.
    pub body: &'a [u8],
    /// How long that is by the header, bytes.
    pub body_len: u32,
    /// A fragment that is not the first.
    pub later_fragment: bool,
}

/// IPv6 extension headers on one packet at most.
const MOST_EXTENSIONS: usize = 8;

#[inline]
pub fn v4(bytes: &[u8], wire_len: u32) -> Result<Opened<'_>, Refusal> {
    let broken = |why| Refusal::Malformed { layer: "IPv4", why };
    let head: [u8; 20] = chunk(bytes, 0).ok_or(cut("IPv4"))?;
    if head[0] >> 4 != 4 {
        return Err(broken("its version is not 4"));
    }
    let header_len = usize::from(head[0] & 0x0f) * 4;
    if header_len < 20 {
        return Err(broken("it says that it is shorter than 20 bytes"));
    }
    // Offloaded segments are captured before their length is known.
    let total = match u32::from(u16::from_be_bytes([head[2], head[3]])) {
        0 => wire_len,
        total => total,
    };
    let body_len = total
        .checked_sub(u32::try_from(header_len).unwrap_or(u32::MAX))
        .ok_or(broken("it is longer than the packet"))?;
    let rest = bytes.get(header_len..).ok_or(cut("IPv4"))?;
    let fragment = u16::from_be_bytes([head[6], head[7]]);
    Ok(Opened {
        ip: Ip {
            source: IpAddr::V4(Ipv4Addr::new(head[12], head[13], head[14], head[15])),
            destination: IpAddr::V4(Ipv4Addr::new(head[16], head[17], head[18], head[19])),
            hop_limit: head[8],
            id: Some(u16::from_be_bytes([head[4], head[5]])),
            dont_fragment: fragment & 0x4000 != 0,
            traffic_class: head[1],
            flow_label: None,
        },
        protocol: head[9],
        body: within(rest, body_len),
        body_len,
        later_fragment: fragment & 0x1fff != 0,
    })
}

pub fn v6(bytes: &[u8], wire_len: u32) -> Result<Opened<'_>, Refusal> {
    const HEADER: u32 = 40;
    let first = u32_at(bytes, 0).ok_or(cut("IPv6"))?;
    if first >> 28 != 6 {
        let why = "its version is not 6";
        return Err(Refusal::Malformed { layer: "IPv6", why });
    }
    let address = |at| chunk::<16>(bytes, at).map(|octets| IpAddr::V6(Ipv6Addr::from(octets)));
    let short = || cut("IPv6");
    let payload = u32::from(u16_at(bytes, 4).ok_or_else(short)?);
    let payload = if payload == 0 {
        wire_len.saturating_sub(HEADER)
    } else {
        payload
    };
    let [protocol, hop_limit] = chunk(bytes, 6).ok_or_else(short)?;
    let ip = Ip {
        source: address(8).ok_or_else(short)?,
        destination: address(24).ok_or_else(short)?,
        hop_limit,
        id: None,
        dont_fragment: true,
        traffic_class: ((first >> 20) & 0xff) as u8,
        flow_label: Some(first & 0x000f_ffff),
    };
    let body = within(bytes.get(40..).ok_or_else(short)?, payload);
    extensions(ip, protocol, body, payload)
}

fn extensions(ip: Ip, mut protocol: u8, mut body: &[u8], mut body_len: u32) -> Result<Opened<'_>, Refusal> {
    let mut later_fragment = false;
    for _ in 0..MOST_EXTENSIONS {
        let short = || cut("IPv6 extension");
        let unit = match protocol {
            // Hop-by-hop, routing, destination options, mobility: length in eights.
            0 | 43 | 60 | 135 => 8,
            44 => {
                let offset = u16_at(body, 2).ok_or_else(short)?;
                later_fragment = offset & 0xfff8 != 0;
                0
            }
            // Authentication header: length in fours, less two.
            51 => 4,
            _ => break,
        };
        let [next, length] = chunk(body, 0).ok_or_else(short)?;
        let size = match unit {
            8 => (usize::from(length) + 1) * 8,
            4 => (usize::from(length) + 2) * 4,
            _ => 8,
        };
        body = body.get(size..).ok_or_else(short)?;
        body_len = body_len.saturating_sub(u32::try_from(size).unwrap_or(u32::MAX));
        protocol = next;
        if later_fragment {
            break;
        }
    }
    Ok(Opened {
        ip,
        protocol,
        body,
        body_len,
        later_fragment,
    })
}

/// Without what the link added behind the packet.
fn within(bytes: &[u8], len: u32) -> &[u8] {
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    bytes.get(..len).unwrap_or(bytes)
}

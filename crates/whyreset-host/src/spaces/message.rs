//! Messages of ctnetlink about entries. Takes any bytes; what it cannot read it leaves
//! out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE`.
pub(super) const DELETE: u16 = 0x0102;
/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW`: how an entry that was asked for is told.
pub(super) const NEW: u16 = 0x0100;
/// `struct nlmsghdr` and `struct nfgenmsg`.
const HEADER: usize = 16;
const HEADERS: usize = HEADER + 4;
/// The upper bits of an attribute's type are flags (`NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`).
const TYPE: u16 = 0x3fff;
const IPPROTO_TCP: u8 = 6;

/// An entry; each name has its source first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// What the opener sent.
    pub original: (SocketAddr, SocketAddr),
    /// What was expected back.
    pub reply: (SocketAddr, SocketAddr),
    /// `enum tcp_conntrack`; `None` where the kernel does not tell it.
    pub state: Option<u8>,
    /// The netlink port of who asked; 0 where nobody did.
    pub portid: u32,
}

/// The TCP entries of one datagram, of messages of this kind.
pub(super) fn read(mut datagram: &[u8], wanted: u16) -> Vec<Entry> {
    let mut entries = Vec::new();
    while let Some(length) = number(datagram, 0).map(|length| length as usize) {
        let Some(message) = datagram.get(..length).filter(|_| length >= HEADER) else {
            break;
        };
        let kind = datagram
            .get(4..6)
            .map(|bytes| u16::from_ne_bytes([bytes[0], bytes[1]]));
        if kind == Some(wanted) {
            entries.extend(entry(message));
        }
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    entries
}

fn entry(message: &[u8]) -> Option<Entry> {
    let (mut original, mut reply, mut state) = (None, None, None);
    for (kind, value) in attributes(message.get(HEADERS..)?) {
        match kind {
            1 => original = tuple(value),
            2 => reply = tuple(value),
            // CTA_PROTOINFO_TCP, and in it CTA_PROTOINFO_TCP_STATE
            4 => state = find(value, 1).and_then(|tcp| find(tcp, 1)?.first().copied()),
            _ => {}
        }
    }
    Some(Entry {
        original: original?,
        reply: reply?,
        state,
        portid: number(message, 12)?,
    })
}

/// A tuple of TCP: CTA_TUPLE_IP and CTA_TUPLE_PROTO.
fn tuple(value: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let (ip, proto) = (find(value, 1)?, find(value, 2)?);
    if find(proto, 1)?.first() != Some(&IPPROTO_TCP) {
        return None;
    }
    let end = |v4, v6, port| {
        let address = match (find(ip, v4), find(ip, v6)) {
            (Some(v4), _) => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(v4).ok()?)),
            (None, v6) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(v6?).ok()?)),
        };
        let port = <[u8; 2]>::try_from(find(proto, port)?).ok()?;
        Some(SocketAddr::new(address, u16::from_be_bytes(port)))
    };
    Some((end(1, 3, 2)?, end(2, 4, 3)?))
}

/// The first attribute of this type.
pub(crate) fn find(attributes_of: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(attributes_of)
        .find(|(kind, _)| *kind == wanted)
        .map(|(_, value)| value)
}

/// Type and value of each attribute, up to the first that does not fit.
fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let &[a, b, c, d, ..] = rest else { return None };
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([c, d]) & TYPE, value))
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len() + 4).unwrap();
        let mut out = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        out.extend(value);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    fn name(v6: bool, from: u16, to: u16) -> Vec<u8> {
        let (ip, width) = if v6 { ([3, 4], 16) } else { ([1, 2], 4) };
        let addresses = [
            attribute(ip[0], &vec![1; width]),
            attribute(ip[1], &vec![2; width]),
        ]
        .concat();
        let ports = [
            attribute(1, &[6]),
            attribute(2, &from.to_be_bytes()),
            attribute(3, &to.to_be_bytes()),
        ]
        .concat();
        [attribute(0x8001, &addresses), attribute(0x8002, &ports)].concat()
    }

    fn message(v6: bool) -> Vec<u8> {
        let state = attribute(4, &attribute(1, &attribute(1, &[3])));
        let body = [
            attribute(1, &name(v6, 40_000, 80)),
            attribute(2, &name(v6, 8_080, 40_000)),
            state,
        ]
        .concat();
        let length = u32::try_from(HEADERS + body.len()).unwrap();
        let mut out = length.to_ne_bytes().to_vec();
        out.extend(DELETE.to_ne_bytes());
        out.extend([0; 6]);
        out.extend(77u32.to_ne_bytes());
        out.extend([2, 0, 0, 0]);
        out.extend(body);
        out
    }

    #[test]
    fn both_names_and_the_state_are_read() {
        for v6 in [false, true] {
            let both = [message(v6), message(v6)].concat();
            let gone = read(&both, DELETE);
            assert!(read(&both, NEW).is_empty());
            assert_eq!(gone.len(), 2);
            assert_eq!(gone[0].original.0.port(), 40_000);
            assert_eq!(gone[0].reply.0.port(), 8_080);
            assert_eq!((gone[0].state, gone[0].portid), (Some(3), 77));
            assert_eq!(gone[0].original.1.is_ipv6(), v6);
        }
    }

    #[test]
    fn any_bytes_are_taken() {
        let whole = message(true);
        for cut in 0..whole.len() {
            read(&whole[..cut], DELETE);
            for value in [0, 1, 0xff] {
                let mut broken = whole.clone();
                broken[cut] = value;
                read(&broken, DELETE);
            }
        }
    }
}

//! Socket addresses as a program hands them to the kernel. Refuses to read beyond their length.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// `sa_family`.
pub(crate) fn family(bytes: &[u8]) -> Option<i32> {
    let two = bytes.get(..2)?.try_into().ok()?;
    Some(u16::from_ne_bytes(two).into())
}

/// `struct sockaddr_in` or `sockaddr_in6`.
pub(crate) fn parse(bytes: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    match family(bytes)? {
        libc::AF_INET => {
            let octets: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some((Ipv4Addr::from(octets), port).into())
        }
        libc::AF_INET6 => {
            let octets: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            let scope = bytes
                .get(24..28)
                .and_then(|four| four.try_into().ok())
                .map_or(0, u32::from_ne_bytes);
            Some(SocketAddrV6::new(Ipv6Addr::from(octets), port, 0, scope).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_short_ones_are_none() {
        let mut bytes = vec![2, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(parse(&bytes), Some("127.0.0.1:8080".parse().unwrap()));
        assert_eq!(parse(&bytes[..6]), None);
        bytes[0] = 10;
        assert_eq!(parse(&bytes), None);
        bytes.resize(28, 0);
        bytes[23] = 1;
        bytes[8..12].fill(0);
        assert_eq!(parse(&bytes), Some("[::1]:8080".parse().unwrap()));
        assert_eq!(family(&[]), None);
    }
}

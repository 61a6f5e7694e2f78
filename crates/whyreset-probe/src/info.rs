//! What the kernel says of one of our sockets: TCP_INFO, and the ICMP errors it kept. Refuses to
//! know what they mean.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::time::Duration;

use whyreset_evidence::TcpState;

use crate::sys;

/// TCP_INFO, as far as a probe asks (`struct tcp_info`, linux/tcp.h). Sizes are bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// `tcpi_state`.
    pub state: TcpState,
    /// `tcpi_retransmits`: unanswered retransmissions in a row.
    pub retransmits: u32,
    /// `tcpi_probes`: unanswered probes.
    pub probes: u32,
    /// `tcpi_total_retrans`: segments retransmitted so far.
    pub total_retransmits: u32,
    /// `tcpi_last_data_sent`: since we last sent data.
    pub data_sent_ago: Duration,
    /// `tcpi_last_data_recv`: since the other end's data last came.
    pub data_heard_ago: Duration,
    /// `tcpi_last_ack_recv`: since anything of the other end was last taken.
    pub heard_ago: Duration,
    /// `tcpi_rtt`.
    pub rtt: Duration,
    /// `tcpi_bytes_acked`; the SYN counts as one.
    pub acked: u64,
    /// `tcpi_bytes_received`.
    pub received: u64,
    /// `tcpi_bytes_sent` without `tcpi_bytes_retrans`: new payload that left.
    pub sent: u64,
    /// `tcpi_snd_wnd`: what the other end last allowed.
    pub window: u32,
}

impl TcpInfo {
    /// Asks the kernel; `None` where it does not answer.
    pub fn of(socket: impl AsFd) -> Option<Self> {
        let mut info = Self::parse(&sys::tcp_info(&socket).ok()?);
        if info.state == TcpState::Close && info.acked == 0 && info.received == 0 {
            // A Multipath TCP socket that ended has no subflow left to tell.
            info.take_subflows(&sys::mptcp_info(&socket).unwrap_or_default());
        }
        Some(info)
    }

    /// Reads the bytes that a Multipath TCP connection (`struct mptcp_info`) moved over all its subflows.
    fn take_subflows(&mut self, bytes: &[u8]) {
        let long = |at| long(bytes, at);
        self.sent = long(56).saturating_sub(long(48));
        self.received = long(64);
        self.acked = long(72);
    }

    /// Reads the structure. What an older kernel does not have is zero.
    fn parse(bytes: &[u8]) -> Self {
        let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
        let word = |at: usize| {
            let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
            four.map_or(0, u32::from_ne_bytes)
        };
        let long = |at| long(bytes, at);
        Self {
            state: TcpState::from_number(byte(0)),
            retransmits: byte(2).into(),
            probes: byte(3).into(),
            total_retransmits: word(100),
            data_sent_ago: Duration::from_millis(word(44).into()),
            data_heard_ago: Duration::from_millis(word(52).into()),
            heard_ago: Duration::from_millis(word(56).into()),
            rtt: Duration::from_micros(word(68).into()),
            acked: long(120),
            received: long(128),
            sent: long(200).saturating_sub(long(208)),
            window: word(228),
        }
    }
}

/// A number of eight bytes, 0 beyond the end.
fn long(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok());
    eight.map_or(0, u64::from_ne_bytes)
}

/// An ICMP error that a segment of ours drew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Who complained, where the kernel tells.
    pub from: Option<IpAddr>,
    /// ICMPv6 rather than ICMP.
    pub v6: bool,
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
}

impl Icmp {
    /// The last one that the kernel kept for this socket.
    pub fn last_of(socket: impl AsFd) -> Option<Self> {
        /// A storm of errors is read no further.
        const MOST: usize = 64;
        let mut last = None;
        for _ in 0..MOST {
            match sys::kept_error(&socket) {
                Ok(Some(bytes)) => last = Self::parse(&bytes).or(last),
                Ok(None) | Err(_) => break,
            }
        }
        last
    }

    /// `struct sock_extended_err` (linux/errqueue.h), then the offender's address.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (origin, kind, code) = (*bytes.get(4)?, *bytes.get(5)?, *bytes.get(6)?);
        let v6 = match origin {
            2 => false,
            3 => true,
            _ => return None,
        };
        let address = bytes.get(16..)?;
        let from = match u16::from_ne_bytes(address.get(..2)?.try_into().ok()?) {
            2 => {
                let octets: [u8; 4] = address.get(4..8)?.try_into().ok()?;
                Some(IpAddr::V4(Ipv4Addr::from(octets)))
            }
            10 => {
                let octets: [u8; 16] = address.get(8..24)?.try_into().ok()?;
                Some(IpAddr::V6(Ipv6Addr::from(octets)))
            }
            _ => None,
        };
        Some(Self { from, v6, kind, code })
    }

    /// What it says, in the words of its RFC (792, 1812, 4443).
    pub const fn words(&self) -> &'static str {
        match (self.v6, self.kind, self.code) {
            (false, 3, 0) | (true, 1, 0) => "no route to the network",
            (false, 3, 1) => "host unreachable",
            (true, 1, 3) => "address unreachable",
            (false, 3, 3) | (true, 1, 4) => "port unreachable",
            (false, 3, 9 | 10 | 13) | (true, 1, 1) => "administratively prohibited",
            (true, 1, 5) => "source address fails a policy",
            (true, 1, 6) => "route rejected",
            (false, 11, _) | (true, 3, _) => "TTL used up on the way",
            (false, 3, 4) | (true, 2, _) => "packet too big",
            _ => "destination unreachable",
        }
    }

    /// Somebody's rule refuses, rather than that there is no way.
    pub const fn is_policy(&self) -> bool {
        matches!(
            (self.v6, self.kind, self.code),
            (false, 3, 3 | 9 | 10 | 13) | (true, 1, 1 | 4 | 5 | 6)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_structure_is_read_as_far_as_it_goes() {
        assert_eq!(TcpInfo::parse(&[]).state, TcpState::Unknown(0));
        let mut bytes = vec![0_u8; 128];
        bytes[0] = 1;
        bytes[120..128].copy_from_slice(&7_u64.to_ne_bytes());
        let info = TcpInfo::parse(&bytes);
        assert_eq!((info.state, info.acked, info.sent), (TcpState::Established, 7, 0));
    }

    #[test]
    fn an_error_names_who_complained() {
        let mut bytes = vec![0_u8; 32];
        (bytes[4], bytes[5], bytes[6]) = (2, 3, 3);
        bytes[16..18].copy_from_slice(&2_u16.to_ne_bytes());
        bytes[20..24].copy_from_slice(&[10, 0, 0, 1]);
        let icmp = Icmp::parse(&bytes).unwrap();
        assert_eq!(icmp.from, Some("10.0.0.1".parse().unwrap()));
        assert_eq!(icmp.words(), "port unreachable");
        assert!(Icmp::parse(&bytes[..10]).is_none());
    }
}

//! Builds one TCP segment as an Ethernet frame, checksums right, everything else as asked.
//! Refuses to mix address families.

use std::net::{IpAddr, SocketAddr};

use anyhow::bail;
use etherparse::{PacketBuilder, TcpOptionElement};
use whyreset_evidence::Flags;

use crate::topology::End;

/// A segment to be sent.
#[derive(Clone, Debug)]
pub struct Craft {
    /// Claimed sender.
    pub source: SocketAddr,
    /// To.
    pub destination: SocketAddr,
    /// Header flags.
    pub flags: Flags,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number; sent where the ACK flag is set.
    pub ack: u32,
    /// TTL or hop limit.
    pub ttl: u8,
    /// TCP timestamps: value and echo.
    pub timestamps: Option<(u32, u32)>,
}

impl Craft {
    /// A segment with TTL 64, no timestamps and no numbers.
    pub fn new(source: SocketAddr, destination: SocketAddr, flags: u8) -> Self {
        Self {
            source,
            destination,
            flags: Flags(flags),
            seq: 0,
            ack: 0,
            ttl: 64,
            timestamps: None,
        }
    }

    /// The frame, as sent by the interface at `end` of the cable.
    pub fn frame(&self, end: End) -> anyhow::Result<Vec<u8>> {
        const WINDOW: u16 = 8192;
        let link = PacketBuilder::ethernet2(end.hardware(), end.other().hardware());
        let net = match (self.source.ip(), self.destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                link.ipv4(source.octets(), destination.octets(), self.ttl)
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                link.ipv6(source.octets(), destination.octets(), self.ttl)
            }
            _ => bail!(
                "a segment from {} to {} mixes families",
                self.source,
                self.destination
            ),
        };
        let mut tcp = net.tcp(self.source.port(), self.destination.port(), self.seq, WINDOW);
        if self.flags.has(Flags::SYN) {
            tcp = tcp.syn();
        }
        if self.flags.has(Flags::RST) {
            tcp = tcp.rst();
        }
        if self.flags.has(Flags::FIN) {
            tcp = tcp.fin();
        }
        if self.flags.has(Flags::ACK) {
            tcp = tcp.ack(self.ack);
        }
        let mut options = Vec::new();
        if self.flags.has(Flags::SYN) {
            options.push(TcpOptionElement::MaximumSegmentSize(1400));
        }
        if let Some((value, echo)) = self.timestamps {
            options.push(TcpOptionElement::Timestamp(value, echo));
        }
        let tcp = tcp.options(&options)?;
        let mut frame = Vec::with_capacity(tcp.size(0));
        tcp.write(&mut frame, &[])?;
        Ok(frame)
    }
}

//! The bulk of every pcapng capture, enhanced packets without options, several times as fast as by the
//! block parser. Whatever is odd about a block is left to that parser.

use pcap_parser::EPB_MAGIC;

use crate::blocks::u32_in;
use crate::legacy::MAX_PACKET;
use crate::pcapng::{EPB_DATA, Packet, Pcapng};

impl Pcapng {
    /// The packet at the beginning of `have`, if it is of that form and whole.
    #[inline]
    pub fn plain(&mut self, have: &[u8]) -> Option<Packet> {
        let head = have.first_chunk::<EPB_DATA>()?;
        let word = |at: usize| u32_in(self.big, [head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (len, caplen) = (word(4), word(20));
        // The fixed part and the length at the end.
        let without_options = caplen <= MAX_PACKET && len == caplen.next_multiple_of(4) + 32;
        if word(0) != EPB_MAGIC || !without_options {
            return None;
        }
        let block = have.get(..len as usize)?;
        if u32_in(self.big, *block.last_chunk()?) != len {
            return None;
        }
        let time = u64::from(word(12)) << 32 | u64::from(word(16));
        let mut packet = self.packet(word(8), Some(time)).ok()?;
        packet.wire_len = word(24);
        packet.caplen = caplen as usize;
        packet.block = block.len();
        self.frame += 1;
        Some(packet)
    }
}

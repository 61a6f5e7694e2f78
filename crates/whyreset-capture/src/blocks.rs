//! pcapng blocks as bytes: their types and how one is cut from the stream. Looks into none of them.

use pcap_parser::{
    BOM_MAGIC, CB_MAGIC, DCB_MAGIC, EPB_MAGIC, IDB_MAGIC, ISB_MAGIC, SHB_MAGIC, SJE_MAGIC, SPB_MAGIC,
};

use crate::CaptureError;
use crate::legacy::MAX_PACKET;
use crate::notice::{Notice, Notices};
use crate::window::Window;

/// The obsolete Packet Block.
pub(crate) const PB_MAGIC: u32 = 2;
/// The longest block that is taken into memory: the longest packet and room for its options.
const MAX_TAKEN: u32 = MAX_PACKET + (1 << 20);
/// The longest block that is believed at all, as Wireshark has it for its longest packets.
const MAX_PASSED: u32 = 128 << 20;

/// The type and whole length of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub kind: u32,
    pub len: u32,
}

impl Block {
    /// Whether a packet is in it.
    pub fn is_packet(self) -> bool {
        matches!(self.kind, EPB_MAGIC | SPB_MAGIC | PB_MAGIC)
    }

    /// Whether something here reads its inside.
    pub fn is_read(self) -> bool {
        self.is_packet() || matches!(self.kind, SHB_MAGIC | IDB_MAGIC | ISB_MAGIC)
    }

    /// Whether Wireshark gives it a frame number though no packet is in it (seen with 4.0: custom blocks,
    /// journal entries, three forms of system calls).
    pub fn is_other_frame(self) -> bool {
        matches!(
            self.kind,
            CB_MAGIC | DCB_MAGIC | SJE_MAGIC | 0x204 | 0x216 | 0x221
        )
    }
}

/// The next block, its byte order in `big` renewed where a section begins. With `whole`, or where
/// something reads its inside, all of it is in hand. `None` at the end, a cut one noted.
pub(crate) fn next_block(
    window: &mut Window,
    big: &mut bool,
    whole: bool,
    notices: &mut Notices,
) -> Result<Option<Block>, CaptureError> {
    let offset = window.offset();
    let cut = |window: &Window, need: u64| Notice::Truncated {
        what: "block",
        offset,
        have: window.have().len() as u64,
        need,
    };
    if !window.need(12)? {
        if !window.have().is_empty() {
            let notice = cut(window, 12);
            notices.push(notice);
        }
        return Ok(None);
    }
    let have = window.have();
    let [k0, k1, k2, k3, l0, l1, l2, l3, b0, b1, b2, b3, ..] = *have else {
        return Ok(None);
    };
    // The type of a section header reads the same in both orders; its third word tells which holds.
    if u32::from_le_bytes([k0, k1, k2, k3]) == SHB_MAGIC {
        let order = u32::from_le_bytes([b0, b1, b2, b3]);
        *big = order == BOM_MAGIC.swap_bytes();
        if !*big && order != BOM_MAGIC {
            let why = format!("a section header has the byte-order mark {order:#010x}");
            return Err(window.corrupt(offset, why));
        }
    }
    let kind = u32_in(*big, [k0, k1, k2, k3]);
    let len = u32_in(*big, [l0, l1, l2, l3]);
    let block = Block { kind, len };
    let max = if block.is_read() { MAX_TAKEN } else { MAX_PASSED };
    if !(12..=max).contains(&len) {
        let why = format!("a block of type {kind:#x} claims {len} bytes, 12 to {max} are believed");
        return Err(window.corrupt(offset, why));
    }
    if (whole || block.is_read()) && !window.need(len as usize)? {
        let notice = cut(window, u64::from(len));
        notices.push(notice);
        return Ok(None);
    }
    Ok(Some(block))
}

pub(crate) fn u32_in(big: bool, bytes: [u8; 4]) -> u32 {
    if big {
        u32::from_be_bytes(bytes)
    } else {
        u32::from_le_bytes(bytes)
    }
}

pub(crate) fn u16_in(big: bool, bytes: [u8; 2]) -> u16 {
    if big {
        u16::from_be_bytes(bytes)
    } else {
        u16::from_le_bytes(bytes)
    }
}

//! pcapng blocks to packets: sections, interfaces, statistics, comments. Reads no file.

use pcap_parser::nom;
use pcap_parser::{
    EPB_MAGIC, IDB_MAGIC, ISB_MAGIC, PcapNGOption, SHB_MAGIC, SPB_MAGIC, parse_enhancedpacketblock_be,
    parse_enhancedpacketblock_le, parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
    parse_interfacestatisticsblock_be, parse_interfacestatisticsblock_le, parse_option_be, parse_option_le,
    parse_sectionheaderblock, parse_simplepacketblock_be, parse_simplepacketblock_le,
};

use crate::blocks::{Block, PB_MAGIC, next_block, u16_in, u32_in};
use crate::clock::Clock;
use crate::notice::{CommentOn, Notice, Notices};
use crate::window::Window;
use crate::{CaptureError, Direction, Interface, Record, Resolution};

/// Interfaces that are remembered over a whole file.
const MAX_INTERFACES: usize = 65_536;
/// Bytes of an interface's name that are kept.
const MAX_NAME: usize = 256;
/// Where the data of an enhanced (and of an obsolete) packet begins in its block.
pub(crate) const EPB_DATA: usize = 28;
/// Where the data of a simple packet begins in its block.
pub(crate) const SPB_DATA: usize = 12;

/// What is known of the file so far.
#[derive(Debug, Default)]
pub(crate) struct Pcapng {
    pub big: bool,
    section: u32,
    /// Index of the section's first interface.
    first: usize,
    pub interfaces: Vec<Interface>,
    states: Vec<State>,
    /// Number of the last frame.
    pub frame: u64,
}

#[derive(Debug)]
struct State {
    clock: Clock,
    /// Where among the notices its drop counters are.
    drops: Option<usize>,
}

/// A packet and where its data lies in its block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub at_ns: Option<u64>,
    pub link: u16,
    pub interface: u32,
    pub wire_len: u32,
    pub direction: Option<Direction>,
    pub drops_before: u64,
    /// Offset of the data in the block.
    pub data: usize,
    pub caplen: usize,
    /// Bytes of the whole block.
    pub block: usize,
}

impl Pcapng {
    /// The next packet; its block is consumed last.
    pub fn next(
        &mut self,
        window: &mut Window,
        notices: &mut Notices,
    ) -> Result<Option<Packet>, CaptureError> {
        loop {
            if let Some(packet) = self.plain(window.have()) {
                window.consume(packet.block);
                return Ok(Some(packet));
            }
            let Some(block) = next_block(window, &mut self.big, false, notices)? else {
                return Ok(None);
            };
            if block.is_read() {
                let packet = self.read(block, window, notices)?;
                window.consume(block.len as usize);
                if packet.is_some() {
                    return Ok(packet);
                }
                continue;
            }
            let (offset, need) = (window.offset(), u64::from(block.len));
            let have = window.skip(need)?;
            if have < need {
                notices.push(Notice::Truncated {
                    what: "block",
                    offset,
                    have,
                    need,
                });
                return Ok(None);
            }
            self.pass(block, notices);
        }
    }

    /// The packet that was read last, without its bytes.
    pub fn record(&self, packet: &Packet) -> Record<'static> {
        Record {
            number: self.frame,
            at_ns: packet.at_ns,
            link: packet.link,
            interface: packet.interface,
            wire_len: packet.wire_len,
            data: &[],
            direction: packet.direction,
            drops_before: packet.drops_before,
        }
    }

    /// Counts a block whose inside nothing reads.
    pub fn pass(&mut self, block: Block, notices: &mut Notices) {
        self.frame += u64::from(block.is_other_frame());
        notices.skipped(block.kind);
    }

    /// Reads a block that is in hand whole, and leaves it there.
    pub fn read(
        &mut self,
        block: Block,
        window: &Window,
        notices: &mut Notices,
    ) -> Result<Option<Packet>, CaptureError> {
        let bytes = window.have().get(..block.len as usize).unwrap_or_default();
        if bytes.last_chunk().map(|last| u32_in(self.big, *last)) != Some(block.len) {
            let why = "a block ends with another length than it begins with";
            return Err(window.corrupt(window.offset(), why));
        }
        let read = match block.kind {
            SHB_MAGIC => self.section(bytes, notices).map(|()| None),
            IDB_MAGIC => self.interface(bytes, notices).map(|()| None),
            ISB_MAGIC => self.statistics(bytes, notices).map(|()| None),
            EPB_MAGIC => self.enhanced(bytes, notices).map(Some),
            PB_MAGIC => self.obsolete(bytes, notices).map(Some),
            SPB_MAGIC => self.simple(bytes).map(Some),
            _ => Ok(None),
        };
        self.frame += u64::from(block.is_packet() && read.is_ok());
        read.map_err(|why| window.corrupt(window.offset(), why))
    }

    fn section(&mut self, bytes: &[u8], notices: &mut Notices) -> Result<(), String> {
        let (_, header) = parse_sectionheaderblock(bytes).map_err(|_| unfit("section header"))?;
        if header.major_version != 1 {
            let (major, minor) = (header.major_version, header.minor_version);
            return Err(format!(
                "a section is pcapng of version {major}.{minor}, only 1.x is known"
            ));
        }
        self.section = self.section.saturating_add(1);
        self.first = self.interfaces.len();
        comments(&header.options, CommentOn::Section(self.section), notices);
        Ok(())
    }

    fn interface(&mut self, bytes: &[u8], notices: &mut Notices) -> Result<(), String> {
        let parse = if self.big {
            parse_interfacedescriptionblock_be
        } else {
            parse_interfacedescriptionblock_le
        };
        let (_, block) = parse(bytes).map_err(|_| unfit("interface description"))?;
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(format!("it describes more than {MAX_INTERFACES} interfaces"));
        }
        let (mut name, mut tsresol, mut tsoffset) = (None, Resolution::MICRO, 0);
        for (code, value) in options(&block.options) {
            match code {
                2 => {
                    let kept = &value[..value.len().min(MAX_NAME)];
                    name = Some(String::from_utf8_lossy(kept).into_owned());
                }
                9 => tsresol = value.first().map_or(tsresol, |byte| Resolution(*byte)),
                14 => tsoffset = self.u64_of(value).map_or(0, u64::cast_signed),
                _ => {}
            }
        }
        comments(
            &block.options,
            CommentOn::Interface(index(self.interfaces.len())),
            notices,
        );
        self.states.push(State {
            clock: Clock::new(tsresol, tsoffset),
            drops: None,
        });
        let [low, high, ..] = block.linktype.0.to_le_bytes();
        self.interfaces.push(Interface {
            name,
            link: u16::from_le_bytes([low, high]),
            snaplen: block.snaplen,
            tsresol,
            tsoffset,
            section: self.section,
        });
        Ok(())
    }

    fn statistics(&mut self, bytes: &[u8], notices: &mut Notices) -> Result<(), String> {
        let parse = if self.big {
            parse_interfacestatisticsblock_be
        } else {
            parse_interfacestatisticsblock_le
        };
        let (_, block) = parse(bytes).map_err(|_| unfit("interface statistics"))?;
        let at = self.index_of(block.if_id)?;
        let (mut received, mut if_drop, mut os_drop) = (None, None, None);
        for (code, value) in options(&block.options) {
            match code {
                4 => received = self.u64_of(value),
                5 => if_drop = self.u64_of(value),
                7 => os_drop = self.u64_of(value),
                _ => {}
            }
        }
        comments(&block.options, CommentOn::Interface(index(at)), notices);
        if let Some(state) = self.states.get_mut(at)
            && (received.is_some() || if_drop.is_some() || os_drop.is_some())
        {
            let notice = Notice::Drops {
                interface: index(at),
                received,
                if_drop,
                os_drop,
            };
            notices.drops(&mut state.drops, notice);
        }
        Ok(())
    }

    fn enhanced(&self, bytes: &[u8], notices: &mut Notices) -> Result<Packet, String> {
        let parse = if self.big {
            parse_enhancedpacketblock_be
        } else {
            parse_enhancedpacketblock_le
        };
        let (_, block) = parse(bytes).map_err(|_| unfit("enhanced packet"))?;
        let time = u64::from(block.ts_high) << 32 | u64::from(block.ts_low);
        let mut packet = self.packet(block.if_id, Some(time))?;
        packet.wire_len = block.origlen;
        packet.caplen = block.caplen as usize;
        packet.block = bytes.len();
        if !block.options.is_empty() {
            for (code, value) in options(&block.options) {
                match code {
                    2 => packet.direction = self.direction_of(value),
                    4 => packet.drops_before = self.u64_of(value).unwrap_or(0),
                    _ => {}
                }
            }
            comments(&block.options, CommentOn::Frame(self.frame + 1), notices);
        }
        Ok(packet)
    }

    fn obsolete(&self, bytes: &[u8], notices: &mut Notices) -> Result<Packet, String> {
        let Some((head, rest)) = bytes.split_at_checked(EPB_DATA) else {
            return Err(unfit("packet"));
        };
        let half = |at: usize| u16_in(self.big, [head[at], head[at + 1]]);
        let word = |at: usize| u32_in(self.big, [head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let time = u64::from(word(12)) << 32 | u64::from(word(16));
        let mut packet = self.packet(u32::from(half(8)), Some(time))?;
        // 0xffff says that the count is not known.
        packet.drops_before = u64::from(Some(half(10)).filter(|drops| *drops != u16::MAX).unwrap_or(0));
        packet.wire_len = word(24);
        packet.caplen = word(20) as usize;
        packet.block = bytes.len();
        let padded = packet
            .caplen
            .checked_next_multiple_of(4)
            .ok_or_else(|| unfit("packet"))?;
        let end = rest.len().checked_sub(4).ok_or_else(|| unfit("packet"))?;
        let mut tail = rest.get(padded..end).ok_or_else(|| unfit("packet"))?;
        let parse = if self.big {
            parse_option_be
        } else {
            parse_option_le
        };
        let mut list = Vec::new();
        while let Ok((next, option)) = parse(tail) as nom::IResult<_, _, nom::error::Error<&[u8]>> {
            tail = next;
            list.push(option);
        }
        packet.direction = options(&list)
            .find(|(code, _)| *code == 2)
            .and_then(|(_, value)| self.direction_of(value));
        comments(&list, CommentOn::Frame(self.frame + 1), notices);
        Ok(packet)
    }

    fn simple(&self, bytes: &[u8]) -> Result<Packet, String> {
        let parse = if self.big {
            parse_simplepacketblock_be
        } else {
            parse_simplepacketblock_le
        };
        let (_, block) = parse(bytes).map_err(|_| unfit("simple packet"))?;
        let mut packet = self.packet(0, None)?;
        let snaplen = self
            .interfaces
            .get(self.first)
            .map_or(0, |interface| interface.snaplen);
        let kept = if snaplen == 0 {
            block.origlen
        } else {
            block.origlen.min(snaplen)
        };
        packet.wire_len = block.origlen;
        packet.data = SPB_DATA;
        packet.caplen = block.data.len().min(kept as usize);
        packet.block = bytes.len();
        Ok(packet)
    }

    /// A packet of the section's interface `id`, its lengths still to be filled in.
    #[inline]
    pub fn packet(&self, id: u32, time: Option<u64>) -> Result<Packet, String> {
        let at = self.index_of(id)?;
        let (Some(interface), Some(state)) = (self.interfaces.get(at), self.states.get(at)) else {
            return Err(unfit("packet"));
        };
        Ok(Packet {
            at_ns: time.map(|units| state.clock.ns(units)),
            link: interface.link,
            interface: index(at),
            wire_len: 0,
            direction: None,
            drops_before: 0,
            data: EPB_DATA,
            caplen: 0,
            block: 0,
        })
    }

    /// Index over the whole file of the section's interface `id`.
    fn index_of(&self, id: u32) -> Result<usize, String> {
        let at = self.first.saturating_add(id as usize);
        if at < self.interfaces.len() {
            return Ok(at);
        }
        let known = self.interfaces.len() - self.first;
        Err(format!(
            "a block names interface {id}, its section has described {known}"
        ))
    }

    fn direction_of(&self, value: &[u8]) -> Option<Direction> {
        Direction::from_flags(u32_in(self.big, value.try_into().ok()?))
    }

    fn u64_of(&self, value: &[u8]) -> Option<u64> {
        let bytes = value.try_into().ok()?;
        Some(if self.big {
            u64::from_be_bytes(bytes)
        } else {
            u64::from_le_bytes(bytes)
        })
    }
}

fn unfit(what: &str) -> String {
    format!("the lengths in a block ({what}) do not fit together")
}

/// Held below [`MAX_INTERFACES`].
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Codes and values up to the end-of-options mark.
fn options<'a>(list: &'a [PcapNGOption<'_>]) -> impl Iterator<Item = (u16, &'a [u8])> {
    list.iter()
        .take_while(|option| option.code.0 != 0)
        .filter_map(|option| Some((option.code.0, option.as_bytes().ok()?)))
}

fn comments(list: &[PcapNGOption<'_>], on: CommentOn, notices: &mut Notices) {
    for (_, text) in options(list).filter(|(code, _)| *code == 1) {
        notices.comment(on, text);
    }
}

//! The elements of sets as the kernel tells them (NFT_MSG_GETSETELEM), by several threads where there are
//! many: telling them is most of what a ruleset costs. Refuses to keep more than so many bytes of them.

use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use super::Place;
use super::attributes::Attributes;
use super::door::Door;
use super::expression::{Leads, Named, value};
use super::set::{Set, Told};

/// `NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM`.
const NFT_MSG_GETSETELEM: u16 = 0x0a0d;
/// Bytes of all sets.
const MOST: usize = 256 << 20;

/// The elements of all sets, which several threads of one network namespace read.
pub(super) struct Elements {
    /// The question for each, what it is about, and what kind of set that is.
    sets: Vec<(Vec<u8>, Place, Shape)>,
    next: AtomicUsize,
    /// Bytes that may still be taken.
    room: AtomicUsize,
}

impl Elements {
    /// More ask the kernel for the same locks.
    const READERS: usize = 4;

    pub(super) fn of(sets: Vec<(Vec<u8>, Place, Shape)>) -> Self {
        Self {
            sets,
            next: AtomicUsize::new(0),
            room: AtomicUsize::new(MOST),
        }
    }

    pub(super) fn readers(&self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        self.sets.len().min(processors).min(Self::READERS)
    }

    /// Reads sets until none is left that no other reader has.
    pub(super) fn read(&self) -> Result<Vec<(Place, Named)>> {
        let mut door = Door::open()?;
        let mut read = Vec::new();
        while let Some((question, place, shape)) = self.sets.get(self.next.fetch_add(1, Relaxed)) {
            let (mut messages, mut cut) = (Vec::new(), false);
            door.dump(NFT_MSG_GETSETELEM, question, |message| {
                let bytes = message.attributes.0;
                let take = |left: usize| left.checked_sub(bytes.len());
                if self.room.fetch_update(Relaxed, Relaxed, take).is_ok() {
                    messages.push(bytes.to_vec());
                } else {
                    cut = true;
                }
            })?;
            read.push((place.clone(), shape.named(&messages, cut)));
        }
        Ok(read)
    }
}

/// What a set is, without its elements.
pub(super) struct Shape {
    length: usize,
    interval: bool,
    fields: Vec<usize>,
}

impl Shape {
    pub(super) fn new(set: Attributes<'_>) -> Self {
        const NFTA_SET_FLAGS: u16 = 3;
        const NFTA_SET_KEY_LEN: u16 = 5;
        const NFTA_SET_DESC: u16 = 9;
        const NFTA_SET_DESC_CONCAT: u16 = 2;
        const NFTA_SET_FIELD_LEN: u16 = 1;
        const NFT_SET_INTERVAL: u32 = 4;
        let desc = set.nested(NFTA_SET_DESC);
        let fields = desc.and_then(|desc| desc.nested(NFTA_SET_DESC_CONCAT));
        Self {
            length: set.size(NFTA_SET_KEY_LEN).unwrap_or(0),
            interval: set.number(NFTA_SET_FLAGS).unwrap_or(0) & NFT_SET_INTERVAL != 0,
            fields: fields.map_or_else(Vec::new, |fields| {
                let length = |(_, field)| Attributes(field).size(NFTA_SET_FIELD_LEN);
                let whole = |length: usize| length.min(MOST).next_multiple_of(4);
                fields.all().filter_map(length).map(whole).collect()
            }),
        }
    }

    /// `cut`: not all messages are there.
    pub(super) fn named(&self, messages: &[Vec<u8>], cut: bool) -> Named {
        let mut told = Vec::new();
        let mut leads = Vec::new();
        let mut rest = None;
        let mut doubtful = cut;
        for message in messages {
            const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;
            let elements = Attributes(message).nested(NFTA_SET_ELEM_LIST_ELEMENTS);
            for (_, element) in elements.into_iter().flat_map(Attributes::all) {
                let one = One::read(Attributes(element));
                doubtful |= one.asks_more;
                leads.push(one.leads);
                if one.is_rest {
                    rest = Some(leads.len() - 1);
                }
                told.push(Told {
                    key: one.key,
                    end: one.end,
                    // What has no key is in no order.
                    closes: one.closes || one.is_rest,
                });
            }
        }
        let mut set = Set::new(&told, self.interval, self.fields.clone(), rest);
        set.doubtful |= doubtful;
        Named {
            set: Arc::new(set),
            length: self.length,
            leads: Arc::new(leads),
        }
    }
}

/// One element.
#[derive(Default)]
struct One<'a> {
    key: &'a [u8],
    end: Option<&'a [u8]>,
    closes: bool,
    is_rest: bool,
    leads: Option<Leads>,
    /// It holds an expression of its own, such as a limit.
    asks_more: bool,
}

impl<'a> One<'a> {
    fn read(element: Attributes<'a>) -> Self {
        const NFTA_SET_ELEM_KEY: u16 = 1;
        const NFTA_SET_ELEM_DATA: u16 = 2;
        const NFTA_SET_ELEM_FLAGS: u16 = 3;
        const NFTA_SET_ELEM_EXPR: u16 = 7;
        const NFTA_SET_ELEM_KEY_END: u16 = 10;
        const NFTA_SET_ELEM_EXPRESSIONS: u16 = 11;
        const NFT_SET_ELEM_INTERVAL_END: u32 = 1;
        const NFT_SET_ELEM_CATCHALL: u32 = 2;
        let mut one = Self::default();
        for (kind, bytes) in element.all() {
            let within = Attributes(bytes);
            match kind {
                NFTA_SET_ELEM_KEY => one.key = value(within).unwrap_or_default(),
                NFTA_SET_ELEM_KEY_END => one.end = value(within),
                NFTA_SET_ELEM_DATA => one.leads = Leads::read(within),
                NFTA_SET_ELEM_FLAGS => {
                    let flags = bytes.try_into().map_or(0, u32::from_be_bytes);
                    one.closes = flags & NFT_SET_ELEM_INTERVAL_END != 0;
                    one.is_rest = flags & NFT_SET_ELEM_CATCHALL != 0;
                }
                // `NFTA_EXPR_NAME`.
                NFTA_SET_ELEM_EXPR => one.asks_more |= within.name(1) != Some(b"counter"),
                NFTA_SET_ELEM_EXPRESSIONS => one.asks_more = true,
                _ => {}
            }
        }
        one
    }
}

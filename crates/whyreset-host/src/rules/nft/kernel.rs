//! The ruleset as the kernel tells it over netlink (NFT_MSG_GETCHAIN, GETRULE, GETSET, GETSETELEM), in
//! a fraction of the time that its tool takes. Refuses to say whether it changed meanwhile: the number
//! of its generation tells that.

use std::collections::HashMap;
use std::io::{Error, Result};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer};
use rustix::net::netlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::attributes::{Attributes, text};
use super::expression::{self, Decoded, Leads, Named, Names, value};
use super::set::{Set, Told};
use super::{Nft, Place, hook, is_iptables, told, v6};
use crate::rules::Base;
use crate::rules::link::Linker;
use crate::rules::walk::{Chain, Rule};

/// `NFNL_SUBSYS_NFTABLES << 8` and `enum nf_tables_msg_types`.
const NFT_MSG_GETTABLE: u16 = 0x0a01;
const NFT_MSG_GETCHAIN: u16 = 0x0a04;
const NFT_MSG_GETRULE: u16 = 0x0a07;
const NFT_MSG_GETSET: u16 = 0x0a0a;
const NFT_MSG_GETSETELEM: u16 = 0x0a0d;
/// `NFTA_RULE_EXPRESSIONS` and `NFTA_RULE_HANDLE`.
const RULE_EXPRESSIONS: u16 = 4;
const RULE_HANDLE: u16 = 3;
/// The kernel fills no more of one datagram (netlink_dump()).
const DATAGRAM: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of rules, and of the elements of all sets.
const MOST: usize = 256 << 20;
/// `struct nlmsghdr`, and the `struct nfgenmsg` after it.
const HEADER: usize = 16;
const FAMILY: usize = 4;

/// Those of the calling thread's network namespace.
pub(super) fn read(without_iptables: bool) -> std::result::Result<Nft, String> {
    Ruleset::read()
        .map(|ruleset| ruleset.nft(without_iptables))
        .map_err(|error| error.to_string())
}

/// A chain that a hook calls, by the number of the hook in its family.
struct Called {
    place: Place,
    number: u32,
    priority: i32,
    drops: bool,
    /// Devices whose segments it is called for; all where there are none.
    devices: Vec<String>,
}

#[derive(Default)]
struct Ruleset {
    called: Vec<Called>,
    /// Messages that hold rules, one after the other, and where those of each chain are.
    messages: Vec<u8>,
    rules: HashMap<Place, Vec<Range<usize>>>,
    sets: HashMap<Place, Named>,
}

impl Ruleset {
    fn read() -> Result<Self> {
        let mut door = Door::open()?;
        let mut ruleset = Self::default();
        let mut sets = Vec::new();
        door.dump(NFT_MSG_GETSET, &[0; FAMILY], |message| {
            // `NFTA_SET_TABLE` and `NFTA_SET_NAME`.
            if let Some(place) = message.place(1, 2) {
                sets.push((message.set(), place, Shape::new(message.attributes)));
            }
        })?;
        let mut room = MOST;
        for (question, place, shape) in sets {
            let (mut messages, mut cut) = (Vec::new(), false);
            door.dump(NFT_MSG_GETSETELEM, &question, |message| {
                let left = room.checked_sub(message.attributes.0.len());
                cut |= left.is_none();
                if let Some(left) = left {
                    room = left;
                    messages.push(message.attributes.0.to_vec());
                }
            })?;
            ruleset.sets.insert(place, shape.named(&messages, cut));
        }
        let mut asleep = Vec::new();
        door.dump(NFT_MSG_GETTABLE, &[0; FAMILY], |message| {
            const NFTA_TABLE_NAME: u16 = 1;
            const NFTA_TABLE_FLAGS: u16 = 2;
            const NFT_TABLE_F_DORMANT: u32 = 1;
            let flags = message.attributes.number(NFTA_TABLE_FLAGS).unwrap_or(0);
            if flags & NFT_TABLE_F_DORMANT != 0
                && let Some((family, table, _)) = message.place(NFTA_TABLE_NAME, NFTA_TABLE_NAME)
            {
                asleep.push((family, table));
            }
        })?;
        door.dump(NFT_MSG_GETCHAIN, &[0; FAMILY], |message| {
            let awake = |one: &Called| {
                let (family, table, _) = &one.place;
                !asleep.iter().any(|(of, name)| (of, name) == (family, table))
            };
            ruleset.called.extend(called(message).filter(awake));
        })?;
        let mut too_much = false;
        door.dump(NFT_MSG_GETRULE, &[0; FAMILY], |message| {
            // `NFTA_RULE_TABLE` and `NFTA_RULE_CHAIN`.
            if ruleset.messages.len() > MOST {
                too_much = true;
            } else if let Some(place) = message.place(1, 2) {
                let begin = ruleset.messages.len();
                ruleset.messages.extend(message.attributes.0);
                let rules = ruleset.rules.entry(place).or_default();
                rules.push(begin..ruleset.messages.len());
            }
        })?;
        if too_much {
            return Err(Error::other(format!(
                "its rules take more than {} MiB",
                MOST >> 20
            )));
        }
        Ok(ruleset)
    }

    fn nft(&self, without_iptables: bool) -> Nft {
        let mut linker = Linker::new();
        let mut nft = Nft::default();
        for called in &self.called {
            let (family, table, chain) = &called.place;
            if is_iptables(family, table, chain) {
                nft.has_iptables = true;
                if without_iptables {
                    continue;
                }
            }
            let Some(hook) = hook(family, hook_name(family, called.number)) else {
                continue;
            };
            let mut chain = self.chain(&called.place, &mut linker).unwrap_or_default();
            if called.drops {
                let (family, table, name) = &called.place;
                chain.drops_the_rest = Some(format!("{family} {table} {name}: policy drop"));
            }
            nft.bases.push(Base {
                hook,
                v6: v6(family),
                priority: called.priority.into(),
                devices: called.devices.clone(),
                chain,
            });
        }
        nft
    }

    fn chain(&self, at: &Place, linker: &mut Linker<Place>) -> Option<Chain> {
        linker.chain(at, |linker| {
            let messages = self.rules.get(at).map(Vec::as_slice).unwrap_or_default();
            messages
                .iter()
                .filter_map(|range| self.messages.get(range.clone()))
                .map(|message| self.rule(at, message, linker))
                .collect()
        })
    }

    fn rule(&self, at: &Place, message: &[u8], linker: &mut Linker<Place>) -> Rule {
        let rule = Attributes(message);
        let mut names = Within {
            ruleset: self,
            at,
            linker,
        };
        // A rule may be empty: then it meets all and does nothing.
        let decoded = rule
            .nested(RULE_EXPRESSIONS)
            .map_or_else(Decoded::default, |expressions| {
                expression::decode(expressions, &mut names)
            });
        Rule {
            text: told(at, rule.long(RULE_HANDLE).unwrap_or(0)),
            asks: decoded.asks,
            verdict: decoded.verdict,
            packets: decoded.packets,
        }
    }
}

/// Names as they are meant in one table.
struct Within<'a> {
    ruleset: &'a Ruleset,
    at: &'a Place,
    linker: &'a mut Linker<Place>,
}

impl Within<'_> {
    fn place(&self, name: &str) -> Place {
        (self.at.0.clone(), self.at.1.clone(), name.to_owned())
    }
}

impl Names for Within<'_> {
    fn set(&self, name: &str) -> Option<Named> {
        self.ruleset.sets.get(&self.place(name)).cloned()
    }

    fn chain(&mut self, name: &str) -> Option<Chain> {
        let place = self.place(name);
        self.ruleset.chain(&place, self.linker)
    }

    fn v6(&self) -> bool {
        v6(&self.at.0) == Some(true)
    }
}

fn called(message: Message<'_>) -> Option<Called> {
    const NFTA_CHAIN_TABLE: u16 = 1;
    const NFTA_CHAIN_NAME: u16 = 3;
    const NFTA_CHAIN_HOOK: u16 = 4;
    const NFTA_CHAIN_POLICY: u16 = 5;
    const NFTA_HOOK_HOOKNUM: u16 = 1;
    const NFTA_HOOK_PRIORITY: u16 = 2;
    const NFTA_HOOK_DEV: u16 = 3;
    const NFTA_HOOK_DEVS: u16 = 4;
    const NF_DROP: u32 = 0;
    let hook = message.attributes.nested(NFTA_CHAIN_HOOK)?;
    Some(Called {
        place: message.place(NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME)?,
        number: hook.number(NFTA_HOOK_HOOKNUM)?,
        priority: hook.number(NFTA_HOOK_PRIORITY).unwrap_or(0).cast_signed(),
        drops: message.attributes.number(NFTA_CHAIN_POLICY) == Some(NF_DROP),
        devices: match hook.nested(NFTA_HOOK_DEVS) {
            Some(devices) => devices.all().map(|(_, name)| text(name)).collect(),
            None => hook.text(NFTA_HOOK_DEV).into_iter().collect(),
        },
    })
}

/// What a set is, without its elements.
struct Shape {
    length: usize,
    interval: bool,
    fields: Vec<usize>,
}

impl Shape {
    fn new(set: Attributes<'_>) -> Self {
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
    fn named(self, messages: &[Vec<u8>], cut: bool) -> Named {
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
        let mut set = Set::new(&told, self.interval, self.fields, rest);
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

/// `NFPROTO_*` as nft names it; `None` for those that no segment of TCP passes.
const fn family(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "inet",
        2 => "ip",
        5 => "netdev",
        7 => "bridge",
        10 => "ip6",
        _ => return None,
    })
}

/// `NF_INET_*` and `NF_NETDEV_*` as nft names them.
fn hook_name(family: &str, number: u32) -> &'static str {
    match (family, number) {
        ("netdev", 0) | (_, 5) => "ingress",
        ("netdev", 1) => "egress",
        (_, 0) => "prerouting",
        (_, 1) => "input",
        (_, 2) => "forward",
        (_, 3) => "output",
        (_, 4) => "postrouting",
        _ => "",
    }
}

/// One message of an answer.
#[derive(Clone, Copy)]
struct Message<'a> {
    family: u8,
    attributes: Attributes<'a>,
}

impl Message<'_> {
    /// What it is about, from the attributes that hold the names of its table and of itself.
    fn place(self, table: u16, name: u16) -> Option<Place> {
        let names = (self.attributes.text(table)?, self.attributes.text(name)?);
        Some((family(self.family)?.to_owned(), names.0, names.1))
    }

    /// The question for the elements of the set that it tells: `NFTA_SET_TABLE` and `NFTA_SET_NAME` are
    /// `NFTA_SET_ELEM_LIST_TABLE` and `NFTA_SET_ELEM_LIST_SET` there, by number and in form.
    fn set(self) -> Vec<u8> {
        let mut question = vec![self.family, 0, 0, 0];
        for (kind, value) in self.attributes.all().filter(|(kind, _)| matches!(kind, 1 | 2)) {
            let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
            question.extend([length.to_ne_bytes(), kind.to_ne_bytes()].concat());
            question.extend(value);
            question.resize(question.len().next_multiple_of(4), 0);
        }
        question
    }
}

/// An open question to nf_tables.
struct Door {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl Door {
    fn open() -> Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(netlink::NETFILTER),
        )?;
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        Ok(Self {
            socket,
            buffer: vec![0; DATAGRAM],
        })
    }

    /// Hands over each message of the answer; the question begins with its `struct nfgenmsg`.
    fn dump(&mut self, kind: u16, question: &[u8], mut each: impl FnMut(Message<'_>)) -> Result<()> {
        let mut bytes = vec![0; HEADER];
        bytes.extend(question);
        let length = u32::try_from(bytes.len()).map_err(Error::other)?;
        let mut header = NetlinkBuffer::new(&mut bytes);
        header.set_length(length);
        header.set_message_type(kind);
        header.set_flags(NLM_F_REQUEST | NLM_F_DUMP);
        rustix::net::send(&self.socket, &bytes, SendFlags::empty())?;
        loop {
            let (length, _) = rustix::net::recv(&self.socket, &mut self.buffer[..], RecvFlags::empty())?;
            let mut rest = self.buffer.get(..length).unwrap_or_default();
            if rest.is_empty() {
                return Err(Error::other("nf_tables ended its answer early"));
            }
            while !rest.is_empty() {
                let message = NetlinkBuffer::new_checked(rest).map_err(Error::other)?;
                let length = usize::try_from(message.length()).map_err(Error::other)?;
                let body = rest.get(HEADER..length).unwrap_or_default();
                match message.message_type() {
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => {
                        let code = body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                        return Err(Error::from_raw_os_error(-code));
                    }
                    _ => {
                        if let Some((header, attributes)) = body.split_first_chunk::<FAMILY>() {
                            let attributes = Attributes(attributes);
                            each(Message {
                                family: header[0],
                                attributes,
                            });
                        }
                    }
                }
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            }
        }
    }
}

#[cfg(test)]
#[path = "kernel_tests.rs"]
mod tests;

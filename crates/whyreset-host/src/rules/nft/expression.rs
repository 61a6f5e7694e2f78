//! What the expressions of one rule ask and do, from the kernel's words for them. One that is not known
//! here may hold or not, and leave anything in the registers.

use std::sync::Arc;

use super::attributes::Attributes;
use super::passes;
use super::program::{Load, Op, Step, place, run};
use super::set::Set;
use crate::rules::tri::Tri;
use crate::rules::walk::{Chain, Question, Verdict};

/// Bytes that are taken to be unknown where it is not told how many are loaded.
const ALL: usize = 64;
/// `NFT_REG_VERDICT`.
const VERDICT: u32 = 0;

/// A verdict as an element or an expression holds it: a code, and the chain that it leads to.
#[derive(Clone, Debug)]
pub(super) struct Leads {
    code: i32,
    chain: String,
}

/// A set as rules ask it.
#[derive(Clone, Default)]
pub(super) struct Named {
    pub(super) set: Arc<Set>,
    /// Bytes of a key.
    pub(super) length: usize,
    /// What its elements lead to, in the order in which they were told.
    pub(super) leads: Arc<Vec<Option<Leads>>>,
}

/// What a rule is made of.
#[derive(Default)]
pub(super) struct Decoded {
    pub(super) asks: Vec<Question>,
    pub(super) verdict: Verdict,
    pub(super) packets: Option<u64>,
}

/// Where names of a rule lead to.
pub(super) trait Names {
    fn set(&self, name: &str) -> Option<Named>;
    fn chain(&mut self, name: &str) -> Option<Chain>;
    /// Whether the table is one of IPv6 alone.
    fn v6(&self) -> bool;
}

/// All expressions of a rule (a list of `nft_expr_attributes`), up to the one that decides.
pub(super) fn decode(expressions: Attributes<'_>, names: &mut dyn Names) -> Decoded {
    const NFTA_EXPR_NAME: u16 = 1;
    const NFTA_EXPR_DATA: u16 = 2;
    let mut rule = Building::default();
    for (_, expression) in expressions.all() {
        let expression = Attributes(expression);
        let name = expression.name(NFTA_EXPR_NAME).unwrap_or_default();
        // Some have no more than their name.
        let data = expression.nested(NFTA_EXPR_DATA).unwrap_or(Attributes(&[]));
        if let Some(verdict) = rule.take(name, data, names) {
            return rule.done(verdict);
        }
    }
    rule.done(Verdict::Continue)
}

#[derive(Default)]
struct Building {
    steps: Vec<Step>,
    packets: Option<u64>,
}

impl Building {
    fn done(self, verdict: Verdict) -> Decoded {
        let steps = self.steps;
        Decoded {
            asks: if steps.is_empty() {
                Vec::new()
            } else {
                vec![Box::new(move |dropped| run(&steps, dropped).0)]
            },
            verdict,
            packets: self.packets,
        }
    }

    /// The verdict, where the expression decides.
    fn take(&mut self, name: &[u8], data: Attributes<'_>, names: &mut dyn Names) -> Option<Verdict> {
        const NFTA_COUNTER_PACKETS: u16 = 2;
        const NFTA_PAYLOAD_SREG: u16 = 5;
        const NFTA_META_SREG: u16 = 3;
        const NFTA_CT_SREG: u16 = 4;
        let step = match name {
            b"counter" => {
                self.packets = data.long(NFTA_COUNTER_PACKETS);
                return None;
            }
            b"log" | b"notrack" | b"last" | b"dup" => return None,
            b"masq" | b"redir" | b"nat" | b"queue" | b"fwd" => return Some(Verdict::Accept),
            b"reject" => return Some(reject(data)),
            b"target" => return told(foreign(data, names.v6())),
            b"immediate" => match immediate(data, names) {
                Ok(verdict) => return verdict,
                Err(step) => step,
            },
            b"lookup" => match self.lookup(data, names) {
                Ok(verdict) => return verdict,
                Err(step) => step,
            },
            b"objref" if is_harmless(data) => return None,
            // What is written into the packet, or kept beside it, asks nothing.
            b"payload" if data.number(NFTA_PAYLOAD_SREG).is_some() => return None,
            b"meta" if data.number(NFTA_META_SREG).is_some() => return None,
            b"ct" if data.number(NFTA_CT_SREG).is_some() => return None,
            b"payload" => payload(data),
            b"meta" => meta(data),
            b"ct" => ct(data),
            // `NFTA_FIB_DREG` and `NFTA_NG_DREG`.
            b"fib" | b"numgen" => data.number(1).and_then(|register| unknown(register, 16)),
            b"bitwise" => bitwise(data),
            b"cmp" => cmp(data),
            b"range" => range(data),
            _ => None,
        };
        self.steps.push(step.unwrap_or(Step::Perhaps));
        None
    }

    /// The ways of a map of verdicts, or what it asks of any other set.
    fn lookup(
        &mut self,
        lookup: Attributes<'_>,
        names: &mut dyn Names,
    ) -> Result<Option<Verdict>, Option<Step>> {
        const NFTA_LOOKUP_SET: u16 = 1;
        const NFTA_LOOKUP_SREG: u16 = 2;
        const NFTA_LOOKUP_DREG: u16 = 3;
        const NFTA_LOOKUP_FLAGS: u16 = 5;
        const NFT_LOOKUP_F_INV: u32 = 1;
        let to = lookup.number(NFTA_LOOKUP_DREG);
        let leads = to == Some(VERDICT);
        let asked = lookup.text(NFTA_LOOKUP_SET).and_then(|name| names.set(&name));
        let from = lookup.number(NFTA_LOOKUP_SREG).and_then(place);
        let (Some(asked), Some(from)) = (asked, from) else {
            return if leads {
                Ok(Some(Verdict::Unknown))
            } else {
                Err(None)
            };
        };
        if !leads {
            self.steps.push(Step::Lookup {
                from,
                length: asked.length,
                set: asked.set,
                outside: lookup.number(NFTA_LOOKUP_FLAGS).unwrap_or(0) & NFT_LOOKUP_F_INV != 0,
            });
            // What a map gives is not looked at.
            return to.map(|to| unknown(to, ALL)).map_or(Ok(None), Err);
        }
        if asked.set.doubtful {
            return Ok(Some(Verdict::Unknown));
        }
        let steps: Arc<Vec<Step>> = Arc::new(std::mem::take(&mut self.steps));
        let mut ways: Vec<(Question, Verdict)> = Vec::new();
        for (element, number) in asked.set.elements() {
            let (steps, set, length) = (Arc::clone(&steps), Arc::clone(&asked.set), asked.length);
            let element = element.cloned();
            let question: Question = Box::new(move |dropped| {
                let (met, registers) = run(&steps, dropped);
                let element = element.as_ref();
                met.and(element.map_or(Tri::Yes, |one| registers.meet(from, length, &set, one)))
            });
            let leads = asked.leads.get(number).cloned().flatten();
            let verdict = leads.map_or(Verdict::Unknown, |leads| leads.verdict(names));
            ways.push((question, verdict));
        }
        Ok(Some(Verdict::Choose(ways)))
    }
}

impl Leads {
    /// From a verdict within data; `None` where it is a value.
    pub(super) fn read(data: Attributes<'_>) -> Option<Self> {
        const NFTA_DATA_VERDICT: u16 = 2;
        const NFTA_VERDICT_CODE: u16 = 1;
        const NFTA_VERDICT_CHAIN: u16 = 2;
        let verdict = data.nested(NFTA_DATA_VERDICT)?;
        Some(Self {
            code: verdict.number(NFTA_VERDICT_CODE)?.cast_signed(),
            chain: verdict.text(NFTA_VERDICT_CHAIN).unwrap_or_default(),
        })
    }

    fn verdict(&self, names: &mut dyn Names) -> Verdict {
        const NFT_CONTINUE: i32 = -1;
        const NFT_BREAK: i32 = -2;
        const NFT_JUMP: i32 = -3;
        const NFT_GOTO: i32 = -4;
        const NFT_RETURN: i32 = -5;
        const NF_DROP: i32 = 0;
        const NF_ACCEPT: i32 = 1;
        const NF_QUEUE: i32 = 3;
        let mut chain = || names.chain(&self.chain);
        match self.code {
            NFT_CONTINUE | NFT_BREAK => Verdict::Continue,
            NFT_RETURN => Verdict::Return,
            NFT_JUMP => chain().map_or(Verdict::Unknown, Verdict::Jump),
            NFT_GOTO => chain().map_or(Verdict::Unknown, Verdict::Goto),
            // Beside its code a verdict may hold a number (`NF_VERDICT_MASK`).
            code if code < 0 => Verdict::Unknown,
            code => match code & 0xff {
                NF_DROP => Verdict::Drop,
                NF_ACCEPT | NF_QUEUE => Verdict::Accept,
                _ => Verdict::Unknown,
            },
        }
    }
}

/// A verdict, but for one that only goes on.
fn told(verdict: Verdict) -> Option<Verdict> {
    (!matches!(verdict, Verdict::Continue)).then_some(verdict)
}

fn unknown(register: u32, length: usize) -> Option<Step> {
    Some(Step::Load {
        what: Load::Unknown,
        to: place(register)?,
        length,
    })
}

/// Bytes of data; `None` for a verdict.
pub(super) fn value(data: Attributes<'_>) -> Option<&[u8]> {
    const NFTA_DATA_VALUE: u16 = 1;
    data.bytes(NFTA_DATA_VALUE)
}

/// Objects that let every segment pass.
fn is_harmless(objref: Attributes<'_>) -> bool {
    const NFTA_OBJREF_IMM_TYPE: u16 = 1;
    const NFT_OBJECT_COUNTER: u32 = 1;
    const NFT_OBJECT_CT_HELPER: u32 = 3;
    const NFT_OBJECT_CT_TIMEOUT: u32 = 7;
    const NFT_OBJECT_SECMARK: u32 = 8;
    const NFT_OBJECT_CT_EXPECT: u32 = 9;
    matches!(
        objref.number(NFTA_OBJREF_IMM_TYPE),
        Some(
            NFT_OBJECT_COUNTER
                | NFT_OBJECT_CT_HELPER
                | NFT_OBJECT_CT_TIMEOUT
                | NFT_OBJECT_SECMARK
                | NFT_OBJECT_CT_EXPECT
        )
    )
}

fn reject(data: Attributes<'_>) -> Verdict {
    const NFTA_REJECT_TYPE: u16 = 1;
    const NFT_REJECT_TCP_RST: u32 = 1;
    match data.number(NFTA_REJECT_TYPE) {
        Some(NFT_REJECT_TCP_RST) => Verdict::Reset,
        Some(_) => Verdict::Refuse,
        None => Verdict::PerhapsReset,
    }
}

/// A verdict, or what is put into a register.
fn immediate(put: Attributes<'_>, names: &mut dyn Names) -> Result<Option<Verdict>, Option<Step>> {
    const NFTA_IMMEDIATE_DREG: u16 = 1;
    const NFTA_IMMEDIATE_DATA: u16 = 2;
    let (Some(register), Some(data)) = (put.number(NFTA_IMMEDIATE_DREG), put.nested(NFTA_IMMEDIATE_DATA))
    else {
        return Err(None);
    };
    if register == VERDICT {
        let leads = Leads::read(data);
        return Ok(told(leads.map_or(Verdict::Unknown, |leads| leads.verdict(names))));
    }
    Err(place(register).and_then(|to| {
        let bytes = value(data)?.to_vec();
        Some(Step::Put { to, bytes })
    }))
}

fn payload(data: Attributes<'_>) -> Option<Step> {
    const NFTA_PAYLOAD_DREG: u16 = 1;
    const NFTA_PAYLOAD_BASE: u16 = 2;
    const NFTA_PAYLOAD_OFFSET: u16 = 3;
    const NFTA_PAYLOAD_LEN: u16 = 4;
    const NFT_PAYLOAD_NETWORK_HEADER: u32 = 1;
    const NFT_PAYLOAD_TRANSPORT_HEADER: u32 = 2;
    let from = data.size(NFTA_PAYLOAD_OFFSET)?;
    Some(Step::Load {
        what: match data.number(NFTA_PAYLOAD_BASE)? {
            NFT_PAYLOAD_NETWORK_HEADER => Load::Network(from),
            NFT_PAYLOAD_TRANSPORT_HEADER => Load::Transport(from),
            _ => Load::Unknown,
        },
        to: place(data.number(NFTA_PAYLOAD_DREG)?)?,
        length: data.size(NFTA_PAYLOAD_LEN)?,
    })
}

fn meta(data: Attributes<'_>) -> Option<Step> {
    const NFTA_META_DREG: u16 = 1;
    const NFTA_META_KEY: u16 = 2;
    const NFT_META_PROTOCOL: u32 = 1;
    const NFT_META_IIF: u32 = 4;
    const NFT_META_IIFNAME: u32 = 6;
    const NFT_META_NFPROTO: u32 = 15;
    const NFT_META_L4PROTO: u32 = 16;
    Some(Step::Load {
        what: match data.number(NFTA_META_KEY)? {
            NFT_META_L4PROTO => Load::Protocol,
            NFT_META_NFPROTO => Load::Family,
            NFT_META_PROTOCOL => Load::EtherType,
            // Where it came in by is known; where it was to leave by is not.
            NFT_META_IIF => Load::DeviceIndex,
            NFT_META_IIFNAME => Load::DeviceName,
            _ => Load::Unknown,
        },
        to: place(data.number(NFTA_META_DREG)?)?,
        length: 16,
    })
}

fn ct(data: Attributes<'_>) -> Option<Step> {
    const NFTA_CT_DREG: u16 = 1;
    const NFTA_CT_KEY: u16 = 2;
    const NFT_CT_STATE: u32 = 0;
    // Every segment has a state; of all else it may have none, and then the rule ends.
    (data.number(NFTA_CT_KEY)? == NFT_CT_STATE)
        .then(|| unknown(data.number(NFTA_CT_DREG)?, 4))
        .flatten()
}

fn bitwise(data: Attributes<'_>) -> Option<Step> {
    const NFTA_BITWISE_SREG: u16 = 1;
    const NFTA_BITWISE_DREG: u16 = 2;
    const NFTA_BITWISE_LEN: u16 = 3;
    const NFTA_BITWISE_MASK: u16 = 4;
    const NFTA_BITWISE_XOR: u16 = 5;
    const NFTA_BITWISE_OP: u16 = 6;
    const NFT_BITWISE_MASK_XOR: u32 = 0;
    let register = data.number(NFTA_BITWISE_DREG)?;
    // Kernels before 5.6 know no other and tell none.
    if data.number(NFTA_BITWISE_OP).unwrap_or(NFT_BITWISE_MASK_XOR) != NFT_BITWISE_MASK_XOR {
        return unknown(register, data.size(NFTA_BITWISE_LEN)?);
    }
    Some(Step::Mask {
        from: place(data.number(NFTA_BITWISE_SREG)?)?,
        to: place(register)?,
        mask: value(data.nested(NFTA_BITWISE_MASK)?)?.to_vec(),
        xor: value(data.nested(NFTA_BITWISE_XOR)?)?.to_vec(),
    })
}

fn cmp(data: Attributes<'_>) -> Option<Step> {
    const NFTA_CMP_SREG: u16 = 1;
    const NFTA_CMP_OP: u16 = 2;
    const NFTA_CMP_DATA: u16 = 3;
    Some(Step::Compare {
        from: place(data.number(NFTA_CMP_SREG)?)?,
        // `enum nft_cmp_ops`.
        op: match data.number(NFTA_CMP_OP)? {
            0 => Op::Equal,
            1 => Op::Not,
            2 => Op::Less,
            3 => Op::LessOrEqual,
            4 => Op::Greater,
            5 => Op::GreaterOrEqual,
            _ => return None,
        },
        with: value(data.nested(NFTA_CMP_DATA)?)?.to_vec(),
    })
}

fn range(data: Attributes<'_>) -> Option<Step> {
    const NFTA_RANGE_SREG: u16 = 1;
    const NFTA_RANGE_OP: u16 = 2;
    const NFTA_RANGE_FROM_DATA: u16 = 3;
    const NFTA_RANGE_TO_DATA: u16 = 4;
    const NFT_RANGE_NEQ: u32 = 1;
    Some(Step::Range {
        from: place(data.number(NFTA_RANGE_SREG)?)?,
        outside: data.number(NFTA_RANGE_OP)? == NFT_RANGE_NEQ,
        low: value(data.nested(NFTA_RANGE_FROM_DATA)?)?.to_vec(),
        high: value(data.nested(NFTA_RANGE_TO_DATA)?)?.to_vec(),
    })
}

/// A target of iptables. REJECT says how it answers in the first word of its `struct ipt_reject_info`
/// or `ip6t_reject_info`.
fn foreign(target: Attributes<'_>, v6: bool) -> Verdict {
    const NFTA_TARGET_NAME: u16 = 1;
    const NFTA_TARGET_INFO: u16 = 3;
    const IPT_TCP_RESET: u32 = 7;
    const IP6T_TCP_RESET: u32 = 6;
    let how = target.bytes(NFTA_TARGET_INFO).and_then(<[u8]>::first_chunk);
    match target.name(NFTA_TARGET_NAME).unwrap_or_default() {
        b"REJECT" => match how.map(|how| u32::from_ne_bytes(*how)) {
            Some(how) if how == if v6 { IP6T_TCP_RESET } else { IPT_TCP_RESET } => Verdict::Reset,
            Some(_) => Verdict::Refuse,
            None => Verdict::PerhapsReset,
        },
        name if passes(name) => Verdict::Continue,
        _ => Verdict::Unknown,
    }
}

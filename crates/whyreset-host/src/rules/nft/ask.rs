//! What one match expression asks of a segment. Knows addresses, ports, protocols, flags and devices;
//! all else is a perhaps.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::Place;
use super::json::{place, word};
use crate::rules::Dropped;
use crate::rules::tri::Tri;
use crate::rules::walk::Question;

/// Elements looked at in one set.
const MOST: usize = 1_000_000;

/// Named sets and maps.
#[derive(Default)]
pub(super) struct Sets(HashMap<Place, Arc<Vec<Value>>>);

impl Sets {
    pub(super) fn take(&mut self, set: &Value) {
        let elements = set
            .get("elem")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let plain = elements.into_iter().take(MOST).map(|element| {
            // With a timeout, a counter or a comment an element is wrapped.
            let inner = element.get("elem").and_then(|elem| elem.get("val")).cloned();
            inner.unwrap_or(element)
        });
        self.0.insert(place(set, "name"), Arc::new(plain.collect()));
    }

    /// Those of `@name`, or of a set that stands in the rule; `None` where it is neither.
    pub(super) fn elements(&self, value: &Value, at: &Place) -> Option<Arc<Vec<Value>>> {
        match value {
            Value::String(name) => {
                let name = name.strip_prefix('@')?;
                self.0
                    .get(&(at.0.clone(), at.1.clone(), name.to_owned()))
                    .cloned()
            }
            Value::Object(object) => object.get("set")?.as_array().cloned().map(Arc::new),
            _ => None,
        }
    }
}

/// What the left side of a match is, of a segment.
#[derive(Clone, Debug)]
enum Field {
    Port(bool),
    Address {
        source: bool,
        v6: bool,
    },
    /// Of either family, or of IPv6 alone, or of IPv4.
    Protocol(Option<bool>),
    /// `meta nfproto` and `ether type`.
    Family,
    Device(bool),
    Flags(u8),
    Concat(Vec<Self>),
    Other,
}

/// A value of a field.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Is {
    Number(u64),
    Address(IpAddr),
    Name(String),
    Many(Vec<Option<Self>>),
}

fn field(left: &Value) -> Field {
    if let Some(payload) = left.get("payload") {
        return match (word(payload, "protocol"), word(payload, "field")) {
            ("tcp" | "th", "sport") => Field::Port(true),
            ("tcp" | "th", "dport") => Field::Port(false),
            ("ip", "saddr") => Field::Address {
                source: true,
                v6: false,
            },
            ("ip", "daddr") => Field::Address {
                source: false,
                v6: false,
            },
            ("ip6", "saddr") => Field::Address {
                source: true,
                v6: true,
            },
            ("ip6", "daddr") => Field::Address {
                source: false,
                v6: true,
            },
            ("ip", "protocol") => Field::Protocol(Some(false)),
            ("ip6", "nexthdr") => Field::Protocol(Some(true)),
            ("tcp", "flags") => Field::Flags(0xff),
            _ => Field::Other,
        };
    }
    if let Some(meta) = left.get("meta") {
        return match word(meta, "key") {
            "l4proto" => Field::Protocol(None),
            "nfproto" | "protocol" => Field::Family,
            "iifname" | "iif" => Field::Device(true),
            "oifname" | "oif" => Field::Device(false),
            _ => Field::Other,
        };
    }
    if let Some(parts) = left.get("concat").and_then(Value::as_array) {
        return Field::Concat(parts.iter().map(field).collect());
    }
    if let Some([of, mask]) = left.get("&").and_then(Value::as_array).map(Vec::as_slice)
        && let Field::Flags(_) = field(of)
        && let Some(mask) = flags(mask)
    {
        return Field::Flags(mask);
    }
    Field::Other
}

impl Field {
    /// Its value; `Ok(None)` where it is not known, an error where the segment has no such field.
    fn of(&self, dropped: &Dropped) -> Result<Option<Is>, ()> {
        Ok(match self {
            Self::Port(true) => Some(Is::Number(dropped.from.port().into())),
            Self::Port(false) => Some(Is::Number(dropped.to.port().into())),
            Self::Address { v6, .. } | Self::Protocol(Some(v6)) if *v6 != dropped.from.is_ipv6() => {
                return Err(());
            }
            Self::Address { source: true, .. } => Some(Is::Address(dropped.from.ip())),
            Self::Address { source: false, .. } => Some(Is::Address(dropped.to.ip())),
            Self::Protocol(_) => Some(Is::Name("tcp".to_owned())),
            Self::Family => Some(Is::Name(
                if dropped.from.is_ipv6() { "ipv6" } else { "ipv4" }.to_owned(),
            )),
            // The one that is known is where it came in by; where it was to leave by is not.
            Self::Device(true) => {
                let named = dropped.device.as_ref().filter(|device| !device.name.is_empty());
                named.map(|device| Is::Name(device.name.clone()))
            }
            Self::Flags(mask) => Some(Is::Number((dropped.flags.0 & mask).into())),
            Self::Concat(parts) => {
                let parts: Result<Vec<_>, ()> = parts.iter().map(|part| part.of(dropped)).collect();
                Some(Is::Many(parts?))
            }
            Self::Device(false) | Self::Other => None,
        })
    }
}

/// The question that a `match` expression puts.
pub(super) fn holds(body: &Value, sets: &Sets, at: &Place) -> Question {
    let (Some(left), Some(right)) = (body.get("left"), body.get("right")) else {
        return Box::new(|_| Tri::Perhaps);
    };
    let op = word(body, "op").to_owned();
    let flagged = matches!(field(left), Field::Flags(_));
    match op.as_str() {
        // `tcp flags syn` asks whether any of them is set.
        "in" if flagged => match flags(right) {
            Some(wanted) => Box::new(move |dropped| Tri::known(dropped.flags.0 & wanted != 0)),
            None => Box::new(|_| Tri::Perhaps),
        },
        "==" | "in" => equals(left, right, sets, at),
        "!=" => {
            let ask = equals(left, right, sets, at);
            let is = field(left);
            // A segment without the field meets neither.
            Box::new(move |dropped| {
                if is.of(dropped).is_err() {
                    Tri::No
                } else {
                    ask(dropped).not()
                }
            })
        }
        "<" | ">" | "<=" | ">=" => {
            let (is, limit) = (field(left), right.as_u64());
            Box::new(move |dropped| match (is.of(dropped), limit) {
                (Err(()), _) => Tri::No,
                (Ok(Some(Is::Number(number))), Some(limit)) => Tri::known(match op.as_str() {
                    "<" => number < limit,
                    ">" => number > limit,
                    "<=" => number <= limit,
                    _ => number >= limit,
                }),
                _ => Tri::Perhaps,
            })
        }
        _ => Box::new(|_| Tri::Perhaps),
    }
}

/// Whether the left side is the right one, or one of it.
pub(super) fn equals(left: &Value, right: &Value, sets: &Sets, at: &Place) -> Question {
    let is = field(left);
    if let Field::Flags(_) = is {
        let wanted = flags(right);
        return Box::new(move |dropped| match (is.of(dropped), wanted) {
            (Ok(Some(Is::Number(number))), Some(wanted)) => Tri::known(number == u64::from(wanted)),
            _ => Tri::Perhaps,
        });
    }
    let elements = sets
        .elements(right, at)
        .unwrap_or_else(|| Arc::new(vec![right.clone()]));
    // A set whose name is not known holds who knows what.
    let unknown =
        right.as_str().is_some_and(|name| name.starts_with('@')) && sets.elements(right, at).is_none();
    Box::new(move |dropped| match is.of(dropped) {
        Err(()) => Tri::No,
        Ok(None) => Tri::Perhaps,
        Ok(Some(_)) if unknown => Tri::Perhaps,
        Ok(Some(value)) => Tri::any(elements.iter().map(|element| fits(&value, element))),
    })
}

fn fits(value: &Is, wanted: &Value) -> Tri {
    if let Is::Many(parts) = value {
        let Some(all) = wanted.get("concat").and_then(Value::as_array) else {
            return Tri::Perhaps;
        };
        let each = parts.iter().zip(all).map(|(part, wanted)| match part {
            Some(part) => fits(part, wanted),
            None => Tri::Perhaps,
        });
        return each.fold(Tri::known(parts.len() == all.len()), Tri::and);
    }
    if let Some([low, high]) = wanted.get("range").and_then(Value::as_array).map(Vec::as_slice) {
        return match (plain(value, low), plain(value, high)) {
            (Some(low), Some(high)) => Tri::known(low <= *value && *value <= high),
            _ => Tri::Perhaps,
        };
    }
    if let Some(prefix) = wanted.get("prefix") {
        let length = prefix.get("len").and_then(Value::as_u64);
        let net = word(prefix, "addr").parse().ok();
        return match (value, net, length) {
            (Is::Address(address), Some(net), Some(length)) => Tri::known(within(*address, net, length)),
            _ => Tri::Perhaps,
        };
    }
    if let (Is::Name(name), Some(pattern)) = (value, wanted.as_str()) {
        let met = pattern
            .strip_suffix('*')
            .map_or(name == pattern, |start| name.starts_with(start));
        let numbered = (name == "tcp" && pattern == "6") || pattern == "ip" && name == "ipv4";
        return Tri::known(met || numbered || pattern == "ip6" && name == "ipv6");
    }
    match plain(value, wanted) {
        Some(wanted) => Tri::known(*value == wanted),
        None => Tri::Perhaps,
    }
}

/// The wanted value in the kind of the one that is there.
fn plain(like: &Is, wanted: &Value) -> Option<Is> {
    match like {
        Is::Number(_) => wanted.as_u64().map(Is::Number),
        Is::Address(_) => wanted.as_str()?.parse().ok().map(Is::Address),
        Is::Name(name) if name == "tcp" => wanted
            .as_u64()
            .map(|number| Is::Name(if number == 6 { "tcp" } else { "other" }.to_owned())),
        Is::Name(_) | Is::Many(_) => None,
    }
}

/// Whether an address lies in a network.
pub(in crate::rules) fn within(address: IpAddr, net: IpAddr, length: u64) -> bool {
    let (bits, of, width) = match (address, net) {
        (IpAddr::V4(a), IpAddr::V4(n)) => (u128::from(a.to_bits()), u128::from(n.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(n)) => (a.to_bits(), n.to_bits(), 128),
        _ => return false,
    };
    let shift = u32::try_from(width - length.min(width)).unwrap_or(0);
    length <= width && (shift >= 128 || bits >> shift == of >> shift)
}

/// TCP flags by their names.
fn flags(value: &Value) -> Option<u8> {
    const NAMES: [(&str, u8); 6] = [
        ("fin", 0x01),
        ("syn", 0x02),
        ("rst", 0x04),
        ("psh", 0x08),
        ("ack", 0x10),
        ("urg", 0x20),
    ];
    let one = |name: &str| {
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, bit)| *bit)
    };
    match value {
        Value::String(name) => one(name),
        Value::Number(number) => number.as_u64().and_then(|number| u8::try_from(number).ok()),
        Value::Array(names) => names.iter().map(flags).try_fold(0, |all, bit| Some(all | bit?)),
        Value::Object(object) => {
            let parts = object.get("|").or_else(|| object.get("set"))?;
            flags(parts)
        }
        _ => None,
    }
}

//! One fault as it was asked for: read from the API's JSON or from the command line, told again, and
//! rolled for each connection. Refuses values that mean nothing, naming the ones that do.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use crate::kind::{Act, How, KINDS, Kind, Stream};

/// Numbers above these are mistakes: a day, and what fits into memory many times over.
const LONGEST_MS: u64 = 86_400_000;
const LARGEST: u64 = 1 << 50;
/// Bytes of a name at most.
const NAME: usize = 200;

/// Why something was refused, with the status of HTTP that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 400, 404, 409 or 500.
    pub status: u16,
    /// What failed and what to do.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(crate) fn body(why: impl std::fmt::Display) -> Self {
        Self::new(400, format!("bad request body: {why}"))
    }
}

/// One fault.
#[derive(Debug)]
pub struct Fault {
    /// Its name among the faults of one proxy.
    pub name: String,
    /// Its kind.
    pub kind: &'static Kind,
    /// Which end it hits.
    pub stream: Stream,
    /// The probability with which it concerns a connection, 0 to 1.
    pub toxicity: f64,
    /// Where chance begins: the same seed gives the same connections.
    pub seed: u64,
    /// Changes with every change of the fault, so that connections roll again.
    pub(crate) id: u64,
    /// How often it struck.
    pub(crate) struck: AtomicU64,
    seeded: bool,
    how: How,
    /// In the order of the kind's attributes.
    values: Vec<u64>,
}

impl Fault {
    /// Reads a fault as the API takes it.
    ///
    /// # Errors
    /// What is missing or means nothing.
    pub fn from_json(body: &Value) -> Result<Self, Refusal> {
        let fields = body
            .as_object()
            .ok_or_else(|| Refusal::body("a toxic is an object"))?;
        let word = |name: &str| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(word)) => Ok(Some(word.as_str())),
            Some(other) => Err(Refusal::body(format!("{name} is a string, not {other}"))),
        };
        let stream = match word("stream")? {
            None | Some("") => Stream::Downstream,
            Some(word) => Stream::parse(word).ok_or_else(|| {
                Refusal::new(400, "stream was invalid, can be either upstream or downstream")
            })?,
        };
        let asked = word("type")?.unwrap_or_default();
        let kind = Kind::find(asked).ok_or_else(|| {
            let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            Refusal::new(
                400,
                format!("invalid toxic type {asked:?}; one of {}", known.join(", ")),
            )
        })?;
        if kind.is_gate() && stream == Stream::Upstream {
            return Err(Refusal::new(
                400,
                format!(
                    "{} acts on the proxy's own port: its stream is downstream",
                    kind.name
                ),
            ));
        }
        let name = match word("name")? {
            None | Some("") => format!("{}_{}", kind.name, stream.as_str()),
            Some(name) if name.len() <= NAME => name.to_owned(),
            Some(_) => return Err(Refusal::body(format!("a name has at most {NAME} bytes"))),
        };
        let mut fault = Self {
            name,
            kind,
            stream,
            toxicity: 1.0,
            seed: fastrand::u64(..),
            id: next_id(),
            struck: AtomicU64::new(0),
            seeded: false,
            how: How::Linger,
            values: kind.attributes.iter().map(|one| one.default).collect(),
        };
        fault.take(fields)?;
        Ok(fault)
    }

    /// The fault with what `body` changes: its probability and its attributes.
    ///
    /// # Errors
    /// What means nothing.
    pub fn changed(&self, body: &Value) -> Result<Self, Refusal> {
        let fields = body
            .as_object()
            .ok_or_else(|| Refusal::body("a toxic is an object"))?;
        let mut fault = Self {
            name: self.name.clone(),
            kind: self.kind,
            stream: self.stream,
            toxicity: self.toxicity,
            seed: self.seed,
            id: next_id(),
            struck: AtomicU64::new(self.struck.load(Ordering::Relaxed)),
            seeded: self.seeded,
            how: self.how,
            values: self.values.clone(),
        };
        fault.take(fields)?;
        Ok(fault)
    }

    /// Reads `KIND[,NAME=VALUE]...`, as the command line takes it.
    ///
    /// # Errors
    /// What is missing or means nothing.
    pub fn from_words(text: &str) -> Result<Self, String> {
        let mut parts = text.split([',', ':']);
        let kind = parts.next().unwrap_or_default();
        let (mut fields, mut attributes) = (Map::new(), Map::new());
        fields.insert("type".to_owned(), kind.into());
        for part in parts {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| format!("{part:?} is not NAME=VALUE"))?;
            match name {
                "probability" | "toxicity" => {
                    let number: f64 = value
                        .parse()
                        .map_err(|_| format!("{value:?} is not a probability from 0 to 1"))?;
                    fields.insert("toxicity".to_owned(), json!(number));
                }
                "direction" | "stream" => _ = fields.insert("stream".to_owned(), value.into()),
                "name" => _ = fields.insert("name".to_owned(), value.into()),
                "how" => _ = attributes.insert("how".to_owned(), value.into()),
                _ => _ = attributes.insert(name.to_owned(), number(value)?.into()),
            }
        }
        fields.insert("attributes".to_owned(), attributes.into());
        Self::from_json(&fields.into()).map_err(|refusal| refusal.message)
    }

    /// As the API tells it.
    pub fn to_json(&self) -> Value {
        let mut attributes: Map<String, Value> = self
            .kind
            .attributes
            .iter()
            .zip(&self.values)
            .map(|(one, value)| (one.name.to_owned(), (*value).into()))
            .collect();
        if self.kind.chooses {
            attributes.insert("how".to_owned(), self.how.as_str().into());
        }
        // A seed of its own would surprise a client that compares what it asked for.
        if self.seeded || !self.kind.toxiproxy {
            attributes.insert("seed".to_owned(), self.seed.into());
        }
        json!({
            "name": self.name,
            "type": self.kind.name,
            "stream": self.stream.as_str(),
            "toxicity": self.toxicity,
            "attributes": attributes,
        })
    }

    /// One of its numbers; 0 where its kind has none of that name.
    pub(crate) fn value(&self, name: &str) -> u64 {
        let at = self.kind.attributes.iter().position(|one| one.name == name);
        at.map_or(0, |at| self.values[at])
    }

    /// How it breaks a connection.
    pub(crate) fn how(&self) -> How {
        match self.kind.act {
            Act::After(how) | Act::Answered(how) => how,
            _ => self.how,
        }
    }

    /// Chance for this number of a connection or of a period: the same for the same seed.
    pub(crate) fn chance(&self, number: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Whether it concerns the connection or the period of this number.
    pub(crate) fn concerns(&self, number: u64) -> bool {
        self.chance(number).f64() < self.toxicity
    }

    pub(crate) fn strikes(&self) {
        self.struck.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&mut self, fields: &Map<String, Value>) -> Result<(), Refusal> {
        match fields.get("toxicity") {
            None | Some(Value::Null) => {}
            Some(value) => {
                let number = value.as_f64().filter(|number| (0.0..=1.0).contains(number));
                self.toxicity = number.ok_or_else(|| {
                    Refusal::body(format!("toxicity is a probability from 0 to 1, not {value}"))
                })?;
            }
        }
        let attributes = match fields.get("attributes") {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Object(attributes)) => attributes,
            Some(other) => return Err(Refusal::body(format!("attributes are an object, not {other}"))),
        };
        for (name, value) in attributes {
            self.attribute(name, value)?;
        }
        Ok(())
    }

    fn attribute(&mut self, name: &str, value: &Value) -> Result<(), Refusal> {
        if name == "seed" {
            self.seed = value
                .as_u64()
                .ok_or_else(|| Refusal::body(format!("seed is a whole number, not {value}")))?;
            self.seeded = true;
            return Ok(());
        }
        if name == "how" && self.kind.chooses {
            let how = value.as_str().and_then(How::parse);
            self.how = how.ok_or_else(|| {
                let known = How::ALL.map(How::as_str).join(", ");
                Refusal::body(format!("how is one of {known}, not {value}"))
            })?;
            return Ok(());
        }
        let Some(at) = self.kind.attributes.iter().position(|one| one.name == name) else {
            // What toxiproxy does not know it passes over, and its clients may count on that.
            if self.kind.toxiproxy {
                return Ok(());
            }
            let mut known: Vec<&str> = self.kind.attributes.iter().map(|one| one.name).collect();
            known.extend(self.kind.chooses.then_some("how"));
            known.push("seed");
            return Err(Refusal::body(format!(
                "{} takes {}, not {name}",
                self.kind.name,
                known.join(", ")
            )));
        };
        let most = match self.kind.attributes[at].unit {
            "ms" => LONGEST_MS,
            "us" => LONGEST_MS * 1_000,
            _ => LARGEST,
        };
        let number = value.as_u64().filter(|number| *number <= most);
        self.values[at] = number.ok_or_else(|| {
            Refusal::body(format!("{name} is a whole number from 0 to {most}, not {value}"))
        })?;
        if self.kind.act == Act::Request && self.values[at] == 0 {
            return Err(Refusal::body("n counts from 1"));
        }
        if name == "period" && self.values[at] < 10 {
            return Err(Refusal::body("a period has at least 10 ms"));
        }
        Ok(())
    }
}

/// A number, or a time in the unit of the API: milliseconds.
fn number(text: &str) -> Result<u64, String> {
    let (digits, scale) = match text {
        _ if text.ends_with("ms") => (&text[..text.len() - 2], 1),
        _ if text.ends_with('s') => (&text[..text.len() - 1], 1_000),
        _ => (text, 1),
    };
    let number = digits.parse::<u64>().ok();
    number
        .and_then(|number| number.checked_mul(scale))
        .ok_or_else(|| format!("{text:?} is not a whole number, 500ms or 2s"))
}

fn next_id() -> u64 {
    static IDS: AtomicU64 = AtomicU64::new(1);
    IDS.fetch_add(1, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_json_say_the_same() {
        let words =
            Fault::from_words("on-idle,idle=2s,how=unread,probability=0.25,direction=upstream,seed=7,name=x")
                .unwrap();
        let told = json!({
            "name": "x", "type": "on_idle", "stream": "upstream", "toxicity": 0.25,
            "attributes": {"idle": 2000, "how": "unread", "seed": 7},
        });
        assert_eq!(words.to_json(), told);
        assert_eq!(Fault::from_json(&told).unwrap().to_json(), told);
    }

    #[test]
    fn toxiproxys_own_are_told_as_it_tells_them() {
        let asked = json!({"type": "latency", "attributes": {"latency": 100, "unknown": true}});
        let told = json!({
            "name": "latency_downstream", "type": "latency", "stream": "downstream", "toxicity": 1.0,
            "attributes": {"latency": 100, "jitter": 0},
        });
        let fault = Fault::from_json(&asked).unwrap();
        assert_eq!(fault.to_json(), told);
        let changed = fault
            .changed(&json!({"toxicity": 0.5, "attributes": {"jitter": 3}}))
            .unwrap();
        assert_eq!(
            changed.to_json()["attributes"],
            json!({"latency": 100, "jitter": 3})
        );
        assert_ne!(changed.id, fault.id);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (bad, why) in [
            (json!([]), "object"),
            (json!({}), "invalid toxic type"),
            (json!({"type": 1}), "string"),
            (
                json!({"type": "linger", "stream": "sideways"}),
                "stream was invalid",
            ),
            (json!({"type": "refuse", "stream": "upstream"}), "own port"),
            (json!({"type": "linger", "toxicity": 1.5}), "probability"),
            (
                json!({"type": "linger", "attributes": {"bytes": 1}}),
                "takes after",
            ),
            (
                json!({"type": "linger", "attributes": {"after": -1}}),
                "whole number",
            ),
            (
                json!({"type": "linger", "attributes": {"after": 1e18}}),
                "whole number",
            ),
            (
                json!({"type": "on_nth_request", "attributes": {"n": 0}}),
                "from 1",
            ),
            (
                json!({"type": "mid_response", "attributes": {"how": "no"}}),
                "one of linger",
            ),
        ] {
            let refusal = Fault::from_json(&bad).unwrap_err();
            assert_eq!(refusal.status, 400);
            assert!(refusal.message.contains(why), "{bad}: {}", refusal.message);
        }
        assert!(Fault::from_words("linger,after").is_err());
        assert!(Fault::from_words("linger,after=x").is_err());
    }

    #[test]
    fn chance_follows_the_seed() {
        let fault = |seed: u64| Fault::from_words(&format!("linger,probability=0.3,seed={seed}")).unwrap();
        let rolls = |seed| {
            let fault = fault(seed);
            (1..=2_000)
                .map(|number| fault.concerns(number))
                .collect::<Vec<_>>()
        };
        assert_eq!(rolls(1), rolls(1));
        assert_ne!(rolls(1), rolls(2));
        let hit = rolls(3).into_iter().filter(|hit| *hit).count();
        assert!((480..720).contains(&hit), "{hit} of 2000 at 0.3");
        let sure = Fault::from_words("linger").unwrap();
        assert!((0..100).all(|number| sure.concerns(number)));
    }
}

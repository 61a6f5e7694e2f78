//! The words of a quoted log line, both ways.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use core::fmt::Write as _;

use super::words::{decode, encode, number, token};
use crate::{Claim, Logged, Tie};

pub(super) fn read<'a>(words: impl Iterator<Item = &'a str>) -> Result<Logged, String> {
    let mut line = Logged {
        quote: String::new(),
        tie: Tie::Address,
        apart_ms: 0,
        clock: None,
        claim: None,
    };
    for word in words {
        match token(word) {
            ("tie", Some(word)) => {
                line.tie = Tie::from_word(word).ok_or_else(|| format!("{word:?} ties nothing"))?;
            }
            ("apart", value) => line.apart_ms = number(value)?,
            ("clock", Some(value)) => line.clock = Some(decode(value)),
            ("cause", Some(id)) => line.claim = Some(Claim::Cause(id.to_owned())),
            ("case", Some(id)) => line.claim = Some(Claim::Situation(id.to_owned())),
            ("quote", Some(value)) => line.quote = decode(value),
            (key, _) => return Err(format!("unknown word {key:?} in this fact")),
        }
    }
    Ok(line)
}

pub(super) fn write(line: &Logged, out: &mut String) {
    let _ = write!(out, " logged tie={} apart={}", line.tie.as_str(), line.apart_ms);
    if let Some(clock) = &line.clock {
        let _ = write!(out, " clock={}", encode(clock));
    }
    match &line.claim {
        Some(Claim::Cause(id)) => _ = write!(out, " cause={}", encode(id)),
        Some(Claim::Situation(id)) => _ = write!(out, " case={}", encode(id)),
        None => {}
    }
    let _ = write!(out, " quote={}", encode(&line.quote));
}

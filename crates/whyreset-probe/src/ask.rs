//! One try of one endpoint from beginning to end. Refuses to try again by itself.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use whyreset_evidence::Timestamp;

use crate::connect;
use crate::line::Stop;
use crate::outcome::{End, Report, Stage};
use crate::talk::{Script, talk};
use crate::target::Target;

/// Tries the addresses of a target, and goes through the script on the first that answers.
#[inline(never)]
pub fn ask(
    target: &Target,
    addresses: &[SocketAddr],
    number: u64,
    script: &Script,
    stop: Stop<'_>,
) -> Report {
    let raced = connect::race(addresses, script.patience, stop);
    let told = raced.line.map(|line| talk(line, script, stop));
    let (exchange, stage, end) = if let Some((exchange, stage, end)) = told {
        (Some(exchange), stage, end)
    } else {
        let telling = raced.attempts.iter().min_by_key(|attempt| attempt.end.weight());
        let end = telling.map_or(End::GivenUp, |attempt| attempt.end.clone());
        // Gone between its handshake and our first look at it.
        let end = if end == End::Open {
            End::Reset { after_fin: false }
        } else {
            end
        };
        (None, Stage::Connect, end)
    };
    Report {
        target: target.clone(),
        number,
        at: now(),
        attempts: raced.attempts,
        exchange,
        stage,
        end,
    }
}

/// The time of day.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

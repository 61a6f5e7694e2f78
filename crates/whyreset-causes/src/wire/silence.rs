//! Silences and closes of idle connections. Refuses to call a silence a timer without a pattern or a
//! known default.

use alloc::borrow::ToOwned;
use alloc::format;

use whyreset_evidence::{Dossier, Finding, Passed, Shape, Side};

use super::{ask, unless_missed};
use crate::{idle, words};

/// A silence that a timer may have ended.
const IDLE_MS: u64 = 5_000;
/// Connections that must have ended after one silence before they are a pattern.
const PATTERN: u32 = 3;

/// Whether the silence before a reset ended others too, or is a known default.
pub fn is_a_timer(passed: &Passed) -> bool {
    let alike = passed.silence.is_some_and(|alike| alike.count >= PATTERN);
    alike || passed.silence_ms >= IDLE_MS && idle::is_known(passed.silence_ms)
}

/// Nothing had passed for long, and this silence ended others too or is a known default.
pub fn silence_is_a_timer(dossier: &Dossier) -> Finding {
    let cite = match (dossier.passed(), dossier.received()) {
        (Some((fact, _)), _) | (None, Some((fact, _))) => fact.cite.as_str(),
        (None, None) => return Finding::absent("no reset passed", "frame"),
    };
    if let Some(alike) = dossier.alike().filter(|alike| alike.count >= PATTERN) {
        return Finding::seen(
            format!(
                "{} of {} resets came after {} of silence (+- {}){}",
                alike.count,
                alike.of,
                words::span_ms(alike.silence_ms),
                words::span_ms(alike.spread_ms),
                idle::known(alike.silence_ms)
            ),
            cite,
        );
    }
    let Some(silence) = dossier.silence_ms() else {
        return Finding::absent("it is not known how long nothing had passed", cite);
    };
    let known = idle::known(silence);
    let finding = Finding::when(
        silence >= IDLE_MS && !known.is_empty(),
        format!("nothing had passed for {}{known}", words::span_ms(silence)),
        cite,
    );
    match dossier.passed() {
        Some((_, passed)) => unless_missed(passed, passed.missing.lost > 0, finding),
        None => finding,
    }
}

/// The segment that drew it acknowledges the sender's FIN, or crossed it on its way.
pub fn crossed_the_fin(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let Some(trigger) = &passed.trigger else {
            return Finding::absent("what it answers was not captured", &*fact.cite);
        };
        let (name, other) = (words::sender(dossier), words::receiver(dossier));
        let fin = passed.own.fin_ago_ms;
        let what = match (fin, trigger.knew_fin) {
            (None, _) => format!("{name} had sent no FIN"),
            (Some(_), true) => format!(
                "{other} knew of the FIN when it sent {}",
                words::payload(&trigger.segment)
            ),
            (Some(_), false) => format!(
                "{other} sent {} before it had heard of {name}'s FIN",
                words::payload(&trigger.segment)
            ),
        };
        let holds = fin.is_some() && !trigger.knew_fin && trigger.segment.len > 0;
        Finding::when(holds, what, &*fact.cite)
    })
}

/// A FIN is acknowledged within this, milliseconds; what is said of it later has waited for something.
const PROMPT_MS: u64 = 1_000;

/// Whether the reset answers the acknowledgment of its sender's FIN, after which nothing else came.
pub fn answers_the_fins_ack(passed: &Passed) -> bool {
    let (Some(trigger), Some(fin)) = (&passed.trigger, passed.own.fin_ago_ms) else {
        return false;
    };
    let later = passed.other.data_ago_ms.is_some_and(|data| data < fin);
    passed.shape == Shape::Reply
        && trigger.segment.len == 0
        && trigger.knew_fin
        && fin <= PROMPT_MS
        && passed.other.fin_ago_ms.is_none()
        && passed.other.retransmits == 0
        && !later
}

/// The finding of [`answers_the_fins_ack`].
pub fn only_the_fin_was_acknowledged(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let (name, other) = (words::sender(dossier), words::receiver(dossier));
        let holds = answers_the_fins_ack(passed);
        let what = if holds {
            format!("{other} had acknowledged {name}'s FIN, and sent nothing else")
        } else {
            format!("what it answers is more than the acknowledgment of {name}'s FIN")
        };
        unless_missed(
            passed,
            passed.missing.any(),
            Finding::when(holds, what, &*fact.cite),
        )
    })
}

/// The server closed what had long been silent, and the client wrote on it afterwards.
pub fn stale_pool(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let wrote = passed
            .trigger
            .as_ref()
            .is_some_and(|trigger| trigger.segment.len > 0);
        let used = passed.own.data_ago_ms.zip(passed.own.fin_ago_ms);
        let quiet = used.map(|(data, fin)| data.saturating_sub(fin));
        let long = quiet.filter(|&quiet| quiet >= idle::LONG_MS);
        Finding::when(
            dossier.from() == Some(Side::Server) && wrote && long.is_some(),
            format!(
                "the server had sent its last answer {} before its FIN{}",
                quiet.map_or("an unknown time".to_owned(), words::span_ms),
                long.map(idle::known).unwrap_or_default()
            ),
            &*fact.cite,
        )
    })
}

/// Its last answer lay some time back when it sent its FIN.
pub fn closed_while_idle(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let quiet = passed.own.data_ago_ms.zip(passed.own.fin_ago_ms);
        let quiet = quiet.map(|(data, fin)| data.saturating_sub(fin));
        Finding::when(
            quiet.is_some_and(|quiet| quiet >= idle::LONG_MS),
            match quiet {
                Some(quiet) => format!(
                    "{} had sent its last answer {} before its FIN{}",
                    words::sender(dossier),
                    words::span_ms(quiet),
                    idle::known(quiet)
                ),
                None => format!("{} had sent no data", words::sender(dossier)),
            },
            &*fact.cite,
        )
    })
}

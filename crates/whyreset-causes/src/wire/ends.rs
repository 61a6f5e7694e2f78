//! What the two ends had done: data, FINs, retransmissions, probes. Refuses to look beyond headers.

use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Acceptable, Dossier, Finding, Half, Passed, Side, Speaks};

use super::{ask, drawn, unless_missed};
use crate::words;

/// An end that retransmitted or probed this often, unanswered, was about to give up.
pub const GAVE_UP_AFTER: u32 = 3;
/// Keep-alive probes in vain before a reset.
pub const PROBED: u32 = 2;
/// Asks the end in whose name the reset came.
pub fn own(dossier: &Dossier, then: impl FnOnce(&Half) -> (bool, String)) -> Finding {
    ask(dossier, |fact, passed| {
        let (holds, what) = then(&passed.own);
        Finding::when(holds, what, &*fact.cite)
    })
}

/// As [`own`], of what rests on no answer having come.
fn never_answered(dossier: &Dossier, then: impl FnOnce(&Half) -> (bool, String)) -> Finding {
    ask(dossier, |fact, passed| {
        let (holds, what) = then(&passed.own);
        unless_missed(
            passed,
            passed.missing.any(),
            Finding::when(holds, what, &*fact.cite),
        )
    })
}

/// The sender had sent a FIN.
pub fn own_fin(dossier: &Dossier) -> Finding {
    let name = words::sender(dossier);
    own(dossier, |half| match half.fin_ago_ms {
        Some(ago) => (
            true,
            format!("{name} had sent its FIN {} before", words::span_ms(ago)),
        ),
        None => (false, format!("{name} had sent no FIN")),
    })
}

/// Programs read at least this many bytes at once.
const HEAD: u64 = 8_192;
/// Room in the window that only unread data can have taken, bytes.
pub const ROOM: u64 = 8_192;
/// An answer this shortly before the reset, milliseconds, with nothing read since.
pub const JUST_ANSWERED_MS: u64 = 100;

/// A client that is silent for this long after an answer has read it, milliseconds: what is left to a
/// client's turn is the next request.
pub const SETTLED_MS: u64 = 5_000;

/// What had come was not answered, or its bytes still filled the sender's window.
pub fn data_was_left(dossier: &Dossier) -> Finding {
    let (name, other_name) = (words::sender(dossier), words::receiver(dossier));
    ask(dossier, |fact, passed| {
        let (own, other) = (&passed.own, &passed.other);
        let server = dossier.from() == Some(Side::Server);
        let taken = !server && is_small_and_whole(passed);
        let just_answered = server
            && own.data_ago_ms.is_some_and(|ago| ago <= JUST_ANSWERED_MS)
            && passed.silence_ms <= JUST_ANSWERED_MS;
        let left = if other.bytes == 0 || read_at_once(passed) || taken {
            None
        } else if passed.window_grew >= ROOM || own.zero_window {
            Some(format!(
                "{name}'s window was filled with data of {other_name} until the reset"
            ))
        } else if other.unanswered > 0 && (server || passed.silence_ms < SETTLED_MS) {
            Some(format!(
                "{name} had sent nothing after the last {} of {other_name}",
                words::counted(other.unanswered, "byte")
            ))
        } else {
            just_answered.then(|| format!("{name} ended the connection together with its answer"))
        };
        match left {
            Some(what) => Finding::seen(what, &*fact.cite),
            None => Finding::absent(
                format!("{name} had answered all that {other_name} sent"),
                &*fact.cite,
            ),
        }
    })
}

/// An answer that fits in one segment (Ethernet's, RFC 6691) is read in one go.
const SEGMENT: u64 = 1_460;

/// A small answer that had come whole and been acknowledged.
pub fn is_small_and_whole(passed: &Passed) -> bool {
    let (own, other) = (&passed.own, &passed.other);
    let small = other.bytes <= SEGMENT && other.unacked == 0;
    small && own.bytes > 0 && passed.window_grew < ROOM && !own.zero_window
}

/// One small HTTP request, and an end without a word: servers read such a request whole before they
/// decide.
pub fn read_at_once(passed: &Passed) -> bool {
    passed.other.speaks == Some(Speaks::HttpRequest)
        && passed.other.bytes < HEAD
        && passed.own.bytes == 0
        && passed.silence_ms <= JUST_ANSWERED_MS
        && passed.window_grew < ROOM
}

/// The opposite of [`data_was_left`].
pub fn nothing_was_left(dossier: &Dossier) -> Finding {
    match data_was_left(dossier) {
        Finding::Seen { what, cite } => Finding::absent(what, cite),
        Finding::Absent { what, cite } => Finding::seen(what, cite),
        blind @ Finding::Blind { .. } => blind,
    }
}

/// The sender had repeated data in vain.
pub fn retransmitted_in_vain(dossier: &Dossier) -> Finding {
    let name = words::sender(dossier);
    never_answered(dossier, |half| {
        (
            half.retransmits >= GAVE_UP_AFTER && half.unacked > 0,
            match half.retransmits {
                0 => format!("{name} had retransmitted nothing"),
                n => format!(
                    "{name} had retransmitted {} unanswered",
                    words::counted(n.into(), "time")
                ),
            },
        )
    })
}

/// What waits less than this has not waited for `net.ipv4.tcp_retries2`, milliseconds: its least value
/// of use, 3 (RFC 1122 §4.2.3.5), means 3 s.
const FEWEST_RETRIES_MS: u64 = 2_500;

/// Whether its retransmissions stopped before any count of them ran out: the next one was due, by
/// their doubling, and did not come.
pub fn stopped_early(passed: &Passed) -> bool {
    let half = &passed.own;
    let Some((first, last)) = half.data_ago_ms.zip(half.last_ago_ms) else {
        return false;
    };
    let took = first.saturating_sub(last);
    half.retransmits >= GAVE_UP_AFTER
        && half.unacked > 0
        && took > 0
        && 2 * took < FEWEST_RETRIES_MS
        && last > took + took / 2
}

/// The finding of [`stopped_early`].
pub fn gave_up_early(dossier: &Dossier) -> Finding {
    let name = words::sender(dossier);
    ask(dossier, |fact, passed| {
        let half = &passed.own;
        let stopped = stopped_early(passed);
        let what = if stopped {
            let took = half
                .data_ago_ms
                .unwrap_or(0)
                .saturating_sub(half.last_ago_ms.unwrap_or(0));
            format!(
                "{name} had stopped retransmitting after {}, sooner than a count of retries does",
                words::span_ms(took)
            )
        } else {
            format!("{name} had not stopped retransmitting sooner than a count of retries does")
        };
        unless_missed(
            passed,
            passed.missing.any(),
            Finding::when(stopped, what, &*fact.cite),
        )
    })
}

/// Whoever sent the reset aborted the connection itself, or had given it up before a count of retries
/// ran out.
pub fn aborted_or_gave_up(dossier: &Dossier) -> Finding {
    match gave_up_early(dossier) {
        Finding::Absent { .. } => super::active(dossier),
        finding => finding,
    }
}

/// The sender had probed in vain.
pub fn probed_in_vain(dossier: &Dossier) -> Finding {
    let name = words::sender(dossier);
    let closed = dossier
        .passed()
        .is_some_and(|(_, passed)| passed.other.zero_window);
    never_answered(dossier, |half| {
        (
            half.probes >= PROBED && !closed,
            match half.probes {
                _ if closed => format!("what {name} had probed was a closed window"),
                0 => format!("{name} had sent no keep-alive probe"),
                n => format!(
                    "{} of {name} had stayed unanswered",
                    words::counted(n.into(), "keep-alive probe")
                ),
            },
        )
    })
}

/// The numbers of the segment that drew it belong to no connection of the sender's.
pub fn foreign_numbers(dossier: &Dossier) -> Finding {
    drawn(dossier, |fact, passed, trigger| {
        let foreign = passed
            .trigger
            .as_ref()
            .is_some_and(|trigger| trigger.foreign_numbers);
        let what = if foreign {
            format!("{} acknowledges what was never sent", words::segment(trigger))
        } else {
            format!("the numbers of {} fit the connection", words::segment(trigger))
        };
        unless_missed(
            passed,
            passed.missing.any(),
            Finding::when(foreign, what, &*fact.cite),
        )
    })
}

/// Its receiver does not take it: RFC 5961 §3.2.
pub fn ineffective(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let what = match passed.acceptable {
            Acceptable::Ignored => "its number is outside the receiver's window",
            Acceptable::Challenged => "its number is in the window and not exact: a challenge ACK answers it",
            Acceptable::Exact => "its number is the one expected",
            Acceptable::Unknown => "its number cannot be measured",
        };
        Finding::when(
            passed.after.went_on,
            format!("{what}; the connection went on"),
            &*fact.cite,
        )
    })
}

/// The segment that drew it bears an older timestamp than one before, or echoes none that was sent.
pub fn old_timestamp(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let old = passed
            .trigger
            .as_ref()
            .is_some_and(|trigger| trigger.old_timestamp);
        let what = if old {
            "its timestamps do not fit the earlier ones"
        } else {
            "its timestamps fit the earlier ones"
        };
        Finding::when(old, what, &*fact.cite)
    })
}

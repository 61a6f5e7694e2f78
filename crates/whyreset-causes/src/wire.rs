//! Questions that causes put to a reset which passed a capture point. What a header cannot tell is
//! not asked here. Refuses to know a cause.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::string::ToString as _;

use whyreset_evidence::{
    Acceptable, Certainty, Dossier, Fact, Finding, Flags, Half, Join, Passed, Reason, Segment, Shape, Side,
    Speaks, Stage, Teller,
};

use crate::cause::{Requirement, need};
use crate::{idle, words};

/// An end that retransmitted or probed this often, unanswered, was about to give up.
pub const GAVE_UP_AFTER: u32 = 3;
/// Keep-alive probes in vain before a reset.
pub const PROBED: u32 = 2;
/// A connection given up this soon was never used.
pub const SOON_MS: u64 = 2_000;
/// A silence that a timer may have ended.
const IDLE_MS: u64 = 5_000;
/// Connections that must have ended after one silence before they are a pattern.
const PATTERN: u32 = 3;

/// Refuses resets that another device sent than sends the ordinary segments of their name.
pub const NOT_FOREIGN: &[Requirement] = &[
    need(
        "something about the reset shows that its name did not send it",
        Certainty::Likely,
        foreign,
    ),
    need(
        "it came from another distance than its name's segments",
        Certainty::Likely,
        distant,
    ),
    need("the reset told another reason", Certainty::Likely, told_otherwise),
];

/// Asks the reset as it passed.
pub fn ask(dossier: &Dossier, ask: impl FnOnce(&Fact, &Passed) -> Finding) -> Finding {
    match dossier.passed() {
        Some((fact, passed)) => ask(fact, passed),
        None => Finding::absent("no reset passed", "frame"),
    }
}

fn flags(passed: &Passed) -> String {
    let header = &passed.header;
    let kind = if header.flags.has(Flags::ACK) {
        "RST and ACK"
    } else {
        "a bare RST"
    };
    format!("{kind}, window {}", header.window)
}

/// Whoever sent it had the connection: the numbers are its own.
pub fn active(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let what = match passed.shape {
            Shape::Active => format!("the reset bears the connection's own numbers ({})", flags(passed)),
            Shape::Reply => format!("the reset answers a segment ({})", flags(passed)),
            Shape::Refusal => "the reset refuses a SYN".to_owned(),
            Shape::Odd => format!("the reset fits no segment ({})", flags(passed)),
        };
        Finding::when(passed.shape == Shape::Active, what, &*fact.cite)
    })
}

/// The segment that drew a stateless answer.
pub fn drawn(dossier: &Dossier, then: impl FnOnce(&Fact, &Passed, &Segment) -> Finding) -> Finding {
    ask(dossier, |fact, passed| match (&passed.trigger, passed.shape) {
        (Some(trigger), Shape::Reply) => then(fact, passed, &trigger.segment),
        (None, Shape::Reply) => Finding::absent("what it answers was not captured", &*fact.cite),
        _ => Finding::absent(
            format!("the reset answers no segment ({})", flags(passed)),
            &*fact.cite,
        ),
    })
}

/// It answers something that belongs to an open connection: no SYN, no SYN-ACK.
pub fn drawn_within(dossier: &Dossier) -> Finding {
    drawn(dossier, |fact, _, trigger| {
        Finding::when(
            !trigger.flags.has(Flags::SYN),
            format!("the reset answers {}", words::segment(trigger)),
            &*fact.cite,
        )
    })
}

/// RST and ACK to a SYN.
pub fn refusal(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        Finding::when(
            passed.shape == Shape::Refusal,
            match passed.shape {
                Shape::Refusal => "a SYN was answered with RST and ACK",
                _ => "the reset answers no SYN",
            },
            &*fact.cite,
        )
    })
}

/// The connection was past its handshake.
pub fn was_open(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let open = matches!(passed.stage, Stage::Established | Stage::Closing | Stage::Closed);
        Finding::when(
            open,
            format!("the connection was {}", passed.stage.as_str()),
            &*fact.cite,
        )
    })
}

/// A sign that a host's own stack gives by accident only, or the capture at the name's own host
/// that shows that it sent none.
pub fn foreign(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        if passed.join == Join::NeverSent {
            return Finding::seen(
                "it arrived, and the host whose name it bears did not send it",
                &*fact.cite,
            );
        }
        match passed.signs.iter().find(|sign| sign.is_strong()) {
            Some(sign) => Finding::seen(sign.to_string(), &*fact.cite),
            None => Finding::absent("nothing about it is foreign to its name", &*fact.cite),
        }
    })
}

/// Nothing but its distance speaks against its name.
pub fn distant(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        match passed.signs.iter().find(|sign| sign.is_distance()) {
            Some(sign) => Finding::seen(sign.to_string(), &*fact.cite),
            None => Finding::absent("its distance is its name's", &*fact.cite),
        }
    })
}

/// The other end's own capture shows that it was never sent by its name.
pub fn never_sent(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| match &passed.join {
        Join::NeverSent => Finding::seen(
            "it arrived, and the host whose name it bears did not send it",
            &*fact.cite,
        ),
        Join::Alone => Finding::blind(
            "only one place was captured",
            "a capture at the host whose name it bears, read together with this one",
        ),
        Join::Undecided(why) => Finding::blind(why.clone(), "a capture without losses at both ends"),
        Join::SentAndArrived | Join::NeverArrived | Join::Changed(_) => {
            Finding::absent("the host whose name it bears sent it", &*fact.cite)
        }
    })
}

/// The packet itself gives a reason.
pub fn told(dossier: &Dossier, wanted: impl Fn(Teller, Reason) -> bool) -> Finding {
    ask(dossier, |fact, passed| match &passed.told {
        Some(told) if wanted(told.by, told.reason) => {
            Finding::seen(format!("{} says: {}", teller(told.by), told.text), &*fact.cite)
        }
        Some(told) => Finding::absent(format!("{} says: {}", teller(told.by), told.text), &*fact.cite),
        None => Finding::absent("the reset bears no reason", &*fact.cite),
    })
}

fn told_otherwise(dossier: &Dossier) -> Finding {
    told(dossier, |by, _| by != Teller::Text)
}

/// Who writes so, in words.
pub const fn teller(by: Teller) -> &'static str {
    match by {
        Teller::NetScaler => "the window, a NetScaler's code,",
        Teller::F5 => "the payload, a BIG-IP's text,",
        Teller::Diagnostic => "the diagnostic payload",
        Teller::Mptcp => "the MP_TCPRST option",
        Teller::MptcpFastclose => "the MP_FASTCLOSE option",
        Teller::Text => "the payload",
    }
}

/// Asks the end in whose name the reset came.
pub fn own(dossier: &Dossier, then: impl FnOnce(&Half) -> (bool, String)) -> Finding {
    ask(dossier, |fact, passed| {
        let (holds, what) = then(&passed.own);
        Finding::when(holds, what, &*fact.cite)
    })
}

/// Asks the end for which the reset was.
pub fn other(dossier: &Dossier, then: impl FnOnce(&Half) -> (bool, String)) -> Finding {
    ask(dossier, |fact, passed| {
        let (holds, what) = then(&passed.other);
        Finding::when(holds, what, &*fact.cite)
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

/// The other end had sent data that the sender did not answer with data of its own.
pub fn data_last_from_other(dossier: &Dossier) -> Finding {
    let (name, other_name) = (words::sender(dossier), words::receiver(dossier));
    other(dossier, |half| match half.unanswered {
        0 => (false, format!("{name} had answered all that {other_name} sent")),
        bytes => (
            true,
            format!(
                "{name} had sent nothing after the last {} of {other_name}",
                words::counted(bytes, "byte")
            ),
        ),
    })
}

/// The sender had repeated data in vain.
pub fn retransmitted_in_vain(dossier: &Dossier) -> Finding {
    let name = words::sender(dossier);
    own(dossier, |half| {
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

/// The sender had probed in vain.
pub fn probed_in_vain(dossier: &Dossier) -> Finding {
    let name = words::sender(dossier);
    own(dossier, |half| {
        (
            half.probes >= PROBED,
            match half.probes {
                0 => format!("{name} had sent no keep-alive probe"),
                n => format!(
                    "{} of {name} had stayed unanswered",
                    words::counted(n.into(), "keep-alive probe")
                ),
            },
        )
    })
}

/// Nothing had passed for long, and this silence ended others too or is a known default.
pub fn silence_is_a_timer(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        if let Some(alike) = passed.silence.filter(|alike| alike.count >= PATTERN) {
            return Finding::seen(
                format!(
                    "{} of {} resets came after {} of silence (+- {}){}",
                    alike.count,
                    alike.of,
                    words::span_ms(alike.silence_ms),
                    words::span_ms(alike.spread_ms),
                    idle::known(alike.silence_ms)
                ),
                &*fact.cite,
            );
        }
        let known = idle::known(passed.silence_ms);
        Finding::when(
            passed.silence_ms >= IDLE_MS && !known.is_empty(),
            format!(
                "nothing had passed for {}{known}",
                words::span_ms(passed.silence_ms)
            ),
            &*fact.cite,
        )
    })
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
        Finding::when(foreign, what, &*fact.cite)
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

/// The two ends speak different protocols.
pub fn protocols_differ(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let server_port = dossier.flow.server.port();
        let (own, other) = (passed.own.speaks, passed.other.speaks);
        let client = match dossier.from() {
            Some(Side::Client) => own,
            _ => other,
        };
        match (own, other) {
            (Some(one), Some(two)) if one.protocol() != two.protocol() => Finding::seen(
                format!(
                    "{} speaks {}, {} speaks {}",
                    words::sender(dossier),
                    one.protocol(),
                    words::receiver(dossier),
                    two.protocol()
                ),
                &*fact.cite,
            ),
            _ => match client.and_then(|speaks| expected(server_port, speaks)) {
                Some(expected) if own.is_none() || other.is_none() => Finding::seen(
                    format!(
                        "the client speaks {} to port {server_port}, where {expected} is expected",
                        client.map_or("nothing", Speaks::protocol)
                    ),
                    &*fact.cite,
                ),
                _ => Finding::absent("the two ends speak one protocol, as far as was seen", &*fact.cite),
            },
        }
    })
}

/// What a well-known port expects, where the client's first bytes are something else.
fn expected(port: u16, client: Speaks) -> Option<&'static str> {
    let expected = expects(port)?;
    // HTTP/2 without TLS begins with a preface of its own.
    let spoken = client.protocol();
    (spoken != expected && !(expected == "HTTP" && spoken == "HTTP/2")).then_some(expected)
}

/// What a well-known port expects.
pub const fn expects(port: u16) -> Option<&'static str> {
    Some(match port {
        443 | 8443 | 993 | 995 | 465 | 636 | 5671 | 8883 => "TLS",
        80 | 8080 => "HTTP",
        22 => "SSH",
        6379 => "Redis",
        5432 => "PostgreSQL",
        3306 => "MySQL",
        _ => return None,
    })
}

/// The late segment is a TLS goodbye.
pub fn late_alert(dossier: &Dossier) -> Finding {
    drawn(dossier, |fact, passed, trigger| {
        let alert = passed.other.alert && trigger.len > 0;
        let what = if alert {
            "the late segment is a TLS alert record (close_notify)"
        } else {
            "the late segment is no TLS alert"
        };
        Finding::when(alert, what, &*fact.cite)
    })
}

/// It answers only the end of a connection that both had closed.
pub fn after_both_fins(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let over = passed.own.fin_ago_ms.is_some() && passed.other.fin_ago_ms.is_some();
        let empty = passed
            .trigger
            .as_ref()
            .is_none_or(|trigger| trigger.segment.len == 0);
        Finding::when(
            over && empty && passed.own.unacked <= 1 && passed.other.unacked <= 1,
            "both ends had closed, and all data had arrived",
            &*fact.cite,
        )
    })
}

/// The server had answered while the request was still coming in.
pub fn answered_early(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let status = match passed.own.speaks {
            Some(Speaks::HttpResponse(status)) => format!(" ({status})"),
            _ => String::new(),
        };
        let holds = dossier.from() == Some(Side::Server)
            && passed.own.bytes > 0
            && passed.other.bytes >= crate::pattern::UPLOAD
            && passed.other.unanswered > 0;
        Finding::when(
            holds,
            format!(
                "the server had answered with {}{status}, and more of the request came after that",
                words::counted(passed.own.bytes, "byte")
            ),
            &*fact.cite,
        )
    })
}

/// The client went away in the middle of the answer.
pub fn client_left(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        Finding::when(
            dossier.from() == Some(Side::Client) && passed.other.unanswered > 0 && passed.own.bytes > 0,
            format!(
                "the server was answering: {} had come",
                words::counted(passed.other.bytes, "byte")
            ),
            &*fact.cite,
        )
    })
}

/// The client opened the connection and used it for nothing.
pub fn opened_unused(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let soon = passed.age_ms.is_some_and(|age| age <= SOON_MS);
        Finding::when(
            dossier.from() == Some(Side::Client) && passed.own.bytes == 0 && passed.other.bytes == 0 && soon,
            "the client opened the connection and dropped it unused",
            &*fact.cite,
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

/// A SYN-ACK that took this long found a client that may have given up.
pub const LATE_SYN_ACK_MS: u64 = 900;

/// Refuses an abort where a timer, a box or another protocol explains it better.
pub const ABORTED_OTHERWISE: &[Requirement] = &[
    need(
        "something about the reset shows that its name did not send it",
        Certainty::Likely,
        foreign,
    ),
    need(
        "it came from another distance than its name's segments",
        Certainty::Likely,
        distant,
    ),
    need("the reset told another reason", Certainty::Likely, told_otherwise),
    need(
        "its keep-alive probes had stayed unanswered",
        Certainty::Likely,
        probed_in_vain,
    ),
    need(
        "it had retransmitted in vain",
        Certainty::Likely,
        retransmitted_in_vain,
    ),
];

/// A SYN-ACK that came before a client gives up.
pub fn prompt_syn_ack(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let waited = passed.age_ms.unwrap_or(0);
        Finding::when(
            passed.own.syn_repeats == 0 && waited < LATE_SYN_ACK_MS,
            format!("the SYN-ACK came {} after the SYN", words::span_ms(waited)),
            &*fact.cite,
        )
    })
}

/// The server had sent its SYN-ACK and acknowledged nothing since.
pub fn never_past_its_handshake(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let (own, other) = (&passed.own, &passed.other);
        let nothing =
            own.opened && own.bytes == 0 && own.fin_ago_ms.is_none() && other.unacked >= other.bytes;
        let server = dossier.from() == Some(Side::Server);
        Finding::when(
            server && nothing && !passed.own_acked_beyond,
            if server && nothing && !passed.own_acked_beyond {
                "the server had acknowledged nothing after its SYN-ACK"
            } else {
                "the sender had taken part in the connection"
            },
            &*fact.cite,
        )
    })
}

/// A bare reset without a window, or the refusal of a SYN: whoever made it keeps no state.
pub fn stateless(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let holds = matches!(passed.shape, Shape::Reply | Shape::Refusal);
        let what = if holds {
            "whoever made it kept no state of the connection"
        } else {
            "whoever made it knew the connection"
        };
        Finding::when(holds, what, &*fact.cite)
    })
}

/// Another distance, a number where a host has none, a policy named, or a capture at its name.
pub fn not_made_by_its_name(dossier: &Dossier) -> Finding {
    let policy = |_, reason| reason == Reason::Policy;
    let numbered = ask(dossier, |fact, passed| {
        let sign = passed
            .signs
            .iter()
            .find(|sign| matches!(sign, whyreset_evidence::Sign::RefusalWithNumber(_)));
        match sign {
            Some(sign) => Finding::seen(sign.to_string(), &*fact.cite),
            None => Finding::absent("nothing about it is foreign to its name", &*fact.cite),
        }
    });
    [
        distant(dossier),
        numbered.clone(),
        told(dossier, policy),
        never_sent(dossier),
    ]
    .into_iter()
    .find(Finding::is_seen)
    .unwrap_or(numbered)
}

/// It repeats the packet it saw, guesses numbers or sets bits that no filter's answer has.
pub fn copies_or_guesses(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        match passed.signs.iter().find(|sign| sign.is_strong()) {
            Some(sign) => Finding::seen(sign.to_string(), &*fact.cite),
            None => Finding::absent("nothing about it is foreign to a filter's answer", &*fact.cite),
        }
    })
}

/// Its name did not send it: a strong sign, an active reset from another distance, or a capture at
/// its name.
pub fn forged(dossier: &Dossier) -> Finding {
    match foreign(dossier) {
        seen @ Finding::Seen { .. } => seen,
        absent => match (distant(dossier), stateless(dossier)) {
            (seen @ Finding::Seen { .. }, Finding::Absent { .. }) => seen,
            _ => absent,
        },
    }
}

/// What a filter's rule makes, and nothing more.
pub fn only_a_filter(dossier: &Dossier) -> Finding {
    match (copies_or_guesses(dossier), stateless(dossier)) {
        (Finding::Absent { .. }, seen @ Finding::Seen { .. }) => seen,
        (other, _) => Finding::absent(other.text().to_owned(), "frame"),
    }
}

/// The client answered a SYN-ACK with a reset.
pub fn syn_ack_was_reset(dossier: &Dossier) -> Finding {
    drawn(dossier, |fact, _, trigger| {
        Finding::when(
            trigger.flags.is_syn_ack() && dossier.from() == Some(Side::Client),
            format!("the reset answers {}", words::segment(trigger)),
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

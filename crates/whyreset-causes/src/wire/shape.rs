//! What kind of reset it is by its header, what it answers, and how far the connection had come.
//! Refuses to say who sent it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Dossier, Fact, Finding, Flags, Passed, Reason, Segment, Shape, Side, Stage};

use super::{ask, own, told, unless_missed};
use crate::words;

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
        let open = match passed.stage {
            Stage::Established | Stage::Closing | Stage::Closed => true,
            // A client that aborts after the SYN-ACK leaves its own ACK out.
            Stage::Handshake => passed.shape == Shape::Active && passed.other.opened && passed.own.opened,
            Stage::Unknown => false,
        };
        Finding::when(
            open,
            format!("the connection was {}", passed.stage.as_str()),
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
        let finding = Finding::when(
            server && nothing && !passed.own_acked_beyond,
            if server && nothing && !passed.own_acked_beyond {
                "the server had acknowledged nothing after its SYN-ACK"
            } else {
                "the sender had taken part in the connection"
            },
            &*fact.cite,
        );
        unless_missed(passed, passed.missing.any(), finding)
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

/// The segment that drew it, where it is an answer.
pub fn trigger_captured(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| match &passed.trigger {
        Some(trigger) => Finding::seen(
            format!("it answers {}", words::segment(&trigger.segment)),
            &*fact.cite,
        ),
        None => Finding::blind(
            "what it answers was not captured",
            "a capture without losses, of both directions",
        ),
    })
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

/// A client whose kernel made the SYN: it bears the options of a connect().
pub fn by_connect(dossier: &Dossier) -> Finding {
    if dossier.passed().is_some_and(|(_, passed)| !passed.own.opened) {
        return Finding::blind(
            "its SYN was not captured",
            "a capture from the beginning of the connection",
        );
    }
    let cut = dossier
        .passed()
        .is_some_and(|(_, passed)| passed.own.syn_cut && !passed.own.full_syn);
    if cut {
        return Finding::blind(
            "the options of its SYN were cut off by the capture",
            "a capture with a larger snaplen (`tcpdump -s 0`)",
        );
    }
    own(dossier, |half| {
        let what = if half.full_syn {
            "its SYN bears the options that a connect() sets"
        } else {
            "its SYN bears no options of a connect()"
        };
        (half.full_syn, what.to_owned())
    })
}

/// A client whose SYN no connect() made.
pub fn not_by_connect(dossier: &Dossier) -> Finding {
    match by_connect(dossier) {
        Finding::Seen { what, cite } => Finding::absent(what, cite),
        Finding::Absent { what, cite } => Finding::seen(what, cite),
        blind @ Finding::Blind { .. } => blind,
    }
}

/// A handshake that never came to its end, unless a box says that it knows no such connection.
pub fn lost_in_its_handshake(dossier: &Dossier) -> Finding {
    match told(dossier, |_, reason| reason == Reason::Stray) {
        Finding::Seen { what, cite } => Finding::absent(what, cite),
        _ => never_past_its_handshake(dossier),
    }
}

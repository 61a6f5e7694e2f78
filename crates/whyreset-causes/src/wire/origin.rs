//! Whether its name sent it: foreign signs, distance, and what other captures saw. Refuses to take one
//! sign for two.

use alloc::borrow::ToOwned;
use alloc::string::ToString as _;

use whyreset_evidence::{
    Certainty, Dossier, Finding, Flags, Join, Passed, Reason, Shape, Side, Sign, Stage, Trigger, Way, hops,
};

use super::{
    ask, never_accepted, probed_in_vain, retransmitted_in_vain, stateless, told, told_otherwise,
    unless_missed,
};
use crate::cause::{Requirement, need};
use crate::{filter, words};
use alloc::format;

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

/// Refuses also refusals that no host makes.
pub const NOT_A_BOX: &[Requirement] = &[
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
        "it refuses with a number where a host has none",
        Certainty::Likely,
        numbered,
    ),
    need(
        "the port takes other connections",
        Certainty::Likely,
        port_answers,
    ),
];

/// A sign that a host's own stack gives by accident only, or a capture that shows that its name sent
/// none.
pub fn foreign(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        if passed.join == Join::NeverSent {
            return Finding::seen(
                "it arrived, and the host whose name it bears did not send it",
                &*fact.cite,
            );
        }
        if passed.way == Way::MadeHere {
            return made_here(dossier);
        }
        match passed.signs.iter().find(|sign| sign.is_strong()) {
            Some(sign) => Finding::seen(sign.to_string(), &*fact.cite),
            None => Finding::absent("nothing about it is foreign to its name", &*fact.cite),
        }
    })
}

/// The captured box itself made it in the name of another host.
pub fn made_here(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let name = words::sender(dossier);
        let what = match passed.way {
            Way::MadeHere => {
                format!("it left this very box and had not come in, where {name}'s segments come in")
            }
            Way::Came => "it had come in from elsewhere".to_owned(),
            Way::Left | Way::Untold => "nothing shows that the captured box made it".to_owned(),
        };
        unless_missed(
            passed,
            passed.missing.lost > 0,
            Finding::when(passed.way == Way::MadeHere, what, &*fact.cite),
        )
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
        Join::Translated => Finding::absent(
            "its name is a box's that translates: no other host could have sent it",
            &*fact.cite,
        ),
        // Whoever forges it on that host, or before its capture, passes there too.
        Join::SentAndArrived | Join::NeverArrived | Join::Changed(_) => Finding::blind(
            "it passed the capture at its name too, whoever made it",
            "whyreset watch on that host",
        ),
    })
}

/// Resets with numbers that guess ahead, which a capture does not lose one and all.
const MANY: u32 = 4;

/// So many that a capture at their name would have some, had it sent them.
pub fn many_guesses(passed: &Passed) -> Option<u32> {
    passed.signs.iter().find_map(|sign| match sign {
        Sign::Guesses(count) if *count >= MANY => Some(*count),
        _ => None,
    })
}

/// At its own place its name went on as if it had sent none, or sent none of many: a capture that only
/// lost the reset there shows an end that fell silent.
pub fn name_went_on(dossier: &Dossier) -> Finding {
    let name = words::sender(dossier);
    ask(dossier, |fact, passed| {
        match (&passed.join, passed.name_went_on) {
            (Join::NeverSent, true) => Finding::seen(
                format!("{name} went on in its own capture as if there had been no reset"),
                &*fact.cite,
            ),
            (Join::NeverSent, false) if let Some(count) = many_guesses(passed) => Finding::seen(
                format!("{count} such resets arrived, and {name} sent none of them in its own capture"),
                &*fact.cite,
            ),
            (Join::NeverSent, false) => Finding::blind(
                format!(
                    "{name} sent nothing more in its own capture, as one that had reset: only the reset may be missing there"
                ),
                "a capture without losses at both ends",
            ),
            _ => Finding::blind(
                "no capture at the end whose name it bears tells more",
                "a capture at the host whose name it bears, read together with this one",
            ),
        }
    })
}

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

/// Refuses also what stood for long on a server that never spoke.
pub const NOT_A_LINGER: &[Requirement] = &[
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
    need(
        "the server had never accepted it",
        Certainty::Likely,
        never_accepted,
    ),
];

/// Another distance, a number where a host has none, a policy named, or a capture at its name.
pub fn not_made_by_its_name(dossier: &Dossier) -> Finding {
    let numbered = numbered(dossier);
    let policy = told(dossier, |_, reason| reason == Reason::Policy);
    let made_here = made_here(dossier);
    let proofs = [
        filter::dropped_here(dossier),
        made_here.clone(),
        distant(dossier),
        numbered.clone(),
        policy,
        never_sent(dossier),
    ];
    proofs
        .into_iter()
        .find(Finding::is_seen)
        .or_else(|| matches!(made_here, Finding::Blind { .. }).then_some(made_here))
        .or_else(|| a_rule_fits_best(dossier))
        .unwrap_or(numbered)
}

/// Its name had just taken part and said no goodbye, or its port takes connections: nothing but a
/// rule on its own host fits well, and nothing on the wire proves one.
fn a_rule_fits_best(dossier: &Dossier) -> Option<Finding> {
    let (fact, passed) = dossier.passed()?;
    let name = words::sender(dossier);
    if fits_no_number(passed) {
        return Some(Finding::absent(
            "what it answers fits none of the connection's numbers: of all rules only one against what is invalid would do that",
            &*fact.cite,
        ));
    }
    let what = if was_just_there(passed) {
        let ago = passed.own.last_ago_ms.unwrap_or_default();
        format!(
            "{name} had taken part {} before and said no goodbye",
            words::span_ms(ago)
        )
    } else if passed.shape == Shape::Refusal && passed.port_answers {
        "the port took connections shortly before and after".to_owned()
    } else {
        return None;
    };
    Some(Finding::blind(
        format!("{what}: a rule on that host fits best, and no packet proves it"),
        "whyreset watch on that host, or the counters of its rules",
    ))
}

/// A moment, for a host to forget a connection in: it takes longer to start again.
pub const MOMENT_MS: u64 = 1_000;

/// Whether its name had sent a segment of the open connection a moment before, from the same
/// device, and no FIN.
pub fn was_just_there(passed: &Passed) -> bool {
    // Who has only sent may never have been sent to under this address: a box between translates.
    let left_its_host = passed.way == Way::Left || passed.join == Join::SentAndArrived;
    passed.own.last_ago_ms.is_some_and(|ago| ago < MOMENT_MS)
        && passed.other_device != Some(true)
        && passed.own.fin_ago_ms.is_none()
        && passed.shape == Shape::Reply
        && passed.stage == Stage::Established
        && (passed.own_acked_beyond || passed.own.bytes > 0 && left_its_host)
}

/// What drew it fits none of the numbers of a connection in which its name had just taken part: a kernel
/// that has the connection acknowledges such a segment again, and connection tracking calls it invalid.
pub fn fits_no_number(passed: &Passed) -> bool {
    let foreign = |trigger: &Trigger| trigger.foreign_numbers && !trigger.segment.flags.has(Flags::SYN);
    was_just_there(passed) && passed.trigger.as_ref().is_some_and(foreign) && !passed.missing.any()
}

/// The finding of [`was_just_there`].
pub fn just_there(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let name = words::sender(dossier);
        let what = match (passed.own.last_ago_ms, passed.other_device) {
            (_, Some(true)) => format!("{name}'s segments had come from another device"),
            (Some(ago), _) => format!("{name} had last sent {} before", words::span_ms(ago)),
            (None, _) => format!("{name} had sent nothing that was captured"),
        };
        let finding = Finding::when(was_just_there(passed), what, &*fact.cite);
        unless_missed(passed, passed.missing.any(), finding)
    })
}

/// The port takes connections: it is no closed one.
pub fn port_answers(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let what = if passed.port_answers {
            "the same port took a connection shortly before and another one after"
        } else {
            "the port took no connection shortly before and after"
        };
        Finding::when(passed.port_answers, what, &*fact.cite)
    })
}

/// It refuses a SYN with a number, which no host does and boxes do.
pub fn numbered(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let sign = passed
            .signs
            .iter()
            .find(|sign| matches!(sign, Sign::RefusalWithNumber(_)));
        match sign {
            Some(sign) => Finding::seen(sign.to_string(), &*fact.cite),
            None => Finding::absent("nothing about it is foreign to its name", &*fact.cite),
        }
    })
}

/// It repeats the packet it saw, guesses numbers or sets bits that no filter's answer has. A box
/// that refuses a SYN with a number of its own copies the window too, and stands where routers do.
pub fn copies_or_guesses(dossier: &Dossier) -> Finding {
    let of_a_box = numbered(dossier).is_seen();
    ask(dossier, |fact, passed| {
        let mut strong = passed.signs.iter().filter(|sign| {
            sign.is_strong() && !(of_a_box && matches!(sign, Sign::MirroredWindow(_) | Sign::IcmpBeside))
        });
        match strong.next() {
            Some(sign) => Finding::seen(sign.to_string(), &*fact.cite),
            None if passed.shape == Shape::Reply
                && passed.header.window != 0
                && distant(dossier).is_seen() =>
            {
                Finding::seen(
                    "it comes from elsewhere, and a filter's answer has no window",
                    &*fact.cite,
                )
            }
            None => Finding::absent("nothing about it is foreign to a filter's answer", &*fact.cite),
        }
    })
}

/// Its name did not send it: a strong sign, an active reset from another distance, or a capture at
/// its name.
pub fn forged(dossier: &Dossier) -> Finding {
    match copies_or_guesses(dossier) {
        seen @ Finding::Seen { .. } => seen,
        absent if foreign(dossier).is_seen() && !numbered(dossier).is_seen() => {
            let Finding::Absent { cite, .. } = absent else {
                return absent;
            };
            Finding::seen(foreign(dossier).text(), cite)
        }
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

/// Its distance is smaller than that of its name's segments.
pub fn comes_from_nearer(passed: &Passed) -> bool {
    passed.signs.iter().any(|sign| match sign {
        Sign::OtherDistance { ttl, usual } => hops(*ttl) < hops(usual.0).min(hops(usual.1)),
        _ => false,
    })
}

/// What drew it would have been the next segment of another connection of the same port, or of the
/// same connection under the address that it should have been given.
pub fn translation_missing(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let (name, other) = (words::sender(dossier), words::receiver(dossier));
        let nearer = passed.shape == Shape::Reply && comes_from_nearer(passed);
        let is_a_name = format!("{name} is an address that another host's is translated to");
        if passed.join == Join::Translated && passed.shape == Shape::Reply {
            return Finding::seen(
                format!("{is_a_name}, and that host neither got what {other} sent nor sent the reset"),
                &*fact.cite,
            );
        }
        if passed.translated && nearer {
            return Finding::seen(
                format!("{is_a_name}, and the reset comes from nearer than that host"),
                &*fact.cite,
            );
        }
        let of_client = dossier.from() == Some(Side::Client);
        if nearer && of_client && passed.stage == Stage::Established && !passed.untranslated {
            return Finding::blind(
                format!(
                    "the reset comes from nearer than {name}, as from a box that translates its address and forgot that"
                ),
                "a capture at the client, or at the box, read together with this one",
            );
        }
        if fits_no_number(passed) && !passed.untranslated {
            return Finding::blind(
                format!(
                    "{name} had just taken part, and what drew it fits none of the connection's numbers: such a segment is invalid to connection tracking, which does not translate it"
                ),
                format!(
                    "a capture at {name}, or at the box between, read together with this one; `conntrack -S` (invalid) there"
                ),
            );
        }
        let what = if passed.untranslated {
            "what drew it is, by its numbers, the next segment of a connection with another address, and was not translated to it"
        } else {
            "what drew it belongs to no other connection that was captured"
        };
        Finding::when(passed.untranslated, what, &*fact.cite)
    })
}

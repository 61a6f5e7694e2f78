use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Certainty, Dossier, Finding, Party};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::{ask, filter, wire, words};

pub static FIREWALL_REJECT: Cause = Cause {
    id: "firewall-reject",
    group: Group::Between,
    summary: "a packet filter's rule rejected a segment with a reset in the other end's name",
    kernel: &[],
    party: Party::Firewall,
    from: From::Between,
    accuse: Accuse::Nobody,
    at_most: Certainty::Certain,
    requires: &[
        need(
            "a reset came in an end's name that its own kernel was not seen to send",
            Certainty::Possible,
            not_from_the_end,
        ),
        need(
            "a packet filter dropped a segment of the connection right then",
            Certainty::Possible,
            filter::intervened,
        ),
        need(
            "a rule that answers with a reset met the segment",
            Certainty::Likely,
            filter::by_a_rule,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let name = words::sender(dossier);
        if filter::dropped(dossier).is_some() {
            rejected_here(dossier)
        } else {
            format!("a packet filter's rule may have made the reset in {name}'s name")
        }
    },
    situations: &[],
    wire: Some(Rules {
        at_most: Certainty::Likely,
        requires: &[
            need(
                "it has the shape of a stateless answer",
                Certainty::Possible,
                wire::stateless,
            ),
            need(
                "it answers a segment",
                Certainty::Possible,
                wire::trigger_captured,
            ),
            need(
                "it was not made by its name",
                Certainty::Possible,
                wire::not_made_by_its_name,
            ),
        ],
        excludes: &[
            need(
                "the client answered a SYN-ACK with a reset",
                Certainty::Likely,
                wire::syn_ack_was_reset,
            ),
            need(
                "something about it is foreign to any host and filter",
                Certainty::Likely,
                wire::copies_or_guesses,
            ),
            need(
                "a translation between the two ends was missing",
                Certainty::Possible,
                wire::translation_missing,
            ),
        ],
        explains: &[],
        sentence: |dossier| {
            let name = words::sender(dossier);
            if filter::dropped_here(dossier).is_seen() {
                return rejected_here(dossier);
            }
            if wire::made_here(dossier).is_seen() {
                return format!(
                    "the captured box itself rejected the connection in {name}'s name: a rule of its own"
                );
            }
            if wire::just_there(dossier).is_seen()
                && !wire::foreign(dossier).is_seen()
                && !wire::distant(dossier).is_seen()
            {
                return format!(
                    "a rule on {name}'s host most likely rejected the connection in its name; another host that has just taken its address over would look the same"
                );
            }
            format!(
                "something before {name} rejected the connection in its name: a rule that answers with a reset"
            )
        },
        situations: &[],
    }),
    text: include_str!("firewall_reject.md"),
};

/// What this host's own packet filter rejected, and by which rule, where that is known.
fn rejected_here(dossier: &Dossier) -> String {
    let name = words::sender(dossier);
    let what = dossier
        .drops()
        .next()
        .map_or("a segment".to_owned(), |(_, drop)| words::payload(&drop.segment));
    let rule = dossier.ruled().and_then(|(_, ruled)| ruled.the_one());
    let which = rule.map_or(String::new(), |rule| format!(": {}", rule.text));
    format!(
        "a packet filter on this host rejected {what} of this connection with a reset in {name}'s name{which}"
    )
}

fn not_from_the_end(dossier: &Dossier) -> Finding {
    match dossier.received() {
        None => Finding::absent("no reset was received and accepted", "kernel:tcp_receive_reset"),
        Some((fact, _)) => match (dossier.sent(), dossier.from()) {
            (None, Some(side)) => Finding::seen(
                format!("a reset came in the {side}'s name, and no kernel was seen to send it"),
                &*fact.cite,
            ),
            (Some(_), Some(side)) => {
                Finding::absent(format!("the {side}'s own kernel sent the reset"), &*fact.cite)
            }
            (_, None) => ask::no_reset(),
        },
    }
}

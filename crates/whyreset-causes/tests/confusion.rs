//! No verdict accuses wrongly: not on a whole dossier, and not on what is left of it when facts
//! are missing, reasons are not given, or one of the two ends is out of sight.

use std::collections::BTreeMap;

use whyreset_causes::{CATALOG, Page, UNKNOWN, find, judge};
use whyreset_evidence::{Certainty, Dossier, Side, What};

/// A case and the cause that is the truth of it.
struct Truth {
    place: String,
    cause: &'static str,
    /// How the truth came about, where the truth says why: naming that is not wrong.
    mechanism: Option<&'static str>,
    dossier: Dossier,
}

fn truths() -> Vec<Truth> {
    let causes = CATALOG.iter().copied().chain([&UNKNOWN]);
    causes
        .flat_map(|cause| Page::of(cause).cases().into_iter().map(move |case| (cause, case)))
        .map(|(cause, case)| {
            let declared = case.expects("verdict").unwrap();
            let truth = if declared.starts_with('!') {
                case.expects("then").unwrap()
            } else {
                declared
            };
            Truth {
                place: format!("{}.md line {}", cause.id, case.line),
                cause: truth,
                mechanism: case.expects("mechanism"),
                dossier: case.dossier().unwrap(),
            }
        })
        .collect()
}

/// Whether a certain `verdict` accuses wrongly where `truth` is so. Where the facts that prove
/// why are missing, to name how is right as far as it goes.
fn accuses_wrongly(truth: &Truth, verdict: &str) -> bool {
    let explained = find(truth.cause).is_some_and(|cause| cause.explains.contains(&verdict));
    verdict != truth.cause && truth.mechanism != Some(verdict) && !explained
}

#[test]
fn every_case_gets_its_truth() {
    let mut matrix: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for truth in truths() {
        let verdict = judge(&truth.dossier).cause.id;
        matrix
            .entry((truth.cause, verdict))
            .or_default()
            .push(truth.place);
    }
    let rows: Vec<String> = matrix
        .iter()
        .map(|((truth, verdict), places)| {
            let mark = if truth == verdict { "" } else { "   WRONG: " };
            let wrong = if truth == verdict {
                String::new()
            } else {
                places.join(", ")
            };
            format!("{truth:24} {verdict:24} {:3}{mark}{wrong}", places.len())
        })
        .collect();
    assert!(
        matrix.keys().all(|(truth, verdict)| truth == verdict),
        "truth                    verdict                  cases\n{}",
        rows.join("\n")
    );
}

#[test]
fn a_certain_verdict_rests_on_the_decisive_fact() {
    for truth in truths() {
        let verdict = judge(&truth.dossier);
        if verdict.cause.certainty == Certainty::Certain {
            let dossier = &truth.dossier;
            let sent = dossier.sent().is_some() || !dossier.has_reset();
            // A packet filter's reset is no kernel event: the rule and what it dropped stand for it.
            let ruled = dossier.ruled().and_then(|(_, ruled)| ruled.the_one());
            let rejected = ruled.is_some() && dossier.drops().next().is_some();
            assert!(sent || rejected, "{}: certain without its sender", truth.place);
        }
    }
}

/// Judges what is left of every case after each of `losses`, and lists the wrong accusations.
fn hold_against(losses: impl Fn(&Dossier) -> Vec<(String, Dossier)>) {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for truth in truths() {
        for (loss, dossier) in losses(&truth.dossier) {
            // Where no reset is left, what remains is another event with a truth of its own: a
            // connect() that timed out is that, whatever drew a reset later.
            if truth.dossier.has_reset() && !dossier.has_reset() {
                continue;
            }
            tried += 1;
            let verdict = judge(&dossier).cause;
            if verdict.certainty == Certainty::Certain && accuses_wrongly(&truth, verdict.id) {
                wrong.push(format!(
                    "{} is {}, {loss} makes it {}",
                    truth.place, truth.cause, verdict.id
                ));
            }
        }
    }
    assert!(tried > 0);
    assert!(
        wrong.is_empty(),
        "{} of {tried} accuse wrongly:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_missing_fact_never_makes_another_cause_certain() {
    hold_against(|dossier| {
        (0..dossier.facts.len())
            .map(|index| {
                let mut less = dossier.clone();
                let gone = less.facts.remove(index);
                (format!("without `{}`", gone.cite), less)
            })
            .collect()
    });
}

#[test]
fn two_missing_facts_never_make_another_cause_certain() {
    hold_against(|dossier| {
        let all = dossier.facts.len();
        let pairs = (0..all).flat_map(|one| (one + 1..all).map(move |other| (one, other)));
        pairs
            .map(|(one, other)| {
                let mut less = dossier.clone();
                less.facts.remove(other);
                less.facts.remove(one);
                (format!("without facts {one} and {other}"), less)
            })
            .collect()
    });
}

#[test]
fn a_kernel_without_reasons_never_makes_another_cause_certain() {
    hold_against(|dossier| {
        let mut mute = dossier.clone();
        for fact in &mut mute.facts {
            if let What::Sent(sent) = &mut fact.what {
                sent.reason = None;
            }
        }
        let mut nameless = mute.clone();
        for fact in &mut nameless.facts {
            match &mut fact.what {
                What::Sent(sent) => sent.actor = None,
                What::Ended(ended) => ended.by = None,
                _ => {}
            }
        }
        vec![
            ("no reason".to_owned(), mute),
            ("no reason and no process".to_owned(), nameless),
        ]
    });
}

/// An old kernel reports no reset that answers a segment without a full socket.
#[test]
fn a_kernel_without_reply_resets_never_makes_another_cause_certain() {
    hold_against(|dossier| {
        let mut old = dossier.clone();
        (old.coverage.reply_resets, old.coverage.drops) = (false, false);
        old.facts.retain(|fact| match &fact.what {
            What::Sent(sent) => sent.trigger.is_none(),
            What::Drop(_) => false,
            _ => true,
        });
        vec![("an old kernel".to_owned(), old)]
    });
}

#[test]
fn one_end_alone_never_makes_another_cause_certain() {
    hold_against(|dossier| {
        [Side::Client, Side::Server]
            .into_iter()
            .map(|side| {
                let mut one = dossier.clone();
                one.coverage.client &= side == Side::Client;
                one.coverage.server &= side == Side::Server;
                one.facts.retain(|fact| fact.side == Some(side));
                (format!("only the {side}'s end"), one)
            })
            .collect()
    });
}

#[test]
fn lost_events_and_a_young_watch_never_make_another_cause_certain() {
    hold_against(|dossier| {
        let mut lossy = dossier.clone();
        lossy.coverage.lost = 5;
        let mut young = dossier.clone();
        young.coverage.since = young.time();
        vec![
            ("lost events".to_owned(), lossy),
            ("a young watch".to_owned(), young),
        ]
    });
}

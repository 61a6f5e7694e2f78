//! What lines may change, and what no line may: forged ones accuse nobody.

use std::vec::Vec;

use whyreset_evidence::{Certainty, Claim, Dossier, Fact, Logged, Tie, Verdict, What, parse_dossier};

use super::EVERYDAY;
use crate::{CATALOG, Page, find, judge};

/// Every page's cases, as they are judged without a log.
fn cases() -> Vec<(Dossier, Verdict)> {
    CATALOG
        .iter()
        .flat_map(|cause| Page::of(cause).cases())
        .filter_map(|case| parse_dossier(case.facts).ok())
        .map(|dossier| {
            let verdict = judge(&dossier);
            (dossier, verdict)
        })
        .collect()
}

fn with(dossier: &Dossier, tie: Tie, claim: Option<Claim>) -> Dossier {
    let mut dossier = dossier.clone();
    dossier.facts.push(Fact {
        at: dossier.time(),
        side: None,
        what: What::Logged(Logged {
            quote: "10.0.0.9 did it".into(),
            tie,
            apart_ms: 120,
            clock: None,
            claim,
        }),
        cite: "log:/var/log/app.log:7".into(),
    });
    dossier
}

fn every_claim() -> Vec<Option<Claim>> {
    let situations = CATALOG.iter().flat_map(|cause| cause.situations);
    let causes = CATALOG.iter().map(|cause| Claim::Cause(cause.id.into()));
    let named = situations
        .map(|one| one.id)
        .chain(EVERYDAY.iter().map(|one| one.id));
    causes
        .chain(named.map(|id| Claim::Situation(id.into())))
        .chain([Claim::Cause("\u{1b}[2Jnone".into())])
        .map(Some)
        .chain([None])
        .collect()
}

#[test]
fn no_line_accuses_anybody_or_makes_anything_certain_or_harmless() {
    let cases = cases();
    assert!(cases.len() > 60, "only {} cases", cases.len());
    let (mut lifted, mut lowered, mut named) = (0, 0, 0);
    for (dossier, plain) in &cases {
        for claim in every_claim() {
            for tie in [Tie::Connection, Tie::Process, Tie::Host, Tie::Address] {
                let with = judge(&with(dossier, tie, claim.clone()));
                assert_eq!(with.sender, plain.sender);
                assert_eq!(with.cause.id, plain.cause.id);
                assert_eq!(with.reset, plain.reset);
                assert_eq!(with.outcome, plain.outcome);
                let (after, before) = (with.cause.certainty, plain.cause.certainty);
                if after > before {
                    assert_eq!((before, after), (Certainty::Possible, Certainty::Likely));
                    assert_eq!(claim.as_ref().map(id), Some(plain.cause.id));
                    lifted += 1;
                }
                lowered += usize::from(after < before);
                assert!(before == Certainty::Unknown || after > Certainty::Unknown);
                if let Some(situation) = plain.cause.situation {
                    assert_eq!(with.cause.situation, Some(situation));
                } else if with.cause.situation.is_some() {
                    assert_ne!(tie, Tie::Address);
                    named += 1;
                }
            }
        }
    }
    assert!(
        lifted > 0 && lowered > 0 && named > 0,
        "{lifted} {lowered} {named}"
    );
}

fn id(claim: &Claim) -> &str {
    match claim {
        Claim::Cause(id) | Claim::Situation(id) => id,
    }
}

#[test]
fn a_line_is_quoted_with_its_place_and_what_it_is_worth() {
    let (dossier, plain) = cases()
        .into_iter()
        .find(|(_, verdict)| {
            verdict.cause.id == "unread-data" && verdict.cause.certainty == Certainty::Certain
        })
        .expect("the page of unread-data has such a case");
    let quoted = |tie, claim: Claim| {
        let verdict = judge(&with(&dossier, tie, Some(claim)));
        let line = verdict
            .evidence
            .iter()
            .find(|line| line.cite.starts_with("log:"))
            .map(|line| line.what.clone());
        (line, verdict)
    };
    let (line, verdict) = quoted(Tie::Process, Claim::Situation("worker-killed".into()));
    assert_eq!(
        line.unwrap(),
        "a log line 0.12 s before is of a process of this connection and states worker-killed: 10.0.0.9 did it"
    );
    assert_eq!(
        verdict.cause.situation,
        plain.cause.situation.or(Some("worker-killed"))
    );
    let (line, verdict) = quoted(Tie::Connection, Claim::Cause("firewall-reject".into()));
    assert!(line.unwrap().contains("which the facts refuse"));
    assert_eq!(verdict.cause.certainty, Certainty::Certain);
    // Whoever wrote that may have meant anybody.
    let (line, _) = quoted(Tie::Address, Claim::Cause("firewall-reject".into()));
    assert_eq!(line, None);
}

#[test]
fn everyday_cases_belong_to_causes_that_there_are() {
    for one in &EVERYDAY {
        assert!(!one.fix.is_empty());
        for cause in one.of {
            assert!(find(cause).is_some(), "{cause}");
        }
        assert!(
            !CATALOG
                .iter()
                .flat_map(|cause| cause.situations)
                .any(|known| known.id == one.id),
            "{} is in the catalogue",
            one.id
        );
    }
}

//! Runs every case of every cause's page.

use whyreset_causes::{CATALOG, Case, Cause, Page, Standing, judge, opinions};

fn check(cause: &Cause, case: &Case) -> Result<(), String> {
    let dossier = case.dossier().map_err(|error| error.to_string())?;
    let verdict = judge(&dossier);
    let expected = case.expects("verdict").ok_or("the fence says no verdict")?;
    if let Some(refused) = expected.strip_prefix('!') {
        let because = case
            .expects("because")
            .ok_or("a near miss says which requirement refuses it")?;
        let opinions = opinions(&dossier);
        let opinion = opinions
            .iter()
            .find(|o| o.cause.id == refused)
            .ok_or("no such cause")?;
        return match &opinion.standing {
            Standing::Refused { requirement, .. } if *requirement == because => Ok(()),
            other => Err(format!("expected refusal by {because:?}, got {other:?}")),
        };
    }
    if refused_words(case) {
        return Err("unknown key in the fence".into());
    }
    let got = [
        ("verdict", Some(verdict.cause.id)),
        ("certainty", Some(verdict.cause.certainty.as_str())),
        ("party", Some(verdict.sender.party.as_str())),
        ("host", Some(verdict.sender.host.as_str())),
        ("outcome", Some(verdict.outcome.as_str())),
        (
            "process",
            verdict
                .sender
                .process
                .as_ref()
                .map(|process| process.name.as_str()),
        ),
        ("mechanism", verdict.cause.mechanism),
        ("situation", verdict.cause.situation),
    ];
    for (key, got) in got {
        let expected = case.expects(key);
        if expected.is_some() && expected != got {
            return Err(format!(
                "{key}: expected {expected:?}, got {got:?}\n{}",
                rivals(&verdict)
            ));
        }
    }
    match case.expects("rival") {
        Some(rival) if !verdict.cause.rivals.iter().any(|r| r.id == rival) => {
            Err(format!("{rival} is not among the rivals\n{}", rivals(&verdict)))
        }
        // Beside its own verdict a page may show where its cause is only how, or only a rival.
        _ if expected == cause.id => Ok(()),
        _ if case.expects("mechanism") == Some(cause.id) => Ok(()),
        _ if case.expects("rival") == Some(cause.id) => Ok(()),
        _ => Err(format!("the page of {} expects {expected}", cause.id)),
    }
}

fn refused_words(case: &Case) -> bool {
    const KEYS: [&str; 9] = [
        "verdict",
        "certainty",
        "party",
        "host",
        "outcome",
        "process",
        "mechanism",
        "situation",
        "rival",
    ];
    case.expect.iter().any(|(key, _)| !KEYS.contains(key))
}

fn rivals(verdict: &whyreset_evidence::Verdict) -> String {
    verdict
        .cause
        .rivals
        .iter()
        .map(|r| format!("  rival {}: {}\n", r.id, r.because))
        .collect()
}

#[test]
fn every_case_of_every_page_holds() {
    let mut failures = Vec::new();
    let mut ran = 0;
    for cause in CATALOG {
        for case in Page::of(cause).cases() {
            ran += 1;
            if let Err(why) = check(cause, &case) {
                failures.push(format!("{}.md line {}: {why}", cause.id, case.line));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {ran} cases fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(
        ran >= 2 * CATALOG.len(),
        "only {ran} cases for {} causes",
        CATALOG.len()
    );
}

#[test]
fn every_page_has_a_case_of_its_own_and_a_near_miss() {
    for cause in CATALOG {
        let cases = Page::of(cause).cases();
        let own = cases.iter().any(|case| case.expects("verdict") == Some(cause.id));
        let miss = cases.iter().any(|case| {
            case.expects("verdict")
                .is_some_and(|v| v.strip_prefix('!') == Some(cause.id))
        });
        let rival = cases.iter().any(|case| case.expects("rival") == Some(cause.id));
        assert!(
            (own || rival) && miss,
            "{}: own case {own}, near miss {miss}",
            cause.id
        );
    }
}

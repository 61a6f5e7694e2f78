//! Every case of every page says what the judge says, word for word, and shows it from more than
//! one place.

use whyreset_causes::{CATALOG, Case, Cause, Class, Gist, Page, Standing, UNKNOWN, judge, opinions};
use whyreset_evidence::{Dossier, Verdict};

const KEYS: [&str; 12] = [
    "verdict",
    "certainty",
    "party",
    "host",
    "outcome",
    "process",
    "mechanism",
    "situation",
    "rival",
    "because",
    "then",
    "says",
];

fn pages() -> impl Iterator<Item = (&'static Cause, Case)> {
    CATALOG.iter().copied().chain([&UNKNOWN]).flat_map(|cause| {
        let page = Page::of(cause);
        let all = page.cases().into_iter().chain(page.packets());
        all.map(move |case| (cause, case))
    })
}

/// The dossier of a case, recorded or of packets.
fn dossier(case: &Case) -> Result<Dossier, String> {
    if case.facts.starts_with("flow ") {
        return case.dossier().map_err(|error| error.to_string());
    }
    let mut told = whyreset_flow::script::play(case.facts)?;
    match told.len() {
        1 => Ok(told.remove(0)),
        n => Err(format!("{n} resets were told, where a case is about one")),
    }
}

fn check(page_of: &Cause, case: &Case) -> Result<(), String> {
    if let Some((key, _)) = case.expect.iter().find(|(key, _)| !KEYS.contains(key)) {
        return Err(format!("unknown key {key:?} in the fence"));
    }
    let dossier = dossier(case)?;
    let verdict = judge(&dossier);
    let expected = case.expects("verdict").ok_or("the fence says no verdict")?;
    if let Some(refused) = expected.strip_prefix('!') {
        near_miss(page_of, case, refused, &verdict)?;
    } else {
        matches(case, &verdict)?;
        // Beside its own verdict a page may show where its cause is only how, or only a rival.
        let about = [Some(expected), case.expects("mechanism"), case.expects("rival")];
        if !about.contains(&Some(page_of.id)) {
            return Err(format!("this case is not about {}", page_of.id));
        }
    }
    Ok(())
}

fn matches(case: &Case, verdict: &Verdict) -> Result<(), String> {
    let process = verdict.sender.process.as_ref();
    let got = [
        ("verdict", Some(verdict.cause.id)),
        ("certainty", Some(verdict.cause.certainty.as_str())),
        ("party", Some(verdict.sender.party.as_str())),
        ("host", Some(verdict.sender.host.as_str())),
        ("outcome", Some(verdict.outcome.as_str())),
        ("process", process.map(|process| process.name.as_str())),
        ("mechanism", verdict.cause.mechanism),
        ("situation", verdict.cause.situation),
    ];
    for (key, got) in got {
        let expected = case.expects(key);
        if expected.is_some() && expected != got {
            let rivals = rivals(verdict);
            return Err(format!("{key}: expected {expected:?}, got {got:?}\n{rivals}"));
        }
    }
    if let Some(words) = case.expects("says")
        && !verdict.evidence.iter().any(|line| line.what.contains(words))
    {
        return Err(format!("no evidence says {words:?}: {:?}", verdict.evidence));
    }
    match case.expects("rival") {
        Some(rival) if !verdict.cause.rivals.iter().any(|r| r.id == rival) => {
            Err(format!("{rival} is not among the rivals\n{}", rivals(verdict)))
        }
        _ => Ok(()),
    }
}

fn near_miss(page_of: &Cause, case: &Case, refused: &str, verdict: &Verdict) -> Result<(), String> {
    if refused != page_of.id {
        return Err(format!("a near miss of {refused} stands on this page"));
    }
    let because = case
        .expects("because")
        .ok_or("a near miss says which requirement refuses it")?;
    let then = case.expects("then").ok_or("a near miss says what it is then")?;
    let dossier = dossier(case)?;
    let opinions = opinions(&dossier);
    let opinion = opinions
        .iter()
        .find(|o| o.cause.id == refused)
        .ok_or("no such cause")?;
    match &opinion.standing {
        Standing::Refused { requirement, .. } if *requirement == because => {}
        other => return Err(format!("expected refusal by {because:?}, got {other:?}")),
    }
    if verdict.cause.id == then {
        Ok(())
    } else {
        Err(format!(
            "then: expected {then:?}, got {:?}\n{}",
            verdict.cause.id,
            rivals(verdict)
        ))
    }
}

fn rivals(verdict: &Verdict) -> String {
    let rivals = verdict.cause.rivals.iter();
    let lines: Vec<String> = rivals
        .map(|r| format!("  rival {}: {}", r.id, r.because))
        .collect();
    lines.join("\n")
}

#[test]
fn every_case_of_every_page_holds() {
    let failures: Vec<String> = pages()
        .filter_map(|(cause, case)| {
            let why = check(cause, &case).err()?;
            Some(format!("{}.md line {}: {why}", cause.id, case.line))
        })
        .collect();
    let ran = pages().count();
    assert!(
        failures.is_empty(),
        "{} of {ran} cases fail:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(ran >= 4 * CATALOG.len(), "only {ran} cases");
}

#[test]
fn every_page_shows_its_cause_a_near_miss_and_both_address_families() {
    for cause in CATALOG {
        let page = Page::of(cause);
        let cases: Vec<Case> = page.cases().into_iter().chain(page.packets()).collect();
        let about = |key: &str, value: &str| cases.iter().any(|case| case.expects(key) == Some(value));
        let own = about("verdict", cause.id) || about("rival", cause.id);
        let miss = about("verdict", &format!("!{}", cause.id));
        let v6 = cases.iter().any(|case| case.facts.contains("::"));
        let v4 = cases.iter().any(|case| !case.facts.contains("::"));
        assert!(
            own && miss && v6 && v4,
            "{}: own case {own}, near miss {miss}, IPv6 {v6}, IPv4 {v4}",
            cause.id
        );
    }
}

#[test]
fn every_cause_that_packets_show_has_a_trace_and_a_near_miss_of_packets() {
    for cause in CATALOG.iter().filter(|cause| cause.wire.is_some()) {
        let cases = Page::of(cause).packets();
        let about = |key: &str, value: &str| cases.iter().any(|case| case.expects(key) == Some(value));
        let own = about("verdict", cause.id) || about("rival", cause.id);
        let miss = about("verdict", &format!("!{}", cause.id));
        assert!(
            own && miss,
            "{}: packets of its own {own}, near miss {miss}",
            cause.id
        );
    }
}

#[test]
fn one_class_of_packets_gets_one_verdict() {
    let mut verdicts: std::collections::HashMap<Class, (Gist, String)> = std::collections::HashMap::new();
    for (cause, case) in pages().filter(|(_, case)| !case.facts.starts_with("flow ")) {
        let dossier = dossier(&case).unwrap();
        let class = Class::of(&dossier).expect("packets have a class");
        let gist = Gist::of(&judge(&dossier));
        let place = format!("{}.md line {}", cause.id, case.line);
        let (known, first) = verdicts.entry(class).or_insert((gist, place.clone()));
        assert_eq!(*known, gist, "{first} and {place}");
    }
    assert!(verdicts.len() > 20, "only {} classes", verdicts.len());
}

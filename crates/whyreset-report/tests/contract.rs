//! The JSON of every case of every cause's page is verdict v1.

use whyreset_causes::{CATALOG, Page, judge};
use whyreset_report::json_v1;

const SCHEMA: &str = include_str!("../../../contracts/verdict-v1.schema.json");

/// With formats, so that a time which is none is refused.
fn validator() -> jsonschema::Validator {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

#[test]
fn every_verdict_keeps_the_contract() {
    let validator = validator();
    let mut checked = 0;
    for cause in CATALOG {
        let page = Page::of(cause);
        let recorded = page
            .cases()
            .into_iter()
            .map(|case| (case.line, case.dossier().unwrap()));
        let packets = page.packets().into_iter().flat_map(|case| {
            let told = whyreset_flow::script::play(case.facts).unwrap();
            told.into_iter().map(move |dossier| (case.line, dossier))
        });
        for (line_number, dossier) in recorded.chain(packets) {
            let line = json_v1::line(&judge(&dossier));
            assert!(!line.contains('\n'));
            let json: serde_json::Value = serde_json::from_str(&line).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&json)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(
                errors.is_empty(),
                "{} line {}: {errors:?}\n{line}",
                cause.id,
                line_number
            );
            checked += 1;
        }
    }
    assert!(checked > 200, "only {checked} verdicts");
}

#[test]
fn the_validator_can_refuse() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = validator();
    let example = &schema["examples"][0];
    assert!(validator.is_valid(example));
    for (pointer, value) in [
        ("/cause/certainty", "very".into()),
        ("/time", "yesterday".into()),
        ("/reset/from", serde_json::Value::Null),
        ("/evidence/0/cite", 5.into()),
    ] {
        let mut broken = example.clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        assert!(!validator.is_valid(&broken), "{pointer}");
    }
}

#[test]
fn the_fields_stand_in_the_order_of_the_example() {
    let dossier = whyreset_evidence::parse_dossier(
        "flow 10.0.0.2:1 > 10.0.0.1:2 watch=server\n\
         +0 server sent state=CLOSE shut=3 attached unread=1 by=nginx[7]",
    )
    .unwrap();
    let line = json_v1::line(&judge(&dossier));
    let mut from = 0;
    for key in [
        "schema",
        "time",
        "source",
        "outcome",
        "connection",
        "reset",
        "sender",
        "victim",
        "cause",
        "evidence",
        "fix",
    ] {
        let at = line[from..].find(&format!("\"{key}\":"));
        from += at.unwrap_or_else(|| panic!("{key} is missing or too early: {line}"));
    }
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(json["time"], "2026-11-22T12:00:00.000000000Z");
}

#[test]
fn a_hostile_name_stays_one_line_of_json() {
    let dossier = whyreset_evidence::parse_dossier(
        "flow 10.0.0.2:1 > 10.0.0.1:2 watch=server\n\
         +0 server sent state=CLOSE shut=3 attached unread=1 by=a%0a%22%1b[31m%5c[7]",
    )
    .unwrap();
    let line = json_v1::line(&judge(&dossier));
    assert!(!line.contains(['\n', '\u{1b}']), "{line}");
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(json["sender"]["process"]["name"], "a\n\"\u{1b}[31m\\");
}

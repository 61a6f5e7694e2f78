//! A score that counts in its own favour is none.

use super::{Played, read};

/// One place of one run, as `lab run -o json` prints it.
fn line(pass: bool, said: &str) -> String {
    format!(
        r#"{{"scenario":"a","cause":"unread-data","family":"4","vantage":"server","pass":{pass},"why":"",
            "said":[{{"cause":{{"id":"{said}","certainty":"certain"}}}}]}}"#
    )
    .replace('\n', "")
}

fn only(lines: &str) -> Played {
    let runs = read(lines).expect("lines of the lab");
    runs.into_values().next().expect("one run")
}

#[test]
fn the_truth_counts_and_is_right() {
    let played = only(&line(true, "unread-data"));
    assert!(played.counts() && played.right());
    assert!(!only(&line(false, "unread-data")).right());
}

#[test]
fn a_run_that_broke_counts_and_is_not_right() {
    let broken = r#"{"scenario":"a","cause":"unknown","family":"4","vantage":null,"pass":false,"why":"step 1","said":[]}"#;
    let played = only(broken);
    assert!(played.counts() && !played.right());
    // Also where places had been seen before.
    let played = only(&format!("{}\n{broken}", line(true, "unread-data")));
    assert!(played.counts() && !played.right());
}

#[test]
fn a_silence_that_nobody_listened_to_is_not_right() {
    let played = Played {
        cause: "unknown".to_owned(),
        ..Played::default()
    };
    assert!(!played.right());
}

#[test]
fn what_was_skipped_does_not_count() {
    let skipped = r#"{"scenario":"a","cause":"unread-data","family":"4","vantage":null,"pass":null,"why":"skipped: x","said":[]}"#;
    assert!(!only(skipped).counts());
}

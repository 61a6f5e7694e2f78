//! A score that counts in its own favour is none.

use std::collections::BTreeMap;

use super::{Played, late, page, read, run};

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

/// A line of its own scenario.
fn of(scenario: &str, line: &str) -> String {
    line.replace(r#""scenario":"a""#, &format!(r#""scenario":"{scenario}""#))
}

#[test]
fn who_came_late_is_counted_by_what_was_said() {
    let accused = line(false, "linger-abort").replace(
        r#""why":"""#,
        r#""why":"wrong accusation: certain of linger-abort, it was unread-data""#,
    );
    let runs = [
        of("right", &line(true, "unread-data")),
        of("honest", &line(true, "unknown").replace("certain", "unknown")),
        of("wrong", &accused),
    ];
    let mut page = String::new();
    late::write(&mut page, &read(&runs.join("\n")).expect("lines of the lab"));
    assert!(page.contains("| 3 | 3 | 1 (33.3 %) | 1 | 1 | 1 |"), "{page}");
    assert!(page.contains("- honest v4: unread-data was not said"), "{page}");
    assert!(
        page.contains("- wrong v4, from the server: wrong accusation"),
        "{page}"
    );
}

#[test]
fn only_what_run_itself_told_counts_for_run() {
    let told = |line: String| line.replace(r#""vantage":"server""#, r#""vantage":"run""#);
    let runs = [
        of("right", &told(line(true, "unknown"))),
        of("wrong", &told(line(false, "unknown"))),
        of("wrong", &line(true, "unread-data")),
        of("nobody", &line(true, "unread-data")),
    ];
    let mut page = String::new();
    run::write(&mut page, &read(&runs.join("\n")).expect("lines of the lab"));
    assert!(page.contains("| 3 | 2 | 1 (33.3 %) |"), "{page}");
    assert!(page.contains("- wrong v4"), "{page}");
}

#[test]
fn the_script_is_counted_by_what_each_reason_most_often_means() {
    let same = [
        of("one", &line(true, "unread-data")),
        of("two", &line(true, "unread-data")),
    ];
    let other = of("three", &line(true, "linger-abort"))
        .replace(r#""cause":"unread-data""#, r#""cause":"linger-abort""#);
    let runs = read(&format!("{}\n{other}", same.join("\n"))).expect("lines of the lab");
    // One reason for all: it is right in two, and wrong in the third.
    let reasons = runs.keys().map(|run| (run.clone(), "11".to_owned())).collect();
    let page = page::write(&runs, &BTreeMap::new(), &BTreeMap::new(), &Ok(reasons), &[], &[]);
    let row = |page: &str| {
        let line = page.lines().find(|line| line.contains("read at its best"));
        line.unwrap_or_default().to_owned()
    };
    assert!(
        row(&page).contains("bpftrace script") && row(&page).contains("| 2 of 3 (66.6 %) |"),
        "{page}"
    );
    let page = page::write(
        &runs,
        &BTreeMap::new(),
        &BTreeMap::new(),
        &Err("not here".to_owned()),
        &[],
        &[],
    );
    assert!(
        row(&page).contains("not here") && row(&page).contains("| 0 of 3 (0.0 %) |"),
        "{page}"
    );
}

//! A judge of verdicts must itself be able to say no.

use serde_json::{Value, json};

use std::time::{Duration, UNIX_EPOCH};

use super::{compare, joined, too_late, under_run};
use crate::said::Said;
use crate::scenario::Scenario;
use crate::truth::Vantage;
use crate::under_run::Told;

fn right() -> Value {
    json!({
        "schema": "whyreset/verdict/1", "time": "2026-11-23T07:00:00Z", "outcome": "reset",
        "reset": {"from": "server", "seen": "both", "benign": false},
        "sender": {"party": "application", "host": "local", "process": {"pid": 1, "name": "lab-server"}},
        "victim": {"process": {"pid": 2, "name": "lab-client"}},
        "cause": {"id": "unread-data", "certainty": "certain", "summary": "", "mechanism": null},
        "evidence": [{"finding": "seen", "what": "100 bytes received and never read", "cite": "kernel"}],
    })
}

/// The right verdict with one value replaced.
fn but(pointer: &str, value: impl Into<Value>) -> Value {
    let mut verdict = right();
    if let Some(place) = verdict.pointer_mut(pointer) {
        *place = value.into();
    }
    verdict
}

fn differences(vantage: Vantage, said: &[Value]) -> Vec<String> {
    let said: Vec<Said> = said
        .iter()
        .map(|v| Said::read(&v.to_string()).expect("a verdict"))
        .collect();
    compare(
        Scenario::find("unread-data").expect("listed"),
        vantage,
        None,
        &said,
    )
}

#[test]
fn the_truth_passes() {
    assert_eq!(differences(Vantage::Machine, &[right()]), Vec::<String>::new());
    assert_eq!(differences(Vantage::Server, &[right()]), Vec::<String>::new());
}

#[test]
fn each_wrong_particular_is_told() {
    let cases = [
        (but("/sender/party", "kernel"), "party is"),
        (but("/sender/host", "remote"), "host is"),
        (but("/sender/process", Value::Null), "process is"),
        (but("/victim/process/name", "other"), "victim is"),
        (but("/reset/benign", true), "benign is true"),
        (but("/reset/from", "client"), "came from the server"),
        (but("/cause/certainty", "likely"), "only likely"),
        (but("/cause/id", "linger-abort"), "certain of linger-abort"),
        (but("/outcome", "refused"), "not said"),
        (but("/evidence/0/what", "nothing"), "no evidence cites"),
        (but("/sender/process/name", "bystander"), "bystander is innocent"),
    ];
    for (verdict, told) in cases {
        let all = differences(Vantage::Machine, std::slice::from_ref(&verdict)).join("; ");
        assert!(all.contains(told), "{told:?} is not in {all:?}");
    }
}

#[test]
fn silence_and_repetition_fail() {
    assert!(
        differences(Vantage::Machine, &[])
            .join("")
            .contains("nothing was said")
    );
    assert!(
        differences(Vantage::Machine, &[right(), right()])
            .join("")
            .contains("not folded")
    );
}

#[test]
fn who_cannot_know_may_guess_but_not_claim() {
    let mut guess = but("/sender/process", Value::Null);
    guess["cause"]["certainty"] = "possible".into();
    guess["cause"]["id"] = "linger-abort".into();
    assert_eq!(
        differences(Vantage::Client, &[guess.clone()]),
        Vec::<String>::new()
    );
    guess["cause"]["certainty"] = "likely".into();
    assert!(
        differences(Vantage::Client, &[guess])
            .join("")
            .contains("wrong accusation")
    );
    assert!(
        differences(Vantage::Client, &[right()])
            .join("")
            .contains("cannot be known from here")
    );
    let unknown = json!({
        "schema": "whyreset/verdict/1", "outcome": "reset", "reset": {"from": "server"},
        "sender": {"party": "unknown", "host": "remote"},
        "cause": {"id": "unknown", "certainty": "unknown"},
    });
    assert_eq!(differences(Vantage::Client, &[unknown]), Vec::<String>::new());
    assert!(!differences(Vantage::Client, &[]).is_empty());
}

#[test]
fn a_wrong_accusation_beside_a_right_one_fails() {
    let wrong = but("/cause/id", "admin-abort");
    assert!(
        differences(Vantage::Server, &[right(), wrong])
            .join("")
            .contains("wrong accusation")
    );
}

#[test]
fn a_harmless_word_on_a_connection_that_had_ended_stands_beside_the_truth_and_not_for_it() {
    let mut aside = but("/cause/id", "write-after-close");
    aside["cause"]["situation"] = "after-goodbye".into();
    aside["reset"]["benign"] = true.into();
    let look = |said: &[Value]| differences(Vantage::Machine, said).join("; ");
    assert_eq!(look(&[right(), aside.clone()]), "");
    assert!(look(&[aside.clone()]).contains("nothing was said"));
    aside["reset"]["benign"] = false.into();
    assert!(look(&[right(), aside]).contains("wrong accusation"));
}

#[test]
fn who_came_in_the_midst_may_know_less_but_not_otherwise() {
    let look = |verdicts: &[Value]| {
        let said: Vec<Said> = verdicts
            .iter()
            .map(|v| Said::read(&v.to_string()).expect("a verdict"))
            .collect();
        let scenario = Scenario::find("unread-data").expect("listed");
        joined(scenario, Vantage::Server, None, &said).join("; ")
    };
    assert_eq!(look(&[right()]), "");
    assert_eq!(look(&[but("/cause/certainty", "possible")]), "");
    let mut unknown = but("/cause/id", "unknown");
    unknown["cause"]["certainty"] = "unknown".into();
    assert_eq!(look(&[unknown]), "");
    assert!(look(&[but("/cause/id", "linger-abort")]).contains("wrong accusation: certain of linger-abort"));
    assert!(look(&[but("/sender/process/name", "bystander")]).contains("innocent"));
    assert!(look(&[]).contains("nothing was said"));
}

#[test]
fn who_came_too_late_says_nothing_of_what_was_before() {
    let verdict = but("/time", "2026-11-23T08:00:00Z");
    let look = |verdict: &Value, since: u64| {
        let said = [Said::read(&verdict.to_string()).expect("a verdict")];
        let scenario = Scenario::find("unread-data").expect("listed");
        let since = UNIX_EPOCH + Duration::from_secs(since);
        too_late(scenario, Vantage::Server, None, &said, since).join("; ")
    };
    assert!(look(&verdict, 1_795_420_801).contains("did not see"));
    assert_eq!(look(&verdict, 1_795_420_799), "");
    let mut wrong = verdict;
    wrong["cause"]["id"] = "admin-abort".into();
    assert!(look(&wrong, 1_795_420_799).contains("wrong accusation"));
}

/// What `whyreset run` told, held against a machine's verdict on the same connection.
fn told_differences(told: &[Value], machine: &[Value]) -> String {
    let told: Vec<Told> = told
        .iter()
        .map(|line| Told::read(&line.to_string()).expect("a line"))
        .collect();
    let machine: Vec<Said> = machine
        .iter()
        .map(|line| Said::read(&line.to_string()).expect("a verdict"))
        .collect();
    let scenario = Scenario::find("unread-data").expect("listed");
    let client = "198.18.0.1".parse().expect("an address");
    under_run(scenario, client, None, &told, &machine).join("; ")
}

fn on_its_connection(mut verdict: Value) -> Value {
    verdict["connection"] = json!({
        "client": "198.18.0.1:40000", "server": "198.18.0.5:80", "stage": "established",
        "bytes_to_server": 10, "bytes_to_client": 0,
    });
    verdict
}

#[test]
fn what_run_tells_must_be_what_the_machine_saw() {
    let machine = on_its_connection(right());
    let right = json!({
        "schema": "whyreset/run/1", "outcome": "reset", "by": "rst", "from": "server", "stage": "after-request",
        "local": "198.18.0.1:40000", "remote": "198.18.0.5:80", "verdict": null,
    });
    assert_eq!(
        told_differences(std::slice::from_ref(&right), std::slice::from_ref(&machine)),
        ""
    );
    // Where the opener's address is forgotten, its port tells.
    let mut forgotten = right.clone();
    forgotten["local"] = "0.0.0.0:40000".into();
    assert_eq!(told_differences(&[forgotten], std::slice::from_ref(&machine)), "");
    for (name, value, why) in [
        ("outcome", "silent", "another outcome"),
        ("stage", "open", "another stage"),
        ("remote", "198.18.0.5:81", "not told: unread-data"),
        ("local", "198.18.0.1:40001", "told of a reset that was not"),
    ] {
        let mut told = right.clone();
        told[name] = value.into();
        let all = told_differences(&[told], std::slice::from_ref(&machine));
        assert!(all.contains(why), "{why:?} is not in {all:?}");
    }
    let mut accusing = right;
    accusing["verdict"] = on_its_connection(but("/cause/id", "linger-abort"));
    accusing["verdict"]["cause"]["certainty"] = "likely".into();
    let all = told_differences(&[accusing], &[machine]);
    assert!(all.contains("linger-abort likely, it was unread-data"), "{all}");
}

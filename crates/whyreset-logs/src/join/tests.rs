//! The right line among those of innocent requests, clocks apart, and forged lines.

use super::*;
use crate::time::{Clock, Written, parse};
use crate::who::who;

const AT: i64 = 1_763_899_200 * SECOND; // 2025-11-23T12:00:00Z

fn reset() -> Reset {
    Reset {
        at: AT,
        client: "10.0.0.2:40007".parse().unwrap(),
        server: "10.0.0.1:8080".parse().unwrap(),
        pids: vec![812],
        names: vec!["app".into()],
        units: vec!["app.service".into()],
    }
}

fn ranked(lines: &[String], offset: Option<&Offset>) -> Vec<Ranked> {
    let clock = Clock {
        zone: jiff::tz::TimeZone::UTC,
        reference: AT + 3600 * SECOND,
        boot: None,
    };
    let whos: Vec<Who> = lines.iter().map(|line| who(line.as_bytes())).collect();
    let stated = |line: &str| {
        Stated::all().find(|one| {
            let mut rest = line.to_lowercase();
            one.pattern.split('*').all(|part| match rest.find(part) {
                Some(at) => {
                    rest = rest[at + part.len()..].to_owned();
                    true
                }
                None => false,
            })
        })
    };
    let joined = (1..).zip(lines).zip(&whos).map(|((number, line), who)| Line {
        source: "app.log",
        number,
        text: line.as_bytes(),
        stamp: parse(line.as_bytes(), &clock),
        who,
        unit: None,
        stated: stated(line),
    });
    rank(&reset(), joined, offset, 3)
}

#[test]
fn the_line_of_this_connection_is_told_from_those_of_twenty_others() {
    let lines: Vec<String> = (40_000..40_020)
        .map(|port| {
            format!(
                "2025-11-23T11:59:59.9{:02}Z read from 10.0.0.2:{port}: connection reset",
                port % 100
            )
        })
        .collect();
    let found = ranked(&lines, None);
    assert_eq!(
        found.len(),
        1,
        "{:?}",
        found.iter().map(|one| &one.quote).collect::<Vec<_>>()
    );
    assert_eq!(found[0].place, "app.log:8");
    assert!(found[0].shares.contains(&"client's address and port"));
}

#[test]
fn a_clock_that_is_off_and_in_another_zone_is_put_right() {
    // 3.7 s ahead, and two hours east.
    let lines = ["2025-11-23T14:00:03.700 client 10.0.0.2:40007 gone".to_owned()];
    assert!(ranked(&lines, None).is_empty());
    let offset = Offset {
        ns: -(7200 * SECOND + 3_700_000_000),
        spread: 1_000_000,
        agree: 9,
        of: 10,
    };
    let found = ranked(&lines, Some(&offset));
    assert_eq!(found.len(), 1);
    assert!(found[0].apart.unwrap().abs() < 1_000_000, "{:?}", found[0].apart);
}

#[test]
fn what_states_a_cause_and_shares_the_process_comes_before_what_shares_an_address() {
    let lines = [
        "2025-11-23T11:59:59Z GET / from 10.0.0.2".to_owned(),
        "2025-11-23T11:59:59Z Out of memory: Killed process 813 (other)".to_owned(),
        "2025-11-23T11:59:59Z Out of memory: Killed process 8123 (other)".to_owned(),
        "2025-11-23T11:59:59Z beginning MaxStartups throttling".to_owned(),
        "2025-11-23T11:59:59Z [CRITICAL] WORKER TIMEOUT (pid:812)".to_owned(),
        "2025-11-23T11:59:58Z TCP: too many orphaned sockets".to_owned(),
        "2025-11-23T11:00:00Z [CRITICAL] WORKER TIMEOUT (pid:812)".to_owned(),
        "[CRITICAL] WORKER TIMEOUT (pid:812)".to_owned(),
    ];
    let found: Vec<String> = ranked(&lines, None).into_iter().map(|one| one.place).collect();
    assert_eq!(found, ["app.log:5", "app.log:6", "app.log:1"]);
}

#[test]
fn a_hostile_line_is_quoted_harmlessly_and_extremes_do_not_overflow() {
    let lines = ["2025-11-23T12:00:00Z 10.0.0.2:40007 \u{1b}[2J\u{1b}]0;x\u{7}reset".to_owned()];
    let found = ranked(&lines, None);
    assert!(!found[0].quote.contains('\u{1b}') && !found[0].quote.contains('\u{7}'));
    let who = who(b"10.0.0.2:40007");
    for ns in [i64::MIN, 0, i64::MAX] {
        let line = Line {
            source: "x",
            number: u64::MAX,
            text: b"",
            stamp: Some(Stamp {
                ns,
                written: Written::Whole,
                resolution: u64::MAX,
            }),
            who: &who,
            unit: None,
            stated: None,
        };
        let offset = Offset {
            ns: i64::MAX,
            spread: u64::MAX,
            agree: 2,
            of: 2,
        };
        _ = rank(&reset(), [line], Some(&offset), 1);
    }
}

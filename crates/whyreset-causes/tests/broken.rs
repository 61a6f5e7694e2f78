//! What captures do to traces: frames lost, repeated, reordered. Whatever is left, nothing panics,
//! nothing is certain from one place, and nobody between the ends is accused of what an end did.

#[path = "broken/joined.rs"]
mod joined;
#[path = "broken/trace.rs"]
mod trace;

use whyreset_evidence::{Certainty, Verdict};

use trace::{Dice, Frame, Trace};

/// Ways of breaking each trace by chance.
const BY_CHANCE: u64 = 200;

/// What a broken trace must not be told to be.
fn complaint(verdict: &Verdict, by_an_end: bool) -> Option<String> {
    let cause = &verdict.cause;
    if cause.certainty == Certainty::Certain {
        return Some(format!("{} is certain from one place", cause.id));
    }
    (by_an_end && trace::accuses_between(verdict)).then(|| {
        let why: Vec<&str> = verdict.evidence.iter().map(|line| line.what.as_str()).collect();
        format!(
            "{} {}: {}",
            cause.id,
            cause.certainty.as_str(),
            why[..why.len().min(3)].join("; ")
        )
    })
}

fn hold(trace: &Trace, by_an_end: bool, how: &str, frames: &[Frame], failures: &mut Vec<String>) {
    for verdict in trace::verdicts(frames) {
        if let Some(complaint) = complaint(&verdict, by_an_end) {
            failures.push(format!("{}, {how}: {complaint}", trace.place));
        }
    }
}

#[test]
fn no_single_loss_repetition_or_change_of_places_makes_a_wrong_accusation() {
    let mut failures = Vec::new();
    let mut played = 0;
    for trace in trace::all() {
        let by_an_end = trace::sent_by_an_end(&trace::verdicts(&trace.frames));
        for (how, frames) in trace::once_broken(&trace.frames) {
            played += 1;
            hold(&trace, by_an_end, &how, &frames, &mut failures);
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {played}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(played > 1_000, "only {played} were played");
}

#[test]
fn no_broken_capture_makes_a_wrong_accusation() {
    let mut failures = Vec::new();
    let (mut ends, mut told) = (0, 0);
    for trace in trace::all() {
        let by_an_end = trace::sent_by_an_end(&trace::verdicts(&trace.frames));
        ends += usize::from(by_an_end);
        for seed in 0..BY_CHANCE {
            let frames = trace::broken(&trace.frames, &mut Dice(seed));
            told += trace::verdicts(&frames).len();
            let how = format!("seed {seed}, {}", trace::shown(&frames));
            let by_an_end = by_an_end && !trace::says_nothing(&frames);
            hold(&trace, by_an_end, &how, &frames, &mut failures);
        }
    }
    assert!(
        failures.is_empty(),
        "{}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(
        ends > 30 && told > 5_000,
        "{ends} traces by an end, {told} verdicts"
    );
}

/// Two places saw a reset that an end sent: nothing else may be certain, whatever either lost.
fn hold_joined(trace: &Trace, how: &str, places: &[Vec<Frame>; 2], failures: &mut Vec<String>) {
    for verdict in joined::verdicts(places) {
        if verdict.cause.certainty == Certainty::Certain {
            failures.push(format!("{}, {how}: {} is certain", trace.place, verdict.cause.id));
        }
    }
}

#[test]
fn nothing_that_one_of_two_captures_lacks_makes_a_certain_accusation() {
    let mut failures = Vec::new();
    let (mut ends, mut told) = (0, 0);
    for trace in trace::all() {
        if !trace::sent_by_an_end(&trace::verdicts(&trace.frames)) {
            continue;
        }
        let Some(places) = joined::places(&trace) else {
            continue;
        };
        ends += 1;
        told += joined::verdicts(&places).len();
        for index in [0, 1] {
            for (how, frames) in trace::once_broken(&places[index]) {
                let mut broken = places.clone();
                broken[index] = frames;
                hold_joined(&trace, &format!("place {index}: {how}"), &broken, &mut failures);
            }
        }
        for seed in 0..BY_CHANCE {
            let mut dice = Dice(seed);
            let broken = [0, 1].map(|index| trace::broken(&places[index], &mut dice));
            let how = format!(
                "seed {seed}, {} and {}",
                trace::shown(&broken[0]),
                trace::shown(&broken[1])
            );
            hold_joined(&trace, &how, &broken, &mut failures);
        }
    }
    assert!(
        failures.is_empty(),
        "{}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(
        ends > 30 && told >= ends,
        "{ends} traces by an end, {told} verdicts"
    );
}

/// What is certain of two whole captures, so that the test above could fail.
#[test]
fn a_reset_that_its_name_never_sent_is_certain_of_two_whole_captures() {
    let mut certain = 0;
    for trace in trace::all() {
        let Some(mut places) = joined::places(&trace) else {
            continue;
        };
        let by_server =
            |frame: &Frame| frame.is_reset() && frame.packet(1).is_some_and(|p| p.source.port() < 40_000);
        places[1].retain(|frame| !by_server(frame));
        let verdicts = joined::verdicts(&places);
        certain += verdicts
            .iter()
            .filter(|v| v.cause.certainty == Certainty::Certain)
            .count();
    }
    assert!(certain > 0, "nothing was certain");
}

/// A capture may lose one reset of an end that then falls silent, but not many with numbers ahead.
#[test]
fn many_guesses_that_their_name_never_sent_are_certain_and_few_are_not() {
    const BEGUN: &str = "client 10.0.0.2:40000 ttl=64\nserver 10.0.0.1:80 ttl=61\n\
        +0 client S\n+1 server S.\n+2 client .\n+3 client P. len=100\n";
    for (count, expected) in [(3, Certainty::Likely), (5, Certainty::Certain)] {
        let forged: Vec<String> = (0..count)
            .map(|n| format!("+50.{n} server R seq={} ttl=50 win=9", 1 + n * 1_460))
            .collect();
        let trace = Trace {
            place: String::new(),
            frames: trace::frames(&format!("{BEGUN}{}", forged.join("\n"))),
        };
        let mut places = joined::places(&trace).unwrap();
        places[1].retain(|frame| !frame.is_reset());
        let verdicts = joined::verdicts(&places);
        let [verdict] = verdicts.as_slice() else {
            panic!("{} verdicts", verdicts.len());
        };
        assert_eq!(
            (verdict.cause.id, verdict.cause.certainty),
            ("injected-reset", expected),
            "{count}"
        );
    }
}

/// The client's capture lacks the segment that drew the reset, and the server's the reset: an earlier
/// segment that the server had taken is not what it refused.
#[test]
fn what_drew_a_reset_is_not_taken_for_refused_where_more_came() {
    let trace = Trace {
        place: String::new(),
        frames: trace::frames(
            "client 10.0.0.2:40000 ttl=64\nserver 10.0.0.1:80 ttl=61\n\
             +0 client S\n+1 server S.\n+2 client .\n+3 client P. len=100\n+4 server .\n\
             +50 client P. len=50\n+51 server R",
        ),
    };
    let mut places = joined::places(&trace).unwrap();
    places[0].retain(|frame| frame.line != 6);
    places[1].retain(|frame| !frame.is_reset());
    let verdicts = joined::verdicts(&places);
    assert!(!verdicts.is_empty());
    for verdict in verdicts {
        assert_ne!(
            verdict.cause.certainty,
            Certainty::Certain,
            "{}",
            verdict.cause.id
        );
    }
}

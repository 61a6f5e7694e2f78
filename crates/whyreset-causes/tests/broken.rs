//! What captures do to traces: frames lost, repeated, reordered, cut, mirrored, clocks set. Whatever is
//! left, nothing panics, nothing is certain from one place, and nobody between the ends is accused of
//! what an end did.

#[path = "broken/joined.rs"]
mod joined;
#[path = "broken/trace.rs"]
mod trace;
#[path = "broken/wear.rs"]
mod wear;

use whyreset_evidence::{Certainty, Verdict};

use trace::{Dice, Frame, Trace};

/// Ways of breaking each trace by chance.
const BY_CHANCE: u64 = 200;
/// Ways of breaking each trace by chance under each wear of the whole capture.
const WORN: u64 = 30;
/// The same for each place of a trace in which a reset may be forged.
const FORGED: u64 = 4;

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

/// Fails with all of them, where there are any.
fn none_of(failures: &[String]) {
    assert!(
        failures.is_empty(),
        "{}:\n{}",
        failures.len(),
        failures.join("\n")
    );
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
    none_of(&failures);
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
    none_of(&failures);
    assert!(
        ends > 30 && told > 5_000,
        "{ends} traces by an end, {told} verdicts"
    );
}

#[test]
fn no_clock_snaplen_or_mirror_port_makes_a_wrong_accusation() {
    let mut failures = Vec::new();
    let mut told = 0;
    for trace in trace::all() {
        let by_an_end = trace::sent_by_an_end(&trace::verdicts(&trace.frames));
        for (wear, seed) in wear::ALL
            .into_iter()
            .flat_map(|wear| (0..WORN).map(move |seed| (wear, seed)))
        {
            let mut dice = Dice(seed);
            let frames = wear.on(&trace.frames, &mut dice);
            told += trace::verdicts(&frames).len();
            let how = format!("{wear:?}, seed {seed}");
            hold(&trace, by_an_end, &how, &frames, &mut failures);
            let frames = wear.on(&trace::broken(&trace.frames, &mut dice), &mut dice);
            let how = format!("{how}, {}", trace::shown(&frames));
            let by_an_end = by_an_end && !trace::says_nothing(&frames);
            hold(&trace, by_an_end, &how, &frames, &mut failures);
        }
    }
    none_of(&failures);
    assert!(told > 5_000, "only {told} verdicts");
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
    none_of(&failures);
    assert!(
        ends > 30 && told >= ends,
        "{ends} traces by an end, {told} verdicts"
    );
}

#[test]
fn nothing_that_wears_one_of_two_captures_makes_a_certain_accusation() {
    let mut failures = Vec::new();
    let mut told = 0;
    for trace in trace::all() {
        if !trace::sent_by_an_end(&trace::verdicts(&trace.frames)) {
            continue;
        }
        let Some(places) = joined::places(&trace) else {
            continue;
        };
        for (wear, seed) in wear::ALL
            .into_iter()
            .flat_map(|wear| (0..WORN).map(move |seed| (wear, seed)))
        {
            let mut dice = Dice(seed);
            let at = dice.roll(2);
            let broken = [0, 1].map(|index| {
                let frames = trace::broken(&places[index], &mut dice);
                if index == at {
                    wear.on(&frames, &mut dice)
                } else {
                    frames
                }
            });
            told += joined::verdicts(&broken).len();
            let how = format!(
                "{wear:?} at {at}, seed {seed}, {} and {}",
                trace::shown(&broken[0]),
                trace::shown(&broken[1])
            );
            hold_joined(&trace, &how, &broken, &mut failures);
        }
    }
    none_of(&failures);
    assert!(told > 5_000, "only {told} verdicts");
}

/// Where the sender's own capture says that it lost packets, or lacks some that came to the other end, a
/// reset that is not in it was lost, not forged.
#[test]
fn a_reset_that_its_senders_capture_lost_is_not_called_forged() {
    let mut failures = Vec::new();
    let (mut counted, mut shown) = (0, 0);
    for trace in trace::all() {
        if !trace::sent_by_an_end(&trace::verdicts(&trace.frames)) {
            continue;
        }
        let (Some(whole), Some(reset)) = (
            joined::places(&trace),
            trace.frames.iter().find(|frame| frame.is_reset()),
        ) else {
            continue;
        };
        let source = |frame: &Frame| frame.packet(1).map(|packet| packet.source().ip());
        let sender = usize::from(source(reset) != source(&trace.frames[0]));
        let mut places = whole;
        places[sender].retain(|frame| !frame.is_reset());
        let mut lost = [0; 2];
        lost[sender] = 3;
        counted += 1;
        let mut hold = |how: &str, verdicts: &[Verdict]| {
            for verdict in verdicts.iter().filter(|verdict| trace::accuses_between(verdict)) {
                failures.push(format!("{}, {how}: {}", trace.place, verdict.cause.id));
            }
        };
        hold("losses counted", &joined::verdicts_of(&places, lost));
        for (index, gone) in places[sender].iter().enumerate() {
            // What the other end sent may have been lost on its way.
            if source(gone) != source(reset) {
                continue;
            }
            let mut places = places.clone();
            places[sender].remove(index);
            shown += 1;
            hold(&format!("lost {} too", gone.line), &joined::verdicts(&places));
        }
    }
    none_of(&failures);
    assert!(counted > 50 && shown > 100, "{counted} and {shown} were played");
}

/// What is certain of two captures of a forged reset, so that the tests above could fail; and whatever
/// either of them lost, nothing else is.
#[test]
fn a_reset_that_its_name_never_sent_is_certain_of_two_whole_captures() {
    let mut failures = Vec::new();
    let (mut forged, mut certain) = (0, 0);
    for trace in trace::all() {
        let Some(places) = joined::places(&trace) else {
            continue;
        };
        for (line, with_ack) in (1..=trace.frames.len()).flat_map(|line| [(line, false), (line, true)]) {
            let Some(places) = joined::forged(&places, line, with_ack) else {
                continue;
            };
            forged += 1;
            certain += usize::from(joined::verdicts(&places).iter().any(is_certain));
            for seed in 0..FORGED {
                let mut dice = Dice(seed);
                let wear = wear::ALL[dice.roll(wear::ALL.len())];
                let at = dice.roll(2);
                let broken = [0, 1].map(|index| {
                    let frames = trace::broken(&places[index], &mut dice);
                    if index == at {
                        wear.on(&frames, &mut dice)
                    } else {
                        frames
                    }
                });
                for verdict in joined::verdicts(&broken).iter().filter(|one| is_certain(one)) {
                    if !trace::accuses_between(verdict) {
                        let how = format!("forged after {line}, {wear:?} at {at}, seed {seed}");
                        failures.push(format!("{}, {how}: {} is certain", trace.place, verdict.cause.id));
                    }
                }
            }
        }
    }
    none_of(&failures);
    assert!(certain > 250, "{certain} of {forged} were certain");
}

fn is_certain(verdict: &Verdict) -> bool {
    verdict.cause.certainty == Certainty::Certain
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

/// The server's own answer to what came late is no copy of the reset that was forged before it.
#[test]
fn what_came_as_it_was_sent_is_no_changed_copy_of_another() {
    let trace = Trace {
        place: String::new(),
        frames: trace::frames(
            "client 10.0.0.2:40000 ttl=64\nserver 10.0.0.1:80 ttl=61\n\
             +0 client S\n+1 server S.\n+2 client .\n+3 client P. len=100\n+4 server .\n\
             +50 server R.\n+60 server P. len=10\n+61 client .\n+70 server R",
        ),
    };
    let mut places = joined::places(&trace).unwrap();
    places[1].retain(|frame| frame.line != 6);
    let verdicts = joined::verdicts(&places);
    let [verdict] = verdicts.as_slice() else {
        panic!("{} verdicts", verdicts.len());
    };
    assert_eq!(verdict.cause.id, "injected-reset");
    assert_eq!(verdict.cause.certainty, Certainty::Certain);
}

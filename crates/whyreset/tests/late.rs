//! A watcher that comes while a connection stands, or when all is over, against the built binary
//! and the running kernel. It may know less than one that was there from the start, and must
//! accuse no more wrongly. Refuses to pass without root.

use std::path::Path;

use whyreset_lab::{Family, How, Outcome, Scenario, WatchFrom};

/// Quick ones, of different ways in which a connection ends.
const SCENARIOS: [&str; 10] = [
    "unread-data",
    "linger-abort",
    "write-after-close",
    "shutdown-then-data",
    "killed-unread",
    "killed-then-written",
    "never-accepted",
    "disconnect-abort",
    "admin-abort",
    "forged-exact",
];

/// Plays all of them, two at a time. How often the true cause was said.
fn play(from: WatchFrom) -> usize {
    assert!(
        rustix::process::geteuid().is_root(),
        "nothing was played: run as root, with iproute2 installed"
    );
    whyreset_lab::sweep();
    let (one, two) = SCENARIOS.split_at(SCENARIOS.len() / 2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| played(two, Family::V6, from));
        played(one, Family::V4, from) + other.join().expect("it panicked")
    })
}

fn played(ids: &[&str], family: Family, from: WatchFrom) -> usize {
    let how = How {
        watch: true,
        from,
        ..How::default()
    };
    let mut right = 0;
    for id in ids {
        let scenario = Scenario::find(id).expect("listed");
        let program = Path::new(env!("CARGO_BIN_EXE_whyreset"));
        let report = whyreset_lab::run_one(program, scenario, family, &how);
        assert!(report.passed(), "{}", report.render(false));
        let Outcome::Played(places) = &report.outcome else {
            panic!("{}", report.render(false));
        };
        assert!(!places.is_empty(), "{id}: nobody watched");
        let names = |said: &whyreset_lab::Said| said.cause() == scenario.cause;
        right += usize::from(places.iter().any(|place| place.said.iter().any(names)));
    }
    right
}

#[test]
fn who_comes_while_the_connection_stands_is_honest() {
    let right = play(WatchFrom::During);
    // How these ten end is all decided after the watcher came.
    assert!(
        right >= 8,
        "the cause was said in {right} of {} only",
        SCENARIOS.len()
    );
}

#[test]
fn who_comes_when_all_is_over_says_nothing_of_it() {
    assert_eq!(play(WatchFrom::After), 0, "a cause was said of what nobody saw");
}

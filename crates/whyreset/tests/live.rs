//! Every lab scenario on both address families against the built binary and the running kernel,
//! each watched from three places. Refuses to pass what it could not play: a skip is listed as
//! ignored, with its reason.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Conclusion, Failed, Trial};
use whyreset_lab::{Family, How, Scenario, scenarios};

/// Each scenario runs several processes and watchers of its own.
const AT_A_TIME: usize = 3;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    whyreset_lab::sweep();
    let (mut trials, mut reasons) = (Vec::new(), BTreeMap::new());
    for &scenario in scenarios() {
        for family in [Family::V4, Family::V6] {
            let missing = scenario
                .probe_on(family)
                .err()
                .or_else(|| left_to_the_score(scenario, family));
            if let Some(why) = &missing {
                *reasons.entry(why.clone()).or_insert(0_usize) += 1;
            }
            let name = format!("{}::v{family}", scenario.id);
            let trial = Trial::test(name, move || check(scenario, family));
            trials.push(trial.with_ignored_flag(missing.is_some()));
        }
    }
    for (why, count) in &reasons {
        eprintln!("ignored: {count} x {why}");
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if nothing_ran(&arguments, &conclusion) {
        eprintln!("no scenario was played: run as root, with iproute2 installed");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

/// Of the scenarios of real software only quick ones are played here, each on one family in turn;
/// `--include-ignored` plays all of them, and so does `cargo xtask score`.
fn left_to_the_score(scenario: &Scenario, family: Family) -> Option<String> {
    const QUICK: u32 = 3;
    if !scenario.is_software() {
        return None;
    }
    let turn = if scenario.id.len().is_multiple_of(2) && scenario.probe_on(Family::V6).is_ok() {
        Family::V6
    } else {
        Family::V4
    };
    (scenario.seconds > QUICK || family != turn).then(|| "left to `cargo xtask score`".to_owned())
}

/// A filter may leave nothing to run; without one, nothing must not look like success.
fn nothing_ran(arguments: &Arguments, conclusion: &Conclusion) -> bool {
    !arguments.list && arguments.filter.is_none() && conclusion.num_passed + conclusion.num_failed == 0
}

fn check(scenario: &'static Scenario, family: Family) -> Result<(), Failed> {
    let program = Path::new(env!("CARGO_BIN_EXE_whyreset"));
    let report = whyreset_lab::run_one(
        program,
        scenario,
        family,
        &How {
            watch: true,
            // On one family the client's programs run under `whyreset run`, which is held too.
            under_run: family == Family::V6 && scenario.client_needs_root().is_none(),
            ..How::default()
        },
    );
    if report.passed() {
        Ok(())
    } else {
        Err(report.render(false).into())
    }
}

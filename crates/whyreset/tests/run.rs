//! `whyreset run` as an ordinary user without capabilities runs it: outcome, stage and side of what
//! real clients meet, exit codes, streams, signals and the terminal. A check whose programs are missing
//! is listed as ignored, with its reason.

#[path = "run/cases.rs"]
mod cases;
#[path = "run/clients.rs"]
mod clients;
#[path = "run/ground.rs"]
mod ground;
#[path = "run/servers.rs"]
mod servers;
#[path = "run/shell.rs"]
mod shell;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

/// They wait, most of the time.
const AT_A_TIME: usize = 4;

/// Name, what it needs, and the check itself.
type Check = (&'static str, &'static [&'static str], fn());

const CHECKS: &[Check] = &[
    ("curl", &["curl"], || cases::client("curl")),
    ("python3", &["python3"], || cases::client("python3")),
    ("node", &["node"], || cases::client("node")),
    ("java", &["java"], || cases::client("java")),
    ("idle", &["python3"], cases::idle),
    ("own_aborts", &["python3"], cases::own_aborts),
    ("unix", &["python3"], cases::unix),
    ("server", &["python3"], cases::server),
    ("children", &["curl"], cases::children),
    ("every_call", &["curl"], cases::every_call),
    ("text_and_file", &["curl"], cases::text_and_file),
    ("kernel", &["root", "curl"], cases::kernel),
    ("exit_codes", &[], shell::exit_codes),
    ("streams", &[], shell::streams),
    ("a_signal_is_passed_on", &[], shell::a_signal_is_passed_on),
    (
        "a_signal_for_the_group_is_told_once",
        &["python3"],
        shell::a_signal_for_the_group_is_told_once,
    ),
    ("a_terminal", &["python3", "bash"], shell::a_terminal),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let trials = CHECKS.iter().map(|&(name, needs, check)| {
        let missing: Vec<&str> = needs.iter().copied().filter(|need| !has(need)).collect();
        if !missing.is_empty() {
            eprintln!("ignored: {name}: {} is not here", missing.join(", "));
        }
        let run = move || {
            catch_unwind(AssertUnwindSafe(check)).map_err(|why| {
                let text = why.downcast_ref::<String>().cloned();
                Failed::from(text.unwrap_or_else(|| "it panicked".to_owned()))
            })
        };
        Trial::test(name, run).with_ignored_flag(!missing.is_empty())
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    ground::sweep();
    conclusion.exit_code()
}

fn has(need: &str) -> bool {
    match need {
        "root" => rustix::process::geteuid().is_root(),
        program => ground::has(program),
    }
}

//! `whyreset audit` from outside: each check makes a finding true in a network namespace of its own,
//! and looks that it is false where it must be. What cannot be made to happen in a namespace (limits
//! of the whole host, silences of minutes) is held by the crate's own tests. A check whose programs
//! are missing is listed as ignored, with its reason.

#[path = "audit/counters.rs"]
mod counters;
#[path = "audit/faces.rs"]
mod faces;
#[path = "audit/settings.rs"]
mod settings;
#[path = "audit/sockets.rs"]
mod sockets;
#[path = "audit/software.rs"]
mod software;
#[path = "audit/space.rs"]
mod space;
#[path = "audit/wire.rs"]
mod wire;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

/// They wait, most of the time.
const AT_A_TIME: usize = 6;

/// Name, what it needs beside root and `ip`, and the check itself.
type Check = (&'static str, &'static [&'static str], fn());

const CHECKS: &[Check] = &[
    (
        "sockets::forgotten_in_close_wait",
        &[],
        sockets::forgotten_in_close_wait,
    ),
    (
        "software::nginx_before_node",
        &["nginx", "node"],
        software::nginx_before_node,
    ),
    (
        "software::haproxy_before_gunicorn",
        &["haproxy", "gunicorn"],
        software::haproxy_before_gunicorn,
    ),
    ("settings::tracking_forgets", &["nft"], settings::tracking_forgets),
    ("counters::a_fresh_namespace", &[], counters::a_fresh_namespace),
    (
        "counters::a_healthy_namespace",
        &[],
        counters::a_healthy_namespace,
    ),
    ("counters::closed_unread", &[], counters::closed_unread),
    ("counters::data_after_close", &[], counters::data_after_close),
    ("counters::a_closed_port", &[], counters::a_closed_port),
    ("counters::given_up", &["nft"], counters::given_up),
    ("counters::while_we_watch", &[], counters::while_we_watch),
    ("sockets::a_full_queue", &[], sockets::a_full_queue),
    ("sockets::a_full_queue_v6", &[], sockets::a_full_queue_v6),
    ("sockets::a_short_queue", &[], sockets::a_short_queue),
    ("sockets::linger_zero", &[], sockets::linger_zero),
    (
        "sockets::a_short_user_timeout",
        &[],
        sockets::a_short_user_timeout,
    ),
    ("sockets::few_local_ports", &[], sockets::few_local_ports),
    (
        "sockets::few_descriptors",
        &["python3", "prlimit"],
        sockets::few_descriptors,
    ),
    (
        "wire::a_syn_in_an_open_connection",
        &["python3"],
        wire::a_syn_in_an_open_connection,
    ),
    (
        "wire::an_error_about_foreign_numbers",
        &["python3"],
        wire::an_error_about_foreign_numbers,
    ),
    ("wire::a_wrong_cookie", &["python3"], wire::a_wrong_cookie),
    ("wire::linger_two", &["python3"], wire::linger_two),
    (
        "wire::too_many_remembered",
        &["python3"],
        wire::too_many_remembered,
    ),
    (
        "wire::a_segment_that_is_invalid",
        &["python3", "nft"],
        wire::a_segment_that_is_invalid,
    ),
    ("settings::overflow_aborts", &[], settings::overflow_aborts),
    ("settings::queues_are_cut", &[], settings::queues_are_cut),
    (
        "settings::half_open_handshakes",
        &["nft"],
        settings::half_open_handshakes,
    ),
    ("settings::fin_timeout", &[], settings::fin_timeout),
    ("settings::retries2", &[], settings::retries2),
    ("settings::keepalive_hasty", &[], settings::keepalive_hasty),
    ("settings::rules_that_reset", &["nft"], settings::rules_that_reset),
    (
        "settings::rules_of_iptables",
        &["iptables"],
        settings::rules_of_iptables,
    ),
    (
        "sockets::killed_for_memory",
        &["python3", "memory group"],
        sockets::killed_for_memory,
    ),
    ("faces::policy_and_formats", &[], faces::policy_and_formats),
    ("faces::a_recording_is_linked", &[], faces::a_recording_is_linked),
    (
        "faces::without_privileges",
        &["setpriv"],
        faces::without_privileges,
    ),
    (
        "faces::hostile_names_are_escaped",
        &["python3"],
        faces::hostile_names_are_escaped,
    ),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let (mut trials, mut reasons) = (Vec::new(), BTreeMap::new());
    for &(name, needs, check) in CHECKS {
        let missing = ["root", "ip"].iter().chain(needs).find_map(|need| missing(need));
        if let Some(why) = &missing {
            *reasons.entry(why.clone()).or_insert(0_usize) += 1;
        }
        let trial = Trial::test(name, move || {
            catch_unwind(AssertUnwindSafe(check)).map_err(|_| Failed::from("see the message above"))
        });
        trials.push(trial.with_ignored_flag(missing.is_some()));
    }
    for (why, count) in &reasons {
        eprintln!("ignored: {count} x {why}");
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Why this is missing.
fn missing(need: &str) -> Option<String> {
    if need == "root" {
        let root = rustix::process::geteuid().is_root();
        return (!root).then(|| "namespaces need root".to_owned());
    }
    if need == "memory group" {
        return sockets::memory_groups()
            .is_none()
            .then(|| "no control groups with the memory controller are mounted".to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(Into::into))
        .any(|folder: std::path::PathBuf| folder.join(need).exists());
    (!found).then(|| format!("`{need}` is not installed"))
}

//! `whyreset probe` from outside: outcomes, idle timeouts and traces against real servers, hand-made
//! ones and boxes in namespaces. A check whose programs are missing is listed as ignored, with its
//! reason; most need root.

#[path = "probe/basic.rs"]
mod basic;
#[path = "probe/chain.rs"]
mod chain;
#[path = "probe/idle.rs"]
mod idle;
#[path = "probe/net.rs"]
mod net;
#[path = "probe/trace.rs"]
mod trace;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

/// They wait for timers, most of the time.
const AT_A_TIME: usize = 8;

/// Name, what it needs, and the check itself.
type Check = (&'static str, &'static [&'static str], fn());

/// The longest come first.
const CHECKS: &[Check] = &[
    (
        "idle::a_box_that_drops",
        &["root", "ip", "nft", "python3"],
        idle::a_box_that_drops,
    ),
    (
        "idle::a_box_that_rejects_v6",
        &["root", "ip", "nft", "python3"],
        idle::a_box_that_rejects_v6,
    ),
    (
        "idle::the_server_speaks_first",
        &["root", "ip", "nft", "python3"],
        idle::the_server_speaks_first,
    ),
    ("idle::haproxy", &["haproxy"], idle::haproxy),
    ("idle::nginx", &["nginx"], idle::nginx),
    ("idle::nginx_in_tls", &["nginx", "openssl"], idle::nginx_in_tls),
    ("idle::node", &["node"], idle::node),
    ("idle::a_search_goes_on", &[], idle::a_search_goes_on),
    ("idle::no_timer_is_no_finding", &[], idle::no_timer_is_no_finding),
    ("idle::nothing_to_hold", &[], idle::nothing_to_hold),
    (
        "trace::nobody_resets",
        &["root", "ip", "python3"],
        trace::nobody_resets,
    ),
    (
        "trace::the_endpoint_resets_by_itself",
        &["root", "ip", "python3"],
        trace::the_endpoint_resets_by_itself,
    ),
    (
        "trace::a_storm_of_resets",
        &["root", "ip", "python3"],
        trace::a_storm_of_resets,
    ),
    (
        "trace::a_router_rejects",
        &["root", "ip", "nft", "python3"],
        trace::a_router_rejects,
    ),
    (
        "trace::forged_with_a_ttl_of_its_own",
        &["root", "ip", "python3"],
        trace::forged_with_a_ttl_of_its_own,
    ),
    (
        "trace::forged_with_a_copied_ttl",
        &["root", "ip", "python3"],
        trace::forged_with_a_copied_ttl,
    ),
    (
        "trace::a_field_that_the_path_changes_is_named",
        &["root", "ip", "nft", "python3"],
        trace::a_field_that_the_path_changes_is_named,
    ),
    ("basic::hostile_endpoints", &[], basic::hostile_endpoints),
    (
        "basic::icmp_refuses_and_names_who",
        &["root", "ip", "nft"],
        basic::icmp_refuses_and_names_who,
    ),
    ("basic::tls_for_real", &["nginx", "openssl"], basic::tls_for_real),
    (
        "basic::the_next_address_is_tried",
        &["root", "unshare"],
        basic::the_next_address_is_tried,
    ),
    ("basic::refused_by_rst", &[], basic::refused_by_rst),
    ("basic::reset_while_held", &[], basic::reset_while_held),
    (
        "basic::reset_with_the_request_unread",
        &[],
        basic::reset_with_the_request_unread,
    ),
    (
        "basic::an_answer_that_was_there_before_the_reset_is_read",
        &[],
        basic::an_answer_that_was_there_before_the_reset_is_read,
    ),
    ("basic::closed_in_order", &[], basic::closed_in_order),
    ("basic::silent", &[], basic::silent),
    (
        "basic::protocols_that_do_not_fit",
        &[],
        basic::protocols_that_do_not_fit,
    ),
    ("basic::an_alert_is_decoded", &[], basic::an_alert_is_decoded),
    (
        "basic::wrong_words_are_refused",
        &[],
        basic::wrong_words_are_refused,
    ),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let (mut trials, mut reasons) = (Vec::new(), BTreeMap::new());
    for &(name, needs, check) in CHECKS {
        let missing = needs.iter().find_map(|need| missing(need));
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
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(Into::into))
        .any(|folder: std::path::PathBuf| folder.join(need).exists());
    (!found).then(|| format!("`{need}` is not installed"))
}

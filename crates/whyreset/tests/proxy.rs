//! `whyreset proxy` on loopback: each fault as a client meets it, and beside it what `whyreset watch`
//! says of the same connection; and toxiproxy's own client, unchanged, that drives it. A check that
//! cannot be done here is listed as ignored, with its reason.

#[path = "proxy/api.rs"]
mod api;
#[path = "proxy/faults.rs"]
mod faults;
#[path = "proxy/ground.rs"]
mod ground;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

/// They wait, most of the time.
const AT_A_TIME: usize = 4;

/// Name, and the check itself.
type Check = (&'static str, fn());

/// What needs a watcher beside it.
const WATCHED: &[Check] = &[
    ("linger", faults::linger),
    ("linger_v6", faults::linger_v6),
    ("reset_peer", faults::reset_peer),
    ("unread", faults::unread),
    ("late_write", faults::late_write),
    ("mid_response", faults::mid_response),
    ("on_idle", faults::on_idle),
    ("on_nth_request", faults::on_nth_request),
    ("refuse", faults::refuse),
    ("half_close", faults::half_close),
    ("hang", faults::hang),
    ("backlog", faults::backlog),
    ("upstream", faults::upstream),
    ("what_ends_do_arrives", faults::what_ends_do_arrives),
];

const PLAIN: &[Check] = &[
    ("probability", faults::probability),
    (
        "a_signal_lets_connections_end",
        faults::a_signal_lets_connections_end,
    ),
    ("what_is_asked_wrongly", faults::what_is_asked_wrongly),
    ("switched_while_it_runs", api::switched_while_it_runs),
    ("hostile_requests", api::hostile_requests),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_A_TIME);
    let blind = ground::blind();
    let client = api::client();
    let why = client.as_ref().err().cloned();
    let mut trials = Vec::new();
    let mut add = |name: &'static str, ignored: Option<&str>, check: Box<dyn Fn() + Send>| {
        if let Some(why) = ignored {
            eprintln!("ignored: {name}: {why}");
        }
        let run = move || {
            catch_unwind(AssertUnwindSafe(check)).map_err(|why| {
                let text = why.downcast_ref::<String>().cloned();
                Failed::from(text.unwrap_or_else(|| "it panicked".to_owned()))
            })
        };
        trials.push(Trial::test(name, run).with_ignored_flag(ignored.is_some()));
    };
    for (name, check) in WATCHED {
        add(name, blind.as_deref(), Box::new(check));
    }
    for (name, check) in PLAIN {
        add(name, None, Box::new(check));
    }
    let folder = client.ok();
    add(
        "toxiproxys_own_client",
        why.as_deref(),
        Box::new(move || {
            if let Some(folder) = &folder {
                api::toxiproxys_own_client(folder.path());
            }
        }),
    );
    libtest_mimic::run(&arguments, trials).exit_code()
}

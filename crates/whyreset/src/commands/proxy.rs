//! `whyreset proxy`: breaks connections on purpose. Refuses to know how; it wires arguments, the
//! proxy and the notices together.

mod args;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use whyreset_proxy::Settings;

pub(crate) use self::args::Proxy;
use crate::screen;

/// Runs it until it is ended.
pub(crate) fn run(args: Proxy) -> ExitCode {
    let faults = match args.fault.iter().map(args::Given::fault).collect() {
        Ok(faults) => faults,
        Err(why) => return screen::fail(&why),
    };
    let settings = Settings {
        name: args.name,
        first: args.listen.zip(args.upstream),
        faults,
        api: (!args.no_api).then_some(args.api),
        max_connections: args.max_connections,
        grace: args.grace,
    };
    match whyreset_proxy::run(settings, Arc::new(notice)) {
        Ok(summary) => {
            notice(&summary.to_string());
            ExitCode::SUCCESS
        }
        Err(why) => screen::fail(&why),
    }
}

/// Where not even stderr can be written there is nobody left to tell.
fn notice(text: &str) {
    _ = writeln!(io::stderr(), "whyreset proxy: {text}");
}

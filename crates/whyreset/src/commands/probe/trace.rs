//! `whyreset probe --trace`: wires the trace to the screen.

use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use whyreset_probe::Script;
use whyreset_probe::trace::{self, Options};

use super::Probe;
use crate::args::Format;
use crate::screen;

/// Traces, and tells what was found, also where it was told to stop before the end.
pub(super) fn run(args: &Probe, script: &Script, stop: &dyn Fn() -> bool) -> Result<ExitCode> {
    let addresses = args.target.resolve().map_err(|why| anyhow!(why))?;
    let Some(&address) = addresses.first() else {
        bail!("{} has no address", args.target);
    };
    let hello = script.tls.as_ref().map(whyreset_probe::TlsClient::hello);
    let data = match hello.transpose().map_err(|why| anyhow!(why))? {
        Some(hello) => Some(hello),
        None => script.say.clone(),
    };
    let options = Options {
        address,
        farthest: args.hops,
        // One segment: what is split over several would be answered several times.
        data: data.map(|bytes| bytes.into_iter().take(1_200).collect()),
    };
    let bar = super::spinner();
    let traced = {
        let mut progress = |ttl: u8| bar.set_message(format!("hop {ttl}; Ctrl-C tells what is known"));
        trace::trace(&options, &mut progress, stop)
    };
    bar.finish_and_clear();
    let traced = traced.map_err(|why| anyhow!(why))?;
    let target = args.target.to_string();
    let out = match args.output {
        Format::Json => trace::json(&target, &options, &traced) + "\n",
        Format::Text => {
            let style = screen::style(args.color, args.quiet, args.verbose);
            let time = jiff::Timestamp::now()
                .to_zoned(style.zone)
                .strftime("%H:%M:%S%.3f")
                .to_string();
            trace::text(&target, &time, &options, &traced)
        }
    };
    screen::print(&out)?;
    let found = [&traced.resets_syn, &traced.resets_data];
    let minds = args.fail_on.iter().any(|word| {
        found.iter().any(|found| {
            found
                .as_ref()
                .is_some_and(|found| word == "any" || word == found.cause)
        })
    });
    Ok(ExitCode::from(if minds { screen::MINDED } else { 0 }))
}

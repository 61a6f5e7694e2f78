//! `whyreset probe --idle`: wires the search for an idle timeout to the screen, the state file and
//! the table of well-known timers.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use whyreset_probe::idle::{self, Bounds, Direction, Options, Poke, Progress, Sample};
use whyreset_probe::{Script, http_request};

use super::Probe;
use crate::args::Format;
use crate::screen;

/// Searches, and tells what was found, also where it was told to stop before the end.
pub(super) fn run(args: &Probe, script: Script, stop: &dyn Fn() -> bool) -> Result<ExitCode> {
    let addresses = args.target.resolve().map_err(|why| anyhow!(why))?;
    let Some(&address) = addresses.first() else {
        bail!("{} has no address", args.target);
    };
    let direction = direction(args, &script);
    let target = args.target.to_string();
    let known = match &args.state {
        Some(path) => idle::load(path, &target, &direction).map_err(|why| anyhow!(why))?,
        None => Vec::new(),
    };
    let options = Options {
        address,
        script,
        direction,
        longest: args.idle_max,
        connections: args.connections,
    };
    let bar = bar();
    let mut trouble = None;
    let samples = {
        let mut learned = |samples: &[Sample]| {
            if let Some(path) = &args.state
                && let Err(why) = idle::save(path, &target, &options.direction, samples)
            {
                trouble = Some(why);
            }
        };
        let mut progress = |now: Progress| show(&bar, now);
        idle::search(&options, known, &mut learned, &mut progress, stop).map_err(|why| anyhow!(why))
    };
    bar.finish_and_clear();
    let samples = samples?;
    if let Some(why) = trouble {
        bail!(why);
    }
    let timers: idle::Timers<'_> = &whyreset_causes::known_timers;
    let out = match args.output {
        Format::Json => idle::json(&target, &options, &samples, timers) + "\n",
        Format::Text => {
            let style = screen::style(args.color, args.quiet, args.verbose);
            let time = jiff::Timestamp::now()
                .to_zoned(style.zone)
                .strftime("%H:%M:%S%.3f")
                .to_string();
            idle::text(&target, &time, &options, &samples, timers)
        }
    };
    screen::print(&out)?;
    let found = Bounds::of(&samples).dead.is_some();
    let minds = args
        .fail_on
        .iter()
        .any(|word| found && matches!(&**word, "any" | "idle-timeout"));
    Ok(ExitCode::from(if minds { screen::MINDED } else { 0 }))
}

fn direction(args: &Probe, script: &Script) -> Direction {
    match (&args.server_first, &args.http) {
        (Some(template), _) if template.starts_with('/') => {
            Direction::Server(http_request(template, &args.target.to_string()))
        }
        (Some(template), _) => Direction::Server(unescaped(template)),
        (None, Some(_)) => Direction::Client(Poke::Say(script.say.clone().unwrap_or_default())),
        (None, None) if args.send.is_some() && args.poke_again => {
            Direction::Client(Poke::Say(script.say.clone().unwrap_or_default()))
        }
        (None, None) => Direction::Client(Poke::Keepalive),
    }
}

/// `\r`, `\n` and `\t` as a shell user writes them.
fn unescaped(text: &str) -> Vec<u8> {
    text.replace("\\r", "\r")
        .replace("\\n", "\n")
        .replace("\\t", "\t")
        .into_bytes()
}

fn bar() -> ProgressBar {
    let bar = super::spinner();
    if let Ok(style) = ProgressStyle::with_template("{prefix} [{wide_bar}] {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn show(bar: &ProgressBar, now: Progress) {
    let whole = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    bar.set_length(whole(now.expected).max(1));
    bar.set_position(whole(now.elapsed.min(now.expected)));
    bar.set_prefix(format!("round {}", now.round));
    bar.set_message(format!(
        "{} of at most {}, {} held; Ctrl-C tells what is known",
        whyreset_probe::words::span(Duration::from_secs(now.elapsed.as_secs())),
        whyreset_probe::words::span(now.expected),
        now.held
    ));
}

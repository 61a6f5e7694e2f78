//! `whyreset probe`: asks one endpoint from the client's side. Refuses to know how; it wires
//! arguments, the probe, the judge and the faces together.

mod args;
mod idle;
mod trace;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressDrawTarget};
use whyreset_evidence::{Certainty, Verdict};
use whyreset_probe::text::Paint;
use whyreset_probe::{
    Asked, End, Report, Script, TlsClient, TlsOptions, ask, dossier, http_request, json, text,
};
use whyreset_report::json_v1;

pub(crate) use self::args::Probe;
use crate::args::Format;
use crate::screen;

/// Bytes of `--send` at most.
const SEND: u64 = 16 << 20;

/// Asks. Exit code 1 where `--fail-on` minds what came of it.
pub(crate) fn run(args: &Probe) -> ExitCode {
    match probe(args) {
        Ok(code) => code,
        Err(error) => screen::fail(&format!("{error:#}")),
    }
}

fn probe(args: &Probe) -> Result<ExitCode> {
    let stop = stop_flag()?;
    let script = script(args)?;
    let stopped = || stop.load(Ordering::Relaxed);
    if args.idle {
        return idle::run(args, script, &stopped);
    }
    if args.trace {
        return trace::run(args, &script, &stopped);
    }
    let addresses = args.target.resolve().map_err(|why| anyhow!(why))?;
    let rounds: Vec<Vec<SocketAddr>> = if args.each {
        addresses.into_iter().map(|address| vec![address]).collect()
    } else {
        vec![addresses]
    };
    let mut minded = false;
    let mut outcomes = BTreeMap::new();
    let mut due = Instant::now();
    'tries: for number in 1..=args.count {
        for addresses in &rounds {
            let report = ask::ask(&args.target, addresses, number, &script, &stopped);
            *outcomes.entry(report.end.as_str()).or_insert(0_u64) += 1;
            let (readable, minds) = show(args, &report)?;
            minded |= minds;
            if !readable || stopped() {
                break 'tries;
            }
        }
        due += args.interval;
        while number < args.count && Instant::now() < due && !stopped() {
            thread::sleep(
                due.saturating_duration_since(Instant::now())
                    .min(Duration::from_millis(50)),
            );
        }
    }
    if args.count > 1 {
        let parts: Vec<String> = outcomes
            .iter()
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        let tries: u64 = outcomes.values().sum();
        // Where not even stderr can be written there is nobody left to tell.
        _ = writeln!(io::stderr(), "whyreset: {tries} tries: {}", parts.join(", "));
    }
    Ok(ExitCode::from(if minded { screen::MINDED } else { 0 }))
}

fn script(args: &Probe) -> Result<Script> {
    let name = args.sni.clone().unwrap_or_else(|| args.target.host.clone());
    let tls = args
        .tls
        .then(|| {
            TlsClient::new(&TlsOptions {
                name,
                // A trace ends with the ClientHello: nobody's certificate is looked at.
                insecure: args.insecure || args.trace,
                protocols: args.http.iter().map(|_| b"http/1.1".to_vec()).collect(),
            })
            .map_err(|why| anyhow!(why))
        })
        .transpose()?;
    let say = match (&args.http, &args.send) {
        (Some(path), _) => Some(http_request(path, &args.target.to_string())),
        (None, Some(file)) => {
            let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
            let mut bytes = Vec::new();
            opened
                .take(SEND + 1)
                .read_to_end(&mut bytes)
                .with_context(|| format!("cannot read {}", file.display()))?;
            if bytes.len() as u64 > SEND || bytes.is_empty() {
                bail!("{} has no bytes, or more than {SEND}", file.display());
            }
            Some(bytes)
        }
        (None, None) => None,
    };
    Ok(Script {
        tls,
        say,
        http: args.http.is_some(),
        patience: args.timeout,
        hold: args.hold,
    })
}

/// Prints one try. Whether anybody reads, and whether the policy minds it.
fn show(args: &Probe, report: &Report) -> Result<(bool, bool)> {
    let asked = Asked {
        tls: args.tls,
        http: args.http.is_some(),
    };
    let reading = whyreset_probe::read(report, asked);
    let verdict = dossier::of(report).map(|dossier| client_alone(whyreset_causes::judge(&dossier)));
    let out = match args.output {
        Format::Json => {
            let verdict = verdict.as_ref().map(json_v1::line);
            let verdict = verdict.and_then(|line| serde_json::from_str(&line).ok());
            json::line(report, &reading, verdict) + "\n"
        }
        Format::Text => {
            let style = screen::style(args.color, args.quiet, args.verbose);
            let paint = Paint { colour: style.colour };
            let at = jiff::Timestamp::from_nanosecond(i128::from(report.at.0)).unwrap_or_default();
            let time = at
                .to_zoned(style.zone.clone())
                .strftime("%H:%M:%S%.3f")
                .to_string();
            let mut out = text::head(report, &time, paint);
            if !args.quiet {
                out += &text::reasons(report, &reading, paint);
                if let Some(verdict) = &verdict {
                    out += &whyreset_report::text::verdict(verdict, &style);
                }
                out += &text::next(&reading, paint);
            }
            out
        }
    };
    let minds = args.fail_on.iter().any(|word| {
        (word == "any" && report.end != End::Open)
            || word == report.end.as_str()
            || verdict.as_ref().is_some_and(|verdict| verdict.cause.id == word)
            || reading.guesses.iter().any(|guess| guess.id == Some(word))
    });
    Ok((screen::print(&out)?, minds))
}

/// A client that stands alone proves nothing about the other end.
fn client_alone(mut verdict: Verdict) -> Verdict {
    verdict.cause.certainty = verdict.cause.certainty.min(Certainty::Likely);
    verdict
}

/// Says on a terminal that something goes on.
fn spinner() -> ProgressBar {
    let terminal = io::stderr().is_terminal();
    ProgressBar::with_draw_target(
        None,
        if terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        },
    )
}

/// Set by SIGINT and SIGTERM; a second one ends the program at once.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .context("cannot listen to signals")?;
    }
    Ok(stop)
}

//! `whyreset lab list` and `whyreset lab run`: make a cause happen and check the verdict. Refuses
//! to check anything but the binary that it is itself, run as a stranger would run it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use whyreset_lab::{Family, How, Options, Scenario, WatchFrom, Wire, scenarios};

use crate::args::Format;
use crate::ladder;

/// What the lab is asked for.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Lab {
    /// List the scenarios: id, true cause, seconds, what is done, and why one cannot run here
    List {
        /// Output format
        #[arg(short, long, value_enum, default_value_t)]
        output: Format,
    },
    /// Play scenarios in network namespaces of their own, watched by this very binary
    Run(Run),
}

/// Which scenarios are played, and how.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Run {
    /// Scenarios, as `whyreset lab list` names them, or scenario files (`mine.toml`)
    #[arg(value_name = "ID", required_unless_present_any = ["all", "basic"])]
    ids: Vec<String>,
    /// Play every scenario
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Play the basic resets on plain loopback: needs nothing but the kernel and this binary
    #[arg(long, conflicts_with_all = ["ids", "all"])]
    basic: bool,
    /// Only IPv4 (4) or only IPv6 (6)
    #[arg(long, value_name = "4|6", value_parser = family)]
    family: Option<Family>,
    /// Print the commands of each, to repeat it by hand
    #[arg(long, conflicts_with_all = ["all", "basic"])]
    explain: bool,
    /// Write captures of both ends, and of the router between, to this folder, with the truth beside
    #[arg(long, value_name = "DIR", conflicts_with = "basic")]
    keep_capture: Option<PathBuf>,
    /// When the watchers start: before the first step; during, while the connection stands that will
    /// be reset and nothing has happened to it; or after the last step
    ///
    /// Who comes during may say the cause with less certainty, or that it is unknown, and who comes
    /// after must say nothing of it; neither may accuse wrongly.
    #[arg(long, value_name = "before|during|after", value_parser = watch_from, default_value = "before",
          conflicts_with = "basic")]
    watch_from: WatchFrom,
    /// Run the client's programs under `whyreset run`, as an ordinary user, and hold what it tells too
    #[arg(long = "under-run", conflicts_with_all = ["basic", "unwatched"])]
    traced: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    /// How many to play at a time
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
    /// Play the steps without a watcher: checks the lab itself
    #[arg(long, hide = true)]
    unwatched: bool,
}

fn family(word: &str) -> Result<Family, String> {
    match word {
        "4" => Ok(Family::V4),
        "6" => Ok(Family::V6),
        _ => Err("it is 4 or 6".to_owned()),
    }
}

fn watch_from(word: &str) -> Result<WatchFrom, String> {
    [WatchFrom::Before, WatchFrom::During, WatchFrom::After]
        .into_iter()
        .find(|from| from.word() == word)
        .ok_or_else(|| "it is before, during or after".to_owned())
}

/// Does it. Exit code 1 where a scenario failed, 2 where none could be started.
pub(crate) fn run(lab: &Lab) -> ExitCode {
    whyreset_lab::sweep();
    match lab {
        Lab::List { output } => {
            let json = *output == Format::Json;
            print(&if json {
                whyreset_lab::list_json()
            } else {
                whyreset_lab::list_text()
            });
            ExitCode::SUCCESS
        }
        Lab::Run(run) => play(run).unwrap_or_else(|why| {
            _ = writeln!(io::stderr(), "whyreset lab: {why}");
            ExitCode::from(2)
        }),
    }
}

fn play(run: &Run) -> Result<ExitCode, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find this binary: {error}"))?;
    let families = run
        .family
        .map_or_else(|| vec![Family::V4, Family::V6], |family| vec![family]);
    let json = run.output == Format::Json;
    if run.basic {
        let reports = whyreset_lab::run_basic(&program, &families).map_err(|error| format!("{error:#}"))?;
        for report in &reports {
            print(&report.render(json));
        }
        let passed = reports.iter().all(whyreset_lab::Report::passed);
        return Ok(if passed {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    let find = |id: &String| Scenario::find(id).map_err(|error| format!("{error:#}"));
    let scenarios = if run.all {
        scenarios().to_vec()
    } else {
        run.ids.iter().map(find).collect::<Result<_, _>>()?
    };
    if run.explain {
        for scenario in scenarios {
            print(
                &scenario
                    .explain(&program, families[0])
                    .map_err(|error| format!("{error:#}"))?,
            );
        }
        return Ok(ExitCode::SUCCESS);
    }
    // A few are told in full, many in a line each.
    let full = !run.all && !json;
    let options = Options {
        program,
        scenarios,
        families,
        jobs: run.jobs,
        json,
        how: How {
            watch: !run.unwatched,
            from: run.watch_from,
            under_run: run.traced,
            wire: full,
            captures: run.keep_capture.clone(),
        },
        draw: full.then_some(draw as fn(&Wire) -> String),
    };
    Ok(whyreset_lab::run_several(&options))
}

fn draw(wire: &Wire) -> String {
    ladder::draw(wire.server, &wire.frames, "", wire.left_out)
}

/// A reader that went away is a quiet end.
fn print(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

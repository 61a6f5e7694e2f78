//! `whyreset lab list` and `whyreset lab run`: make a cause happen and check the verdict. Refuses
//! to check anything but the binary that it is itself, run as a stranger would run it.

use std::io::{self, Write};
use std::process::ExitCode;

use whyreset_lab::{Family, Options, SCENARIOS, Scenario};

use crate::args::Format;

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
    /// Scenarios, as `whyreset lab list` names them
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
    let find = |id: &String| {
        Scenario::find(id).ok_or_else(|| format!("no scenario {id}; `whyreset lab list` shows them"))
    };
    let scenarios = if run.all {
        SCENARIOS.to_vec()
    } else {
        run.ids.iter().map(find).collect::<Result<_, _>>()?
    };
    let options = Options {
        program,
        scenarios,
        families,
        jobs: run.jobs,
        json,
        watch: !run.unwatched,
    };
    Ok(whyreset_lab::run_several(&options))
}

/// A reader that went away is a quiet end.
fn print(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

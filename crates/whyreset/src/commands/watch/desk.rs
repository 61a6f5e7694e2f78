//! Where each dossier passes: judged, filtered, counted, recorded, printed. Keeps the policy of
//! exit codes. Refuses to know whether the dossier comes from the kernel or from a recording.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use whyreset_causes::judge;
use whyreset_evidence::{Dossier, Verdict, write_dossier};
use whyreset_flow::Silences;
use whyreset_report::json_v1;
use whyreset_report::summary::Summary;
use whyreset_report::text::{self, Style};

use crate::args::{Format, Watch};
use crate::filter::{self, Filter, FilterError};
use crate::screen;

/// What happens to each dossier: judged, filtered, counted, recorded, printed.
pub struct Desk<'a> {
    pub args: &'a Watch,
    filter: Option<Filter>,
    style: Style,
    record: Option<File>,
    pub summary: Summary,
    silences: Silences,
    printed: u64,
    minded: bool,
    /// Why to stop before the time is over: nobody reads, or nothing can be written.
    end: Option<Result<()>>,
}

impl<'a> Desk<'a> {
    /// Reads the filter and opens the recording.
    ///
    /// # Errors
    /// A filter that cannot be read, a file that cannot be written.
    pub fn new(args: &'a Watch) -> Result<Self> {
        let expression = args.filter.join(" ");
        let filter = (!expression.is_empty())
            .then(|| filter::parse(&expression).map_err(explained))
            .transpose()?;
        let record = args.record.as_deref().map(open_record).transpose()?;
        Ok(Self {
            args,
            filter,
            style: screen::style(args.color, args.quiet, args.verbose),
            record,
            summary: Summary::default(),
            silences: Silences::default(),
            printed: 0,
            minded: false,
            end: None,
        })
    }

    /// `false` when it is time to stop.
    pub fn take(&mut self, dossier: &Dossier) -> bool {
        let mut dossier = dossier.clone();
        self.silences.note(&dossier);
        self.silences.tell(&mut dossier);
        let dossier = &dossier;
        let verdict = judge(dossier);
        if !self.wants(&verdict) {
            return true;
        }
        self.summary.add(&verdict);
        if verdict.reset.benign && !self.args.all {
            return true;
        }
        self.minded |= self
            .args
            .fail_on
            .iter()
            .any(|id| *id == "any" || *id == verdict.cause.id);
        let outcome = self.keep(dossier).and_then(|()| self.print(&verdict));
        match outcome {
            Ok(true) => {
                self.printed += 1;
                !self.full()
            }
            Ok(false) => {
                self.end = Some(Ok(()));
                false
            }
            Err(error) => {
                self.end = Some(Err(error));
                false
            }
        }
    }

    fn wants(&self, verdict: &Verdict) -> bool {
        let args = self.args;
        let by_cause = args.cause.is_empty() || args.cause.contains(&verdict.cause.id);
        let by_flow = self.filter.as_ref().is_none_or(|filter| filter.takes(verdict));
        let by_process = args.pid.is_none_or(|pid| {
            let victim = verdict.victim.as_ref().and_then(|victim| victim.process.as_ref());
            [verdict.sender.process.as_ref(), victim]
                .into_iter()
                .flatten()
                .any(|process| process.pid == pid)
        });
        by_cause && by_flow && by_process
    }

    /// Whether there is a reason to go on.
    pub fn is_open(&self) -> bool {
        self.has_reader() && !self.full()
    }

    /// Whether anybody reads the output, as far as is known.
    pub const fn has_reader(&self) -> bool {
        self.end.is_none()
    }

    fn full(&self) -> bool {
        self.args.count.is_some_and(|count| self.printed >= count)
    }

    fn keep(&mut self, dossier: &Dossier) -> Result<()> {
        let Some(file) = &mut self.record else {
            return Ok(());
        };
        let path = || {
            self.args
                .record
                .as_deref()
                .unwrap_or(Path::new(""))
                .display()
                .to_string()
        };
        file.write_all((write_dossier(dossier) + "\n").as_bytes())
            .with_context(|| {
                format!(
                    "cannot record to {}; free some space or leave --record out",
                    path()
                )
            })
    }

    fn print(&self, verdict: &Verdict) -> Result<bool> {
        let text = match self.args.output {
            Format::Json => json_v1::line(verdict) + "\n",
            Format::Text => text::verdict(verdict, &self.style),
        };
        screen::print(&text).context("cannot write to standard output")
    }

    /// The exit code by the policy.
    ///
    /// # Errors
    /// What could not be written.
    pub fn code(self) -> Result<ExitCode> {
        self.end.transpose()?;
        Ok(if self.minded {
            ExitCode::from(screen::MINDED)
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// `watch` is the default command, so that a misspelt command arrives as a filter.
fn explained(error: FilterError) -> anyhow::Error {
    let at = error.at;
    let error = anyhow::Error::new(error);
    if at == 0 {
        anyhow::anyhow!("{error}\nIf a command was meant: `whyreset --help` lists them")
    } else {
        error
    }
}

fn open_record(path: &Path) -> Result<File> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| {
            format!(
                "cannot write the recording {}; choose another place",
                path.display()
            )
        })
}

//! Where the report of a run goes, and in which form. Each failure is written at once and as a whole,
//! so that it does not mix with what the command writes. Refuses to touch standard output: that is
//! the command's.

use std::fs::File;
use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result};
use jiff::Timestamp;
use whyreset_report::text::Style;

use super::args::Run;
use crate::args::{Colour, Format};
use crate::screen;

/// The open report.
pub(super) struct Report<'a> {
    pub(super) args: &'a Run,
    pub(super) style: Style,
    file: Option<File>,
    pub(super) told: u64,
}

impl<'a> Report<'a> {
    /// Opens the file, where one is named.
    pub(super) fn open(args: &'a Run) -> Result<Self> {
        let open = |path: &std::path::PathBuf| {
            let file = File::options().create(true).append(true).open(path);
            file.with_context(|| format!("cannot write the report {}; choose another place", path.display()))
        };
        let file = args.report.as_ref().map(open).transpose()?;
        let mut style = screen::style(args.color, args.quiet, args.verbose);
        let plain = file.is_some() || !io::stderr().is_terminal();
        if args.color == Colour::Auto && plain {
            style.colour = false;
        }
        if plain {
            style.width = None;
        }
        Ok(Self {
            args,
            style,
            file,
            told: 0,
        })
    }

    pub(super) fn is_json(&self) -> bool {
        self.args.output == Format::Json
    }

    /// One failure, with its newlines.
    pub(super) fn write(&mut self, text: &str) {
        self.told += 1;
        let bytes = text.as_bytes();
        let written = match &mut self.file {
            Some(file) => file.write_all(bytes),
            None => io::stderr().write_all(bytes),
        };
        // The command goes on whether or not anybody can be told.
        if written.is_err() && self.file.take().is_some() {
            notice("the report's file cannot be written any more; what follows goes to stderr");
        }
    }

    /// The time of day, in the reader's zone.
    pub(super) fn clock(&self, at: whyreset_evidence::Timestamp) -> String {
        Timestamp::from_nanosecond(i128::from(at.0))
            .unwrap_or_default()
            .to_zoned(self.style.zone.clone())
            .strftime("%H:%M:%S%.3f")
            .to_string()
    }

    /// A command that failed, and nothing to tell of it: what that does not prove.
    pub(super) fn close(&self, code: u8, unseen: &str) {
        // From 126 on the shell, or a signal, speaks.
        if (1..126).contains(&code) && self.told == 0 {
            notice(&format!("no connection was seen to fail ({unseen})"));
        }
    }
}

/// A line about this program itself.
pub(super) fn notice(text: &str) {
    for line in text.lines() {
        // Where not even stderr can be written there is nobody left to tell.
        _ = writeln!(io::stderr(), "whyreset: {line}");
    }
}

//! The faces that are written when all is read: HTML and Markdown. Refuses to print anything else.

use std::io::{self, Write};

use anyhow::{Context, Result};
use whyreset_evidence::Timestamp;
use whyreset_report::{html, markdown, page};

use super::desk::Desk;
use super::single::Account;
use crate::args::{Read, ReadFormat};

/// Writes the page, where one was asked for.
///
/// # Errors
/// What cannot be written. That nobody reads any more is none.
pub fn write(desk: &mut Desk<'_>, args: &Read, files: &[String], account: &Account) -> Result<()> {
    let face = match args.output {
        ReadFormat::Html => html::html,
        ReadFormat::Markdown => markdown::markdown,
        ReadFormat::Text | ReadFormat::Json => return Ok(()),
    };
    let points: Vec<page::Point> = desk
        .points
        .iter()
        .map(|(at, gist)| page::Point {
            time: *at,
            cause: gist.cause,
            certainty: gist.certainty,
            benign: gist.benign,
        })
        .collect();
    let told: Vec<page::Told<'_>> = desk
        .kept
        .iter()
        .map(|kept| page::Told {
            verdict: &kept.verdict,
            frame: Some(kept.frame),
            rungs: &kept.rungs,
            alike: kept.alike,
        })
        .collect();
    let notices = super::notices(account);
    let counters = account.counters;
    let page = page::Account {
        title: "Resets",
        files,
        notices: &notices,
        segments: counters.segments,
        connections: counters.connections,
        resets: counters.resets,
        echoes: counters.echoes,
        first: account.span().map(|(first, _)| Timestamp(first)),
        last: account.span().map(|(_, last)| Timestamp(last)),
        points: &points,
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    match face(&page, &told, &mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}

//! A capture's verdicts as one HTML file: it opens from a mail attachment, needs nothing from
//! elsewhere and no script, prints, and reads in light and dark. Refuses to let text from outside
//! become markup.

mod chart;
mod ladder;
mod markup;
mod section;

use std::collections::HashSet;
use std::io::{self, Write};

use self::chart::Series;
use self::markup::safe;
use crate::page::{Account, Tally, Told, count, grouped, moment, percent, sender};

/// Verdicts that are drawn; more are counted. A browser still opens the page at once.
const DRAWN: usize = 1_000;
/// Verdicts that stand open: the first of each kind, and the very first few.
const OPEN: usize = 20;
const OPEN_FIRST: usize = 3;

/// Writes the page.
///
/// # Errors
/// What `out` cannot take.
pub fn html(account: &Account, told: &[Told], out: &mut dyn Write) -> io::Result<()> {
    let tally = Tally::of(account, told);
    let headline = tally.headline(account);
    let title = safe(account.title);
    // Even where something slipped through, nothing would run and nothing be fetched.
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <meta name=\"referrer\" content=\"no-referrer\"/>\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n\
         <title>{title}: {headline}</title>\n<style>\n{style}</style>\n</head>\n<body>\n",
        headline = safe(&headline),
        style = include_str!("html/page.css"),
    )?;
    write!(
        out,
        "<header>\n<p class=\"title\">{title}</p>\n<h1>{}</h1>\n",
        safe(&headline)
    )?;
    files(account, out)?;
    writeln!(out, "</header>\n<main>")?;
    notices(account, out)?;
    figures(account, &tally, out)?;
    if tally.total > 0 {
        let series = Series::of(&tally);
        chart::write(account, &series, out)?;
        causes(&tally, &series, out)?;
    }
    each(&tally, told, out)?;
    writeln!(
        out,
        "</main>\n<footer><p>Written by whyreset {}. Times are UTC. <code>whyreset explain ID</code> is the page of a \
         cause.</p></footer>\n</body>\n</html>",
        env!("CARGO_PKG_VERSION")
    )
}

fn files(account: &Account, out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<String> = account
        .files
        .iter()
        .map(|name| format!("<code>{}</code>", safe(name)))
        .collect();
    if !names.is_empty() {
        writeln!(out, "<p>{}</p>", names.join(", "))?;
    }
    match account.span() {
        Some(span) => writeln!(out, "<p>{span}</p>"),
        None => Ok(()),
    }
}

fn notices(account: &Account, out: &mut dyn Write) -> io::Result<()> {
    if account.notices.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<section class=\"notices\" aria-labelledby=\"notices\">\n<h2 id=\"notices\">What was not seen</h2>\n<ul>"
    )?;
    for notice in account.notices {
        writeln!(out, "<li>{}</li>", safe(notice))?;
    }
    writeln!(out, "</ul>\n</section>")
}

fn figures(account: &Account, tally: &Tally, out: &mut dyn Write) -> io::Result<()> {
    let certain: u64 = tally.rows.iter().map(|row| row.certainty[0]).sum();
    let benign: u64 = tally.rows.iter().map(|row| row.benign).sum();
    writeln!(out, "<dl class=\"figures\">")?;
    for (number, what) in [
        (tally.total, "resets judged"),
        (certain, "of them certain"),
        (benign, "of them benign"),
        (tally.rows.len() as u64, "causes"),
        (account.connections, "connections followed"),
        (account.segments, "TCP segments"),
    ] {
        writeln!(out, "<div><dt>{what}</dt><dd>{}</dd></div>", grouped(number))?;
    }
    writeln!(out, "</dl>")?;
    match account.beyond() {
        Some(beyond) => writeln!(out, "<p class=\"faint\">{beyond}</p>"),
        None => Ok(()),
    }
}

fn causes(tally: &Tally, series: &Series, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<section aria-labelledby=\"causes\">\n<h2 id=\"causes\">Causes</h2>\n\
         <div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"causes\">\n<table>\n<thead><tr>\
         <th scope=\"col\">cause</th><th scope=\"col\" class=\"number\">resets</th>\
         <th scope=\"col\" class=\"number\">share</th><th scope=\"col\" class=\"number\">certain</th>\
         <th scope=\"col\" class=\"number\">likely</th><th scope=\"col\" class=\"number\">possible</th>\
         <th scope=\"col\" class=\"number\">unknown</th><th scope=\"col\">sent by</th></tr></thead>\n<tbody>"
    )?;
    for (place, row) in tally.rows.iter().enumerate() {
        let benign = match row.benign {
            0 => String::new(),
            some => format!(" <span class=\"faint\">({} benign)</span>", grouped(some)),
        };
        write!(
            out,
            "<tr><th scope=\"row\">{} <code>{}</code>{benign}<br/><span class=\"faint\">{}</span></th>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td>",
            series.swatch(place),
            safe(row.cause),
            safe(row.meaning()),
            grouped(row.count),
            percent(row.count, tally.total),
        )?;
        for number in row.certainty {
            write!(out, "<td class=\"number\">{}</td>", grouped(number))?;
        }
        writeln!(out, "<td>{}</td></tr>", safe(&row.who()))?;
    }
    writeln!(out, "</tbody>\n</table>\n</div>\n</section>")
}

fn each(tally: &Tally, told: &[Told], out: &mut dyn Write) -> io::Result<()> {
    if told.is_empty() {
        return match tally.total {
            0 => writeln!(out, "<p>There is no verdict to tell.</p>"),
            _ => writeln!(out, "<p>They are counted above; none is told one by one.</p>"),
        };
    }
    writeln!(
        out,
        "<section aria-labelledby=\"each\">\n<h2 id=\"each\">Each reset</h2>"
    )?;
    let mut kinds = HashSet::new();
    let mut opened = 0;
    for (place, one) in told.iter().take(DRAWN).enumerate() {
        let cause = &one.verdict.cause;
        let new = kinds.insert((cause.id, cause.situation, sender(one.verdict)));
        let open = (new || place < OPEN_FIRST) && opened < OPEN;
        opened += usize::from(open);
        section::write(place + 1, one, open, out)?;
    }
    let more = told.len().saturating_sub(DRAWN);
    if more > 0 {
        let since = told.get(DRAWN).map_or(String::new(), |one| {
            format!(" The first of them is of {}.", moment(one.verdict.time))
        });
        writeln!(
            out,
            "<p>{} more are counted above and not drawn.{since} <code>-o json</code> lists every one.</p>",
            count(more as u64, "verdict")
        )?;
    }
    writeln!(out, "</section>")
}

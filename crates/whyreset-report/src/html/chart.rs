//! Resets over time as a stacked bar chart in SVG. Every cause has a colour and a hatching, and
//! every bar says its numbers in words. Refuses to draw more bars than eyes can tell apart.

mod axis;

use std::io::{self, Write};

use whyreset_evidence::Timestamp;

use self::axis::{Axis, top_of};
use super::markup::safe;
use crate::page::{Account, Tally, count, grouped, since};

/// Causes with a colour of their own; the others share one.
const COLOURS: usize = 6;
/// Units of the drawing.
const WIDTH: u64 = 900;
const HEIGHT: u64 = 240;
const LEFT: u64 = 60;
const RIGHT: u64 = 20;
const TOP: u64 = 20;
const BOTTOM: u64 = 40;
const ROOM: u64 = HEIGHT - TOP - BOTTOM;

/// Hatchings, as the drawing of one tile of eight by eight; the first is none.
const HATCHINGS: [&str; COLOURS + 1] = [
    "",
    "<path class=\"hatch\" d=\"M-2 10L10 -2\"/>",
    "<path class=\"hatch\" d=\"M0 4H8\"/>",
    "<circle class=\"dot\" cx=\"4\" cy=\"4\" r=\"1.6\"/>",
    "<path class=\"hatch\" d=\"M-2 -2L10 10\"/>",
    "<path class=\"hatch\" d=\"M4 0V8\"/>",
    "<path class=\"hatch\" d=\"M0 4H8M4 0V8\"/>",
];

/// Which cause has which colour.
#[derive(Debug)]
pub struct Series {
    names: Vec<(&'static str, u64)>,
    others: u64,
}

impl Series {
    /// The most frequent causes have colours of their own.
    pub fn of(tally: &Tally) -> Self {
        let (own, others) = tally.rows.split_at(tally.rows.len().min(COLOURS));
        Self {
            names: own.iter().map(|row| (row.cause, row.count)).collect(),
            others: others.iter().map(|row| row.count).sum(),
        }
    }

    fn place(&self, cause: &str) -> usize {
        self.names
            .iter()
            .position(|(name, _)| *name == cause)
            .unwrap_or(COLOURS)
    }

    fn name(&self, place: usize) -> &str {
        self.names.get(place).map_or("other causes", |(name, _)| name)
    }

    fn each(&self) -> impl Iterator<Item = (usize, &str, u64)> {
        let own = self
            .names
            .iter()
            .enumerate()
            .map(|(place, (name, count))| (place, *name, *count));
        own.chain((self.others > 0).then_some((COLOURS, "other causes", self.others)))
    }

    /// A small field in the colour and hatching of the cause in this row.
    #[expect(
        clippy::unused_self,
        reason = "only where there is a series are its fillings drawn"
    )]
    pub fn swatch(&self, row: usize) -> String {
        format!(
            "<svg class=\"swatch\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 18 14\" aria-hidden=\"true\">\
             <rect width=\"18\" height=\"14\" rx=\"2\" fill=\"url(#p{})\"/></svg>",
            row.min(COLOURS)
        )
    }
}

/// The figure.
pub fn write(account: &Account, series: &Series, out: &mut dyn Write) -> io::Result<()> {
    let times = account.points.iter().map(|point| point.time);
    let (Some(least), Some(most)) = (times.clone().min(), times.max()) else {
        return Ok(());
    };
    let axis = Axis::over(
        account.first.map_or(least, |first| first.min(least)),
        account.last.map_or(most, |last| last.max(most)),
    );
    let mut bars = vec![[0_u64; COLOURS + 1]; axis.bars];
    for point in account.points {
        bars[axis.bar(point.time)][series.place(point.cause)] += 1;
    }
    let highest = bars.iter().map(|bar| bar.iter().sum::<u64>()).max().unwrap_or(0);
    let top = top_of(highest);
    writeln!(
        out,
        "<section aria-labelledby=\"over-time\">\n<h2 id=\"over-time\">Resets over time</h2>\n<figure>\n\
         <div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"over-time\">\n\
         <svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-labelledby=\"chart-title chart-desc\">\n<title id=\"chart-title\">Resets over time, by cause</title>\n\
         <desc id=\"chart-desc\">{} between {} and {} UTC; the most within {} are {}. The table of causes has the \
         numbers.</desc>",
        count(account.points.len() as u64, "reset"),
        since(least, "%Y-%m-%d %H:%M:%S%.3f"),
        since(most, "%Y-%m-%d %H:%M:%S%.3f"),
        axis.length(),
        grouped(highest),
    )?;
    fillings(out)?;
    grid(&axis, top, out)?;
    let width = (WIDTH - LEFT - RIGHT) * 10 / axis.bars as u64;
    for (place, bar) in bars.iter().enumerate() {
        let x = LEFT * 10 + width * place as u64;
        stack(&axis.words(place), bar, series, (x, width), top, out)?;
    }
    writeln!(out, "</svg>\n</div>\n<figcaption>\n<ul class=\"legend\">")?;
    for (place, name, number) in series.each() {
        writeln!(
            out,
            "<li>{} {} <span class=\"faint\">{}</span></li>",
            series.swatch(place),
            safe(name),
            grouped(number)
        )?;
    }
    writeln!(
        out,
        "</ul>\n<p class=\"faint\">Each bar is {}; times are UTC, from {}.</p>\n</figcaption>\n</figure>\n</section>",
        axis.length(),
        since(Timestamp(axis.start), "%Y-%m-%d %H:%M:%S%.6f"),
    )
}

fn fillings(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<defs>")?;
    for (place, hatching) in HATCHINGS.iter().enumerate() {
        writeln!(
            out,
            "<pattern id=\"p{place}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
             <rect class=\"k{place}\" width=\"8\" height=\"8\"/>{hatching}</pattern>"
        )?;
    }
    writeln!(out, "</defs>")
}

fn grid(axis: &Axis, top: u64, out: &mut dyn Write) -> io::Result<()> {
    let halves = if top > 1 { &[0, 1, 2][..] } else { &[0, 2] };
    for half in halves {
        let y = TOP + ROOM - ROOM * half / 2;
        writeln!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {y}H{}\"/><text class=\"tick\" x=\"{}\" y=\"{}\" \
             text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8,
            y + 4,
            grouped(top * half / 2)
        )?;
    }
    let wide = WIDTH - LEFT - RIGHT;
    for (place, word) in axis.ticks() {
        let x = LEFT + wide * place as u64 / axis.bars as u64;
        let base = TOP + ROOM;
        writeln!(
            out,
            "<path class=\"grid\" d=\"M{x} {base}V{}\"/><text class=\"tick\" x=\"{x}\" y=\"{}\">{word}</text>",
            base + 6,
            base + 20
        )?;
    }
    Ok(())
}

/// One bar; places and sizes are tenths of a unit.
fn stack(
    when: &str,
    bar: &[u64; COLOURS + 1],
    series: &Series,
    (x, width): (u64, u64),
    top: u64,
    out: &mut dyn Write,
) -> io::Result<()> {
    let tenths = |value: u64| format!("{}.{}", value / 10, value % 10);
    let gap = (width / 8).clamp(1, 20);
    let mut base = (TOP + ROOM) * 10;
    for (place, number) in bar.iter().enumerate().filter(|(_, number)| **number > 0) {
        // One among thousands is still seen.
        let height = (ROOM * 10 * number / top).max(15).min(base);
        base -= height;
        writeln!(
            out,
            "<rect class=\"bar\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"url(#p{place})\">\
             <title>{when}: {} {}</title></rect>",
            tenths(x + gap / 2),
            tenths(base),
            tenths(width - gap),
            tenths(height),
            grouped(*number),
            safe(series.name(place)),
        )?;
    }
    Ok(())
}

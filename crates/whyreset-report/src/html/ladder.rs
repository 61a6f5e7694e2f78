//! The ladder as SVG: two ends, an arrow for each segment, a cross where a reset arrives. Refuses
//! to interpret; notes are the caller's.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use whyreset_evidence::Side;

use super::markup::{clipped, safe};
use super::section::frame;
use crate::ladder::Rung;
use crate::page::{Told, count, passed, what_happened};
use crate::wrap::wrap;

/// Units of the drawing: where the two ends stand, where the notes begin, how wide it is.
const CLIENT: usize = 110;
const SERVER: usize = 560;
const NOTES: usize = 578;
const WIDTH: usize = 900;
/// Above the first segment, of each segment, of each further line of a note, of a pause.
const TOP: usize = 52;
const STEP: usize = 30;
const LINE: usize = 14;
const PAUSE: usize = 26;
/// What fits: characters of a label, of one line of a note, lines of a note.
const LABEL: usize = 56;
const NOTE: usize = 46;
const NOTE_LINES: usize = 4;
/// Segments that are drawn: the last ones are the decisive ones.
const RUNGS: usize = 200;
/// A silence that is said in words.
const SILENCE: Duration = Duration::from_secs(1);

/// The figure, where there are segments.
pub fn write(number: usize, told: &Told, out: &mut dyn Write) -> io::Result<()> {
    if told.rungs.is_empty() {
        return Ok(());
    }
    let flow = told.verdict.connection.flow;
    let mut body = String::new();
    let mut y = TOP;
    let mut before = None;
    let earlier = told.rungs.len().saturating_sub(RUNGS);
    for rung in told.rungs.iter().skip(earlier) {
        let silence = before.map_or(Duration::ZERO, |before| rung.at.saturating_sub(before));
        if silence >= SILENCE {
            pause(silence, y, &mut body);
            y += PAUSE;
        }
        before = Some(rung.at);
        y += STEP;
        y += arrow(rung, y, &mut body);
    }
    let height = y + 22;
    let resets = told.rungs.iter().filter(|rung| rung.reset).count() as u64;
    let at = frame(told).map_or(String::new(), |frame| format!(" in frame {frame}"));
    writeln!(
        out,
        "<h3 id=\"h{number}\">On the wire</h3>\n\
         <div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"h{number}\">\n\
         <svg class=\"ladder\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"t{number} d{number}\">\n\
         <title id=\"t{number}\">Segments between client {client} and server {server}</title>\n\
         <desc id=\"d{number}\">{}, {} among them; {}{at}.</desc>\n\
         <text class=\"end\" x=\"{CLIENT}\" y=\"18\" text-anchor=\"middle\">client</text>\
         <text class=\"mono\" x=\"70\" y=\"36\">{client}</text>\n\
         <text class=\"end\" x=\"{SERVER}\" y=\"18\" text-anchor=\"middle\">server</text>\
         <text class=\"mono\" x=\"520\" y=\"36\">{server}</text>\n\
         <path class=\"life\" d=\"M{CLIENT} 44V{height}M{SERVER} 44V{height}\"/>\n{body}</svg>\n</div>",
        count(told.rungs.len() as u64, "segment"),
        count(resets, "reset"),
        what_happened(told.verdict),
        client = flow.client,
        server = flow.server,
    )?;
    if earlier > 0 {
        let earlier = count(earlier as u64, "segment");
        writeln!(out, "<p class=\"faint\">{earlier} before these not drawn.</p>")?;
    }
    Ok(())
}

fn pause(silence: Duration, y: usize, body: &mut String) {
    let middle = usize::midpoint(CLIENT, SERVER);
    _ = writeln!(
        body,
        "<text class=\"pause\" x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{} of silence</text>",
        y + PAUSE - 8,
        passed(silence)
    );
}

/// Draws one segment at `y`; how much room its note takes below that.
fn arrow(rung: &Rung, y: usize, body: &mut String) -> usize {
    let (from, to, back) = match rung.from {
        Side::Client => (CLIENT, SERVER - 2, SERVER - 11),
        Side::Server => (SERVER, CLIENT + 2, CLIENT + 11),
    };
    let class = if rung.reset { "segment reset" } else { "segment" };
    let word = if rung.reset { "RST " } else { "" };
    let (head, shaft) = if rung.reset {
        let at = match rung.from {
            Side::Client => SERVER - 8,
            Side::Server => CLIENT + 8,
        };
        let (left, right, up, down) = (at - 6, at + 6, y - 6, y + 6);
        (
            format!("<path class=\"cross\" d=\"M{left} {up}L{right} {down}M{left} {down}L{right} {up}\"/>"),
            at,
        )
    } else {
        (
            format!(
                "<path class=\"head\" d=\"M{to} {y}L{back} {}V{}Z\"/>",
                y - 4,
                y + 4
            ),
            back,
        )
    };
    _ = write!(
        body,
        "<g class=\"{class}\"><text class=\"time\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
         <path class=\"shaft\" d=\"M{from} {y}H{shaft}\"/>{head}\
         <text class=\"mono\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{word}{}</text>",
        CLIENT - 12,
        y + 4,
        passed(rung.at),
        usize::midpoint(CLIENT, SERVER),
        y - 5,
        safe(&clipped(&rung.label, LABEL)),
    );
    let mut lines = 0;
    if let Some(note) = &rung.note {
        // Wrapped before it is made harmless: no entity may be cut in two.
        let wrapped = wrap(&clipped(note, NOTE * NOTE_LINES), 0, Some(NOTE));
        for line in wrapped.lines().take(NOTE_LINES) {
            _ = write!(
                body,
                "<text class=\"note\" x=\"{NOTES}\" y=\"{}\">{}</text>",
                y + 4 + lines * LINE,
                safe(&clipped(line, NOTE + 2))
            );
            lines += 1;
        }
    }
    body.push_str("</g>\n");
    lines.saturating_sub(2) * LINE
}

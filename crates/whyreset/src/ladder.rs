//! Frames of the lab, as the rungs of a ladder. Refuses to choose them.

use std::net::SocketAddr;

use whyreset_evidence::{Flags, Side};
use whyreset_lab::Frame;
use whyreset_report::ladder::{Rung, draw as draw_rungs};

use crate::args::Colour;
use crate::screen;

/// Draws them; `note` stands beside each reset, and `left_out` says how many are missing before
/// which one.
pub(crate) fn draw(
    server: SocketAddr,
    frames: &[Frame],
    note: &str,
    left_out: Option<(usize, usize)>,
) -> String {
    let Some(first) = frames.first() else {
        return "     Nothing was on the wire.\n".to_owned();
    };
    let rung = |(number, frame): (usize, &Frame)| {
        let segment = &frame.segment;
        let reset = segment.flags.has(Flags::RST);
        let size = if segment.len > 0 {
            format!(" {} bytes", segment.len)
        } else {
            String::new()
        };
        let gap = left_out.filter(|(_, before)| *before == number);
        Rung {
            at: frame.at.duration_since(first.at).unwrap_or_default(),
            from: if frame.source == server {
                Side::Server
            } else {
                Side::Client
            },
            label: format!("{}{size}", segment.flags),
            note: match (reset, gap) {
                (true, _) if !note.is_empty() => Some(note.to_owned()),
                (_, Some((count, _))) => Some(format!("after {count} more segments")),
                _ => None,
            },
            reset,
        }
    };
    let rungs: Vec<Rung> = frames.iter().enumerate().map(rung).collect();
    let client = if first.source == server {
        first.destination
    } else {
        first.source
    };
    let style = screen::style(Colour::Auto, false, false);
    draw_rungs(
        &format!("client {client}"),
        &format!("server {server}"),
        &rungs,
        &style,
    )
}

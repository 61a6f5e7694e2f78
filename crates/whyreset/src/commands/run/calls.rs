//! A command followed by the calls it makes: each failure is judged as far as one end's own socket
//! goes. Refuses to claim more than `likely`.

use whyreset_causes::judge;
use whyreset_evidence::{Certainty, Verdict};
use whyreset_probe::text::Paint;
use whyreset_report::json_v1;
use whyreset_trace::{Event, Failure, Follow, Held, Unable, dossier, json, read, text};

use super::report::{Report, notice};

/// Runs the command; its exit code.
pub(super) fn run(held: Held, follow: Follow, mut report: Report<'_>) -> Result<u8, Unable> {
    let code = held.run(follow, &mut |event| match event {
        Event::Failed(failure) => tell(&failure, &mut report),
        Event::Started(_) => {}
        Event::Ring(process) => notice(&format!(
            "{} uses io_uring: what it asks of sockets that way is not seen; --by kernel sees it",
            whyreset_report::escape::escape(&process.to_string())
        )),
        Event::Ended(left) => notice(&format!(
            "the command has ended; {left} that it started run on, and end with this program"
        )),
    })?;
    report.close(
        code,
        "not seen this way: io_uring, and errors of reads and writes that leave no mark on the socket: --every-call",
    );
    Ok(code)
}

fn tell(failure: &Failure, report: &mut Report<'_>) {
    let reading = read(failure);
    let verdict = dossier::of(failure).map(|dossier| one_end(judge(&dossier)));
    let out = if report.is_json() {
        let verdict = verdict.as_ref().map(json_v1::line);
        let verdict = verdict.and_then(|line| serde_json::from_str(&line).ok());
        json::line(failure, &reading, verdict.as_ref()) + "\n"
    } else {
        let paint = Paint {
            colour: report.style.colour,
        };
        let mut out = text::head(failure, &report.clock(failure.at), paint);
        if !report.args.quiet {
            out += &text::reasons(failure, &reading, verdict.is_some(), paint);
            // What an unknown cause leaves open is said above; its rivals are for who asks.
            let shown =
                |verdict: &&Verdict| report.args.verbose || verdict.cause.certainty > Certainty::Unknown;
            if let Some(verdict) = verdict.as_ref().filter(shown) {
                out += &whyreset_report::text::verdict(verdict, &report.style);
            }
            out += &text::next(&reading, paint);
        }
        out
    };
    report.write(&out);
}

/// One end proves nothing about the other, and its own resets are foretold here rather than seen.
fn one_end(mut verdict: Verdict) -> Verdict {
    verdict.cause.certainty = verdict.cause.certainty.min(Certainty::Likely);
    verdict
}

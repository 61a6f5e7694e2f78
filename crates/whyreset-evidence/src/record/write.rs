//! A dossier to lines of text.

use alloc::format;
use alloc::string::String;

use core::fmt::Write as _;

use super::DEFAULT_START;
use super::logged;
use super::words::{encode, in_milliseconds};
use crate::{Dossier, Fact, Roles, Side, Socket, Source, Timestamp, What};

/// Writes a dossier so that [`parse_dossier`] gives it back. Views named in
/// [`Coverage::missing`] are the observer's, not the connection's, and are not written.
pub fn write_dossier(dossier: &Dossier) -> String {
    let start = dossier.facts.first().map_or(DEFAULT_START, |fact| fact.at);
    let coverage = &dossier.coverage;
    let mut out = format!("flow {} > {}", dossier.flow.client, dossier.flow.server);
    if dossier.flow.roles == Roles::Guessed {
        out.push_str(" guessed");
    }
    match (coverage.client, coverage.server) {
        (true, true) => out.push_str(" watch=client,server"),
        (true, false) => out.push_str(" watch=client"),
        (false, true) => out.push_str(" watch=server"),
        (false, false) => {}
    }
    for (word, missing) in [
        ("no-reply-resets", !coverage.reply_resets),
        ("no-drops", !coverage.drops),
    ] {
        if missing {
            let _ = write!(out, " {word}");
        }
    }
    let _ = write!(
        out,
        " at={} watched-ms={}",
        start.0,
        in_milliseconds(start.since(coverage.since))
    );
    if let Some(netns) = dossier.netns {
        let _ = write!(out, " netns={netns}");
    }
    if coverage.lost > 0 {
        let _ = write!(out, " lost={}", coverage.lost);
    }
    match dossier.source {
        Source::Live => {}
        Source::Capture => out.push_str(" source=capture"),
        Source::Probe => out.push_str(" source=probe"),
        Source::Fleet => out.push_str(" source=fleet"),
    }
    out.push('\n');
    // What passed a capture point is replayed from the capture itself.
    let facts = dossier.facts.iter();
    for fact in facts.filter(|fact| !matches!(fact.what, What::Passed(_))) {
        write_fact(fact, start, &mut out);
    }
    out
}

fn write_fact(fact: &Fact, start: Timestamp, out: &mut String) {
    let (sign, span) = if fact.at >= start {
        ('+', fact.at.since(start))
    } else {
        ('-', start.since(fact.at))
    };
    let _ = write!(out, "{sign}{} ", in_milliseconds(span));
    out.push_str(fact.side.map_or("between", Side::as_str));
    let socket = |out: &mut String, socket: &Option<Socket>| match socket {
        Some(socket) => {
            let _ = write!(out, " state={}", socket.state);
            socket.write(out);
        }
        None => out.push_str(" nosocket"),
    };
    match &fact.what {
        What::Sent(sent) => {
            out.push_str(" sent");
            socket(out, &sent.socket);
            if let Some(trigger) = &sent.trigger {
                trigger.write(out);
            }
            if let Some(reason) = &sent.reason {
                let _ = write!(out, " reason={reason}");
            }
            if let Some(actor) = &sent.actor {
                out.push_str(" by=");
                actor.write(out);
            }
        }
        What::Received(received) => {
            out.push_str(" received");
            socket(out, &received.socket);
            if let Some(header) = &received.header {
                header.write(out);
            }
            if !received.accepted {
                out.push_str(" refused");
            }
            if received.guesses > 0 {
                let _ = write!(out, " guesses={}", received.guesses);
            }
        }
        What::Ended(ended) => {
            let _ = write!(out, " ended {}>{}", ended.from, ended.to);
            ended.socket.write(out);
            if let Some(error) = ended.error {
                let _ = write!(out, " error={error}");
            }
            if let Some(seq) = ended.fin_seq {
                let _ = write!(out, " fin-seq={seq}");
            }
            if let Some(seq) = ended.rcv_nxt {
                let _ = write!(out, " rcv-nxt={seq}");
            }
            if let Some(by) = &ended.by {
                out.push_str(" by=");
                by.write(out);
            }
        }
        What::Errored(errno) => _ = write!(out, " errored {errno}"),
        What::Drop(drop) => {
            let _ = write!(out, " dropped reason={}", drop.reason);
            for (key, value) in [("netns", drop.netns), ("device", drop.device)] {
                if value != 0 {
                    let _ = write!(out, " {key}={value}");
                }
            }
            drop.segment.write(out);
        }
        What::Killed(killed) => {
            let _ = write!(
                out,
                " killed victim={} signal={} by=",
                killed.victim, killed.signal
            );
            killed.by.write(out);
        }
        What::AskedBy(process) => {
            out.push_str(" asked-by ");
            process.write(out);
        }
        What::Owner(process) => {
            out.push_str(" owner ");
            process.write(out);
        }
        What::Listener(process) => {
            out.push_str(" listener ");
            process.write(out);
        }
        looked_up => write_looked_up(looked_up, out),
    }
    if fact.cite != fact.what.kernel_cite() {
        let _ = write!(out, " cite={}", fact.cite.replace(['\n', '\r'], " "));
    }
    out.push('\n');
}

/// Facts that no event brought.
fn write_looked_up(what: &What, out: &mut String) {
    match what {
        What::Translation(gone) => {
            let _ = write!(
                out,
                " untranslated {}>{} {} ct-state={} timeout={}",
                gone.other.0,
                gone.other.1,
                if gone.reply { "reply" } else { "original" },
                gone.state,
                gone.timeout_ms
            );
            if gone.stands {
                out.push_str(" stands");
            }
            if gone.asked {
                out.push_str(" asked");
            }
            if let Some(by) = &gone.by {
                out.push_str(" by=");
                by.write(out);
            }
        }
        What::Balanced(balanced) => {
            let _ = write!(
                out,
                " balanced {} by={} timeout={}",
                balanced.service,
                encode(&balanced.scheduler),
                balanced.timeout_ms
            );
        }
        What::Standing(state) => {
            let _ = write!(out, " standing {state}");
        }
        What::OnlyWith(peer) => {
            let _ = write!(out, " only-with {peer}");
        }
        What::WentOn(segment) => {
            out.push_str(" went-on");
            segment.write(out);
        }
        What::Ruled(ruled) => {
            out.push_str(if ruled.whole { " ruled whole" } else { " ruled" });
            for (verb, rules) in [("reset", &ruled.resets), ("drop", &ruled.drops)] {
                for rule in rules {
                    let how = if rule.surely { "surely" } else { "perhaps" };
                    let _ = write!(out, " {verb}-{how}={}", encode(&rule.text));
                    if let Some(packets) = rule.packets {
                        let _ = write!(out, " counted={packets}");
                    }
                }
            }
        }
        What::Tracking(table) => {
            let _ = write!(out, " tracking entries={} most={}", table.entries, table.most);
        }
        What::Alike(alike) => {
            let _ = write!(
                out,
                " alike count={} of={} silence={} spread={}",
                alike.count, alike.of, alike.silence_ms, alike.spread_ms
            );
        }
        What::Holds(holdings) => {
            out.push_str(" holds ");
            holdings.process.write(out);
            let _ = write!(out, " fds={} fd-limit={}", holdings.fds, holdings.fd_limit);
            if let Some(age) = holdings.age_ms {
                let _ = write!(out, " running={age}");
            }
            if let Some(memory) = holdings.memory {
                let _ = write!(out, " memory={}/{}", memory.used, memory.limit);
            }
        }
        What::Logged(line) => logged::write(line, out),
        // What passed is replayed from its capture, and events have their own words.
        _ => {}
    }
}

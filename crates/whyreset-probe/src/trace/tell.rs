//! A trace as a table for people, and as JSON (`whyreset/probe-trace/1`). Refuses to conclude.

use std::fmt::Write as _;
use std::net::IpAddr;

use serde::Serialize;
use whyreset_wire::IcmpKind;

use super::{Answer, Found, Hop, Options, Shape, Traced};

const INDENT: usize = 14;

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    time: String,
    target: &'a str,
    address: String,
    distance: Option<u8>,
    complete: bool,
    own: Option<ShapeJson<'a>>,
    syn: Vec<HopJson<'a>>,
    data: Vec<HopJson<'a>>,
    resets_syn: Option<FoundJson<'a>>,
    resets_data: Option<FoundJson<'a>>,
    no_data: Option<&'static str>,
}

#[derive(Serialize)]
struct HopJson<'a> {
    ttl: u8,
    router: Option<IpAddr>,
    tries: u8,
    answers: Vec<AnswerJson<'a>>,
}

#[derive(Serialize)]
struct AnswerJson<'a> {
    kind: &'static str,
    from: Option<IpAddr>,
    shape: Option<ShapeJson<'a>>,
    changes: Vec<String>,
}

#[derive(Serialize)]
struct ShapeJson<'a> {
    ttl: u8,
    ip_id: Option<u16>,
    df: bool,
    window: u16,
    options: &'a [&'static str],
}

#[derive(Serialize)]
struct FoundJson<'a> {
    cause: &'static str,
    certainty: &'static str,
    endpoint: bool,
    hop_nearest: u8,
    hop_farthest: u8,
    router: Option<IpAddr>,
    on_path: bool,
    ttl: &'static str,
    reset: ShapeJson<'a>,
    differs: &'a [String],
    summary: String,
}

/// One line of JSON, without a newline at its end.
#[inline(never)]
pub fn json(target: &str, options: &Options, traced: &Traced) -> String {
    let line = Line {
        schema: "whyreset/probe-trace/1",
        time: crate::json::utc(crate::ask::now()),
        target,
        address: options.address.to_string(),
        distance: traced.baseline.distance,
        complete: !traced.stopped,
        own: traced.baseline.syn_ack.as_ref().map(shape),
        syn: traced.syn.iter().map(hop).collect(),
        data: traced.data.iter().map(hop).collect(),
        resets_syn: traced.resets_syn.as_ref().map(found),
        resets_data: traced.resets_data.as_ref().map(found),
        no_data: traced.no_data,
    };
    serde_json::to_string(&line).unwrap_or_default()
}

fn hop(hop: &Hop) -> HopJson<'_> {
    HopJson {
        ttl: hop.ttl,
        router: hop.router(),
        tries: hop.tries,
        answers: hop.answers.iter().map(answer).collect(),
    }
}

fn answer(answer: &Answer) -> AnswerJson<'_> {
    let plain = |kind| AnswerJson {
        kind,
        from: None,
        shape: None,
        changes: Vec::new(),
    };
    match answer {
        Answer::Expired { from, changes, .. } => AnswerJson {
            from: Some(*from),
            changes: changes.iter().map(ToString::to_string).collect(),
            ..plain("expired")
        },
        Answer::Refused { from, .. } => AnswerJson {
            from: Some(*from),
            ..plain("icmp")
        },
        Answer::Reset(reset) => AnswerJson {
            shape: Some(shape(reset)),
            ..plain("rst")
        },
        Answer::SynAck(own) => AnswerJson {
            shape: Some(shape(own)),
            ..plain("syn-ack")
        },
        Answer::Taken(own) => AnswerJson {
            shape: Some(shape(own)),
            ..plain("ack")
        },
    }
}

fn shape(shape: &Shape) -> ShapeJson<'_> {
    ShapeJson {
        ttl: shape.ttl,
        ip_id: shape.id,
        df: shape.df,
        window: shape.window,
        options: &shape.options,
    }
}

fn found(found: &Found) -> FoundJson<'_> {
    FoundJson {
        cause: found.cause,
        certainty: found.certainty.as_str(),
        endpoint: found.endpoint,
        hop_nearest: found.hops.0,
        hop_farthest: found.hops.1,
        router: found.router,
        on_path: found.on_path,
        ttl: found.ttl.as_str(),
        reset: shape(&found.shape),
        differs: &found.differs,
        summary: summary(found),
    }
}

/// For people.
#[inline(never)]
pub fn text(target: &str, time: &str, options: &Options, traced: &Traced) -> String {
    let reset = traced.resets_syn.as_ref().or(traced.resets_data.as_ref());
    let head = match (reset, traced.baseline.distance) {
        (Some(found), _) => summary(found),
        (None, Some(distance)) => format!("nothing resets: the endpoint answers, {distance} hops away"),
        (None, None) => "nothing resets, and the endpoint never answered".to_owned(),
    };
    let mut out = format!("{time}  {target} ({})  {head}\n", options.address);
    let with_data = !traced.data.is_empty();
    let header = if with_data { "data" } else { "" };
    let header = format!(
        "{:INDENT$}{:>4}  {:24}  {:32}{header}",
        "", "ttl", "router", "syn"
    );
    _ = writeln!(out, "{}", header.trim_end());
    for ttl in 1..=options.farthest {
        let at = |hops: &[Hop]| hops.iter().find(|hop| hop.ttl == ttl).cloned();
        let (syn, data) = (at(&traced.syn), at(&traced.data));
        if syn.is_none() && data.is_none() {
            break;
        }
        let router = [&syn, &data].into_iter().flatten().find_map(Hop::router);
        let router = router.map_or_else(|| "*".to_owned(), |router| router.to_string());
        let cell = |hop: &Option<Hop>| hop.as_ref().map_or(String::new(), answers);
        let line = format!(
            "{:INDENT$}{ttl:>4}  {router:24}  {:32}{}",
            "",
            cell(&syn),
            cell(&data)
        );
        _ = writeln!(out, "{}", line.trim_end());
    }
    let mut row = |word: &str, text: &str| _ = writeln!(out, "{:INDENT$}{word:8}{text}", "");
    for (ttl, from, changes) in changed(traced) {
        row("changed", &format!("up to hop {ttl} ({from}): {changes}"));
    }
    for (what, found) in [("syn", &traced.resets_syn), ("data", &traced.resets_data)] {
        if let Some(found) = found {
            let certainty = found.certainty.as_str();
            row(
                "cause",
                &format!("{}  {certainty}: {what} is reset {}", found.cause, place(found)),
            );
            row("reset", &look(&found.shape));
            for line in &found.differs {
                row("differs", line);
            }
        }
    }
    if let Some(why) = traced.no_data {
        row("note", &format!("no data was sent: {why}"));
    }
    if traced.stopped {
        row("note", "told to stop before the end");
    }
    out
}

/// The first hop at which each change shows.
fn changed(traced: &Traced) -> Vec<(u8, IpAddr, String)> {
    let mut told: Vec<String> = Vec::new();
    let mut out = Vec::new();
    for hop in traced.syn.iter().chain(&traced.data) {
        for answer in &hop.answers {
            let Answer::Expired { from, changes, .. } = answer else {
                continue;
            };
            let fresh: Vec<String> = changes
                .iter()
                .filter(|change| !told.iter().any(|field| field == change.field))
                .map(ToString::to_string)
                .collect();
            told.extend(changes.iter().map(|change| change.field.to_owned()));
            if !fresh.is_empty() {
                out.push((hop.ttl, *from, fresh.join(", ")));
            }
        }
    }
    out
}

fn answers(hop: &Hop) -> String {
    if hop.answers.is_empty() {
        return "-".to_owned();
    }
    let mut words: Vec<String> = hop
        .answers
        .iter()
        .map(|answer| match answer {
            Answer::Expired { .. } => "expired".to_owned(),
            Answer::Refused { kind, .. } => match kind {
                IcmpKind::Unreachable(code) => format!("ICMP unreachable, code {code}"),
                _ => "another ICMP error".to_owned(),
            },
            Answer::Reset(shape) => format!("RST ttl {}", shape.ttl),
            Answer::SynAck(shape) => format!("SYN-ACK ttl {}", shape.ttl),
            Answer::Taken(shape) => format!("ACK ttl {}", shape.ttl),
        })
        .collect();
    // They may differ in their IP identification alone.
    words.dedup();
    words.join(" + ")
}

fn look(shape: &Shape) -> String {
    let id = shape.id.map_or(String::new(), |id| format!(" id {id:#06x}"));
    let df = if shape.df { " DF" } else { "" };
    let options = if shape.options.is_empty() {
        "no options".to_owned()
    } else {
        shape.options.join(" ")
    };
    format!("ttl {}{id}{df} window {} {options}", shape.ttl, shape.window)
}

fn place(found: &Found) -> String {
    let (near, far) = found.hops;
    let router = found
        .router
        .map_or(String::new(), |router| format!(" ({router})"));
    match (near == far, found.on_path) {
        (true, _) => format!("at hop {near}{router}"),
        // A segment that ends at the farther router passed it before: it watches there, or on its cable.
        (false, true) => format!("at hop {far}{router}, or on the link before it"),
        (false, false) => format!("between hop {near} and hop {far}{router}"),
    }
}

fn summary(found: &Found) -> String {
    let place = place(found);
    if found.endpoint {
        return format!("reset {place}: the endpoint itself, or what cannot be told from it");
    }
    let stands = if found.on_path {
        "by something that watches the path and lets the segments pass"
    } else {
        "by a box that stands in the path"
    };
    let ttl = match found.ttl {
        super::Ttl::Usual => String::new(),
        super::Ttl::Own => format!("; its RST has a TTL of its own ({})", found.shape.ttl),
        super::Ttl::Copied => "; its RST copies the TTL of what drew it".to_owned(),
    };
    format!("reset {place} {stands}{ttl}")
}

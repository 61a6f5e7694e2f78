//! What a client alone may conclude from one try: never more than `likely`, each with what would
//! decide it, and the next command. Resets by a RST are left to the judge. Refuses to guess where
//! nothing speaks for it.

mod speech;

use whyreset_evidence::Certainty;

pub use self::speech::speech;

use crate::outcome::{End, Exchange, Report, Stage};
use crate::tls::Tls;
use crate::words;

/// One thing that would explain it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The cause's id, where the catalogue has it.
    pub id: Option<&'static str>,
    /// `Possible` or `Likely`.
    pub certainty: Certainty,
    /// What it is.
    pub what: String,
    /// What would decide it.
    pub decide: String,
}

/// What one try tells a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What the other end said, in words. Made harmless.
    pub heard: Option<String>,
    /// What would explain the outcome, the likeliest first.
    pub guesses: Vec<Guess>,
    /// Commands that would tell more.
    pub next: Vec<String>,
}

/// How a try was asked for, as far as it matters to its reading.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// TLS was asked for.
    pub tls: bool,
    /// HTTP was asked for.
    pub http: bool,
}

/// Reads one try.
#[inline(never)]
pub fn read(report: &Report, asked: Asked) -> Reading {
    let mut reading = Reading::default();
    if let Some(exchange) = &report.exchange {
        let (heard, mismatch) = speech(exchange, asked);
        reading.heard = heard;
        reading.guesses.extend(mismatch);
        if let Some(tls) = &exchange.tls {
            reading.guesses.extend(tls_trouble(tls));
        }
    }
    let explained = reading
        .guesses
        .iter()
        .any(|guess| guess.certainty == Certainty::Likely);
    if !explained {
        match &report.exchange {
            None => reading.guesses.extend(unconnected(report)),
            Some(exchange) => reading.guesses.extend(connected(report, exchange, asked)),
        }
    }
    reading.next = next(report, asked);
    reading
}

fn likely(id: Option<&'static str>, what: impl Into<String>, decide: impl Into<String>) -> Guess {
    Guess {
        id,
        certainty: Certainty::Likely,
        what: what.into(),
        decide: decide.into(),
    }
}

fn possible(id: Option<&'static str>, what: impl Into<String>, decide: impl Into<String>) -> Guess {
    Guess {
        certainty: Certainty::Possible,
        ..likely(id, what, decide)
    }
}

fn unconnected(report: &Report) -> Vec<Guess> {
    let Some(attempt) = report.telling() else {
        return Vec::new();
    };
    let host = attempt.address.ip();
    match &report.end {
        End::RefusedByIcmp(icmp) => {
            let who = icmp
                .from
                .map_or_else(|| "somebody".to_owned(), |from| from.to_string());
            let by_host = icmp.from == Some(host);
            let words = icmp.words();
            vec![match (icmp.is_policy(), by_host) {
                (true, true) => likely(
                    Some("firewall-reject"),
                    format!(
                        "a rule on {who} itself refuses (ICMP {words}); a closed port answers with a RST"
                    ),
                    "its ruleset: nft list ruleset, iptables-save",
                ),
                (true, false) => likely(
                    Some("firewall-reject"),
                    format!("{who}, a router or firewall on the way, refuses (ICMP {words})"),
                    format!("the rules of {who}"),
                ),
                (false, _) => likely(
                    None,
                    format!("{who} says that it finds no way to {host} (ICMP {words})"),
                    format!("is {host} up, and is its address right? the routes of {who}"),
                ),
            }]
        }
        End::Silent => vec![
            possible(
                Some("firewall-reject"),
                "a rule drops the SYN without a word",
                format!("another port of {host} that answers speaks for it"),
            ),
            possible(
                None,
                format!("{host} is down, or the address is wrong"),
                format!("ping {host}"),
            ),
            possible(
                Some("accept-queue-overflow"),
                "the listener's queues are full: SYNs are dropped",
                format!("nstat -az TcpExtListenOverflows TcpExtTCPReqQFullDrop on {host}, ss -ltn there"),
            ),
        ],
        End::Failed(why) => vec![likely(
            None,
            format!("this host could not even ask: {why}"),
            "ip route get, ip -6 route",
        )],
        _ => Vec::new(),
    }
}

fn connected(report: &Report, exchange: &Exchange, asked: Asked) -> Vec<Guess> {
    let nothing = exchange.heard.raw_total == 0;
    let host = exchange.peer.ip();
    match (&report.end, report.stage) {
        (End::Closed | End::Reset { .. }, Stage::Tls) if nothing => vec![
            possible(
                Some("wrong-protocol"),
                "the port does not speak TLS and hung up on the ClientHello",
                "ask again without --tls, or with --http",
            ),
            possible(
                Some("injected-reset"),
                "something on the way minds the server name in the ClientHello",
                "ask again with another --sni; whyreset probe --trace",
            ),
        ],
        (End::Reset { .. }, Stage::Hold) if exchange.sent == 0 && nothing => vec![possible(
            None,
            "it takes connections and drops them unheard: a limit (connections, descriptors), a proxy without a backend, a rule of the program",
            format!("the log of the program on {host}; ask again with -c 20: a limit lets some through"),
        )],
        (End::Reset { .. }, Stage::Request | Stage::Answer | Stage::Hold) if exchange.status.is_some() => {
            vec![possible(
                Some("unread-data"),
                "it answered before it had read the whole request, and closed",
                "the status of the answer says why; a smaller request gets through",
            )]
        }
        (End::Reset { .. }, Stage::Request | Stage::Answer) => vec![possible(
            None,
            if exchange.acked < exchange.sent {
                "not all of the request was acknowledged: the part that was not has reached no program"
            } else {
                "its kernel took the whole request; whether a program read it is not seen from here"
            },
            format!("whyreset watch on {host} counts what was left unread"),
        )],
        (End::Closed, Stage::Hold) if exchange.sent == 0 && nothing => vec![possible(
            None,
            format!(
                "the server closes what says nothing, after {}",
                words::span(exchange.age)
            ),
            "whyreset probe --idle measures it; --http or --send says something first",
        )],
        (End::Closed, Stage::Request | Stage::Answer) if nothing => vec![possible(
            Some("wrong-protocol"),
            "the request was not to its taste: another protocol, a limit, a proxy without a backend",
            format!("the log of the program on {host}"),
        )],
        (End::Silent, Stage::Tls) if nothing && exchange.acked > 0 => vec![possible(
            Some("wrong-protocol"),
            "it took the ClientHello and waits for something else: another protocol, or a program that hangs",
            "ask again without --tls",
        )],
        (End::Silent, _) if exchange.acked < exchange.sent => vec![possible(
            None,
            format!(
                "{} were never acknowledged: the path lost them after the handshake (a box that drops, or segments too big for it)",
                words::bytes(exchange.sent - exchange.acked)
            ),
            "tracepath to the host; whyreset probe --trace",
        )],
        (End::Silent, _) => vec![possible(
            None,
            if asked.http {
                "its kernel took the request and nobody answered: the program hangs, is slow, or speaks another protocol"
            } else {
                "its kernel took it and nobody answered"
            },
            format!("ss -tnp on {host}: unread bytes in Recv-Q speak for a program that hangs"),
        )],
        _ => Vec::new(),
    }
}

fn tls_trouble(tls: &Tls) -> Vec<Guess> {
    let said = |number: u8, name: &str| format!("the server refuses with TLS alert {name} ({number})");
    match tls.alert {
        Some((number @ 112, name)) => vec![likely(
            None,
            format!("{}: it knows no site of that name", said(number, name)),
            "another --sni",
        )],
        Some((number @ (42..=46 | 116), name)) => vec![likely(
            None,
            format!("{}: it wants a client certificate", said(number, name)),
            "the server's setting of client authentication",
        )],
        Some((number @ (40 | 70 | 71 | 86), name)) => vec![likely(
            None,
            format!("{}: no version or cipher in common", said(number, name)),
            "the versions that the server allows; we offer TLS 1.2 and 1.3",
        )],
        Some((number @ 120, name)) => vec![likely(
            None,
            format!(
                "{}: it does not speak the protocol offered (ALPN)",
                said(number, name)
            ),
            "ask again without --http",
        )],
        Some((number, name)) => vec![likely(None, said(number, name), "the server's own log")],
        None if tls.certificate => vec![likely(
            None,
            format!(
                "TLS stands, its certificate does not: {}",
                tls.trouble.as_deref().unwrap_or_default()
            ),
            "--insecure goes on all the same; --sni asks for another name",
        )],
        None => Vec::new(),
    }
}

fn next(report: &Report, asked: Asked) -> Vec<String> {
    let Some(address) = report.address() else {
        return Vec::new();
    };
    let (target, port) = (&report.target, address.port());
    let with = match (asked.tls, asked.http) {
        (true, true) => " --tls --http",
        (true, false) => " --tls",
        (false, true) => " --http",
        (false, false) => "",
    };
    let watch = format!("on {}: sudo whyreset watch port {port}", address.ip());
    let trace = format!("sudo whyreset probe {target} --trace{with}");
    match (&report.end, report.stage) {
        (End::Refused | End::Reset { .. }, _) => vec![watch, trace],
        (End::Closed, Stage::Hold) => vec![format!("whyreset probe {target} --idle{with}")],
        (End::Closed, _) => vec![watch],
        (End::Silent | End::RefusedByIcmp(_), _) => vec![trace],
        _ => Vec::new(),
    }
}

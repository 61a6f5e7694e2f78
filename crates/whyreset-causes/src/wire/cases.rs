//! Everyday cases that show on the wire: protocols, uploads, checks. Refuses to change who is accused.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use whyreset_evidence::{Dossier, Finding, Side, Speaks};

use super::{ask, drawn};
use crate::{pattern, words};

/// A connection given up this soon was never used.
pub const SOON_MS: u64 = 2_000;
/// The two ends speak different protocols.
pub fn protocols_differ(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let server_port = dossier.flow.server.port();
        let (own, other) = (passed.own.speaks, passed.other.speaks);
        let client = match dossier.from() {
            Some(Side::Client) => own,
            _ => other,
        };
        match (own, other) {
            (Some(one), Some(two)) if one.protocol() != two.protocol() => Finding::seen(
                format!(
                    "{} speaks {}, {} speaks {}",
                    words::sender(dossier),
                    one.protocol(),
                    words::receiver(dossier),
                    two.protocol()
                ),
                &*fact.cite,
            ),
            _ => match client.and_then(|speaks| expected(server_port, speaks)) {
                Some(expected) if own.is_none() || other.is_none() => Finding::seen(
                    format!(
                        "the client speaks {} to port {server_port}, where {expected} is expected",
                        client.map_or("nothing", Speaks::protocol)
                    ),
                    &*fact.cite,
                ),
                _ => Finding::absent("the two ends speak one protocol, as far as was seen", &*fact.cite),
            },
        }
    })
}

/// What a well-known port expects, where the client's first bytes are something else.
fn expected(port: u16, client: Speaks) -> Option<&'static str> {
    let expected = expects(port)?;
    // HTTP/2 without TLS begins with a preface of its own.
    let spoken = client.protocol();
    (spoken != expected && !(expected == "HTTP" && spoken == "HTTP/2")).then_some(expected)
}

/// What a well-known port expects.
pub const fn expects(port: u16) -> Option<&'static str> {
    Some(match port {
        443 | 8443 | 993 | 995 | 465 | 636 | 5671 | 8883 => "TLS",
        80 | 8080 => "HTTP",
        22 => "SSH",
        6379 => "Redis",
        5432 => "PostgreSQL",
        3306 => "MySQL",
        _ => return None,
    })
}

/// The late segment is a TLS goodbye.
pub fn late_alert(dossier: &Dossier) -> Finding {
    drawn(dossier, |fact, passed, trigger| {
        let alert = passed.other.alert && trigger.len > 0;
        let what = if alert {
            "the late segment is a TLS alert record (close_notify)"
        } else {
            "the late segment is no TLS alert"
        };
        Finding::when(alert, what, &*fact.cite)
    })
}

/// It answers only the end of a connection that both had closed.
pub fn after_both_fins(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let over = passed.own.fin_ago_ms.is_some() && passed.other.fin_ago_ms.is_some();
        let empty = passed
            .trigger
            .as_ref()
            .is_none_or(|trigger| trigger.segment.len == 0);
        Finding::when(
            over && empty && passed.own.unacked <= 1 && passed.other.unacked <= 1,
            "both ends had closed, and all data had arrived",
            &*fact.cite,
        )
    })
}

/// The server had answered while the request was still coming in.
pub fn answered_early(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let status = match passed.own.speaks {
            Some(Speaks::HttpResponse(status)) => format!(" ({status})"),
            _ => String::new(),
        };
        let holds = dossier.from() == Some(Side::Server)
            && passed.own.bytes > 0
            && passed.other.bytes >= pattern::UPLOAD
            && passed.other.unanswered > 0;
        Finding::when(
            holds,
            format!(
                "the server had answered with {}{status}, and more of the request came after that",
                words::counted(passed.own.bytes, "byte")
            ),
            &*fact.cite,
        )
    })
}

/// The client went away in the middle of the answer.
pub fn client_left(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        Finding::when(
            dossier.from() == Some(Side::Client) && passed.other.unanswered > 0 && passed.own.bytes > 0,
            format!(
                "the server was answering: {} had come",
                words::counted(passed.other.bytes, "byte")
            ),
            &*fact.cite,
        )
    })
}

/// The client opened the connection and used it for nothing.
pub fn opened_unused(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let soon = passed.age_ms.is_some_and(|age| age <= SOON_MS);
        Finding::when(
            dossier.from() == Some(Side::Client) && passed.own.bytes == 0 && passed.other.bytes == 0 && soon,
            "the client opened the connection and dropped it unused",
            &*fact.cite,
        )
    })
}

/// From the server, which had sent nothing but its SYN-ACK and acknowledgments.
pub fn server_never_spoke(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let silent =
            dossier.from() == Some(Side::Server) && passed.own.bytes == 0 && passed.own.fin_ago_ms.is_none();
        let what = if silent {
            "the server had never sent a byte"
        } else {
            "the sender had spoken, or is no server"
        };
        Finding::when(silent && passed.other.bytes == 0, what, &*fact.cite)
    })
}

/// Whoever accepts in order to turn away does it at once.
pub const AT_ONCE_MS: u64 = 50;

/// The connection had stood longer than it takes to turn it away.
pub fn stood_a_while(dossier: &Dossier) -> Finding {
    ask(dossier, |fact, passed| {
        let age = passed.age_ms.unwrap_or(0);
        Finding::when(
            age > AT_ONCE_MS,
            format!("the connection had stood for {}", words::span_ms(age)),
            &*fact.cite,
        )
    })
}

/// Nobody had accepted it, as far as that shows.
pub fn never_accepted(dossier: &Dossier) -> Finding {
    match (server_never_spoke(dossier), stood_a_while(dossier)) {
        (Finding::Seen { .. }, seen @ Finding::Seen { .. }) => seen,
        (_, other) => Finding::absent(other.text().to_owned(), "frame"),
    }
}

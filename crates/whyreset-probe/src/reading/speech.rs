//! Which protocol the other end speaks, by its first bytes, and whether it is the one that we
//! spoke. Refuses to parse any.

use whyreset_wire::hint::{Protocol, protocol};

use super::{Asked, Guess, likely, possible};
use crate::outcome::Exchange;
use crate::tls::alert_name;
use crate::words;

/// Bytes of an unknown answer that are shown.
const SHOWN: usize = 48;

/// What the other end said, in words, and what that explains.
pub fn speech(exchange: &Exchange, asked: Asked) -> (Option<String>, Option<Guess>) {
    let raw = &exchange.heard.raw;
    if raw.is_empty() {
        return (None, None);
    }
    let spoken = protocol(raw);
    let in_tls = exchange.tls.as_ref().is_some_and(|tls| tls.version.is_some());
    if in_tls {
        let plain = &exchange.heard.plain;
        let heard = (!plain.is_empty()).then(|| named(protocol(plain), plain));
        return (heard, None);
    }
    let heard = named(spoken, raw);
    let mismatch = match spoken {
        Some(Protocol::TlsAlert { .. } | Protocol::TlsRecord(_) | Protocol::TlsClientHello { .. })
            if !asked.tls =>
        {
            Some(likely(
                Some("wrong-protocol"),
                "the port speaks TLS and was asked in plain",
                "ask again with --tls",
            ))
        }
        Some(Protocol::HttpResponse { status: 400 | 497 }) if !asked.tls && wants_https(raw) => Some(likely(
            Some("wrong-protocol"),
            "an HTTPS port was asked in plain HTTP, and says so",
            "ask again with --tls",
        )),
        Some(Protocol::TlsAlert { .. } | Protocol::TlsRecord(_) | Protocol::TlsClientHello { .. }) => None,
        Some(Protocol::HttpResponse { .. }) if asked.tls => Some(likely(
            Some("wrong-protocol"),
            "the port speaks plain HTTP and was asked in TLS",
            "ask again with --http and without --tls",
        )),
        Some(other) if asked.tls => Some(likely(
            Some("wrong-protocol"),
            format!("the port speaks {} and was asked in TLS", name(other)),
            "ask again without --tls",
        )),
        Some(Protocol::HttpResponse { .. }) => None,
        Some(other) if asked.http => Some(likely(
            Some("wrong-protocol"),
            format!("the port speaks {} and was asked in HTTP", name(other)),
            "ask again without --http",
        )),
        None if asked.tls => Some(likely(
            Some("wrong-protocol"),
            "what answers does not speak TLS",
            "ask again without --tls",
        )),
        None if asked.http => Some(possible(
            Some("wrong-protocol"),
            "what answers does not speak HTTP/1",
            "its documentation; --send FILE says something else",
        )),
        Some(_) | None => None,
    };
    (Some(heard), mismatch)
}

/// The words of nginx, Apache, Go and others for plain HTTP on an HTTPS port.
fn wants_https(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    [
        "https port",
        "https server",
        "ssl-enabled server port",
        "requires tls",
        "over tls",
    ]
    .iter()
    .any(|words| text.contains(words))
}

fn named(spoken: Option<Protocol<'_>>, bytes: &[u8]) -> String {
    let beginning = || {
        let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next();
        words::quoted(line.unwrap_or_default(), SHOWN)
    };
    match spoken {
        Some(Protocol::TlsAlert {
            description: Some(number),
            ..
        }) => format!("TLS alert {} ({number})", alert_name(number)),
        Some(protocol @ (Protocol::TlsAlert { .. } | Protocol::TlsRecord(_))) => name(protocol).to_owned(),
        Some(protocol) => format!("{}: {}", name(protocol), beginning()),
        None => words::quoted(bytes, SHOWN),
    }
}

const fn name(protocol: Protocol<'_>) -> &'static str {
    match protocol {
        Protocol::TlsClientHello { .. } => "TLS as a client",
        Protocol::TlsRecord(_) => "TLS",
        Protocol::TlsAlert { .. } => "a TLS alert",
        Protocol::HttpRequest { .. } => "HTTP as a client",
        Protocol::HttpResponse { .. } => "HTTP",
        Protocol::Http2Preface => "HTTP/2 as a client",
        Protocol::Ssh => "SSH",
        Protocol::Greeting(_) => "a greeting with a code (SMTP, FTP)",
        Protocol::ProxyHeader => "the PROXY protocol",
        Protocol::Redis => "Redis",
        Protocol::PostgresStartup => "PostgreSQL as a client",
        Protocol::MysqlGreeting => "MySQL",
    }
}

//! What a payload's first bytes are. Refuses to parse a protocol: enough to name it, no more.

/// A protocol, by its first bytes in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol<'a> {
    /// A TLS handshake's first message, with the server's name where that is readable.
    TlsClientHello {
        /// The name asked for (RFC 6066), printable ASCII.
        sni: Option<&'a str>,
    },
    /// Another TLS record: its content type (RFC 8446 §5.1).
    TlsRecord(u8),
    /// A TLS alert.
    TlsAlert {
        /// 1 warning, 2 fatal; `None` where it is encrypted.
        level: Option<u8>,
        /// RFC 8446 §6; `None` where it is encrypted.
        description: Option<u8>,
    },
    /// An HTTP/1 request.
    HttpRequest {
        /// Its method.
        method: &'a str,
    },
    /// An HTTP/1 response.
    HttpResponse {
        /// Its status.
        status: u16,
    },
    /// The preface of HTTP/2.
    Http2Preface,
    /// An SSH banner.
    Ssh,
    /// A greeting with a three-digit code (SMTP, FTP).
    Greeting(u16),
    /// A PROXY protocol header, version 1 or 2.
    ProxyHeader,
    /// A Redis command or answer.
    Redis,
    /// The first message of a PostgreSQL client.
    PostgresStartup,
    /// The greeting of a MySQL or MariaDB server.
    MysqlGreeting,
}

const METHODS: [&str; 9] = [
    "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE",
];

/// Names the protocol of a first payload.
pub fn protocol(payload: &[u8]) -> Option<Protocol<'_>> {
    match payload {
        [22, 3, 0..=4, rest @ ..] => Some(handshake(rest)),
        [21, 3, 0..=4, 0, 2, level, description, ..] => Some(Protocol::TlsAlert {
            level: Some(*level),
            description: Some(*description),
        }),
        [21, 3, 0..=4, _, _, ..] => Some(Protocol::TlsAlert {
            level: None,
            description: None,
        }),
        [kind @ (20 | 23), 3, 0..=4, ..] => Some(Protocol::TlsRecord(*kind)),
        _ if payload.starts_with(b"PRI * HTTP/2.0") => Some(Protocol::Http2Preface),
        _ if payload.starts_with(b"SSH-") => Some(Protocol::Ssh),
        _ if payload.starts_with(b"PROXY ") || payload.starts_with(b"\r\n\r\n\0\r\nQUIT\n") => {
            Some(Protocol::ProxyHeader)
        }
        // Length, then protocol 3.0 or the request for TLS (PostgreSQL, message formats).
        [0, 0, _, _, 0, 3, 0, 0, ..] | [0, 0, 0, 8, 4, 210, 22, 47] => Some(Protocol::PostgresStartup),
        // Packet length and number 0, then protocol version 10.
        [_, _, 0, 0, 10, b'0'..=b'9', ..] => Some(Protocol::MysqlGreeting),
        _ => text(payload),
    }
}

fn text(payload: &[u8]) -> Option<Protocol<'_>> {
    if let Some(rest) = payload.strip_prefix(b"HTTP/1.") {
        let status = digits(rest.get(2..5)?)?;
        return Some(Protocol::HttpResponse { status });
    }
    let method = METHODS.into_iter().find(|method| {
        payload
            .strip_prefix(method.as_bytes())
            .is_some_and(|rest| rest.first() == Some(&b' '))
    });
    if let Some(method) = method {
        return Some(Protocol::HttpRequest { method });
    }
    match payload {
        [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..] => {
            Some(Protocol::Greeting(digits(payload.get(..3)?)?))
        }
        [b'*' | b'$', b'0'..=b'9', ..] | [b'-', b'E', b'R', b'R', ..] | [b'+', b'O', b'K', b'\r', ..] => {
            Some(Protocol::Redis)
        }
        _ => None,
    }
}

fn digits(bytes: &[u8]) -> Option<u16> {
    bytes.iter().try_fold(0_u16, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number.saturating_mul(10).saturating_add(u16::from(byte - b'0')))
    })
}

fn handshake(record: &[u8]) -> Protocol<'_> {
    match record {
        [_, _, 1, _, _, _, hello @ ..] => Protocol::TlsClientHello {
            sni: server_name(hello),
        },
        _ => Protocol::TlsRecord(22),
    }
}

/// The name in a ClientHello (RFC 8446 §4.1.2, RFC 6066 §3), where it was captured so far.
fn server_name(hello: &[u8]) -> Option<&str> {
    /// Extensions that are looked at.
    const MOST: usize = 64;
    // Version and random.
    let rest = hello.get(34..)?;
    let rest = rest.get(1 + usize::from(*rest.first()?)..)?;
    let ciphers = usize::from(crate::bytes::u16_at(rest, 0)?);
    let rest = rest.get(2 + ciphers..)?;
    let rest = rest.get(1 + usize::from(*rest.first()?)..)?;
    let mut extensions = rest.get(2..)?;
    for _ in 0..MOST {
        let kind = crate::bytes::u16_at(extensions, 0)?;
        let length = usize::from(crate::bytes::u16_at(extensions, 2)?);
        let body = extensions.get(4..)?;
        if kind == 0 {
            let name_len = usize::from(crate::bytes::u16_at(body, 3)?);
            let name = core::str::from_utf8(body.get(5..5 + name_len)?).ok()?;
            let printable = name.len() <= 255 && name.bytes().all(|byte| byte.is_ascii_graphic());
            return printable.then_some(name);
        }
        extensions = body.get(length..)?;
    }
    None
}

/// Whether a payload ends with a TLS alert record in plain, or of the size of a sealed one.
#[inline]
pub fn last_tls_record(payload: &[u8]) -> bool {
    let whole = matches!(payload, [21, 3, 0..=4, ..]);
    let tail = |size: usize| payload.len().checked_sub(size).and_then(|at| payload.get(at..));
    whole
        || matches!(tail(7), Some([21, 3, 0..=4, 0, 2, ..]))
        || matches!(tail(24), Some([23, 3, 3, 0, 19, ..]))
        || matches!(tail(31), Some([21, 3, 1..=3, 0, 26, ..]))
}

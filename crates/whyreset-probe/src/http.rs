//! As much of HTTP/1.1 as a first request needs: the request, and where an answer ends. Refuses
//! to follow, to decode and to keep a body.

/// Bytes of a head that are looked at.
const HEAD: usize = 16 * 1024;

/// A request that leaves the connection open.
pub fn request(path: &str, host: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: whyreset\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"
    )
    .into_bytes()
}

/// How far an answer has come. Remembers its head alone.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    head: Vec<u8>,
    /// Status, once the first line came.
    pub status: Option<u16>,
    /// It will be followed by a close, as its head says.
    pub closes: bool,
    body: Option<Body>,
    /// All of it came.
    pub complete: bool,
}

#[derive(Clone, Debug)]
enum Body {
    /// So many bytes are still to come.
    Length(u64),
    /// The last bytes of a chunked one, to see its end.
    Chunked(Vec<u8>),
    /// Until the connection is closed.
    UntilClose,
}

impl Answer {
    /// Takes what came.
    pub fn take(&mut self, bytes: &[u8]) {
        if self.complete {
            return;
        }
        if self.body.is_some() {
            self.follow(bytes);
            return;
        }
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.status = self.status.or_else(|| status(&self.head));
        let Some(end) = self.head.windows(4).position(|four| four == b"\r\n\r\n") else {
            return;
        };
        // An informational answer is followed by the real one (RFC 9110 §15.2).
        if self
            .status
            .is_some_and(|status| (100..200).contains(&status) && status != 101)
        {
            let rest = self.head.split_off(end + 4);
            *self = Self::default();
            self.take(&rest);
            return;
        }
        let rest = self.head.split_off(end + 4);
        self.closes = self
            .header("connection")
            .is_some_and(|value| value.contains("close"));
        let empty = matches!(self.status, Some(204 | 304 | 101));
        let length = self.header("content-length").and_then(|value| value.parse().ok());
        let chunked = self
            .header("transfer-encoding")
            .is_some_and(|value| value.contains("chunked"));
        self.body = Some(match length {
            _ if empty => Body::Length(0),
            _ if chunked => Body::Chunked(Vec::new()),
            Some(length) => Body::Length(length),
            None => Body::UntilClose,
        });
        self.follow(&rest);
    }

    fn follow(&mut self, bytes: &[u8]) {
        match &mut self.body {
            Some(Body::Length(left)) => {
                *left = left.saturating_sub(bytes.len() as u64);
                self.complete = *left == 0;
            }
            Some(Body::Chunked(tail)) => {
                tail.extend_from_slice(bytes);
                self.complete = tail.ends_with(b"\r\n0\r\n\r\n") || tail == b"0\r\n\r\n";
                let past = tail.len().saturating_sub(7);
                // The first chunk's size must not look like the last one's.
                if past > 0 {
                    tail.drain(..past);
                }
            }
            Some(Body::UntilClose) | None => {}
        }
    }

    fn header(&self, name: &str) -> Option<String> {
        let head = String::from_utf8_lossy(&self.head);
        head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim()
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_ascii_lowercase())
        })
    }
}

fn status(head: &[u8]) -> Option<u16> {
    match whyreset_wire::hint::protocol(head) {
        Some(whyreset_wire::hint::Protocol::HttpResponse { status }) => Some(status),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(parts: &[&[u8]]) -> Answer {
        let mut answer = Answer::default();
        for part in parts {
            answer.take(part);
        }
        answer
    }

    #[test]
    fn an_answer_ends_where_its_head_says() {
        let whole = fed(&[b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 5\r\n\r\nhel", b"lo"]);
        assert!(whole.complete && whole.status == Some(200) && !whole.closes);
        assert!(!fed(&[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"]).complete);
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice();
        assert!(fed(&[chunked, b"5\r\nhello\r\n0\r", b"\n\r\n"]).complete);
        assert!(fed(&[chunked, b"0\r\n\r\n"]).complete);
        assert!(!fed(&[chunked, b"5\r\nhello\r\n"]).complete);
        assert!(fed(&[b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nConnection: close\r\n\r\n"]).closes);
    }

    #[test]
    fn a_head_without_end_costs_no_more_memory() {
        let mut answer = fed(&[b"HTTP/1.1 200 OK\r\n"]);
        for _ in 0..1000 {
            answer.take(&[b'x'; 1000]);
        }
        assert!(answer.head.len() <= HEAD && !answer.complete);
    }
}

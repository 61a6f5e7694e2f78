//! What an error means, in whichever runtime's words it comes. One declared table; the first
//! entry whose pattern is in the query answers.

use std::fmt::Write as _;

/// One wording.
struct Message {
    /// Lower-case fragments, any of which is it.
    patterns: &'static [&'static str],
    /// Who words it so.
    runtime: &'static str,
    /// What it is in the kernel's terms.
    errno: &'static str,
    /// What it means.
    means: &'static str,
    /// What it does not mean, where people take it for that.
    not: &'static str,
    /// Causes that can be behind it.
    causes: &'static [&'static str],
}

const RESET: &[&str] = &[
    "unread-data",
    "linger-abort",
    "write-after-close",
    "process-killed",
    "process-exited",
    "oom-killed",
    "connection-forgotten",
    "never-accepted",
    "accept-queue-overflow",
    "keepalive-timeout",
    "admin-abort",
    "firewall-reject",
    "injected-reset",
];
const PIPE: &[&str] = &[
    "write-after-close",
    "process-killed",
    "process-exited",
    "fin-wait-expired",
];
const REFUSED: &[&str] = &["no-listener", "firewall-reject"];
const TIMEOUT: &[&str] = &["retransmission-timeout", "user-timeout", "keepalive-timeout"];

static MESSAGES: &[Message] = &[
    Message {
        patterns: &["socket hang up"],
        runtime: "Node.js",
        errno: "ECONNRESET, or none",
        means: "the server ended the connection before it answered",
        not: "not proof of a reset: Node gives this code to a mere FIN as well, and then no RST was on any wire",
        causes: RESET,
    },
    Message {
        patterns: &[
            "remotedisconnected",
            "remote end closed connection without response",
            "empty reply from server",
            "curl: (52)",
            "curl (52)",
            "err_empty_response",
        ],
        runtime: "Python http.client, curl (52), Chromium",
        errno: "none",
        means: "the server closed in good order (FIN) before it sent a byte of its answer",
        not: "not a reset by itself; a reset may follow if the client goes on sending",
        causes: PIPE,
    },
    Message {
        patterns: &["curl: (35)", "curl (35)", "ssl_error_syscall", "ssl_connect"],
        runtime: "curl (35), OpenSSL",
        errno: "ECONNRESET or an unexpected end",
        means: "the connection ended during the TLS handshake: wrong port or protocol, a server that drops the client \
                hello, or a box that does not like the name in it",
        not: "not a certificate problem: those have words of their own",
        causes: RESET,
    },
    Message {
        patterns: &["curl: (56)", "curl (56)"],
        runtime: "curl (56)",
        errno: "ECONNRESET",
        means: "the connection was reset while curl was receiving",
        not: "not a refusal: the connection had been open",
        causes: RESET,
    },
    Message {
        patterns: &["curl: (7)", "curl (7)", "failed to connect"],
        runtime: "curl (7)",
        errno: "ECONNREFUSED (or a reset right after the handshake)",
        means: "connect() failed: a reset answered the SYN, or ICMP said so",
        not: "not always a closed port: a proxy that resets at once reads the same",
        causes: &["no-listener", "firewall-reject", "linger-abort"],
    },
    Message {
        patterns: &[
            "econnrefused",
            "connection refused",
            "connectionrefused",
            "actively refused",
            "wsaeconnrefused",
            "(10061)",
        ],
        runtime: "Java ConnectException, Python ConnectionRefusedError, Go `connect: connection refused`, .NET 10061",
        errno: "ECONNREFUSED (111)",
        means: "there never was a connection: a reset (or an ICMP message) answered the SYN",
        not: "not a crash in mid-life: nothing had been accepted yet",
        causes: REFUSED,
    },
    Message {
        patterns: &["epipe", "broken pipe", "brokenpipe", "sigpipe"],
        runtime: "Java `Broken pipe`, Python BrokenPipeError, Go `write: broken pipe`, Rust BrokenPipe",
        errno: "EPIPE (32)",
        means: "a write on a connection that the other end had finished with: its FIN, then a reset, had already come",
        not: "not the first sign: an end of file was there to be read before",
        causes: PIPE,
    },
    Message {
        patterns: &[
            "econnaborted",
            "software caused connection abort",
            "connectionaborted",
            "wsaeconnaborted",
            "(10053)",
        ],
        runtime: "Python ConnectionAbortedError, Java `Software caused connection abort`, .NET 10053",
        errno: "ECONNABORTED (103)",
        means: "this host's own kernel destroyed the socket on request (ss -K, SOCK_DESTROY, an agent)",
        not: "not the other end's doing",
        causes: &["admin-abort"],
    },
    Message {
        patterns: &[
            "econnreset",
            "reset by peer",
            "connectionreset",
            "connection reset",
            "err_connection_reset",
            "forcibly closed",
            "wsaeconnreset",
            "(10054)",
            "recv failure",
        ],
        runtime: "Java `SocketException: Connection reset`, Python ConnectionResetError, Node ECONNRESET, Go `read: \
                  connection reset by peer`, nginx `(104: Connection reset by peer)`, .NET 10054",
        errno: "ECONNRESET (104)",
        means: "a reset ended a connection that was open",
        not: "not necessarily the other program's doing: its kernel, its host's death, or a box between can send it",
        causes: RESET,
    },
    Message {
        patterns: &["etimedout", "timed out", "timeout", "(10060)"],
        runtime: "Java SocketTimeoutException, Python TimeoutError, Go `i/o timeout`, Node ETIMEDOUT",
        errno: "ETIMEDOUT (110), or the program's own clock",
        means: "nothing came back: the kernel gave up on what it had sent, or the program did not wait that long",
        not: "not a reset, though one may follow when the other end speaks again",
        causes: TIMEOUT,
    },
    Message {
        patterns: &[
            "unexpected eof",
            ": eof",
            "eoferror",
            "end of file",
            "end of stream",
        ],
        runtime: "Go `EOF`, Java EOFException, Python EOFError, OpenSSL `unexpected eof while reading`",
        errno: "none",
        means: "the other end closed in good order (FIN) where the program still expected something",
        not: "not a reset; what is written afterwards may draw one",
        causes: PIPE,
    },
];

/// Short words that mean something only when they stand alone: errno numbers of Linux and of
/// Windows, which are also ports and times inside a sentence.
const NUMBERS: [(&str, &str); 10] = [
    ("eof", "unexpected eof"),
    ("10054", "econnreset"),
    ("10061", "econnrefused"),
    ("10060", "etimedout"),
    ("10053", "econnaborted"),
    ("104", "econnreset"),
    ("111", "econnrefused"),
    ("32", "epipe"),
    ("110", "etimedout"),
    ("103", "econnaborted"),
];

/// What the message means and which causes can be behind it; `None` where it is not known.
pub fn explain(query: &str) -> Option<String> {
    // Longer than any message: a log was pasted, and its beginning will do.
    const LONGEST: usize = 4_096;
    let query: String = query.chars().take(LONGEST).collect::<String>().to_lowercase();
    let query = query.trim();
    let number = query
        .trim_start_matches("errno")
        .trim_matches([' ', '=', '(', ')', '[', ']']);
    let query = NUMBERS
        .iter()
        .find(|(n, _)| *n == number)
        .map_or(query, |(_, name)| name);
    let message = MESSAGES
        .iter()
        .find(|message| message.patterns.iter().any(|pattern| query.contains(pattern)))?;
    let mut out = format!("{}\n", message.errno);
    _ = writeln!(out, "  said by   {}", message.runtime);
    _ = writeln!(out, "  means     {}", message.means);
    _ = writeln!(out, "  but       {}", message.not);
    out.push_str("\nCauses that can be behind it (`whyreset explain ID` for each):\n");
    let widest = message.causes.iter().map(|id| id.len()).max().unwrap_or(0);
    for cause in message.causes.iter().filter_map(|id| whyreset_causes::find(id)) {
        _ = writeln!(out, "  {:widest$}  {}", cause.id, cause.summary);
    }
    out.push_str("\nWhich one it is: `sudo whyreset` on either host while it happens; best on the one that sends the reset.\n");
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_named_is_in_the_catalogue() {
        for message in MESSAGES {
            for id in message.causes {
                assert!(whyreset_causes::find(id).is_some(), "{id}");
            }
            assert!(
                message
                    .patterns
                    .iter()
                    .all(|pattern| *pattern == pattern.to_lowercase())
            );
        }
    }

    #[test]
    fn each_runtimes_words_are_understood() {
        for (query, errno) in [
            ("java.net.SocketException: Connection reset", "ECONNRESET (104)"),
            (
                "ConnectionResetError: [Errno 104] Connection reset by peer",
                "ECONNRESET (104)",
            ),
            (
                "read tcp 10.0.0.2:5->10.0.0.1:6: read: connection reset by peer",
                "ECONNRESET (104)",
            ),
            (
                "recv() failed (104: Connection reset by peer) while reading response header",
                "ECONNRESET (104)",
            ),
            ("Error: socket hang up", "ECONNRESET, or none"),
            ("curl: (56) Recv failure: Connection reset by peer", "ECONNRESET"),
            ("curl: (52) Empty reply from server", "none"),
            ("java.net.SocketException: Broken pipe", "EPIPE (32)"),
            ("BrokenPipeError: [Errno 32] Broken pipe", "EPIPE (32)"),
            (
                "dial tcp 10.0.0.1:80: connect: connection refused",
                "ECONNREFUSED (111)",
            ),
            ("ECONNABORTED", "ECONNABORTED (103)"),
            (
                "curl 7.88.1: Recv failure: Connection reset by peer",
                "ECONNRESET (104)",
            ),
            (
                "dial 10.0.0.1:10061: read: connection reset by peer",
                "ECONNRESET (104)",
            ),
            (
                "read: connection reset by peer (request timeout 5s)",
                "ECONNRESET (104)",
            ),
            ("System.Net.Sockets.SocketException (10054)", "ECONNRESET (104)"),
            ("curl (7)", "ECONNREFUSED (or a reset right after the handshake)"),
            (
                "read tcp: i/o timeout",
                "ETIMEDOUT (110), or the program's own clock",
            ),
            ("unexpected EOF", "none"),
            ("EOF", "none"),
            ("10054", "ECONNRESET (104)"),
            ("104", "ECONNRESET (104)"),
            ("errno=32", "EPIPE (32)"),
            ("110", "ETIMEDOUT (110), or the program's own clock"),
        ] {
            let answer = explain(query).unwrap_or_else(|| panic!("{query}: not known"));
            assert_eq!(answer.lines().next(), Some(errno), "{query}");
        }
        assert!(explain("no such file or directory").is_none());
        assert!(explain("").is_none());
    }
}

//! The words of many runtimes, each with the entry that answers.

use super::*;
use crate::text::Style;

pub fn style() -> Style {
    Style {
        colour: false,
        width: Some(100),
        brief: false,
        verbose: false,
        zone: jiff::tz::TimeZone::UTC,
    }
}

#[test]
fn every_number_reaches_a_message() {
    for (word, id) in SHORT {
        assert_eq!(find(word).map(|(_, found)| found.id), Some(id), "{word}");
    }
}

#[test]
fn a_page_says_what_can_be_what_is_likely_and_what_to_do() {
    let page = explain("Error: socket hang up", &style()).unwrap();
    for part in [
        "said by   Node.js",
        "can be    orderly close: a FIN alone",
        "cannot be reset, refused, timeout",
        "1. write-after-close/stale-pool",
        "confirm",
        "retry     where `err.code",
        "shut down",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let widest = page
        .lines()
        .filter(|line| !line.starts_with("Which one"))
        .map(|line| line.chars().count())
        .max();
    assert!(widest <= Some(100), "{widest:?} {page}");
}

#[test]
fn an_id_is_an_answer_and_the_list_holds_each() {
    let list = list();
    for (_, message) in whyreset_causes::messages::all() {
        assert!(list.contains(message.id), "{}", message.id);
        let page = explain(message.id, &style()).unwrap();
        assert!(page.contains(message.id), "{}", message.id);
    }
}

const RESET: &str = "ECONNRESET (104)";
const REFUSED: &str = "ECONNREFUSED (111)";
const PIPE: &str = "EPIPE (32)";
const TIMEOUT: &str = "ETIMEDOUT (110), or the program's own clock";
const UNREACHABLE: &str = "EHOSTUNREACH (113) or ENETUNREACH (101)";
const EITHER: &str = "ECONNRESET, EPIPE or none";
const TLS: &str = "ECONNRESET or an unexpected end";

const WORDINGS: &[(&str, &str)] = &[
    ("java.net.SocketException: Connection reset", RESET),
    (
        "java.net.SocketException: Connection reset by peer (Write failed)",
        RESET,
    ),
    (
        "ConnectionResetError: [Errno 104] Connection reset by peer",
        RESET,
    ),
    (
        "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))",
        RESET,
    ),
    (
        "read tcp 10.0.0.2:5->10.0.0.1:6: read: connection reset by peer",
        RESET,
    ),
    (
        "recv() failed (104: Connection reset by peer) while reading response header",
        RESET,
    ),
    ("curl: (56) Recv failure: Connection reset by peer", RESET),
    ("curl 7.88.1: Recv failure: Connection reset by peer", RESET),
    ("dial 10.0.0.1:10061: read: connection reset by peer", RESET),
    ("read: connection reset by peer (request timeout 5s)", RESET),
    ("System.Net.Sockets.SocketException (10054)", RESET),
    (
        "[WinError 10054] An existing connection was forcibly closed",
        RESET,
    ),
    ("net::ERR_CONNECTION_RESET", RESET),
    ("PR_CONNECT_RESET_ERROR", RESET),
    ("NS_ERROR_NET_RESET", RESET),
    ("The connection was reset", RESET),
    ("ssh: Connection reset by 10.0.0.1 port 22", RESET),
    ("ECONNRESET", RESET),
    ("read error (os error 104)", RESET),
    ("[Errno 104]", RESET),
    ("-104", RESET),
    ("104", RESET),
    ("10054", RESET),
    ("Error: socket hang up", "ECONNRESET, or none"),
    ("curl: (52) Empty reply from server", "none"),
    (
        "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))",
        "none",
    ),
    (
        "upstream prematurely closed connection while reading response header from upstream",
        "none",
    ),
    ("Connection prematurely closed BEFORE response", "none"),
    (
        "org.apache.http.NoHttpResponseException: api:443 failed to respond",
        "none",
    ),
    (
        "aiohttp.client_exceptions.ServerDisconnectedError: Server disconnected",
        "none",
    ),
    ("http: server closed idle connection", "none"),
    (
        "kex_exchange_identification: Connection closed by remote host",
        "none",
    ),
    ("server closed the connection unexpectedly", EITHER),
    ("ERROR 2006 (HY000): MySQL server has gone away", EITHER),
    (
        "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
        EITHER,
    ),
    (
        "curl: (35) OpenSSL SSL_connect: Connection reset by peer in connection to a:443",
        TLS,
    ),
    (
        "javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake",
        TLS,
    ),
    ("java.net.SocketException: Broken pipe", PIPE),
    ("BrokenPipeError: [Errno 32] Broken pipe", PIPE),
    ("write EPIPE", PIPE),
    ("errno=32", PIPE),
    ("dial tcp 10.0.0.1:80: connect: connection refused", REFUSED),
    ("connect ECONNREFUSED 127.0.0.1:80", REFUSED),
    ("net::ERR_CONNECTION_REFUSED", REFUSED),
    (
        "curl: (7) Failed to connect to a port 80 after 0 ms: Connection refused",
        REFUSED,
    ),
    ("delayed connect error: 111", REFUSED),
    ("curl (7)", "ECONNREFUSED, as a rule"),
    (
        "curl: (7) Failed to connect to a port 80 after 0 ms: Could not connect to server",
        "ECONNREFUSED, as a rule",
    ),
    (
        "curl: (7) Failed to connect to 10.0.0.1 port 80: No route to host",
        UNREACHABLE,
    ),
    ("113", UNREACHABLE),
    (
        "curl: (28) Failed to connect to a port 443 after 5000 ms: Connection timed out",
        TIMEOUT,
    ),
    ("read tcp: i/o timeout", TIMEOUT),
    ("context deadline exceeded", TIMEOUT),
    ("110", TIMEOUT),
    (
        "curl: (56) Received HTTP code 403 from proxy after CONNECT",
        "ECONNRESET, as a rule",
    ),
    ("ECONNABORTED", "ECONNABORTED (103)"),
    ("unexpected EOF", "none"),
    ("EOF", "none"),
    (
        "stream terminated by RST_STREAM with error code: INTERNAL_ERROR",
        "none: HTTP/2, not TCP",
    ),
];

#[test]
fn each_runtimes_words_are_understood() {
    for (query, errno) in WORDINGS {
        let answer = explain(query, &style()).unwrap_or_else(|| panic!("{query}: not known"));
        assert_eq!(answer.lines().next(), Some(*errno), "{query}");
    }
}

#[test]
fn what_no_entry_knows_has_no_answer() {
    for query in [
        "no such file or directory",
        "",
        "listening on port 104",
        "exit code 101",
        "retry 32 of 104",
    ] {
        assert!(explain(query, &style()).is_none(), "{query}");
    }
}

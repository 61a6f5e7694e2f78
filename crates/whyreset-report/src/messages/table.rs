//! The wordings and what each can mean. The order is the rule: an entry whose words also contain
//! another entry's words stands before it. Refuses to look anything up.

/// One wording.
pub struct Message {
    /// Lower-case fragments, any of which is it.
    pub patterns: &'static [&'static str],
    /// Who words it so.
    pub runtime: &'static str,
    /// What it is in the kernel's terms.
    pub errno: &'static str,
    /// What it means.
    pub means: &'static str,
    /// What it does not mean, where people take it for that.
    pub not: &'static str,
    /// Causes that can be behind it.
    pub causes: &'static [&'static str],
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
/// What ends a connection without a word, seen by a client that does not tell FIN from RST.
const ENDED: &[&str] = &[
    "unread-data",
    "write-after-close",
    "process-killed",
    "process-exited",
    "oom-killed",
    "linger-abort",
];

/// All of them.
pub static MESSAGES: &[Message] = &[
    Message {
        patterns: &[
            "rst_stream",
            "stream reset",
            "stream error",
            "stream was reset",
            "curl: (92)",
            "curl (92)",
            "err_http2",
            "remote reset",
        ],
        runtime: "gRPC, Go http2, curl (92), Envoy `remote reset`",
        errno: "none: HTTP/2, not TCP",
        means: "the peer or a proxy ended one HTTP/2 stream with RST_STREAM; its error code and the proxy's log say why",
        not: "not a TCP reset: the connection under it stays open, and no kernel knows of it",
        causes: &[],
    },
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
            "before secure tls connection",
            "during handshake",
            "terminated the handshake",
            "curl: (35)",
            "curl (35)",
            "ssl_error_syscall",
            "ssl_connect",
        ],
        runtime: "curl (35), OpenSSL, Node `disconnected before secure TLS connection`, Java `Remote host terminated the handshake`",
        errno: "ECONNRESET or an unexpected end",
        means: "the connection ended during the TLS handshake: wrong port or protocol, a server that drops the client \
                hello, or a box that does not like the name in it",
        not: "not a certificate problem: those have words of their own",
        causes: RESET,
    },
    Message {
        patterns: &[
            "econnrefused",
            "connection refused",
            "connection_refused",
            "connectionrefused",
            "actively refused",
            "connect error: 111",
            "(10061)",
        ],
        runtime: "Java ConnectException, Python ConnectionRefusedError, Go `connect: connection refused`, nginx (111), .NET 10061",
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
            "connection was reset",
            "connection_reset",
            "connect_reset",
            "error_net_reset",
            "net_reset",
            "forcibly closed",
            "(10054)",
        ],
        runtime: "Java `SocketException: Connection reset`, Python ConnectionResetError, Node ECONNRESET, Go `read: \
                  connection reset by peer`, curl (56), nginx (104), Chromium ERR_CONNECTION_RESET, Firefox \
                  PR_CONNECT_RESET_ERROR, .NET 10054",
        errno: "ECONNRESET (104)",
        means: "a reset ended a connection that was open",
        not: "not necessarily the other program's doing: its kernel, its host's death, or a box between can send it",
        causes: RESET,
    },
    Message {
        patterns: &[
            "ehostunreach",
            "enetunreach",
            "no route to host",
            "network is unreachable",
            "noroutetohost",
            "host is unreachable",
        ],
        runtime: "Java NoRouteToHostException, Python and Go `no route to host`, Node EHOSTUNREACH",
        errno: "EHOSTUNREACH (113) or ENETUNREACH (101)",
        means: "an ICMP message came, no neighbour answered for the next hop, or this host has no route",
        not: "not a reset: a packet filter can say it too, where it rejects with ICMP (nft `reject`, REJECT \
              --reject-with icmp-host-prohibited)",
        causes: &[],
    },
    Message {
        patterns: &[
            "remotedisconnected",
            "closed connection without response",
            "empty reply from server",
            "curl: (52)",
            "curl (52)",
            "err_empty_response",
            "err_connection_closed",
            "prematurely",
            "failed to respond",
            "received no bytes",
            "before message completed",
            "server disconnected",
            "serverdisconnected",
            "other side closed",
            "closed by remote host",
            "server closed idle connection",
        ],
        runtime: "Python http.client, aiohttp, httpx, curl (52), Chromium, Java HttpClient and NoHttpResponseException, \
                  undici `other side closed`, hyper, Go `server closed idle connection`, nginx and Netty `prematurely \
                  closed`, ssh",
        errno: "none",
        means: "the other end closed in good order (FIN) before the exchange was over",
        not: "not a reset by itself; one may follow if this end goes on sending",
        causes: PIPE,
    },
    Message {
        patterns: &[
            "server closed the connection unexpectedly",
            "lost connection to",
            "server has gone away",
            "closed by foreign host",
            "connection to client lost",
            "before headers",
        ],
        runtime: "libpq, MySQL clients, PostgreSQL `connection to client lost`, telnet, Envoy `disconnect/reset before headers`",
        errno: "ECONNRESET, EPIPE or none",
        means: "the other end ended the connection before it had answered, by FIN or by reset: this wording does not tell which",
        not: "not proof of a reset",
        causes: ENDED,
    },
    Message {
        patterns: &[
            "etimedout",
            "timed out",
            "timeout",
            "deadline exceeded",
            "(10060)",
        ],
        runtime: "Java SocketTimeoutException, Python TimeoutError, Go `i/o timeout`, Node ETIMEDOUT, curl (28), nginx (110)",
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
            "eofexception",
            "end of file",
            "end of stream",
        ],
        runtime: "Go `EOF`, Java EOFException, Python EOFError, OpenSSL `unexpected eof while reading`",
        errno: "none",
        means: "the other end closed in good order (FIN) where the program still expected something",
        not: "not a reset; what is written afterwards may draw one",
        causes: PIPE,
    },
    Message {
        patterns: &[
            "curl: (7)",
            "curl (7)",
            "failed to connect",
            "could not connect to server",
            "couldn't connect to server",
        ],
        runtime: "curl (7), libpq",
        errno: "ECONNREFUSED, as a rule",
        means: "connect() failed: as a rule a reset answered the SYN; the words after it, or `curl -v`, say for sure",
        not: "not proof of a closed port: no route and a time-out begin with the same words",
        causes: REFUSED,
    },
    Message {
        patterns: &["curl: (56)", "curl (56)", "recv failure"],
        runtime: "curl (56)",
        errno: "ECONNRESET, as a rule",
        means: "receiving failed: as a rule a reset; the words after it say for sure (a proxy's refusal and a TLS end have \
                this number too)",
        not: "not a refusal by the host: the connection had been open",
        causes: RESET,
    },
];

/// Errno numbers of Linux and of Windows, and words too short to be looked for inside others.
pub const SHORT: [(&str, &str); 12] = [
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
    ("113", "ehostunreach"),
    ("101", "enetunreach"),
];

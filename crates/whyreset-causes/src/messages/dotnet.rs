//! .NET: Socket, NetworkStream, HttpClient (SocketsHttpHandler), SslStream.

use super::End::{Close, Own, Refused, Reset, Timeout};
use super::likely::{EARLY_END, IN_HANDSHAKE, READ_RESET, REFUSED, WRITE_BROKEN};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "dotnet",
    name: ".NET",
    handling: Handling {
        retry: "only idempotent requests; `HttpRequestException.HttpRequestError == ResponseEnded` (8+) on a reused connection is the safe case, and SocketsHttpHandler repeats it by itself where nothing was received. Polly / `AddStandardResilienceHandler` with `DisableForUnsafeHttpMethods()`",
        pool: "`SocketsHttpHandler.PooledConnectionIdleTimeout` (1 min since .NET 6, 2 min before) below the server's, `PooledConnectionLifetime`; .NET Framework: `ServicePoint.MaxIdleTime` (100 s); SqlClient `Connection Lifetime`, `ConnectRetryCount`",
        alive: "`SocketOptionName.KeepAlive` with `TcpKeepAliveTime`; `KeepAlivePingDelay` and `KeepAlivePingPolicy` for HTTP/2",
        stop: "`IHostApplicationLifetime`, `HostOptions.ShutdownTimeout`, Kestrel drains on SIGTERM; `Socket.Shutdown(Send)`, receive to 0, `Close()`; never `LingerState = new(true, 0)`",
    },
    messages: &[
        Message {
            id: "dotnet-response-ended",
            says: &[
                "the response ended prematurely",
                "httprequesterror.responseended",
                "(responseended)",
            ],
            example: "System.Net.Http.HttpIOException: The response ended prematurely. (ResponseEnded)",
            errno: "none",
            socket: "SocketsHttpHandler read end of file before the answer was whole",
            can: &[(
                Close,
                "always; a reset is `Unable to read data from the transport connection`",
            )],
            not: "not a reset",
            likely: &EARLY_END,
        },
        Message {
            id: "dotnet-kept-alive-closed",
            says: &["expected to be kept alive was closed by the server"],
            example: "The underlying connection was closed: A connection that was expected to be kept alive was closed by the server.",
            errno: "ECONNRESET, EPIPE or none",
            socket: ".NET Framework: a pooled connection had been closed by the server",
            can: &[
                (Close, "as a rule"),
                (Reset, "where the inner exception is SocketException 10054"),
            ],
            not: "not proof of a reset",
            likely: &EARLY_END,
        },
        Message {
            id: "dotnet-tls-eof",
            says: &["unexpected eof or 0 bytes from the transport stream"],
            example: "System.IO.IOException: Received an unexpected EOF or 0 bytes from the transport stream.",
            errno: "ECONNRESET or an unexpected end",
            socket: "SslStream read end of file within the handshake",
            can: &[(Close, "always")],
            not: "not a certificate problem, and not a reset",
            likely: &IN_HANDSHAKE,
        },
        Message {
            id: "dotnet-reset",
            says: &[
                "socketexception (104)",
                "transport connection*forcibly closed",
                "transport connection: connection reset",
                "socketexception (10054)",
            ],
            example: "System.IO.IOException: Unable to read data from the transport connection: Connection reset by peer.",
            errno: "ECONNRESET (104)",
            socket: "the system call returned ECONNRESET (Linux) or WSAECONNRESET 10054 (Windows); SocketErrorCode is ConnectionReset on both",
            can: &[(Reset, "always")],
            not: "not necessarily the other program's doing: its kernel, its host's death, or a box between can send it",
            likely: &READ_RESET,
        },
        Message {
            id: "dotnet-broken-pipe",
            says: &["socketexception (32)", "transport connection: broken pipe"],
            example: "System.IO.IOException: Unable to write data to the transport connection: Broken pipe.",
            errno: "EPIPE (32)",
            socket: "write() on a connection whose other end had closed and whose reset had already come",
            can: &[
                (Close, "its FIN came first"),
                (Reset, "then a reset answered an earlier write"),
            ],
            not: "not the first sign: a read would have given 0 before",
            likely: &WRITE_BROKEN,
        },
        Message {
            id: "dotnet-refused",
            says: &["socketexception (111)", "socketexception (10061)"],
            example: "System.Net.Sockets.SocketException (111): Connection refused",
            errno: "ECONNREFUSED (111)",
            socket: "connect(): a reset (or an ICMP message) answered the SYN",
            can: &[(Refused, "always")],
            not: "not a crash in mid-life: nothing had been accepted yet",
            likely: &REFUSED,
        },
        Message {
            id: "dotnet-canceled",
            says: &["httpclient.timeout of", "socketexception (125)"],
            example: "TaskCanceledException: The request was canceled due to the configured HttpClient.Timeout of 100 seconds elapsing.",
            errno: "ETIMEDOUT (110), or the program's own clock",
            socket: "HttpClient.Timeout ran out and the program closed the connection",
            can: &[(Timeout, "the program's clock"), (Own, "a CancellationToken")],
            not: "not a reset; its closing sends one to the server",
            likely: &[&super::likely::SILENCE, &super::likely::IDLE],
        },
    ],
};

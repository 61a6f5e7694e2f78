//! git over http(s), ssh and git://.

use super::End::{Above, Close, Reset, Timeout};
use super::likely::{FIREWALL, IDLE, INJECTED, KILLED, NAT, OOM, OVERFLOW, REJECTED, UPLOAD};
use super::{Handling, Message, Runtime};

pub static RUNTIME: Runtime = Runtime {
    id: "git",
    name: "git",
    handling: Handling {
        retry: "fetch and clone are safe to repeat; so is push, which changes refs only at its end",
        pool: "none; `http.version HTTP/1.1` avoids trouble of HTTP/2 proxies; `http.postBuffer` helps only where a proxy cannot take chunked uploads",
        alive: "ssh: `ServerAliveInterval 30`; http: `http.lowSpeedLimit`, `http.lowSpeedTime`; git 2.46+ `http.keepAliveIdle`",
        stop: "smaller pieces: `--depth`, `--filter=blob:none`, push some commits at a time",
    },
    messages: &[
        Message {
            id: "git-rpc-failed",
            says: &["rpc failed"],
            example: "error: RPC failed; curl 56 Recv failure: Connection reset by peer",
            errno: "ECONNRESET, as a rule",
            socket: "the HTTP transfer of a pack ended early; the curl number after it says how: 56 reset, 18 orderly end, 52 no answer, 92 HTTP/2, 28 time-out",
            can: &[
                (Reset, "curl 56, curl 55"),
                (Close, "curl 18, curl 52"),
                (Above, "curl 92, curl 22 (a status)"),
                (Timeout, "curl 28"),
            ],
            not: "not a matter of `http.postBuffer`, as a rule: a proxy's limit or time-out, or inspection on the path",
            likely: &[&UPLOAD, &IDLE, &INJECTED, &REJECTED, &NAT, &OOM],
        },
        Message {
            id: "git-early-eof",
            says: &[
                "fetch-pack: unexpected disconnect",
                "fatal: early eof",
                "invalid index-pack output",
                "unexpected disconnect while reading sideband",
                "fatal: protocol error: bad pack header",
            ],
            example: "fetch-pack: unexpected disconnect while reading sideband packet / fatal: early EOF",
            errno: "none",
            socket: "the pack ended before its end: the lines before it say whether by a reset or in order",
            can: &[
                (Close, "as a rule"),
                (Reset, "where `Connection reset` stands before it"),
            ],
            not: "not a damaged repository",
            likely: &[&KILLED, &OOM, &IDLE, &INJECTED],
        },
        Message {
            id: "git-hung-up",
            says: &[
                "the remote end hung up",
                "remote end hung up unexpectedly",
                "fatal: could not read from remote repository",
            ],
            example: "fatal: the remote end hung up unexpectedly",
            errno: "ECONNRESET, EPIPE or none",
            socket: "the transport (ssh, http) ended; git only sees its pipe close",
            can: &[
                (
                    Close,
                    "a refusal in words stands before it, as a rule (access rights)",
                ),
                (Reset, "where ssh or curl says so"),
            ],
            not: "not proof of a network problem: a refused login or a hook ends so too",
            likely: &[&REJECTED, &KILLED, &OVERFLOW, &FIREWALL],
        },
    ],
};

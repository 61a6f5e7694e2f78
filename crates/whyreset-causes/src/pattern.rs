//! Patterns that several causes' situations share: what a connection had lived through when it was
//! reset. Refuses to know a cause.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::vec::Vec;

use whyreset_evidence::{Dossier, Drop, Ended, Fact, Finding, Side};

use crate::cause::Situation;
use crate::{ask, idle, words};

/// A connection closed this soon after its handshake was turned away and not used.
const AT_ONCE_MS: u64 = 500;
/// A request longer than any header is an upload (servers limit headers to 8 to 16 KiB).
pub const UPLOAD: u64 = 16 << 10;
/// Descriptors that a program keeps back to be able to accept and close at its limit.
const RESERVE: u64 = 2;

/// The closing process had (nearly) as many descriptors open as it may, and closed a connection
/// that it had just accepted and never read.
pub fn descriptors_used_up(dossier: &Dossier) -> Finding {
    let full = dossier
        .holdings(Side::Server)
        .filter(|(_, held)| held.fds + RESERVE >= held.fd_limit);
    let Some((fact, held)) = full else {
        return Finding::absent("its file descriptors were not used up", "proc:/proc/PID/fd");
    };
    // Closed in good order at once, and reset when the client's data came after it.
    let closed = dossier
        .closed_by(Side::Server)
        .and_then(|(_, ended)| ended.socket.age_ms);
    let at_once = dossier.from() == Some(Side::Server) && closed.is_some_and(|age| age <= AT_ONCE_MS);
    let away = turned_away(dossier);
    if !at_once && !away.is_seen() {
        return away;
    }
    Finding::seen(
        format!(
            "{} held {} of at most {} file descriptors, and closed the connection right after its handshake",
            held.process, held.fds, held.fd_limit
        ),
        &*fact.cite,
    )
}

/// What a process of this end was about to run out of when the reset was made.
pub fn near_a_limit(dossier: &Dossier, side: Side) -> Vec<Finding> {
    let Some((fact, held)) = dossier.holdings(side) else {
        return Vec::new();
    };
    let near = |used: u64, limit: u64| u128::from(used) * 10 >= u128::from(limit) * 9;
    let mut findings = Vec::new();
    if near(held.fds, held.fd_limit) {
        findings.push(Finding::seen(
            format!(
                "{} held {} of at most {} file descriptors",
                held.process, held.fds, held.fd_limit
            ),
            &*fact.cite,
        ));
    }
    if let Some(memory) = held.memory.filter(|memory| near(memory.used, memory.limit)) {
        findings.push(Finding::seen(
            format!(
                "the control group of {} used {} of at most {} of memory",
                held.process,
                words::counted(memory.used, "byte"),
                words::counted(memory.limit, "byte")
            ),
            "cgroup:memory.current, memory.max",
        ));
    }
    findings
}

/// The situation of [`descriptors_used_up`].
pub const FD_LIMIT: Situation = Situation {
    id: "fd-limit",
    check: descriptors_used_up,
    benign: false,
    fix: &[
        "raise the process's limit of open files (systemd `LimitNOFILE=`, `ulimit -n`), find the descriptors that leak (`ls -l /proc/PID/fd`), or raise the program's own limit of connections where that one sets it (memcached `-c`, redis `maxclients`)",
    ],
};

/// The situation of [`turned_away`].
pub const DELIBERATE_REJECT: Situation = Situation {
    id: "deliberate-reject",
    check: turned_away,
    benign: false,
    fix: &[
        "the server turned away a connection that it had just accepted: look for its limit of connections (redis `maxclients`, memcached `-c`, xinetd `per_source`, sshd `MaxStartups`), its access rules, whether it expects TLS there, and what its log says of that moment",
    ],
};

/// The server closed the connection right after its handshake, and had read nothing of it.
pub fn turned_away(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        let soon = socket.age_ms.filter(|&age| age <= AT_ONCE_MS);
        let deaf = socket.bytes_received == u64::from(socket.unread);
        Finding::when(
            dossier.from() == Some(Side::Server) && deaf && soon.is_some(),
            format!(
                "the server closed it {} after the handshake and had read nothing",
                socket.age_ms.map_or("an unknown time".to_owned(), words::span_ms)
            ),
            &*fact.cite,
        )
    })
}

/// The server had answered, and nothing came for long; then a request came and was not read before
/// the close: it had crossed the server's own end of an idle connection. A server whose FIN was out
/// before it closed was waiting for the client to end, and not for a request.
pub fn crossed_idle_close(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        if let Some((ended, _)) = own_fin(dossier) {
            return Finding::absent("the server's own FIN was out before the close", &*ended.cite);
        }
        let read = socket.bytes_received > u64::from(socket.unread);
        let quiet = socket.sent_ago_ms.filter(|&ago| ago >= idle::LONG_MS);
        let Some(quiet) = quiet.filter(|_| dossier.from() == Some(Side::Server) && read && socket.unread > 0)
        else {
            return Finding::absent("the connection had not been idle", &*fact.cite);
        };
        let came = socket
            .heard_ago_ms
            .map_or("an unknown time".to_owned(), words::span_ms);
        Finding::seen(
            format!(
                "the last answer had been sent {} before the close, and the next request came {came} before it",
                words::span_ms(quiet)
            ),
            format!("{} lsndtime rcv_tstamp", fact.cite),
        )
    })
}

/// The server's own FIN, sent before the close that reset: a shutdown of the sending direction.
fn own_fin(dossier: &Dossier) -> Option<(&Fact, &Ended)> {
    let reset = dossier.time();
    dossier
        .endings(Side::Server)
        .find(|(fact, ended)| ended.to.after_own_fin() && fact.at < reset)
}

/// The server had read a part of a long request, and answered, before all of it was read. It may
/// have waited since for the client to end, once its FIN had followed the answer.
pub fn answered_early(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        let sent = socket.bytes_acked + u64::from(socket.unacked);
        let read = socket.bytes_received > u64::from(socket.unread);
        let long = socket.bytes_received >= UPLOAD;
        let waited = own_fin(dossier).map_or(0, |(ended, _)| {
            let span = dossier.time().since(ended.at).as_millis();
            u64::try_from(span).unwrap_or(u64::MAX)
        });
        let just_now = socket
            .sent_ago_ms
            .is_some_and(|ago| ago.saturating_sub(waited) < idle::LONG_MS);
        Finding::when(
            dossier.from() == Some(Side::Server) && sent > 0 && just_now && read && long && socket.unread > 0,
            format!(
                "the server had answered with {} before it closed, and left the rest of the request unread",
                words::counted(sent, "byte")
            ),
            &*fact.cite,
        )
    })
}

/// The client went away while the server's answer was still coming in.
pub fn client_left(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        Finding::when(
            dossier.from() == Some(Side::Client) && socket.unread > 0,
            format!(
                "the client closed with {} of the answer unread",
                words::counted(socket.unread.into(), "byte")
            ),
            &*fact.cite,
        )
    })
}

/// The end of this very handshake was dropped because the queue was full: the reset then answers
/// what the client sends on a connection that only it believes in.
pub fn dropped_in_silence(dossier: &Dossier) -> Option<(&Fact, &Drop)> {
    let sent = dossier.time();
    dossier
        .drops()
        .find(|(fact, drop)| drop.reason == "TCP_LISTEN_OVERFLOW" && fact.at < sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_nearly_used_up_is_told() {
        let told = |holds: &str| {
            let text =
                format!("flow 10.0.0.2:40000 > 10.0.0.1:80 watch=server\n+0 server holds app[7] {holds}");
            let dossier = whyreset_evidence::parse_dossier(&text).unwrap();
            let findings = near_a_limit(&dossier, Side::Server);
            findings
                .iter()
                .map(|finding| finding.text().to_owned())
                .collect::<Vec<_>>()
        };
        assert!(told("fds=10 fd-limit=1024 memory=89/100").is_empty());
        assert_eq!(
            told("fds=930 fd-limit=1024 memory=90/100"),
            [
                "app[7] held 930 of at most 1024 file descriptors",
                "the control group of app[7] used 90 bytes of at most 100 bytes of memory",
            ]
        );
        assert!(told("fds=10 fd-limit=1024").is_empty());
    }
}

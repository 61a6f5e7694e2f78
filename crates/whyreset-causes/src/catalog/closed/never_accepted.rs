use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, Side, TcpState};

use crate::cause::{Accuse, Cause, From, Group, need};
use crate::{ask, words};

pub static NEVER_ACCEPTED: Cause = Cause {
    id: "never-accepted",
    group: Group::Closed,
    summary: "a listening socket was closed with connections waiting that nobody had accepted",
    kernel: &["TCP_STATE"],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        need("the connection was open", Certainty::Possible, ask::was_open),
        need(
            "the connection still waited to be accepted",
            Certainty::Possible,
            waited,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        let who = words::accused(dossier, &NEVER_ACCEPTED);
        let port = dossier.flow.server.port();
        if dossier.sent().is_some() {
            format!(
                "{who} closed the listening socket on port {port} while this connection waited to be accepted"
            )
        } else {
            format!(
                "{who} may have closed the listening socket on port {port} before it accepted this connection"
            )
        }
    },
    situations: &[],
    wire: None,
    text: include_str!("never_accepted.md"),
};

fn waited(dossier: &Dossier) -> Finding {
    if dossier.sent().is_none() && dossier.from() == Some(Side::Client) {
        return Finding::absent(
            "the client's end is accepted by nobody",
            "kernel:tcp_receive_reset",
        );
    }
    ask::active(dossier, |fact, _, socket| {
        let holds =
            socket.state == TcpState::Close && !socket.attached && !socket.dead && socket.shutdown.0 == 0;
        let what = if holds {
            "no process had ever held the socket: it waited in the accept queue"
        } else if socket.attached || socket.dead {
            "a process held the socket, or had held it"
        } else {
            "the socket was not one that waits to be accepted"
        };
        if holds && socket.mptcp {
            return Finding::blind(
                "a subflow that joined a Multipath TCP connection is held by no descriptor either",
                "`ss -M` on the server while it lasts",
            );
        }
        Finding::when(holds, what, &*fact.cite)
    })
}

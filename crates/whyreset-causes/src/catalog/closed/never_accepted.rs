use alloc::borrow::ToOwned;
use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, Side, TcpState};

use crate::cause::{Accuse, Cause, From, Group, Rules, need};
use crate::{ask, wire, words};

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
    wire: Some(Rules {
        at_most: Certainty::Possible,
        requires: &[
            need("the connection was open", Certainty::Possible, wire::was_open),
            need(
                "whoever sent the reset had the connection",
                Certainty::Possible,
                wire::active,
            ),
            need(
                "the server had never sent a byte",
                Certainty::Possible,
                wire::server_never_spoke,
            ),
            need(
                "the connection had stood for a while",
                Certainty::Possible,
                wire::stood_a_while,
            ),
        ],
        excludes: wire::ABORTED_OTHERWISE,
        explains: &[],
        sentence: |_| {
            "the server aborted a connection on which it had never sent a byte: most likely it had never accepted it and stopped listening".to_owned()
        },
        situations: &[],
    }),
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

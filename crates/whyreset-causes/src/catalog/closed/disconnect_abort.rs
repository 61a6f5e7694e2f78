use alloc::borrow::ToOwned;
use alloc::format;

use whyreset_evidence::{Certainty, Dossier, Finding, Party, TcpState};

use crate::cause::{Accuse, Cause, From, Group, need};
use crate::{ask, words};

pub static DISCONNECT_ABORT: Cause = Cause {
    id: "disconnect-abort",
    group: Group::Closed,
    summary: "a program cut its connection with connect(AF_UNSPEC) and kept the socket",
    kernel: &["TCP_STATE", "TCP_DISCONNECT_WITH_DATA"],
    party: Party::Application,
    from: From::Sender,
    accuse: Accuse::Closer,
    at_most: Certainty::Certain,
    requires: &[
        need("the connection was open", Certainty::Unknown, ask::was_open),
        need(
            "a held socket was disconnected without a close()",
            Certainty::Unknown,
            disconnected,
        ),
    ],
    excludes: &[],
    explains: &[],
    sentence: |dossier| {
        format!(
            "{} cut the connection with connect(AF_UNSPEC) and kept the socket",
            words::accused(dossier, &DISCONNECT_ABORT)
        )
    },
    situations: &[],
    wire: None,
    text: include_str!("disconnect_abort.md"),
};

fn disconnected(dossier: &Dossier) -> Finding {
    ask::active(dossier, |fact, _, socket| {
        let held = socket.attached && !socket.dead;
        let open = !(socket.shutdown.receive() && socket.shutdown.send());
        let what = match (socket.state, held, open) {
            (TcpState::Close, true, true) => {
                "the socket was still open at its holder, and already in CLOSE".to_owned()
            }
            (TcpState::Close, true, false) => "the socket was being closed by its holder".to_owned(),
            (TcpState::Close, false, _) => "no file descriptor led to the socket".to_owned(),
            (state, ..) => format!("the socket was in {state}, not in CLOSE"),
        };
        Finding::when(socket.state == TcpState::Close && held && open, what, &*fact.cite)
    })
}

//! One connection under two addresses in one capture: a box that translates addresses was captured on
//! both of its sides. Refuses to guess: the initial numbers of both ends must be the same.

use core::net::SocketAddr;

use whyreset_evidence::Shape;

use crate::conn::Connection;
use crate::key::Direction;
use crate::packet::diff;

/// A reset that answers a segment of a connection whose handshake was captured.
#[derive(Clone, Copy, Debug)]
pub struct Met {
    /// Initial numbers of the client and the server.
    isn: [u32; 2],
    ends: [SocketAddr; 2],
    /// Who sent what was answered: the client is 0.
    by: usize,
    seq: u32,
    len: u32,
}

/// Initial numbers of client and server, and their directions.
fn opened(connection: &Connection) -> Option<([u32; 2], [Direction; 2])> {
    let client = connection.client?;
    let ends = [client, client.other()];
    let known = ends
        .iter()
        .all(|end| connection.sent[end.index()].opened() && connection.sent[end.index()].started());
    known.then(|| (ends.map(|end| connection.sent[end.index()].isn), ends))
}

impl Met {
    /// Of the reset that waits for what follows it.
    pub fn of(connection: &Connection) -> Option<Self> {
        let pending = connection.pending.as_ref()?;
        let trigger = pending.passed.trigger.as_ref()?;
        let (isn, ends) = opened(connection)?;
        let answers = pending.passed.shape == Shape::Reply && !trigger.segment.flags.is_syn_ack();
        answers.then(|| Self {
            isn,
            ends: ends.map(|end| connection.key.addr(end)),
            by: usize::from(pending.from == ends[0]),
            seq: trigger.segment.seq,
            len: trigger.segment.len,
        })
    }

    /// Whether `other` is the same connection with one end under another address, followed up to what
    /// was answered and no further.
    pub fn lacks(&self, other: &Connection) -> bool {
        let Some((isn, ends)) = opened(other) else {
            return false;
        };
        let one_end = (0..2).any(|end| other.key.addr(ends[end]) == self.ends[end]);
        let sent = &other.sent[ends[self.by].index()];
        isn == self.isn
            && one_end
            && self.len > 0
            && diff(sent.nxt, self.seq) <= 0
            && other.pending.is_none()
            && !other.told
    }
}

//! The bare relay: what comes from one end goes to the other, through no buffer of the connection's
//! own while nothing waits. Refuses to look at what it passes.

use std::cell::RefCell;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::connection::Orders;

/// Bytes read at once. Shared by all connections of a thread.
const SCRATCH: usize = 128 * 1024;

thread_local! {
    static ROOM: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

/// One end of a relayed connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(crate) struct Half {
    /// What was read and not yet written.
    pending: Vec<u8>,
    at: usize,
    /// The sender has said that it ends.
    pub(crate) eof: bool,
    /// The receiver was told so.
    pub(crate) fin: bool,
    /// The receiver is gone: it takes no more.
    pub(crate) gone: bool,
    /// What comes is thrown away.
    pub(crate) sink: bool,
    /// Bytes passed in all.
    pub(crate) bytes: u64,
    /// Bytes passed since the client began its last request.
    pub(crate) turn: u64,
}

/// Both ends and both directions.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) client: TcpStream,
    pub(crate) server: TcpStream,
    pub(crate) up: Half,
    pub(crate) down: Half,
    /// Times that the client spoke after the server had, or first.
    pub(crate) requests: u64,
    /// The server spoke last, or nobody has spoken yet.
    pub(crate) answered: bool,
}

impl Link {
    pub(crate) fn new(client: TcpStream, server: TcpStream) -> Self {
        Self {
            client,
            server,
            up: Half::default(),
            down: Half::default(),
            requests: 0,
            answered: true,
        }
    }

    pub(crate) fn stream(&self, side: Side) -> &TcpStream {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    /// The direction that ends at this side.
    pub(crate) fn toward(&self, side: Side) -> &Half {
        match side {
            Side::Client => &self.down,
            Side::Server => &self.up,
        }
    }

    pub(crate) fn toward_mut(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.down,
            Side::Server => &mut self.up,
        }
    }

    /// Notes that this side has spoken.
    pub(crate) fn heard(&mut self, side: Side) {
        heard(
            side,
            &mut self.requests,
            &mut self.answered,
            &mut self.up,
            &mut self.down,
        );
    }
}

/// The client begins a request where it speaks after an answer, or first.
fn heard(from: Side, requests: &mut u64, answered: &mut bool, up: &mut Half, down: &mut Half) {
    match from {
        Side::Client if *answered => {
            *answered = false;
            *requests += 1;
            up.turn = 0;
            down.turn = 0;
        }
        Side::Client => {}
        Side::Server => *answered = true,
    }
}

/// Why the relay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Both ends have ended in order.
    Over,
    /// This end was lost: reset, or given up by the kernel.
    Lost(Side),
    /// Other orders came.
    Orders,
}

/// Where one direction stands when it can go no further now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// Waits for its sender.
    Waiting,
    /// Waits for its receiver, and does not look at its sender.
    Full,
    /// Nothing more will pass.
    Ended,
}

impl Half {
    pub(crate) fn ended(&self) -> bool {
        self.gone || (self.eof && self.fin)
    }

    /// Puts data that waited elsewhere before all that is still to come.
    pub(crate) fn keep(&mut self, data: &[u8]) {
        self.pending.extend_from_slice(data);
    }

    /// Takes out what still waits.
    pub(crate) fn take_pending(&mut self) -> Vec<u8> {
        let mut data = std::mem::take(&mut self.pending);
        data.drain(..std::mem::take(&mut self.at));
        data
    }

    fn lose_receiver(&mut self) {
        self.gone = true;
        self.pending = Vec::new();
        self.at = 0;
    }

    /// Passes on what can be passed. `Err`: the sender is lost.
    fn advance(
        &mut self,
        context: &mut Context<'_>,
        from: &TcpStream,
        to: &TcpStream,
        heard: &mut bool,
    ) -> Result<Stand, ()> {
        loop {
            if self.gone {
                return Ok(Stand::Ended);
            }
            while self.at < self.pending.len() {
                match to.try_write(&self.pending[self.at..]) {
                    Ok(count) => self.wrote(count),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        match to.poll_write_ready(context) {
                            Poll::Ready(Ok(())) => {}
                            Poll::Ready(Err(_)) => self.lose_receiver(),
                            Poll::Pending => return Ok(Stand::Full),
                        }
                    }
                    Err(_) => self.lose_receiver(),
                }
            }
            // Who waits needs no room.
            if self.at > 0 {
                self.pending = Vec::new();
                self.at = 0;
            }
            if self.eof {
                if !self.fin && !self.gone {
                    self.fin = true;
                    // Who is gone cannot be told.
                    _ = socket2::SockRef::from(to).shutdown(std::net::Shutdown::Write);
                }
                return Ok(Stand::Ended);
            }
            match from.poll_read_ready(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Err(()),
                Poll::Pending => return Ok(Stand::Waiting),
            }
            let read: io::Result<usize> = ROOM.with_borrow_mut(|room| {
                let count = read(from, room)?;
                if count > 0 && !self.sink && !self.gone {
                    // What does not go now waits.
                    let written = to.try_write(&room[..count]).unwrap_or(0);
                    self.wrote_through(written);
                    self.pending.extend_from_slice(&room[written..count]);
                }
                Ok(count)
            });
            match read {
                Ok(0) => self.eof = true,
                Ok(_) => *heard = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(()),
            }
        }
    }

    fn wrote(&mut self, count: usize) {
        self.at += count;
        self.wrote_through(count);
    }

    pub(crate) fn wrote_through(&mut self, count: usize) {
        self.bytes += count as u64;
        self.turn += count as u64;
    }
}

/// Reads once. A short read says that there is no more: the runtime hears it as a read that would
/// block, and waits for the next event without having to ask the kernel again.
pub(crate) fn read(from: &TcpStream, room: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    let result = from.try_io(Interest::READABLE, || {
        let count = rustix::io::read(from, &mut *room)?;
        got = count;
        if count > 0 && count < room.len() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(count)
    });
    if got > 0 { Ok(got) } else { result }
}

/// Relays until both ends have ended, one is lost, or other orders come.
pub(crate) async fn run(link: &mut Link, orders: &mut Orders) -> End {
    let Link {
        client,
        server,
        up,
        down,
        requests,
        answered,
    } = link;
    let (client, server) = (&*client, &*server);
    let mut change = pin!(orders.changed());
    // A side that is not read tells of its reset in no other way.
    let mut client_lost = pin!(client.ready(Interest::ERROR));
    let mut server_lost = pin!(server.ready(Interest::ERROR));
    std::future::poll_fn(move |context| {
        // Before any data: what comes after orders were given is under them.
        if change.as_mut().poll(context).is_ready() {
            return Poll::Ready(End::Orders);
        }
        let (mut from_client, mut from_server) = (false, false);
        let Ok(upward) = up.advance(context, client, server, &mut from_client) else {
            return Poll::Ready(End::Lost(Side::Client));
        };
        if from_client {
            heard(Side::Client, requests, answered, up, down);
        }
        let Ok(downward) = down.advance(context, server, client, &mut from_server) else {
            return Poll::Ready(End::Lost(Side::Server));
        };
        if from_server {
            heard(Side::Server, requests, answered, up, down);
        }
        if upward == Stand::Ended && downward == Stand::Ended {
            return Poll::Ready(match (up.gone, down.gone) {
                (true, _) => End::Lost(Side::Server),
                (_, true) => End::Lost(Side::Client),
                _ => End::Over,
            });
        }
        if upward != Stand::Waiting && client_lost.as_mut().poll(context).is_ready() {
            return Poll::Ready(End::Lost(Side::Client));
        }
        if downward != Stand::Waiting && server_lost.as_mut().poll(context).is_ready() {
            return Poll::Ready(End::Lost(Side::Server));
        }
        Poll::Pending
    })
    .await
}

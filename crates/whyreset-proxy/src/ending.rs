//! How a connection is ended: in order, by a reset, or by one of the ways that make a kernel reset.
//! Each is bounded in time. Refuses to decide which.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};

use crate::kind::How;
use crate::relay::{self, Link, Side};
use crate::sys;

/// Longest wait until what was written has arrived: a reset would overtake it.
const SETTLE: Duration = Duration::from_millis(250);
/// Longest wait for the other end to end too, after we did.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes thrown away meanwhile.
const TRASH: usize = 64 << 20;

/// Breaks the victim's connection this way, and closes the other one in order.
pub(crate) async fn broken(link: Link, how: How, victim: Side) {
    let (struck, other) = parts(link, victim);
    match how {
        How::Linger => abort(struck).await,
        How::Unread => drop(struck),
        How::LateWrite => {
            finish(&struck);
            empty(&struck);
            drop(struck);
        }
        // These leave the connection standing; here it ends all the same.
        How::HalfClose | How::Hang => in_order(struck, Instant::now() + PATIENCE).await,
    }
    in_order(other, Instant::now() + PATIENCE).await;
}

/// One end was lost: the other is told by a reset, after what came before it.
pub(crate) async fn lost(mut link: Link, side: Side) {
    let waiting = link.toward_mut(side.other()).take_pending();
    let (_, other) = parts(link, side);
    let until = Instant::now() + SETTLE;
    let mut rest = &waiting[..];
    while !rest.is_empty() {
        match timeout_at(until, other.writable()).await {
            Ok(Ok(())) => match other.try_write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            },
            _ => break,
        }
    }
    abort(other).await;
}

/// Both ends get a reset.
pub(crate) async fn reset(link: Link) {
    let Link { client, server, .. } = link;
    abort(client).await;
    abort(server).await;
}

/// Both ends get what is left of the time to end in order.
pub(crate) async fn close(link: Link, patience: Duration) {
    let Link { client, server, .. } = link;
    finish(&client);
    finish(&server);
    let until = Instant::now() + patience;
    in_order(client, until).await;
    in_order(server, until).await;
}

/// A server that could not be reached is told in the only way that is left once a client has been
/// accepted.
pub(crate) async fn unreachable(client: TcpStream) {
    abort(client).await;
}

/// FIN, and no more.
pub(crate) fn finish(stream: &TcpStream) {
    // Who is gone cannot be told.
    _ = SockRef::from(stream).shutdown(Shutdown::Write);
}

/// As long as both ends may take to end in order.
pub(crate) const fn patience() -> Duration {
    PATIENCE
}

fn parts(link: Link, side: Side) -> (TcpStream, TcpStream) {
    match side {
        Side::Client => (link.client, link.server),
        Side::Server => (link.server, link.client),
    }
}

/// close() with SO_LINGER 0, once what was written has arrived, and with nothing unread: that would
/// be another kind of reset.
async fn abort(stream: TcpStream) {
    let until = Instant::now() + SETTLE;
    let mut pause = Duration::from_micros(200);
    while sys::unacknowledged(&stream).is_ok_and(|bytes| bytes > 0) && Instant::now() < until {
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    empty(&stream);
    drop(stream);
}

/// Reads and throws away what has arrived.
fn empty(stream: &TcpStream) {
    let mut room = [0; 16_384];
    let mut bytes = 0;
    while let Ok(count) = rustix::net::recv(stream, &mut room, rustix::net::RecvFlags::DONTWAIT) {
        bytes += count.0;
        if count.0 == 0 || bytes > TRASH {
            return;
        }
    }
}

/// FIN, and what still comes is read until the other end has ended too.
async fn in_order(stream: TcpStream, until: Instant) {
    finish(&stream);
    let mut room = [0; 4_096];
    let mut bytes = 0;
    while bytes < TRASH {
        match timeout_at(until, stream.readable()).await {
            Ok(Ok(())) => match relay::read(&stream, &mut room) {
                Ok(0) => return,
                Ok(count) => bytes += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            },
            _ => return,
        }
    }
}

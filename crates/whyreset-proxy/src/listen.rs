//! The port of one proxy: accepts while its gate is open and there is room for one more connection.
//! Refuses to serve anybody itself.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until};

use crate::connection::{self, Orders};
use crate::gate::{Gate, Gates};
use crate::registry::Common;

/// Connections that wait for an accept(); the kernel bounds it by net.core.somaxconn.
const QUEUE: i32 = 4_096;
/// Rest after a failed accept(): descriptors do not come back sooner.
const REST: Duration = Duration::from_millis(50);

/// Listens at `host:port`; without a host, on all addresses of both families.
///
/// # Errors
/// No address of it can be listened at.
pub(crate) async fn bind(at: &str) -> io::Result<TcpListener> {
    let addresses: Vec<SocketAddr> = match at.strip_prefix(':') {
        Some(port) => {
            let port = port.parse().map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidInput, format!("{port:?} is not a port"))
            })?;
            vec![
                (std::net::Ipv6Addr::UNSPECIFIED, port).into(),
                (std::net::Ipv4Addr::UNSPECIFIED, port).into(),
            ]
        }
        None => lookup_host(at).await?.collect(),
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM.nonblocking().cloexec(),
        Some(Protocol::TCP),
    )?;
    // What ended a moment ago must not keep the port.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(QUEUE)?;
    TcpListener::from_std(socket.into())
}

/// Where a proxy's connections go, and what they share.
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    pub(crate) upstream: Arc<str>,
    pub(crate) common: Arc<Common>,
}

/// Accepts until the proxy is closed.
pub(crate) async fn run(listener: TcpListener, port: Port, mut orders: Orders) {
    let gates = Gates::new(Instant::now());
    let mut listener = Some(listener);
    let mut number = 0_u64;
    let mut before = Gate::Open;
    let mut taken = false;
    loop {
        let order = orders.borrow_and_update().clone();
        if order.close {
            break;
        }
        let (gate, fault, again) = gates.now(&order.faults, Instant::now());
        if gate != before {
            before = gate;
            if let Some(fault) = fault {
                fault.strikes();
            }
            if gate == Gate::Refuses {
                // Who is in the queue has been let in already.
                while let Some(client) = listener.as_ref().and_then(waiting) {
                    number += 1;
                    port.serve(client, number, &orders, None);
                }
                listener = None;
            } else if let Some(listener) = &listener {
                let queue = match gate {
                    Gate::Full(size) => i32::try_from(size).unwrap_or(QUEUE),
                    _ => QUEUE,
                };
                port.common
                    .notice_error("cannot resize the queue", SockRef::from(listener).listen(queue));
            }
        }
        if gate != Gate::Refuses && listener.is_none() {
            match listen(port.address) {
                Ok(opened) => listener = Some(opened),
                Err(error) => {
                    if !taken {
                        let at = port.address;
                        port.common
                            .notice(&format!("cannot listen at {at} again: {error}; still trying"));
                    }
                    taken = true;
                    sleep(REST).await;
                    continue;
                }
            }
            taken = false;
            // The queue is as large as any; a gate that is full sets it at once.
            before = Gate::Open;
            if gate != before {
                continue;
            }
        }
        let open = listener.as_ref().filter(|_| gate == Gate::Open);
        if let Some((client, permit)) = port.next(open, again, &mut orders).await {
            number += 1;
            port.serve(client, number, &orders, Some(permit));
        }
    }
}

/// Who has been let in by the kernel and waits.
fn waiting(listener: &TcpListener) -> Option<TcpStream> {
    let (socket, _) = SockRef::from(listener).accept().ok()?;
    socket.set_nonblocking(true).ok()?;
    TcpStream::from_std(socket.into()).ok()
}

impl Port {
    /// The next client and the room for it; `None`: look at the orders, or at the clock.
    async fn next(
        &self,
        listener: Option<&TcpListener>,
        again: Option<Instant>,
        orders: &mut Orders,
    ) -> Option<(TcpStream, OwnedSemaphorePermit)> {
        let accept = async {
            let Some(listener) = listener else {
                return std::future::pending().await;
            };
            let permit = Arc::clone(&self.common.room).acquire_owned().await.ok()?;
            match listener.accept().await {
                Ok((client, _)) => Some((client, permit)),
                Err(error) => {
                    // A client that left before it was accepted is no failure of the port.
                    if error.kind() != io::ErrorKind::ConnectionAborted {
                        self.common.notice(&format!("cannot accept: {error}"));
                        sleep(REST).await;
                    }
                    None
                }
            }
        };
        let (mut accept, mut change) = (pin!(accept), pin!(orders.changed()));
        let mut time = pin!(sleep_until(again.unwrap_or_else(Instant::now)));
        poll_fn(|context| {
            if change.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            if again.is_some() && time.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            accept.as_mut().poll(context)
        })
        .await
    }

    fn serve(&self, client: TcpStream, number: u64, orders: &Orders, permit: Option<OwnedSemaphorePermit>) {
        let serving = connection::serve(
            client,
            Arc::clone(&self.upstream),
            number,
            orders.clone(),
            Arc::clone(&self.common.count),
        );
        tokio::spawn(async move {
            serving.await;
            drop(permit);
        });
    }
}

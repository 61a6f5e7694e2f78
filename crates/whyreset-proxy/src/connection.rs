//! One connection from its acceptance to its end: the server is reached, faults are looked up, and
//! the bare or the shaped relay runs, whichever the faults call for. Refuses to know how they work.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::count::Count;
use crate::ending;
use crate::fault::Fault;
use crate::plan::Plan;
use crate::relay::{self, Link};
use crate::shaped::{self, Lanes};

/// Longest try to reach one address of the server.
const REACH: Duration = Duration::from_secs(10);
/// What a connection may take to end in order once its proxy is closed.
const CLOSING: Duration = Duration::from_millis(200);

/// What a proxy asks of its connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    pub(crate) faults: Arc<[Arc<Fault>]>,
    /// End at once.
    pub(crate) close: bool,
}

/// Where a connection hears it.
pub(crate) type Orders = watch::Receiver<Order>;

/// Counts a connection as long as it lives.
struct Open(Arc<Count>);

impl Open {
    fn new(count: &Arc<Count>) -> Self {
        Count::add(&count.accepted, 1);
        let open = count.open.fetch_add(1, Ordering::Relaxed) + 1;
        count.peak.fetch_max(open, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves one client to its end. `number` is its place among the connections of its proxy.
pub(crate) async fn serve(
    client: TcpStream,
    upstream: Arc<str>,
    number: u64,
    mut orders: Orders,
    count: Arc<Count>,
) {
    let _open = Open::new(&count);
    // Boxed, because it is over soon and the rest of the connection lives long.
    let reached = Box::pin(reach_or_close(&upstream, &mut orders)).await;
    let server = match reached {
        Some(Ok(server)) => server,
        Some(Err(_)) => {
            Count::add(&count.unreachable, 1);
            return Box::pin(ending::unreachable(client)).await;
        }
        None => return,
    };
    // A proxy that waits for more to send would delay what neither end delayed.
    _ = client.set_nodelay(true);
    _ = server.set_nodelay(true);
    let mut link = Link::new(client, server);
    let way = relayed(&mut link, number, &mut orders).await;
    Count::add(&count.up, link.up.bytes);
    Count::add(&count.down, link.down.bytes);
    match way {
        shaped::End::Over => {}
        shaped::End::Lost(side) => {
            Count::add(&count.passed, 1);
            Box::pin(ending::lost(link, side)).await;
        }
        shaped::End::Close => {
            Count::add(&count.broken, 1);
            Box::pin(ending::close(link, ending::patience())).await;
        }
        shaped::End::Orders => Box::pin(ending::close(link, CLOSING)).await,
        shaped::End::Reset => {
            Count::add(&count.broken, 1);
            Box::pin(ending::reset(link)).await;
        }
        shaped::End::Broken(how, victim) => {
            Count::add(&count.broken, 1);
            Box::pin(ending::broken(link, how, victim)).await;
        }
    }
}

/// Relays to the end; `Orders` is the end that its proxy gives it.
async fn relayed(link: &mut Link, number: u64, orders: &mut Orders) -> shaped::End {
    let mut plan = Plan::default();
    // Most connections never meet a fault.
    let mut lanes: Option<Box<Lanes>> = None;
    loop {
        let order = orders.borrow_and_update().clone();
        if order.close {
            return shaped::End::Orders;
        }
        let now = Instant::now();
        plan.set(&order.faults, number, now);
        if let Some(lanes) = &mut lanes
            && !lanes.set(&plan, number, now)
        {
            return shaped::End::Close;
        }
        let end = if plan.is_bare() {
            if let Some(mut lanes) = lanes.take() {
                lanes.hand_over(link);
            }
            match relay::run(link, orders).await {
                relay::End::Over => shaped::End::Over,
                relay::End::Lost(side) => shaped::End::Lost(side),
                relay::End::Orders => shaped::End::Orders,
            }
        } else {
            let lanes = lanes.get_or_insert_with(|| {
                let mut lanes = Box::new(Lanes::new(now));
                lanes.set(&plan, number, now);
                lanes
            });
            Box::pin(shaped::run(link, &mut plan, lanes, orders)).await
        };
        if end != shaped::End::Orders {
            return end;
        }
        // Whoever gave the orders is gone: so is the proxy.
        if orders.has_changed().is_err() {
            return shaped::End::Orders;
        }
    }
}

/// `None`: the proxy is closed meanwhile.
async fn reach_or_close(upstream: &str, orders: &mut Orders) -> Option<io::Result<TcpStream>> {
    let mut reaching = std::pin::pin!(reach(upstream));
    loop {
        {
            let mut change = std::pin::pin!(orders.changed());
            let reached = std::future::poll_fn(|context| {
                if let std::task::Poll::Ready(reached) = reaching.as_mut().poll(context) {
                    return std::task::Poll::Ready(Some(reached));
                }
                change.as_mut().poll(context).map(|_| None)
            })
            .await;
            if reached.is_some() {
                return reached;
            }
        }
        if orders.has_changed().is_err() || orders.borrow().close {
            return None;
        }
    }
}

/// Connects to the first address that answers.
async fn reach(upstream: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host(upstream).await? {
        match timeout(REACH, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

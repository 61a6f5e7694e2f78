//! A run of the proxy from its start to its end: limits, runtime, the API, the first proxy, signals,
//! and an end that lets connections finish. Refuses to print.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::count::{Count, Summary};
use crate::fault::Fault;
use crate::registry::{Common, Registry};
use crate::{api, limit, listen};

/// Room that connections get to end in order when time is up.
const CLOSING: Duration = Duration::from_secs(1);

/// What is asked for.
pub struct Settings {
    /// Name of the first proxy.
    pub name: String,
    /// Where the first proxy listens and where it passes to; without, the API makes all of them.
    pub first: Option<(String, String)>,
    /// Faults of the first proxy.
    pub faults: Vec<Fault>,
    /// Where the API answers, if at all.
    pub api: Option<String>,
    /// Connections at once; `None`: as many as the limits give, 10,000 at most.
    pub max_connections: Option<usize>,
    /// How long open connections may go on after the signal to end.
    pub grace: Duration,
}

/// Runs until SIGINT or SIGTERM; a second one ends the grace. `ready` is told, once, when all ports
/// are open: the lines to show.
///
/// # Errors
/// What could not be started, why, and what to do.
pub fn run(settings: Settings, notice: Arc<dyn Fn(&str) + Send + Sync>) -> Result<Summary, String> {
    let connections = limit::raise(settings.max_connections, &*notice)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_io()
        .enable_time()
        .thread_stack_size(512 * 1024)
        .build()
        .map_err(|error| format!("cannot start the threads of the proxy: {error}"))?;
    let summary = runtime.block_on(whole(settings, connections, notice));
    // What still looks up a name must not delay the end.
    runtime.shutdown_timeout(Duration::from_millis(100));
    summary
}

async fn whole(
    settings: Settings,
    connections: usize,
    notice: Arc<dyn Fn(&str) + Send + Sync>,
) -> Result<Summary, String> {
    let cannot = |error: io::Error| format!("cannot listen to signals: {error}");
    let mut signals = [
        signal(SignalKind::interrupt()).map_err(cannot)?,
        signal(SignalKind::terminate()).map_err(cannot)?,
    ];
    let count = Arc::new(Count::default());
    let registry = Arc::new(Registry::new(Common {
        count: Arc::clone(&count),
        room: Arc::new(Semaphore::new(connections)),
        notice: Arc::clone(&notice),
    }));
    if let Some((at, upstream)) = &settings.first {
        let body = serde_json::json!({"name": settings.name, "listen": at, "upstream": upstream});
        let told = registry.create(&body).await.map_err(|refusal| refusal.message)?;
        for fault in settings.faults {
            let added = registry.add(&settings.name, fault).await;
            added.map_err(|refusal| format!("{}; give it another name=", refusal.message))?;
        }
        let at = told["listen"].as_str().unwrap_or_default();
        notice(&format!(
            "{at} passes to {upstream}, up to {connections} connections"
        ));
    }
    let api = match &settings.api {
        Some(at) => {
            let listener = listen::bind(at).await.map_err(|error| {
                format!("cannot answer API requests at {at}: {error}; use --api ADDRESS, or --no-api")
            })?;
            if let Ok(address) = listener.local_addr() {
                notice(&format!("API at http://{address}/proxies"));
            }
            Some(tokio::spawn(api::run(listener, Arc::clone(&registry))))
        }
        None => None,
    };
    notice("ready; Ctrl-C ends it");
    any(&mut signals).await;
    if let Some(api) = api {
        api.abort();
    }
    let mut orders = Vec::new();
    for proxy in registry.proxies.lock().await.values_mut() {
        orders.extend(proxy.stop_accepting().await);
    }
    let open = || count.summary().left;
    if open() > 0 {
        notice(&format!(
            "{} connections are open; waiting {:.0?} for them, Ctrl-C ends them now",
            open(),
            settings.grace
        ));
        let mut now = std::pin::pin!(any(&mut signals));
        let until = Instant::now() + settings.grace;
        while open() > 0 && Instant::now() < until {
            let rest = std::pin::pin!(sleep(Duration::from_millis(20)));
            if first(&mut now, rest).await {
                break;
            }
        }
    }
    let summary = count.summary();
    for orders in orders {
        orders.send_modify(|order| order.close = true);
    }
    let until = Instant::now() + CLOSING;
    while open() > 0 && Instant::now() < until {
        sleep(Duration::from_millis(10)).await;
    }
    let left = summary.left;
    Ok(Summary {
        left,
        ..count.summary()
    })
}

/// Any of the signals.
async fn any(signals: &mut [Signal; 2]) {
    let [one, two] = signals;
    let (mut one, mut two) = (std::pin::pin!(one.recv()), std::pin::pin!(two.recv()));
    std::future::poll_fn(|context| {
        if one.as_mut().poll(context).is_ready() {
            return std::task::Poll::Ready(());
        }
        two.as_mut().poll(context).map(|_| ())
    })
    .await;
}

/// Whether the first of the two came before the second.
async fn first(one: &mut (impl Future<Output = ()> + Unpin), mut two: impl Future + Unpin) -> bool {
    let mut one = std::pin::Pin::new(one);
    std::future::poll_fn(|context| {
        if one.as_mut().poll(context).is_ready() {
            return std::task::Poll::Ready(true);
        }
        std::pin::Pin::new(&mut two).poll(context).map(|_| false)
    })
    .await
}

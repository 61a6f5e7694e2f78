//! One proxy: where it listens, where it passes to, and the faults that are on. Refuses to know who
//! asks for a change.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::connection::Order;
use crate::fault::{Fault, Refusal};
use crate::listen::{self, Port};
use crate::registry::Common;

/// Faults of one proxy at most.
const FAULTS: usize = 256;

/// One proxy.
pub(crate) struct Proxy {
    pub(crate) name: String,
    /// Where it was asked to listen, or listens.
    pub(crate) listen: String,
    pub(crate) upstream: String,
    pub(crate) faults: Vec<Arc<Fault>>,
    running: Option<Running>,
    common: Arc<Common>,
}

struct Running {
    orders: watch::Sender<Order>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(crate) fn new(name: &str, listen: &str, upstream: &str, common: &Arc<Common>) -> Self {
        Self {
            name: name.to_owned(),
            listen: listen.to_owned(),
            upstream: upstream.to_owned(),
            faults: Vec::new(),
            running: None,
            common: Arc::clone(common),
        }
    }

    pub(crate) fn enabled(&self) -> bool {
        self.running.is_some()
    }

    /// Opens the port.
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub(crate) async fn start(&mut self) -> Result<(), Refusal> {
        if self.enabled() {
            return Ok(());
        }
        let refuse = |why: std::io::Error| Refusal::new(500, format!("listen tcp {}: {why}", self.listen));
        let listener = listen::bind(&self.listen).await.map_err(refuse)?;
        let address = listener.local_addr().map_err(refuse)?;
        self.listen = address.to_string();
        let (orders, heard) = watch::channel(self.order());
        let port = Port {
            address,
            upstream: Arc::from(self.upstream.as_str()),
            common: Arc::clone(&self.common),
        };
        let accepting = tokio::spawn(listen::run(listener, port, heard));
        self.running = Some(Running { orders, accepting });
        Ok(())
    }

    /// Closes the port and ends every connection.
    pub(crate) async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.orders.send_modify(|order| order.close = true);
            // It ends by itself; what it could fail with was told where it happened.
            _ = running.accepting.await;
        }
    }

    /// Closes the port alone; connections go on. Gives what ends them.
    pub(crate) async fn stop_accepting(&mut self) -> Option<watch::Sender<Order>> {
        let running = self.running.take()?;
        running.accepting.abort();
        _ = running.accepting.await;
        Some(running.orders)
    }

    /// Adds a fault, and has every connection hear of it.
    ///
    /// # Errors
    /// Its name is taken, or there are too many.
    pub(crate) fn add(&mut self, fault: Fault) -> Result<Arc<Fault>, Refusal> {
        if self.faults.iter().any(|other| other.name == fault.name) {
            return Err(Refusal::new(409, "toxic already exists"));
        }
        if self.faults.len() >= FAULTS {
            return Err(Refusal::new(400, format!("a proxy has at most {FAULTS} toxics")));
        }
        let fault = Arc::new(fault);
        self.faults.push(Arc::clone(&fault));
        self.tell();
        Ok(fault)
    }

    /// The fault of that name.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn fault(&self, name: &str) -> Result<&Arc<Fault>, Refusal> {
        let found = self.faults.iter().find(|fault| fault.name == name);
        found.ok_or_else(|| Refusal::new(404, "toxic not found"))
    }

    /// Changes a fault.
    ///
    /// # Errors
    /// There is none of that name, or what is asked for means nothing.
    pub(crate) fn change(&mut self, name: &str, body: &Value) -> Result<Arc<Fault>, Refusal> {
        let changed = Arc::new(self.fault(name)?.changed(body)?);
        for fault in &mut self.faults {
            if fault.name == name {
                *fault = Arc::clone(&changed);
            }
        }
        self.tell();
        Ok(changed)
    }

    /// Takes a fault away.
    ///
    /// # Errors
    /// There is none of that name.
    pub(crate) fn remove(&mut self, name: &str) -> Result<(), Refusal> {
        self.fault(name)?;
        self.faults.retain(|fault| fault.name != name);
        self.tell();
        Ok(())
    }

    /// Takes all faults away.
    pub(crate) fn clear(&mut self) {
        self.faults.clear();
        self.tell();
    }

    /// As the API tells it.
    pub(crate) fn to_json(&self) -> Value {
        let faults: Vec<Value> = self.faults.iter().map(|fault| fault.to_json()).collect();
        json!({
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled(),
            "toxics": faults,
        })
    }

    fn order(&self) -> Order {
        Order {
            faults: self.faults.as_slice().into(),
            close: false,
        }
    }

    fn tell(&self) {
        if let Some(running) = &self.running {
            running.orders.send_replace(self.order());
        }
    }
}

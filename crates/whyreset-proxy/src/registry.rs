//! All proxies of a run, by name, and what they share. Every request of the API is one of the
//! functions here. Refuses to know HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, Semaphore};

use crate::count::Count;
use crate::fault::{Fault, Refusal};
use crate::proxy::Proxy;

/// Proxies at most.
const PROXIES: usize = 1_024;

/// What the proxies of a run share.
pub(crate) struct Common {
    pub(crate) count: Arc<Count>,
    /// Room for connections.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) notice: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Common {
    pub(crate) fn notice(&self, text: &str) {
        (self.notice)(text);
    }

    pub(crate) fn notice_error(&self, what: &str, result: std::io::Result<()>) {
        if let Err(error) = result {
            self.notice(&format!("{what}: {error}"));
        }
    }
}

/// The proxies.
pub(crate) struct Registry {
    pub(crate) common: Arc<Common>,
    pub(crate) proxies: Mutex<BTreeMap<String, Proxy>>,
}

/// What a proxy is asked to be.
struct Asked {
    name: Option<String>,
    listen: Option<String>,
    upstream: Option<String>,
    enabled: Option<bool>,
}

impl Asked {
    fn read(body: &Value) -> Result<Self, Refusal> {
        let fields = body
            .as_object()
            .ok_or_else(|| Refusal::body("a proxy is an object"))?;
        let word = |name: &str| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(word)) if word.is_empty() => Ok(None),
            Some(Value::String(word)) if word.len() <= 300 => Ok(Some(word.clone())),
            Some(_) => Err(Refusal::body(format!("{name} is a string of at most 300 bytes"))),
        };
        let enabled = match fields.get("enabled") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(enabled)) => Some(*enabled),
            Some(other) => return Err(Refusal::body(format!("enabled is true or false, not {other}"))),
        };
        Ok(Self {
            name: word("name")?,
            listen: word("listen")?,
            upstream: word("upstream")?,
            enabled,
        })
    }

    /// What a new proxy needs: its name, where it listens, where it passes to.
    fn whole(&self) -> Result<(&str, &str, &str), Refusal> {
        let need = |field: &'static str| Refusal::new(400, format!("missing required field: {field}"));
        let name = self.name.as_deref().ok_or_else(|| need("name"))?;
        let upstream = self.upstream.as_deref().ok_or_else(|| need("upstream"))?;
        Ok((name, self.listen.as_deref().unwrap_or("127.0.0.1:0"), upstream))
    }
}

impl Registry {
    pub(crate) fn new(common: Common) -> Self {
        Self {
            common: Arc::new(common),
            proxies: Mutex::new(BTreeMap::new()),
        }
    }

    /// All proxies by name.
    pub(crate) async fn index(&self) -> Value {
        let proxies = self.proxies.lock().await;
        let all: Map<String, Value> = proxies
            .iter()
            .map(|(name, proxy)| (name.clone(), proxy.to_json()))
            .collect();
        all.into()
    }

    /// A new proxy.
    pub(crate) async fn create(&self, body: &Value) -> Result<Value, Refusal> {
        let asked = Asked::read(body)?;
        let (name, listen, upstream) = asked.whole()?;
        let mut proxies = self.proxies.lock().await;
        if proxies.contains_key(name) {
            return Err(Refusal::new(409, "proxy already exists"));
        }
        let proxy = self
            .started(name, listen, upstream, &asked, proxies.len())
            .await?;
        let told = proxy.to_json();
        proxies.insert(name.to_owned(), proxy);
        Ok(told)
    }

    /// Proxies that are to be there; those that are as asked for stay as they are.
    pub(crate) async fn populate(&self, body: &Value) -> Result<Value, (Refusal, Value)> {
        let mut told = Vec::new();
        let refused = |refusal: Refusal, told: &Vec<Value>| (refusal, json!(told));
        let Some(list) = body.as_array() else {
            return Err(refused(Refusal::body("a list of proxies"), &told));
        };
        let mut asked = Vec::new();
        for one in list {
            let one = Asked::read(one).and_then(|one| one.whole().map(|_| ()).map(|()| one));
            asked.push(one.map_err(|refusal| refused(refusal, &told))?);
        }
        let mut proxies = self.proxies.lock().await;
        for asked in &asked {
            let (name, listen, upstream) = asked.whole().map_err(|refusal| refused(refusal, &told))?;
            let same = proxies
                .get(name)
                .is_some_and(|proxy| same(&proxy.listen, listen) && proxy.upstream == upstream);
            if same {
                let enable = asked.enabled.unwrap_or(true);
                if let Some(proxy) = proxies.get_mut(name) {
                    let switched = switch(proxy, enable).await;
                    switched.map_err(|refusal| refused(refusal, &told))?;
                    told.push(proxy.to_json());
                }
                continue;
            }
            if let Some(mut before) = proxies.remove(name) {
                before.stop().await;
            }
            let proxy = self.started(name, listen, upstream, asked, proxies.len()).await;
            let proxy = proxy.map_err(|refusal| refused(refusal, &told))?;
            told.push(proxy.to_json());
            proxies.insert(name.to_owned(), proxy);
        }
        Ok(json!(told))
    }

    /// Every proxy enabled, every fault gone.
    pub(crate) async fn reset(&self) -> Result<(), Refusal> {
        for proxy in self.proxies.lock().await.values_mut() {
            proxy.clear();
            proxy.start().await?;
        }
        Ok(())
    }

    /// Does something with the proxy of that name.
    pub(crate) async fn with<T>(
        &self,
        name: &str,
        act: impl AsyncFnOnce(&mut Proxy) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut proxies = self.proxies.lock().await;
        let proxy = proxies
            .get_mut(name)
            .ok_or_else(|| Refusal::new(404, "proxy not found"))?;
        act(proxy).await
    }

    /// Changes a proxy; a change of an address ends its connections.
    pub(crate) async fn update(&self, name: &str, body: &Value) -> Result<Value, Refusal> {
        let asked = Asked::read(body)?;
        self.with(name, async |proxy| {
            let enable = asked.enabled.unwrap_or(proxy.enabled());
            let listen = asked
                .listen
                .as_deref()
                .filter(|listen| !same(&proxy.listen, listen));
            let upstream = asked
                .upstream
                .as_deref()
                .filter(|upstream| *upstream != proxy.upstream);
            if listen.is_some() || upstream.is_some() {
                proxy.stop().await;
                if let Some(listen) = listen {
                    listen.clone_into(&mut proxy.listen);
                }
                if let Some(upstream) = upstream {
                    upstream.clone_into(&mut proxy.upstream);
                }
            }
            switch(proxy, enable).await?;
            Ok(proxy.to_json())
        })
        .await
    }

    /// Ends a proxy.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), Refusal> {
        let mut proxies = self.proxies.lock().await;
        let mut proxy = proxies
            .remove(name)
            .ok_or_else(|| Refusal::new(404, "proxy not found"))?;
        proxy.stop().await;
        Ok(())
    }

    /// A new fault of a proxy.
    pub(crate) async fn add(&self, name: &str, fault: Fault) -> Result<Value, Refusal> {
        self.with(name, async |proxy| Ok(proxy.add(fault)?.to_json()))
            .await
    }

    async fn started(
        &self,
        name: &str,
        listen: &str,
        upstream: &str,
        asked: &Asked,
        there: usize,
    ) -> Result<Proxy, Refusal> {
        if there >= PROXIES {
            return Err(Refusal::new(400, format!("there are at most {PROXIES} proxies")));
        }
        let mut proxy = Proxy::new(name, listen, upstream, &self.common);
        switch(&mut proxy, asked.enabled.unwrap_or(true)).await?;
        Ok(proxy)
    }
}

async fn switch(proxy: &mut Proxy, enable: bool) -> Result<(), Refusal> {
    if enable {
        proxy.start().await
    } else {
        proxy.stop().await;
        Ok(())
    }
}

/// Whether a proxy that listens here does what is asked for. Names stand for addresses, and port 0
/// for any.
fn same(listens: &str, asked: &str) -> bool {
    let port = |address: &str| address.rsplit_once(':').map(|(_, port)| port.to_owned());
    let host = |address: &str| {
        let host = address.rsplit_once(':').map_or("", |(host, _)| host);
        match host {
            "localhost" => "127.0.0.1".to_owned(),
            "" => "[::]".to_owned(),
            other => other.to_owned(),
        }
    };
    host(listens) == host(asked) && (port(listens) == port(asked) || port(asked).as_deref() == Some("0"))
}

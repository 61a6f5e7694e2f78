//! The HTTP API that toxiproxy's clients speak: paths and methods to requests of the registry, and
//! answers as JSON. Refuses browsers (a page of somebody else could make them ask), large bodies,
//! and slow ones.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::fault::{Fault, Refusal};
use crate::registry::Registry;

/// The version of toxiproxy's API that is spoken.
const SPOKEN: &str = "2.12.0";
/// Bytes of a request's body at most.
const BODY: usize = 1 << 20;
/// For the head of a request, and for its body.
const PATIENCE: Duration = Duration::from_secs(15);
/// Connections to the API at once.
const AT_ONCE: usize = 128;

/// Answers until it is dropped.
pub(crate) async fn run(listener: TcpListener, registry: Arc<Registry>) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let registry = Arc::clone(&registry);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &registry));
            let mut server = hyper::server::conn::http1::Builder::new();
            server
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .max_buf_size(64 * 1024);
            // A client that breaks off has nobody who wants to hear of it.
            _ = server.serve_connection(TokioIo::new(stream), service).await;
            drop(permit);
        });
    }
}

/// What is answered, before it is HTTP.
enum Answer {
    Told(u16, Value),
    Done,
}

async fn answer(
    request: Request<Incoming>,
    registry: &Registry,
) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match asked(request, registry).await {
        Ok(Answer::Told(status, body)) => respond(status, &body),
        Ok(Answer::Done) => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(refusal) => respond(
            refusal.status,
            &json!({"error": refusal.message, "status": refusal.status}),
        ),
    })
}

fn respond(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{body}\n"))));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn asked(request: Request<Incoming>, registry: &Registry) -> Result<Answer, Refusal> {
    let agent = request.headers().get(USER_AGENT);
    if agent.is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/")) {
        return Err(Refusal::new(403, "User agent not allowed"));
    }
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let words: Vec<String> = path
        .trim_matches('/')
        .split('/')
        .map(decoded)
        .collect::<Option<_>>()
        .ok_or_else(|| Refusal::new(400, "the path is not UTF-8"))?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let changes = method == Method::POST || method == Method::PATCH;
    let body = if changes { read(request).await? } else { None };
    let body = |what: &str| body.clone().ok_or_else(|| Refusal::body(format!("no {what}")));
    Ok(match (method.as_str(), &words[..]) {
        ("GET", ["version"]) => Answer::Told(
            200,
            json!({"version": SPOKEN, "server": concat!("whyreset ", env!("CARGO_PKG_VERSION"))}),
        ),
        ("POST", ["reset"]) => {
            registry.reset().await?;
            Answer::Done
        }
        ("POST", ["populate"]) => match registry.populate(&body("list of proxies")?).await {
            Ok(proxies) => Answer::Told(201, json!({"proxies": proxies})),
            Err((refusal, proxies)) => Answer::Told(
                refusal.status,
                json!({"error": refusal.message, "status": refusal.status, "proxies": proxies}),
            ),
        },
        ("GET", ["proxies"]) => Answer::Told(200, registry.index().await),
        ("POST", ["proxies"]) => Answer::Told(201, registry.create(&body("proxy")?).await?),
        ("GET", ["proxies", name]) => {
            Answer::Told(200, registry.with(name, async |proxy| Ok(proxy.to_json())).await?)
        }
        ("POST" | "PATCH", ["proxies", name]) => {
            Answer::Told(200, registry.update(name, &body("fields")?).await?)
        }
        ("DELETE", ["proxies", name]) => {
            registry.remove(name).await?;
            Answer::Done
        }
        ("GET", ["proxies", name, "toxics"]) => {
            let told = registry.with(name, async |proxy| Ok(proxy.to_json()["toxics"].take()));
            Answer::Told(200, told.await?)
        }
        ("POST", ["proxies", name, "toxics"]) => {
            // Whether there is such a proxy comes before what is asked of it.
            registry.with(name, async |_| Ok(())).await?;
            let fault = Fault::from_json(&body("toxic")?)?;
            Answer::Told(200, registry.add(name, fault).await?)
        }
        ("GET", ["proxies", name, "toxics", toxic]) => {
            let told = registry.with(name, async |proxy| Ok(proxy.fault(toxic)?.to_json()));
            Answer::Told(200, told.await?)
        }
        ("POST" | "PATCH", ["proxies", name, "toxics", toxic]) => {
            let body = body("fields")?;
            let told = registry.with(name, async |proxy| Ok(proxy.change(toxic, &body)?.to_json()));
            Answer::Told(200, told.await?)
        }
        ("DELETE", ["proxies", name, "toxics", toxic]) => {
            registry.with(name, async |proxy| proxy.remove(toxic)).await?;
            Answer::Done
        }
        (
            _,
            ["version" | "reset" | "populate" | "proxies"]
            | ["proxies", _]
            | ["proxies", _, "toxics"]
            | ["proxies", _, "toxics", _],
        ) => {
            return Err(Refusal::new(405, "method not allowed"));
        }
        _ => return Err(Refusal::new(404, "404 page not found")),
    })
}

/// The body as JSON; `None` where it is empty.
async fn read(request: Request<Incoming>) -> Result<Option<Value>, Refusal> {
    let body = Limited::new(request.into_body(), BODY).collect();
    let bytes = match timeout(PATIENCE, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => {
            return Err(Refusal::body(format!(
                "it broke off, or has more than {BODY} bytes"
            )));
        }
        Err(_) => return Err(Refusal::new(408, "the body did not arrive in time")),
    };
    if bytes.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(&bytes).map(Some).map_err(Refusal::body)
}

/// One part of a path without its percent signs; `None`: no UTF-8.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let pair = [rest.next()?, rest.next()?];
        // A sign is no digit.
        if !pair.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let pair = std::str::from_utf8(&pair).ok()?;
        bytes.push(u8::from_str_radix(pair, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn names_in_paths_may_be_encoded() {
        assert_eq!(decoded("a%20b%2Fc").as_deref(), Some("a b/c"));
        assert_eq!(decoded("plain").as_deref(), Some("plain"));
        for bad in ["%", "%2", "%zz", "%ff", "%+1"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }
}

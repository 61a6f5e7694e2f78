//! Loads for the live benchmarks, each run for a given time on loopback of the current network
//! namespace by a process of its own. Prints what was done and what it cost as two numbers.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use socket2::SockRef;

/// What a load did.
pub struct Done {
    /// Connections, requests or resets.
    pub count: u64,
    /// Seconds it took.
    pub seconds: f64,
    /// How many a second in the tenth percentile of the batches' times: what the machine did for
    /// others meanwhile is in the slow ones. What a watcher costs is in every one of them.
    pub rate: f64,
}

/// The kinds of load, by the name that the child process is given.
pub const CONNECT: &str = "connect";
pub const REQUEST: &str = "request";
pub const STORM: &str = "storm";

/// Runs in the child: does the load and prints `count seconds rate`.
pub fn run(kind: &str, seconds: f64) -> Result<()> {
    let span = Duration::from_secs_f64(seconds);
    let done = match kind {
        CONNECT => connect(span)?,
        REQUEST => request(span)?,
        STORM => storm(span)?,
        other => bail!("unknown load {other:?}; one of {CONNECT}, {REQUEST}, {STORM}"),
    };
    println!("{} {:.6} {:.3}", done.count, done.seconds, done.rate);
    Ok(())
}

/// Reads what [`run`] printed.
pub fn parse(output: &str) -> Result<Done> {
    let mut words = output.split_whitespace();
    let mut next = || words.next().context("the load printed nothing; see its stderr");
    Ok(Done {
        count: next()?.parse()?,
        seconds: next()?.parse()?,
        rate: next()?.parse()?,
    })
}

fn listen() -> Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Repeats `once` in batches until the time is over; clock reads must not be the load.
fn repeat(span: Duration, batch: u64, mut once: impl FnMut() -> Result<()>) -> Result<Done> {
    let start = Instant::now();
    let mut batches: Vec<Duration> = Vec::new();
    while start.elapsed() < span {
        let begun = Instant::now();
        for _ in 0..batch {
            once()?;
        }
        batches.push(begun.elapsed());
    }
    let seconds = start.elapsed().as_secs_f64();
    batches.sort_unstable();
    let undisturbed = batches.get(batches.len() / 10).context("the load did nothing")?;
    Ok(Done {
        count: batch * batches.len() as u64,
        seconds,
        rate: batch as f64 / undisturbed.as_secs_f64(),
    })
}

/// connect, accept, close, close: no data, no reset.
fn connect(span: Duration) -> Result<Done> {
    let (listener, address) = listen()?;
    repeat(span, 16, || {
        let client = TcpStream::connect(address)?;
        let (server, _) = listener.accept()?;
        drop(client);
        drop(server);
        Ok(())
    })
}

/// 64 bytes there and back on one open connection.
fn request(span: Duration) -> Result<Done> {
    let (listener, address) = listen()?;
    let mut client = TcpStream::connect(address)?;
    let (mut server, _) = listener.accept()?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut buffer = [0x55; 64];
    repeat(span, 32, || {
        client.write_all(&buffer)?;
        server.read_exact(&mut buffer)?;
        server.write_all(&buffer)?;
        client.read_exact(&mut buffer)?;
        Ok(())
    })
}

/// SO_LINGER 0 on every accepted connection: a reset each, as fast as loopback goes.
fn storm(span: Duration) -> Result<Done> {
    let (listener, address) = listen()?;
    repeat(span, 64, || {
        let client = TcpStream::connect(address)?;
        let (server, _) = listener.accept()?;
        SockRef::from(&server).set_linger(Some(Duration::ZERO))?;
        drop(server);
        drop(client);
        Ok(())
    })
}

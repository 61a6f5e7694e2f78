//! `cargo xtask bench proxy`: what passing through `whyreset proxy` costs next to haproxy in TCP mode,
//! slices in turn in one run; and a soak: thousands of connections for minutes, its memory printed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::median;

/// Rounds; the order within one turns.
const ROUNDS: usize = 12;
const SLICE: Duration = Duration::from_millis(800);
/// Connections of a slice, and threads that use them.
const CONNECTIONS: usize = 64;
const THREADS: usize = 4;
const REQUEST: [u8; 64] = [b'q'; 64];
const ANSWER: usize = 512;
/// A request that begins so is answered without end.
const STREAM: u8 = b's';
/// Stack of a server's thread, bytes.
const STACK: usize = 64 << 10;
/// Descriptors for a soak of ten thousand connections.
const DESCRIPTORS: u64 = 60_000;
const SOON: Duration = Duration::from_secs(10);

/// What is asked for.
struct Soak {
    time: Duration,
    connections: usize,
}

/// Ratios, or a soak where one is asked for.
pub fn run(binary: &Path, words: &[&str]) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(DESCRIPTORS).max(DESCRIPTORS);
    let raised = Rlimit {
        current: Some(DESCRIPTORS),
        maximum: limit.maximum.map(|_| most),
    };
    _ = setrlimit(Resource::Nofile, raised);
    let server = serve()?;
    match words {
        [] => ratios(binary, server),
        ["--soak", seconds, "--connections", connections] => {
            let soak = Soak {
                time: Duration::from_secs(seconds.parse().context("--soak wants seconds")?),
                connections: connections.parse().context("--connections wants a number")?,
            };
            soaked(binary, server, &soak)
        }
        _ => bail!("usage: bench proxy [--soak SECONDS --connections N]"),
    }
}

/// A program of its own that passes connections on, ended when dropped.
struct Passing {
    child: Child,
    at: SocketAddr,
}

impl Passing {
    fn whyreset(binary: &Path, server: SocketAddr, connections: usize) -> Result<Self> {
        let mut child = Command::new(binary)
            .args([
                "proxy",
                "127.0.0.1:0",
                &server.to_string(),
                "--no-api",
                "--max-connections",
            ])
            .arg(connections.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", binary.display()))?;
        let said = BufReader::new(child.stderr.take().context("no pipe")?);
        for line in said.lines() {
            let line = line?;
            if line.contains(" passes to ") {
                let at = line.split_whitespace().nth(2).and_then(|word| word.parse().ok());
                let at = at.with_context(|| format!("no address in {line:?}"))?;
                return Ok(Self { child, at });
            }
        }
        bail!("whyreset proxy did not start")
    }

    fn haproxy(folder: &Path, server: SocketAddr) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let file = folder.join("haproxy.cfg");
        std::fs::write(
            &file,
            format!(
                "global\n maxconn 1000\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n \
                 timeout server 60s\nlisten bench\n bind 127.0.0.1:{port}\n server one {server}\n"
            ),
        )?;
        let child = Command::new("haproxy")
            .args(["-db", "-q", "-f"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("haproxy is not here")?;
        let passing = Self {
            child,
            at: SocketAddr::from(([127, 0, 0, 1], port)),
        };
        let limit = Instant::now() + SOON;
        while TcpStream::connect(passing.at).is_err() {
            ensure!(Instant::now() < limit, "haproxy did not start");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(passing)
    }

    /// Kibibytes resident.
    fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.context("no VmRSS: it has ended")
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Answers each request; one that begins with `STREAM` without end.
fn serve() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let at = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who cannot be served is told by the connection's end.
            _ = thread::Builder::new()
                .stack_size(STACK)
                .spawn(move || answer(stream));
        }
    });
    Ok(at)
}

fn answer(mut stream: TcpStream) {
    let mut request = [0; REQUEST.len()];
    _ = stream.set_nodelay(true);
    while stream.read_exact(&mut request).is_ok() {
        let written = if request[0] == STREAM {
            let much = vec![b'd'; 256 << 10];
            while stream.write_all(&much).is_ok() {}
            return;
        } else {
            stream.write_all(&[b'a'; ANSWER])
        };
        if written.is_err() {
            return;
        }
    }
}

fn ask(stream: &mut TcpStream) -> Result<()> {
    stream.write_all(&REQUEST)?;
    stream.read_exact(&mut [0; ANSWER])?;
    Ok(())
}

/// One kind of load: how much of it a slice did.
type Load = fn(SocketAddr) -> Result<f64>;

fn ratios(binary: &Path, server: SocketAddr) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ours = Passing::whyreset(binary, server, 1_000)?;
    let theirs = Passing::haproxy(folder.path(), server)?;
    println!(
        "proxy benchmarks, {ROUNDS} rounds of {:.1} s slices in turn; medians; the load runs on the same processors",
        SLICE.as_secs_f64()
    );
    let loads: [(&str, &str, Load); 3] = [
        ("requests on open connections", "requests/s", requests),
        ("a connection for each request", "connections/s", connections),
        ("one download", "MB/s", download),
    ];
    for (name, unit, load) in loads {
        let places = [server, theirs.at, ours.at];
        let mut rates = [const { Vec::new() }; 3];
        for at in places {
            load(at)?;
        }
        for round in 0..ROUNDS {
            for step in 0..places.len() {
                let which = (round + step) % places.len();
                rates[which].push(load(places[which])?);
            }
        }
        let mut against: Vec<f64> = rates[2].iter().zip(&rates[1]).map(|(a, b)| a / b).collect();
        let [mut direct, mut haproxy, mut whyreset] = rates;
        println!(
            "{name}: {:.0} {unit} direct, {:.0} through haproxy, {:.0} through whyreset; whyreset/haproxy {:.2}",
            median(&mut direct),
            median(&mut haproxy),
            median(&mut whyreset),
            median(&mut against)
        );
    }
    Ok(())
}

/// Runs `work` on some threads for a slice and adds up what each did.
fn threads(work: impl Fn(usize, &AtomicBool) -> Result<u64> + Sync) -> Result<f64> {
    let (over, sum) = (AtomicBool::new(false), AtomicU64::new(0));
    let begin = Instant::now();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|number| {
                let (work, over, sum) = (&work, &over, &sum);
                scope.spawn(move || {
                    sum.fetch_add(work(number, over)?, Ordering::Relaxed);
                    Ok::<_, anyhow::Error>(())
                })
            })
            .collect();
        thread::sleep(SLICE);
        over.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().ok().context("a thread of the load broke down")??;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let done = sum.load(Ordering::Relaxed) as f64;
    Ok(done / begin.elapsed().as_secs_f64())
}

fn requests(at: SocketAddr) -> Result<f64> {
    threads(|_, over| {
        let mut streams = open(at, CONNECTIONS / THREADS)?;
        let mut done = 0;
        while !over.load(Ordering::Relaxed) {
            for stream in &mut streams {
                ask(stream)?;
                done += 1;
            }
        }
        Ok(done)
    })
}

fn connections(at: SocketAddr) -> Result<f64> {
    threads(|_, over| {
        let mut done = 0;
        while !over.load(Ordering::Relaxed) {
            let mut stream = connect(at)?;
            ask(&mut stream)?;
            // No TIME_WAIT: a slice must not run out of ports.
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            done += 1;
        }
        Ok(done)
    })
}

fn download(at: SocketAddr) -> Result<f64> {
    let rate = threads(|number, over| {
        if number > 0 {
            return Ok(0);
        }
        let mut stream = connect(at)?;
        stream.write_all(&[STREAM; REQUEST.len()])?;
        let mut room = vec![0; 256 << 10];
        let mut bytes = 0;
        while !over.load(Ordering::Relaxed) {
            bytes += stream.read(&mut room)? as u64;
        }
        Ok(bytes)
    })?;
    Ok(rate / 1e6)
}

fn connect(at: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(at).with_context(|| format!("cannot connect to {at}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SOON))?;
    Ok(stream)
}

fn open(at: SocketAddr, count: usize) -> Result<Vec<TcpStream>> {
    (0..count).map(|_| connect(at)).collect()
}

/// All connections stay open and are used in turn; every fiftieth is made anew.
fn soaked(binary: &Path, server: SocketAddr, soak: &Soak) -> Result<()> {
    let proxy = Passing::whyreset(binary, server, soak.connections + 100)?;
    println!("before any connection: {} KiB resident", proxy.resident()?);
    let mut streams = open(proxy.at, soak.connections)?;
    let begin = Instant::now();
    let (mut done, mut anew, mut told) = (0_u64, 0_u64, 0);
    while begin.elapsed() < soak.time {
        for (number, stream) in streams.iter_mut().enumerate() {
            if (number as u64 + anew).is_multiple_of(50) {
                *stream = connect(proxy.at)?;
                anew += 1;
            }
            ask(stream)?;
            done += 1;
        }
        let tenth = begin.elapsed().as_nanos() * 10 / soak.time.as_nanos().max(1);
        if tenth >= told {
            told = tenth + 1;
            println!(
                "{:4.0} s: {} connections, {done} requests, {anew} made anew, {} KiB resident",
                begin.elapsed().as_secs_f64(),
                streams.len(),
                proxy.resident()?
            );
        }
    }
    Ok(())
}

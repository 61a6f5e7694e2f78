//! `cargo xtask bench logs`: how fast logs are searched, and in how much memory. The lines planted
//! must all be found: a search that misses them is no search.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// Lines of one piece, of which the file is made by repetition.
const PIECE: usize = 200_000;
/// One line in so many is an error.
const PLANTED: usize = 500;
/// Runs; the first warms the page cache.
const RUNS: usize = 4;

/// Makes a log of so many gigabytes, searches it, and removes it.
pub fn run(binary: &Path, asked: &[&str]) -> Result<()> {
    let gigabytes: u64 = match asked {
        [] => 5,
        [one] => one
            .parse()
            .with_context(|| format!("{one:?} is no number of gigabytes"))?,
        _ => bail!("usage: bench logs [GB]"),
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bench.log");
    let (bytes, planted) = make(&path, gigabytes * 1_000_000_000)?;
    println!(
        "{:.2} GB of access logs, JSON and application logs; {planted} lines with errors among them",
        giga(bytes)
    );
    let mut best: Option<Told> = None;
    for number in 0..RUNS {
        let told = search(binary, &path)?;
        ensure!(
            told.found == planted,
            "{} of {planted} planted lines were found",
            told.found
        );
        ensure!(
            told.bytes == bytes,
            "{} of {bytes} bytes were searched",
            told.bytes
        );
        println!(
            "{}: {:.2} GB/s by the clock, {:.2} GB per second of one processor, {} KiB resident at most",
            if number == 0 { "cold or warm" } else { "warm" },
            giga(bytes) / told.took.as_secs_f64(),
            giga(bytes) / told.cpu,
            told.peak_kib
        );
        if number > 0 && best.as_ref().is_none_or(|best| told.took < best.took) {
            best = Some(told);
        }
    }
    let best = best.context("no run")?;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "best warm run: {:.2} GB/s [>= 1 on two processors of its own], {} KiB [< 65536]; load of this machine meanwhile: {}",
        giga(bytes) / best.took.as_secs_f64(),
        best.peak_kib,
        load.trim()
    );
    Ok(())
}

struct Told {
    took: Duration,
    cpu: f64,
    peak_kib: u64,
    bytes: u64,
    found: u64,
}

fn giga(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

/// Writes the file; gives its size and how many lines a search must find.
fn make(path: &Path, least: u64) -> Result<(u64, u64)> {
    let mut piece = Vec::new();
    let mut planted = 0;
    for n in 0..PIECE {
        let at = format!("{:02}:{:02}:{:02}", n / 36_000 % 24, n / 600 % 60, n / 10 % 60);
        let (a, b) = (n * 7 % 251, n * 13 % 241);
        if n % PLANTED == PLANTED / 2 {
            planted += 1;
            writeln!(
                piece,
                "2026/11/23 {at} [error] 812#812: *{n} recv() failed (104: Connection reset by peer) while reading response header from upstream, client: 10.0.{a}.{b}, server: shop, upstream: \"http://10.0.0.1:8080/x\""
            )?;
            continue;
        }
        match n % 10 {
            0..6 => writeln!(
                piece,
                "10.0.{a}.{b} - - [23/Nov/2026:{at} +0000] \"GET /api/items/{n}?page={a} HTTP/1.1\" 200 {} \"https://shop.example/list\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36\"",
                n * 31 % 90_000
            )?,
            6..9 => writeln!(
                piece,
                "{{\"ts\":\"2026-11-23T{at}.{:03}Z\",\"level\":\"info\",\"msg\":\"request handled\",\"path\":\"/orders/{n}\",\"status\":200,\"client\":\"10.0.{a}.{b}:{}\"}}",
                n % 1000,
                n % 60_000
            )?,
            _ => writeln!(
                piece,
                "2026-11-23T{at}Z INFO  [http-nio-8080-exec-{a}] c.e.shop.OrderService - order {n} stored for customer {b}"
            )?,
        }
    }
    let times = least.div_ceil(piece.len() as u64);
    let mut file = BufWriter::new(File::create(path).context("cannot make the log")?);
    for _ in 0..times {
        file.write_all(&piece)
            .context("cannot write the log; is the disk full?")?;
    }
    file.flush()?;
    Ok((times * piece.len() as u64, times * planted))
}

fn search(binary: &Path, path: &Path) -> Result<Told> {
    let start = Instant::now();
    let mut child = Command::new(binary)
        .args(["logs", "-o", "json"])
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run whyreset logs")?;
    let mut out = child.stdout.take().context("no output")?;
    let (mut peak_kib, mut cpu) = (0, 0.0);
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if let Some((kib, seconds)) = usage(child.id()) {
            peak_kib = peak_kib.max(kib);
            cpu = f64::max(cpu, seconds);
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = start.elapsed();
    ensure!(status.success(), "whyreset logs ended with {status}");
    let text = reader
        .join()
        .map_err(|_| anyhow::anyhow!("the reader failed"))??;
    let (mut bytes, mut found) = (0, 0);
    for line in BufReader::new(text.as_bytes()).lines() {
        let value: serde_json::Value = serde_json::from_str(&line?)?;
        if value["kind"] == "summary" {
            bytes = value["bytes"].as_u64().unwrap_or(0);
        } else if value["kind"] == "error" {
            found += value["count"].as_u64().unwrap_or(0);
        }
    }
    Ok(Told {
        took,
        cpu,
        peak_kib,
        bytes,
        found,
    })
}

/// The peak of resident memory in KiB, and seconds of processor so far.
fn usage(pid: u32) -> Option<(u64, f64)> {
    /// Ticks of /proc in a second: fixed in Linux's user interface.
    const TICKS: f64 = 100.0;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib = line.split_whitespace().nth(1)?.parse().ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    Some((kib, (ticks(11)? + ticks(12)?) / TICKS))
}

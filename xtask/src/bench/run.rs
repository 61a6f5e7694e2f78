//! `cargo xtask bench run`: what `whyreset run` costs the command it runs. curl makes a thousand small
//! requests with and without it, in turn; ratios are of neighbours, for the machine's speed drifts.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::median;

/// Requests of one slice.
const REQUESTS: u32 = 1_000;
/// Pairs of slices for each ratio.
const PAIRS: usize = 15;

/// Runs a command and writes to stdout how many seconds it took: inside what is measured, so that the
/// start of the watcher does not count.
pub fn timed(words: &[String]) -> Result<()> {
    let (program, args) = words.split_first().context("usage: bench-timed COMMAND...")?;
    let start = Instant::now();
    let status = Command::new(program).args(args).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "{program} ended with {status}");
    println!("{}", start.elapsed().as_secs_f64());
    Ok(())
}

/// One slice: the command's own seconds, and those of the whole.
struct Took {
    own: f64,
    whole: f64,
}

/// All ratios.
pub fn run(binary: &Path) -> Result<()> {
    let port = serve()?;
    println!(
        "run benchmarks: curl, {REQUESTS} small requests a slice, {PAIRS} pairs of slices each; bounds in brackets"
    );
    for (name, options) in [
        ("one connection kept", &[][..]),
        ("a connection for each request", &["-H", "Connection: close"]),
    ] {
        for (how, bound) in [("calls", 1.5), ("kernel", 1.02), ("", 1.0)] {
            let (mut own, mut whole, mut plain, mut extra) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            let mut quickest = (f64::MAX, f64::MAX);
            slice(None, options, port)?;
            for pair in 0..PAIRS {
                let with = (!how.is_empty()).then_some((binary, how));
                let (a, b) = if pair % 2 == 0 {
                    let off = slice(None, options, port)?;
                    (slice(with, options, port)?, off)
                } else {
                    let on = slice(with, options, port)?;
                    (on, slice(None, options, port)?)
                };
                own.push(a.own / b.own);
                whole.push(a.whole / b.whole);
                plain.push(b.own);
                for (least, took) in [(&mut quickest.0, a.own), (&mut quickest.1, b.own)] {
                    *least = f64::min(*least, took);
                }
                extra.push(((a.whole - a.own) - (b.whole - b.own)) * 1e3);
            }
            let what = if how.is_empty() {
                "control, in neither slice".to_owned()
            } else {
                format!("--by {how} [<= {bound}]")
            };
            println!(
                "{name}, {what}: median ratio of the command's own time {:.3}, ratio of the quickest {:.3}, of the whole with start and end \
                 {:.3} ({:.0} ms more); curl alone takes {:.0} ms",
                median(&mut own),
                quickest.0 / quickest.1,
                median(&mut whole),
                median(&mut extra),
                median(&mut plain) * 1e3,
            );
        }
    }
    Ok(())
}

fn slice(with: Option<(&Path, &str)>, options: &[&str], port: u16) -> Result<Took> {
    let own = std::env::current_exe()?;
    let url = format!("http://127.0.0.1:{port}/[1-{REQUESTS}]");
    let mut command = match with {
        Some((binary, how)) => {
            let mut command = Command::new(binary);
            command.args(["run", "--by", how, "--"]).arg(own);
            command
        }
        None => Command::new(own),
    };
    command
        .arg("bench-timed")
        .args(["curl", "-s", "-S"])
        .args(options)
        .arg(url);
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output().context("cannot run curl")?;
    let whole = start.elapsed().as_secs_f64();
    if !output.status.success() {
        bail!(
            "the slice failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    ensure!(
        output.stderr.is_empty(),
        "it told of something where nothing failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let own = String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .context("no time")?;
    Ok(Took { own, whole })
}

/// A server of small answers on loopback; its port.
fn serve() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    Ok(port)
}

fn answer(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        let closes = buffer[..count]
            .windows(17)
            .any(|part| part == b"Connection: close");
        let head = if closes { "Connection: close\r\n" } else { "" };
        let text = format!("HTTP/1.1 200 OK\r\n{head}Content-Length: 2\r\n\r\nok");
        if stream.write_all(text.as_bytes()).is_err() || closes {
            return;
        }
    }
}

//! One end of a connection, moved by command lines: it does what each line says with its one
//! socket and answers with one line. Several commands on one line, parted by `;`, are done
//! without a pause and only the last one's answer is told. Refuses to do anything by itself.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::SendFlags;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};

use super::{churn, errno, options};

/// A step's answer, or the error together with the call that gave it.
type Answer = Result<String, (io::Error, &'static str)>;

#[derive(Default)]
struct Hand {
    listener: Option<Socket>,
    socket: Option<Socket>,
    keepers: Vec<Child>,
    hoard: Vec<File>,
}

/// Obeys stdin until it ends.
pub(super) fn main() -> anyhow::Result<()> {
    let mut hand = Hand::default();
    say("ready")?;
    for line in io::stdin().lock().lines() {
        let mut answer = String::new();
        for command in line?.split(';') {
            let words: Vec<&str> = command.split_whitespace().collect();
            answer = match hand.obey(&words) {
                Ok(text) => text,
                Err((error, call)) => format!("error {} {call}", errno::name_of(&error)),
            };
        }
        say(&answer)?;
    }
    for keeper in &mut hand.keepers {
        keeper.kill()?;
        keeper.wait()?;
    }
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn at<T, E: Into<io::Error>>(
    call: &'static str,
    result: Result<T, E>,
) -> Result<T, (io::Error, &'static str)> {
    result.map_err(|error| (error.into(), call))
}

fn wrong(what: &str) -> (io::Error, &'static str) {
    (
        io::Error::new(io::ErrorKind::InvalidInput, what.to_owned()),
        "command",
    )
}

fn parse<T: std::str::FromStr>(word: Option<&&str>) -> Result<T, (io::Error, &'static str)> {
    let word = word.ok_or_else(|| wrong("a word is missing"))?;
    word.parse().map_err(|_| wrong(&format!("cannot read {word}")))
}

impl Hand {
    fn socket(&self) -> Result<&Socket, (io::Error, &'static str)> {
        self.socket.as_ref().ok_or_else(|| wrong("no socket"))
    }

    fn listener(&self) -> Result<&Socket, (io::Error, &'static str)> {
        self.listener.as_ref().ok_or_else(|| wrong("no listener"))
    }

    fn obey(&mut self, words: &[&str]) -> Answer {
        let Some((&verb, rest)) = words.split_first() else {
            return Err(wrong("an empty command"));
        };
        let done = || Ok("ok".to_owned());
        match verb {
            "listen" => self.listen(rest),
            "accept" => {
                let (socket, peer) = at("accept", self.listener()?.accept())?;
                self.socket = Some(socket);
                Ok(format!("accepted {}", text(&peer)))
            }
            "connect" => self.connect(rest),
            "send" => self.send(&vec![b'x'; parse(rest.first())?]),
            "send-hex" => self.send(&bytes(rest.first().copied().unwrap_or_default())?),
            "recv" => self.receive(parse(rest.first())?),
            "drain" => self.drain(),
            "await" => self.wait_for(parse(rest.first())?),
            "set" => {
                let word = rest.first().copied().unwrap_or_default();
                let socket = self.socket.as_ref().or(self.listener.as_ref());
                at(
                    "setsockopt",
                    options::set(socket.ok_or_else(|| wrong("no socket"))?, word),
                )?;
                done()
            }
            "shutdown" => {
                let how = match rest.first() {
                    Some(&"wr") => Shutdown::Write,
                    Some(&"rd") => Shutdown::Read,
                    _ => Shutdown::Both,
                };
                at("shutdown", self.socket()?.shutdown(how))?;
                done()
            }
            "close" => {
                self.socket = None;
                done()
            }
            "close-listener" => {
                self.listener = None;
                done()
            }
            "disconnect" => {
                at("connect", rustix::net::connect_unspec(self.socket()?))?;
                done()
            }
            "share" => self.share(rest),
            "await-end" => self.wait_for_end(),
            "pause" => {
                sleep(Duration::from_millis(parse(rest.first())?));
                done()
            }
            "serve" => {
                let listener = self.listener.take().ok_or_else(|| wrong("no listener"))?.into();
                at("serve", churn::serve(&listener, parse(rest.first())?))?;
                Ok("served".to_owned())
            }
            "churn" => {
                let pace = Duration::from_millis(parse(rest.get(2))?);
                at(
                    "churn",
                    churn::ask(parse(rest.first())?, parse(rest.get(1))?, pace),
                )?;
                Ok("churned".to_owned())
            }
            "status" => match at("getsockopt", self.socket()?.take_error())? {
                Some(error) => Err((error, "socket")),
                None => done(),
            },
            "exit" => std::process::exit(parse(rest.first())?),
            "crash" => crash(),
            "hoard" => self.hoard(parse(rest.first())?),
            "eat" => Ok(eat(parse(rest.first())?)),
            _ => Err(wrong(&format!("unknown command {verb}"))),
        }
    }

    /// `listen ADDRESS [backlog=N] [mptcp] [OPTION=VALUE...]`
    fn listen(&mut self, words: &[&str]) -> Answer {
        let address: SocketAddr = parse(words.first())?;
        let mut backlog = 16;
        let mptcp = words.contains(&"mptcp");
        let socket = at("socket", stream(address, mptcp))?;
        at("setsockopt", socket.set_reuse_address(true))?;
        for word in words.iter().skip(1).filter(|word| **word != "mptcp") {
            match word.strip_prefix("backlog=") {
                Some(number) => backlog = parse(Some(&number))?,
                None => at("setsockopt", options::set(&socket, word))?,
            }
        }
        at("bind", socket.bind(&address.into()))?;
        at("listen", socket.listen(backlog))?;
        let local = text(&at("getsockname", socket.local_addr())?);
        self.listener = Some(socket);
        Ok(format!("listening {local}"))
    }

    /// `connect ADDRESS [mptcp] [timeout=MS] [OPTION=VALUE...]`
    fn connect(&mut self, words: &[&str]) -> Answer {
        let address: SocketAddr = parse(words.first())?;
        let mptcp = words.contains(&"mptcp");
        let socket = at("socket", stream(address, mptcp))?;
        let mut timeout = None;
        for word in words.iter().skip(1).filter(|word| **word != "mptcp") {
            match word.strip_prefix("timeout=") {
                Some(number) => timeout = Some(Duration::from_millis(parse(Some(&number))?)),
                None => at("setsockopt", options::set(&socket, word))?,
            }
        }
        let result = match timeout {
            Some(timeout) => socket.connect_timeout(&address.into(), timeout),
            None => socket.connect(&address.into()),
        };
        let local = socket.local_addr().map(|local| text(&local));
        self.socket = Some(socket);
        match result {
            Ok(()) => Ok(format!("connected {}", at("getsockname", local)?)),
            Err(error) if error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none() => {
                Ok(format!("pending {}", at("getsockname", local)?))
            }
            Err(error) => Err((error, "connect")),
        }
    }

    fn send(&self, data: &[u8]) -> Answer {
        let mut sent = 0;
        while let Some(rest) = data.get(sent..).filter(|rest| !rest.is_empty()) {
            sent += at(
                "send",
                rustix::net::send(self.socket()?, rest, SendFlags::NOSIGNAL),
            )?;
        }
        Ok(format!("sent {sent}"))
    }

    fn receive(&self, most: usize) -> Answer {
        let mut buffer = vec![0; most];
        match at("recv", self.socket()?.read(&mut buffer))? {
            0 => Ok("eof".to_owned()),
            count => Ok(format!("received {count}")),
        }
    }

    /// Reads until the end of the stream or an error.
    fn drain(&self) -> Answer {
        let mut buffer = vec![0; 65536];
        while at("recv", self.socket()?.read(&mut buffer))? > 0 {}
        Ok("eof".to_owned())
    }

    /// Waits until that many bytes are in the receive queue, without reading them.
    fn wait_for(&self, least: u64) -> Answer {
        let limit = Instant::now() + Duration::from_secs(5);
        loop {
            let queued = at("ioctl", rustix::io::ioctl_fionread(self.socket()?))?;
            if queued >= least {
                return Ok(format!("queued {queued}"));
            }
            if Instant::now() > limit {
                return Err(wrong(&format!("only {queued} bytes came")));
            }
            sleep(Duration::from_millis(2));
        }
    }

    /// Waits until the connection is over in both directions, by a reset or by two FINs, and leaves its
    /// error to be told.
    fn wait_for_end(&self) -> Answer {
        let limit = Timespec {
            tv_sec: 5,
            tv_nsec: 0,
        };
        // POLLHUP and POLLERR are told unasked.
        let mut asked = [PollFd::new(self.socket()?, PollFlags::empty())];
        match at("poll", poll(&mut asked, Some(&limit)))? {
            0 => Err(wrong("the connection stands")),
            _ => Ok("ok".to_owned()),
        }
    }

    /// `hoard LIMIT`: lowers the limit of descriptors and opens as many as it leaves.
    fn hoard(&mut self, limit: u64) -> Answer {
        let lower = Rlimit {
            current: Some(limit),
            maximum: getrlimit(Resource::Nofile).maximum,
        };
        at("setrlimit", setrlimit(Resource::Nofile, lower))?;
        while let Ok(file) = File::open("/dev/null") {
            self.hoard.push(file);
        }
        match self.listener()?.accept() {
            Err(error) if error.raw_os_error() == Some(Errno::MFILE.raw_os_error()) => {
                Ok(format!("hoarded {}", self.hoard.len()))
            }
            _ => Err(wrong("accept() still works")),
        }
    }

    /// `share MS NAME`: starts a second process that holds the same socket for a while.
    fn share(&mut self, words: &[&str]) -> Answer {
        let socket: OwnedFd = at("dup", self.socket()?.try_clone())?.into();
        let keeper = Command::new("/proc/self/exe")
            .args(["actor", "keeper"])
            .arg(format!("ms={}", words.first().copied().unwrap_or_default()))
            .arg(format!("name={}", words.get(1).copied().unwrap_or("keeper")))
            .arg(format!("parent={}", std::process::id()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(socket)
            .spawn();
        let keeper = at("fork", keeper)?;
        let pid = keeper.id();
        self.keepers.push(keeper);
        Ok(format!("shared {pid}"))
    }
}

fn stream(address: SocketAddr, mptcp: bool) -> io::Result<Socket> {
    let protocol = if mptcp { Protocol::MPTCP } else { Protocol::TCP };
    Socket::new(Domain::for_address(address), Type::STREAM, Some(protocol))
}

fn text(address: &socket2::SockAddr) -> String {
    address
        .as_socket()
        .map_or_else(|| "?".to_owned(), |address| address.to_string())
}

fn bytes(hex: &str) -> Result<Vec<u8>, (io::Error, &'static str)> {
    let digits: Option<Vec<u8>> = hex
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    let digits = digits.ok_or_else(|| wrong("not hexadecimal"))?;
    Ok(digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| (byte << 4) | digit))
        .collect())
}

/// Dies of SIGSEGV. Twice, because the Rust runtime's own handler takes the first one and puts
/// the default action back.
fn crash() -> ! {
    loop {
        let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::SEGV);
    }
}

/// Touches up to `megabytes` of memory.
fn eat(megabytes: usize) -> String {
    let eaten: Vec<Vec<u8>> = (0..megabytes)
        .map(|n| vec![u8::try_from(n % 255 + 1).unwrap_or(1); 1 << 20])
        .collect();
    format!("survived {}", eaten.len())
}

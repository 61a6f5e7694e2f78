//! Plays a scenario file: fills in the run's addresses and ports, then does the steps. Refuses to
//! go on where one did not do what it says.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::document::{Number, Place, Script, Step};
use crate::machine::{FILES, Machine};
use crate::stage::Stage;
use crate::topology::End;
use crate::under_run::UnderRun;

/// A line may take this long unless it says otherwise.
const WITHIN: Duration = Duration::from_secs(20);

/// The words that a file may use, and what they stand for in this run.
pub(super) struct Words(Vec<(&'static str, String)>);

impl Words {
    fn of(stage: &Stage) -> anyhow::Result<Self> {
        let topology = stage.topology()?;
        let places = [
            stage.address(End::Client),
            stage.address(End::Server),
            topology.router_address(End::Client),
            topology.router_address(End::Server),
        ];
        Ok(Self::with(places, fresh_ports()))
    }

    /// On IPv4, with the addresses of an example.
    pub(super) fn of_example(ports: (u16, u16)) -> Self {
        let places = [1, 5, 2, 6].map(|last| IpAddr::from([198, 18, 0, last]));
        Self::with(places, ports)
    }

    /// Client, server, and the router as each of them sees it.
    fn with(places: [IpAddr; 4], (port, other): (u16, u16)) -> Self {
        const NAMES: [(&str, &str); 4] = [
            ("@CLIENT@", "@CLIENT_URL@"),
            ("@SERVER@", "@SERVER_URL@"),
            ("@ROUTER@", "@ROUTER_URL@"),
            ("@ROUTER_S@", "@ROUTER_S_URL@"),
        ];
        let mut words = Vec::new();
        for ((plain, url), address) in NAMES.into_iter().zip(places) {
            words.push((plain, address.to_string()));
            let bracketed = if address.is_ipv6() {
                format!("[{address}]")
            } else {
                address.to_string()
            };
            words.push((url, bracketed));
        }
        words.push(("@PORT@", port.to_string()));
        words.push(("@PORT2@", other.to_string()));
        words.push(("@LAB@", FILES.to_owned()));
        let (any, any_url, v) = if places[0].is_ipv4() {
            ("0.0.0.0", "0.0.0.0", "4")
        } else {
            ("::", "[::]", "6")
        };
        words.push(("@ANY@", any.to_owned()));
        words.push(("@ANY_URL@", any_url.to_owned()));
        words.push(("@V@", v.to_owned()));
        Self(words)
    }

    pub(super) fn fill(&self, text: &str) -> String {
        let fill = |text: String, (word, value): &(&str, String)| text.replace(word, value);
        self.0.iter().fold(text.to_owned(), fill)
    }

    fn number(&self, number: &Number) -> anyhow::Result<u16> {
        match number {
            Number::Is(number) => Ok(*number),
            Number::Named(name) => {
                let text = self.fill(name);
                text.parse().with_context(|| format!("{name} is no port"))
            }
        }
    }
}

/// Two ports below the ephemeral range, other ones in each run.
pub(super) fn fresh_ports() -> (u16, u16) {
    let seed = u64::from(std::process::id())
        ^ std::time::UNIX_EPOCH
            .elapsed()
            .map_or(0, |since| u64::from(since.subsec_nanos()));
    let offset = u16::try_from(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52).unwrap_or(0);
    (12_000 + offset, 20_000 + offset)
}

/// The three hosts.
struct Hosts {
    client: Machine,
    router: Machine,
    server: Machine,
}

impl Hosts {
    fn at(&self, place: Place) -> &Machine {
        match place {
            Place::Client => &self.client,
            Place::Router => &self.router,
            Place::Server => &self.server,
        }
    }
}

impl Script {
    /// Why the client's program cannot be run by an ordinary user, where it cannot.
    pub fn client_needs_root(&self) -> Option<&str> {
        self.client_needs_root.as_deref()
    }

    /// Whether a step says that the connection stands.
    pub fn may_be_joined(&self) -> bool {
        self.step.iter().any(Step::establishes)
    }

    /// Plays it. The hosts are kept by the stage until the watchers have seen it all.
    pub fn play(&self, stage: &mut Stage) -> anyhow::Result<()> {
        let words = Words::of(stage)?;
        let port = words.number(&Number::Named("@PORT@".to_owned()))?;
        stage.is_about(SocketAddr::new(stage.address(End::Server), port));
        let mut hosts = Hosts {
            client: Machine::start(stage.at(End::Client)?)?,
            router: Machine::start(stage.between()?)?,
            server: Machine::start(stage.at(End::Server)?)?,
        };
        if let Some(under_run) = stage.under_run() {
            hosts.client.lend(under_run.lent());
        }
        for (name, text) in &self.file {
            let text = words.fill(text);
            for place in [Place::Client, Place::Router, Place::Server] {
                hosts.at(place).write(name, &text)?;
            }
        }
        let mut started = Vec::new();
        for (number, step) in self.step.iter().enumerate() {
            stage.journal().note(words.fill(&step.told()));
            if let Err(error) = take(step, number, &words, &hosts, stage.under_run(), &mut started) {
                let mut told = format!("step {}", number + 1);
                for (place, log) in &started {
                    _ = write!(told, "\n{log}: {}", hosts.at(*place).said(log).trim());
                }
                return Err(error.context(told));
            }
            if step.establishes() {
                stage.established()?;
            }
        }
        stage.keep(hosts);
        Ok(())
    }
}

fn take(
    step: &Step,
    number: usize,
    words: &Words,
    hosts: &Hosts,
    under_run: Option<&UnderRun>,
    started: &mut Vec<(Place, String)>,
) -> anyhow::Result<()> {
    let filled = |on: Place, line: &str| match under_run.filter(|_| on == Place::Client) {
        Some(under_run) => under_run.wrapped(&words.fill(line)),
        None => words.fill(line),
    };
    match step {
        Step::Run {
            on,
            run,
            prints,
            within,
            ..
        } => {
            let within = within.map_or(WITHIN, Duration::from_secs_f32);
            let line = filled(*on, run);
            let ended = hosts.at(*on).run_line(&line, within)?;
            match prints {
                Some(must) if !ended.output.contains(&words.fill(must)) => {
                    bail!("{line:?} was to print {must:?} and printed {:?}", ended.output)
                }
                None if ended.code != Some(0) => {
                    bail!("{line:?} ended with {:?}: {}", ended.code, ended.output)
                }
                _ => {}
            }
        }
        Step::Start { on, start, listens } => {
            let log = format!("log{number}");
            let line = filled(*on, start);
            hosts.at(*on).start_line(&line, &log)?;
            started.push((*on, log));
            if let Some(port) = listens {
                let port = words.number(port)?;
                if !hosts.at(*on).wait_listening(port, WITHIN)? {
                    bail!("{line:?} did not listen on port {port} after {WITHIN:?}");
                }
            }
        }
        Step::Until { on, until, .. } => {
            let line = words.fill(until);
            let limit = Instant::now() + WITHIN;
            loop {
                let ended = hosts.at(*on).run_line(&line, WITHIN)?;
                if ended.code == Some(0) {
                    break;
                }
                if Instant::now() > limit {
                    bail!("{line:?} never succeeded: {}", ended.output);
                }
                thread::sleep(Duration::from_millis(50));
            }
        }
        Step::Wait { wait, .. } => thread::sleep(Duration::from_secs_f32(*wait)),
    }
    Ok(())
}

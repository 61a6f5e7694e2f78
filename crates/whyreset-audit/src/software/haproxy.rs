//! haproxy in HTTP mode: how long it keeps its clients' idle connections, and those to its servers.
//! Takes any text for a configuration.

use std::path::PathBuf;

use whyreset_host::inspect::{Files, Holder, Unread};

use super::{FILE, Idle, Program, Timers, executable, time};

pub(super) static PROGRAM: Program = Program {
    fits: |holder| executable(holder) == "haproxy",
    read,
};

/// The time between two looks at idle connections to servers, where none is set, ms.
const PURGE: u64 = 5_000;

/// A value, and where it stands.
#[derive(Clone)]
struct Told {
    ms: u64,
    text: String,
    cite: String,
}

/// What one section, or the defaults before it, say.
#[derive(Clone, Default)]
struct Section {
    http: bool,
    /// `timeout http-keep-alive`, `http-request` and `client`, in the order in which they count.
    waits: [Option<Told>; 3],
    purge: Option<Told>,
    /// Connections to servers are not kept.
    unshared: bool,
    binds: Vec<u16>,
    /// Ports, each with its own time.
    servers: Vec<(u16, Option<Told>)>,
}

fn read(holder: &Holder, files: &Files) -> Result<Timers, Unread> {
    let base = files.working_folder().unwrap_or_else(|| PathBuf::from("/"));
    let words = &holder.command;
    let pairs = words.iter().zip(words.iter().skip(1));
    let names = pairs.filter(|(flag, _)| *flag == "-f").map(|(_, name)| name);
    let mut reader = Reader::default();
    let mut any = false;
    for name in names.take(64) {
        let path = base.join(name);
        let text = files.read(&path, FILE).map_err(|error| Unread {
            what: format!("the configuration of haproxy[{}]", holder.process.pid),
            cure: format!("{}: {error}", path.display()),
        })?;
        any = true;
        for (number, line) in (1..).zip(text.lines()) {
            reader.take(line, &format!("{}:{number}", path.display()));
        }
    }
    if !any {
        return Err(Unread {
            what: format!("the configuration of haproxy[{}]", holder.process.pid),
            cure: "its command line names no file (-f)".to_owned(),
        });
    }
    Ok(reader.end())
}

#[derive(Default)]
struct Reader {
    defaults: Section,
    now: Section,
    in_defaults: bool,
    timers: Timers,
}

impl Reader {
    fn take(&mut self, line: &str, cite: &str) {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(first) = words.first() else { return };
        match *first {
            "defaults" => {
                self.close();
                self.now = Section::default();
                self.in_defaults = true;
            }
            "frontend" | "backend" | "listen" => {
                self.close();
                self.now = self.defaults.clone();
                self.now.binds.extend(words.get(2).and_then(|at| port(at)));
            }
            "global" | "resolvers" | "peers" | "userlist" | "program" | "cache" | "ring" | "mailers" => {
                self.close();
                self.now = Section::default();
            }
            _ => self.now.take(&words, cite),
        }
    }

    fn close(&mut self) {
        let section = core::mem::take(&mut self.now);
        if core::mem::take(&mut self.in_defaults) {
            // What only a section of its own may have is not copied into every other.
            self.defaults = Section {
                binds: Vec::new(),
                servers: Vec::new(),
                ..section
            };
        } else {
            section.tell(&mut self.timers);
        }
    }

    fn end(mut self) -> Timers {
        self.close();
        self.timers
    }
}

impl Section {
    fn take(&mut self, words: &[&str], cite: &str) {
        match words {
            ["mode", mode, ..] => self.http = *mode == "http",
            ["timeout", which, value, ..] => {
                let at = ["http-keep-alive", "http-request", "client"]
                    .iter()
                    .position(|name| name == which);
                if let (Some(at), Some(ms)) = (at, time::ms(value, 1)) {
                    let text = format!("timeout {which} {value}");
                    self.waits[at] = Some(Told {
                        ms,
                        text,
                        cite: cite.to_owned(),
                    });
                }
            }
            ["http-reuse", how, ..] => self.unshared = *how == "never",
            ["option", "httpclose" | "forceclose" | "http-server-close", ..] => self.unshared = true,
            ["bind", at, ..] => self.binds.extend(at.split(',').filter_map(port)),
            ["default-server", rest @ ..] => self.purge = purge(rest, cite).or(self.purge.take()),
            ["server", _, at, rest @ ..] => {
                let kept = !rest.windows(2).any(|pair| pair == ["pool-max-conn", "0"]);
                if let Some(port) = port(at).filter(|_| kept) {
                    self.servers.push((port, purge(rest, cite)));
                }
            }
            _ => {}
        }
    }

    fn tell(self, timers: &mut Timers) {
        if !self.http {
            return;
        }
        if let Some(told) = self.waits.iter().flatten().next() {
            for port in &self.binds {
                timers.server.shortest(
                    Some(*port),
                    Idle {
                        ms: told.ms,
                        setting: told.text.clone(),
                        cite: told.cite.clone(),
                        assumed: false,
                        change: "`timeout http-keep-alive {s}s` in its frontend, then reload haproxy",
                    },
                );
            }
        }
        if self.unshared {
            return;
        }
        for (port, own) in self.servers {
            let told = own.or_else(|| self.purge.clone());
            let ms = told.as_ref().map_or(PURGE, |told| told.ms);
            if ms == 0 {
                continue;
            }
            let setting = told
                .as_ref()
                .map_or_else(|| "pool-purge-delay 5s".to_owned(), |told| told.text.clone());
            timers.client.longest(Some(port), Idle {
                    // At each look half of the idle connections stay.
                    ms: ms.saturating_mul(2),
                    setting: format!("{setting}, which half of the idle connections outlive"),
                    cite: told.map_or_else(|| "haproxy's default".to_owned(), |told| told.cite),
                    assumed: false,
                    change: "a `pool-purge-delay` of less than half of {s}s at its server line, or `http-reuse never`",
                });
        }
    }
}

fn purge(words: &[&str], cite: &str) -> Option<Told> {
    let pair = words.windows(2).find(|pair| pair[0] == "pool-purge-delay")?;
    Some(Told {
        ms: time::ms(pair[1], 1)?,
        text: format!("pool-purge-delay {}", pair[1]),
        cite: cite.to_owned(),
    })
}

/// `:80`, `*:80`, `127.0.0.1:80`.
fn port(at: &str) -> Option<u16> {
    at.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::tests::read as of;
    use super::*;

    const EXE: &str = "/usr/sbin/haproxy";
    const COMMAND: [&str; 4] = ["haproxy", "-Ws", "-f", "/etc/haproxy.cfg"];

    fn timers(text: &str) -> Timers {
        of(&PROGRAM, EXE, &COMMAND, &[("/etc/haproxy.cfg", text)]).unwrap()
    }

    #[test]
    fn both_sides_have_their_times() {
        let timers = timers(
            "global\n  maxconn 9\ndefaults\n mode http # http\n timeout client 30s\n timeout http-keep-alive 4000\n\
             frontend f\n bind :80,:81\n default_backend b\nbackend b\n server a 127.0.0.1:3000\n\
             server c 127.0.0.1:3001 check pool-purge-delay 1s\nbackend d\n http-reuse never\n server e 127.0.0.1:3002\n\
             listen t\n mode tcp\n bind :90\n server g 127.0.0.1:3003\n",
        );
        let server = |port| timers.server.of(port).map(|idle| idle.ms);
        let client = |port| timers.client.of(port).map(|idle| idle.ms);
        assert_eq!(
            (server(80), server(81), server(90)),
            (Some(4_000), Some(4_000), None)
        );
        assert_eq!((client(3_000), client(3_001)), (Some(10_000), Some(2_000)));
        assert_eq!((client(3_002), client(3_003)), (None, None));
        assert_eq!(timers.server.of(80).unwrap().cite, "/etc/haproxy.cfg:6");
    }

    #[test]
    fn without_its_own_time_the_clients_counts() {
        let timers = timers("defaults\n mode http\n timeout client 30s\nfrontend f\n bind *:80\n");
        assert_eq!(timers.server.of(80).unwrap().ms, 30_000);
        assert_eq!(timers.server.of(80).unwrap().setting, "timeout client 30s");
    }

    #[test]
    fn a_file_made_to_be_slow_is_not() {
        let servers = "server a :1\n".repeat(40_000);
        let backends = "backend\n".repeat(60_000);
        let begun = std::time::Instant::now();
        _ = timers(&format!("defaults\nmode http\n{servers}{backends}"));
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }

    #[test]
    fn any_text_is_taken() {
        for text in [
            "",
            "timeout",
            "server",
            "server a",
            "bind",
            "defaults\ndefaults",
            "mode",
        ] {
            _ = timers(text);
        }
        assert!(of(&PROGRAM, EXE, &["haproxy"], &[]).is_err());
        assert!(of(&PROGRAM, EXE, &COMMAND, &[]).is_err());
    }
}

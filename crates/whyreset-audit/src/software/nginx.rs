//! nginx: `keepalive_timeout` of servers and of upstreams. Takes any text for a configuration.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use whyreset_host::inspect::{Files, Holder, Unread};

use super::{FILE, Idle, Program, Timers, executable, time};

/// Files that are read, and how deep one includes another.
const FILES: usize = 256;
const DEPTH: usize = 8;
/// Directives that are kept.
const DIRECTIVES: usize = 100_000;
/// Bytes of all files together.
const BYTES: usize = 16 << 20;

pub(super) static PROGRAM: Program = Program {
    fits: |holder| executable(holder) == "nginx",
    read,
};

/// One directive, and the block that it stands in.
struct Directive {
    words: Vec<String>,
    /// Index of the directive that opened the block around it.
    within: Option<usize>,
    cite: String,
}

#[derive(Default)]
struct Conf {
    all: Vec<Directive>,
    /// Directives by the block that they stand in, and by name.
    inside: HashMap<Option<usize>, HashMap<String, Vec<usize>>>,
    files: usize,
    bytes: usize,
}

fn read(holder: &Holder, files: &Files) -> Result<Timers, Unread> {
    let path = named(holder);
    let text = files.read(&path, FILE).map_err(|error| Unread {
        what: format!("the configuration of nginx[{}]", holder.process.pid),
        cure: format!("{}: {error}", path.display()),
    })?;
    let mut conf = Conf::default();
    conf.take(files, &path, &text, None, 0);
    Ok(conf.timers())
}

/// The title holds the words that it was started with: `nginx: master process nginx -c /x`.
fn named(holder: &Holder) -> PathBuf {
    let words: Vec<&str> = holder
        .command
        .iter()
        .flat_map(|word| word.split_whitespace())
        .collect();
    let after = |flag: &str| {
        let at = words.iter().position(|word| *word == flag)?;
        words.get(at + 1).map(|word| word.trim_matches(['"', '\'']))
    };
    let prefix = Path::new(after("-p").unwrap_or("/etc/nginx"));
    prefix.join(after("-c").unwrap_or("/etc/nginx/nginx.conf"))
}

impl Conf {
    fn take(&mut self, files: &Files, path: &Path, text: &str, within: Option<usize>, depth: usize) {
        self.files += 1;
        self.bytes += text.len();
        if self.bytes > BYTES {
            return;
        }
        let mut open = within;
        let mut words: Vec<String> = Vec::new();
        for (line, token) in tokens(text) {
            if self.all.len() >= DIRECTIVES {
                return;
            }
            match token {
                Token::Word(word) => words.push(word),
                Token::End | Token::Open => {
                    if words.is_empty() {
                        continue;
                    }
                    let done = core::mem::take(&mut words);
                    if token == Token::End && done[0] == "include" && done.len() == 2 {
                        self.include(files, path, &done[1], open, depth);
                        continue;
                    }
                    let block = self.inside.entry(open).or_default();
                    block.entry(done[0].clone()).or_default().push(self.all.len());
                    self.all.push(Directive {
                        words: done,
                        within: open,
                        cite: format!("{}:{line}", path.display()),
                    });
                    if token == Token::Open {
                        open = Some(self.all.len() - 1);
                    }
                }
                Token::Close => {
                    words.clear();
                    if open != within {
                        open = open.and_then(|at| self.all.get(at)?.within);
                    }
                }
            }
        }
    }

    fn include(&mut self, files: &Files, from: &Path, what: &str, within: Option<usize>, depth: usize) {
        let pattern = from.parent().unwrap_or(Path::new("/")).join(what);
        for path in files.matching(&pattern) {
            if depth >= DEPTH || self.files >= FILES {
                return;
            }
            if let Ok(text) = files.read(&path, FILE) {
                self.take(files, &path, &text, within, depth + 1);
            }
        }
    }

    /// Directives of this name in this block.
    fn of<'a>(
        &'a self,
        within: Option<usize>,
        name: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a Directive> {
        let block = self.inside.get(&within);
        let places = block.and_then(|names| names.get(name)).into_iter().flatten();
        places.filter_map(|at| self.all.get(*at))
    }

    fn blocks<'a>(&'a self, parent: &'a str, name: &'a str) -> impl Iterator<Item = usize> {
        let inside = move |one: &Directive| {
            let around = one.within.and_then(|at| self.all.get(at));
            around.is_some_and(|around| around.words[0] == parent)
        };
        (0..)
            .zip(&self.all)
            .filter_map(move |(at, one): (usize, _)| (one.words[0] == name && inside(one)).then_some(at))
    }

    fn timers(&self) -> Timers {
        let mut timers = Timers::default();
        for server in self.blocks("http", "server") {
            let http = self.all.get(server).and_then(|one| one.within);
            let idle = self
                .timeout(Some(server))
                .or_else(|| self.timeout(http))
                .unwrap_or_else(|| Idle {
                    ms: 75_000,
                    setting: "keepalive_timeout 75s".to_owned(),
                    cite: "nginx's default".to_owned(),
                    assumed: false,
                    change: SERVER,
                });
            let mut ports: Vec<u16> = self
                .of(Some(server), "listen")
                .filter_map(|one| port(one.words.get(1)?))
                .collect();
            if ports.is_empty() {
                ports.push(80);
            }
            for port in ports {
                let idle = idle.clone();
                timers.server.shortest(Some(port), idle);
            }
        }
        for upstream in self.blocks("http", "upstream") {
            let kept = self.of(Some(upstream), "keepalive").next();
            if kept.is_none_or(|one| one.words.get(1).is_none_or(|count| count == "0")) {
                continue;
            }
            let idle = self.timeout(Some(upstream)).unwrap_or_else(|| Idle {
                ms: 60_000,
                setting: "keepalive_timeout 60s".to_owned(),
                cite: "nginx's default for upstreams".to_owned(),
                assumed: false,
                change: UPSTREAM,
            });
            for one in self.of(Some(upstream), "server") {
                let port = one.words.get(1).map_or(80, |at| port(at).unwrap_or(80));
                timers.client.longest(
                    Some(port),
                    Idle {
                        change: UPSTREAM,
                        ..idle.clone()
                    },
                );
            }
        }
        timers
    }

    fn timeout(&self, within: Option<usize>) -> Option<Idle> {
        let one = self.of(within, "keepalive_timeout").next_back()?;
        let value = one.words.get(1)?;
        Some(Idle {
            ms: time::ms(value, 1_000)?,
            setting: format!("keepalive_timeout {value}"),
            cite: one.cite.clone(),
            assumed: false,
            change: SERVER,
        })
    }
}

const SERVER: &str = "`keepalive_timeout {s}s;` in its http or server block, then `nginx -s reload`";
const UPSTREAM: &str = "`keepalive_timeout {s}s;` in its upstream block, then `nginx -s reload`";

/// `80`, `127.0.0.1:80`, `[::]:80`; a name without a port has 80.
fn port(at: &str) -> Option<u16> {
    if at.starts_with("unix:") {
        return None;
    }
    if let Ok(port) = at.parse() {
        return Some(port);
    }
    match at.rsplit_once(':') {
        Some((_, port)) if !at.ends_with(']') => port.parse().ok(),
        _ => Some(80),
    }
}

#[derive(PartialEq, Eq)]
enum Token {
    Word(String),
    End,
    Open,
    Close,
}

/// Tokens, each with the number of its line.
fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut out = Vec::new();
    let mut line = 1;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            c if c.is_whitespace() => {}
            ';' => out.push((line, Token::End)),
            '{' => out.push((line, Token::Open)),
            '}' => out.push((line, Token::Close)),
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '"' | '\'' => {
                let mut word = String::new();
                while let Some(next) = chars.next_if(|next| *next != c) {
                    line += usize::from(next == '\n');
                    word.push(next);
                }
                chars.next();
                out.push((line, Token::Word(word)));
            }
            first => {
                let mut word = String::from(first);
                let within = |c: &char| !c.is_whitespace() && !";{}".contains(*c);
                while let Some(next) = chars.next_if(within) {
                    word.push(next);
                    // A variable: ${name}.
                    if next == '$'
                        && let Some(brace) = chars.next_if(|c| *c == '{')
                    {
                        word.push(brace);
                        while let Some(next) = chars.next_if(|c| *c != '}' && *c != '\n') {
                            word.push(next);
                        }
                        word.extend(chars.next_if(|c| *c == '}'));
                    }
                }
                out.push((line, Token::Word(word)));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::read as of;
    use super::*;

    const EXE: &str = "/usr/sbin/nginx";

    #[test]
    fn servers_and_upstreams_have_their_own_times() {
        let main = "user www; # a comment; }\nevents { }\nhttp {\n  keepalive_timeout 7;\n  include sites/*.conf;\n\
            upstream a {\n server 127.0.0.1:3000;\n keepalive 16;\n keepalive_timeout 30s; }\n\
            upstream b { server 127.0.0.1:3001; keepalive 4; }\n\
            upstream c { server 127.0.0.1:3002; }\n\
            server { listen 80; location ~ \"^/x{2}\" { return 200; } }\n}\n";
        let site = "server { listen [::]:8080; keepalive_timeout 1m 20s; }\n";
        let files = [("/etc/nginx/nginx.conf", main), ("/etc/nginx/sites/a.conf", site)];
        let title = ["nginx: master process nginx -g daemon on;"];
        let timers = of(&PROGRAM, EXE, &title, &files).unwrap();
        let server = |port| timers.server.of(port).map(|idle| idle.ms);
        let client = |port| timers.client.of(port).map(|idle| idle.ms);
        assert_eq!(
            (server(80), server(8_080), server(81)),
            (Some(7_000), Some(60_000), None)
        );
        assert_eq!(
            (client(3_000), client(3_001), client(3_002)),
            (Some(30_000), Some(60_000), None)
        );
        assert_eq!(timers.server.of(80).unwrap().cite, "/etc/nginx/nginx.conf:4");
    }

    #[test]
    fn the_file_is_the_one_that_it_was_started_with() {
        let files = [("/x/y.conf", "http { server { } }")];
        let title = ["nginx: master process nginx -p /x -c y.conf"];
        let timers = of(&PROGRAM, EXE, &title, &files).unwrap();
        assert_eq!(timers.server.of(80).unwrap().ms, 75_000);
        assert!(of(&PROGRAM, EXE, &["nginx"], &files).is_err());
    }

    #[test]
    fn a_file_made_to_be_slow_is_not() {
        let servers = "server{listen 1;}\n".repeat(20_000);
        let upstreams = "upstream a{keepalive 1;server b:1;}\n".repeat(10_000);
        let timeouts = "keepalive_timeout 1;".repeat(10_000);
        let text = format!("http {{ {timeouts} {servers} {upstreams} include nginx.conf; }}");
        let begun = std::time::Instant::now();
        _ = of(&PROGRAM, EXE, &["nginx"], &[("/etc/nginx/nginx.conf", &text)]).unwrap();
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }

    #[test]
    fn any_text_is_taken() {
        for text in [
            "",
            "}}}}",
            "{{{{",
            "http { server { listen",
            "include /etc/nginx/nginx.conf; http { include nginx.conf; }",
            "http { upstream { server; keepalive; } server { listen; keepalive_timeout; } }",
            "\"",
            "a ${",
            "; ; ;",
        ] {
            _ = of(&PROGRAM, EXE, &["nginx"], &[("/etc/nginx/nginx.conf", text)]).unwrap();
        }
    }
}

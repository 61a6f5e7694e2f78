//! What real clients say of loopback servers that reset, close and refuse: each message must be
//! recognised, and what happened must be among what the message is said to stand for. A client that
//! is not installed is skipped, counted and named.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use whyreset_causes::messages::End;
use whyreset_report::messages::find;

/// How long a client may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server on loopback until it is dropped.
struct Server {
    at: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Server {
    /// Waits for the first bytes of each client, then ends the connection: with them unread, which
    /// resets, or read, which closes in order.
    fn start(end: End) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(end == End::Refused));
        let ended = Arc::clone(&over);
        if end != End::Refused {
            thread::spawn(move || {
                for client in listener.incoming().flatten() {
                    if ended.load(Ordering::Relaxed) {
                        break;
                    }
                    thread::spawn(move || serve(client, end));
                }
            });
        }
        Self { at, over }
    }
}

fn serve(mut client: TcpStream, end: End) {
    _ = client.set_read_timeout(Some(Duration::from_secs(10)));
    let mut first = [0; 1];
    if !matches!(client.peek(&mut first), Ok(1)) || end == End::Reset {
        return;
    }
    // All that belongs to the first words of any of these protocols.
    _ = client.set_read_timeout(Some(Duration::from_millis(300)));
    let mut buffer = [0; 4096];
    while matches!(client.read(&mut buffer), Ok(1..)) {}
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes accept().
        _ = TcpStream::connect_timeout(&self.at, Duration::from_secs(1));
    }
}

struct Client {
    name: &'static str,
    program: &'static str,
    /// `HOST`, `PORT` and `DIR` are filled in.
    args: &'static [&'static str],
    /// A file of DIR and its text.
    file: Option<(&'static str, &'static str)>,
}

const JAVA: &str = r#"
import java.net.*; import java.io.*;
public class Ask { public static void main(String[] a) throws Exception {
  Socket s = new Socket(a[0], Integer.parseInt(a[1])); s.setSoTimeout(20000);
  s.getOutputStream().write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".getBytes());
  new DataInputStream(s.getInputStream()).readByte();
} }
"#;
const JAVA_HTTP: &str = r#"
import java.net.*; import java.net.http.*;
public class AskHttp { public static void main(String[] a) throws Exception {
  HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build().send(
    HttpRequest.newBuilder(URI.create("http://" + a[0] + ":" + a[1] + "/")).POST(HttpRequest.BodyPublishers.ofString("x")).build(),
    HttpResponse.BodyHandlers.ofString());
} }
"#;

const CLIENTS: &[Client] = &[
    Client {
        name: "curl",
        program: "curl",
        args: &["-sS", "-m", "20", "http://HOST:PORT/"],
        file: None,
    },
    Client {
        name: "curl, TLS",
        program: "curl",
        args: &["-sS", "-m", "20", "https://HOST:PORT/"],
        file: None,
    },
    Client {
        name: "wget",
        program: "wget",
        args: &["-t", "1", "-T", "20", "-O", "/dev/null", "http://HOST:PORT/"],
        file: None,
    },
    Client {
        name: "git",
        program: "git",
        args: &["-c", "http.proxy=", "ls-remote", "http://HOST:PORT/x.git"],
        file: None,
    },
    Client {
        name: "ssh",
        program: "ssh",
        args: &[
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=20",
            "-p",
            "PORT",
            "HOST",
        ],
        file: None,
    },
    Client {
        name: "psql",
        program: "psql",
        args: &["postgresql://u@HOST:PORT/d?connect_timeout=20", "-c", "select 1"],
        file: None,
    },
    Client {
        name: "redis-cli",
        program: "redis-cli",
        args: &["-h", "HOST", "-p", "PORT", "ping"],
        file: None,
    },
    Client {
        name: "python urllib",
        program: "python3",
        args: &[
            "-c",
            "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://HOST:PORT/', timeout=20)",
        ],
        file: None,
    },
    Client {
        name: "python asyncio",
        program: "python3",
        args: &[
            "-c",
            "import asyncio\nasync def f():\n  r, w = await asyncio.open_connection('HOST', PORT)\n  w.write(b'x')\n  await r.readexactly(1)\nasyncio.run(f())",
        ],
        file: None,
    },
    Client {
        name: "python requests",
        program: "python3",
        args: &[
            "-c",
            "import requests; s = requests.Session(); s.trust_env = False; s.get('http://HOST:PORT/', timeout=20)",
        ],
        file: None,
    },
    Client {
        name: "python aiohttp",
        program: "python3",
        args: &[
            "-c",
            "import asyncio, aiohttp\nasync def f():\n  async with aiohttp.ClientSession() as s: await s.post('http://HOST:PORT/')\nasyncio.run(f())",
        ],
        file: None,
    },
    Client {
        name: "node http",
        program: "node",
        args: &[
            "-e",
            "require('http').get('http://HOST:PORT/').on('error', e => { console.error(e); process.exit(1) })",
        ],
        file: None,
    },
    Client {
        name: "node fetch",
        program: "node",
        args: &[
            "-e",
            "fetch('http://HOST:PORT/').catch(e => { console.error(e); process.exit(1) })",
        ],
        file: None,
    },
    Client {
        name: "java socket",
        program: "java",
        args: &["DIR/Ask.java", "HOST", "PORT"],
        file: Some(("Ask.java", JAVA)),
    },
    Client {
        name: "java http",
        program: "java",
        args: &["DIR/AskHttp.java", "HOST", "PORT"],
        file: Some(("AskHttp.java", JAVA_HTTP)),
    },
];

/// What it wrote; `None` where it, or a library of its, is not installed.
fn said(client: &Client, server: &Server, folder: &Path) -> Option<String> {
    if let Some((name, text)) = client.file {
        std::fs::File::create(folder.join(name))
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }
    let fill = |arg: &&str| {
        arg.replace("HOST", &server.at.ip().to_string())
            .replace("PORT", &server.at.port().to_string())
            .replace("DIR", &folder.display().to_string())
    };
    let mut child = Command::new(client.program)
        .args(client.args.iter().map(fill))
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("http_proxy")
        .env_remove("https_proxy")
        .env_remove("all_proxy")
        .env_remove("HTTPS_PROXY")
        .env_remove("HTTP_PROXY")
        .env_remove("ALL_PROXY")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let missing = text.contains("ModuleNotFoundError") || text.contains("fetch is not defined");
    (!missing).then_some(text)
}

#[test]
fn what_real_clients_say_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let (mut wrong, mut skipped, mut held) = (Vec::new(), Vec::new(), 0);
    for end in [End::Reset, End::Close, End::Refused] {
        let server = Server::start(end);
        for client in CLIENTS {
            let Some(text) = said(client, &server, folder.path()) else {
                skipped.push(client.name);
                continue;
            };
            // Explain takes what one pastes, up to its bound.
            match find(&text) {
                Some((_, message)) if message.can.iter().any(|(known, _)| *known == end) => {
                    println!("{:<16} {:<14} {}", client.name, end.as_str(), message.id);
                    held += 1;
                }
                found => wrong.push(format!(
                    "{} on {}: {:?} for {text}",
                    client.name,
                    end.as_str(),
                    found.map(|(_, message)| message.id)
                )),
            }
        }
    }
    skipped.sort_unstable();
    skipped.dedup();
    println!(
        "{held} messages recognised; {} clients skipped, not installed: {}",
        skipped.len(),
        skipped.join(", ")
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n---\n"));
    assert!(held > 0, "not one client is installed");
}

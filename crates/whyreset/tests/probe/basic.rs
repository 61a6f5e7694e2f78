//! The basic form against hand-made servers on loopback, hostile ones among them, and against
//! boxes in namespaces.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;
use serde_json::Value;

use super::chain::Chain;
use super::net::{Folder, Server, certificate, free_port, probe};

/// A server on loopback for the rest of this process; gives its port.
fn serve(each: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    let each = Arc::new(each);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let each = Arc::clone(&each);
            thread::spawn(move || each(stream));
        }
    });
    port
}

fn reset(stream: TcpStream) {
    set_socket_linger(&stream, Some(Duration::ZERO)).expect("SO_LINGER");
    drop(stream);
}

fn hear(stream: &mut TcpStream) -> Vec<u8> {
    let mut room = vec![0; 16 * 1024];
    let count = stream.read(&mut room).unwrap_or_default();
    room.truncate(count);
    room
}

fn sleep(ms: u64) {
    thread::sleep(Duration::from_millis(ms));
}

fn ask(port: u16, words: &[&str]) -> Value {
    let target = format!("127.0.0.1:{port}");
    let mut all = vec![&*target, "-o", "json"];
    all.extend(words);
    probe(&all).json()
}

fn expect(got: &Value, outcome: &str, stage: &str) {
    assert_eq!(
        (&got["outcome"], &got["stage"]),
        (&outcome.into(), &stage.into()),
        "{got:#}"
    );
}

/// The likeliest guess.
fn guess(got: &Value) -> (String, String) {
    let word = |field: &str| got["guesses"][0][field].as_str().unwrap_or_default().to_owned();
    (word("id"), word("certainty"))
}

pub fn refused_by_rst() {
    let got = ask(free_port(), &[]);
    expect(&got, "refused", "connect");
    assert_eq!(got["by"], "rst");
    let verdict = &got["verdict"];
    assert_eq!(
        (&verdict["source"], &verdict["cause"]["id"]),
        (&"probe".into(), &"no-listener".into())
    );
    // The same segment as a rule's: a client alone never knows.
    assert_eq!(verdict["cause"]["certainty"], "likely", "{verdict:#}");
    let rivals = verdict["cause"]["rivals"].to_string();
    assert!(rivals.contains("firewall-reject"), "{rivals}");
}

pub fn reset_while_held() {
    let port = serve(|stream| {
        sleep(300);
        reset(stream);
    });
    let got = ask(port, &[]);
    expect(&got, "reset", "hold");
    let age = got["exchange"]["age_ms"].as_f64().unwrap_or_default();
    assert!((295.0..600.0).contains(&age), "{age}");
    let certainty = &got["verdict"]["cause"]["certainty"];
    assert!(certainty == "unknown" || certainty == "possible", "{got:#}");
    let target = format!("127.0.0.1:{port}");
    for (policy, code) in [("reset", 1), ("any", 1), ("refused", 0), ("oom-killed", 0)] {
        assert_eq!(
            probe(&[&target, "-q", "--fail-on", policy]).code,
            Some(code),
            "{policy}"
        );
    }
}

pub fn reset_with_the_request_unread() {
    let port = serve(|mut stream| {
        let mut few = [0; 10];
        _ = stream.read(&mut few);
        sleep(50);
    });
    let got = ask(port, &["--http"]);
    expect(&got, "reset", "answer");
    let exchange = &got["exchange"];
    assert!(exchange["bytes_sent"].as_u64() > Some(50), "{exchange}");
    assert_eq!(exchange["bytes_sent"], exchange["bytes_acked"], "{exchange}");
}

pub fn an_answer_that_was_there_before_the_reset_is_read() {
    let port = serve(|mut stream| {
        let mut few = [0; 10];
        _ = stream.read(&mut few);
        _ = stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    });
    let got = ask(port, &["--http"]);
    assert_eq!(got["outcome"], "reset", "{got:#}");
    assert_eq!(got["exchange"]["http_status"], 413, "{got:#}");
    assert_eq!(guess(&got), ("unread-data".to_owned(), "possible".to_owned()));
}

pub fn closed_in_order() {
    let port = serve(|mut stream| {
        hear(&mut stream);
    });
    let got = ask(port, &["--http"]);
    expect(&got, "closed", "answer");
    assert_eq!((&got["by"], &got["verdict"]), (&"fin".into(), &Value::Null));
}

pub fn silent() {
    let port = serve(|mut stream| {
        hear(&mut stream);
        sleep(20_000);
    });
    let begun = Instant::now();
    let got = ask(port, &["--http", "--timeout", "700ms"]);
    expect(&got, "silent", "answer");
    assert!(begun.elapsed() < Duration::from_secs(4));
}

pub fn protocols_that_do_not_fit() {
    let ssh = serve(|mut stream| {
        _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        sleep(3_000);
    });
    let plain = serve(|mut stream| {
        hear(&mut stream);
        _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    let alert = serve(|mut stream| {
        hear(&mut stream);
        _ = stream.write_all(&[21, 3, 1, 0, 2, 2, 10]);
    });
    let https = serve(|mut stream| {
        hear(&mut stream);
        let body = "The plain HTTP request was sent to HTTPS port";
        _ = write!(
            stream,
            "HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
    });
    let tls: &[&str] = &["--tls", "--insecure"];
    let http: &[&str] = &["--http"];
    for (port, words, heard) in [
        (ssh, tls, "SSH: "),
        (ssh, http, "SSH: "),
        (plain, tls, "HTTP: "),
        (alert, http, "TLS alert unexpected_message (10)"),
        (https, http, "HTTP: "),
    ] {
        let got = ask(port, words);
        assert_eq!(
            guess(&got),
            ("wrong-protocol".to_owned(), "likely".to_owned()),
            "{got:#}"
        );
        assert!(
            got["heard"].as_str().is_some_and(|text| text.starts_with(heard)),
            "{got:#}"
        );
    }
    // The near miss: the same banner where nobody asked for anything else.
    let got = ask(ssh, &["--hold", "300ms"]);
    assert_eq!(
        (&got["outcome"], got["guesses"].as_array().map(Vec::len)),
        (&"open".into(), Some(0))
    );
}

pub fn an_alert_is_decoded() {
    let port = serve(|mut stream| {
        hear(&mut stream);
        _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 112]);
    });
    let got = ask(port, &["--tls", "--insecure", "--sni", "nobody.test"]);
    assert_eq!(
        got["exchange"]["tls"]["alert"]["name"], "unrecognized_name",
        "{got:#}"
    );
    expect(&got, "closed", "tls");
}

pub fn tls_for_real() {
    let folder = Folder::new();
    certificate(&folder);
    let port = free_port();
    let configuration = format!(
        "daemon off; master_process off; pid {0}/pid; error_log /dev/null; events {{}}\n\
         http {{ access_log off; server {{ listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {0}/cert; \
         ssl_certificate_key {0}/key; location / {{ return 204; }} }} }}",
        folder.0.display()
    );
    let path = folder.file("nginx.conf", &configuration);
    let _nginx = Server::start(None, &["nginx", "-c", &path]).until_it_listens(port);
    let got = ask(port, &["--tls", "--insecure", "--http"]);
    expect(&got, "open", "hold");
    assert_eq!(
        (
            &got["exchange"]["tls"]["version"],
            &got["exchange"]["http_status"]
        ),
        (&"TLSv1.3".into(), &204.into())
    );
    let got = ask(port, &["--tls"]);
    assert!(
        got["guesses"][0]["what"]
            .as_str()
            .is_some_and(|text| text.contains("certificate")),
        "{got:#}"
    );
    let file = folder.file("say", "GET / HTTP/1.0\r\n\r\n");
    let got = ask(port, &["--send", &file]);
    assert_eq!(guess(&got).0, "wrong-protocol", "{got:#}");
}

/// Whatever they do, time and memory are bounded.
pub fn hostile_endpoints() {
    let endless = serve(|mut stream| while stream.write_all(&[b'y'; 16_000]).is_ok() {});
    let drip = serve(|mut stream| {
        while stream.write_all(b"x").is_ok() {
            sleep(200);
        }
    });
    // Never a pause long enough for anybody to look at the clock in it.
    let steady = serve(|mut stream| {
        while stream.write_all(b"x").is_ok() {
            sleep(5);
        }
    });
    let records = serve(|mut stream| {
        _ = stream.write_all(&[22, 3, 3, 0x30, 0]);
        while stream.write_all(&[0]).is_ok() {
            sleep(5);
        }
    });
    let head = serve(|mut stream| {
        hear(&mut stream);
        _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(&[b'a'; 16_000]).is_ok() {}
    });
    let garbage = serve(|mut stream| {
        hear(&mut stream);
        // A handshake record that goes on for ever, and bytes that mean nothing.
        while stream
            .write_all(&[22, 3, 3, 0x40, 0, 2, 0xff, 0xff, 0xff])
            .is_ok()
        {
            if stream.write_all(&[0x5a; 16_384 - 4]).is_err() {
                break;
            }
        }
    });
    let storm = serve(reset);
    let chunks = serve(|mut stream| {
        hear(&mut stream);
        _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while stream.write_all(b"1\r\na\r\n").is_ok() {}
    });
    let short = ["--timeout", "1500ms", "--hold", "500ms"];
    for (port, words) in [
        (endless, &["--http"][..]),
        (endless, &[]),
        (endless, &["--tls", "--insecure"]),
        (drip, &["--http"]),
        (drip, &["--tls", "--insecure"]),
        (steady, &["--http"]),
        (steady, &[]),
        (steady, &["--tls", "--insecure"]),
        (records, &["--tls", "--insecure"]),
        (head, &["--http"]),
        (garbage, &["--tls", "--insecure"]),
        (chunks, &["--http"]),
        (storm, &["-c", "20", "-i", "100ms"]),
    ] {
        let target = format!("127.0.0.1:{port}");
        let ran = probe(&[&[&*target, "-o", "json"], words, &short].concat());
        assert!(ran.took < Duration::from_secs(8), "{words:?} took {:?}", ran.took);
        assert!(ran.memory < 64 * 1024, "{words:?} took {} KiB", ran.memory);
        assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.stderr);
        let tries = if port == storm { 20 } else { 1 };
        assert_eq!(ran.stdout.lines().count(), tries, "{words:?}");
        let text = probe(&[&[&*target, "--color", "never"], &short[..], &["--http"]].concat());
        let harmless = |c: char| c == '\n' || (' '..='~').contains(&c);
        assert!(text.stdout.chars().all(harmless), "{:?}", text.stdout);
    }
}

pub fn the_next_address_is_tried() {
    let listener = TcpListener::bind("127.0.0.3:0").expect("a port");
    let port = listener.local_addr().expect("its number").port();
    let folder = Folder::new();
    let hosts = folder.file("hosts", "127.0.0.2 two.test\n127.0.0.3 two.test\n");
    let program = env!("CARGO_BIN_EXE_whyreset");
    let script = format!(
        "mount --bind {hosts} /etc/hosts && exec {program} probe two.test:{port} -o json --hold 100ms"
    );
    let run = |more: &str| {
        let out = std::process::Command::new("unshare")
            .args(["-m", "sh", "-c", &format!("{script}{more}")])
            .output()
            .expect("unshare runs");
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let got: Value = serde_json::from_str(&run("")).expect("one line");
    let attempts = got["attempts"].as_array().expect("attempts");
    let outcomes: Vec<&str> = attempts
        .iter()
        .filter_map(|attempt| attempt["outcome"].as_str())
        .collect();
    assert_eq!(outcomes, ["refused", "open"], "{got:#}");
    expect(&got, "open", "hold");
    // Each by itself.
    let lines = run(" --each");
    assert_eq!(lines.lines().count(), 2, "{lines}");
}

pub fn icmp_refuses_and_names_who() {
    let chain = Chain::new(1);
    let reject = "table inet f { chain c { type filter hook forward priority 0; \
                  tcp dport 81 reject with icmpx admin-prohibited; tcp dport 82 drop; \
                  tcp dport 83 reject with tcp reset; }; }";
    chain.rules(1, reject);
    for (server, router) in [(chain.server(), "10.99.1.2"), (chain.server_v6(), "fd00:99:1::2")] {
        let ask = |port: u16| {
            let target = std::net::SocketAddr::new(server, port).to_string();
            let words = [&*target, "-o", "json", "--timeout", "1500ms"];
            super::net::finish(super::net::start(Some(chain.client()), &words)).json()
        };
        let got = ask(81);
        expect(&got, "refused", "connect");
        assert_eq!(
            (&got["by"], &got["attempts"][0]["icmp"]["from"]),
            (&"icmp".into(), &router.into()),
            "{got:#}"
        );
        assert_eq!(guess(&got), ("firewall-reject".to_owned(), "likely".to_owned()));
        expect(&ask(82), "silent", "connect");
        // By its RST alone a rule is not told from a closed port.
        let got = ask(83);
        assert_eq!(
            (&got["by"], &got["verdict"]["cause"]["certainty"]),
            (&"rst".into(), &"likely".into()),
            "{got:#}"
        );
    }
}

pub fn wrong_words_are_refused() {
    for words in [
        &["127.0.0.1"][..],
        &["127.0.0.1:0"],
        &["http://a:80"],
        &["127.0.0.1:80", "--sni", "x"],
        &["127.0.0.1:80", "--http", "x"],
        &["127.0.0.1:80", "--fail-on", "nothing"],
        &["127.0.0.1:80", "-i", "1ms"],
        &["127.0.0.1:80", "--send", "/nonexistent"],
        &["nobody.invalid:80"],
    ] {
        let ran = probe(words);
        assert_eq!(ran.code, Some(2), "{words:?}: {} {}", ran.stdout, ran.stderr);
        assert!(!ran.stderr.is_empty());
    }
}

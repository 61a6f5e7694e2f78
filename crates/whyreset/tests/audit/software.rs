//! Idle timers of real programs, compared along a connection between them.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::space::{Server, Space};

/// A folder of its own, removed with the check.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("whyreset-audit-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// Asks for a page, so that the proxy keeps its connection to the server.
fn ask(space: &Space, port: u16) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        let answered = space.inside(|| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
            stream
                .write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .ok()?;
            let mut text = String::new();
            stream.read_to_string(&mut text).ok()?;
            text.starts_with("HTTP/1.1 200").then_some(())
        });
        if answered.is_some() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("nothing answers on port {port}");
}

fn nginx(folder: &Folder, timeout: &str) -> String {
    let at = folder.0.display();
    let text = format!(
        "daemon off; pid {at}/pid; error_log {at}/error.log;\nevents {{ }}\nhttp {{\n access_log off;\n\
         client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; \
         scgi_temp_path {at}/s;\n upstream app {{ server 127.0.0.1:3000; keepalive 8; keepalive_timeout {timeout}; }}\n\
         server {{ listen 127.0.0.1:8080;\n location / {{ proxy_pass http://app; proxy_http_version 1.1; \
         proxy_set_header Connection \"\"; }} }}\n}}\n"
    );
    folder.file("nginx.conf", &text)
}

fn stopped(mut server: Server) {
    // In order, so that its workers end with it.
    let pid = server.0.id().to_string();
    _ = Command::new("kill").args(["-TERM", &pid]).status();
    _ = server.0.wait();
}

pub fn nginx_before_node() {
    let space = Space::new();
    let folder = Folder::new("node");
    let app = folder.file(
        "app.js",
        "require('http').createServer((q, r) => r.end('ok')).listen(3000, '127.0.0.1')\n",
    );
    let _node = Server::start(space.command("node").arg(app));
    for (timeout, expected) in [("60s", true), ("4s", false)] {
        let conf = nginx(&folder, timeout);
        let server = Server::start(space.command("nginx").args(["-c", &conf]));
        ask(&space, 8080);
        let audit = space.audit(&[]);
        let found = audit.ids().contains(&"keepalive-race");
        assert_eq!(
            found, expected,
            "{timeout}: {:?} {}",
            audit.findings, audit.notices
        );
        if expected {
            // Code may set another time than node's default.
            assert_eq!(audit.severity("keepalive-race"), "possible");
            let one = audit.one("keepalive-race");
            assert_eq!(one["port"], 3000);
            let read = one["read"].to_string();
            assert!(
                read.contains("nginx.conf:") && read.contains("keepAliveTimeout"),
                "{read}"
            );
        }
        stopped(server);
    }
}

pub fn haproxy_before_gunicorn() {
    let space = Space::new();
    let folder = Folder::new("gunicorn");
    folder.file(
        "app.py",
        "def app(environ, start):\n    start('200 OK', [('Content-Length', '2')])\n    return [b'ok']\n",
    );
    let conf = folder.file(
        "haproxy.cfg",
        "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n http-reuse always\n\
         frontend f\n bind 127.0.0.1:8080\n default_backend b\nbackend b\n server a 127.0.0.1:3000\n",
    );
    for (keep, expected) in [("2", true), ("30", false)] {
        let gunicorn = Server::start(
            space
                .command("gunicorn")
                .args([
                    "--keep-alive",
                    keep,
                    "-k",
                    "gthread",
                    "-b",
                    "127.0.0.1:3000",
                    "--chdir",
                ])
                .arg(Path::new(&folder.0))
                .arg("app:app"),
        );
        let haproxy = Server::start(space.command("haproxy").args(["-db", "-f", &conf]));
        ask(&space, 8080);
        let audit = space.audit(&[]);
        let found = audit.ids().contains(&"keepalive-race");
        assert_eq!(found, expected, "{keep}: {:?} {}", audit.findings, audit.notices);
        if expected {
            assert_eq!(audit.severity("keepalive-race"), "likely");
            let read = audit.one("keepalive-race")["read"].to_string();
            assert!(
                read.contains("pool-purge-delay") && read.contains("--keep-alive 2"),
                "{read}"
            );
        }
        stopped(haproxy);
        stopped(gunicorn);
    }
}

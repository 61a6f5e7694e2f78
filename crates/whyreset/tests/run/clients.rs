//! What is run: ordinary clients of several runtimes, and small programs that misuse a socket.

/// A client that asks `http://127.0.0.1:PORT/`, by what starts it.
pub struct Client {
    pub name: &'static str,
    /// The program that must be there.
    pub program: &'static str,
    /// The file it is given, and what that holds.
    pub file: Option<(&'static str, &'static str)>,
}

pub const CLIENTS: [Client; 4] = [
    Client {
        name: "curl",
        program: "curl",
        file: None,
    },
    Client {
        name: "python3",
        program: "python3",
        file: Some(("client.py", PYTHON)),
    },
    Client {
        name: "node",
        program: "node",
        file: Some(("client.js", NODE)),
    },
    Client {
        name: "java",
        program: "java",
        file: Some(("Client.java", JAVA)),
    },
];

const PYTHON: &str = "
import http.client, sys
connection = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=2)
try:
    connection.request('GET', '/')
    print(connection.getresponse().read().decode())
except Exception as error:
    print(type(error).__name__)
    sys.exit(3)
";

const NODE: &str = "
const fail = error => { console.log(error.code); process.exit(3) }
const options = {host: '127.0.0.1', port: Number(process.argv[2]), timeout: 2000}
const request = require('http').get(options, answer => {
    answer.on('error', fail)
    answer.on('data', data => process.stdout.write(data))
    answer.on('end', () => console.log())
})
request.on('error', fail)
request.on('timeout', () => request.destroy(new Error('timeout')))
";

const JAVA: &str = r#"
import java.io.*;
import java.net.*;
public class Client {
    public static void main(String[] words) throws Exception {
        try {
            URLConnection connection = new URL("http://127.0.0.1:" + words[0] + "/").openConnection();
            connection.setReadTimeout(2000);
            System.out.println(new String(connection.getInputStream().readAllBytes()));
        } catch (IOException error) {
            System.out.println(error);
            System.exit(3);
        }
    }
}
"#;

/// Asks, waits two seconds, and asks again on the same connection.
pub const POOLED: &str = "
import http.client, sys, time
connection = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))
connection.request('GET', '/'); connection.getresponse().read()
time.sleep(2)
try: connection.request('GET', '/'); connection.getresponse()
except ConnectionResetError: sys.exit(3)
";

/// Closes with the answer unread.
pub const UNREAD: &str = "
import socket, sys, time
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
s.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n'); time.sleep(0.3); s.close()
";

/// Closes with SO_LINGER set to 0.
pub const LINGER: &str = "
import socket, struct, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); s.close()
";

/// A child closes its end of an AF_UNIX connection with data unread.
pub const UNIX: &str = "
import os, socket, sys, time
path = '\\0whyreset-test-%d' % os.getpid()
listener = socket.socket(socket.AF_UNIX); listener.bind(path); listener.listen()
if os.fork() == 0:
    taken, _ = listener.accept(); time.sleep(0.3); taken.close(); os._exit(0)
s = socket.socket(socket.AF_UNIX); s.connect(path); s.sendall(b'x')
try: s.recv(1)
except ConnectionResetError: sys.exit(3)
";

/// Takes one connection and reads from it twice.
pub const SERVER: &str = "
import socket, sys
listener = socket.socket(); listener.bind(('127.0.0.1', 0)); listener.listen()
print(listener.getsockname()[1], flush=True)
taken, _ = listener.accept(); taken.recv(100)
try: taken.recv(100)
except ConnectionResetError: sys.exit(3)
";

/// Counts how often it is interrupted.
pub const COUNTS: &str = "
import signal, sys, time
count = 0
def more(*_):
    global count; count += 1
signal.signal(signal.SIGINT, more)
print('ready', flush=True)
end = time.monotonic() + 1.5
while time.monotonic() < end: time.sleep(0.05)
print(count)
";

/// A shell on a terminal of its own: stops and continues a job, and interrupts it.
pub const TERMINAL: &str = "
import os, pty, select, signal, sys, time
pid, fd = pty.fork()
# Who started the test may ignore Ctrl-C, and that is inherited.
if pid == 0: signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp('bash', ['bash', '--norc', '-i'])
said = b''
def until(word, seconds=10):
    global said
    end = time.monotonic() + seconds
    while word not in said and time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]: said += os.read(fd, 65536)
    found = word in said
    said = said.split(word, 1)[-1]
    print(word.decode(), found, flush=True)
run = ' '.join(sys.argv[1:]).encode()
os.write(fd, run + b\" sh -c 'echo up$((1+1)); exec sleep 60'\\n\"); until(b'up2')
os.write(fd, b'\\x1a'); until(b'Stopped')
os.write(fd, b'fg; echo code-$?\\n'); until(b'fg')
end = time.monotonic() + 10
while os.tcgetpgrp(fd) == pid and time.monotonic() < end: time.sleep(0.05)
time.sleep(0.3)
os.write(fd, b'\\x03'); until(b'code-130')
os.write(fd, b'exit\\n')
";

//! Ten servers and how each is set up to reset a client and to say so in its log. Refuses to write
//! anywhere but into its own folder.

/// One of them. `@DIR@` and `@PORT@` are filled in.
pub struct Server {
    pub name: &'static str,
    /// Programs that it needs.
    pub needs: &'static [&'static str],
    /// Files beside the log.
    pub files: &'static [(&'static str, &'static str)],
    /// Run by `sh -c` in the folder before it.
    pub before: &'static str,
    /// Run by `sh -c` in the folder, its output appended to `log`.
    pub start: &'static str,
    /// What is named with `--logs`.
    pub log: &'static str,
    /// Stands in every right line.
    pub says: &'static str,
    /// Whether lines bear the client's address, so that a capture can be joined too.
    pub named: bool,
}

pub const SERVERS: [Server; 10] = [
    Server {
        name: "nginx",
        needs: &["nginx"],
        files: &[(
            "n.conf",
            "daemon off; pid @DIR@/pid; events {} http { access_log @DIR@/access.log;\n\
            client_body_temp_path @DIR@/b; proxy_temp_path @DIR@/p; fastcgi_temp_path @DIR@/f;\n\
            uwsgi_temp_path @DIR@/u; scgi_temp_path @DIR@/s; client_max_body_size 1k; lingering_close off;\n\
            server { listen 127.0.0.1:@PORT@; location / { return 200 ok; } } }",
        )],
        before: "",
        start: "exec nginx -c @DIR@/n.conf -e stderr",
        log: "@DIR@/log",
        says: "client intended to send too large body",
        named: true,
    },
    Server {
        name: "apache",
        needs: &["apache2"],
        files: &[
            (
                "a.conf",
                "ServerName x\nUser www-data\nGroup www-data\nPidFile @DIR@/pid\nListen 127.0.0.1:@PORT@\nDefaultRuntimeDir @DIR@\nMutex file:@DIR@\n\
            LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so\n\
            LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n\
            LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so\n\
            LoadModule cgi_module /usr/lib/apache2/modules/mod_cgi.so\n\
            ScriptAlias /upload @DIR@/up.sh\nDocumentRoot @DIR@\nErrorLog /dev/stderr\nLogLevel info\nLimitRequestBody 1000\n",
            ),
            (
                "up.sh",
                "#!/bin/sh\ncat >/dev/null\nprintf 'Content-Type: text/plain\\n\\nok'\n",
            ),
        ],
        before: "chmod 755 @DIR@ @DIR@/up.sh",
        start: "exec apache2 -f @DIR@/a.conf -D FOREGROUND",
        log: "@DIR@/log",
        says: "is larger than the configured limit",
        named: true,
    },
    Server {
        name: "haproxy",
        needs: &["haproxy"],
        files: &[(
            "h.cfg",
            "global\n log stdout format raw local0\ndefaults\n mode http\n log global\n option httplog\n timeout client 1s\n\
            timeout server 1s\n timeout connect 1s\n timeout http-request 1s\nfrontend f\n bind 127.0.0.1:@PORT@\n\
            http-request return status 200 content-type text/plain string ok\n",
        )],
        before: "",
        start: "exec haproxy -db -f @DIR@/h.cfg",
        log: "@DIR@/log",
        says: " cR-- ",
        named: true,
    },
    Server {
        name: "redis",
        needs: &["redis-server"],
        files: &[],
        before: "",
        start: "exec redis-server --port @PORT@ --bind 127.0.0.1 --save '' --client-output-buffer-limit 'pubsub 1 0 0'",
        log: "@DIR@/log",
        says: "overcoming of output buffer limits",
        named: true,
    },
    Server {
        name: "sshd",
        needs: &["sshd", "ssh-keygen"],
        files: &[(
            "sshd.conf",
            "Port @PORT@\nListenAddress 127.0.0.1\nHostKey @DIR@/key\nMaxStartups 3:100:3\nPidFile @DIR@/pid\nUsePAM no\n",
        )],
        before: "mkdir -p /run/sshd && ssh-keygen -q -t ed25519 -N '' -f key",
        start: "exec /usr/sbin/sshd -D -e -f @DIR@/sshd.conf 2>&1 | while read -r line; do echo \"$(date +%FT%T.%3NZ) $line\"; done",
        log: "@DIR@/log",
        says: "MaxStartups",
        named: true,
    },
    Server {
        name: "postgres",
        needs: &["postgres", "runuser"],
        files: &[],
        before: "B=$(ls -d /usr/lib/postgresql/*/bin | tail -1); install -d -o postgres @DIR@/pg; chmod 755 @DIR@; cd /; \
            runuser -u postgres -- $B/initdb -A trust -D @DIR@/pg >/dev/null",
        start: "B=$(ls -d /usr/lib/postgresql/*/bin | tail -1); cd /; exec runuser -u postgres -- $B/postgres -D @DIR@/pg \
            -p @PORT@ -c listen_addresses=127.0.0.1 -c unix_socket_directories=@DIR@/pg -c fsync=off \
            -c idle_session_timeout=1000 -c timezone=UTC -c log_timezone=UTC",
        log: "@DIR@/log",
        says: "terminating connection due to idle-session timeout",
        named: false,
    },
    Server {
        name: "gunicorn",
        needs: &["gunicorn"],
        files: &[(
            "w.py",
            "import time\ndef app(environ, start):\n    if environ['PATH_INFO'] == '/slow': time.sleep(30)\n    \
            start('200 OK', [('Content-Length', '2')])\n    return [b'ok']\n",
        )],
        before: "",
        start: "exec gunicorn --worker-tmp-dir /tmp -b 127.0.0.1:@PORT@ -w 2 -t 1 w:app",
        log: "@DIR@/log",
        says: "(pid:",
        named: false,
    },
    Server {
        name: "mosquitto",
        needs: &["mosquitto"],
        files: &[(
            "m.conf",
            "listener @PORT@ 127.0.0.1\nallow_anonymous true\nlog_dest stderr\nlog_type all\n",
        )],
        before: "",
        start: "exec mosquitto -c @DIR@/m.conf",
        log: "@DIR@/log",
        says: "already connected, closing old connection",
        named: false,
    },
    Server {
        name: "node",
        needs: &["node"],
        files: &[(
            "s.js",
            "const s = require('http').createServer((q, r) => { if (q.url !== '/slow') r.end('ok'); });\n\
            s.on('connection', c => { const who = c.remoteAddress + ':' + c.remotePort;\n  \
            c.on('error', e => console.log(new Date().toISOString() + ' ' + e.message + ' ' + who)); });\n\
            s.listen(@PORT@, '127.0.0.1');\n",
        )],
        before: "",
        start: "exec node s.js",
        log: "@DIR@/log",
        says: "read ECONNRESET",
        named: true,
    },
    Server {
        name: "kernel",
        needs: &["python3"],
        files: &[(
            "c.py",
            "import ctypes, os, socket, time\ns = socket.create_server(('127.0.0.1', @PORT@), backlog=64)\nwhile True:\n    \
            c = s.accept()[0]\n    if os.fork() == 0:\n        time.sleep(.05)\n        \
            d = c.recv(5)\n        if d == b'crash': ctypes.string_at(0)\n        c.sendall(b'ok'); os._exit(0)\n    c.close()\n",
        )],
        before: "",
        start: "exec python3 c.py",
        log: "kernel",
        says: "segfault at 0",
        named: false,
    },
];

//! What web servers, application servers, proxies and sshd state.

use super::Says::{Cause, Situation};
use super::Stated;

const NGINX: &str = "nginx source: ngx_http_core_module.c, ngx_http_upstream.c";
const GUNICORN: &str = "gunicorn source: arbiter.py";
const SSHD: &str = "OpenSSH source: sshd.c, srclimit.c";

pub static STATED: &[Stated] = &[
    Stated {
        pattern: "client intended to send too large body",
        software: "nginx",
        says: Situation("early-reject-upload"),
        wide: false,
        source: NGINX,
        lines: &[
            "2026/11/23 10:00:00 [error] 812#812: *1 client intended to send too large body: 20971520 bytes, client: 10.0.0.2, server: shop, request: \"POST /up HTTP/1.1\", host: \"shop\"",
        ],
    },
    Stated {
        pattern: "client intended to send too large chunked body",
        software: "nginx",
        says: Situation("early-reject-upload"),
        wide: false,
        source: NGINX,
        lines: &[
            "2026/11/23 10:00:00 [error] 812#812: *1 client intended to send too large chunked body: 1048577+65536 bytes, client: 10.0.0.2",
        ],
    },
    Stated {
        pattern: "upstream prematurely closed connection",
        software: "nginx",
        says: Cause("write-after-close"),
        wide: false,
        source: NGINX,
        lines: &[
            "2026/11/23 10:00:00 [error] 812#812: *1 upstream prematurely closed connection while reading response header from upstream, client: 10.0.0.2, server: shop, upstream: \"http://10.0.0.1:8080/\"",
        ],
    },
    Stated {
        pattern: "upstream timed out (110",
        software: "nginx",
        says: Cause("idle-timeout"),
        wide: false,
        source: NGINX,
        lines: &[
            "2026/11/23 10:00:00 [error] 812#812: *1 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 10.0.0.2, upstream: \"http://10.0.0.1:8080/\"",
        ],
    },
    Stated {
        pattern: "connect() failed (111*upstream",
        software: "nginx",
        says: Situation("proxy-without-backend"),
        wide: false,
        source: NGINX,
        lines: &[
            "2026/11/23 10:00:00 [error] 812#812: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.2, upstream: \"http://127.0.0.1:3000/\"",
        ],
    },
    Stated {
        pattern: "no live upstreams",
        software: "nginx",
        says: Situation("proxy-without-backend"),
        wide: false,
        source: NGINX,
        lines: &[
            "2026/11/23 10:00:00 [error] 812#812: *1 no live upstreams while connecting to upstream, client: 10.0.0.2",
        ],
    },
    Stated {
        pattern: "client prematurely closed connection",
        software: "nginx",
        says: Situation("client-gave-up"),
        wide: false,
        source: NGINX,
        lines: &[
            "2026/11/23 10:00:00 [info] 812#812: *1 epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too while reading upstream, client: 10.0.0.2",
        ],
    },
    Stated {
        pattern: "broken header: \"*proxy protocol",
        software: "nginx",
        says: Cause("wrong-protocol"),
        wide: false,
        source: "nginx source: ngx_proxy_protocol.c",
        lines: &[
            "2026/11/23 10:00:00 [error] 812#812: *1 broken header: \"GET / HTTP/1.1\" while reading PROXY protocol, client: 10.0.0.2",
        ],
    },
    Stated {
        pattern: "accept4() failed (24",
        software: "nginx",
        says: Cause("fd-limit"),
        wide: false,
        source: "nginx source: ngx_event_accept.c",
        lines: &["2026/11/23 10:00:00 [crit] 812#812: accept4() failed (24: Too many open files)"],
    },
    Stated {
        pattern: "worker_connections are not enough",
        software: "nginx",
        says: Situation("connection-limit"),
        wide: false,
        source: "nginx source: ngx_connection.c",
        lines: &[
            "2026/11/23 10:00:00 [alert] 812#812: 512 worker_connections are not enough while connecting to upstream: failed to allocate",
        ],
    },
    Stated {
        pattern: "worker timeout (pid:",
        software: "gunicorn",
        says: Situation("worker-killed"),
        wide: false,
        source: GUNICORN,
        lines: &["[2026-11-23 10:00:00 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:9)"],
    },
    Stated {
        pattern: "worker (pid:*was sent sig",
        software: "gunicorn",
        says: Cause("process-killed"),
        wide: false,
        source: GUNICORN,
        lines: &[
            "[2026-11-23 10:00:00 +0000] [7] [ERROR] Worker (pid:9) was sent SIGKILL! Perhaps out of memory?",
        ],
    },
    Stated {
        pattern: "execution timed out (*, terminating",
        software: "PHP-FPM",
        says: Situation("worker-killed"),
        wide: false,
        source: "PHP source: fpm_request.c",
        lines: &[
            "[23-Nov-2026 10:00:00] WARNING: [pool www] child 812, script '/x.php' (request: \"GET /x.php\") execution timed out (2.100000 sec), terminating",
        ],
    },
    Stated {
        pattern: "child * exited on signal",
        software: "PHP-FPM",
        says: Cause("process-killed"),
        wide: false,
        source: "PHP source: fpm_children.c",
        lines: &[
            "[23-Nov-2026 10:00:00] WARNING: [pool www] child 812 exited on signal 11 (SIGSEGV - core dumped) after 12.5 seconds from start; connection lost",
        ],
    },
    Stated {
        pattern: "server reached pm.max_children",
        software: "PHP-FPM",
        says: Situation("connection-limit"),
        wide: false,
        source: "PHP source: fpm_process_ctl.c",
        lines: &[
            "[23-Nov-2026 10:00:00] WARNING: [pool www] server reached pm.max_children setting (5), consider raising it",
        ],
    },
    Stated {
        pattern: "harakiri",
        software: "uWSGI",
        says: Situation("worker-killed"),
        wide: false,
        source: "uWSGI source: core/master.c",
        lines: &["Mon Nov 23 10:00:00 2026 - *** HARAKIRI ON WORKER 1 (pid: 812, try: 1) ***"],
    },
    Stated {
        pattern: "invalid request block size",
        software: "uWSGI",
        says: Cause("unread-data"),
        wide: false,
        source: "uWSGI source: proto/uwsgi.c; setting buffer-size",
        lines: &["invalid request block size: 9125 (max 4096)...skip"],
    },
    Stated {
        pattern: "is larger than the configured limit",
        software: "Apache httpd",
        says: Situation("early-reject-upload"),
        wide: false,
        source: "Apache httpd source: http_filters.c; directive LimitRequestBody",
        lines: &[
            "[Mon Nov 23 10:00:00.123456 2026] [http:error] [pid 812:tid 812] [client 10.0.0.2:40022] AH01587: Requested content-length of 400000 is larger than the configured limit of 1000",
        ],
    },
    Stated {
        pattern: "server reached maxrequestworkers",
        software: "Apache httpd",
        says: Situation("connection-limit"),
        wide: false,
        source: "httpd source: mpm_event, AH00484",
        lines: &[
            "[Mon Nov 23 10:00:00.123456 2026] [mpm_event:error] [pid 7] AH00484: server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting",
        ],
    },
    Stated {
        pattern: "http request was sent to https",
        software: "nginx",
        says: Situation("plaintext-to-tls"),
        wide: false,
        source: "nginx source: ngx_http_request.c",
        lines: &[
            "2026/11/23 10:00:00 [info] 812#812: *1 client sent plain HTTP request to HTTPS port while reading client request headers, The plain HTTP request was sent to HTTPS port: failed",
        ],
    },
    Stated {
        pattern: "notsslrecordexception",
        software: "Netty",
        says: Situation("plaintext-to-tls"),
        wide: false,
        source: "Netty: io.netty.handler.ssl.NotSslRecordException",
        lines: &["io.netty.handler.ssl.NotSslRecordException: not an SSL/TLS record: 474554202f"],
    },
    Stated {
        pattern: "the header content contains a size that exceeds",
        software: "Tomcat",
        says: Situation("early-reject-upload"),
        wide: false,
        source: "Tomcat: FileUpload; setting maxSwallowSize",
        lines: &[
            "org.apache.tomcat.util.http.fileupload.impl.SizeLimitExceededException: the header content contains a size that exceeds 10485760",
        ],
    },
    Stated {
        pattern: "sizelimitexceededexception",
        software: "Tomcat, Spring",
        says: Situation("early-reject-upload"),
        wide: false,
        source: "commons-fileupload; Spring spring.servlet.multipart.max-request-size",
        lines: &[
            "org.apache.tomcat.util.http.fileupload.impl.SizeLimitExceededException: the request was rejected because its size (20971520) exceeds the configured maximum (10485760)",
        ],
    },
    Stated {
        pattern: "drop connection #*maxstartups",
        software: "sshd",
        says: Situation("connection-limit"),
        wide: false,
        source: SSHD,
        lines: &[
            "Nov 23 10:00:00 host sshd[812]: drop connection #10 from [10.0.0.2]:40022 on [10.0.0.1]:22 past MaxStartups",
        ],
    },
    Stated {
        pattern: "drop connection #*penalty",
        software: "sshd",
        says: Situation("access-denied"),
        wide: false,
        source: SSHD,
        lines: &[
            "Nov 23 10:00:00 host sshd[812]: drop connection #0 from [10.0.0.2]:40022 on [10.0.0.1]:22 penalty: failed authentication",
        ],
    },
    Stated {
        pattern: "exited maxstartups throttling",
        software: "sshd",
        says: Situation("connection-limit"),
        wide: true,
        source: SSHD,
        lines: &[
            "Nov 23 10:00:00 host sshd[812]: exited MaxStartups throttling after 00:00:10, 12 connections dropped",
        ],
    },
    Stated {
        pattern: "beginning maxstartups throttling",
        software: "sshd",
        says: Situation("connection-limit"),
        wide: true,
        source: SSHD,
        lines: &["Nov 23 10:00:00 host sshd[812]: error: beginning MaxStartups throttling"],
    },
    Stated {
        pattern: "refused connect from",
        software: "libwrap (hosts.deny)",
        says: Situation("access-denied"),
        wide: false,
        source: "tcp_wrappers: hosts_access(5)",
        lines: &["Nov 23 10:00:00 host sshd[812]: refused connect from 10.0.0.2 (10.0.0.2)"],
    },
    Stated {
        pattern: "has no server available",
        software: "HAProxy",
        says: Situation("proxy-without-backend"),
        wide: false,
        source: "HAProxy source: backend.c",
        lines: &["Nov 23 10:00:00 lb haproxy[812]: backend app has no server available! (connection lost)"],
    },
    Stated {
        pattern: " is down, reason: ",
        software: "HAProxy",
        says: Situation("proxy-without-backend"),
        wide: false,
        source: "HAProxy source: check.c, server.c",
        lines: &[
            "Nov 23 10:00:00 lb haproxy[812]: Server app/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms.",
        ],
    },
    Stated {
        pattern: "reached process fd limit",
        software: "HAProxy",
        says: Cause("fd-limit"),
        wide: false,
        source: "HAProxy source: sock.c",
        lines: &[
            "Nov 23 10:00:00 lb haproxy[812]: Proxy f reached process FD limit (maxsock=4031). Please check 'ulimit-n' and restart (failed accept).",
        ],
    },
    Stated {
        pattern: "already connected, closing old connection",
        software: "mosquitto",
        says: Situation("duplicate-client"),
        wide: false,
        source: "mosquitto source: handle_connect.c",
        lines: &["1763899200: Client sensor1 already connected, closing old connection."],
    },
    Stated {
        pattern: "emfile",
        software: "Node.js, Go, Java and others",
        says: Cause("fd-limit"),
        wide: false,
        source: "errno(3)",
        lines: &["Error: accept EMFILE"],
    },
    Stated {
        pattern: "too many open files",
        software: "any program",
        says: Cause("fd-limit"),
        wide: false,
        source: "errno(3): EMFILE",
        lines: &["http: Accept error: accept tcp [::]:8080: accept4: too many open files; retrying in 5ms"],
    },
];

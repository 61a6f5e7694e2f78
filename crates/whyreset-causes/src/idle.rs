//! Idle timeouts that people meet, and the settings behind them. A silence that equals one is a
//! hint at where to look. Refuses to prove anything: equal numbers are no evidence of who counted.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::words;

/// A silence this long is a pause between requests and no delay within one.
pub const LONG_MS: u64 = 800;

/// A timer is met where the silence is this much longer at most, in per mille: it fires late,
/// never early, and the last segment heard may be an acknowledgment some 40 ms after the data.
const LATE: u64 = 40;
const SLACK_MS: u64 = 250;

/// A default that ends idle connections.
struct Known {
    seconds: u64,
    setting: &'static str,
    /// It is of a box between, which forgets the connection and tells neither end.
    forgets: bool,
}

/// Defaults as each vendor documents them.
const KNOWN: &[Known] = &[
    // gunicorn, Settings: keepalive.
    Known {
        seconds: 2,
        setting: "gunicorn --keep-alive",
        forgets: false,
    },
    // Node.js, http: server.keepAliveTimeout.
    Known {
        seconds: 5,
        setting: "Node server.keepAliveTimeout",
        forgets: false,
    },
    // Apache HTTP Server, core: KeepAliveTimeout.
    Known {
        seconds: 5,
        setting: "Apache KeepAliveTimeout",
        forgets: false,
    },
    // uvicorn, Settings: --timeout-keep-alive.
    Known {
        seconds: 5,
        setting: "uvicorn --timeout-keep-alive",
        forgets: false,
    },
    // lighttpd: server.max-keep-alive-idle.
    Known {
        seconds: 5,
        setting: "lighttpd server.max-keep-alive-idle",
        forgets: false,
    },
    // Apache Tomcat, HTTP connector: keepAliveTimeout follows connectionTimeout.
    Known {
        seconds: 20,
        setting: "Tomcat keepAliveTimeout",
        forgets: false,
    },
    // Jetty, ServerConnector: idleTimeout.
    Known {
        seconds: 30,
        setting: "Jetty idleTimeout",
        forgets: false,
    },
    // AWS, Application Load Balancer: idle_timeout.timeout_seconds.
    Known {
        seconds: 60,
        setting: "AWS ALB idle timeout",
        forgets: false,
    },
    // nginx, ngx_http_upstream_module: keepalive_timeout.
    Known {
        seconds: 60,
        setting: "nginx upstream keepalive_timeout",
        forgets: false,
    },
    // nginx, ngx_http_core_module: keepalive_timeout.
    Known {
        seconds: 75,
        setting: "nginx keepalive_timeout",
        forgets: false,
    },
    // Microsoft Azure, Load Balancer: TCP idle timeout.
    Known {
        seconds: 240,
        setting: "Azure load balancer idle timeout",
        forgets: true,
    },
    // Caddy, servers: idle_timeout.
    Known {
        seconds: 300,
        setting: "Caddy idle_timeout",
        forgets: false,
    },
    // AWS, Network Load Balancer and NAT gateway: TCP idle timeout.
    Known {
        seconds: 350,
        setting: "AWS NLB or NAT gateway idle timeout",
        forgets: true,
    },
    // nginx, ngx_stream_proxy_module: proxy_timeout.
    Known {
        seconds: 600,
        setting: "nginx stream proxy_timeout",
        forgets: false,
    },
    // Google Cloud, external Application Load Balancer: HTTP keepalive timeout.
    Known {
        seconds: 610,
        setting: "Google Cloud load balancer keepalive timeout",
        forgets: false,
    },
    // Linux, IPVS: tcp timeout.
    Known {
        seconds: 900,
        setting: "IPVS tcp timeout",
        forgets: true,
    },
    // Envoy, HttpProtocolOptions: idle_timeout.
    Known {
        seconds: 3_600,
        setting: "Envoy idle_timeout",
        forgets: false,
    },
    // MySQL and MariaDB: wait_timeout.
    Known {
        seconds: 28_800,
        setting: "MySQL wait_timeout",
        forgets: false,
    },
];

/// Whether a silence is met by this default.
const fn meets(known: &Known, silence_ms: u64) -> bool {
    let due = known.seconds * 1_000;
    // Jiffies may cut a few milliseconds off.
    silence_ms >= due.saturating_sub(10) && silence_ms <= due + due * LATE / 1_000 + SLACK_MS
}

/// Whether a silence of so many milliseconds equals a known default.
pub fn is_known(silence_ms: u64) -> bool {
    KNOWN.iter().any(|known| meets(known, silence_ms))
}

/// `, and 75 s is the default of nginx keepalive_timeout` where a silence of so many milliseconds
/// equals known defaults, else nothing.
pub fn known(silence_ms: u64) -> String {
    let met: Vec<&Known> = KNOWN.iter().filter(|known| meets(known, silence_ms)).collect();
    met.first().map_or(String::new(), |first| {
        let span = words::span_ms(first.seconds * 1_000);
        let settings: Vec<&str> = met.iter().map(|known| known.setting).collect();
        format!(", and {span} is the default of {}", settings.join(", "))
    })
}

/// The longest default after which boxes between forget a connection and tell neither end, which a
/// silence of so many milliseconds has passed: seconds, and whose it is.
pub fn forgotten(silence_ms: u64) -> Option<(u64, &'static str)> {
    let passed = KNOWN
        .iter()
        .filter(|known| known.forgets && known.seconds * 1_000 < silence_ms);
    let longest = passed.max_by_key(|known| known.seconds)?;
    Some((longest.seconds, longest.setting))
}

#[cfg(test)]
mod tests {
    use super::{forgotten, known};

    #[test]
    fn a_timer_fires_late_and_never_early() {
        assert_eq!(known(4_900), "");
        assert!(known(5_040).contains("Node server.keepAliveTimeout"));
        assert!(known(75_020).contains("nginx keepalive_timeout"));
        assert_eq!(known(90_000), "");
    }
    #[test]
    fn only_boxes_forget() {
        assert_eq!(forgotten(100_000), None);
        assert_eq!(forgotten(300_000).map(|(seconds, _)| seconds), Some(240));
        assert_eq!(forgotten(u64::MAX).map(|(seconds, _)| seconds), Some(900));
    }
}

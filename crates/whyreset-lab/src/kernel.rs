//! What the running kernel can tell a watcher at all. Refuses to guess from anything but its
//! version and its own types (BTF).

use std::sync::OnceLock;

/// Whether every reset that answers a segment is reported (`tcp_send_reset` with no socket or a
/// minisocket: Linux 6.10). Before, such a verdict rests on dropped packets and on the past.
pub(crate) fn reports_replies() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        version(&release).is_none_or(|version| version >= (6, 10))
    })
}

/// Why the same play may be seen at one time and not at another, where that is so: some kernels let no
/// tracing program of others run while process 1 is `current` (`bpf_prog_aux.init_owned`), and a timer or
/// an arriving segment that interrupts it is then seen by nobody.
pub(crate) fn hides_moments() -> Option<&'static str> {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    let hides = *ANSWER.get_or_init(|| {
        let types = std::fs::read("/sys/kernel/btf/vmlinux").unwrap_or_default();
        types.split(|&byte| byte == 0).any(|name| name == b"init_owned")
    });
    hides.then_some("this kernel shows nobody what happens while process 1 runs")
}

/// `(6, 18)` of `6.18.44-generic`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn releases_are_read() {
        assert_eq!(version("6.18.44-fc-v669\n"), Some((6, 18)));
        assert_eq!(version("6.1.0-42-amd64"), Some((6, 1)));
        assert_eq!(version("nonsense"), None);
        assert!(version("6.1.0") < version("6.10.2"));
    }
}

//! What the path of a control group tells: systemd unit, container, Kubernetes pod. Refuses to
//! guess from anything but shapes that the runtimes document or are seen to write.

/// Length of a container id in docker, containerd, CRI-O and podman alike: a SHA-256 in hex.
const ID: usize = 64;
/// What podman and CRI-O call the group of a container's monitor, which is not in the container.
const MONITOR: &str = "conmon";

/// Unit, container and pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub unit: Option<String>,
    pub container: Option<String>,
    pub pod: Option<String>,
}

impl Names {
    pub(crate) fn of(path: &str) -> Self {
        Self {
            unit: unit(path),
            container: container(path),
            pod: pod(path),
        }
    }
}

/// The innermost service or scope, else another unit that runs programs, else the innermost slice.
fn unit(path: &str) -> Option<String> {
    [
        &[".service", ".scope"][..],
        &[".socket", ".mount", ".swap"],
        &[".slice"],
    ]
    .iter()
    .find_map(|kinds| {
        path.rsplit('/').find(|part| {
            kinds
                .iter()
                .any(|kind| part.len() > kind.len() && part.ends_with(kind))
        })
    })
    // systemd puts an underscore before names that would look like a file of the kernel's.
    .map(|part| unescaped(part.strip_prefix('_').unwrap_or(part)))
}

/// `\x2d` and the like, as far as they stand for printable characters.
fn unescaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find("\\x") {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let byte = escape.get(2..4).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) if byte.is_ascii_graphic() => {
                out.push(char::from(byte));
                rest = &escape[4..];
            }
            _ => {
                out.push_str("\\x");
                rest = &escape[2..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The innermost container.
fn container(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    (0..parts.len()).rev().find_map(|index| {
        let above = index.checked_sub(1).and_then(|above| parts.get(above)).copied();
        hashed(parts[index]).or_else(|| named(above, parts[index]))
    })
}

/// `<id>`, `docker-<id>.scope`, `cri-containerd-<id>.scope`, `crio-<id>`, `libpod-payload-<id>`,
/// `kubepods-...slice:cri-containerd:<id>`: the id stands last whatever the runtime is called.
fn hashed(part: &str) -> Option<String> {
    let stem = part.strip_suffix(".scope").unwrap_or(part);
    let (runtime, id) = stem.split_at_checked(stem.len().checked_sub(ID)?)?;
    let separated = runtime.is_empty() || runtime.ends_with(['-', ':']);
    let lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (separated && !runtime.contains(MONITOR) && id.bytes().all(lower_hex)).then(|| id.to_owned())
}

/// Containers that have a name instead: LXC and systemd-nspawn.
fn named(above: Option<&str>, part: &str) -> Option<String> {
    if matches!(above, Some("lxc" | "lxc.payload")) {
        return Some(part.to_owned());
    }
    if let Some(name) = part.strip_prefix("lxc.payload.") {
        return Some(name.to_owned());
    }
    let machine = part
        .strip_prefix("systemd-nspawn@")
        .and_then(|rest| rest.strip_suffix(".service"))
        .or_else(|| part.strip_prefix("machine-")?.strip_suffix(".scope"))?;
    // machined keeps virtual machines under the same names: these have a kernel of their own.
    (!machine.starts_with("qemu") && !machine.is_empty()).then(|| unescaped(machine))
}

/// The pod's uid, in the cgroupfs spelling (`pod<uid>`) and the systemd one
/// (`kubepods-burstable-pod<uid with underscores>.slice`).
fn pod(path: &str) -> Option<String> {
    if !path.contains("kubepods") {
        return None;
    }
    path.split('/').rev().find_map(|part| {
        let part = part.split(':').next().unwrap_or(part);
        let part = part.strip_suffix(".slice").unwrap_or(part);
        let (before, uid) = part.rsplit_once("pod")?;
        let uid = uid.replace('_', "-");
        let hex = uid.bytes().filter(u8::is_ascii_hexdigit).count();
        let dashes = uid.bytes().filter(|&byte| byte == b'-').count();
        let whole = hex + dashes == uid.len();
        // A static pod's uid is the hash of its file, without dashes.
        let shaped = whole && hex == 32 && matches!(dashes, 0 | 4);
        ((before.is_empty() || before.ends_with('-')) && shaped).then_some(uid)
    })
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;

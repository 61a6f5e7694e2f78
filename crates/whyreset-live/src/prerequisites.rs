//! What live mode needs of a host, asked before anything is loaded, so that a refusal names the
//! one thing that is missing and what to do about it.

use std::fs;
use std::path::Path;

use crate::AttachError;

/// The kernel's own type information.
const BTF: &str = "/sys/kernel/btf/vmlinux";

/// The oldest supported kernel: ring buffers (5.8) and the raw tracepoints' argument checks.
const OLDEST: (u32, u32) = (5, 10);

/// Refuses clearly where live mode cannot work at all. Capabilities are the binary's to check:
/// it knows how it was started.
///
/// # Errors
/// The first thing that is missing, and what to do.
pub fn check() -> Result<(), AttachError> {
    check_at(Path::new("/"))
}

fn check_at(root: &Path) -> Result<(), AttachError> {
    let at = |path: &str| root.join(path.trim_start_matches('/'));
    let release = fs::read_to_string(at("/proc/sys/kernel/osrelease")).unwrap_or_default();
    if let Some(version) = version_of(&release)
        && version < OLDEST
    {
        return Err(AttachError(format!(
            "this kernel is {}, live mode needs {}.{} or newer; capture packets with tcpdump on this host instead",
            release.trim(),
            OLDEST.0,
            OLDEST.1
        )));
    }
    if !at(BTF).exists() {
        return Err(AttachError(format!(
            "{BTF} is missing: this kernel was built without CONFIG_DEBUG_INFO_BTF, so its structures cannot be read; \
             boot a kernel that has it, or capture packets with tcpdump instead"
        )));
    }
    let lockdown = fs::read_to_string(at("/sys/kernel/security/lockdown")).unwrap_or_default();
    if lockdown.contains("[confidentiality]") {
        return Err(AttachError(
            "the kernel is locked down (lockdown=confidentiality), which forbids reading kernel memory from eBPF; \
             boot with lockdown=integrity, or capture packets with tcpdump instead"
                .to_owned(),
        ));
    }
    Ok(())
}

fn version_of(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, files: &[(&str, &str)]) -> std::path::PathBuf {
        let root = std::env::temp_dir().join(format!("whyreset-prerequisites-{}-{name}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn each_refusal_names_what_is_missing() {
        let release = "proc/sys/kernel/osrelease";
        let btf = ("sys/kernel/btf/vmlinux", "");
        let lockdown = "sys/kernel/security/lockdown";
        for (name, files, part) in [
            (
                "old",
                &[(release, "5.4.0-150-generic\n"), btf] as &[_],
                "5.4.0-150-generic",
            ),
            ("nobtf", &[(release, "6.1.0\n")], "CONFIG_DEBUG_INFO_BTF"),
            (
                "locked",
                &[
                    (release, "6.1.0\n"),
                    btf,
                    (lockdown, "none integrity [confidentiality]\n"),
                ],
                "lockdown=confidentiality",
            ),
        ] {
            let root = host(name, files);
            let error = check_at(&root).unwrap_err().to_string();
            fs::remove_dir_all(&root).unwrap();
            assert!(error.contains(part), "{name}: {error}");
        }
        let root = host(
            "good",
            &[
                (release, "6.12.3-cloud\n"),
                btf,
                (lockdown, "none [integrity] confidentiality\n"),
            ],
        );
        let result = check_at(&root);
        fs::remove_dir_all(&root).unwrap();
        assert!(result.is_ok());
    }
}

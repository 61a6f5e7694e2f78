//! Debian's kernels, by ordinary `apt-get download` into a temporary folder. Installs nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::sh;

/// The meta packages that name the kernels of today, by the version a person asks for.
pub const KERNELS: [(&str, &str); 2] = [
    ("6.1", "linux-image-cloud-amd64"),
    ("6.12", "linux-image-6.12-cloud-amd64"),
];

/// Downloads the image that a meta package points at; its real name and the file.
pub fn download(meta: &str, folder: &Path) -> Result<(String, PathBuf)> {
    let image = resolve(meta).or_else(|error| {
        // A fresh machine may have no package lists yet.
        if !sh::is_root() {
            return Err(error);
        }
        println!("{error:#}; running apt-get update");
        sh::output(Command::new("apt-get").args(["update", "-q"]))?;
        resolve(meta)
    })?;
    sh::output(
        Command::new("apt-get")
            .args(["download", "-q", &image])
            .current_dir(folder),
    )?;
    let mut files = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let package = files.find(|path| path.extension().is_some_and(|end| end == "deb"));
    let package = package.with_context(|| format!("apt-get download {image} left no .deb"))?;
    Ok((image, package))
}

/// Exact versions expire, so the real name is asked for each time.
fn resolve(meta: &str) -> Result<String> {
    let text = sh::output(Command::new("apt-cache").args(["depends", meta]))?;
    depended(&text).with_context(|| format!("`apt-cache depends {meta}` names no linux-image"))
}

fn depended(text: &str) -> Option<String> {
    let names = text
        .lines()
        .filter_map(|line| line.trim().trim_start_matches('|').strip_prefix("Depends: "));
    names
        .map(str::trim)
        .find(|name| name.starts_with("linux-image-"))
        .map(str::to_owned)
}

/// Modules that the guest loads, in no order: what the lab builds hosts, bridges, rules, balancers and
/// the kernel's own connections of.
const MODULES: [&str; 27] = [
    "bridge",
    "configfs",
    "ip_vs",
    "ip_vs_rr",
    "libcrc32c",
    "llc",
    "nf_conntrack",
    "nf_defrag_ipv4",
    "nf_defrag_ipv6",
    "nf_reject_ipv4",
    "nf_reject_ipv6",
    "nf_tables",
    "nfnetlink",
    "nft_ct",
    "nft_limit",
    "nft_meta_bridge",
    "nft_reject",
    "nft_reject_bridge",
    "nft_reject_inet",
    "nft_reject_ipv4",
    "nft_reject_ipv6",
    "nvme-fabrics",
    "nvme-tcp",
    "nvmet",
    "nvmet-tcp",
    "stp",
    "veth",
];

/// Takes the kernel out of the package, and the modules into the folder `lib/modules` beside it.
pub fn extract(package: &Path, folder: &Path) -> Result<PathBuf> {
    let mut unpack = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run dpkg-deb")?;
    let stream = unpack.stdout.take().context("dpkg-deb has no stdout")?;
    let tar = Command::new("tar")
        .args(["-x", "--wildcards", "./boot/vmlinuz-*"])
        .args(MODULES.map(|name| format!("*/{name}.ko*")))
        .current_dir(folder)
        .stdin(stream)
        .status()
        .context("cannot run tar")?;
    let unpacked = unpack.wait()?;
    ensure!(
        tar.success() && unpacked.success(),
        "cannot unpack {}",
        package.display()
    );
    let mut files = std::fs::read_dir(folder.join("boot"))?
        .flatten()
        .map(|entry| entry.path());
    files
        .next()
        .with_context(|| format!("{} holds no vmlinuz", package.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_name_follows_depends() {
        let text = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-9-cloud-amd64\n    linux-x\n";
        assert_eq!(depended(text).as_deref(), Some("linux-image-6.1.0-9-cloud-amd64"));
        assert_eq!(depended("linux-image-cloud-amd64\n"), None);
        assert_eq!(depended("a\n  Depends: other\n"), None);
    }
}

//! The Debian packages that the tests need: one table, and the installing of the missing ones after
//! saying so. Removes nothing and upgrades nothing.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::Result;

use crate::sh;

/// A package, the program that shows it is there, and why it is needed.
struct Package {
    name: &'static str,
    probe: &'static str,
    why: &'static str,
}

const PACKAGES: &[Package] = &[
    Package {
        name: "iproute2",
        probe: "ss",
        why: "namespaces of the lab and `ss -K`",
    },
    Package {
        name: "nftables",
        probe: "nft",
        why: "firewall scenarios",
    },
    Package {
        name: "clang-14",
        probe: "clang-14",
        why: "rebuilding the eBPF object byte for byte",
    },
    Package {
        name: "llvm-14",
        probe: "llvm-strip-14",
        why: "stripping DWARF from the eBPF object",
    },
    Package {
        name: "g++",
        probe: "c++",
        why: "libFuzzer, which the fuzz targets are linked with",
    },
    Package {
        name: "qemu-system-x86",
        probe: "qemu-system-x86_64",
        why: "booting the kernel matrix",
    },
    Package {
        name: "busybox-static",
        probe: "busybox",
        why: "userspace of the kernel matrix",
    },
    Package {
        name: "bpftrace",
        probe: "bpftrace",
        why: "the script that stands beside the score",
    },
    Package {
        name: "python3-pip",
        probe: "pip3",
        why: "toxiproxy's own client, which drives `whyreset proxy`",
    },
    Package {
        name: "cpio",
        probe: "cpio",
        why: "packing the initramfs of the kernel matrix",
    },
];

/// Which packages of the lab's software are missing.
fn software() -> Vec<&'static str> {
    let missing = whyreset_lab::packages().filter(|(_, need)| need.probe().is_err());
    once_each(missing.map(|(package, _)| package))
}

/// By name, none twice: the lab and the tests may want the same one.
fn once_each(names: impl IntoIterator<Item = &'static str>) -> Vec<&'static str> {
    names.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

/// How the look for packages ended.
pub enum Readiness {
    /// All were there, or are now.
    Ready,
    /// Some are missing and could not be installed: the reason, with the command to run.
    Missing(String),
}

/// Installs what is missing, if this is the superuser of a Debian machine.
pub fn ensure() -> Result<Readiness> {
    let missing = missing();
    let software = software();
    if missing.is_empty() && software.is_empty() {
        println!("all packages are there");
        return Ok(Readiness::Ready);
    }
    for package in &missing {
        println!("missing: {} ({})", package.name, package.why);
    }
    if !software.is_empty() {
        println!(
            "missing: {} (real programs for the lab; none is started by its installation)",
            software.join(" ")
        );
    }
    let names = once_each(missing.iter().map(|package| package.name).chain(software));
    let by_hand = format!(
        "apt-get update && apt-get install -y --no-install-recommends {}",
        names.join(" ")
    );
    if !sh::is_root() {
        return Ok(Readiness::Missing(format!("not root; run as root: {by_hand}")));
    }
    if sh::find("apt-get").is_none() {
        return Ok(Readiness::Missing(format!(
            "no apt-get here; on Debian: {by_hand}"
        )));
    }
    println!("installing with: {by_hand}");
    sh::run(apt().args(["update", "-q"]))?;
    let install = |names: &[&str]| {
        sh::run(
            apt()
                .args(["install", "-y", "-q", "--no-install-recommends"])
                .args(names),
        )
    };
    if install(&names).is_err() {
        // One package that this Debian lacks must not cost all the others.
        for name in &names {
            if let Err(error) = install(&[name]) {
                println!("not installed: {name}: {error:#}");
            }
        }
    }
    let mut still: Vec<&str> = self::missing().iter().map(|package| package.probe).collect();
    still.extend(self::software());
    if still.is_empty() {
        return Ok(Readiness::Ready);
    }
    Ok(Readiness::Missing(format!(
        "installed, and yet not to be found: {}",
        still.join(", ")
    )))
}

/// The first of these programs that is not here, as a reason to skip a step.
pub fn lacking(programs: &[&str]) -> Option<String> {
    let program = programs.iter().find(|program| sh::find(program).is_none())?;
    let package = PACKAGES.iter().find(|package| package.probe == *program);
    let cure = package.map(|package| format!("; install it with `apt-get install {}`", package.name));
    Some(format!("no {program} here{}", cure.unwrap_or_default()))
}

fn missing() -> Vec<&'static Package> {
    PACKAGES
        .iter()
        .filter(|package| sh::find(package.probe).is_none())
        .collect()
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    // Installing a server is no reason to run it: neither systemd nor sysv-rc may start one.
    command.env("SYSTEMD_OFFLINE", "1").env("RUNLEVEL", "1");
    command
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_package_is_asked_for_once() {
        let names = ["nftables", "curl", "nftables", "bash", "curl"];
        assert_eq!(super::once_each(names), ["bash", "curl", "nftables"]);
    }
}

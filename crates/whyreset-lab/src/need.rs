//! What a scenario needs of the machine, and why it cannot run where that is missing. Refuses to
//! install or change anything.

use std::path::Path;
use std::sync::OnceLock;

use socket2::{Domain, Protocol, Socket, Type};

use crate::cgroup;

/// Something that may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A program in the path, and the Debian package that brings it.
    Program(&'static str, &'static str),
    /// MPTCP sockets.
    Mptcp,
    /// A memory control group.
    MemoryGroup,
    /// Network namespaces.
    Namespaces,
    /// Something that no lab may touch; says what.
    Never(&'static str),
}

impl Need {
    /// Why it is missing here.
    pub fn probe(self) -> Result<(), String> {
        match self {
            Self::Program(name, package) => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let found = std::env::split_paths(&path)
                    .chain(["/usr/sbin", "/sbin"].map(Into::into))
                    .any(|folder: std::path::PathBuf| folder.join(name).is_file());
                found
                    .then_some(())
                    .ok_or_else(|| format!("`{name}` is not installed: apt install {package}"))
            }
            Self::Mptcp => Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP))
                .map(|_| ())
                .map_err(|error| format!("no MPTCP sockets here (sysctl net.mptcp.enabled): {error}")),
            Self::MemoryGroup => cgroup::probe(),
            Self::Namespaces => namespaces(),
            Self::Never(why) => Err(why.to_owned()),
        }
    }
}

fn namespaces() -> Result<(), String> {
    static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
    let ask = || {
        Need::Program("ip", "iproute2").probe()?;
        if !Path::new("/proc/self/ns/net").exists() {
            return Err("this kernel has no network namespaces".to_owned());
        }
        // On a thread of its own: the empty namespace goes when the thread ends.
        std::thread::spawn(crate::sys::unshare_network)
            .join()
            .map_err(|_| "the probe panicked".to_owned())?
            .map_err(|error| format!("cannot make a network namespace ({error}): run as root"))
    };
    ANSWER.get_or_init(ask).clone()
}

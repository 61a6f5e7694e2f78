//! NVMe over TCP, which the kernel speaks by itself at both ends: a target by way of configfs, a host by
//! way of /dev/nvme-fabrics. Refuses to load modules, and to touch
//! entries that no lab has made.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::life;
use crate::netns::Namespace;

const TARGETS: &str = "/sys/kernel/config/nvmet";
const FABRICS: &str = "/dev/nvme-fabrics";

/// The port that is NVMe's over TCP.
pub(crate) const PORT: u16 = 4420;

/// Why the kernel here can be no host, no target, or neither.
pub(crate) fn probe() -> Result<(), String> {
    for (path, what) in [
        (
            "/sys/module/nvme_tcp",
            "no NVMe over TCP host here (modprobe nvme-tcp)",
        ),
        (
            "/sys/module/nvmet_tcp",
            "no NVMe over TCP target here (modprobe nvmet-tcp)",
        ),
        (FABRICS, "no /dev/nvme-fabrics here"),
        (
            TARGETS,
            "configfs is not mounted (mount -t configfs none /sys/kernel/config)",
        ),
    ] {
        if !Path::new(path).exists() {
            return Err(what.to_owned());
        }
    }
    Ok(())
}

/// A target that listens in a namespace, with nothing to give; removed when dropped.
pub(crate) struct Target {
    name: String,
    port: PathBuf,
}

impl Target {
    /// Has the kernel listen at `address` in `place`.
    pub(crate) fn new(place: &Namespace, address: SocketAddr) -> anyhow::Result<Self> {
        let (name, number) = life::fresh_name();
        let number = std::process::id().wrapping_add(number) % 60_000 + 1;
        let target = Self {
            port: Path::new(TARGETS).join("ports").join(number.to_string()),
            name,
        };
        let subsystem = target.subsystem();
        make(&subsystem)?;
        put(&subsystem.join("attr_allow_any_host"), "1")?;
        make(&target.port)?;
        let family = match address.ip() {
            IpAddr::V4(_) => "ipv4",
            IpAddr::V6(_) => "ipv6",
        };
        for (key, value) in [
            ("addr_trtype", "tcp"),
            ("addr_adrfam", family),
            ("addr_traddr", &address.ip().to_string()),
            ("addr_trsvcid", &address.port().to_string()),
        ] {
            put(&target.port.join(key), value)?;
        }
        // The socket is made where the calling thread stands.
        let link = target.port.join("subsystems").join(&target.name);
        place.inside(|| {
            symlink(&subsystem, &link).with_context(|| format!("cannot make {}", link.display()))
        })?;
        Ok(target)
    }

    fn subsystem(&self) -> PathBuf {
        Path::new(TARGETS).join("subsystems").join(&self.name)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        remove(&self.port, &self.name);
    }
}

/// Has the kernel connect from `place` to a target at `address`, as `nvme connect` does, and returns when it
/// stands or has failed. A host that loses its target goes by itself.
///
/// # Errors
/// It failed.
pub(crate) fn connect(place: &Namespace, address: SocketAddr) -> anyhow::Result<()> {
    let asked = format!(
        "transport=tcp,traddr={},trsvcid={},nqn=wr-nobody,nr_io_queues=1,ctrl_loss_tmo=0",
        address.ip(),
        address.port()
    );
    place.inside(|| put(Path::new(FABRICS), &asked))
}

fn make(path: &Path) -> anyhow::Result<()> {
    fs::create_dir(path).with_context(|| format!("cannot make {}", path.display()))
}

fn put(path: &Path, value: &str) -> anyhow::Result<()> {
    fs::write(path, value).with_context(|| format!("cannot write {value} to {}", path.display()))
}

/// Takes back what there is of a target; configfs removes attributes with their folder.
fn remove(port: &Path, name: &str) {
    let _ = fs::remove_file(port.join("subsystems").join(name));
    let _ = fs::remove_dir(port);
    let _ = fs::remove_dir(Path::new(TARGETS).join("subsystems").join(name));
}

/// Removes the targets of dead labs.
pub(crate) fn sweep() {
    let below = |path: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let stale = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        name.filter(|name| life::is_stale(name))
    };
    for port in below(&Path::new(TARGETS).join("ports")) {
        for name in below(&port.join("subsystems"))
            .iter()
            .filter_map(|link| stale(link))
        {
            remove(&port, &name);
        }
    }
    for name in below(&Path::new(TARGETS).join("subsystems"))
        .iter()
        .filter_map(|path| stale(path))
    {
        let _ = fs::remove_dir(Path::new(TARGETS).join("subsystems").join(name));
    }
}

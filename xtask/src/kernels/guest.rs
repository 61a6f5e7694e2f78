//! A guest of one program: an initramfs of busybox and the static binary, booted under qemu without
//! disk, network or KVM. KVM is never asked for, because a nested one may hang after the BIOS.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::sh;

const INIT: &str = include_str!("init.sh");
/// From the start of qemu to the guest's own power-off.
const LIMIT: Duration = Duration::from_mins(3);

/// Packs the initramfs; gives its path.
pub fn pack(binary: &Path, folder: &Path) -> Result<PathBuf> {
    let tree = folder.join("tree");
    std::fs::create_dir(&tree)?;
    let busybox = sh::find("busybox").context("no busybox here; `apt-get install busybox-static`")?;
    std::fs::copy(busybox, tree.join("busybox"))?;
    std::fs::copy(binary, tree.join("whyreset"))
        .with_context(|| format!("cannot copy {}", binary.display()))?;
    std::fs::write(tree.join("init"), INIT)?;
    std::fs::set_permissions(tree.join("init"), std::fs::Permissions::from_mode(0o755))?;
    let archive = folder.join("initramfs");
    let mut cpio = Command::new("cpio")
        .args(["--quiet", "-o", "-H", "newc"])
        .current_dir(&tree)
        .stdin(Stdio::piped())
        .stdout(std::fs::File::create(&archive)?)
        .spawn()
        .context("cannot run cpio")?;
    let mut names = cpio.stdin.take().context("cpio has no stdin")?;
    names.write_all(b"init\nbusybox\nwhyreset\n")?;
    drop(names);
    ensure!(cpio.wait()?.success(), "cpio could not pack the initramfs");
    Ok(archive)
}

/// Boots and gives all that the guest wrote to its console.
pub fn boot(kernel: &Path, initramfs: &Path) -> Result<String> {
    let mut qemu = Command::new("qemu-system-x86_64")
        .args([
            "-accel",
            "tcg",
            "-m",
            "512",
            "-smp",
            "1",
            "-nographic",
            "-net",
            "none",
            "-no-reboot",
        ])
        .args(["-append", "console=ttyS0 quiet panic=-1"])
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(initramfs)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .context("cannot run qemu-system-x86_64")?;
    let mut console = qemu.stdout.take().context("qemu has no stdout")?;
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = console.read_to_end(&mut bytes);
        // The firmware clears the screen; ours must not be.
        read.map(|_| String::from_utf8_lossy(&bytes).replace(|c: char| c.is_control() && c != '\n', ""))
    });
    let start = Instant::now();
    let ended = loop {
        if let Some(status) = qemu.try_wait()? {
            break Some(status);
        }
        if start.elapsed() > LIMIT {
            qemu.kill()?;
            qemu.wait()?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let text = reader
        .join()
        .map_err(|_| anyhow::anyhow!("the console's reader failed"))??;
    match ended {
        Some(status) if status.success() => Ok(text),
        Some(status) => bail!("qemu ended with {status}; the console said:\n{text}"),
        None => bail!(
            "no power-off within {} s; the console said:\n{text}",
            LIMIT.as_secs()
        ),
    }
}

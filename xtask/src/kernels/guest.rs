//! A guest: an initramfs of busybox, the static binary, the tools that the lab runs and the modules
//! that they need, booted under qemu without disk, network or KVM. KVM is never asked for, because a nested one may hang after the BIOS.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::sh;

const INIT: &str = include_str!("init.sh");
/// From the start of qemu to the guest's own power-off: some 80 s, and twice that on a busy machine.
const LIMIT: Duration = Duration::from_mins(5);

/// Programs of this machine that the lab runs inside, with the libraries that they load.
const PROGRAMS: [&str; 3] = ["ip", "ipvsadm", "nft"];

/// Packs the initramfs, with the modules found below `modules`; gives its path.
pub fn pack(binary: &Path, modules: &Path, folder: &Path) -> Result<PathBuf> {
    let tree = folder.join("tree");
    std::fs::create_dir_all(tree.join("modules"))?;
    let busybox = sh::find("busybox").context("no busybox here; `apt-get install busybox-static`")?;
    std::fs::copy(busybox, tree.join("busybox"))?;
    std::fs::copy(binary, tree.join("whyreset"))
        .with_context(|| format!("cannot copy {}", binary.display()))?;
    std::fs::write(tree.join("init"), INIT)?;
    std::fs::set_permissions(tree.join("init"), std::fs::Permissions::from_mode(0o755))?;
    for program in PROGRAMS {
        carry(program, &tree)?;
    }
    for module in files(modules)? {
        let name = module.file_name().context("a module has no name")?;
        std::fs::copy(&module, tree.join("modules").join(name))?;
    }
    let archive = folder.join("initramfs");
    let mut cpio = Command::new("cpio")
        .args(["--quiet", "-o", "-H", "newc"])
        .current_dir(&tree)
        .stdin(Stdio::piped())
        .stdout(std::fs::File::create(&archive)?)
        .spawn()
        .context("cannot run cpio")?;
    let mut names = cpio.stdin.take().context("cpio has no stdin")?;
    names.write_all(listed(&tree)?.as_bytes())?;
    drop(names);
    ensure!(cpio.wait()?.success(), "cpio could not pack the initramfs");
    Ok(archive)
}

/// Copies a program into `/bin` of the tree, and its libraries to where it looks for them.
fn carry(program: &str, tree: &Path) -> Result<()> {
    let file = sh::find(program).with_context(|| format!("no {program} here"))?;
    std::fs::create_dir_all(tree.join("bin"))?;
    std::fs::copy(&file, tree.join("bin").join(program))?;
    let said = sh::output(Command::new("ldd").arg(&file))?;
    for library in said.split_whitespace().filter(|word| word.starts_with('/')) {
        let to = tree.join(library.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().context("a library has no folder")?)?;
        std::fs::copy(library, to)?;
    }
    Ok(())
}

/// All files below a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// All that is below the tree, one a line, a folder before what is in it.
fn listed(tree: &Path) -> Result<String> {
    let mut names = std::collections::BTreeSet::new();
    for file in files(tree)? {
        let mut name = file.strip_prefix(tree)?;
        while name != Path::new("") {
            names.insert(name.to_string_lossy().into_owned());
            name = name.parent().unwrap_or(Path::new(""));
        }
    }
    Ok(names.into_iter().map(|name| name + "\n").collect())
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

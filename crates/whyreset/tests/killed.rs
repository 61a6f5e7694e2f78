//! A lab that is killed at any moment leaves nothing: after the next `lab list` there is no
//! namespace, no process in one, no packet-filter table and no file. Refuses to end anything but
//! the lab that it started.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_whyreset");
const MOMENTS: u32 = 20;
/// The kernel takes a namespace down some time after its last process.
const GONE: Duration = Duration::from_secs(20);

#[test]
fn nothing_is_left_of_a_killed_lab() {
    assert!(
        rustix::process::geteuid().is_root(),
        "nothing was killed: run as root, with iproute2 installed"
    );
    let before = Traces::now();
    // From the making of the hosts to the end of the steps, at moments of no pattern.
    let mut seed = 0x9e37_79b9_u32 ^ std::process::id();
    let mut busy = 0;
    for moment in 0..MOMENTS {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let after = Duration::from_millis(u64::from(20 + moment * 130 + (seed >> 24) / 2));
        let mut lab = lab();
        sleep(after);
        let spaces = spaces_of(lab.id());
        busy += u32::from(!spaces.is_empty());
        lab.kill().expect("the lab is our own child");
        lab.wait().expect("the lab is our own child");
        let list = Command::new(PROGRAM)
            .args(["lab", "list"])
            .stdout(Stdio::null())
            .status();
        assert!(list.expect("runs").success());
        let limit = Instant::now() + GONE;
        loop {
            let left = Traces::now().beyond(&before, &spaces);
            if left.is_empty() {
                break;
            }
            assert!(
                Instant::now() < limit,
                "killed after {after:?}, and this is left: {left:?}"
            );
            sleep(Duration::from_millis(50));
        }
    }
    assert!(
        busy > MOMENTS / 2,
        "at {busy} of {MOMENTS} moments only was there anything to leave behind"
    );
}

/// Scenarios of both kinds, as far as they can be played here.
fn lab() -> Child {
    Command::new(PROGRAM)
        .args([
            "lab",
            "run",
            "unread-data",
            "firewall-reject",
            "router-firewall-reject",
            "redis-killed-unread",
        ])
        .args(["--jobs", "4"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("runs")
}

/// Inodes of the network namespaces that this lab has made so far.
fn spaces_of(pid: u32) -> BTreeSet<u64> {
    let mine = format!("wr-{pid}-");
    entries("/run/netns")
        .into_iter()
        .filter(|name| name.starts_with(&mine))
        .filter_map(|name| fs::metadata(Path::new("/run/netns").join(name)).ok())
        .map(|meta| meta.ino())
        .collect()
}

/// What a lab could leave behind.
struct Traces {
    namespaces: BTreeSet<String>,
    files: BTreeSet<String>,
    tables: String,
}

impl Traces {
    fn now() -> Self {
        let tables = Command::new("nft").args(["list", "tables"]).output();
        Self {
            namespaces: entries("/run/netns")
                .into_iter()
                .filter(|name| name.starts_with("wr-"))
                .collect(),
            files: ["/tmp", "/run", "/var/log", "/run/lab"]
                .into_iter()
                .flat_map(entries)
                .collect(),
            tables: tables.map_or(String::new(), |output| {
                String::from_utf8_lossy(&output.stdout).into_owned()
            }),
        }
    }

    /// What is here now and was not before, and the processes that stand in these namespaces.
    fn beyond(&self, before: &Self, spaces: &BTreeSet<u64>) -> Vec<String> {
        let mut left: Vec<String> = self.namespaces.difference(&before.namespaces).cloned().collect();
        // Others may write to /tmp at the same time: only what bears a lab's name is its own.
        let files = self.files.difference(&before.files);
        left.extend(
            files
                .filter(|name| name.starts_with("wr-") || name.contains("whyreset-lab") || *name == "lab")
                .cloned(),
        );
        if self.tables != before.tables {
            left.push(self.tables.clone());
        }
        for pid in entries("/proc") {
            let path = format!("/proc/{pid}/ns/net");
            if let Ok(meta) = fs::metadata(&path)
                && spaces.contains(&meta.ino())
            {
                left.push(path);
            }
        }
        left
    }
}

fn entries(folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

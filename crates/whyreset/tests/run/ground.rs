//! Runs the built binary as an ordinary user without capabilities, whoever runs the test.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

/// `nobody`.
const NOBODY: u32 = 65_534;
/// Where an ordinary user finds programs.
const FOLDERS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// A folder that everybody may read, with a copy of the program.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("whyreset-run-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.join("whyreset");
    fs::copy(env!("CARGO_BIN_EXE_whyreset"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    folder
});

/// Removes what was made.
pub fn sweep() {
    _ = fs::remove_dir_all(&*FOLDER);
}

/// Whether an ordinary user has this program.
pub fn has(program: &str) -> bool {
    FOLDERS
        .iter()
        .any(|folder| Path::new(folder).join(program).is_file())
}

/// Writes a file that everybody may read; its path.
pub fn script(name: &str, text: &str) -> String {
    let path = FOLDER.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A program as an ordinary user starts it.
pub fn ordinary(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir("/")
        .env("PATH", FOLDERS.join(":"))
        .env("HOME", "/")
        .stdin(Stdio::null());
    if rustix::process::geteuid().is_root() {
        // With the last of the user's numbers go all capabilities.
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// `whyreset run OPTIONS WORDS` as an ordinary user.
pub fn command(options: &[&str], words: &[&str]) -> Command {
    let mut command = ordinary(FOLDER.join("whyreset").to_str().unwrap());
    command.arg("run").args(options).args(words);
    command
}

/// The same as who runs the test.
pub fn privileged(options: &[&str], words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whyreset"));
    command.arg("run").args(options).args(words).stdin(Stdio::null());
    command
}

/// What a run gave.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The failures that it told, one object a line.
    pub fn told(&self) -> Vec<Value> {
        let lines = self.stderr.lines().filter(|line| line.starts_with('{'));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs it to its end.
pub fn finished(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs it to its end as an ordinary user.
pub fn ran(options: &[&str], words: &[&str]) -> Ran {
    finished(command(options, words))
}

//! A process as it is named in a verdict.

use alloc::format;
use alloc::string::String;

use core::fmt;

/// A process that acted on, owned or suffered from a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Thread-group id, in the observer's pid namespace where known.
    pub pid: u32,
    /// `comm` of the task: at most 15 bytes, chosen by the process itself (hostile input).
    pub name: String,
    /// Path of the executable.
    pub exe: Option<String>,
    /// Control group path, from the root of the hierarchy.
    pub cgroup: Option<String>,
    /// systemd unit.
    pub unit: Option<String>,
    /// Container id.
    pub container: Option<String>,
    /// Kubernetes pod uid.
    pub pod: Option<String>,
    /// Whether it was still running when it was looked up.
    pub alive: Option<bool>,
    /// How it was dying, where it was on its way out at the event.
    pub exit: Option<Exit>,
    /// No process: a thread of the kernel, by its name or by the queue that it works for; with pid 0
    /// the kernel itself, in the call of a process.
    pub kernel: bool,
}

impl Process {
    /// A process of which only id and name are known.
    pub fn new(pid: u32, name: impl Into<String>) -> Self {
        Self {
            pid,
            name: name.into(),
            ..Self::default()
        }
    }

    /// A thread of the kernel.
    pub fn of_kernel(pid: u32, name: impl Into<String>) -> Self {
        Self {
            kernel: true,
            ..Self::new(pid, name)
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kernel, self.pid) {
            (true, 0) => f.write_str("the kernel itself"),
            (true, _) => write!(f, "the kernel thread {}", self.name),
            (false, pid) => write!(f, "{}[{pid}]", self.name),
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Killed by this signal number.
    Signal(u8),
    /// Left with this exit code.
    Code(u8),
    /// Killed by the out-of-memory killer.
    OutOfMemory,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(number) => write!(f, "signal {}", signal_name(*number)),
            Self::Code(code) => write!(f, "exit {code}"),
            Self::OutOfMemory => f.write_str("oom"),
        }
    }
}

/// `SIGKILL` for 9; `SIG37` where the number has no name of its own. Numbers are Linux's generic
/// ones (x86, arm, riscv).
pub fn signal_name(number: u8) -> String {
    const NAMES: [&str; 32] = [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
        "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU",
        "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    match NAMES.get(usize::from(number)) {
        Some(name) if !name.is_empty() => format!("SIG{name}"),
        _ => format!("SIG{number}"),
    }
}

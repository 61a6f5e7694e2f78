//! The start of a command that is held until it is watched, and its end. Refuses to know what is
//! told of it.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use rustix::fs::{Access, access};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::signals::{PASSED, Passed};
use crate::tracer::{Event, Follow, Tracer};
use crate::{filter, sys};

/// Why a command could not be run.
#[derive(Debug)]
pub enum Unable {
    /// There is no such program: exit code 127.
    NotFound(String),
    /// It cannot be executed: exit code 126.
    NotExecutable(String),
    /// It could not be started or watched: exit code 125, as env(1) and others have it.
    NotStarted(String),
}

/// A command that is not running yet: a process of its own, waiting.
pub struct Held {
    name: String,
    pid: i32,
    gate: File,
    trouble: File,
}

/// Makes the process. Signals for the command are held back from here on.
///
/// Call it while the program has one thread.
///
/// # Errors
/// No process could be made, or a word holds a NUL.
pub fn hold(words: &[OsString]) -> Result<Held, Unable> {
    let name = words
        .first()
        .map_or_else(String::new, |word| word.to_string_lossy().into_owned());
    let unable = |error: io::Error| Unable::NotStarted(format!("cannot start {name}: {error}"));
    let program = program(words.first().map_or(OsStr::new(""), |word| word))?;
    let words: Vec<CString> = words
        .iter()
        .map(|word| CString::new(word.clone().into_vec()))
        .collect::<Result<_, _>>()
        .map_err(|_| Unable::NotFound(format!("{name}: its name or an argument holds a NUL byte")))?;
    let mask = sys::block(&PASSED).map_err(unable)?;
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|error| unable(error.into()));
    let (waits, gate) = pipe()?;
    let (trouble, fails) = pipe()?;
    let filter = filter::program();
    let pid = sys::fork(
        &program,
        &words,
        &filter,
        mask,
        &Ends {
            waits: &waits,
            gate: &gate,
            fails: &fails,
        },
    )
    .map_err(unable)?;
    Ok(Held {
        name,
        pid,
        gate: gate.into(),
        trouble: trouble.into(),
    })
}

/// Finds the program as a shell does: in the folders of PATH, unless its name holds a slash.
fn program(name: &OsStr) -> Result<CString, Unable> {
    let shown = name.display();
    let whole = |path: PathBuf| {
        CString::new(path.into_os_string().into_vec())
            .map_err(|_| Unable::NotFound(format!("{shown}: its name holds a NUL byte")))
    };
    if name.as_bytes().contains(&b'/') {
        return whole(name.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let files = std::env::split_paths(&path).map(|folder| folder.join(name));
    let mut there = files.filter(|file| !name.is_empty() && file.is_file());
    let first = there.next();
    let good = first
        .iter()
        .cloned()
        .chain(there)
        .find(|file| access(file, Access::EXEC_OK).is_ok());
    match good.or(first) {
        Some(file) => whole(file),
        None => Err(Unable::NotFound(format!(
            "{shown}: no such command in the folders of PATH"
        ))),
    }
}

/// The child's ends of the two pipes, and the one that it must not keep.
pub(crate) struct Ends<'a> {
    /// It reads its start from here.
    pub waits: &'a OwnedFd,
    /// Ours: while it is open in the child, the end of this program would not be seen there.
    pub gate: &'a OwnedFd,
    /// It writes its trouble here.
    pub fails: &'a OwnedFd,
}

impl Held {
    /// The process of the command.
    pub const fn pid(&self) -> u32 {
        self.pid.unsigned_abs()
    }

    /// Lets it run, and follows it to its end. Gives its exit code, 128 and the signal's number where
    /// a signal ended it.
    ///
    /// # Errors
    /// It could not be found, executed or watched.
    pub fn run(mut self, follow: Follow, tell: &mut dyn FnMut(Event)) -> Result<u8, Unable> {
        let name = std::mem::take(&mut self.name);
        let gone = |error: io::Error| Unable::NotStarted(format!("cannot follow {name}: {error}"));
        if let Err(error) = sys::seize(self.pid, follow.options()) {
            sys::kill(self.pid, libc::SIGKILL);
            return Err(Unable::NotStarted(format!(
                "cannot watch {name}: ptrace says {error}; another tracer or a sandbox forbids it (kernel.yama.ptrace_scope=3, a \
                 container's seccomp profile)"
            )));
        }
        let passed = Passed::default();
        passed.start(self.pid);
        let word = [u8::from(follow != Follow::Tree)];
        self.gate.write_all(&word).map_err(gone)?;
        drop(self.gate);
        let status = Tracer::new(follow, self.pid, passed, tell).run().map_err(gone)?;
        let mut number = [0; 4];
        if self.trouble.read_exact(&mut number).is_ok() {
            return Err(refused(&name, i32::from_ne_bytes(number), status));
        }
        let code = if libc::WIFSIGNALED(status) {
            128 + libc::WTERMSIG(status)
        } else {
            libc::WEXITSTATUS(status)
        };
        Ok(u8::try_from(code).unwrap_or(u8::MAX))
    }
}

/// What the child wrote before it gave up.
fn refused(name: &str, number: i32, status: i32) -> Unable {
    let error = io::Error::from_raw_os_error(number);
    if libc::WEXITSTATUS(status) == 125 {
        return Unable::NotStarted(format!(
            "cannot watch {name}: the kernel refuses a seccomp filter ({error}); `whyreset probe` and `whyreset explain` need none"
        ));
    }
    match number {
        libc::ENOENT | libc::ENOTDIR => Unable::NotFound(format!("{name}: no such command ({error})")),
        _ => Unable::NotExecutable(format!("{name}: cannot be executed ({error})")),
    }
}

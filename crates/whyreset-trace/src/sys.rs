//! ptrace, the start of a command that is held until it is watched, and the waiting for signals:
//! calls for which no safe wrapper exists. Refuses to hold anything else.
#![expect(unsafe_code, reason = "kernel interfaces without a safe wrapper")]

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::AsRawFd as _;

use crate::run::Ends;

/// One instruction of a classic BPF program.
pub(crate) type Instruction = libc::sock_filter;

/// Requests of ptrace(2), the same on every architecture (linux/ptrace.h).
const PTRACE_CONT: libc::c_long = 7;
const PTRACE_SYSCALL: libc::c_long = 24;
const PTRACE_GETEVENTMSG: libc::c_long = 0x4201;
const PTRACE_GETSIGINFO: libc::c_long = 0x4202;
const PTRACE_SEIZE: libc::c_long = 0x4206;
const PTRACE_LISTEN: libc::c_long = 0x4208;
const PTRACE_GET_SYSCALL_INFO: libc::c_long = 0x420e;

/// The signal mask as it was.
#[derive(Clone, Copy)]
pub struct Mask(libc::sigset_t);

/// Blocks these signals in this thread and those started later.
pub(crate) fn block(signals: &[i32]) -> io::Result<Mask> {
    // SAFETY: all-zero is a valid `sigset_t` to write to; the calls only write the sets given.
    let (result, old) = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for &signal in signals {
            libc::sigaddset(&raw mut set, signal);
        }
        (
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut old),
            old,
        )
    };
    if result == 0 {
        Ok(Mask(old))
    } else {
        Err(io::Error::from_raw_os_error(result))
    }
}

/// A signal that was sent to this program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signal {
    pub number: i32,
    /// Another process sent it, and not the kernel (a terminal's key).
    pub by_process: bool,
    pub sender: i32,
}

/// Waits for one of these signals, which must be blocked.
pub(crate) fn next_signal(signals: &[i32]) -> io::Result<Signal> {
    // SAFETY: the sets and the information are live and all-zero is valid for both.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for &signal in signals {
            libc::sigaddset(&raw mut set, signal);
        }
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let number = libc::sigwaitinfo(&raw const set, &raw mut info);
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        let by_process = info.si_code <= 0;
        Ok(Signal {
            number,
            by_process,
            sender: if by_process { info.si_pid() } else { 0 },
        })
    }
}

/// A pointer to be read by the child alone.
fn pointers(words: &[CString]) -> Vec<*const libc::c_char> {
    words
        .iter()
        .map(|word| word.as_ptr())
        .chain([std::ptr::null()])
        .collect()
}

/// Starts a process that waits for one byte: 1 lets it put the filter on, any other not. Then it
/// becomes the command. Where it cannot, it writes the error's number.
///
/// All descriptors must be such that exec closes them.
pub(crate) fn fork(
    program: &CStr,
    words: &[CString],
    filter: &[Instruction],
    mask: Mask,
    ends: &Ends<'_>,
) -> io::Result<i32> {
    let argv = pointers(words);
    let filter = libc::sock_fprog {
        len: u16::try_from(filter.len()).unwrap_or(0),
        filter: filter.as_ptr().cast_mut(),
    };
    let (waits, gate, trouble) = (
        ends.waits.as_raw_fd(),
        ends.gate.as_raw_fd(),
        ends.fails.as_raw_fd(),
    );
    // SAFETY: between fork and exec the child makes calls alone that are safe after a signal
    // (signal(7)), and reads memory that was written before: it allocates and locks nothing.
    let pid = unsafe { libc::fork() };
    if pid != 0 {
        return if pid < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(pid)
        };
    }
    // SAFETY: as above; every pointer is to live memory of this function or its caller.
    unsafe {
        let fail = |status: i32| -> ! {
            let number = *libc::__errno_location();
            libc::write(trouble, (&raw const number).cast(), size_of::<i32>());
            libc::_exit(status)
        };
        libc::close(gate);
        let mut word = 0_u8;
        loop {
            match libc::read(waits, (&raw mut word).cast(), 1) {
                1 => break,
                -1 if *libc::__errno_location() == libc::EINTR => {}
                _ => libc::_exit(127),
            }
        }
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask.0, std::ptr::null_mut());
        if word == 1 {
            let (on, none): (libc::c_ulong, libc::c_ulong) = (1, 0);
            if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, on, none, none, none) != 0
                || libc::syscall(
                    libc::SYS_seccomp,
                    libc::c_long::from(libc::SECCOMP_SET_MODE_FILTER.cast_signed()),
                    0_i64,
                    &raw const filter,
                ) != 0
            {
                fail(125);
            }
        }
        libc::execv(program.as_ptr(), argv.as_ptr());
        fail(127)
    }
}

fn ptrace(
    request: libc::c_long,
    pid: i32,
    address: libc::c_long,
    data: libc::c_long,
) -> io::Result<libc::c_long> {
    // SAFETY: `address` and `data` are numbers, or point at live memory as the request's caller
    // below says; the kernel checks the rest.
    let result = unsafe { libc::syscall(libc::SYS_ptrace, request, libc::c_long::from(pid), address, data) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Becomes the tracer of a process without stopping it.
pub(crate) fn seize(pid: i32, options: i32) -> io::Result<()> {
    ptrace(PTRACE_SEIZE, pid, 0, options.into()).map(drop)
}

/// Lets a stopped thread go on, with this signal; with `calls` it stops at the next system call.
pub(crate) fn resume(tid: i32, signal: i32, calls: bool) -> io::Result<()> {
    let request = if calls { PTRACE_SYSCALL } else { PTRACE_CONT };
    ptrace(request, tid, 0, signal.into()).map(drop)
}

/// Leaves a thread of a stopped group stopped, until something is to tell of it.
pub(crate) fn listen(tid: i32) -> io::Result<()> {
    ptrace(PTRACE_LISTEN, tid, 0, 0).map(drop)
}

/// The number that belongs to an event: the new process, or the status at exit.
pub(crate) fn event_message(tid: i32) -> io::Result<u64> {
    let mut message: libc::c_ulong = 0;
    let address = &raw mut message;
    ptrace(
        PTRACE_GETEVENTMSG,
        tid,
        0,
        address.expose_provenance().cast_signed() as libc::c_long,
    )?;
    Ok(message)
}

/// Who sent the signal that a thread is about to get; 0 where the kernel did.
pub(crate) fn signal_sender(tid: i32) -> io::Result<i32> {
    // SAFETY: all-zero is a valid `siginfo_t`.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let address = &raw mut info;
    ptrace(
        PTRACE_GETSIGINFO,
        tid,
        0,
        address.expose_provenance().cast_signed() as libc::c_long,
    )?;
    if info.si_code > 0 {
        return Ok(0);
    }
    // SAFETY: the kernel filled it in; for what a process sent it holds the sender.
    Ok(unsafe { info.si_pid() })
}

/// The call at which a thread stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallStop {
    /// About to be made, or told by the filter.
    Entry {
        number: i64,
        args: [u64; 6],
    },
    /// Made, with this result.
    Exit(i64),
    Other,
}

/// Asks at which call a thread stands (Linux 5.3).
pub(crate) fn call(tid: i32) -> io::Result<CallStop> {
    // struct ptrace_syscall_info: op and arch, ip, sp, then what belongs to the op.
    let mut words = [0_u64; 12];
    let size = libc::c_long::try_from(size_of_val(&words)).unwrap_or(0);
    let address = words.as_mut_ptr().expose_provenance().cast_signed() as libc::c_long;
    ptrace(PTRACE_GET_SYSCALL_INFO, tid, size, address)?;
    Ok(match words[0] & 0xff {
        1 | 3 => CallStop::Entry {
            number: words[3].cast_signed(),
            args: [words[4], words[5], words[6], words[7], words[8], words[9]],
        },
        2 => CallStop::Exit(words[3].cast_signed()),
        _ => CallStop::Other,
    })
}

/// Reads memory of another process into `bytes`; how many there are.
pub(crate) fn read_memory(pid: i32, address: u64, bytes: &mut [u8]) -> usize {
    let local = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let remote = libc::iovec {
        iov_base: std::ptr::with_exposed_provenance_mut(usize::try_from(address).unwrap_or(0)),
        iov_len: bytes.len(),
    };
    // SAFETY: the first vector is one live buffer, which alone is written to; the second is an address
    // of the other process, which the kernel checks.
    let read = unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(read).unwrap_or(0)
}

/// Waits until any child or tracee stops or ends.
pub(crate) fn wait() -> io::Result<(i32, i32)> {
    match waitpid(0)? {
        Some(found) => Ok(found),
        None => Err(io::Error::from_raw_os_error(libc::EINTR)),
    }
}

/// The same without waiting; `None` where there is none.
pub(crate) fn poll() -> io::Result<Option<(i32, i32)>> {
    waitpid(libc::WNOHANG)
}

fn waitpid(options: i32) -> io::Result<Option<(i32, i32)>> {
    let mut status = 0;
    // SAFETY: the pointer is to a live integer.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | options) };
    match pid {
        ..0 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        1.. => Ok(Some((pid, status))),
    }
}

/// Sends a signal; whether it could be sent does not matter to who only passes it on.
pub(crate) fn kill(pid: i32, signal: i32) {
    // SAFETY: two numbers.
    unsafe { libc::kill(pid, signal) };
}

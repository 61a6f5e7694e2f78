//! The two calls for which no safe wrapper is at hand: waiting for a child together with what it
//! used, and a file mapped into memory. Refuses to hold anything else.
#![expect(unsafe_code, reason = "kernel interfaces without a safe wrapper")]

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::ptr;
use std::time::Duration;

use rustix::mm::{Advice, MapFlags, ProtFlags};

/// What a child used, as the kernel counted it.
pub struct Used {
    /// Processor time, user and system together.
    pub cpu: Duration,
    /// The most memory that was resident at once, KiB.
    pub resident_kib: u64,
    /// Bytes that had to come from the disk.
    pub disk: u64,
}

/// Waits for the child's end.
pub fn wait(child: Child) -> io::Result<(ExitStatus, Used)> {
    let pid = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are to live locals of the types that wait4 writes, and the pid is
        // of our own child, which nobody has waited for: `Child` is taken by value.
        let got = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
        if got == pid {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    drop(child);
    // SAFETY: zeroed is a valid rusage, which is integers alone, and wait4 has filled it.
    let usage = unsafe { usage.assume_init() };
    let positive = |value: i64| u64::try_from(value).unwrap_or(0);
    let span = |time: libc::timeval| {
        Duration::from_secs(positive(time.tv_sec)) + Duration::from_micros(positive(time.tv_usec))
    };
    let used = Used {
        cpu: span(usage.ru_utime) + span(usage.ru_stime),
        resident_kib: positive(usage.ru_maxrss),
        disk: positive(usage.ru_inblock) * 512,
    };
    Ok((ExitStatus::from_raw(status), used))
}

/// A file's bytes, mapped for reading from the first to the last.
pub struct Mapped {
    start: *mut core::ffi::c_void,
    length: usize,
}

impl Mapped {
    /// Maps the whole of it, which must not be cut while it is read.
    pub fn new(file: &File) -> io::Result<Self> {
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        // SAFETY: no address is asked for, so nothing that is mapped already can be replaced.
        let start = unsafe {
            rustix::mm::mmap(
                ptr::null_mut(),
                length,
                ProtFlags::READ,
                MapFlags::PRIVATE,
                file,
                0,
            )
        }?;
        // SAFETY: the range is the one just mapped, and this advice leaves its content alone.
        unsafe { rustix::mm::madvise(start, length, Advice::Sequential) }?;
        Ok(Self { start, length })
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: mapped readable for this length until the drop, and the captures of the benchmark
        // are written by nobody any more when they are read.
        unsafe { std::slice::from_raw_parts(self.start.cast(), self.length) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the range of `new`; no slice of it outlives `self`.
        _ = unsafe { rustix::mm::munmap(self.start, self.length) };
    }
}

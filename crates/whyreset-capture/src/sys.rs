//! A file as memory, and what to do when the file becomes shorter under it: the kernel then sends
//! SIGBUS to whoever reads the lost part, and the program would die of it. Instead zeros appear there,
//! and [`Map::is_whole`] says so. Refuses to answer for any other SIGBUS: that takes its usual course.
#![expect(
    unsafe_code,
    reason = "mapping a file, and outliving the loss of a part of it, have no safe wrapper"
)]

use std::fs::File;
use std::io;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use memmap2::{Advice, Mmap};
use rustix::io::ReadWriteFlags;

/// Files that are mapped at once at most.
const MOST: usize = 16;

/// The place of a map, for the signal handler, which can take no lock.
struct Range {
    taken: AtomicBool,
    start: AtomicUsize,
    /// 0 where there is none.
    end: AtomicUsize,
    lost: AtomicBool,
}

static RANGES: [Range; MOST] = [const {
    Range {
        taken: AtomicBool::new(false),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        lost: AtomicBool::new(false),
    }
}; MOST];

/// What SIGBUS did before, and the size of a page.
static BEFORE: OnceLock<Option<(libc::sigaction, usize)>> = OnceLock::new();

/// A file's bytes.
pub(crate) struct Map {
    pages: Mmap,
    file: File,
    range: &'static Range,
}

impl Map {
    /// Maps the whole of a regular file. An error is no more than a reason to read it instead.
    pub fn new(file: File) -> io::Result<Self> {
        BEFORE
            .get_or_init(listen)
            .ok_or_else(|| io::Error::other("SIGBUS cannot be listened to"))?;
        let range = RANGES
            .iter()
            .find(|range| !range.taken.swap(true, Ordering::AcqRel))
            .ok_or_else(|| io::Error::other("too many files are mapped"))?;
        // SAFETY: the map is private and never written. Should the file be cut, zeros take the place
        // of what was lost; whoever writes into it meanwhile changes bytes that are only ever copied
        // out or compared, as with every program that maps what others can write.
        let mapped =
            unsafe { Mmap::map(&file) }.inspect_err(|_| range.taken.store(false, Ordering::Release))?;
        let start = mapped.as_ptr().addr();
        range.lost.store(false, Ordering::Relaxed);
        range.start.store(start, Ordering::Relaxed);
        range.end.store(start + mapped.len(), Ordering::Release);
        // Only a wish: what is refused costs time alone.
        drop(mapped.advise(Advice::Sequential));
        Ok(Self {
            pages: mapped,
            file,
            range,
        })
    }

    /// The bytes; zeros where the file has none any more.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.pages
    }

    /// Whether the kernel has the file in memory, as far as some places of it tell. Where the file system
    /// does not say, it is taken for one that has to be waited for.
    pub fn is_cached(&self) -> bool {
        /// Places that are asked for.
        const PLACES: u64 = 64;
        let step = self.pages.len() as u64 / PLACES;
        (0..PLACES).all(|nth| {
            let mut byte = [0];
            let into = &mut [io::IoSliceMut::new(&mut byte)];
            let read = rustix::io::preadv2(&self.file, into, nth * step, ReadWriteFlags::NOWAIT);
            read.is_ok()
        })
    }

    /// Whether the file is as long as it was, and nothing was lost while it was read.
    pub fn is_whole(&self) -> bool {
        let long = self
            .file
            .metadata()
            .is_ok_and(|now| now.len() >= self.pages.len() as u64);
        long && !self.range.lost.load(Ordering::Acquire)
    }
}

/// Asks for what these bytes begin with: the memory of a header, which may be in two lines.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn prefetch(bytes: &[u8]) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    let start = bytes.as_ptr().cast::<i8>();
    for line in [0, 64] {
        // SAFETY: nothing is read, and an address that nothing is mapped at is no fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line)) };
    }
}

/// Where no such wish can be told, memory is waited for.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(crate) const fn prefetch(_: &[u8]) {}

impl Drop for Map {
    fn drop(&mut self) {
        self.range.end.store(0, Ordering::Release);
        self.range.taken.store(false, Ordering::Release);
    }
}

/// Has SIGBUS told to [`on_bus`]; `None` where the kernel refuses.
fn listen() -> Option<(libc::sigaction, usize)> {
    // SAFETY: asks for a number.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
    // SAFETY: zeros are a valid sigaction: integers, and a pointer that may be null.
    let (mut new, mut old): (libc::sigaction, libc::sigaction) = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_bus;
    new.sa_sigaction = handler as libc::sighandler_t;
    new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: both point to live structures, and the handler does only what a handler may do.
    let done = unsafe { libc::sigaction(libc::SIGBUS, &raw const new, &raw mut old) };
    (done == 0).then_some((old, page))
}

/// Puts zeros where a mapped file has lost its bytes. May interrupt anything: takes no lock, allocates
/// nothing, leaves errno as it was.
extern "C" fn on_bus(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel gives a valid siginfo to a handler that was set with SA_SIGINFO, and with
    // these codes an address in it.
    let address = unsafe {
        let from_kernel = (*info).si_code > 0;
        from_kernel.then(|| (*info).si_addr().addr())
    };
    let before = BEFORE.get().and_then(Option::as_ref);
    if let (Some(address), Some((_, page))) = (address, before)
        && RANGES.iter().any(|range| give_zeros(range, address, *page))
    {
        return;
    }
    // SAFETY: what was set before is set again and called for: the pointer is to a static, or to
    // nothing, which is the default.
    unsafe {
        match before {
            Some((old, _)) => _ = libc::sigaction(libc::SIGBUS, &raw const *old, ptr::null_mut()),
            None => _ = libc::signal(libc::SIGBUS, libc::SIG_DFL),
        }
        libc::raise(libc::SIGBUS);
    }
}

/// Whether the address is in this map, and zeros are there now and in all that follows.
fn give_zeros(range: &Range, address: usize, page: usize) -> bool {
    let end = range.end.load(Ordering::Acquire);
    if !(range.start.load(Ordering::Relaxed)..end).contains(&address) {
        return false;
    }
    let from = address / page * page;
    // SAFETY: replaces pages of a map that is ours, alive and read-only, from the lost one to its last,
    // by others that can be read just so. errno is this thread's own.
    unsafe {
        let errno = libc::__errno_location();
        let kept = *errno;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        let place = ptr::with_exposed_provenance_mut(from);
        let zeros = libc::mmap(
            place,
            end.next_multiple_of(page) - from,
            libc::PROT_READ,
            flags,
            -1,
            0,
        );
        *errno = kept;
        if zeros == libc::MAP_FAILED {
            return false;
        }
    }
    range.lost.store(true, Ordering::Release);
    true
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::Map;

    #[test]
    fn a_file_that_is_cut_leaves_zeros() {
        let mut file = tempfile::tempfile().expect("a place for files");
        file.write_all(&vec![7; 64 << 10]).expect("room for a few pages");
        let map = Map::new(file.try_clone().expect("a second handle")).expect("a map");
        assert!(map.is_whole());
        assert_eq!(map.bytes()[40 << 10], 7);
        file.set_len(8 << 10).expect("files can be cut");
        assert!(!map.is_whole(), "its length tells");
        assert_eq!(map.bytes()[4 << 10], 7, "what is left is left");
        assert_eq!(map.bytes()[40 << 10], 0, "what is lost is zero, and nobody dies");
        file.set_len(64 << 10).expect("files can grow");
        assert!(!map.is_whole(), "what was lost once is lost");
    }
}

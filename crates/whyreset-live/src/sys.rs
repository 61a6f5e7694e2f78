//! The one place of this crate where the compiler cannot check: a call into the C library.

/// Gives the memory that reading BTF took back to the system, so that the watcher stays small.
pub fn return_free_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim takes no pointer and may be called at any time from any thread.
    #[expect(unsafe_code, reason = "there is no safe binding of malloc_trim")]
    unsafe {
        libc::malloc_trim(0);
    }
}

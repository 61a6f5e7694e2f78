//! What the process settles about itself before anything else runs. Refuses to leave a trace of it in the
//! environment, which the commands that are run inherit.
#![expect(unsafe_code, reason = "the environment has no safe way to be changed")]

use std::backtrace::Backtrace;
use std::env::{remove_var, set_var, var_os};

/// Keeps errors from looking for a backtrace whatever RUST_BACKTRACE says: nobody is shown one, and the
/// static program has no index of unwind tables, without which looking ends it before it says a word.
pub fn forgo_backtraces() {
    const NAME: &str = "RUST_LIB_BACKTRACE";
    let before = var_os(NAME);
    // SAFETY: no other thread has been started that could read the environment meanwhile.
    unsafe { set_var(NAME, "0") };
    // What it says is asked for once and kept.
    drop(Backtrace::capture());
    // SAFETY: as above.
    unsafe {
        match before {
            Some(value) => set_var(NAME, value),
            None => remove_var(NAME),
        }
    }
}

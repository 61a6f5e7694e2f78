//! The progress bar of a long read, on a terminal only. Refuses to be seen where output is piped.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use whyreset_capture::Reader;

/// Shows bytes, rate and time left.
pub struct Progress {
    bar: ProgressBar,
    /// Bytes of passes that are over.
    before: AtomicU64,
    last: AtomicU64,
    calls: AtomicU64,
}

impl Progress {
    /// On standard error where that is a terminal.
    pub fn shown() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::none();
        }
        Self::with(ProgressBar::with_draw_target(
            None,
            ProgressDrawTarget::stderr_with_hz(5),
        ))
    }

    /// Nowhere.
    pub fn none() -> Self {
        Self::with(ProgressBar::hidden())
    }

    const fn with(bar: ProgressBar) -> Self {
        Self {
            bar,
            before: AtomicU64::new(0),
            last: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        }
    }

    /// So many bytes are to be read, where that is known.
    pub fn begin(&self, total: Option<u64>) {
        if let Some(total) = total {
            self.bar.set_length(total);
            let template = "{bar:32} {bytes} of {total_bytes}  {binary_bytes_per_sec}  {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.bar.set_style(style);
            }
        }
    }

    /// The reader has come so far. Looks only now and then.
    pub fn look(&self, reader: &Reader) {
        self.reach(|| reader.progress().bytes_read);
    }

    /// So many bytes are read. Looks only now and then.
    pub fn reach(&self, read: impl FnOnce() -> u64) {
        /// Calls between two looks.
        const LOOK: u64 = 1 << 14;
        if self.bar.is_hidden() || !self.calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK) {
            return;
        }
        self.step(read());
    }

    /// So many bytes are read. Looks each time.
    pub fn step(&self, read: u64) {
        if self.bar.is_hidden() {
            return;
        }
        // A reader that begins anew is the next pass.
        let last = self.last.swap(read, Ordering::Relaxed);
        if read < last {
            self.before.fetch_add(last, Ordering::Relaxed);
        }
        self.bar.set_position(self.before.load(Ordering::Relaxed) + read);
    }

    /// So many more bytes are read, by whichever thread.
    pub fn more(&self, bytes: u64) {
        if self.bar.is_hidden() {
            return;
        }
        let read = self.last.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.bar.set_position(self.before.load(Ordering::Relaxed) + read);
    }

    /// Takes it off the screen.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

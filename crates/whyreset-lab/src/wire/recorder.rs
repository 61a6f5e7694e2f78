//! Records what arrives at an interface on a thread of its own. Refuses to grow without bound: of
//! a long run the last frames are kept, and the first bytes of each.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};

use super::{Frame, Tap};

/// Frames that are kept.
const FRAMES: usize = 4096;
/// Bytes of a payload that are kept.
const PAYLOAD: usize = 64;

/// A recording that goes on.
pub struct Recorder {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<anyhow::Result<VecDeque<Frame>>>,
}

impl Recorder {
    /// Begins with what arrives at an interface of the calling thread's network namespace.
    pub fn arriving(interface: &str) -> anyhow::Result<Self> {
        Self::start(Tap::open(interface))
    }

    /// Begins with what arrives and what is sent.
    pub fn both_ways(interface: &str) -> anyhow::Result<Self> {
        Self::start(Tap::open_both_ways(interface))
    }

    fn start(tap: io::Result<Tap>) -> anyhow::Result<Self> {
        let mut tap = tap.context("cannot open a packet socket (CAP_NET_RAW needed)")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut frames = VecDeque::new();
            while !stopped.load(Ordering::Relaxed) {
                if let Some(mut frame) = tap.next(Duration::from_millis(50))? {
                    frame.segment.payload.truncate(PAYLOAD);
                    if frames.len() == FRAMES {
                        frames.pop_front();
                    }
                    frames.push_back(frame);
                }
            }
            Ok(frames)
        });
        Ok(Self { stop, thread })
    }

    /// Ends it; the frames in the order in which they came.
    pub fn stop(self) -> anyhow::Result<Vec<Frame>> {
        self.stop.store(true, Ordering::Relaxed);
        let frames = self
            .thread
            .join()
            .map_err(|_| anyhow!("the recorder panicked"))??;
        Ok(frames.into())
    }
}

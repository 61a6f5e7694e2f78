//! The resets of several threads on their way to the one who takes them, who is asked by one thread at a
//! time. Refuses to let a thread wait for another one while there is room for its resets.

use std::sync::Mutex;

use whyreset_flow::Told;

use super::follow::Deliver;

/// Who takes the resets of all threads, one thread after the other.
pub struct Taker<'a, 'b> {
    deliver: &'a mut Deliver<'b>,
    go_on: bool,
}

/// One thread's resets on their way to the taker.
pub struct Queue<'a, 'b, 'c> {
    taker: &'a Mutex<Taker<'b, 'c>>,
    waiting: Vec<Told>,
}

impl<'a, 'b, 'c> Queue<'a, 'b, 'c> {
    /// Resets that are handed over together when nobody else is there, and that wait at most where somebody
    /// is.
    const TOGETHER: usize = 64;
    const MOST: usize = 4096;

    /// With nothing in it.
    pub const fn new(taker: &'a Mutex<Taker<'b, 'c>>) -> Self {
        Self {
            taker,
            waiting: Vec::new(),
        }
    }

    /// Takes one; `false` when nobody wants more.
    pub fn push(&mut self, told: Told) -> bool {
        self.waiting.push(told);
        match self.waiting.len() {
            0..Self::TOGETHER => true,
            Self::TOGETHER..Self::MOST => match self.taker.try_lock() {
                Ok(mut taker) => taker.take(&mut self.waiting),
                Err(_) => true,
            },
            _ => self.finish(),
        }
    }

    /// Hands over all that wait.
    pub fn finish(&mut self) -> bool {
        // Where another thread broke down there, its end is told in any case.
        let Ok(mut taker) = self.taker.lock() else {
            return false;
        };
        taker.take(&mut self.waiting)
    }
}

impl<'a, 'b> Taker<'a, 'b> {
    /// Who gives each to `deliver`, while that wants more.
    pub const fn new(deliver: &'a mut Deliver<'b>) -> Self {
        Self { deliver, go_on: true }
    }

    fn take(&mut self, waiting: &mut Vec<Told>) -> bool {
        for told in waiting.drain(..) {
            self.go_on = self.go_on && (self.deliver)(told);
        }
        self.go_on
    }
}

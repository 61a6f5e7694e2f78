//! The kernel's clocks to time as data: `CLOCK_MONOTONIC` to UTC, jiffies to milliseconds.

use rustix::time::{ClockId, clock_gettime};
use whyreset_evidence::Timestamp;

/// Tick rates that Linux is built with.
const RATES: [u64; 5] = [100, 250, 300, 1000, 1024];

/// Converts the times of one drain.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// UTC minus monotonic, ns. Signed: a host may believe that it is before 1970.
    offset: i128,
}

fn nanoseconds(id: ClockId) -> i128 {
    let now = clock_gettime(id);
    i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec)
}

impl Clock {
    /// Reads both clocks now: UTC may be stepped at any time.
    pub fn now() -> Self {
        Self {
            offset: nanoseconds(ClockId::Realtime) - nanoseconds(ClockId::Monotonic),
        }
    }

    /// A fixed offset between the clocks, for tests.
    #[cfg(test)]
    pub const fn fixed() -> Self {
        Self {
            offset: 1_795_348_800_000_000_000,
        }
    }

    /// UTC of a `bpf_ktime_get_ns()`.
    pub fn utc(self, ktime: u64) -> Timestamp {
        Timestamp(u64::try_from(self.offset + i128::from(ktime)).unwrap_or(0))
    }
}

/// `CLOCK_MONOTONIC` now, ns.
pub fn monotonic() -> u64 {
    u64::try_from(nanoseconds(ClockId::Monotonic)).unwrap_or(0)
}

/// Ticks a second, from a pair of readings taken at one moment: `jiffies` starts five minutes
/// before its 32-bit wrap (`INITIAL_JIFFIES`) and follows uptime.
pub fn ticks_per_second(jiffies: u64, ktime: u64) -> u64 {
    let expected = |hz: u64| {
        (1u64 << 32)
            .wrapping_sub(300 * hz)
            .wrapping_add(ktime / 1_000_000 * hz / 1_000)
    };
    RATES
        .into_iter()
        .min_by_key(|&hz| expected(hz).abs_diff(jiffies))
        .unwrap_or(250)
}

/// Milliseconds between a stored 32-bit jiffies value and now.
pub fn ago_ms(jiffies: u64, then: u32, hz: u64) -> u64 {
    let low = u32::try_from(jiffies & u64::from(u32::MAX)).unwrap_or(0);
    u64::from(low.wrapping_sub(then)) * 1_000 / hz.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tick_rate_is_found_from_one_pair() {
        for hz in [100, 250, 300, 1000] {
            for uptime in [3, 90, 86_400, 30_000_000] {
                let jiffies = (1u64 << 32) - 300 * hz + uptime * hz;
                assert_eq!(
                    ticks_per_second(jiffies, uptime * 1_000_000_000),
                    hz,
                    "{hz} Hz after {uptime} s"
                );
            }
        }
    }

    #[test]
    fn a_wrap_of_the_counter_is_no_long_silence() {
        assert_eq!(ago_ms((1 << 32) + 5, u32::MAX - 4, 250), 40);
    }
}

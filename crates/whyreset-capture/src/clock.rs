//! Timestamp units of capture files to nanoseconds. Reads no clock.

/// Nanoseconds in a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// The unit of timestamps as if_tsresol writes it: 10^-n seconds, or 2^-n where the top bit is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Resolution(pub u8);

impl Resolution {
    /// Microseconds, the unit where a file names none.
    pub const MICRO: Self = Self(6);
    /// Nanoseconds.
    pub const NANO: Self = Self(9);
}

impl Default for Resolution {
    fn default() -> Self {
        Self::MICRO
    }
}

/// How one interface's timestamps become nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    scale: Scale,
    offset_ns: i128,
}

#[derive(Clone, Copy, Debug)]
enum Scale {
    Times(u64),
    Over(u64),
    Halves(u8),
    /// So fine a unit that 64 bits of it stay below a nanosecond.
    Nothing,
}

impl Clock {
    /// For `resolution`, with `offset` seconds added (if_tsoffset).
    pub fn new(resolution: Resolution, offset: i64) -> Self {
        let exponent = resolution.0 & 0x7f;
        let scale = if resolution.0 & 0x80 != 0 {
            Scale::Halves(exponent)
        } else {
            match exponent {
                0..=9 => Scale::Times(10_u64.pow(9 - u32::from(exponent))),
                10..=28 => Scale::Over(10_u64.pow(u32::from(exponent) - 9)),
                _ => Scale::Nothing,
            }
        };
        Self {
            scale,
            offset_ns: i128::from(offset) * i128::from(SECOND),
        }
    }

    /// Nanoseconds since the epoch, held to 0..=`u64::MAX`.
    #[inline]
    pub fn ns(&self, units: u64) -> u64 {
        let ns = match self.scale {
            Scale::Times(by) if self.offset_ns == 0 => return units.saturating_mul(by),
            Scale::Times(by) => u128::from(units) * u128::from(by),
            Scale::Over(by) => u128::from(units / by),
            Scale::Halves(bits) => (u128::from(units) * u128::from(SECOND)) >> bits,
            Scale::Nothing => 0,
        };
        // Both terms are below 2^95, so the sum cannot overflow.
        let ns = i128::try_from(ns)
            .unwrap_or(i128::MAX)
            .saturating_add(self.offset_ns);
        u64::try_from(ns.max(0)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_and_binary_units() {
        let ns = |resolution, units| Clock::new(Resolution(resolution), 0).ns(units);
        assert_eq!(ns(6, 1_500_000), 1_500_000_000);
        assert_eq!(ns(9, 7), 7);
        assert_eq!(ns(0, 3), 3_000_000_000);
        assert_eq!(ns(12, 7_999), 7);
        assert_eq!(ns(28, u64::MAX), 1);
        assert_eq!(ns(127, u64::MAX), 0);
        assert_eq!(ns(0x80 | 0x0a, 1024 + 512), 1_500_000_000);
        assert_eq!(ns(0x80, 2), 2_000_000_000);
        assert_eq!(ns(0xff, u64::MAX), 0);
    }

    #[test]
    fn offsets_move_and_saturate() {
        assert_eq!(Clock::new(Resolution::MICRO, 10).ns(5), 10_000_005_000);
        assert_eq!(Clock::new(Resolution::MICRO, -1).ns(5), 0);
        assert_eq!(Clock::new(Resolution::MICRO, i64::MIN).ns(u64::MAX), 0);
        assert_eq!(Clock::new(Resolution(0), i64::MAX).ns(u64::MAX), u64::MAX);
        assert_eq!(Clock::new(Resolution(0), 0).ns(u64::MAX), u64::MAX);
    }
}

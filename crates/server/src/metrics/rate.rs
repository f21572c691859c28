//! Requests per second over the last minute: sixty counters, one per second, reused in turn.
//!
//! Writers touch one atomic; a slot that belongs to an older minute is emptied by whoever meets it first. A request
//! counted in the wrong second at the turn is not worth a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// Seconds looked back.
const WINDOW: usize = 60;

/// A rate over the last minute.
pub(super) struct Rate {
    /// Second and count of each slot: upper 32 bits and lower 32 bits.
    slots: [AtomicU64; WINDOW],
}

impl Default for Rate {
    fn default() -> Self {
        Rate {
            slots: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Rate {
    /// Counts one event in `second` (of any clock that does not go back; starts at 0).
    pub(super) fn count(&self, second: u64) {
        let stamp = (second + 1) << 32;
        let add = |old: u64| {
            Some(if old >> 32 == second + 1 {
                old + 1
            } else {
                stamp + 1
            })
        };
        self.slot(second)
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
            .ok();
    }

    /// Events per second in the minute that ends with `second`, which itself is left out as it is not over; divided
    /// by the seconds there were.
    pub(super) fn per_second(&self, second: u64) -> f64 {
        let first = second.saturating_sub(WINDOW as u64 - 1);
        let total: u64 = (first..second).map(|s| self.in_second(s)).sum();
        total as f64 / (second - first).max(1) as f64
    }

    fn in_second(&self, second: u64) -> u64 {
        let slot = self.slot(second).load(Ordering::Relaxed);
        if slot >> 32 == second + 1 {
            slot & 0xffff_ffff
        } else {
            0
        }
    }

    fn slot(&self, second: u64) -> &AtomicU64 {
        let index = usize::try_from(second % WINDOW as u64).unwrap_or(0);
        &self.slots[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_unused_rate_is_zero() {
        assert_eq!(Rate::default().per_second(0), 0.0);
        assert_eq!(Rate::default().per_second(1_000), 0.0);
    }

    #[test]
    fn the_running_second_is_left_out() {
        let rate = Rate::default();
        rate.count(5);
        assert_eq!(rate.per_second(5), 0.0);
        assert_eq!(rate.per_second(6), 1.0 / 6.0);
    }

    proptest! {
        #[test]
        fn it_equals_counting_by_hand(mut seconds in prop::collection::vec(0u64..300, 0..200), now in 300u64..400) {
            seconds.sort_unstable();
            let rate = Rate::default();
            seconds.iter().for_each(|&s| rate.count(s));
            let counted = seconds.iter().filter(|&&s| s + 59 >= now && s < now).count();
            prop_assert!((rate.per_second(now) - counted as f64 / 59.0).abs() < 1e-12);
        }
    }
}

//! How many rows may be made again: so many a second; what a tenth of one gives, and a row, is saved up.
//!
//! Asked by the worker whenever nothing new waits. The decision: whole rows of what time has given, so that a low rate is held,
//! too, and a long pause gives no burst.

use std::time::Instant;

/// What became of the rows that wait to be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remade {
    /// None waits.
    Nothing,
    /// Some were made.
    Some,
    /// Some wait until more may be made.
    Later,
}

/// Rows that may be made now, and since when they have been counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    left: f64,
    since: Instant,
}

impl Allowance {
    /// One row, as of now.
    pub(crate) fn new(now: Instant) -> Allowance {
        Allowance {
            left: 1.0,
            since: now,
        }
    }

    /// Whole rows that may be made now, at `rate` a second.
    pub(crate) fn now(&mut self, rate: u32, now: Instant) -> usize {
        let rate = f64::from(rate);
        let gained = rate * now.saturating_duration_since(self.since).as_secs_f64();
        self.left = (self.left + gained).min(rate / 10.0 + 1.0);
        self.since = now;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small, and what is negative is none"
        )]
        let whole = self.left as usize;
        whole
    }

    /// Counts rows as made.
    pub(crate) fn spend(&mut self, rows: usize) {
        #[expect(clippy::cast_precision_loss, reason = "a batch's size")]
        let rows = rows as f64;
        self.left -= rows;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Rows made in ten seconds by one who asks every so often and takes what there is.
    fn made(rate: u32, every: Duration) -> usize {
        let begun = Instant::now();
        let mut allowance = Allowance::new(begun);
        let (mut at, mut made) = (Duration::ZERO, 0);
        while at < Duration::from_secs(10) {
            let rows = allowance.now(rate, begun + at);
            allowance.spend(rows);
            (made, at) = (made + rows, at + every);
        }
        made
    }

    #[test]
    fn a_rate_is_held_however_often_it_is_asked() {
        for every in [Duration::from_micros(100), Duration::from_millis(50)] {
            for rate in [1, 7, 5000] {
                let (made, most) = (made(rate, every), rate as usize * 10);
                assert!(made.abs_diff(most) <= most / 50 + 1, "{rate} a second: {made}");
            }
        }
    }

    #[test]
    fn a_pause_saves_up_a_tenth_of_a_second_and_one() {
        let begun = Instant::now();
        let mut allowance = Allowance::new(begun);
        assert_eq!(allowance.now(5000, begun + Duration::from_secs(60)), 501);
    }
}

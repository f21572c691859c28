//! Admission: a request is let in or refused before anything is queued for it.
//!
//! The decision here: who is refused is told when to come back, the time a request takes at present; a permit is held
//! to the end of the work, not to the end of the client's patience.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Requests under way, and how long they take.
#[derive(Debug)]
pub(crate) struct Gate {
    permits: usize,
    under_way: AtomicUsize,
    /// Moving average of the time under a permit, microseconds.
    micros: AtomicU64,
}

/// One request under way; gives its place back when dropped.
#[derive(Debug)]
pub struct Permit {
    gate: Arc<Gate>,
    begun: Instant,
}

impl Gate {
    pub(crate) fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            permits,
            under_way: AtomicUsize::new(0),
            micros: AtomicU64::new(0),
        })
    }

    /// A place, or how long to wait before asking again.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Permit, Duration> {
        if self.under_way.fetch_add(1, Ordering::AcqRel) >= self.permits {
            self.under_way.fetch_sub(1, Ordering::AcqRel);
            return Err(self.patience());
        }
        Ok(Permit {
            gate: Arc::clone(self),
            begun: Instant::now(),
        })
    }

    /// Requests under way and permitted.
    pub(crate) fn load(&self) -> (usize, usize) {
        (self.under_way.load(Ordering::Relaxed), self.permits)
    }

    /// At least a millisecond, at most ten seconds.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed).clamp(1_000, 10_000_000))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let took = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let before = self.gate.micros.load(Ordering::Relaxed);
        let after = before - before / 8 + took.min(80_000_000) / 8;
        self.gate.micros.store(after, Ordering::Relaxed);
        self.gate.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let gate = Gate::new(2);
        let first = gate.admit().unwrap();
        let second = gate.admit().unwrap();
        assert!(gate.admit().unwrap_err() >= Duration::from_millis(1));
        assert_eq!(gate.load(), (2, 2), "what was refused is not counted");
        drop(first);
        assert!(gate.admit().is_ok());
        drop(second);
        assert_eq!(gate.load(), (0, 2));
    }

    #[test]
    fn patience_follows_the_time_under_a_permit() {
        let gate = Gate::new(1);
        let mut permit = gate.admit().unwrap();
        permit.begun -= Duration::from_secs(8);
        drop(permit);
        let refused = (gate.admit().unwrap(), gate.admit().unwrap_err());
        assert!(refused.1 >= Duration::from_millis(900), "{refused:?}");
    }
}

//! Memory that is used again: values handed out for the time of some work and taken back after it.
//!
//! The decision here: a list behind a lock rather than one value per thread, because callers score on threads of their
//! own, which come and go.

use std::sync::{Mutex, PoisonError};

/// Values that nobody uses at the moment.
#[derive(Debug, Default)]
pub(crate) struct Spares<T>(Mutex<Vec<T>>);

impl<T: Default> Spares<T> {
    /// Runs `work` with one of the values; after the first requests none is made.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut value = taken.unwrap_or_default();
        let result = work(&mut value);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(value);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_used_again_and_nested_work_gets_another() {
        let spares = Spares::<Vec<u8>>::default();
        spares.with(|outer| {
            outer.push(1);
            spares.with(|inner| assert!(inner.is_empty()));
        });
        let mut lengths = [spares.with(|a| (a.len(), spares.with(|b| b.len())))].map(|(a, b)| a + b);
        lengths.sort_unstable();
        assert_eq!(lengths, [1]);
    }
}

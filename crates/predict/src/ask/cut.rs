//! How many items a task has.
//!
//! The decision here: handing a task to another thread costs about as much as scoring a hundred items with one model,
//! so a task is worth several hundred scores at least; and a deadline is looked at between tasks, so it is worth a few
//! thousand at most. In between, every thread gets two.

/// Fewest scores that are worth a task.
const LEAST: usize = 256;
/// Most scores of one task.
const MOST: usize = 4096;

/// Items per task: as configured, or adapted where that is 0.
pub(super) fn task(configured: usize, items: usize, models: usize, threads: usize) -> usize {
    if configured > 0 {
        return configured;
    }
    let models = models.max(1);
    let share = items.div_ceil(2 * threads.max(1));
    share
        .clamp(
            LEAST.div_ceil(models),
            (MOST / models).max(LEAST.div_ceil(models)),
        )
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_requests_are_one_task_and_large_ones_many() {
        assert!(task(0, 50, 1, 2) >= 50);
        assert_eq!(task(0, 300, 2, 1), 150);
        assert_eq!(task(0, 10_000, 1, 2), 2500);
        assert_eq!(task(2, 8, 4, 2), 2);
    }

    proptest! {
        #[test]
        fn a_task_is_never_empty_nor_endless(items in 0usize..100_000, models in 0usize..100, threads in 0usize..64) {
            let size = task(0, items, models, threads);
            prop_assert!(size >= 1);
            prop_assert!(size * models.max(1) <= MOST + models.max(1));
        }
    }
}

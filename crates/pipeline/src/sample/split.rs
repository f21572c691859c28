//! Which sample goes to which part.
//!
//! All splits are functions of the samples' order and a seed; nothing else. Decision: events of one instant are
//! never cut apart by time, because they were observed together; a cut that would fall inside an instant moves
//! to its nearer border.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::PipelineError;

/// A part of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// What the model learns from.
    Train,
    /// What early stopping and choices look at.
    Valid,
    /// What is reported.
    Test,
}

/// How samples are divided. Fractions are of the samples (of each user's, for the first).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Split {
    /// Each user's last samples by time are the test, those before it the validation. Every user keeps a
    /// training part. This is the default, with a tenth each.
    PerUserTime {
        /// Fraction for validation.
        valid: f64,
        /// Fraction for the test.
        test: f64,
    },
    /// The last samples of all by time are the test. Many of its users were never seen before: the report
    /// counts them as cold.
    GlobalTime {
        /// Fraction for validation.
        valid: f64,
        /// Fraction for the test.
        test: f64,
    },
    /// Samples are drawn without regard to time.
    Random {
        /// Another seed, another draw.
        seed: u64,
        /// Fraction for validation.
        valid: f64,
        /// Fraction for the test.
        test: f64,
    },
}

impl Default for Split {
    fn default() -> Split {
        Split::PerUserTime {
            valid: 0.1,
            test: 0.1,
        }
    }
}

impl Split {
    fn fractions(&self) -> (f64, f64) {
        match *self {
            Split::PerUserTime { valid, test }
            | Split::GlobalTime { valid, test }
            | Split::Random { valid, test, .. } => (valid, test),
        }
    }

    /// Refuses fractions that leave no training part, or are none.
    pub(super) fn check(&self) -> Result<(), PipelineError> {
        let (valid, test) = self.fractions();
        if valid >= 0.0 && test >= 0.0 && valid + test < 1.0 {
            return Ok(());
        }
        Err(PipelineError::Split { valid, test })
    }

    /// Assigns a part to each sample; `users` and `times` are those of the samples in the order of events.
    pub(super) fn assign(&self, users: &[i64], times: &[i64]) -> Vec<Part> {
        let mut parts = vec![Part::Train; users.len()];
        let all = || (0..users.len()).collect::<Vec<_>>();
        match self {
            Split::PerUserTime { .. } => {
                for own in by_user(users) {
                    self.cut(&own, times, &mut parts);
                }
            }
            Split::GlobalTime { .. } => self.cut(&all(), times, &mut parts),
            Split::Random { seed, .. } => {
                let mut drawn = all();
                drawn.sort_by_key(|at| (xxh3_64_with_seed(&(*at as u64).to_le_bytes(), *seed), *at));
                let (valid, test) = self.counts(drawn.len());
                let (test, rest) = drawn.split_at(test);
                mark(&mut parts, test, Part::Test);
                mark(&mut parts, &rest[..valid], Part::Valid);
            }
        }
        parts
    }

    /// How many of `total` samples are for validation and test.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "fractions are within 0 and 1, so the products are within 0 and total"
    )]
    fn counts(&self, total: usize) -> (usize, usize) {
        let (valid, test) = self.fractions();
        let test = ((total as f64 * test).round() as usize).min(total);
        let valid = ((total as f64 * valid).round() as usize).min(total - test);
        (valid, test)
    }

    /// Cuts samples that are sorted by time into train, valid, test.
    fn cut(&self, sorted: &[usize], times: &[i64], parts: &mut [Part]) {
        let (valid, test) = self.counts(sorted.len());
        let target = sorted.len() - test;
        let test_from = border(sorted, times, target);
        let valid_from = border(sorted, times, target.saturating_sub(valid)).min(test_from);
        mark(parts, &sorted[test_from..], Part::Test);
        mark(parts, &sorted[valid_from..test_from], Part::Valid);
    }
}

fn mark(parts: &mut [Part], which: &[usize], part: Part) {
    for at in which {
        parts[*at] = part;
    }
}

/// Positions of each user's samples, in order.
fn by_user(users: &[i64]) -> Vec<Vec<usize>> {
    let mut places: FxHashMap<i64, usize> = FxHashMap::default();
    let mut own: Vec<Vec<usize>> = Vec::new();
    for (at, user) in users.iter().enumerate() {
        let place = *places.entry(*user).or_insert_with(|| {
            own.push(Vec::new());
            own.len() - 1
        });
        own[place].push(at);
    }
    own
}

/// The border between two instants that is nearest to `target`; of two equally near the earlier. Never 0, so
/// that something is left before the cut.
fn border(sorted: &[usize], times: &[i64], target: usize) -> usize {
    let Some(inside) = sorted.get(target).map(|at| times[*at]) else {
        return sorted.len();
    };
    let from = sorted.partition_point(|at| times[*at] < inside);
    let to = sorted.partition_point(|at| times[*at] <= inside);
    if from > 0 && target - from <= to - target {
        from
    } else {
        to
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(parts: &[Part]) -> [usize; 3] {
        [Part::Train, Part::Valid, Part::Test].map(|part| parts.iter().filter(|p| **p == part).count())
    }

    #[test]
    fn per_user_cuts_each_users_end() {
        let users: Vec<i64> = (0..40).map(|n| n % 2).collect();
        let times: Vec<i64> = (0..40).collect();
        let parts = Split::default().assign(&users, &times);
        assert_eq!(shares(&parts), [32, 4, 4]);
        assert!(parts[36..].iter().all(|part| *part == Part::Test));
        assert!(parts[32..36].iter().all(|part| *part == Part::Valid));
    }

    #[test]
    fn an_instant_is_never_cut_and_a_user_of_one_instant_is_trained_on() {
        // Target 9 of 10 lies in the instant of positions 7 to 10, nearer to its end.
        let times = [0, 1, 2, 3, 4, 5, 6, 7, 7, 7];
        let parts = Split::PerUserTime {
            valid: 0.0,
            test: 0.1,
        }
        .assign(&[1; 10], &times);
        assert_eq!(shares(&parts), [10, 0, 0]);
        // Target 8 is nearer to the instant's beginning.
        let parts = Split::PerUserTime {
            valid: 0.0,
            test: 0.2,
        }
        .assign(&[1; 10], &times);
        assert_eq!(shares(&parts), [7, 0, 3]);
        let parts = Split::PerUserTime {
            valid: 0.3,
            test: 0.6,
        }
        .assign(&[1; 10], &[5; 10]);
        assert_eq!(shares(&parts), [10, 0, 0]);
    }

    #[test]
    fn random_is_exact_and_seeded() {
        let split = |seed| {
            Split::Random {
                seed,
                valid: 0.1,
                test: 0.2,
            }
            .assign(&[1; 1000], &[0; 1000])
        };
        assert_eq!(shares(&split(1)), [700, 100, 200]);
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
    }

    #[test]
    fn fractions_are_checked() {
        for (valid, test) in [(0.5, 0.5), (-0.1, 0.2), (f64::NAN, 0.1), (0.1, f64::INFINITY)] {
            assert!(
                Split::GlobalTime { valid, test }.check().is_err(),
                "{valid} {test}"
            );
        }
        assert!(
            Split::GlobalTime {
                valid: 0.0,
                test: 0.0
            }
            .check()
            .is_ok()
        );
    }

    proptest! {
        #[test]
        fn by_time_no_part_reaches_back(
            mut times in prop::collection::vec(0..12_i64, 0..60),
            users in prop::collection::vec(0..4_i64, 60),
            valid in 0.0..0.5,
            test in 0.0..0.49,
        ) {
            times.sort_unstable();
            let users = &users[..times.len()];
            for (split, one_user) in [
                (Split::PerUserTime { valid, test }, true),
                (Split::GlobalTime { valid, test }, false),
            ] {
                let parts = split.assign(users, &times);
                for (a, b) in (0..times.len()).flat_map(|a| (0..a).map(move |b| (b, a))) {
                    if one_user && users[a] != users[b] {
                        continue;
                    }
                    prop_assert!(parts[a] <= parts[b]);
                    prop_assert!(times[a] < times[b] || parts[a] == parts[b]);
                }
            }
        }
    }
}

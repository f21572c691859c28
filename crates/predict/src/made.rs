//! A model's parts and scores of many items at once: what misses the cache is computed together, and so are all scores.
//!
//! The decision here: weights are read once for all items instead of once per item, which matters most right after a
//! reload, when every item misses. Where no part is to be kept none is written: scores come of features at once. A panic
//! costs the item that caused it, not the others: after one they go one by one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rankine_feature::Part;
use rankine_model::{Common, Hidden, ScoreScratch, Scorer};

/// Computes the parts of as many items as `out` has places; returns the places of those that panicked.
pub(crate) fn make<'p>(
    scorer: &Scorer,
    part: &dyn Fn(usize) -> &'p Part,
    scratch: &mut ScoreScratch,
    out: &mut [Hidden],
) -> Vec<usize> {
    if out.is_empty() {
        return Vec::new();
    }
    let all = || scorer.items(part, scratch, out);
    if catch_unwind(AssertUnwindSafe(all)).is_ok() {
        return Vec::new();
    }
    *scratch = ScoreScratch::default();
    let mut broken = Vec::new();
    for (i, hidden) in out.iter_mut().enumerate() {
        *hidden = Hidden::default();
        let one = || scorer.item(part(i), hidden);
        if catch_unwind(AssertUnwindSafe(one)).is_err() {
            broken.push(i);
        }
    }
    broken
}

/// Scores as many candidates as `scores` has places; NaN for one that panicked.
pub(crate) fn score<'c>(
    (scorer, output): (&Scorer, usize),
    common: &Hidden,
    candidate: &dyn Fn(usize) -> (&'c Hidden, &'c Part),
    scratch: &mut ScoreScratch,
    scores: &mut [f32],
) {
    let all = || scorer.score_output(output, common, candidate, scratch, scores);
    if catch_unwind(AssertUnwindSafe(all)).is_ok() {
        return;
    }
    *scratch = ScoreScratch::default();
    for (i, score) in scores.iter_mut().enumerate() {
        let (item, cross) = candidate(i);
        let mut own = [f32::NAN];
        let one = || {
            let candidate = |_: usize| (item, cross);
            scorer.score_output(output, common, &candidate, &mut ScoreScratch::default(), &mut own);
            own[0]
        };
        *score = catch_unwind(AssertUnwindSafe(one)).unwrap_or(f32::NAN);
    }
}

/// Scores as many items as `scores` has places of their features at once, to the bits of [`make`] and [`score`]; false, and
/// these are to be called, for models that cannot and where an item panicked.
pub(crate) fn score_anew<'p>(
    scorer: &Scorer,
    common: &Hidden,
    part: &dyn Fn(usize) -> &'p Part,
    scratch: &mut ScoreScratch,
    scores: &mut [f32],
) -> bool {
    let all = || scorer.score_anew(&Common::Kept(common), part, scratch, scores);
    catch_unwind(AssertUnwindSafe(all)).unwrap_or_else(|_| {
        *scratch = ScoreScratch::default();
        false
    })
}

//! How sure every figure of a scorer is: bootstrap intervals, all on the same resamples of users, or of rows that name none.
//!
//! Flow: rows and scores → what each user adds to each figure → the figures under each resample (how often each user was drawn)
//! → percentiles. Decision: all figures but two are sums by user, so that a resample visits users and not rows; ROC-AUC and PR-AUC
//! compare rows of different users and walk the rows, sorted once. ECE alone has no percentile interval, see [`Drawn::ece`].

use serde::{Deserialize, Serialize};

use super::gauc::for_each_group;
use super::{BINS, CLIP, Measures, Observed, Ranked, Ties, auc, ndcg, positive, valid};
use crate::bootstrap::{Bootstrap, Sums, Unit};

/// The ends of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Bootstrap intervals of a scorer's figures, users drawn with replacement (rows, where they name no users); one for each figure that
/// there is.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Intervals {
    /// Of [`Measures::roc_auc`].
    pub roc_auc: Option<Bounds>,
    /// Of [`Measures::pr_auc`].
    pub pr_auc: Option<Bounds>,
    /// Of [`Measures::logloss`].
    pub logloss: Option<Bounds>,
    /// Of [`Measures::gauc`].
    pub gauc: Option<Bounds>,
    /// Of [`Measures::accuracy`].
    pub accuracy: Option<Bounds>,
    /// Of [`Measures::brier`].
    pub brier: Option<Bounds>,
    /// Of [`Measures::ndcg_10`].
    pub ndcg_10: Option<Bounds>,
    /// Of the calibration error that [`Measures::ece`] estimates, chance taken off: it may lie below that figure.
    pub ece: Option<Bounds>,
    /// Of [`Measures::rmse`].
    pub rmse: Option<Bounds>,
    /// Of [`Measures::mae`].
    pub mae: Option<Bounds>,
}

/// A scorer's scores, one per row, and what they measure.
pub(super) type Scored<'a> = (&'a [f64], &'a Measures);

/// The intervals of each scorer, and its ROC-AUC under each resample. One scorer after another, under the same resamples drawn anew:
/// what figures are made of is 128 bytes a user, which for many users is more than drawing costs.
pub(super) fn resampled(
    observed: &Observed,
    scored: &[Scored],
    bootstrap: &Bootstrap,
) -> Vec<(Intervals, Vec<Option<f64>>)> {
    let rows: Vec<i64>;
    let groups = match observed.groups.as_slice() {
        // nobody is named: each row stands for itself
        [] => {
            rows = (0_i64..).take(observed.labels.len()).collect();
            &rows
        }
        users => users,
    };
    let (user_of, users) = Unit::User(groups).numbered();
    let told = scored.iter().map(|told| {
        let parts = Parts::new((observed, groups), (&user_of, users), told);
        let drawn = parts.map_or_else(Drawn::default, |parts| {
            parts.resampled(observed, (&user_of, users), bootstrap)
        });
        (drawn.intervals(told.1, bootstrap), drawn.roc_auc)
    });
    told.collect()
}

/// What a scorer's figures are made of; nothing of figures that it has not or that were not asked for.
struct Parts {
    ranked: Option<Ranked>,
    logloss: Option<Sums>,
    gauc: Option<Sums>,
    accuracy: Option<Sums>,
    brier: Option<Sums>,
    ndcg: Option<Sums>,
    squares: Option<Sums>,
    distances: Option<Sums>,
    off: Option<Off>,
}

impl Parts {
    /// None where nothing is measured.
    fn new(
        (observed, groups): (&Observed, &[i64]),
        (user_of, users): (&[usize], usize),
        (scores, m): &Scored,
    ) -> Option<Parts> {
        let (labels, weights) = (&observed.labels, observed.weights.as_deref());
        valid(labels, scores, weights)?;
        let of = |figure: Option<f64>| figure.map(|_| Sums::new(users));
        let ranked = m.roc_auc.or(m.pr_auc).map(|_| Ranked::new(labels, scores));
        let mut parts = Parts {
            ranked: ranked.flatten(),
            logloss: of(m.logloss),
            gauc: of(m.gauc.value),
            accuracy: of(m.accuracy),
            brier: of(m.brier),
            ndcg: of(m.ndcg_10),
            squares: of(m.rmse),
            distances: of(m.mae),
            off: m.ece.map(|_| Off::new(users)),
        };
        for_each_group(groups, |rows| {
            let user = user_of[rows[0]];
            let pick = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
            let own = weights.map_or_else(|| vec![1.0; rows.len()], pick);
            parts.user(user, (&pick(labels), &pick(scores), &own));
        });
        Some(parts)
    }

    /// Adds a user's labels, scores and weights.
    fn user(&mut self, user: usize, (labels, scores, weights): (&[f64], &[f64], &[f64])) {
        if let Some(sums) = &mut self.gauc
            && let Some(area) = auc(labels, scores, Some(weights))
        {
            sums.add(user, weights.iter().sum(), area);
        }
        if let Some(sums) = &mut self.ndcg
            && let Some(value) = ndcg(labels, scores, 10, Ties::Averaged)
        {
            sums.add(user, 1.0, value);
        }
        if let Some(off) = &mut self.off {
            off.user(user, (labels, scores, weights));
        }
        let each = |sums: &mut Option<Sums>, value: fn(f64, f64) -> f64| {
            let Some(sums) = sums else { return };
            for ((&y, &s), &w) in labels.iter().zip(scores).zip(weights) {
                sums.add(user, w, value(y, s));
            }
        };
        each(&mut self.logloss, |y, s| {
            let p = s.clamp(CLIP, 1.0 - CLIP);
            -(y * p.ln() + (1.0 - y) * (1.0 - p).ln())
        });
        each(&mut self.accuracy, |y, s| f64::from((s > 0.5) == positive(y)));
        each(&mut self.brier, |y, s| (s.clamp(0.0, 1.0) - y).powi(2));
        each(&mut self.squares, |y, s| (s - y).powi(2));
        each(&mut self.distances, |y, s| (s - y).abs());
    }

    /// The figures under every resample.
    fn resampled(
        &self,
        observed: &Observed,
        (user_of, users): (&[usize], usize),
        bootstrap: &Bootstrap,
    ) -> Drawn {
        let mut drawn = Drawn::default();
        let mut weights = vec![1.0; user_of.len()];
        bootstrap.each(Unit::Row(users), None, |counts| {
            if self.ranked.is_some() {
                let rows = weights.iter_mut().zip(user_of).enumerate();
                rows.for_each(|(row, (weight, user))| {
                    let own = observed.weights.as_ref().map_or(1.0, |own| own[row]);
                    *weight = own * counts[*user];
                });
            }
            self.draw(counts, &weights, &mut drawn);
        });
        drawn
    }

    /// Adds the figures under a resample: how often each user was drawn, and so each row's weight.
    fn draw(&self, counts: &[f64], weights: &[f64], drawn: &mut Drawn) {
        if let Some(ranked) = &self.ranked {
            let (roc_auc, pr_auc) = ranked.areas(Some(weights));
            drawn.roc_auc.push(roc_auc);
            drawn.pr_auc.push(pr_auc);
        }
        let under = |sums: &Option<Sums>| sums.as_ref().and_then(|sums| sums.under(counts));
        drawn.logloss.push(under(&self.logloss));
        drawn.gauc.push(under(&self.gauc));
        drawn.accuracy.push(under(&self.accuracy));
        drawn.brier.push(under(&self.brier));
        drawn.ndcg.push(under(&self.ndcg));
        drawn.rmse.push(under(&self.squares).map(f64::sqrt));
        drawn.mae.push(under(&self.distances));
        let (ece, chance) = self.off.as_ref().and_then(|off| off.under(counts)).unzip();
        drawn.ece.push(ece);
        drawn.chance.push(chance);
    }
}

/// How far predictions are above labels, bin by bin.
struct Off {
    /// User, bin, weighted sum of the distances.
    sums: Vec<(usize, usize, f64)>,
    /// The same by bin, over all users.
    all: [f64; BINS],
    /// Each user's weights.
    weights: Sums,
}

impl Off {
    fn new(users: usize) -> Off {
        Off {
            sums: Vec::new(),
            all: [0.0; BINS],
            weights: Sums::new(users),
        }
    }

    /// Adds a user's labels, scores and weights.
    fn user(&mut self, user: usize, (labels, scores, weights): (&[f64], &[f64], &[f64])) {
        let mut off = [0.0; BINS];
        for ((&y, &s), &w) in labels.iter().zip(scores).zip(weights) {
            let share = s.clamp(0.0, 1.0);
            off[super::ece::place(share)] += w * (share - y);
            self.weights.add(user, w, 0.0);
        }
        for (bin, sum) in off.into_iter().enumerate().filter(|(_, sum)| *sum != 0.0) {
            self.sums.push((user, bin, sum));
            self.all[bin] += sum;
        }
    }

    /// ECE under a resample, and what of it chance alone makes: the same with each bin's own distance taken off.
    fn under(&self, counts: &[f64]) -> Option<(f64, f64)> {
        let mut off = [0.0; BINS];
        for (user, bin, sum) in &self.sums {
            off[*bin] += counts[*user] * sum;
        }
        let (total, weight) = (self.weights.bottom(counts), self.weights.whole());
        let own = self.all.iter().map(|sum| sum * total / weight);
        let chance: f64 = off.iter().zip(own).map(|(a, b)| (a - b).abs()).sum();
        let sum: f64 = off.iter().map(|sum| sum.abs()).sum();
        (total > 0.0).then(|| (sum / total, chance / total))
    }
}

/// Figures by resample.
#[derive(Debug, Clone, Default)]
struct Drawn {
    roc_auc: Vec<Option<f64>>,
    pr_auc: Vec<Option<f64>>,
    logloss: Vec<Option<f64>>,
    gauc: Vec<Option<f64>>,
    accuracy: Vec<Option<f64>>,
    brier: Vec<Option<f64>>,
    ndcg: Vec<Option<f64>>,
    ece: Vec<Option<f64>>,
    chance: Vec<Option<f64>>,
    rmse: Vec<Option<f64>>,
    mae: Vec<Option<f64>>,
}

impl Drawn {
    fn intervals(&self, m: &Measures, bootstrap: &Bootstrap) -> Intervals {
        let of = |figure: Option<f64>, drawn: &[Option<f64>]| figure.and_then(|_| bootstrap.bounds(drawn));
        Intervals {
            roc_auc: of(m.roc_auc, &self.roc_auc),
            pr_auc: of(m.pr_auc, &self.pr_auc),
            logloss: of(m.logloss, &self.logloss),
            gauc: of(m.gauc.value, &self.gauc),
            accuracy: of(m.accuracy, &self.accuracy),
            brier: of(m.brier, &self.brier),
            ndcg_10: of(m.ndcg_10, &self.ndcg),
            ece: m.ece.and_then(|own| self.ece(own, bootstrap)),
            rmse: of(m.rmse, &self.rmse),
            mae: of(m.mae, &self.mae),
        }
    }

    /// ECE takes chance for error: the figure is too high by it, and a resample by twice as much. So the percentiles are reflected
    /// at the figure (the basic interval, Davison and Hinkley 1997, 5.2), and the low end is 0 where chance alone makes as much.
    fn ece(&self, own: f64, bootstrap: &Bootstrap) -> Option<Bounds> {
        let (drawn, chance) = (bootstrap.bounds(&self.ece)?, bootstrap.bounds(&self.chance)?);
        let mirrored = |end: f64| (2.0 * own - end).max(0.0);
        let told = own > chance.high;
        Some(Bounds {
            low: if told { mirrored(drawn.high) } else { 0.0 },
            high: mirrored(drawn.low),
        })
    }
}

#[cfg(test)]
mod tests;

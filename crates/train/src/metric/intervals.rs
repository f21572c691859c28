//! How sure every figure of a scorer is: bootstrap intervals, all on the same resamples of users.
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

/// Bootstrap intervals of a scorer's figures, users drawn with replacement; one for each figure that there is.
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

/// The intervals of each scorer, and its ROC-AUC under each resample.
pub(super) fn resampled(
    observed: &Observed,
    scored: &[Scored],
    bootstrap: &Bootstrap,
) -> Vec<(Intervals, Vec<Option<f64>>)> {
    let (user_of, users) = Unit::User(&observed.groups).numbered();
    let parts = scored
        .iter()
        .map(|(scores, _)| Parts::new(observed, (&user_of, users), scores));
    let parts: Vec<Option<Parts>> = parts.collect();
    let mut drawn = vec![Drawn::default(); scored.len()];
    let own = observed
        .weights
        .clone()
        .unwrap_or_else(|| vec![1.0; user_of.len()]);
    let mut weights = own.clone();
    bootstrap.each(Unit::Row(users), None, |counts| {
        for ((weight, own), user) in weights.iter_mut().zip(&own).zip(&user_of) {
            *weight = own * counts[*user];
        }
        for (parts, drawn) in parts.iter().zip(&mut drawn) {
            parts.iter().for_each(|parts| parts.draw(counts, &weights, drawn));
        }
    });
    let told = drawn.into_iter().zip(scored);
    told.map(|(drawn, (_, measures))| (drawn.intervals(measures, bootstrap), drawn.roc_auc))
        .collect()
}

/// What a scorer's figures are made of.
struct Parts {
    ranked: Ranked,
    logloss: Sums,
    gauc: Sums,
    accuracy: Sums,
    brier: Sums,
    ndcg: Sums,
    squares: Sums,
    distances: Sums,
    /// User, bin, sum of what predictions are above labels.
    off: Vec<(usize, usize, f64)>,
    /// The same over all users, and the sum of weights.
    all: ([f64; BINS], f64),
}

impl Parts {
    /// None where nothing is measured.
    fn new(observed: &Observed, (user_of, users): (&[usize], usize), scores: &[f64]) -> Option<Parts> {
        let (labels, weights) = (&observed.labels, observed.weights.as_deref());
        valid(labels, scores, weights)?;
        let none = || Sums::new(users);
        let mut parts = Parts {
            ranked: Ranked::new(labels, scores)?,
            logloss: none(),
            gauc: none(),
            accuracy: none(),
            brier: none(),
            ndcg: none(),
            squares: none(),
            distances: none(),
            off: Vec::new(),
            all: ([0.0; BINS], 0.0),
        };
        for_each_group(&observed.groups, |rows| {
            let user = user_of[rows[0]];
            let pick = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
            let own = weights.map_or_else(|| vec![1.0; rows.len()], pick);
            parts.user(user, (&pick(labels), &pick(scores), &own));
        });
        Some(parts)
    }

    /// Adds a user's labels, scores and weights.
    fn user(&mut self, user: usize, (labels, scores, weights): (&[f64], &[f64], &[f64])) {
        if let Some(area) = auc(labels, scores, Some(weights)) {
            self.gauc.add(user, weights.iter().sum(), area);
        }
        if let Some(value) = ndcg(labels, scores, 10, Ties::Averaged) {
            self.ndcg.add(user, 1.0, value);
        }
        let mut off = [0.0; BINS];
        for ((&y, &s), &w) in labels.iter().zip(scores).zip(weights) {
            let (share, p) = (s.clamp(0.0, 1.0), s.clamp(CLIP, 1.0 - CLIP));
            self.logloss
                .add(user, w, -(y * p.ln() + (1.0 - y) * (1.0 - p).ln()));
            self.accuracy.add(user, w, f64::from((s > 0.5) == positive(y)));
            self.brier.add(user, w, (share - y).powi(2));
            self.squares.add(user, w, (s - y).powi(2));
            self.distances.add(user, w, (s - y).abs());
            off[super::ece::place(share)] += w * (share - y);
            self.all.1 += w;
        }
        for (bin, sum) in off.into_iter().enumerate().filter(|(_, sum)| *sum != 0.0) {
            self.off.push((user, bin, sum));
            self.all.0[bin] += sum;
        }
    }

    /// Adds the figures under a resample: how often each user was drawn, and so each row's weight.
    fn draw(&self, counts: &[f64], weights: &[f64], drawn: &mut Drawn) {
        let (roc_auc, pr_auc) = self.ranked.areas(Some(weights));
        drawn.roc_auc.push(roc_auc);
        drawn.pr_auc.push(pr_auc);
        drawn.logloss.push(self.logloss.under(counts));
        drawn.gauc.push(self.gauc.under(counts));
        drawn.accuracy.push(self.accuracy.under(counts));
        drawn.brier.push(self.brier.under(counts));
        drawn.ndcg.push(self.ndcg.under(counts));
        drawn.rmse.push(self.squares.under(counts).map(f64::sqrt));
        drawn.mae.push(self.distances.under(counts));
        let (ece, chance) = self.calibration(counts).unzip();
        drawn.ece.push(ece);
        drawn.chance.push(chance);
    }

    /// ECE under a resample, and what of it chance alone makes: the same with each bin's own distance taken off.
    fn calibration(&self, counts: &[f64]) -> Option<(f64, f64)> {
        let mut off = [0.0; BINS];
        for (user, bin, sum) in &self.off {
            off[*bin] += counts[*user] * sum;
        }
        let total = self.logloss.bottom(counts);
        let (all, weight) = &self.all;
        let own = all.iter().map(|sum| sum * total / weight);
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

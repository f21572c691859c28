//! A weighted mix of losses over a batch (`dropoutnet`), s being the scores of the batch's users with the batch's items.
//!
//! ```text
//! regression   Σ w_i (s_ij − U_i·V_j)² / (Σ w_i · items)    over pairs whose preferences U, V are both there
//! sigmoid      Σ w_i bce(scale·s_ii + bias, y_i) / Σ w_i     scale and bias are learnt
//! ranknet      mean of ln(1 + e^(s_jj − s_ii))               over pairs of samples with y_i > y_j
//! softmax      Σ w_i y_i softmax(s_ii among s_ij) / Σ w_i y_i  other items alone, the hardest; margin, γ, support
//! ```
//!
//! Decision: the first pairs every user of the batch with every item, not only those that met: the product is known of all,
//! and one matrix holds them.

use rankine_kernel::activation::Activation;
use rankine_kernel::{Real, dense};
use rankine_model::config::Mix;

use super::mask::Mask;
use super::support::{Guide, row};
use super::{Objective, PART, Work, columns, hard, ranknet};
use crate::backward::sized;
use crate::loss::Loss;

/// The numbers outside both vectors, or their gradients.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outer<T> {
    pub(super) bias: T,
    pub(super) factor: T,
}

/// Targets of the regression.
struct Known<T> {
    dim: usize,
    users: Vec<T>,
    /// Item preferences, transposed.
    items: Vec<T>,
    there: (Vec<bool>, Vec<bool>),
    /// Weight of a pair per weight of its sample.
    share: T,
}

/// A mix over one batch.
struct Blend<'a, T> {
    objective: &'a Objective,
    mask: &'a Mask,
    mix: Mix,
    known: Option<Known<T>>,
    /// Weight of a positive's softmax per weight of its sample.
    share: T,
}

/// Leaves the gradients of queries and keys; returns the loss and the gradients of what is outside them.
pub(super) fn learn<T: Real>(
    objective: &Objective,
    mask: &Mask,
    (dim, outer): (usize, Outer<T>),
    work: &mut Work<T>,
) -> (T, Outer<T>) {
    let mix = objective.settings.mix;
    let n = work.users.len();
    let rows = work.queries.chunks_exact(dim).zip(work.keys.chunks_exact(dim));
    let own: Vec<T> = rows.map(|(q, k)| dense::dot(q, k)).collect();
    work.slopes.clear();
    work.slopes.resize(n, T::ZERO);
    let (mut value, gradients) = sigmoid(T::of(mix.sigmoid), outer, &own, work);
    if mix.ranknet > 0.0 {
        let compared = |i, j| !mix.same_user || mask.user(i) == mask.user(j);
        let weight = T::of(mix.ranknet);
        value += ranknet::pairs((&own, &work.users.labels), compared, weight, &mut work.slopes);
    }
    sized(&mut work.to_queries, n * dim).fill(T::ZERO);
    sized(&mut work.to_keys, n * dim).fill(T::ZERO);
    if mix.softmax > 0.0 || mix.regression > 0.0 {
        value += Blend::new(objective, mask, work).learn(dim, &own, work);
    }
    for (i, slope) in work.slopes.iter().enumerate() {
        let at = i * dim..(i + 1) * dim;
        dense::axpy(*slope, &work.keys[at.clone()], &mut work.to_queries[at.clone()]);
        dense::axpy(*slope, &work.queries[at.clone()], &mut work.to_keys[at]);
    }
    (value, gradients)
}

/// The cross-entropy of each sample's logit.
fn sigmoid<T: Real>(weight: T, outer: Outer<T>, own: &[T], work: &mut Work<T>) -> (T, Outer<T>) {
    let (mut bias, mut factor, mut value) = (T::ZERO, T::ZERO, T::ZERO);
    if weight > T::ZERO {
        let total: T = work.users.weights.iter().copied().sum();
        let samples = work.users.weights.iter().zip(&work.users.labels).zip(own);
        for (((w, y), s), slope) in samples.zip(&mut work.slopes) {
            let share = weight * *w / positive(total);
            let judged = Loss::Bce.all(outer.factor * *s + outer.bias, *y);
            value += share * judged.value;
            bias += share * judged.slope;
            factor += share * judged.slope * *s;
            *slope += share * judged.slope * outer.factor;
        }
    }
    (value, Outer { bias, factor })
}

impl<'a, T: Real> Blend<'a, T> {
    fn new(objective: &'a Objective, mask: &'a Mask, work: &Work<T>) -> Self {
        let mix = objective.settings.mix;
        let weights = work.users.weights.iter().zip(&work.users.labels);
        let total: T = weights.map(|(w, y)| *w * *y).sum();
        Self {
            objective,
            mask,
            mix,
            known: (mix.regression > 0.0).then(|| known(objective, work)).flatten(),
            share: T::of(mix.softmax) / positive(total),
        }
    }

    /// Scores every user with every item, part by part; writes the gradients of queries and keys.
    fn learn(&self, dim: usize, own: &[T], work: &mut Work<T>) -> T {
        let (n, mut value, mut scores) = (own.len(), T::ZERO, std::mem::take(&mut work.scores));
        let (columns, mut targets) = (columns(n), Vec::new());
        sized(&mut work.keys, columns * dim);
        sized(&mut work.to_keys, columns * dim);
        dense::transpose(&work.keys, dim, &mut work.transposed);
        for first in (0..n).step_by(PART) {
            let rows = PART.min(n - first);
            let span = first * dim..(first + rows) * dim;
            let part = sized(&mut scores, rows * columns);
            dense::input_gradient(rows, &work.queries[span.clone()], &work.transposed, part);
            if let Some(known) = &self.known {
                let users = &known.users[first * known.dim..(first + rows) * known.dim];
                dense::input_gradient(rows, users, &known.items, sized(&mut targets, rows * n));
            }
            for (r, scores) in part.chunks_exact_mut(columns).enumerate() {
                let targets = targets.get(r * n..(r + 1) * n).unwrap_or_default();
                // behind the candidates are zeros: what is empty has no slope
                value += self.row((first + r, own[first + r]), &mut scores[..n], targets, work);
            }
            let to_queries = &mut work.to_queries[span.clone()];
            dense::affine_batch(rows, part, &work.keys, None, Activation::Linear, to_queries);
            dense::weight_gradient(rows, part, &work.queries[span], &mut work.to_keys);
        }
        work.keys.truncate(n * dim);
        work.to_keys.truncate(n * dim);
        work.scores = scores;
        value
    }

    /// Turns a user's scores into their slopes; returns the loss.
    fn row(&self, (i, own): (usize, T), scores: &mut [T], targets: &[T], work: &Work<T>) -> T {
        let weight = work.users.weights[i];
        let (mut value, mut slopes) = (T::ZERO, Vec::new());
        if let Some(known) = &self.known {
            value += known.row((i, weight), scores, targets, &mut slopes);
        }
        let share = self.share * weight * work.users.labels[i];
        if share > T::ZERO {
            value += self.softmax(i, own, scores) * share;
            dense::scale(share, scores);
        } else {
            scores.fill(T::ZERO);
        }
        scores.iter_mut().zip(slopes).for_each(|(s, slope)| *s += slope);
        value
    }

    fn softmax(&self, i: usize, own: T, scores: &mut [T]) -> T {
        let (objective, mask) = (self.objective, self.mask);
        let all = objective.items.of_user(mask.user(i));
        mask.apply(i, all, objective.settings.hits, scores);
        if let Some(most) = self.mix.negatives {
            hard::keep(most, scores);
        }
        let guide = Guide {
            margin: T::of(self.mix.margin),
            gamma: T::of(self.mix.gamma),
            support: T::of(self.mix.support),
        };
        let (value, slope) = row(scores, own, guide);
        // its own item is no candidate, so its place is free
        scores[i] = slope;
        value
    }
}

impl<T: Real> Known<T> {
    /// The squared errors of a user with every item.
    fn row(&self, (i, weight): (usize, T), scores: &[T], targets: &[T], slopes: &mut Vec<T>) -> T {
        slopes.resize(scores.len(), T::ZERO);
        let mut value = T::ZERO;
        if !self.there.0[i] {
            return value;
        }
        let share = self.share * weight;
        let pairs = scores.iter().zip(targets).zip(&self.there.1).zip(slopes);
        for (((s, target), _), slope) in pairs.filter(|(((_, _), there), _)| **there) {
            let error = *s - *target;
            value += share * error * error;
            *slope = (share + share) * error;
        }
        value
    }
}

fn known<T: Real>(objective: &Objective, work: &Work<T>) -> Option<Known<T>> {
    let target = objective.target.as_ref()?;
    let (users, of_users) = target.users(&work.users);
    let (items, of_items) = target.items(&work.items);
    let weights = work.users.weights.iter().zip(&of_users);
    let total: T = weights.filter(|(_, there)| **there).map(|(w, _)| *w).sum();
    let count = of_items.iter().filter(|there| **there).count();
    let mut transposed = Vec::new();
    dense::transpose(&items, target.dim(), &mut transposed);
    Some(Known {
        dim: target.dim(),
        users,
        items: transposed,
        there: (of_users, of_items),
        share: T::of(objective.settings.mix.regression) / positive(total * T::of(count as f64)),
    })
}

fn positive<T: Real>(total: T) -> T {
    if total > T::ZERO { total } else { T::ONE }
}

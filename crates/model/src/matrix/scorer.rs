//! Scoring the matrix kinds.
//!
//! ```text
//! ials, bpr, walk    common: the user's vector     item: its vector             score = user · item
//! ease               common: a sum for every item  item: its place              score = the sum at that place
//! k neighbours kept  common: the history by place  item: its places, weights    score = Σ weight · history at the place
//! popularity         common: nothing               item: its share of users     score = the share
//! ```
//! Decision: all weights are added up once per request for all items, rows of the history in its order; a candidate then
//! costs one read. Where only the k nearest of an item are kept, they are the candidate's own: it costs k reads. Unknown items score 0 (of `bpr` the least bias there is), unknown users get the vector that solves their
//! history where `ials` has one.

use super::{COUNT, Confidence, FoldIn, GRAM, ITEMS, MatrixPart, NEIGHBOURS, USERS, ridge};
use crate::config::Kind;
use crate::error::ModelError;
use crate::layer::Rows;
use crate::scorer::{Assembly, Hidden};
use rankine_feature::{Group, Part, SlotSpec};
use rankine_kernel::{Real, cholesky, dense};
use std::sync::Arc;

/// A matrix model that scores.
pub(crate) struct MatrixScorer<T> {
    part: MatrixPart,
    items: Arc<dyn Rows<T>>,
    users: Option<Arc<dyn Rows<T>>>,
    neighbours: Option<Arc<dyn Rows<T>>>,
    /// `unobserved · QᵀQ`; empty where nobody is folded in.
    gram: Vec<T>,
    /// How many items there are.
    count: usize,
}

impl<T: Real> MatrixScorer<T> {
    pub(crate) fn new(part: &MatrixPart, from: &Assembly<'_, T>) -> Result<MatrixScorer<T>, ModelError> {
        let mut made = MatrixScorer {
            part: part.clone(),
            items: from.named(ITEMS, part.dim)?,
            users: None,
            neighbours: None,
            gram: Vec::new(),
            count: place(from.tensor(COUNT, &[1])?[0]).unwrap_or(0),
        };
        if part.has_users() {
            made.users = Some(from.named(USERS, part.dim)?);
        }
        if part.has_neighbours() {
            let width = match part.neighbours {
                0 => made.count,
                k => 2 * k,
            };
            made.neighbours = Some(from.named(NEIGHBOURS, width)?);
        }
        if part.folds_in() {
            made.gram = from.tensor(GRAM, &[part.dim, part.dim])?;
        }
        Ok(made)
    }

    /// Whether it reads a slot.
    pub(crate) fn reads(&self, slot: u32) -> bool {
        // of the kinds whose rows have no user, his slot tells samples apart in training alone
        let user = self.part.user.as_ref().filter(|_| self.users.is_some());
        let slots = user.into_iter().chain(&self.part.history);
        slots.chain([&self.part.item]).any(|spec| spec.slot == slot)
    }

    /// Numbers of an item's vector, where it is one.
    pub(crate) fn vector_width(&self) -> Option<usize> {
        matches!(self.part.kind, Kind::Ials | Kind::Bpr | Kind::Walk).then_some(self.part.dim)
    }

    /// Computes what rests on one group; nothing rests on both.
    pub(crate) fn side(&self, group: Group, part: &Part, out: &mut Hidden<T>) {
        out.first.clear();
        out.vector.clear();
        out.wide = T::ZERO;
        if group == Group::Item {
            self.item(part, out);
        } else if let Some(weights) = &self.neighbours {
            self.met(&**weights, part, &mut out.vector);
        } else if self.part.kind == Kind::Walk {
            self.mean(part, &mut out.vector);
        } else if let Some(users) = &self.users {
            self.user(&**users, part, out);
        }
    }

    fn item(&self, part: &Part, out: &mut Hidden<T>) {
        let kept = self.neighbours.as_ref().filter(|_| self.part.neighbours > 0);
        let table = kept.unwrap_or(&self.items);
        let row = match part.sparse(self.part.item.index).0.first() {
            Some(sign) => table.row(*sign),
            None => table.missing(),
        };
        if kept.is_some() || self.vector_width().is_some() {
            out.vector.extend_from_slice(row);
        } else {
            out.wide = row[0];
        }
    }

    /// What the history says of every item, or, where items keep their nearest, the history itself by place.
    fn met(&self, weights: &dyn Rows<T>, part: &Part, sums: &mut Vec<T>) {
        sums.resize(self.count, T::ZERO);
        for (sign, weight) in self.history(part) {
            let weight = T::of(f64::from(weight));
            if self.part.neighbours == 0 {
                dense::axpy(weight, weights.row(sign), sums);
            } else if let Some(own) = place(self.items.row(sign)[0]).and_then(|at| sums.get_mut(at)) {
                *own += weight;
            }
        }
    }

    /// What the neighbours of a candidate that are in the history weigh.
    fn votes(&self, met: &[T], nearest: &[T]) -> T {
        let (places, weights) = nearest.split_at(self.part.neighbours);
        places.iter().zip(weights).fold(T::ZERO, |sum, (at, weight)| {
            let own = place(*at).and_then(|at| met.get(at));
            sum + *weight * own.copied().unwrap_or(T::ZERO)
        })
    }

    fn history<'p>(&self, part: &'p Part) -> impl Iterator<Item = (u64, f32)> + use<'p, T> {
        let slot: Option<&SlotSpec> = self.part.history.as_ref();
        let (signs, weights) = slot.map_or((&[][..], &[][..]), |slot| part.sparse(slot.index));
        signs.iter().copied().zip(weights.iter().copied())
    }

    /// The mean of the vectors of the history, of length 1; zeros where none is known.
    fn mean(&self, part: &Part, vector: &mut Vec<T>) {
        vector.resize(self.part.dim, T::ZERO);
        for (sign, weight) in self.history(part) {
            dense::axpy(T::of(f64::from(weight)), self.items.row(sign), vector);
        }
        let square = dense::dot(vector, vector);
        if square > T::ZERO {
            dense::scale(T::ONE / square.sqrt(), vector);
        }
    }

    /// The user's own vector, or the one his history gives.
    fn user(&self, users: &dyn Rows<T>, part: &Part, out: &mut Hidden<T>) {
        let slot = self.part.user.as_ref();
        let sign = slot.and_then(|slot| part.sparse(slot.index).0.first());
        let row = sign.map_or_else(|| users.missing(), |sign| users.row(*sign));
        let unknown = std::ptr::eq(row, users.missing());
        if !self.gram.is_empty() && (unknown || self.part.fold_in == FoldIn::Always) && self.solved(part, out)
        {
            return;
        }
        out.vector.clear();
        out.vector.extend_from_slice(row);
    }

    /// Solves the vector of a history of known items into `vector`; false where there is none. `first` is working memory.
    fn solved(&self, part: &Part, out: &mut Hidden<T>) -> bool {
        let (dim, r) = (self.part.dim, self.part.ridge);
        let (matrix, vector, mut known) = (&mut out.first, &mut out.vector, 0);
        matrix.extend_from_slice(&self.gram);
        vector.resize(dim, T::ZERO);
        for (sign, weight) in self.history(part) {
            let row = self.items.row(sign);
            if std::ptr::eq(row, self.items.missing()) {
                continue;
            }
            known += 1;
            let weight = f64::from(weight);
            let target = match r.confidence {
                Confidence::Rendle => weight,
                Confidence::Hu => r.unobserved + weight,
            };
            dense::axpy(T::of(target), row, vector);
            for (row_of_matrix, q) in matrix.chunks_exact_mut(dim).zip(row) {
                dense::axpy(T::of(weight) * *q, row, row_of_matrix);
            }
        }
        let reg = r.reg * ridge(known, r.unobserved * self.count as f64, r.exponent);
        (0..dim).for_each(|k| matrix[k * dim + k] += T::of(reg));
        let found = known > 0 && cholesky::factor(matrix, dim).is_ok();
        if found {
            cholesky::solve(matrix, vector);
        }
        matrix.clear();
        found
    }

    /// Scores candidates, each by itself.
    pub(crate) fn block<'c>(
        &self,
        common: &Hidden<T>,
        candidate: &dyn Fn(usize) -> (&'c Hidden<T>, &'c Part),
        out: &mut [T],
    ) {
        for (i, out) in out.iter_mut().enumerate() {
            let item = candidate(i).0;
            *out = if self.neighbours.is_some() && self.part.neighbours > 0 {
                self.votes(&common.vector, &item.vector)
            } else if self.neighbours.is_some() {
                let sum = place(item.wide).and_then(|at| common.vector.get(at));
                sum.copied().unwrap_or(T::ZERO)
            } else {
                dense::dot(&common.vector, &item.vector) + item.wide
            };
        }
    }
}

/// A place that is kept as a number; none for what is negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "negative numbers are refused before; places are far below 2⁵³"
)]
fn place<T: Real>(number: T) -> Option<usize> {
    (number >= T::ZERO).then(|| number.to_f64() as usize)
}

//! Scoring a linear model split by group.
//!
//! ```text
//! common, item   their weights and the products of their own signs                  once per request, per item row
//! cross          its weights and own products, and every product between the groups  per candidate
//! logit = ((bias + common) + item) + cross
//! ```
//! A factorisation machine needs one vector of a group, the sum of x·v. An FFM needs, for each pair of fields of different
//! groups, the sum of each field's factors for the other; both sides lay theirs out in one order, so that the products
//! between two groups are one dot.

use super::{Keys, LinearPart};
use crate::config::Loss;
use crate::layer::Rows;
use crate::scorer::{Hidden, output};
use rankine_feature::{Group, Part, SlotSpec};
use rankine_kernel::{Real, dense};
use std::sync::Arc;

/// A slot of one group.
struct Field<T> {
    slot: SlotSpec,
    /// Its number among the model's fields.
    number: usize,
    /// What an empty slot and unknown signs read: weight, factors.
    missing: Vec<T>,
}

/// A linear model that scores.
pub(crate) struct LinearScorer<T> {
    part: LinearPart,
    groups: [Vec<Field<T>>; 3],
    rows: Arc<dyn Rows<T>>,
    bias: T,
}

fn place(group: Group) -> usize {
    match group {
        Group::Common => 0,
        Group::Item => 1,
        Group::Cross => 2,
    }
}

impl<T: Real> LinearScorer<T> {
    pub(crate) fn new(part: &LinearPart, rows: Arc<dyn Rows<T>>, bias: T) -> LinearScorer<T> {
        let mut groups = [const { Vec::new() }; 3];
        for (number, slot) in part.slots.iter().enumerate() {
            let missing = rows.row(part.keys.of(slot.slot, Keys::MISSING)).to_vec();
            groups[place(slot.group)].push(Field {
                slot: slot.clone(),
                number,
                missing,
            });
        }
        LinearScorer {
            part: part.clone(),
            groups,
            rows,
            bias,
        }
    }

    /// Whether it reads a slot.
    pub(crate) fn reads(&self, slot: u32) -> bool {
        self.part.slots.iter().any(|spec| spec.slot == slot)
    }

    pub(crate) fn has_cross(&self) -> bool {
        !self.groups[2].is_empty()
    }

    /// Computes what rests on one group.
    pub(crate) fn side(&self, group: Group, part: &Part, out: &mut Hidden<T>) {
        let fields = &self.groups[place(group)];
        out.wide = T::ZERO;
        out.first.clear();
        out.vector.clear();
        match self.part.shape.fields {
            0 => self.each(fields, part, |_, row, x| out.wide += x * row[0]),
            1 => self.sum(fields, part, out),
            _ => self.fields(group, part, out),
        }
        out.first.clear();
    }

    /// Calls `each` with (place among `fields`, row, value) of every entry.
    fn each(&self, fields: &[Field<T>], part: &Part, mut each: impl FnMut(usize, &[T], T)) {
        for (at, field) in fields.iter().enumerate() {
            self.part.entries(&field.slot, part, |key, x| {
                let row = self.rows.row(key);
                let known = !self.part.missing || !std::ptr::eq(row, self.rows.missing());
                each(at, if known { row } else { &field.missing }, T::of(f64::from(x)));
            });
        }
    }

    /// The sum of x·v into `vector`; weights and own products into `wide`.
    fn sum(&self, fields: &[Field<T>], part: &Part, out: &mut Hidden<T>) {
        let (k, mut weights, mut squares) = (self.part.shape.k, T::ZERO, T::ZERO);
        out.vector.resize(k, T::ZERO);
        self.each(fields, part, |_, row, x| {
            weights += x * row[0];
            for (sum, v) in out.vector.iter_mut().zip(&row[1..]) {
                let v = x * *v;
                *sum += v;
                squares += v * v;
            }
        });
        out.wide = weights + T::of(0.5) * (dense::dot(&out.vector, &out.vector) - squares);
    }

    /// As `sum`, with a sum per field and field met; `first` is working memory.
    fn fields(&self, group: Group, part: &Part, out: &mut Hidden<T>) {
        let fields = &self.groups[place(group)];
        let (k, factors) = (self.part.shape.k, self.part.shape.factors());
        let (mut weights, mut twice) = (T::ZERO, T::ZERO);
        out.first.resize(fields.len() * factors, T::ZERO);
        self.each(fields, part, |at, row, x| {
            weights += x * row[0];
            dense::axpy(x, &row[1..], &mut out.first[at * factors..(at + 1) * factors]);
            let own = &row[1 + fields[at].number * k..][..k];
            twice -= own.iter().fold(T::ZERO, |sum, v| sum + (x * *v) * (x * *v));
        });
        let sums = |at: usize, met: usize| &out.first[at * factors + met * k..][..k];
        let mut pairs = T::ZERO;
        for (at, field) in fields.iter().enumerate() {
            for (other, met) in fields.iter().enumerate().take(at) {
                pairs += plain_dot(sums(at, met.number), sums(other, field.number));
            }
            twice += plain_dot(sums(at, field.number), sums(at, field.number));
        }
        out.wide = weights + (pairs + T::of(0.5) * twice);
        self.met(group, |at, met| out.vector.extend_from_slice(sums(at, met)));
    }

    /// Calls `each` with (place of an own field, field met) for all pairs with other groups, in an order both sides share.
    fn met(&self, group: Group, mut each: impl FnMut(usize, usize)) {
        for (one, two) in [(0, 1), (0, 2), (1, 2)] {
            for (a, first) in self.groups[one].iter().enumerate() {
                for (b, second) in self.groups[two].iter().enumerate() {
                    if place(group) == one {
                        each(a, second.number);
                    } else if place(group) == two {
                        each(b, first.number);
                    }
                }
            }
        }
    }

    /// Scores candidates one by one.
    pub(crate) fn block<'c>(
        &self,
        common: &Hidden<T>,
        candidate: &dyn Fn(usize) -> (&'c Hidden<T>, &'c Part),
        (scratch, loss): (&mut Hidden<T>, Loss),
        out: &mut [T],
    ) {
        for (i, out) in out.iter_mut().enumerate() {
            let (item, cross) = candidate(i);
            let mut beyond = T::ZERO;
            if self.has_cross() {
                self.side(Group::Cross, cross, scratch);
                beyond = scratch.wide;
            }
            let logit = ((self.bias + common.wide) + item.wide) + self.between(common, item, scratch, beyond);
            *out = output(logit, loss);
        }
    }

    /// Adds the products between the groups to `sum`.
    fn between(&self, common: &Hidden<T>, item: &Hidden<T>, cross: &Hidden<T>, sum: T) -> T {
        let (c, i, x) = (&common.vector, &item.vector, &cross.vector);
        let [commons, items, _] = [0, 1, 2].map(|g| self.groups[g].len());
        let pair = match self.part.shape.fields {
            0 => return sum,
            1 => (c.len(), 0, 0),
            _ => {
                let cut = commons * items * self.part.shape.k;
                (cut, cut, c.len() - cut)
            }
        };
        let sum = sum + dense::dot(&c[..pair.0], &i[..pair.0]);
        if !self.has_cross() {
            return sum;
        }
        let beside = c.len() - pair.1;
        (sum + dense::dot(&c[pair.1..], &x[..beside])) + dense::dot(&i[pair.1..], &x[pair.2..])
    }
}

/// A short product, summed in order.
fn plain_dot<T: Real>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::ZERO, |sum, (a, b)| sum + *a * *b)
}

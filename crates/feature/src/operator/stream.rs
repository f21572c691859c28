//! What flows through operators at request time: inputs found by index, outputs collected in reused buffers.

use crate::dictionary::{Key, Read};
use crate::part::{Part, Scratch};
use crate::{FieldType, Group, Side, Value, sign};

/// Where an input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A field of a side's row.
    Field { side: Side, index: usize, ty: FieldType },
    /// A sparse result.
    Sparse { group: Group, index: usize },
    /// A dense result; `order` is its place in `Part::missing`.
    Dense {
        group: Group,
        offset: usize,
        width: usize,
        order: usize,
    },
}

/// Everything an operator may read: the rows by [`Side`], the parts by [`Group`].
#[derive(Clone, Copy)]
pub(crate) struct Env<'a> {
    pub(crate) rows: [&'a [Value]; 3],
    pub(crate) parts: [&'a Part; 3],
}

/// One input.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Input<'a> {
    /// A field's value, or the default where it is missing.
    Field(&'a Value),
    /// Signs and weights.
    Signs(&'a [u64], &'a [f32]),
    /// Floats; none when missing.
    Numbers(Option<&'a [f32]>),
}

/// The inputs of one operator for one row.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    pub(crate) env: Env<'a>,
    pub(crate) wires: &'a [Wire],
    /// The dictionary columns that the operator asked for, in that order.
    pub(crate) reads: &'a [Read],
    pub(crate) default: Option<&'a Value>,
}

impl<'a> Inputs<'a> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.wires.len()
    }

    /// The value of a field before the default; missing if it does not fit the declared type.
    fn field(&self, side: Side, index: usize, ty: FieldType) -> &'a Value {
        self.env.rows[side as usize]
            .get(index)
            .filter(|value| value.fits(ty))
            .unwrap_or(&Value::Missing)
    }

    /// One input, after the default.
    #[inline]
    pub(crate) fn get(&self, i: usize) -> Input<'a> {
        match self.wires.get(i) {
            Some(&Wire::Field { side, index, ty }) => {
                let value = self.field(side, index, ty);
                Input::Field(if value.is_missing() {
                    self.default.unwrap_or(value)
                } else {
                    value
                })
            }
            Some(&Wire::Sparse { group, index }) => {
                let (signs, weights) = self.env.parts[group as usize].sparse(index);
                Input::Signs(signs, weights)
            }
            Some(&Wire::Dense {
                group,
                offset,
                width,
                order,
            }) => {
                let part = self.env.parts[group as usize];
                let missing = part.missing.get(order).copied().unwrap_or(true);
                Input::Numbers((!missing).then(|| part.dense(offset, width)))
            }
            None => Input::Field(&Value::Missing),
        }
    }

    /// The value of a field input, after the default; missing for features.
    pub(crate) fn value(&self, i: usize) -> &'a Value {
        match self.get(i) {
            Input::Field(value) => value,
            Input::Signs(..) | Input::Numbers(_) => &Value::Missing,
        }
    }

    /// An input as a number, after the default.
    pub(crate) fn number(&self, i: usize) -> Option<f64> {
        match self.get(i) {
            Input::Field(value) => value.number(),
            Input::Numbers(Some(numbers)) => numbers.first().map(|x| f64::from(*x)),
            Input::Numbers(None) => self.default.and_then(Value::number),
            Input::Signs(..) => None,
        }
    }

    /// A cell of the `i`-th dictionary column that the operator asked for.
    pub(crate) fn look(&self, i: usize, key: Option<Key<'_>>) -> &'a Value {
        self.reads.get(i).map_or(&Value::Missing, |read| read.get(key))
    }

    /// The same for a column of vectors.
    pub(crate) fn look_vector(&self, i: usize, key: Key<'_>) -> &'a [f32] {
        self.reads.get(i).map_or(&[], |read| read.vector(key))
    }

    /// True if an input was missing before the default.
    pub(crate) fn was_missing(&self, i: usize) -> bool {
        match self.wires.get(i) {
            Some(&Wire::Field { side, index, ty }) => self.field(side, index, ty).is_missing(),
            _ => match self.get(i) {
                Input::Field(value) => value.is_missing(),
                Input::Signs(signs, _) => signs.is_empty(),
                Input::Numbers(numbers) => numbers.is_none(),
            },
        }
    }
}

/// Where an operator puts its result: signs, or exactly as many floats as it declared.
pub(crate) struct Out<'a> {
    /// The slot that signs are made with.
    pub(crate) slot: u32,
    pub(crate) scratch: &'a mut Scratch,
    /// Set when the result is missing.
    pub(crate) missing: bool,
}

impl<'a> Out<'a> {
    /// Empties the buffers.
    pub(crate) fn new(slot: u32, scratch: &'a mut Scratch) -> Out<'a> {
        scratch.signs.clear();
        scratch.weights.clear();
        scratch.dense.clear();
        Out {
            slot,
            scratch,
            missing: false,
        }
    }

    /// One sign, made already. A weight that is not finite drops it.
    pub(crate) fn sign(&mut self, sign: u64, weight: f32) {
        if weight.is_finite() {
            self.scratch.signs.push(sign);
            self.scratch.weights.push(weight);
        }
    }

    /// The sign of a whole number.
    pub(crate) fn int(&mut self, value: i64) {
        self.sign(sign::int(self.slot, value), 1.0);
    }

    /// The sign of a whole number with a weight.
    pub(crate) fn weighted_int(&mut self, value: i64, weight: f32) {
        self.sign(sign::int(self.slot, value), weight);
    }

    /// Appends the signs of all elements of a value.
    pub(crate) fn append(&mut self, cell: &Value) {
        self.elements(cell, 0, usize::MAX);
    }

    /// Keeps the first of equal signs, in order.
    pub(crate) fn dedupe(&mut self) {
        let Scratch {
            signs,
            weights,
            order,
            ..
        } = &mut *self.scratch;
        order.clear();
        order.extend(0..signs.len());
        order.sort_unstable_by_key(|i| (signs[*i], *i));
        for pair in order.windows(2) {
            if signs[pair[0]] == signs[pair[1]] {
                weights[pair[1]] = f32::NAN;
            }
        }
        self.retain(|_, weight| !weight.is_nan());
    }

    /// Keeps the signs that `keep` says yes to, given place and weight, in order.
    pub(crate) fn retain(&mut self, keep: impl Fn(usize, f32) -> bool) {
        let Scratch { signs, weights, .. } = &mut *self.scratch;
        let mut kept = 0;
        for i in 0..signs.len() {
            if keep(i, weights[i]) {
                (signs[kept], weights[kept]) = (signs[i], weights[i]);
                kept += 1;
            }
        }
        signs.truncate(kept);
        weights.truncate(kept);
    }

    /// Keeps the `most` heaviest signs, heaviest first; of equal ones the earlier.
    pub(crate) fn heaviest(&mut self, most: usize) {
        let Scratch {
            signs,
            weights,
            order,
            components,
            ..
        } = &mut *self.scratch;
        order.clear();
        order.extend(0..signs.len());
        order.sort_unstable_by(|a, b| weights[*b].total_cmp(&weights[*a]).then(a.cmp(b)));
        components.clear();
        components.extend(order.iter().take(most).map(|i| (signs[*i], weights[*i])));
        signs.clear();
        weights.clear();
        signs.extend(components.iter().map(|(sign, _)| *sign));
        weights.extend(components.iter().map(|(_, weight)| *weight));
    }

    /// Keeps the signs `from..to`, every `step`-th.
    pub(crate) fn slice(&mut self, from: usize, to: usize, step: usize) {
        self.retain(|i, _| (from..to).contains(&i) && (i - from).is_multiple_of(step));
    }

    /// The sign of a text.
    pub(crate) fn text(&mut self, value: &str, weight: f32) {
        let sign = sign::text(self.slot, value, &mut self.scratch.bytes);
        self.sign(sign, weight);
    }

    /// The signs of the elements `from..to` of a value (a scalar is its only element).
    pub(crate) fn elements(&mut self, value: &Value, from: usize, to: usize) {
        let Scratch {
            signs,
            weights,
            bytes,
            ..
        } = &mut *self.scratch;
        let mut i = 0;
        sign::each(self.slot, value, bytes, |sign, weight| {
            if (from..to).contains(&i) && weight.is_finite() {
                signs.push(sign);
                weights.push(weight);
            }
            i += 1;
        });
    }

    /// One float; missing (0) for none and for what is not finite.
    pub(crate) fn number(&mut self, value: Option<f64>) {
        let number = value.map(narrow).filter(|x| x.is_finite());
        self.missing |= number.is_none();
        self.scratch.dense.push(number.unwrap_or(0.0));
    }

    /// One float, and behind it the missing flag if asked for: 1 when the input was missing or there is no result.
    pub(crate) fn flagged(&mut self, value: Option<f64>, was_missing: bool, flag: bool) {
        self.number(value);
        if flag {
            self.scratch
                .dense
                .push(if was_missing || self.missing { 1.0 } else { 0.0 });
        }
    }
}

/// Appends the signs of one input to `components`; those of a field are made with `slot`.
pub(crate) fn gather(slot: u32, input: Input<'_>, scratch: &mut Scratch) {
    let Scratch {
        components, bytes, ..
    } = scratch;
    match input {
        Input::Field(value) => {
            sign::each(slot, value, bytes, |sign, weight| components.push((sign, weight)));
        }
        Input::Signs(signs, weights) => {
            components.extend(signs.iter().copied().zip(weights.iter().copied()));
        }
        Input::Numbers(_) => {}
    }
}

/// f64 → f32, nearest; infinite where it does not fit.
#[expect(clippy::cast_possible_truncation, reason = "dense results are f32")]
pub(crate) fn narrow(x: f64) -> f32 {
    x as f32
}

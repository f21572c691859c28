//! Towers: `logit = user · item + context`, each side an input and a stack of its own.
//!
//! The gradient of a logit reaches the user's vector times the item's, the item's times the user's, and the context's
//! number as it is; from there each stack goes down by itself, so nothing of one side is seen by another.

use rankine_kernel::Real;
use rankine_kernel::dense;

use super::{Dense, Embedding, Mlp, Mode};
use crate::encode::Batch;
use crate::table::Table;

/// One tower: its input and its layers.
#[derive(Clone, Debug)]
pub struct Tower<T> {
    input: Embedding,
    mlp: Mlp<T>,
}

/// The three towers of a two-sided model.
#[derive(Clone, Debug)]
pub struct Towers<T> {
    user: Tower<T>,
    item: Tower<T>,
    context: Tower<T>,
    dim: usize,
}

impl<T: Real> Tower<T> {
    /// A tower of an input and the layers over it; without inputs there must be one layer of one number, a bias.
    #[must_use]
    pub fn new(input: Embedding, mlp: Mlp<T>) -> Self {
        Self { input, mlp }
    }

    fn forward(&mut self, tables: &[Table<T>], batch: &Batch<T>, mode: Mode) {
        let rows = batch.len();
        let x = self.mlp.input(rows * self.input.width());
        if self.input.width() > 0 {
            self.input.forward(tables, batch, x);
            return self.mlp.forward(rows, mode);
        }
        if let Some((layer, y)) = self.mlp.first(rows) {
            y.fill(layer.bias.first().copied().unwrap_or(T::ZERO));
        }
    }

    /// Adds the gradients, from the filled gradient of the output.
    fn backward(&mut self, tables: &mut [Table<T>], batch: &Batch<T>) {
        if self.input.width() > 0 {
            let dx = self.mlp.backward(batch.len());
            return self.input.backward(tables, batch, dx);
        }
        let slopes: T = self.mlp.gradient().iter().copied().sum();
        if let Some(layer) = self.mlp.layers.first_mut() {
            layer.bias_gradient.iter_mut().for_each(|bias| *bias += slopes);
        }
    }
}

impl<T: Real> Towers<T> {
    /// The towers; user and item give vectors of `dim` numbers, the context one number.
    #[must_use]
    pub fn new(user: Tower<T>, item: Tower<T>, context: Tower<T>, dim: usize) -> Self {
        Self {
            user,
            item,
            context,
            dim,
        }
    }

    /// Writes each sample's logit.
    pub fn forward(&mut self, tables: &[Table<T>], batch: &Batch<T>, mode: Mode, logits: &mut [T]) {
        for tower in self.all_mut() {
            tower.forward(tables, batch, mode);
        }
        let vectors = self.user.mlp.output().chunks_exact(self.dim);
        let vectors = vectors.zip(self.item.mlp.output().chunks_exact(self.dim));
        for ((logit, (u, i)), c) in logits.iter_mut().zip(vectors).zip(self.context.mlp.output()) {
            *logit = dense::dot(u, i) + *c;
        }
    }

    /// Adds the gradients of everything, from those of the logits.
    pub fn backward(&mut self, tables: &mut [Table<T>], batch: &Batch<T>, slopes: &[T]) {
        let len = batch.len() * self.dim;
        let to_user = self.user.mlp.output_gradient(len).1;
        scale(slopes, self.item.mlp.output(), self.dim, to_user);
        let to_item = self.item.mlp.output_gradient(len).1;
        scale(slopes, self.user.mlp.output(), self.dim, to_item);
        let to_context = self.context.mlp.output_gradient(batch.len()).1;
        to_context.copy_from_slice(slopes);
        for tower in self.all_mut() {
            tower.backward(tables, batch);
        }
    }

    fn all_mut(&mut self) -> [&mut Tower<T>; 3] {
        [&mut self.user, &mut self.item, &mut self.context]
    }

    /// All layers in a fixed order: the user's, the item's, the context's.
    pub fn layers(&self) -> impl Iterator<Item = &Dense<T>> {
        let towers = [&self.user, &self.item, &self.context];
        towers.into_iter().flat_map(|tower| &tower.mlp.layers)
    }

    /// As [`Towers::layers`], to be changed.
    pub fn layers_mut(&mut self) -> impl Iterator<Item = &mut Dense<T>> {
        self.all_mut().into_iter().flat_map(|tower| &mut tower.mlp.layers)
    }
}

/// Each row of `from` times its slope.
fn scale<T: Real>(slopes: &[T], from: &[T], dim: usize, to: &mut [T]) {
    let rows = to.chunks_exact_mut(dim).zip(from.chunks_exact(dim));
    for ((to, from), slope) in rows.zip(slopes) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *slope * *from;
        }
    }
}

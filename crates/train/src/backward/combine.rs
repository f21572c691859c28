//! How a user's and an item's vector become one number, and back.
//!
//! As in serving (`Combination`), each combination but `concat` is made a dot product of a *query* that rests on the user
//! and a *key* that rests on the item. Scores of any user with any item are then products of queries and keys, which is
//! what objectives over a whole batch need; from the gradients of queries and keys those of the vectors follow.

use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::activation::Activation;
use rankine_kernel::{Real, dense};
use rankine_model::config::Init;
use rankine_model::{Combination, Towers};

use super::{Dense, sized};

/// The combination of two vectors under training.
#[derive(Clone, Debug)]
pub struct Combine<T> {
    kind: Combination,
    /// One over the temperature.
    scale: T,
    dim: usize,
    /// The weights of `product` and `concat`; the bias is the context's, this one's stays zero.
    pub weights: Option<Dense<T>>,
    queries: Vec<T>,
    keys: Vec<T>,
    /// One over the length of each user's and each item's vector; 0 where it has no direction.
    user_lengths: Vec<T>,
    item_lengths: Vec<T>,
}

impl<T: Real> Combine<T> {
    /// What `towers` are combined by, with first weights.
    pub fn new(towers: &Towers, init: Init, random: &mut Xoshiro256PlusPlus) -> Self {
        let dense = |inputs| {
            let mut layer = Dense::drawn("combine", (inputs, 1), Activation::Linear, init, random);
            if let Some(scale) = towers.scale {
                layer.weight.fill(T::of(scale));
            }
            layer
        };
        Self {
            kind: towers.combination,
            scale: T::of(1.0 / towers.temperature),
            dim: towers.dim,
            weights: towers.weights().map(dense),
            queries: Vec::new(),
            keys: Vec::new(),
            user_lengths: Vec::new(),
            item_lengths: Vec::new(),
        }
    }

    /// Numbers of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The learnt factor before a dot product or a cosine, which is in no query; 1 where there is none.
    #[must_use]
    pub fn factor(&self) -> T {
        self.scaled()
            .and_then(|layer| layer.weight.first())
            .copied()
            .unwrap_or(T::ONE)
    }

    /// Adds to the gradient of that factor.
    pub fn add_factor(&mut self, gradient: T) {
        if self.scaled().is_some() {
            let layer = self.weights.iter_mut();
            layer.for_each(|layer| layer.weight_gradient[0] += gradient);
        }
    }

    fn scaled(&self) -> Option<&Dense<T>> {
        let plain = matches!(self.kind, Combination::Dot | Combination::Cosine);
        self.weights.as_ref().filter(|_| plain)
    }

    /// The queries of users' vectors.
    pub fn queries(&mut self, users: &[T]) -> &[T] {
        let out = sized(&mut self.queries, users.len());
        out.copy_from_slice(users);
        match (self.kind, &self.weights) {
            (Combination::Cosine, _) => units(self.scale, self.dim, out, &mut self.user_lengths),
            (Combination::Product, Some(weights)) => {
                for query in out.chunks_exact_mut(self.dim) {
                    let weighed = query.iter_mut().zip(&weights.weight);
                    weighed.for_each(|(u, w)| *u = *u * *w * self.scale);
                }
            }
            _ => dense::scale(self.scale, out),
        }
        &self.queries
    }

    /// The keys of items' vectors.
    pub fn keys(&mut self, items: &[T]) -> &[T] {
        let out = sized(&mut self.keys, items.len());
        out.copy_from_slice(items);
        if self.kind == Combination::Cosine {
            units(T::ONE, self.dim, out, &mut self.item_lengths);
        }
        &self.keys
    }

    /// The queries and keys made last.
    #[must_use]
    pub fn made(&self) -> (&[T], &[T]) {
        (&self.queries, &self.keys)
    }

    /// Turns the gradient of the queries into that of the users' vectors; adds that of the weights.
    pub fn backward_users(&mut self, users: &[T], gradient: &mut [T]) {
        match (self.kind, &mut self.weights) {
            (Combination::Cosine, _) => ununits(
                self.scale,
                self.dim,
                (&self.queries, &self.user_lengths),
                gradient,
            ),
            (Combination::Product, Some(layer)) => {
                let scale = self.scale;
                for (u, g) in users
                    .chunks_exact(self.dim)
                    .zip(gradient.chunks_exact_mut(self.dim))
                {
                    let weights = layer.weight.iter().zip(&mut layer.weight_gradient);
                    for ((u, g), (w, dw)) in u.iter().zip(g).zip(weights) {
                        let scaled = *g * scale;
                        *dw += scaled * *u;
                        *g = scaled * *w;
                    }
                }
            }
            _ => dense::scale(self.scale, gradient),
        }
    }

    /// Turns the gradient of the keys into that of the items' vectors.
    pub fn backward_items(&self, gradient: &mut [T]) {
        if self.kind == Combination::Cosine {
            ununits(T::ONE, self.dim, (&self.keys, &self.item_lengths), gradient);
        }
    }

    /// Adds each sample's combination to `logits`.
    pub fn forward(&mut self, users: &[T], items: &[T], logits: &mut [T]) {
        if let (Combination::Concat, Some(layer)) = (self.kind, &self.weights) {
            let (own, other) = layer.weight.split_at(self.dim);
            let vectors = users.chunks_exact(self.dim).zip(items.chunks_exact(self.dim));
            for (logit, (u, i)) in logits.iter_mut().zip(vectors) {
                *logit += (dense::dot(u, own) + dense::dot(i, other)) * self.scale;
            }
            return;
        }
        self.queries(users);
        self.keys(items);
        let factor = self.factor();
        let vectors = self.queries.chunks_exact(self.dim);
        let vectors = vectors.zip(self.keys.chunks_exact(self.dim));
        for (logit, (q, k)) in logits.iter_mut().zip(vectors) {
            *logit += dense::dot(q, k) * factor;
        }
    }

    /// Writes the gradients of the vectors of the samples last run forward, from those of their logits.
    pub fn backward(&mut self, users: (&[T], &mut [T]), items: (&[T], &mut [T]), slopes: &[T]) {
        let (to_user, to_item) = (users.1, items.1);
        if let (Combination::Concat, Some(layer)) = (self.kind, &mut self.weights) {
            let (own, other) = layer.weight.split_at(self.dim);
            let (own_gradient, other_gradient) = layer.weight_gradient.split_at_mut(self.dim);
            side(slopes, self.scale, (own, own_gradient), (users.0, to_user));
            return side(slopes, self.scale, (other, other_gradient), (items.0, to_item));
        }
        let factor = self.factor();
        scaled((slopes, factor), &self.keys, self.dim, to_user);
        scaled((slopes, factor), &self.queries, self.dim, to_item);
        if self.scaled().is_some() {
            let vectors = self.queries.chunks_exact(self.dim);
            let vectors = vectors.zip(self.keys.chunks_exact(self.dim)).zip(slopes);
            let gradient = vectors.map(|((q, k), slope)| dense::dot(q, k) * *slope).sum();
            self.add_factor(gradient);
        }
        self.backward_users(users.0, to_user);
        self.backward_items(to_item);
    }
}

/// One side of `concat`: the gradients of its weights and of its vectors.
fn side<T: Real>(
    slopes: &[T],
    scale: T,
    (weights, gradient): (&[T], &mut [T]),
    (vectors, out): (&[T], &mut [T]),
) {
    let dim = weights.len();
    for ((slope, vector), out) in slopes
        .iter()
        .zip(vectors.chunks_exact(dim))
        .zip(out.chunks_exact_mut(dim))
    {
        dense::axpy(*slope * scale, vector, gradient);
        out.iter_mut()
            .zip(weights)
            .for_each(|(out, w)| *out = *slope * scale * *w);
    }
}

/// Gives each vector the length `length`, zeros where it has no direction; keeps one over what lengths were.
fn units<T: Real>(length: T, dim: usize, vectors: &mut [T], kept: &mut Vec<T>) {
    kept.clear();
    for vector in vectors.chunks_exact_mut(dim) {
        let norm = dense::dot(vector, vector).sqrt();
        let inverse = if norm > T::of(Combination::SHORTEST) {
            T::ONE / norm
        } else {
            T::ZERO
        };
        kept.push(inverse);
        dense::scale(length * inverse, vector);
    }
}

/// From the gradient of `length · x/|x|` to that of x: `length/|x| · (g − e·(e·g))`, e the direction of x.
fn ununits<T: Real>(length: T, dim: usize, (made, kept): (&[T], &[T]), gradient: &mut [T]) {
    for ((made, inverse), g) in made
        .chunks_exact(dim)
        .zip(kept)
        .zip(gradient.chunks_exact_mut(dim))
    {
        let along = dense::dot(made, g) / (length * length);
        dense::axpy(-along, made, g);
        dense::scale(length * *inverse, g);
    }
}

/// Each row of `from` times its slope and `factor`.
fn scaled<T: Real>((slopes, factor): (&[T], T), from: &[T], dim: usize, to: &mut [T]) {
    let rows = to.chunks_exact_mut(dim).zip(from.chunks_exact(dim));
    for ((to, from), slope) in rows.zip(slopes) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *slope * factor * *from;
        }
    }
}

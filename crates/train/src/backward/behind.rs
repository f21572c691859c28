//! What stands behind the product of a hidden layer under training: norms and activations that are layers of their own.
//!
//! Decision: they are the layers of graphs ([`rankine_model::graph`]), forward as they serve and back as `graph` has it, so that a
//! norm is one piece of code wherever it stands. A layer without any is untouched by this file.

use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::Real;
use rankine_model::config::Init;
use rankine_model::graph::{Keep, Layer, View};

use super::{Dense, Mode, sized};
use crate::graph::{Pass, back, run};

/// One of the layers behind a product.
#[derive(Clone, Debug)]
struct Unit<T> {
    layer: Layer,
    /// Its parameters among all of the product's.
    blocks: std::ops::Range<usize>,
    keep: Keep<T>,
    /// What it reads: the product, or what the layer before it gave.
    value: Vec<T>,
}

/// The layers behind one product.
#[derive(Clone, Debug, Default)]
pub struct Behind<T> {
    units: Vec<Unit<T>>,
    /// Parameters of all layers, in order.
    pub blocks: Vec<Dense<T>>,
    slope: [Vec<T>; 1],
}

impl<T: Real> Behind<T> {
    /// These layers, by name, with first weights.
    #[must_use]
    pub fn new(layers: Vec<(String, Layer)>, random: &mut Xoshiro256PlusPlus) -> Self {
        let mut behind = Self {
            units: Vec::new(),
            blocks: Vec::new(),
            slope: [Vec::new()],
        };
        for (name, layer) in layers {
            let first = behind.blocks.len();
            for spec in layer.blocks() {
                let name = format!("{name}{}", spec.name);
                behind
                    .blocks
                    .push(Dense::block(&name, &spec, Init::GLOROT, random));
            }
            behind.units.push(Unit {
                layer,
                blocks: first..behind.blocks.len(),
                keep: Keep::default(),
                value: Vec::new(),
            });
        }
        behind
    }

    /// Whether nothing stands there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Whether a layer's figures are those of the whole batch.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.blocks.iter().any(|block| block.moving)
    }

    /// The buffer for the product, `len` numbers, to be filled before [`Behind::forward`].
    pub fn product(&mut self, len: usize) -> &mut [T] {
        self.units
            .first_mut()
            .map_or(&mut [], |unit| sized(&mut unit.value, len))
    }

    /// Runs the layers on the filled product of `rows` rows; the last one's value goes to `out`.
    pub fn forward(&mut self, rows: usize, mode: Mode, out: &mut [T]) {
        for at in 0..self.units.len() {
            let (now, later) = self.units.split_at_mut(at + 1);
            let Unit {
                layer,
                blocks,
                keep,
                value,
            } = &mut now[at];
            let from = [View::rows(value, value.len() / rows.max(1))];
            let blocks = &mut self.blocks[blocks.clone()];
            let out = match later.first_mut() {
                Some(next) => sized(&mut next.value, value.len()),
                None => &mut *out,
            };
            run(layer, rows, &from, blocks, (out, keep), mode);
        }
    }

    /// Adds the parameters' gradients and turns that of the value `out`, which forward gave while learning, into that of the
    /// product.
    pub fn backward(&mut self, rows: usize, out: &[T], gradient: &mut Vec<T>) {
        for at in (0..self.units.len()).rev() {
            let (now, later) = self.units.split_at_mut(at + 1);
            let unit = &mut now[at];
            let from = [View::rows(&unit.value, unit.value.len() / rows.max(1))];
            sized(&mut self.slope[0], unit.value.len()).fill(T::ZERO);
            let pass = Pass {
                rows,
                from: &from,
                out: later.first().map_or(out, |next| &next.value),
                slope: gradient,
                keep: &mut unit.keep,
                blocks: &mut self.blocks[unit.blocks.clone()],
                to: &mut self.slope,
            };
            back(&unit.layer, pass);
            std::mem::swap(gradient, &mut self.slope[0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{differences, random};
    use rand::SeedableRng;
    use rankine_model::config::{ActivationName, NormName};

    const ROWS: usize = 5;

    fn behind(norm: Option<NormName>, activation: ActivationName) -> Behind<f64> {
        let layers = rankine_model::graph::Behind { norm, activation }.layers("l", 4);
        let mut behind = Behind::new(layers, &mut Xoshiro256PlusPlus::seed_from_u64(1));
        for block in behind.blocks.iter_mut().filter(|block| !block.moving) {
            block.weight = random(block.weight.len(), 3);
            block.bias = random(block.bias.len(), 4);
        }
        behind
    }

    fn value(behind: &mut Behind<f64>, x: &[f64], mode: Mode) -> Vec<f64> {
        let mut out = vec![9.0; x.len()];
        behind.product(x.len()).copy_from_slice(x);
        behind.forward(ROWS, mode, &mut out);
        out
    }

    fn cost(behind: &Behind<f64>, x: &[f64], c: &[f64]) -> f64 {
        let out = value(&mut behind.clone(), x, Mode::Learn);
        out.iter().zip(c).map(|(y, c)| y * c).sum()
    }

    #[test]
    fn gradients_agree_with_differences_of_product_and_parameters() {
        let (x, c) = (random(ROWS * 4, 5), random(ROWS * 4, 6));
        let activations = [
            ActivationName::Relu,
            ActivationName::Gelu,
            ActivationName::Prelu,
            ActivationName::Dice,
            ActivationName::Tanh,
        ];
        let norms = [None, Some(NormName::Batch), Some(NormName::Layer)];
        for (norm, activation) in norms.into_iter().flat_map(|n| activations.map(|a| (n, a))) {
            let mut layers = behind(norm, activation);
            if layers.is_empty() {
                continue;
            }
            let out = value(&mut layers, &x, Mode::Learn);
            let mut gradient = c.clone();
            layers.backward(ROWS, &out, &mut gradient);
            differences(&x, &gradient, |x| cost(&layers, x, &c));
            for at in 0..layers.blocks.len() {
                let block = &layers.blocks[at];
                differences(&block.weight, &block.weight_gradient, |w| {
                    let mut other = layers.clone();
                    other.blocks[at].weight.copy_from_slice(w);
                    cost(&other, &x, &c)
                });
            }
        }
    }

    #[test]
    fn judging_reads_the_moving_figures_and_moves_nothing() {
        let mut layers = behind(Some(NormName::Batch), ActivationName::Relu);
        assert!(layers.is_whole() && !behind(Some(NormName::Layer), ActivationName::Prelu).is_whole());
        let x = random(ROWS * 4, 5);
        value(&mut layers, &x, Mode::Learn);
        let moved = layers.blocks[1].weight.clone();
        assert!(moved.iter().any(|m| *m != 0.0));
        let all = value(&mut layers, &x, Mode::Judge);
        assert_eq!(layers.blocks[1].weight, moved);
        for (row, out) in x.chunks(4).zip(all.chunks(4)) {
            let mut one = vec![0.0; 4];
            layers.product(4).copy_from_slice(row);
            layers.forward(1, Mode::Judge, &mut one);
            assert_eq!(one, out, "a batch is its rows one by one");
        }
    }
}

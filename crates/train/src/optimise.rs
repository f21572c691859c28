//! Which optimiser moves which parameters: embeddings, wide weights and dense tensors each have their own.
//!
//! Dense tensors move at every step, table rows only when a batch touches them; both count the same global steps. L2 on
//! dense weights is added to their gradient here, so every optimiser sees it; biases are never decayed.

use rankine_kernel::Real;
use rankine_kernel::dense::{axpy, dot};
use rankine_kernel::optimiser::Optimiser;

use crate::backward::Dense;
use crate::checkpoint::tape::Tape;
use crate::model::{Course, Mover};

/// The same optimiser with its learning rate multiplied by `factor`.
#[must_use]
pub fn scaled(optimiser: Optimiser, factor: f64) -> Optimiser {
    let mut optimiser = optimiser;
    match &mut optimiser {
        Optimiser::Sgd { rate }
        | Optimiser::Momentum { rate, .. }
        | Optimiser::Nesterov { rate, .. }
        | Optimiser::Adagrad { rate, .. }
        | Optimiser::Adam { rate, .. }
        | Optimiser::AdamW { rate, .. }
        | Optimiser::RmsProp { rate, .. }
        | Optimiser::Ftrl { rate, .. } => *rate *= factor,
    }
    optimiser
}

/// Optimiser and state of the dense layers of a network.
#[derive(Clone, Debug)]
pub struct DenseSteps<T> {
    mover: Mover,
    states: Vec<(Vec<T>, Vec<T>)>,
    /// Whether a layer's weight, and its bias, stay as they are.
    frozen: Vec<(bool, bool)>,
}

impl<T: Real> DenseSteps<T> {
    /// State for `layers`, in the order in which [`DenseSteps::step`] will be given them.
    #[must_use]
    pub fn new<'a>(mover: Mover, layers: impl Iterator<Item = &'a mut Dense<T>>) -> Self {
        let state = |tensor: &[T]| mover.optimiser.state(tensor.len());
        let states: Vec<_> = layers.map(|l| (state(&l.weight), state(&l.bias))).collect();
        let frozen = vec![(false, false); states.len()];
        Self {
            mover,
            states,
            frozen,
        }
    }

    /// Keeps the parameters that `course` freezes as they are.
    pub fn freeze<'a>(&mut self, course: &Course, layers: impl Iterator<Item = &'a mut Dense<T>>) {
        for (layer, frozen) in layers.zip(&mut self.frozen) {
            let stays = |part: &str| course.is_frozen(&format!("{}.{part}", layer.name));
            *frozen = (stays("weight"), stays("bias"));
        }
    }

    /// The state of each weight and bias in turn.
    pub(crate) fn states_mut(&mut self) -> impl Iterator<Item = &mut Vec<T>> {
        self.states.iter_mut().flat_map(|(weight, bias)| [weight, bias])
    }

    /// Writes or reads back the state.
    pub(crate) fn exchange(&mut self, tape: &mut Tape<'_>) {
        for (weight, bias) in &mut self.states {
            tape.numbers(weight);
            tape.numbers(bias);
        }
    }

    /// The sum of the squares of the gradients of what moves.
    pub fn square<'a>(&self, layers: impl Iterator<Item = &'a mut Dense<T>>) -> f64 {
        let of = |frozen: bool, g: &[T]| if frozen { 0.0 } else { dot(g, g).to_f64() };
        let pairs = layers.zip(&self.frozen);
        let sums = pairs.map(|(l, f)| of(f.0, &l.weight_gradient) + of(f.1, &l.bias_gradient));
        sums.sum()
    }

    /// Moves weights and biases against their gradients at step number `t` (from 1), the rate multiplied by `factor`.
    pub fn step<'a>(&mut self, t: u64, factor: f64, layers: impl Iterator<Item = &'a mut Dense<T>>) {
        let optimiser = scaled(self.mover.optimiser, factor);
        let states = self.states.iter_mut().zip(&self.frozen);
        for (layer, ((weight, bias), frozen)) in layers.zip(states).filter(|(layer, _)| !layer.moving) {
            if self.mover.l2 > 0.0 {
                axpy(T::of(self.mover.l2), &layer.weight, &mut layer.weight_gradient);
            }
            if !frozen.0 {
                optimiser.step(t, &mut layer.weight, &layer.weight_gradient, weight);
            }
            if !frozen.1 {
                optimiser.step(t, &mut layer.bias, &layer.bias_gradient, bias);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;
    use rankine_kernel::activation::Activation;

    #[test]
    fn decay_reaches_weights_but_not_biases() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut layer = Dense::<f64>::new("d", (2, 1), Activation::Linear, &mut random);
        layer.weight = vec![1.0, -2.0];
        layer.bias = vec![3.0];
        let mover = Mover {
            optimiser: Optimiser::Sgd { rate: 0.5 },
            l2: 0.1,
        };
        let mut steps = DenseSteps::new(mover, std::iter::once(&mut layer));
        steps.step(1, 2.0, std::iter::once(&mut layer));
        assert_eq!(layer.weight, [1.0 - 0.1, -2.0 + 0.2]);
        assert_eq!(layer.bias, [3.0]);
    }

    #[test]
    fn every_optimiser_can_be_scaled() {
        for name in Optimiser::NAMES {
            let plain = Optimiser::named(name, 0.01).unwrap();
            assert_eq!(scaled(plain, 2.0), Optimiser::named(name, 0.02).unwrap());
        }
    }
}

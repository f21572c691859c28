//! The dense layer `y = f(x·W + b)` with its gradients.
//!
//! Bias and activation ride in the kernel's epilogue forward; backward turns the gradient of `y` into that of the
//! pre-activation in place, so no second buffer is needed.

use std::ops::Range;

use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::activation::Activation;
use rankine_kernel::{Real, dense};
use rankine_model::config::Init;
use rankine_model::graph::{BlockSpec, Start};

use super::initial;

/// One dense layer: parameters, their gradients, and the shape.
#[derive(Clone, Debug)]
pub struct Dense<T> {
    /// Name; parameters are `<name>.weight` and `<name>.bias`.
    pub name: String,
    /// Numbers per input row.
    pub inputs: usize,
    /// Numbers per output row.
    pub outputs: usize,
    /// Applied to each output.
    pub activation: Activation,
    /// Row-major, inputs × outputs.
    pub weight: Vec<T>,
    /// One per output.
    pub bias: Vec<T>,
    /// Gradient of `weight` since [`Dense::begin`].
    pub weight_gradient: Vec<T>,
    /// Gradient of `bias` since [`Dense::begin`].
    pub bias_gradient: Vec<T>,
    /// Whether optimisers leave it alone: it follows the data by itself.
    pub moving: bool,
    transposed: Vec<T>,
}

impl<T: Real> Dense<T> {
    /// A layer with Glorot-uniform weights (Glorot and Bengio 2010) and zero bias.
    pub fn new(
        name: &str,
        (inputs, outputs): (usize, usize),
        activation: Activation,
        random: &mut Xoshiro256PlusPlus,
    ) -> Self {
        Self::drawn(name, (inputs, outputs), activation, Init::GLOROT, random)
    }

    /// A layer with weights drawn from `init` and zero bias.
    pub fn drawn(
        name: &str,
        (inputs, outputs): (usize, usize),
        activation: Activation,
        init: Init,
        random: &mut Xoshiro256PlusPlus,
    ) -> Self {
        let mut weight = vec![T::ZERO; inputs * outputs];
        initial::fill(init.spread(inputs, outputs), &mut weight, random);
        Self::with(name, (inputs, outputs), activation, weight)
    }

    /// The parameters of a block of a graph's layer, whatever it does with them; what is drawn is drawn from `init`.
    pub fn block(name: &str, spec: &BlockSpec, init: Init, random: &mut Xoshiro256PlusPlus) -> Self {
        let shape = (spec.inputs, spec.outputs);
        let all = |value| vec![T::of(value); spec.inputs * spec.outputs];
        let mut block = match spec.start {
            Start::Drawn => Self::drawn(name, shape, Activation::Linear, init, random),
            Start::Constant(value) => Self::with(name, shape, Activation::Linear, all(value)),
            Start::Moving => Self::with(name, shape, Activation::Linear, all(0.0)),
        };
        if spec.start == Start::Moving {
            block.moving = true;
            block.bias.fill(T::ONE);
        }
        if !spec.bias {
            block.bias.clear();
            block.bias_gradient.clear();
        }
        block
    }

    /// A linear layer of one output that adds its inputs up.
    #[must_use]
    pub fn ones(name: &str, inputs: usize) -> Self {
        Self::with(name, (inputs, 1), Activation::Linear, vec![T::ONE; inputs])
    }

    fn with(name: &str, (inputs, outputs): (usize, usize), activation: Activation, weight: Vec<T>) -> Self {
        Self {
            name: name.into(),
            inputs,
            outputs,
            activation,
            weight,
            bias: vec![T::ZERO; outputs],
            weight_gradient: vec![T::ZERO; inputs * outputs],
            bias_gradient: vec![T::ZERO; outputs],
            moving: false,
            transposed: Vec::new(),
        }
    }

    /// `y = f(x·W + b)` for `rows` rows.
    pub fn forward(&self, rows: usize, x: &[T], y: &mut [T]) {
        if self.outputs == 1 && self.inputs > 0 {
            return self.forward_thin(x, y);
        }
        dense::affine_batch(rows, x, &self.weight, Some(&self.bias), self.activation, y);
    }

    /// [`Dense::forward`] of rows that lie `stride` numbers apart; the layer has more than one output.
    pub fn forward_block(&self, rows: usize, (x, stride): (&[T], usize), y: &mut [T]) {
        let (weight, bias) = (&self.weight, Some(&self.bias[..]));
        dense::affine_block(x, (rows, stride), weight, bias, self.activation, y);
    }

    /// One output per row: eight running sums that stay in registers beat the kernel's fixed tree on short rows.
    /// Serving sums in another order; the two agree to rounding.
    fn forward_thin(&self, x: &[T], y: &mut [T]) {
        let (weight, rest) = self.weight.as_chunks::<8>();
        for (y, x) in y.iter_mut().zip(x.chunks_exact(self.inputs)) {
            let (x, x_rest) = x.as_chunks::<8>();
            let mut sums = [T::ZERO; 8];
            for (x, w) in x.iter().zip(weight) {
                for lane in 0..8 {
                    sums[lane] += x[lane] * w[lane];
                }
            }
            let tail: T = x_rest.iter().zip(rest).map(|(x, w)| *x * *w).sum();
            *y = self
                .activation
                .value(self.bias[0] + tail + sums.into_iter().sum());
        }
    }

    /// Begins a batch, after the weights have moved: gradients are zero.
    pub fn begin(&mut self) {
        self.weight_gradient.fill(T::ZERO);
        self.bias_gradient.fill(T::ZERO);
        self.transposed.clear();
    }

    /// [`Dense::forward`] of rows of which only some stretches are not zero; nothing else of them is read. The layer has more than one output.
    pub fn forward_spans(&self, rows: usize, x: &[T], spans: &[Range<usize>], y: &mut [T]) {
        let n = self.outputs;
        y.chunks_exact_mut(n).for_each(|y| y.copy_from_slice(&self.bias));
        for span in spans.iter().filter(|span| !span.is_empty() && rows > 0) {
            let weight = &self.weight[span.start * n..span.end * n];
            dense::accumulate_block(&x[span.start..], (rows, self.inputs), weight, y);
        }
        self.activation.apply(y);
    }

    /// [`Dense::backward`] of rows that lie `stride` numbers apart, without the input's gradient.
    pub fn backward_block(&mut self, rows: usize, (x, stride): (&[T], usize), y: &[T], dy: &mut [T]) {
        self.slopes(y, dy);
        dense::weight_gradient_block(x, (rows, stride), dy, &mut self.weight_gradient);
    }

    /// Turns the gradient of `y` into that of the pre-activation and adds it to the bias's.
    pub(super) fn slopes(&mut self, y: &[T], dy: &mut [T]) {
        self.activation.backward(y, dy);
        dense::bias_gradient(dy, &mut self.bias_gradient);
    }

    /// The gradient of as many leading numbers of each input row as `dx` has place for, from that of the pre-activation.
    pub(super) fn input_gradient(&mut self, rows: usize, dy: &[T], dx: &mut [T]) {
        if rows == 0 {
            return;
        }
        let leading = dx.len() / rows * self.outputs;
        if self.transposed.len() != leading {
            dense::transpose(&self.weight[..leading], self.outputs, &mut self.transposed);
        }
        dense::input_gradient(rows, dy, &self.transposed, dx);
    }

    /// Adds the parameter gradients of a part of the batch and writes the input's gradient to `dx` if asked for: of as many leading
    /// numbers of each input row as `dx` has place for, always the same in a batch.
    ///
    /// `dy` holds the gradient of `y` and is changed to that of the pre-activation.
    pub fn backward(&mut self, rows: usize, (x, y): (&[T], &[T]), dy: &mut [T], dx: Option<&mut [T]>) {
        self.slopes(y, dy);
        dense::weight_gradient(rows, x, dy, &mut self.weight_gradient);
        if let Some(dx) = dx {
            self.input_gradient(rows, dy, dx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{differences, random};
    use rand::SeedableRng;

    /// Σ c·y as a function of one parameter or input, against the analytic gradient.
    fn agree(inputs: usize, outputs: usize, rows: usize, activation: Activation) {
        let mut layer = Dense::<f64>::new(
            "d",
            (inputs, outputs),
            activation,
            &mut Xoshiro256PlusPlus::seed_from_u64(4),
        );
        layer.bias = random(outputs, 1);
        let x = random(rows * inputs, 2);
        let c = random(rows * outputs, 3);
        let cost = |layer: &Dense<f64>, x: &[f64]| {
            let mut y = vec![0.0; rows * outputs];
            layer.forward(rows, x, &mut y);
            y.iter().zip(&c).map(|(y, c)| y * c).sum::<f64>()
        };
        let (mut y, mut dx) = (vec![0.0; rows * outputs], vec![0.0; rows * inputs]);
        layer.forward(rows, &x, &mut y);
        layer.begin();
        layer.backward(rows, (&x, &y), &mut c.clone(), Some(&mut dx));
        differences(&x, &dx, |x| cost(&layer, x));
        let probe = |change: &dyn Fn(&mut Dense<f64>)| {
            let mut other = layer.clone();
            change(&mut other);
            cost(&other, &x)
        };
        differences(&layer.weight, &layer.weight_gradient, |w| {
            probe(&|l| l.weight = w.to_vec())
        });
        differences(&layer.bias, &layer.bias_gradient, |b| {
            probe(&|l| l.bias = b.to_vec())
        });
    }

    #[test]
    fn gradients_agree_with_differences_for_every_activation_and_odd_shapes() {
        for activation in Activation::ALL {
            agree(5, 3, 7, activation);
            agree(19, 17, 2, activation);
            agree(4, 1, 9, activation);
            agree(1, 1, 1, activation);
        }
    }

    #[test]
    fn the_gradient_of_leading_inputs_has_the_bits_of_the_whole() {
        let mut draw = Xoshiro256PlusPlus::seed_from_u64(5);
        let mut layer = Dense::<f32>::new("d", (37, 9), Activation::Relu, &mut draw);
        let narrow = |numbers: Vec<f64>| numbers.into_iter().map(f32::of).collect::<Vec<f32>>();
        let (x, c) = (narrow(random(11 * 37, 1)), narrow(random(11 * 9, 2)));
        let mut y = vec![0.0; 11 * 9];
        layer.forward(11, &x, &mut y);
        let mut gradient = |leading: usize| {
            let mut dx = vec![9.0; 11 * leading];
            layer.begin();
            layer.backward(11, (&x, &y), &mut c.clone(), Some(&mut dx));
            dx
        };
        let whole = gradient(37);
        for leading in [1, 8, 36] {
            let part: Vec<f32> = whole.chunks(37).flat_map(|row| row[..leading].to_vec()).collect();
            assert_eq!(gradient(leading), part);
        }
    }

    #[test]
    fn initial_weights_are_bounded_and_seeded() {
        let make = |seed| {
            Dense::<f32>::new(
                "d",
                (30, 20),
                Activation::Relu,
                &mut Xoshiro256PlusPlus::seed_from_u64(seed),
            )
            .weight
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
        let limit = (6.0_f32 / 50.0).sqrt();
        assert!(make(1).iter().all(|w| w.abs() <= limit) && make(1).iter().any(|w| w.abs() > limit / 2.0));
    }
}

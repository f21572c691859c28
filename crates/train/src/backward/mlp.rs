//! A stack of dense layers, with optional norms and activations behind each, dropout on its input and after each layer.
//!
//! All activations of a batch stay in the stack's buffers until backward has read them; gradients go down in two
//! buffers that swap.

use rankine_kernel::Real;

use super::{Behind, Dense, Dropout, Mode, Parted, sized};

/// Dense layers one after another; without layers the output is the input.
#[derive(Clone, Debug)]
pub struct Mlp<T> {
    /// The layers, first to last.
    pub layers: Vec<Dense<T>>,
    /// What stands behind each layer's product; empty where nothing does anywhere.
    pub behind: Vec<Behind<T>>,
    /// What is dropped of the input.
    pub input_dropout: Option<Dropout<T>>,
    /// What is dropped after each layer; empty without dropout.
    pub dropouts: Vec<Dropout<T>>,
    /// `values[0]` is the input, `values[i]` the output of layer `i − 1`.
    values: Vec<Vec<T>>,
    upper: Vec<T>,
    lower: Vec<T>,
}

impl<T: Real> Mlp<T> {
    /// A stack of `layers`, whose shapes must fit one another.
    #[must_use]
    pub fn new(layers: Vec<Dense<T>>, input_dropout: Option<Dropout<T>>, dropouts: Vec<Dropout<T>>) -> Self {
        let values = vec![Vec::new(); layers.len() + 1];
        Self {
            layers,
            behind: Vec::new(),
            input_dropout,
            dropouts,
            values,
            upper: Vec::new(),
            lower: Vec::new(),
        }
    }

    /// The same with norms and activations behind the layers, one entry a layer.
    #[must_use]
    pub fn with_behind(mut self, behind: Vec<Behind<T>>) -> Self {
        if behind.iter().any(|behind| !behind.is_empty()) {
            self.behind = behind;
        }
        self
    }

    /// The buffer for a batch's input, `len` numbers, to be filled before [`Mlp::forward`].
    pub fn input(&mut self, len: usize) -> &mut [T] {
        sized(&mut self.values[0], len)
    }

    /// The first layer and the buffer for its output, to be filled before [`Mlp::forward_above`]; none without layers.
    pub fn first(&mut self, rows: usize) -> Option<(&Dense<T>, &mut [T])> {
        let layer = self.layers.first()?;
        Some((layer, sized(&mut self.values[1], rows * layer.outputs)))
    }

    /// Runs the stack on the filled input; the result is [`Mlp::output`].
    pub fn forward(&mut self, rows: usize, mode: Mode) {
        if let (Mode::Learn, Some(dropout)) = (mode, &mut self.input_dropout) {
            dropout.forward(&mut self.values[0]);
        }
        if !self.layers.is_empty() {
            self.layer(0, rows, mode);
        }
        self.forward_above(rows, mode);
    }

    /// Whether the first layer can read its input where it lies ([`Mlp::forward_block`]).
    #[must_use]
    pub fn reads_in_place(&self) -> bool {
        self.input_dropout.is_none() && self.layers.first().is_some_and(|layer| layer.outputs > 1)
    }

    /// Runs the stack on rows that lie `stride` numbers apart, which need no copy.
    pub fn forward_block(&mut self, rows: usize, mode: Mode, (x, stride): (&[T], usize)) {
        self.through(0, rows, mode, |layer, _, y| {
            layer.forward_block(rows, (x, stride), y);
        });
        self.forward_above(rows, mode);
    }

    /// Layer `i` and what stands behind it.
    fn layer(&mut self, i: usize, rows: usize, mode: Mode) {
        self.through(i, rows, mode, |layer, x, y| layer.forward(rows, x, y));
    }

    /// The product of layer `i`, made by `product` from the values below, and what stands behind it.
    fn through(
        &mut self,
        i: usize,
        rows: usize,
        mode: Mode,
        product: impl FnOnce(&Dense<T>, &[T], &mut [T]),
    ) {
        let layer = &self.layers[i];
        let (below, above) = self.values.split_at_mut(i + 1);
        let y = sized(&mut above[0], rows * layer.outputs);
        match self.behind.get_mut(i).filter(|behind| !behind.is_empty()) {
            None => product(layer, &below[i], y),
            Some(behind) => {
                product(layer, &below[i], behind.product(y.len()));
                behind.forward(rows, mode, y);
            }
        }
    }

    /// Runs the stack from the first layer's filled output, without that layer and the input.
    pub fn forward_above(&mut self, rows: usize, mode: Mode) {
        for i in 0..self.layers.len() {
            if i > 0 {
                self.layer(i, rows, mode);
            }
            if let (Mode::Learn, Some(dropout)) = (mode, self.dropouts.get_mut(i)) {
                dropout.forward(&mut self.values[i + 1]);
            }
        }
    }

    /// Its dropouts.
    pub fn dropouts_mut(&mut self) -> impl Iterator<Item = &mut Dropout<T>> {
        self.input_dropout.iter_mut().chain(&mut self.dropouts)
    }

    /// The last layer's output.
    #[must_use]
    pub fn output(&self) -> &[T] {
        self.values.last().map_or(&[], Vec::as_slice)
    }

    /// Begins a batch, after the weights have moved: gradients are zero.
    pub fn begin(&mut self) {
        self.blocks_mut().for_each(Dense::begin);
    }

    /// Its layers, then the parameters of what stands behind them.
    pub fn blocks(&self) -> impl Iterator<Item = &Dense<T>> {
        let behind = self.behind.iter().flat_map(|behind| &behind.blocks);
        self.layers.iter().chain(behind)
    }

    /// As [`Mlp::blocks`], to be changed.
    pub fn blocks_mut(&mut self) -> impl Iterator<Item = &mut Dense<T>> {
        let behind = self.behind.iter_mut().flat_map(|behind| &mut behind.blocks);
        self.layers.iter_mut().chain(behind)
    }

    /// The buffer for the gradient of the output, `len` numbers, to be filled before [`Mlp::backward`].
    pub fn output_gradient(&mut self, len: usize) -> (&[T], &mut [T]) {
        (
            self.values.last().map_or(&[], Vec::as_slice),
            sized(&mut self.upper, len),
        )
    }

    /// The buffer that [`Mlp::output_gradient`] gave.
    #[must_use]
    pub fn gradient(&self) -> &[T] {
        &self.upper
    }

    /// Adds all parameter gradients of a part of the batch and returns the gradient of the input.
    pub fn backward(&mut self, rows: usize) -> &mut [T] {
        self.descend(rows, 0);
        if let Some(dropout) = &self.input_dropout {
            dropout.backward(&mut self.upper);
        }
        &mut self.upper
    }

    /// As [`Mlp::backward`], of the first `leading` numbers of each input row, if nothing is dropped of the input and there are layers.
    pub fn backward_leading(&mut self, rows: usize, leading: usize) -> Option<&mut [T]> {
        if self.input_dropout.is_some() || self.layers.is_empty() {
            return None;
        }
        self.descend(rows, 1);
        self.undrop(rows, 0);
        let dx = sized(&mut self.lower, rows * leading);
        let layer = self.layers.first_mut()?;
        layer.backward(
            rows,
            (&self.values[0], &self.values[1]),
            &mut self.upper,
            Some(dx),
        );
        std::mem::swap(&mut self.upper, &mut self.lower);
        Some(&mut self.upper)
    }

    /// As [`Mlp::backward`] down to the first layer, which comes back with its output and that output's gradient.
    pub fn backward_above(&mut self, rows: usize) -> Option<(&mut Dense<T>, &[T], &mut [T])> {
        self.descend(rows, 1);
        self.undrop(rows, 0);
        Some((self.layers.first_mut()?, &self.values[1], &mut self.upper))
    }

    /// Adds all parameter gradients of a part of the batch; that of the input is not asked for.
    pub fn backward_inert(&mut self, rows: usize) {
        self.descend(rows, 1);
        self.undrop(rows, 0);
        if let Some(layer) = self.layers.first_mut() {
            layer.backward(rows, (&self.values[0], &self.values[1]), &mut self.upper, None);
        }
    }

    /// [`Mlp::backward_inert`] after [`Mlp::forward_block`] of the same rows.
    pub fn backward_block(&mut self, rows: usize, x: (&[T], usize)) {
        self.descend(rows, 1);
        self.undrop(rows, 0);
        if let Some(layer) = self.layers.first_mut() {
            layer.backward_block(rows, x, &self.values[1], &mut self.upper);
        }
    }

    /// Runs the stack on the filled input, whose rows stand in the order of `parted`; values above the first layer are in the samples'.
    pub fn forward_parted(&mut self, rows: usize, mode: Mode, parted: &mut Parted<T>) {
        self.through(0, rows, mode, |layer, x, y| parted.forward(layer, x, y));
        self.forward_above(rows, mode);
    }

    /// [`Mlp::backward_leading`] after [`Mlp::forward_parted`] of the same rows.
    pub fn backward_parted(&mut self, rows: usize, leading: usize, parted: &mut Parted<T>) -> &mut [T] {
        self.descend(rows, 1);
        self.undrop(rows, 0);
        let dx = sized(&mut self.lower, rows * leading);
        if let Some(layer) = self.layers.first_mut() {
            parted.backward(layer, (&self.values[0], &self.values[1]), &mut self.upper, dx);
        }
        std::mem::swap(&mut self.upper, &mut self.lower);
        &mut self.upper
    }

    /// Takes the gradient behind layer `i` through its dropout, and through what stands behind its product.
    fn undrop(&mut self, rows: usize, i: usize) {
        if let Some(dropout) = self.dropouts.get(i) {
            dropout.backward(&mut self.upper);
            dropout.unscale(&mut self.values[i + 1]);
        }
        if let Some(behind) = self.behind.get_mut(i) {
            behind.backward(rows, &self.values[i + 1], &mut self.upper);
        }
    }

    /// Runs the layers from the last down to `lowest` backward.
    fn descend(&mut self, rows: usize, lowest: usize) {
        for i in (lowest..self.layers.len()).rev() {
            self.undrop(rows, i);
            let layer = &mut self.layers[i];
            let dx = sized(&mut self.lower, rows * layer.inputs);
            layer.backward(
                rows,
                (&self.values[i], &self.values[i + 1]),
                &mut self.upper,
                Some(dx),
            );
            std::mem::swap(&mut self.upper, &mut self.lower);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{differences, random};
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;
    use rankine_kernel::activation::Activation;

    fn stack(shapes: &[usize], f: Activation) -> Mlp<f64> {
        let mut draw = Xoshiro256PlusPlus::seed_from_u64(6);
        let layers = shapes
            .windows(2)
            .map(|s| Dense::new("l", (s[0], s[1]), f, &mut draw))
            .collect();
        Mlp::new(layers, None, Vec::new())
    }

    fn cost(mlp: &mut Mlp<f64>, x: &[f64], rows: usize, c: &[f64]) -> f64 {
        mlp.input(x.len()).copy_from_slice(x);
        mlp.forward(rows, Mode::Judge);
        mlp.output().iter().zip(c).map(|(y, c)| y * c).sum()
    }

    #[test]
    fn rows_read_where_they_lie_have_the_bits_of_copied_ones() {
        let rows = 7;
        let beside: Vec<f64> = random(rows * 9, 8);
        let x: Vec<f64> = beside.chunks(9).flat_map(|row| row[3..8].to_vec()).collect();
        let (mut copied, mut there) = (
            stack(&[5, 4, 3], Activation::Relu),
            stack(&[5, 4, 3], Activation::Relu),
        );
        copied.input(x.len()).copy_from_slice(&x);
        copied.forward(rows, Mode::Learn);
        there.forward_block(rows, Mode::Learn, (&beside[3..], 9));
        assert_eq!(copied.output(), there.output());
        for (mlp, wide) in [(&mut copied, false), (&mut there, true)] {
            mlp.begin();
            mlp.output_gradient(rows * 3)
                .1
                .copy_from_slice(&random(rows * 3, 9));
            match wide {
                true => mlp.backward_block(rows, (&beside[3..], 9)),
                false => mlp.backward_inert(rows),
            }
        }
        let gradients = |mlp: &Mlp<f64>| -> Vec<f64> {
            let all = mlp
                .layers
                .iter()
                .flat_map(|l| [&l.weight_gradient, &l.bias_gradient]);
            all.flatten().copied().collect()
        };
        assert_eq!(gradients(&copied), gradients(&there));
    }

    #[test]
    fn gradients_agree_with_differences_through_three_layers() {
        let (rows, mut mlp) = (4, stack(&[6, 5, 3, 2], Activation::Tanh));
        let (x, c) = (random(rows * 6, 1), random(rows * 2, 2));
        cost(&mut mlp, &x, rows, &c);
        mlp.output_gradient(rows * 2).1.copy_from_slice(&c);
        let dx = mlp.backward(rows).to_vec();
        differences(&x, &dx, |x| cost(&mut mlp.clone(), x, rows, &c));
        for i in 0..3 {
            let mut other = mlp.clone();
            let gradient = mlp.layers[i].weight_gradient.clone();
            differences(&mlp.layers[i].weight, &gradient, |w| {
                other.layers[i].weight.copy_from_slice(w);
                cost(&mut other, &x, rows, &c)
            });
        }
    }

    #[test]
    fn a_dropped_unit_passes_no_gradient() {
        let rows = 3;
        let mut mlp = stack(&[4, 40], Activation::Linear);
        mlp.dropouts = Dropout::new(0.5, 3).into_iter().collect();
        mlp.input(12).fill(0.5);
        mlp.forward(rows, Mode::Learn);
        let zeros: Vec<bool> = mlp.output()[..40].iter().map(|y| *y == 0.0).collect();
        mlp.output_gradient(120).1.fill(1.0);
        mlp.backward(rows);
        let dead = (0..40)
            .filter(|&j| (0..rows).all(|r| mlp.output()[r * 40 + j] == 0.0))
            .count();
        assert!(zeros.iter().any(|z| *z) && dead > 0);
        for j in 0..40 {
            let silent = (0..rows).all(|r| mlp.output()[r * 40 + j] == 0.0);
            assert_eq!(silent, mlp.layers[0].bias_gradient[j] == 0.0);
        }
    }

    #[test]
    fn gradients_agree_with_differences_under_a_fixed_mask() {
        let (rows, mut mlp) = (3, stack(&[4, 6, 5], Activation::Tanh));
        mlp.input_dropout = Dropout::new(0.3, 1);
        mlp.dropouts = vec![Dropout::new(0.4, 2).unwrap(), Dropout::new(0.2, 3).unwrap()];
        let fresh = mlp.clone();
        let (x, c) = (random(rows * 4, 1), random(rows * 5, 2));
        let cost = |x: &[f64]| {
            let mut mlp = fresh.clone();
            mlp.input(x.len()).copy_from_slice(x);
            mlp.forward(rows, Mode::Learn);
            mlp.output().iter().zip(&c).map(|(y, c)| y * c).sum::<f64>()
        };
        mlp.input(x.len()).copy_from_slice(&x);
        mlp.forward(rows, Mode::Learn);
        mlp.output_gradient(c.len()).1.copy_from_slice(&c);
        differences(&x, mlp.backward(rows), cost);
    }

    #[test]
    fn without_layers_the_gradient_passes_through() {
        let mut mlp = stack(&[2], Activation::Relu);
        mlp.input(2).copy_from_slice(&[1.0, 2.0]);
        mlp.forward(1, Mode::Judge);
        assert_eq!(mlp.output(), [1.0, 2.0]);
        mlp.output_gradient(2).1.copy_from_slice(&[3.0, 4.0]);
        assert_eq!(mlp.backward(1), [3.0, 4.0]);
    }
}

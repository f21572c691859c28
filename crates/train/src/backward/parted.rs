//! The first layer of a tower over samples of which some lack their preference (`dropoutnet`): what is not there is not multiplied.
//!
//! Input rows stand in an order of their own, those with preference first. These go through the layer as they are; of the others
//! only what is left beside the preference does, as rows of a wider matrix. What the layer gives is handed on in the samples' order.
//! Decision: at the usual dropout of one half a third of the products of a wide preference would be with zeros.

use std::ops::Range;

use rankine_kernel::{Real, dense};

use super::{Dense, sized};

/// The order of a batch's input rows, and what the layer reads of those without preference.
#[derive(Clone, Debug)]
pub struct Parted<T> {
    /// The sample of each row: those with preference, then those without.
    order: Vec<u32>,
    /// Rows with preference.
    there: usize,
    /// What is no preference: columns, numbers.
    kept: [Range<usize>; 2],
    /// The layer's outputs, or their gradients, in the rows' order.
    ordered: Vec<T>,
}

impl<T: Real> Parted<T> {
    /// The parts of input rows of which `preference` (columns, numbers, in that order) may be missing.
    #[must_use]
    pub fn new(preference: &[Range<usize>; 2]) -> Self {
        let [columns, numbers] = preference;
        Self {
            order: Vec::new(),
            there: 0,
            kept: [0..columns.start, columns.end..numbers.start],
            ordered: Vec::new(),
        }
    }

    /// Orders the samples whose preference is marked as there (1) or not (0); returns the order.
    pub fn sort(&mut self, marks: &[T]) -> &[u32] {
        self.order.clear();
        for there in [true, false] {
            let samples = marks.iter().zip(0..);
            let chosen = samples.filter(|(mark, _)| (**mark > T::ZERO) == there);
            self.order.extend(chosen.map(|(_, i)| i));
            if there {
                self.there = self.order.len();
            }
        }
        &self.order
    }

    /// Marks the ordered rows of `x`, `width` numbers each, that have their preference, in their last number.
    pub fn mark(&self, x: &mut [T], width: usize) {
        let there = x.chunks_exact_mut(width).take(self.there);
        there.for_each(|row| row[width - 1] = T::ONE);
    }

    /// The layer's outputs `y`, in the samples' order, from the ordered input rows `x`; the layer has more than one output.
    pub fn forward(&mut self, layer: &Dense<T>, x: &[T], y: &mut [T]) {
        let (n, rows) = (layer.outputs, self.order.len());
        let made = sized(&mut self.ordered, rows * n);
        let (with, without) = made.split_at_mut(self.there * n);
        let (full, short) = x.split_at(self.there * layer.inputs);
        layer.forward(self.there, full, with);
        layer.forward_spans(rows - self.there, short, &self.kept, without);
        for (row, i) in made.chunks_exact(n).zip(&self.order) {
            let at = *i as usize * n;
            y[at..at + n].copy_from_slice(row);
        }
    }

    /// Adds the layer's gradients, from that of its outputs `y`, and writes the input's as [`Dense::backward`] does: all but `x` is in the
    /// samples' order.
    pub fn backward(&mut self, layer: &mut Dense<T>, (x, y): (&[T], &[T]), dy: &mut [T], dx: &mut [T]) {
        let (n, rows) = (layer.outputs, self.order.len());
        layer.slopes(y, dy);
        let ordered = sized(&mut self.ordered, rows * n);
        for (row, i) in ordered.chunks_exact_mut(n).zip(&self.order) {
            let at = *i as usize * n;
            row.copy_from_slice(&dy[at..at + n]);
        }
        let (with, without) = ordered.split_at(self.there * n);
        let (full, short) = x.split_at(self.there * layer.inputs);
        dense::weight_gradient(self.there, full, with, &mut layer.weight_gradient);
        let (away, width) = (rows - self.there, layer.inputs);
        for kept in self.kept.iter().filter(|kept| !kept.is_empty() && away > 0) {
            let gradient = &mut layer.weight_gradient[kept.start * n..kept.end * n];
            dense::weight_gradient_block(&short[kept.start..], (away, width), without, gradient);
        }
        layer.input_gradient(rows, dy, dx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{differences, random};
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;
    use rankine_kernel::activation::Activation;

    /// Input of 2 columns of content, 1 of preference, 3 numbers of content, 2 of preference, the mark.
    const SPANS: [Range<usize>; 2] = [2..3, 6..8];
    const WIDTH: usize = 9;
    const OUT: usize = 4;

    /// A layer, marks of seven samples, and their input rows with zeros for what is not there.
    fn case(marks: &[f64]) -> (Dense<f64>, Vec<f64>) {
        let mut draw = Xoshiro256PlusPlus::seed_from_u64(3);
        let layer = Dense::new("d", (WIDTH, OUT), Activation::Relu, &mut draw);
        let mut x = random(marks.len() * WIDTH, 5);
        for (row, mark) in x.chunks_mut(WIDTH).zip(marks) {
            row[WIDTH - 1] = *mark;
            if *mark == 0.0 {
                SPANS.iter().for_each(|span| row[span.clone()].fill(0.0));
            }
        }
        (layer, x)
    }

    /// The rows in their order, numbers that nobody may read where nothing is there.
    fn ordered(parted: &mut Parted<f64>, marks: &[f64], x: &[f64]) -> Vec<f64> {
        let order = parted.sort(marks).to_vec();
        let mut rows = Vec::new();
        for i in order.iter().map(|i| *i as usize) {
            let mut row = x[i * WIDTH..(i + 1) * WIDTH].to_vec();
            row[WIDTH - 1] = f64::NAN;
            if marks[i] == 0.0 {
                SPANS.iter().for_each(|span| row[span.clone()].fill(f64::NAN));
            }
            rows.extend(row);
        }
        parted.mark(&mut rows, WIDTH);
        rows
    }

    #[test]
    fn parts_have_the_outputs_and_gradients_of_the_whole() {
        for marks in [[1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0], [0.0; 7], [1.0; 7]] {
            let (mut whole, x) = case(&marks);
            let mut layer = whole.clone();
            let mut parted = Parted::new(&SPANS);
            let rows = ordered(&mut parted, &marks, &x);
            let (mut y, mut told) = (vec![0.0; 7 * OUT], vec![9.0; 7 * OUT]);
            whole.forward(7, &x, &mut y);
            parted.forward(&layer, &rows, &mut told);
            assert_eq!(told, y);
            let (mut dx, mut to_x) = (vec![0.0; 7 * 3], vec![9.0; 7 * 3]);
            whole.begin();
            whole.backward(7, (&x, &y), &mut random(7 * OUT, 6), Some(&mut dx));
            layer.begin();
            parted.backward(&mut layer, (&rows, &y), &mut random(7 * OUT, 6), &mut to_x);
            assert_eq!((to_x, &layer.bias_gradient), (dx, &whole.bias_gradient));
            let pairs = layer.weight_gradient.iter().zip(&whole.weight_gradient);
            pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{a} {b}"));
        }
    }

    #[test]
    fn the_gradient_of_weights_agrees_with_differences() {
        let marks = [0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
        let (mut layer, x) = case(&marks);
        let mut parted = Parted::new(&SPANS);
        let rows = ordered(&mut parted, &marks, &x);
        let c = random(7 * OUT, 8);
        let mut cost = |layer: &Dense<f64>| {
            let mut y = vec![0.0; 7 * OUT];
            parted.forward(layer, &rows, &mut y);
            let value: f64 = y.iter().zip(&c).map(|(y, c)| y * c).sum();
            (value, y)
        };
        let y = cost(&layer).1;
        let weights = layer.weight.clone();
        let mut probe = layer.clone();
        layer.begin();
        let mut other = Parted::new(&SPANS);
        other.sort(&marks);
        other.backward(&mut layer, (&rows, &y), &mut c.clone(), &mut []);
        differences(&weights, &layer.weight_gradient, |w| {
            probe.weight = w.to_vec();
            cost(&probe).0
        });
    }
}

//! Squeeze and excitation over the fields of a tower's input (Hu, Shen and Sun 2018), and back.
//!
//! `x'_f = s_f·x_f`, `s = σ(relu(z·W₁ + b₁)·W₂ + b₂)`, z the mean of each field. The gradient of a field comes through its own
//! product and, through the two layers, from everything that the field's mean weighed.

use rankine_kernel::Real;

use super::{Dense, sized};

/// The two layers and what backward needs of a batch.
#[derive(Clone, Debug)]
pub struct Excitation<T> {
    fields: Vec<usize>,
    /// Fields → squeezed, relu; squeezed → fields, sigmoid.
    pub layers: [Dense<T>; 2],
    inputs: Vec<T>,
    means: Vec<T>,
    squeezed: Vec<T>,
    weights: Vec<T>,
    /// Gradients of the weights, of the squeezed and of the means.
    gradients: [Vec<T>; 3],
}

impl<T: Real> Excitation<T> {
    /// An excitation of fields of these widths.
    #[must_use]
    pub fn new(fields: Vec<usize>, layers: [Dense<T>; 2]) -> Self {
        Self {
            fields,
            layers,
            inputs: Vec::new(),
            means: Vec::new(),
            squeezed: Vec::new(),
            weights: Vec::new(),
            gradients: [Vec::new(), Vec::new(), Vec::new()],
        }
    }

    /// Weighs the fields of `rows` input rows in place.
    pub fn forward(&mut self, rows: usize, x: &mut [T]) {
        self.inputs.clear();
        self.inputs.extend_from_slice(x);
        let (count, width) = (self.fields.len(), self.fields.iter().sum::<usize>());
        let means = sized(&mut self.means, rows * count);
        for (x, means) in x.chunks_exact(width).zip(means.chunks_exact_mut(count)) {
            let mut at = 0;
            for (mean, field) in means.iter_mut().zip(&self.fields) {
                let sum: T = x[at..at + field].iter().copied().sum();
                *mean = sum / T::of(*field as f64);
                at += field;
            }
        }
        let [squeeze, excite] = &self.layers;
        let low = sized(&mut self.squeezed, rows * squeeze.outputs);
        squeeze.forward(rows, &self.means, low);
        let weights = sized(&mut self.weights, rows * count);
        excite.forward(rows, low, weights);
        for (x, weights) in x.chunks_exact_mut(width).zip(weights.chunks_exact(count)) {
            let mut at = 0;
            for (weight, field) in weights.iter().zip(&self.fields) {
                x[at..at + field].iter_mut().for_each(|x| *x *= *weight);
                at += field;
            }
        }
    }

    /// Turns the gradient of the weighed rows into that of the rows; adds the layers' gradients.
    pub fn backward(&mut self, rows: usize, dx: &mut [T]) {
        let (count, width) = (self.fields.len(), self.fields.iter().sum::<usize>());
        let [to_weights, to_low, to_means] = &mut self.gradients;
        let to_weights = sized(to_weights, rows * count);
        for (r, dx) in dx.chunks_exact_mut(width).enumerate() {
            let (x, mut at) = (&self.inputs[r * width..(r + 1) * width], 0);
            for (f, field) in self.fields.iter().enumerate() {
                let (x, g) = (&x[at..at + field], &mut dx[at..at + field]);
                to_weights[r * count + f] = x.iter().zip(&*g).map(|(x, g)| *x * *g).sum();
                let weight = self.weights[r * count + f];
                g.iter_mut().for_each(|g| *g *= weight);
                at += field;
            }
        }
        let [squeeze, excite] = &mut self.layers;
        let to_low = sized(to_low, rows * squeeze.outputs);
        let to_means = sized(to_means, rows * count);
        excite.backward(rows, (&self.squeezed, &self.weights), to_weights, Some(to_low));
        squeeze.backward(rows, (&self.means, &self.squeezed), to_low, Some(to_means));
        for (dx, means) in dx.chunks_exact_mut(width).zip(to_means.chunks_exact(count)) {
            let mut at = 0;
            for (mean, field) in means.iter().zip(&self.fields) {
                let share = *mean / T::of(*field as f64);
                dx[at..at + field].iter_mut().for_each(|g| *g += share);
                at += field;
            }
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

    #[test]
    fn gradients_agree_with_differences() {
        let (rows, mut draw) = (4, Xoshiro256PlusPlus::seed_from_u64(3));
        let squeeze = Dense::new("s", (3, 2), Activation::Tanh, &mut draw);
        let excite = Dense::new("e", (2, 3), Activation::Sigmoid, &mut draw);
        let layer = Excitation::<f64>::new(vec![2, 1, 4], [squeeze, excite]);
        let (x, c) = (random(rows * 7, 1), random(rows * 7, 2));
        let cost = |layer: &Excitation<f64>, x: &[f64]| {
            let mut y = x.to_vec();
            layer.clone().forward(rows, &mut y);
            y.iter().zip(&c).map(|(y, c)| y * c).sum::<f64>()
        };
        let (mut run, mut dx) = (layer.clone(), c.clone());
        run.forward(rows, &mut x.clone());
        run.layers.iter_mut().for_each(Dense::begin);
        run.backward(rows, &mut dx);
        differences(&x, &dx, |x| cost(&layer, x));
        for i in 0..2 {
            differences(&layer.layers[i].weight, &run.layers[i].weight_gradient, |w| {
                let mut other = layer.clone();
                other.layers[i].weight = w.to_vec();
                cost(&other, &x)
            });
        }
    }
}

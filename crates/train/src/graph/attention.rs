//! Attention: back through the weighted sum, the weights' two layers and what they read.

use super::{Backward, Keep, Pass, back, block, run, softmax_back};
use crate::backward::{Dense, Mode};
use rankine_kernel::{Real, dense};
use rankine_model::graph::sequence::entries;
use rankine_model::graph::{Attention, Layer, View};

impl Backward for Attention {
    fn learn<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        blocks: &mut [Dense<T>],
        (out, keep): (&mut [T], &mut Keep<T>),
    ) {
        let ([first, last], own) = blocks.split_at_mut(2) else {
            return;
        };
        let bend = |layer: &Layer, rows: usize, x: View<'_, T>, out: &mut [T], keep: &mut Keep<T>| {
            run(layer, rows, &[x], own, (out, keep), Mode::Learn);
        };
        self.compute(rows, from, [block(first), block(last)], (out, keep), bend);
    }

    fn backward<T: Real>(&self, pass: Pass<'_, T>) {
        let total = pass.keep.values.len() / self.kept();
        if total == 0 {
            return;
        }
        let (inputs, rest) = pass.keep.values.split_at(total * 4 * self.dim);
        let (hidden, weights) = rest.split_at(total * self.hidden);
        let [to_target, to_sequence] = pass.to else {
            return;
        };
        let width = self.length * self.dim + 1;
        let mut slopes = weighed(
            self,
            (pass.from[1], pass.rows),
            (weights, pass.slope),
            to_sequence,
        );
        let ([first, last], own) = pass.blocks.split_at_mut(2) else {
            return;
        };
        let mut dh = vec![T::ZERO; hidden.len()];
        last.backward(total, (hidden, weights), &mut slopes, Some(&mut dh));
        match self.bend() {
            None => self
                .activation
                .fused()
                .unwrap_or_default()
                .backward(hidden, &mut dh),
            Some(layer) => {
                let mut kept = Keep {
                    values: std::mem::take(&mut pass.keep.inner),
                    ..Keep::default()
                };
                let mut to = [vec![T::ZERO; dh.len()]];
                let bent = Pass {
                    rows: total,
                    from: &[View::rows(&pass.keep.input, self.hidden)],
                    out: hidden,
                    slope: &mut dh,
                    keep: &mut kept,
                    blocks: own,
                    to: &mut to,
                };
                back(&layer, bent);
                [dh] = to;
            }
        }
        let mut dx = vec![T::ZERO; inputs.len()];
        first.backward(total, (inputs, hidden), &mut dh, Some(&mut dx));
        let mut dx = dx.chunks_exact(4 * self.dim);
        for i in 0..pass.rows {
            let (q, sequence) = (pass.from[0].row(i), pass.from[1].row(i));
            let dq = &mut to_target[i * self.dim..][..self.dim];
            let de = to_sequence[i * width..][..width].chunks_exact_mut(self.dim);
            let there = sequence.chunks_exact(self.dim).take(entries(sequence));
            for ((e, de), dx) in there.zip(de).zip(&mut dx) {
                apart(self.dim, dx, (e, q), (de, dq));
            }
        }
    }
}

/// Takes the gradient of `Σ a_t e_t` to the entries; the slopes of the weights, through their softmax where there is one.
fn weighed<T: Real>(
    layer: &Attention,
    (sequences, rows): (View<'_, T>, usize),
    (weights, slope): (&[T], &[T]),
    to_sequence: &mut [T],
) -> Vec<T> {
    let (mut all, mut at) = (weights.to_vec(), 0);
    let (dim, width) = (layer.dim, layer.length * layer.dim + 1);
    for i in 0..rows {
        let there = entries(sequences.row(i));
        let dy = &slope[i * dim..][..dim];
        let (own, slopes) = (&weights[at..at + there], &mut all[at..at + there]);
        for (t, slope) in slopes.iter_mut().enumerate() {
            let place = t * dim..(t + 1) * dim;
            *slope = dense::dot(dy, &sequences.row(i)[place.clone()]);
            dense::axpy(own[t], dy, &mut to_sequence[i * width..][place]);
        }
        if layer.softmax {
            softmax_back(own, slopes);
        }
        at += there;
    }
    all
}

/// Takes the gradient of `[e | q | e − q | e ⊙ q]` to e and q.
fn apart<T: Real>(dim: usize, dx: &[T], (e, q): (&[T], &[T]), (de, dq): (&mut [T], &mut [T])) {
    for k in 0..dim {
        de[k] += dx[k] + dx[2 * dim + k] + dx[3 * dim + k] * q[k];
        dq[k] += dx[dim + k] - dx[2 * dim + k] + dx[3 * dim + k] * e[k];
    }
}

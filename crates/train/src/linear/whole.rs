//! `Whole`: the mean loss of all samples of a cache and its gradient, for kind `lr` by `lbfgs`.
//!
//! `(Σ wᵢ·loss(zᵢ, yᵢ) + l2/2·|w|²) / Σ wᵢ` with the bias free. Decision: sums are f64 and blocks are read anew at each
//! measuring, so memory is that of the weights, and samples count by their weight alone: two halves are one.

use rankine_kernel::Real as _;

use super::cache::Cache;
use super::descent::Descent;
use super::epoch::since;
use super::tally::Tally;
use super::{block::Block, block::Lens, coder::Coder};
use crate::TrainError;
use crate::loss::Loss;
use crate::progress::thread_cpu_seconds;

/// How far the descent is, and what was seen at its place.
pub(super) struct Whole {
    descent: Descent,
    tally: Tally,
}

/// What is measured.
#[derive(Clone, Copy)]
pub(super) struct Objective<'a> {
    pub(super) cache: &'a Cache,
    /// Rows of the table, and fields.
    pub(super) shape: (usize, usize),
    pub(super) loss: Loss,
    pub(super) l2: f64,
}

impl Whole {
    /// One step of an epoch, whose weights the table gets; the tally, and whether there was a way down.
    pub(super) fn epoch(
        whole: &mut Option<Whole>,
        objective: &Objective<'_>,
        coder: &mut Coder,
    ) -> Result<(Tally, bool), TrainError> {
        let cpu = thread_cpu_seconds();
        let mut seen = Tally::default();
        let mut measure = |at: &[f64], gradient: &mut [f64]| objective.measure(at, gradient, &mut seen);
        let mut own = match whole.take() {
            Some(whole) => whole,
            None => Whole {
                descent: Descent::new(objective.shape.0 + 1, &mut measure)?,
                tally: Tally::default(),
            },
        };
        let moved = own.descent.step(&mut measure)?;
        if seen.samples > 0 {
            own.tally = seen;
        }
        own.tally.cpu = since(cpu);
        let weights: Vec<f32> = own.descent.at().iter().map(|w| f32::of(*w)).collect();
        coder.table.load_weights(&weights);
        let tally = own.tally.clone();
        *whole = Some(own);
        Ok((tally, moved))
    }
}

impl Objective<'_> {
    /// The function at a place whose last number is the bias.
    fn measure(&self, at: &[f64], gradient: &mut [f64], tally: &mut Tally) -> Result<f64, TrainError> {
        let (mut reader, mut block, mut lens) = (self.cache.reader(), Block::default(), Lens::default());
        *tally = Tally::default();
        gradient.fill(0.0);
        for extent in &self.cache.blocks {
            reader.read(*extent, self.shape.0, self.shape.1, &mut block)?;
            block.focus(&mut lens);
            for sample in 0..block.len() {
                self.sample((&block, sample), &mut lens, (at, &mut *gradient), tally);
            }
        }
        let (bias, mut squares) = (self.shape.0, 0.0);
        for (w, g) in at.iter().zip(&mut *gradient).take(bias) {
            squares += w * w;
            *g += self.l2 * w;
        }
        let total = tally.weight.max(f64::MIN_POSITIVE);
        gradient.iter_mut().for_each(|g| *g /= total);
        Ok((tally.loss + 0.5 * self.l2 * squares) / total)
    }

    fn sample(
        &self,
        (block, sample): (&Block, usize),
        lens: &mut Lens,
        (at, gradient): (&[f64], &mut [f64]),
        tally: &mut Tally,
    ) {
        let bias = self.shape.0;
        let (label, weight) = block.label(sample);
        let (label, weight) = (f64::from(label), f64::from(weight));
        let entries = block.entries(sample, lens);
        let pairs = || entries.rows.iter().map(|row| *row as usize).zip(entries.values);
        let z = pairs().fold(at[bias], |z, (row, x)| z + at[row] * f64::from(*x));
        let slope = weight * self.loss.slope(z, label);
        pairs().for_each(|(row, x)| gradient[row] += slope * f64::from(*x));
        gradient[bias] += slope;
        tally.loss += weight * self.loss.value(z, label);
        tally.weight += weight;
        tally.samples += 1;
        tally.auc.add(self.loss.answer(z), label, weight);
    }
}

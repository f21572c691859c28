//! `Whole`: the mean loss of all samples of a cache and its gradient, for kind `lr` by `lbfgs`.
//!
//! `(Σ wᵢ·loss(zᵢ, yᵢ) + l2/2·|w|²) / Σ wᵢ` with the bias free. Decision: sums are f64 and blocks are read anew at each
//! measuring, so memory is that of the weights, and samples count by their weight alone: two halves are one.

use rankine_kernel::Real as _;

use super::cache::Cache;
use super::descent::Descent;
use super::{block::Block, block::Lens, coder::Coder};
use crate::TrainError;
use crate::checkpoint::tape::Tape;
use crate::loss::Loss;
use crate::standing::Sums;

/// How far the descent is, and what was seen at its place.
#[derive(Default)]
pub(super) struct Whole {
    descent: Descent,
    sums: Sums,
    /// Whether there was no way down any more.
    pub(super) ended: bool,
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
    /// Writes it or reads it back.
    pub(super) fn exchange(&mut self, tape: &mut Tape<'_>) {
        self.descent.exchange(tape);
        self.sums.exchange(tape);
        tape.flag(&mut self.ended);
    }

    /// Whether it is over so many weights.
    pub(super) fn is_over(&self, weights: usize) -> bool {
        self.descent.is_over(weights)
    }

    /// One step of an epoch, from the table's weights at first; the table gets those it ends at. Returns what was seen there.
    pub(super) fn epoch(
        whole: &mut Option<Whole>,
        objective: &Objective<'_>,
        coder: &mut Coder,
    ) -> Result<Sums, TrainError> {
        let mut seen = Sums::default();
        let mut measure = |at: &[f64], gradient: &mut [f64]| objective.measure(at, gradient, &mut seen);
        let mut own = match whole.take() {
            Some(whole) => whole,
            None => Whole {
                descent: Descent::new(coder.weights(), &mut measure)?,
                ..Whole::default()
            },
        };
        own.ended = !own.descent.step(&mut measure)?;
        if seen.seen > 0 {
            own.sums = seen;
        }
        let weights: Vec<f32> = own.descent.at().iter().map(|w| f32::of(*w)).collect();
        coder.table.load_weights(&weights);
        let sums = own.sums.clone();
        *whole = Some(own);
        Ok(sums)
    }
}

impl Objective<'_> {
    /// The function at a place whose last number is the bias.
    fn measure(&self, at: &[f64], gradient: &mut [f64], sums: &mut Sums) -> Result<f64, TrainError> {
        let (mut reader, mut block, mut lens) = (self.cache.reader(), Block::default(), Lens::default());
        *sums = Sums::default();
        gradient.fill(0.0);
        for extent in &self.cache.blocks {
            reader.read(*extent, self.shape.0, self.shape.1, &mut block)?;
            block.focus(&mut lens);
            for sample in 0..block.len() {
                self.sample((&block, sample), &mut lens, (at, &mut *gradient), sums);
            }
        }
        let (bias, mut squares) = (self.shape.0, 0.0);
        for (w, g) in at.iter().zip(&mut *gradient).take(bias) {
            squares += w * w;
            *g += self.l2 * w;
        }
        let total = sums.weight.max(f64::MIN_POSITIVE);
        gradient.iter_mut().for_each(|g| *g /= total);
        Ok((sums.loss + 0.5 * self.l2 * squares) / total)
    }

    fn sample(
        &self,
        (block, sample): (&Block, usize),
        lens: &mut Lens,
        (at, gradient): (&[f64], &mut [f64]),
        sums: &mut Sums,
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
        sums.loss += weight * self.loss.value(z, label);
        sums.weight += weight;
        sums.seen += 1;
        sums.auc.add(self.loss.answer(z), label, weight);
    }
}

//! What a training run tells while it goes: the port to progress bars, logs and live pages.
//!
//! Reports are plain numbers; how they are shown is the listener's business. Wall-clock figures (speed, time left)
//! appear here and nowhere in what is learnt, so that a run's bytes do not depend on the machine's mood.

use crate::checkpoint::tape::Tape;

/// The state after some batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Samples seen in this epoch.
    pub samples: u64,
    /// Samples an epoch has.
    pub total: u64,
    /// Mean training loss of this epoch so far (weighted, without penalties).
    pub loss: f64,
    /// ROC-AUC of this epoch's training predictions so far (from a histogram of 4,096 bins); NaN with one class only.
    pub auc: f64,
    /// Training samples per second of wall time.
    pub samples_per_s: f64,
    /// Seconds until the last epoch would end if none is skipped.
    pub eta_s: f64,
}

/// The state after an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EpochReport {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Mean training loss over the epoch.
    #[serde(deserialize_with = "nan")]
    pub loss: f64,
    /// ROC-AUC of the predictions made while training (histogram; NaN with one class only).
    #[serde(deserialize_with = "nan")]
    pub auc: f64,
    /// Mean loss on the validation samples; NaN without any.
    #[serde(deserialize_with = "nan")]
    pub valid_loss: f64,
    /// ROC-AUC on the validation samples (exact); NaN without any or with one class only.
    #[serde(deserialize_with = "nan")]
    pub valid_auc: f64,
    /// Share of the predictions made while learning that were right at .5; none where scores are no probabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The same on the validation samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_accuracy: Option<f64>,
    /// Training samples per second of wall time, validation left out.
    pub samples_per_s: f64,
    /// Seconds from the run's start to the end of this epoch.
    pub elapsed_s: f64,
    /// CPU seconds in training batches so far, of all threads that learn, shuffling in, encoding and validation out; where known.
    #[serde(default)]
    pub cpu_s: Option<f64>,
    /// CPU seconds of this thread in this epoch's validation; where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_cpu_s: Option<f64>,
    /// Whether this epoch has the best weights so far.
    pub best: bool,
}

/// A number that JSON writes as `null` where it is none.
fn nan<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let number: Option<f64> = serde::Deserialize::deserialize(from)?;
    Ok(number.unwrap_or(f64::NAN))
}

/// CPU seconds that this thread has run so far, to the nanosecond. (`/proc` tells it in steps of some milliseconds.)
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "seconds of a process fit a float's 52 bits"
)]
pub fn thread_cpu_seconds() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// CPU seconds that all threads of this process have run so far.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "as of a thread")]
pub fn process_cpu_seconds() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// Listens to a training run.
pub trait Progress {
    /// Called a few times per second at most, between batches.
    fn step(&mut self, _report: &StepReport) {}
    /// Called after each epoch's validation.
    fn epoch(&mut self, _report: &EpochReport) {}
}

/// A listener that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {}

/// ROC-AUC of a stream of predictions from a histogram over probability: constant memory, error below 1e-3.
#[derive(Clone, Debug)]
pub struct RunningAuc {
    positive: Vec<f64>,
    negative: Vec<f64>,
}

impl Default for RunningAuc {
    fn default() -> Self {
        Self {
            positive: vec![0.0; Self::BINS],
            negative: vec![0.0; Self::BINS],
        }
    }
}

impl RunningAuc {
    const BINS: usize = 4096;

    /// Counts one prediction (`score` in 0..=1) with its label and weight.
    pub fn add(&mut self, score: f64, label: f64, weight: f64) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the bins"
        )]
        let bin = ((score.clamp(0.0, 1.0) * Self::BINS as f64) as usize).min(Self::BINS - 1);
        let side = if label > 0.5 {
            &mut self.positive
        } else {
            &mut self.negative
        };
        side[bin] += weight;
    }

    /// The area so far: P(score of a positive > score of a negative), ties within a bin count half. NaN without both.
    #[must_use]
    pub fn value(&self) -> f64 {
        let (mut below, mut area) = (0.0, 0.0);
        for (p, n) in self.positive.iter().zip(&self.negative) {
            area += p * (below + n / 2.0);
            below += n;
        }
        area / (below * self.positive.iter().sum::<f64>())
    }

    /// The share of predictions so far on the label's side of one half (from .5 on: positive); none without any.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        let half = Self::BINS / 2;
        let right = self.positive[half..]
            .iter()
            .chain(&self.negative[..half])
            .sum::<f64>();
        let all = self.positive.iter().chain(&self.negative).sum::<f64>();
        (all > 0.0).then(|| right / all)
    }

    /// Writes or reads back what was counted.
    pub(crate) fn exchange(&mut self, tape: &mut Tape<'_>) {
        self.positive.iter_mut().for_each(|bin| tape.real(bin));
        self.negative.iter_mut().for_each(|bin| tape.real(bin));
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Self) {
        self.positive
            .iter_mut()
            .zip(&other.positive)
            .for_each(|(a, b)| *a += b);
        self.negative
            .iter_mut()
            .zip(&other.negative)
            .for_each(|(a, b)| *a += b);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.positive.fill(0.0);
        self.negative.fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_auc_knows_perfect_reversed_and_tied() {
        let auc_of = |pairs: &[(f64, f64)]| {
            let mut auc = RunningAuc::default();
            pairs.iter().for_each(|&(s, l)| auc.add(s, l, 1.0));
            auc.value()
        };
        assert!((auc_of(&[(0.1, 0.0), (0.9, 1.0)]) - 1.0).abs() < 1e-12);
        assert!(auc_of(&[(0.9, 0.0), (0.1, 1.0)]).abs() < 1e-12);
        assert!((auc_of(&[(0.5, 0.0), (0.5, 1.0)]) - 0.5).abs() < 1e-12);
        assert!(auc_of(&[(0.5, 1.0)]).is_nan());
        let mut auc = RunningAuc::default();
        assert_eq!(auc.accuracy(), None);
        for (score, label, weight) in [
            (0.9, 1.0, 1.0),
            (0.5, 1.0, 1.0),
            (0.49, 1.0, 1.0),
            (0.1, 0.0, 5.0),
        ] {
            auc.add(score, label, weight);
        }
        assert_eq!(auc.accuracy(), Some(7.0 / 8.0));
    }

    #[test]
    fn running_auc_is_close_to_the_exact_one_and_weights_count() {
        let mut auc = RunningAuc::default();
        let (mut positives, mut negatives) = (Vec::new(), Vec::new());
        for i in 0..2000_u32 {
            let score = f64::from(i.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24);
            let label = f64::from(i % 3 == 0 && score > 0.2);
            auc.add(score, label, 1.0);
            if label > 0.5 {
                positives.push(score)
            } else {
                negatives.push(score)
            }
        }
        let wins: usize = positives
            .iter()
            .map(|p| negatives.iter().filter(|n| p > n).count())
            .sum();
        let exact = wins as f64 / (positives.len() * negatives.len()) as f64;
        assert!((auc.value() - exact).abs() < 1e-3);
        auc.clear();
        auc.add(0.2, 0.0, 3.0);
        auc.add(0.5, 1.0, 1.0);
        auc.add(0.8, 0.0, 1.0);
        assert!((auc.value() - 0.75).abs() < 1e-12);
    }
}

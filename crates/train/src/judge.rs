//! What a part of a batch costs, and the gradient of its outputs: each output by its aim.

use rankine_kernel::Real;
use rankine_model::graph::Aim;

use crate::encode::Batch;
use crate::loss::{Judged, Loss, TOGETHER};
use crate::progress::RunningAuc;

/// Writes the gradient of a part's loss, each sample's times `share`, to `slopes`, as the outputs stand in `logits`; returns
/// the weighted loss sum and the weight sum. The first label is the one that `auc` follows.
pub(crate) fn part<T: Real>(
    (loss, aims): (Loss, &[Aim]),
    share: T,
    logits: &[T],
    batch: &Batch<T>,
    slopes: &mut Vec<T>,
    auc: &mut RunningAuc,
) -> (f64, f64) {
    let mut sum = 0.0;
    slopes.clear();
    for (aim, logits) in aims.iter().zip(logits.chunks_exact(batch.len().max(1))) {
        sum += match *aim {
            Aim::Label { label: 0, weight } => {
                let told = Some(&mut *auc);
                output(
                    (loss, T::of(weight)),
                    share,
                    (logits, &batch.labels),
                    batch,
                    (slopes, told),
                )
            }
            Aim::Label { label, weight } => {
                let labels = batch.others_of(label - 1);
                output(
                    (loss, T::of(weight)),
                    share,
                    (logits, &labels),
                    batch,
                    (slopes, None),
                )
            }
            Aim::Small { weight } => small(T::of(weight) * share, logits, batch, slopes) / share.to_f64(),
            Aim::Nothing => {
                slopes.resize(slopes.len() + logits.len(), T::ZERO);
                0.0
            }
        };
    }
    (sum, batch.weights.iter().map(|w| w.to_f64()).sum())
}

/// One output that learns a label.
fn output<T: Real>(
    (loss, weight): (Loss, T),
    share: T,
    (logits, labels): (&[T], &[T]),
    batch: &Batch<T>,
    (slopes, mut auc): (&mut Vec<T>, Option<&mut RunningAuc>),
) -> f64 {
    let mut sum = 0.0;
    let mut judged = [Judged::default(); TOGETHER];
    let samples = logits.chunks(TOGETHER).zip(labels.chunks(TOGETHER));
    for ((logits, labels), weights) in samples.zip(batch.weights.chunks(TOGETHER)) {
        loss.each(logits, labels, &mut judged);
        for ((judged, &y), &w) in judged.iter().zip(labels).zip(weights) {
            sum += (weight * w * judged.value).to_f64();
            if let Some(auc) = &mut auc {
                auc.add(judged.answer.to_f64(), y.to_f64(), w.to_f64());
            }
            slopes.push(weight * w * judged.slope * share);
        }
    }
    sum
}

/// One output that is a loss itself.
fn small<T: Real>(share: T, logits: &[T], batch: &Batch<T>, slopes: &mut Vec<T>) -> f64 {
    let mut sum = 0.0;
    for (&z, &w) in logits.iter().zip(&batch.weights) {
        sum += (w * z * share).to_f64();
        slopes.push(w * share);
    }
    sum
}

//! Support vectors in a softmax: a negative above the positive counts for more; Wang et al. 2020 (Mis-classified vector guided
//! softmax loss for face recognition, arXiv:1912.00833).
//!
//! `p' = γ(p − margin)`, `s' = γ(t·s + t − 1)` where `s > p − margin`, else `s' = γs`; then the softmax of p' among the s'.

use rankine_kernel::Real;

/// Margin, γ and t.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guide<T> {
    pub(super) margin: T,
    pub(super) gamma: T,
    pub(super) support: T,
}

/// Turns the candidates' scores (−∞ for those that do not count) into their slopes; returns the loss and the slope of p.
pub(super) fn row<T: Real>(scores: &mut [T], positive: T, guide: Guide<T>) -> (T, T) {
    let Guide {
        margin,
        gamma,
        support,
    } = guide;
    let positive = positive - margin;
    let mut guided: Vec<T> = scores.to_vec();
    for s in &mut guided {
        if *s > positive {
            *s = *s * support + support - T::ONE;
        }
        *s *= gamma;
    }
    let (value, slope, factor) = super::softmax::row(&mut guided, positive * gamma);
    let factor = factor * gamma;
    for (s, g) in scores.iter_mut().zip(guided) {
        let inner = if *s > positive { support } else { T::ONE };
        *s = g * factor * inner;
    }
    (value, slope * gamma)
}

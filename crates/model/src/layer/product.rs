//! The product part of NeuMF: `Σ_k h[k]·p[k]·q[k]` of a user vector p and an item vector q. He et al. 2017.

use rankine_kernel::{Real, dense};

/// Returns the weighted product; `scratch` takes p∘q.
pub fn product<T: Real>(p: &[T], q: &[T], h: &[T], scratch: &mut Vec<T>) -> T {
    scratch.clear();
    scratch.extend(p.iter().zip(q).map(|(p, q)| *p * *q));
    dense::dot(scratch, h)
}

#[cfg(test)]
mod tests {
    #[test]
    fn three_way_sum() {
        let mut scratch = vec![9.0];
        assert_eq!(
            super::product(&[1.0f64, 2.0], &[3.0, 4.0], &[10.0, 0.5], &mut scratch),
            34.0
        );
        assert_eq!(super::product::<f64>(&[], &[], &[], &mut scratch), 0.0);
    }
}

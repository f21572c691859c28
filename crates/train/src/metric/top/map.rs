//! Average precision@k, the mean of which over users is MAP@k: precision at each hit, over how many hits there could be.

use super::is;

/// Σ precision at each hit / min(k, |relevant|); 0 where nothing is relevant. `relevant` ascends.
#[must_use]
pub fn average_precision(list: &[u32], relevant: &[u32], k: usize) -> f64 {
    let (mut hits, mut sum) = (0.0, 0.0);
    for (place, _) in (1_u32..).zip(list).filter(|(_, item)| is(relevant, **item)) {
        hits += 1.0;
        sum += hits / f64::from(place);
    }
    sum / k.min(relevant.len()).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_at_each_hit() {
        // hits at places 2 and 4: (1/2 + 2/4) / 3
        assert!((average_precision(&[5, 1, 8, 3], &[1, 3, 7], 10) - 1.0 / 3.0).abs() < 1e-15);
        // only one place: 1 / min(1, 3)
        assert!((average_precision(&[1], &[1, 3, 7], 1) - 1.0).abs() < 1e-15);
    }
}

//! NDCG@k of a list whose items are relevant or not: Σ 1/log₂(place + 1) over the hits, over the best there could be
//! (Järvelin and Kekäläinen 2002).

use super::is;

/// DCG over that of min(k, |relevant|) hits in front; 0 where nothing is relevant. `relevant` ascends.
#[must_use]
pub fn ndcg(list: &[u32], relevant: &[u32], k: usize) -> f64 {
    let gain = |place: usize| 1.0 / (place as f64 + 2.0).log2();
    let places = list.iter().enumerate().filter(|(_, item)| is(relevant, **item));
    let found: f64 = places.map(|(place, _)| gain(place)).sum();
    let best: f64 = (0..k.min(relevant.len())).map(gain).sum();
    if best > 0.0 { found / best } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_count_less_further_down() {
        // places 2 and 4 of 4, three relevant: (1/log₂3 + 1/log₂5) / (1 + 1/log₂3 + 1/log₂4)
        let expected = (0.630_929_753_571 + 0.430_676_558_073) / (1.0 + 0.630_929_753_571 + 0.5);
        assert!((ndcg(&[5, 1, 8, 3], &[1, 3, 7], 4) - expected).abs() < 1e-11);
        // one relevant at place 3 of 10
        assert!((ndcg(&[9, 8, 7], &[7], 10) - 0.5).abs() < 1e-15);
        assert_eq!(ndcg(&[1], &[], 10).to_bits(), 0.0_f64.to_bits());
    }
}

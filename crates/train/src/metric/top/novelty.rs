//! Novelty of a list: how unexpected its items are, by how few users met them (Zhou et al. 2010, mean self-information).

/// The mean of −log₂ share(i), share being the part of users who met item i; an item nobody met counts as met by half a user.
/// None for an empty list.
#[must_use]
pub fn novelty(list: &[u32], met: impl Fn(u32) -> usize, users: usize) -> Option<f64> {
    let share = |item: &u32| (met(*item) as f64).max(0.5) / users.max(1) as f64;
    let sum: f64 = list.iter().map(|item| -share(item).log2()).sum();
    (!list.is_empty()).then(|| sum / list.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rarity_in_bits() {
        let met = [8, 2, 0];
        let found = novelty(&[0, 1, 2], |item| met[item as usize], 8).unwrap();
        assert!((found - (0.0 + 2.0 + 4.0) / 3.0).abs() < 1e-15, "{found}");
        assert_eq!(novelty(&[], |_| 1, 8), None);
    }
}

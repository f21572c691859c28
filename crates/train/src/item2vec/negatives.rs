//! Random items by popularity^0.75, in constant time per draw.
//!
//! Vose's alias method: each cell holds one item and the share of the cell that belongs to another; a draw is one cell
//! and one coin. Exact, and smaller than word2vec's table of a hundred million entries.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Draws tokens in proportion to `count^0.75`.
pub(super) struct Negatives {
    own: Vec<f64>,
    alias: Vec<u32>,
}

impl Negatives {
    /// Prepares draws over tokens `0..counts.len()`.
    pub(super) fn new(counts: &[u64]) -> Self {
        let weights: Vec<f64> = counts.iter().map(|&c| (c as f64).powf(0.75)).collect();
        let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
        let mut own: Vec<f64> = weights.iter().map(|w| w / mean).collect();
        let mut alias: Vec<u32> = (0..own.len()).filter_map(|i| u32::try_from(i).ok()).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            alias.iter().partition(|&&i| own[i as usize] < 1.0);
        while let (Some(s), Some(&l)) = (small.pop(), large.last()) {
            alias[s as usize] = l;
            own[l as usize] -= 1.0 - own[s as usize];
            if own[l as usize] < 1.0 {
                large.pop();
                small.push(l);
            }
        }
        Self { own, alias }
    }

    /// One token.
    pub(super) fn draw(&self, random: &mut Xoshiro256PlusPlus) -> u32 {
        let cell = random.random_range(0..self.alias.len());
        let coin = random.random::<f64>();
        if coin < self.own[cell] {
            u32::try_from(cell).unwrap_or(u32::MAX)
        } else {
            self.alias[cell]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn draws_follow_the_counts_to_the_three_quarters() {
        let counts = [1, 16, 81, 256];
        let negatives = Negatives::new(&counts);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
        let mut drawn = [0_u32; 4];
        (0..100_000).for_each(|_| drawn[negatives.draw(&mut random) as usize] += 1);
        let total = 1.0 + 8.0 + 27.0 + 64.0;
        for (n, weight) in drawn.iter().zip([1.0, 8.0, 27.0, 64.0]) {
            assert!((f64::from(*n) / 1e5 - weight / total).abs() < 0.006, "{drawn:?}");
        }
    }
}

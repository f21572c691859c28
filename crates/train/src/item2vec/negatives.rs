//! Random items by popularity^0.75, in constant time per draw.
//!
//! Vose's alias method: each cell holds one item and the share of the cell that belongs to another; a draw is one cell
//! and one coin. Eight bytes a cell and one 64-bit number a draw: its upper half picks the cell, its lower half is the coin,
//! both exact to 2⁻³². Smaller than word2vec's table of a hundred million entries.

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;

/// A cell's other item, and the coins (of 2³²) that fall to its own.
#[derive(Clone, Copy)]
struct Cell {
    own: u32,
    other: u32,
}

/// Draws tokens in proportion to `count^0.75`.
pub(super) struct Negatives {
    cells: Vec<Cell>,
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
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of 0 to 1 in 32 bits; the cast saturates"
        )]
        let coins = |share: f64| (share * 4_294_967_296.0) as u32;
        let cells = own.iter().zip(alias).map(|(share, other)| Cell {
            own: coins(*share),
            other,
        });
        Self {
            cells: cells.collect(),
        }
    }

    /// One token.
    #[inline]
    pub(super) fn draw(&self, random: &mut Xoshiro256PlusPlus) -> u32 {
        let bits: u64 = random.random();
        let cell = ((bits >> 32) * self.cells.len() as u64) >> 32;
        let Cell { own, other } = self.cells[usize::try_from(cell).unwrap_or(0)];
        let coin = bits & 0xFFFF_FFFF;
        if coin < u64::from(own) {
            u32::try_from(cell).unwrap_or(other)
        } else {
            other
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

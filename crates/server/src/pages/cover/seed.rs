//! The number stream that makes a cover its film's own: the same film, the same cover, on every machine.
//!
//! FNV-1a over the film's text starts a SplitMix64 stream; written out here so that no library's release changes covers.

/// A stream of numbers begun by a text.
#[derive(Debug, Clone)]
pub(super) struct Seed(u64);

impl Seed {
    /// Begins a stream.
    pub(super) fn new(text: &str) -> Self {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Seed(text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `[low, high)`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number below `n`; 0 where `n` is 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap_or(0)
    }

    /// True once in two.
    pub(super) fn coin(&mut self) -> bool {
        self.below(2) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_begins_one_stream() {
        let mut seed = Seed::new("Heat");
        let drawn: Vec<usize> = (0..6).map(|_| seed.below(100)).collect();
        let mut again = Seed::new("Heat");
        assert_eq!(drawn, (0..6).map(|_| again.below(100)).collect::<Vec<_>>());
        assert_ne!(drawn, {
            let mut other = Seed::new("Heat.");
            (0..6).map(|_| other.below(100)).collect::<Vec<_>>()
        });
    }

    proptest! {
        #[test]
        fn numbers_keep_their_bounds(text in any::<String>(), n in 1usize..50) {
            let mut seed = Seed::new(&text);
            prop_assert!(seed.below(n) < n);
            let x = seed.between(-3.0, 4.0);
            prop_assert!((-3.0..4.0).contains(&x));
        }
    }
}

//! `Keys`: slot and sign → the key of a row.

/// Odd, so that its multiples differ in every low bit.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// How rows are found: `sign + slot · 0x9E3779B97F4A7C15` (modulo 2⁶⁴), of which a hashed model takes the lowest bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    mask: u64,
}

impl Keys {
    /// Stands for "the slot is empty". Numbers of a dense slot are 1, 2, …
    pub const MISSING: u64 = 0;

    /// Keys of a table of 2^`bits` rows; without bits every sign is a key of its own.
    #[must_use]
    pub fn new(bits: Option<u32>) -> Keys {
        Keys {
            mask: bits.map_or(u64::MAX, |bits| (1 << bits) - 1),
        }
    }

    /// Returns the key of a slot's sign.
    #[inline]
    #[must_use]
    pub fn of(self, slot: u32, sign: u64) -> u64 {
        sign.wrapping_add(u64::from(slot).wrapping_mul(SPREAD)) & self.mask
    }

    /// Returns the number of keys of a hashed table.
    #[must_use]
    pub fn buckets(self) -> Option<usize> {
        (self.mask != u64::MAX).then(|| usize::try_from(self.mask + 1).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn keys_tell_slots_apart_and_buckets_are_their_lowest_bits() {
        let (exact, hashed) = (Keys::new(None), Keys::new(Some(10)));
        assert_ne!(exact.of(1, 77), exact.of(2, 77));
        assert_eq!(exact.of(0, 77), 77);
        assert_eq!(hashed.of(3, 77), exact.of(3, 77) % 1024);
        assert_eq!((exact.buckets(), hashed.buckets()), (None, Some(1024)));
    }
}

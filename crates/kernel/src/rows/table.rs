//! `RowTable`: the growing table of embedding rows. Rows lie in 64-byte lines; a short row takes a power of two of
//! numbers, a long one whole lines, so that no row crosses more lines than it must.

use super::KeyIndex;
use crate::optimiser::Optimiser;
use crate::real::Real;

/// The row that absent and unknown keys read.
pub const MISSING: u32 = 0;

/// Sixteen numbers on a cache line's boundary.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line<T>([T; 16]);

/// Rows of `dim` weights with their optimiser state, found by key or by row number.
#[derive(Debug, Clone)]
pub struct RowTable<T> {
    dim: usize,
    states: usize,
    initial: T,
    stride: usize,
    keys: Vec<u64>,
    index: KeyIndex,
    lines: Vec<Line<T>>,
}

impl<T: Real> RowTable<T> {
    /// Makes a table of rows of `dim` weights with room for the optimiser's state. The missing row starts at zero.
    #[must_use]
    pub fn new(dim: usize, optimiser: &Optimiser) -> RowTable<T> {
        RowTable::with_state(dim, optimiser.states(), T::of(optimiser.initial()))
    }

    /// Makes a table without optimiser state, for reading.
    #[must_use]
    pub fn plain(dim: usize) -> RowTable<T> {
        RowTable::with_state(dim, 0, T::ZERO)
    }

    fn with_state(dim: usize, states: usize, initial: T) -> RowTable<T> {
        let used = (dim * (1 + states)).max(1);
        let stride = if used < 16 {
            used.next_power_of_two()
        } else {
            used.next_multiple_of(16)
        };
        let (keys, index, lines) = (Vec::new(), KeyIndex::default(), Vec::new());
        let mut table = RowTable {
            dim,
            states,
            initial,
            stride,
            keys,
            index,
            lines,
        };
        table.append();
        table
    }

    /// Returns the weights of a row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Returns the numbers of state beside each weight.
    #[must_use]
    pub fn states(&self) -> usize {
        self.states
    }

    /// Returns the number of keys; rows are 1..=len, and row 0, the missing row.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns whether there is only the missing row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the keys in the order of their rows: `keys()[i]` has row i + 1.
    #[must_use]
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// Returns (key, row) pairs by ascending key.
    #[must_use]
    pub fn sorted(&self) -> Vec<(u64, u32)> {
        let mut pairs: Vec<(u64, u32)> = self.keys.iter().copied().zip(1u32..).collect();
        pairs.sort_unstable();
        pairs
    }

    /// Returns the row of a key, or the missing row.
    #[inline]
    #[must_use]
    pub fn row(&self, key: u64) -> u32 {
        self.index.find(key).unwrap_or(MISSING)
    }

    /// Finds the row of a key.
    #[must_use]
    pub fn find(&self, key: u64) -> Option<u32> {
        self.index.find(key)
    }

    /// Returns the row of a key; a new key gets a new row whose weights (zeros) `fill` may set.
    ///
    /// # Panics
    /// Beyond 2³² − 2 rows.
    pub fn intern(&mut self, key: u64, fill: impl FnOnce(&mut [T])) -> u32 {
        let next = u32::try_from(self.keys.len() + 1).ok().filter(|r| *r < u32::MAX);
        assert!(next.is_some(), "a table holds fewer than 2^32 - 1 rows");
        let next = next.unwrap_or(MISSING);
        let row = self.index.insert(key, next);
        if row == next {
            self.keys.push(key);
            self.append();
            fill(self.row_mut(row).0);
        }
        row
    }

    /// Returns the weights of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    #[must_use]
    pub fn weights(&self, row: u32) -> &[T] {
        let from = row as usize * self.stride;
        &self.flat()[from..from + self.dim]
    }

    /// Returns the weights and the state (`states()` runs of `dim()` numbers) of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    pub fn row_mut(&mut self, row: u32) -> (&mut [T], &mut [T]) {
        let (from, dim, used) = (row as usize * self.stride, self.dim, self.dim * (1 + self.states));
        self.flat_mut()[from..from + used].split_at_mut(dim)
    }

    /// Asks for the memory in which a key's row is found.
    #[inline]
    pub fn prefetch_key(&self, key: u64) {
        self.index.prefetch(key);
    }

    /// Asks for the memory of a row; any row number is allowed.
    #[inline]
    pub fn prefetch(&self, row: u32) {
        let start = self
            .lines
            .as_ptr()
            .cast::<T>()
            .wrapping_add(row as usize * self.stride);
        for at in (0..self.stride).step_by(16) {
            fetch(start.wrapping_add(at));
        }
    }

    /// Copies the weights of all rows, the missing row first, into `out`: what early stopping remembers.
    pub fn save_weights(&self, out: &mut Vec<T>) {
        out.clear();
        for row in self.flat().chunks_exact(self.stride).take(self.keys.len() + 1) {
            out.extend_from_slice(&row[..self.dim]);
        }
    }

    /// Takes back weights that [`RowTable::save_weights`] copied; rows that came later keep theirs.
    pub fn load_weights(&mut self, saved: &[T]) {
        let (stride, dim) = (self.stride, self.dim);
        for (row, saved) in self
            .flat_mut()
            .chunks_exact_mut(stride)
            .zip(saved.chunks_exact(dim))
        {
            row[..dim].copy_from_slice(saved);
        }
    }

    /// Makes room for the next row: zero weights, first state.
    fn append(&mut self) {
        let (row, used) = (self.keys.len(), self.dim * (1 + self.states));
        let lines = ((row + 1) * self.stride).div_ceil(16);
        self.lines.resize(lines, Line([T::ZERO; 16]));
        let (from, dim, initial) = (row * self.stride, self.dim, self.initial);
        self.flat_mut()[from + dim..from + used].fill(initial);
    }

    #[inline]
    fn flat(&self) -> &[T] {
        // SAFETY: a line is sixteen numbers without padding (64 or 128 bytes), so the lines are one run of numbers.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * 16) }
    }

    #[inline]
    fn flat_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `flat`, and the lines are borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * 16) }
    }
}

/// Asks for the memory of numbers that will be read soon.
#[inline]
pub fn prefetch<T: Real>(numbers: &[T]) {
    for line in numbers.chunks(64 / size_of::<T>()) {
        fetch(line.as_ptr());
    }
}

/// Asks for the cache line at an address; any address is allowed.
#[inline(always)]
pub(super) fn fetch<P>(at: *const P) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults on no address; SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn adam() -> Optimiser {
        Optimiser::named("adam", 0.01).unwrap()
    }

    #[test]
    fn unknown_keys_read_the_missing_row() {
        let mut table = RowTable::<f32>::new(2, &adam());
        table.row_mut(MISSING).0.copy_from_slice(&[7.0, 8.0]);
        let row = table.intern(0, |w| w.fill(1.0));
        assert_eq!((table.row(0), table.find(9), table.row(9)), (row, None, MISSING));
        assert_eq!(table.weights(table.row(9)), [7.0, 8.0]);
        assert_eq!(table.intern(0, |_| panic!("not new")), row);
    }

    #[test]
    fn state_starts_where_the_optimiser_says() {
        let mut table = RowTable::<f64>::new(3, &Optimiser::named("adagrad", 0.1).unwrap());
        let row = table.intern(5, |w| w.fill(2.0));
        assert_eq!(table.row_mut(row), (&mut [2.0; 3][..], &mut [0.1; 3][..]));
        assert_eq!(table.row_mut(MISSING).1, [0.1; 3]);
    }

    #[test]
    fn weights_are_saved_and_loaded() {
        let mut table = RowTable::<f32>::new(2, &adam());
        let first = table.intern(10, |w| w.fill(1.0));
        let mut saved = Vec::new();
        table.save_weights(&mut saved);
        assert_eq!(saved, [0.0, 0.0, 1.0, 1.0]);
        table.row_mut(first).0.fill(9.0);
        let later = table.intern(11, |w| w.fill(4.0));
        table.load_weights(&saved);
        assert_eq!(
            (table.weights(first), table.weights(later)),
            (&[1.0f32, 1.0][..], &[4.0f32, 4.0][..])
        );
    }

    proptest! {
        #[test]
        fn rows_never_overlap(dim in 1usize..40, keys in proptest::collection::vec(0u64..200, 1..60)) {
            let mut table = RowTable::<f64>::new(dim, &adam());
            for key in &keys {
                table.intern(*key, |w| w.fill(*key as f64));
            }
            for row in (0u32..).take(table.len() + 1) {
                table.prefetch(row);
                table.row_mut(row).1.fill(-1.0);
            }
            for (key, row) in table.sorted() {
                prop_assert!(table.weights(row).iter().all(|w| *w == key as f64));
                prop_assert_eq!(table.keys()[row as usize - 1], key);
            }
            let mut unique = keys;
            unique.sort_unstable();
            unique.dedup();
            prop_assert_eq!(table.sorted().iter().map(|p| p.0).collect::<Vec<_>>(), unique);
        }
    }
}

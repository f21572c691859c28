//! `RowTable`: the growing table of embedding rows. Rows lie in chunks of 64-byte lines; a short row takes a power of two of
//! numbers, a long one whole lines, so that no row crosses more lines than it must. Growing adds a chunk and copies nothing,
//! so a table never needs more memory than its rows; a chunk of a large table lies on huge pages.

use std::alloc::Layout;
use std::marker::PhantomData;
use std::sync::Arc;

use memmap2::MmapMut;

use super::KeyIndex;
use crate::optimiser::Optimiser;
use crate::real::Real;

/// The row that absent and unknown keys read.
pub const MISSING: u32 = 0;

/// Bytes of a chunk of a table whose size nobody foretold.
const CHUNK: usize = 1 << 16;
/// Bytes of the largest chunk, mapped for itself.
const SEGMENT: usize = 1 << 25;

/// Sixteen numbers on a cache line's boundary.
#[repr(C, align(64))]
struct Line<T>([T; 16]);

/// The memory of some rows, zero at first. It goes with the last table that has it.
struct Chunk<T> {
    base: *mut T,
    lines: usize,
    mapped: Option<MmapMut>,
}

// SAFETY: owned memory of plain numbers, reached only through the tables that hold it.
unsafe impl<T: Send> Send for Chunk<T> {}
// SAFETY: as above; a chunk is written through the one table that owns it.
unsafe impl<T: Sync> Sync for Chunk<T> {}

impl<T> Chunk<T> {
    /// Memory of `lines` lines; zero bits are the zero of every number a table holds.
    fn new(lines: usize) -> Chunk<T> {
        let bytes = lines * size_of::<Line<T>>();
        let map = (bytes >= SEGMENT / 2)
            .then(|| MmapMut::map_anon(bytes).ok())
            .flatten();
        if let Some(mut map) = map {
            #[cfg(target_os = "linux")]
            let _ = map.advise(memmap2::Advice::HugePage);
            let base = map.as_mut_ptr().cast();
            return Chunk {
                base,
                lines,
                mapped: Some(map),
            };
        }
        let layout = Self::layout(lines);
        // SAFETY: there is at least one line, of 64 bytes or more.
        let base = unsafe { std::alloc::alloc_zeroed(layout) };
        if base.is_null() {
            std::alloc::handle_alloc_error(layout);
        }
        let (base, mapped) = (base.cast(), None);
        Chunk { base, lines, mapped }
    }
}

impl<T> Chunk<T> {
    fn layout(lines: usize) -> Layout {
        match Layout::array::<Line<T>>(lines.max(1)) {
            Ok(layout) => layout,
            Err(_) => std::alloc::handle_alloc_error(Layout::new::<Line<T>>()),
        }
    }
}

impl<T> Drop for Chunk<T> {
    fn drop(&mut self) {
        if self.mapped.is_none() {
            // SAFETY: `new` asked for it with this layout, and nobody else frees it.
            unsafe { std::alloc::dealloc(self.base.cast(), Self::layout(self.lines)) };
        }
    }
}

/// Rows of `dim` weights with their optimiser state, found by key or by row number.
pub struct RowTable<T> {
    dim: usize,
    states: usize,
    initial: T,
    stride: usize,
    /// Rows, the missing one included.
    rows: usize,
    /// log₂ of the rows of a chunk.
    shift: u32,
    keys: Arc<Vec<u64>>,
    index: Arc<KeyIndex>,
    chunks: Vec<Arc<Chunk<T>>>,
    /// Where each chunk begins.
    bases: Vec<*mut T>,
    numbers: PhantomData<T>,
}

// SAFETY: the pointers are into the chunks, which are `Send`.
unsafe impl<T: Send> Send for RowTable<T> {}
// SAFETY: `&RowTable` only reads rows.
unsafe impl<T: Sync> Sync for RowTable<T> {}

impl<T> std::fmt::Debug for RowTable<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowTable")
            .field("dim", &self.dim)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl<T: Clone> Clone for RowTable<T> {
    /// A table of its own: rows are copied.
    fn clone(&self) -> Self {
        let mut copy = self.header();
        for (chunk, from) in self.chunks.iter().zip(&self.bases) {
            let base = copy.grow();
            // SAFETY: both chunks have as many lines of sixteen numbers.
            unsafe { std::ptr::copy_nonoverlapping(*from, base, chunk.lines * 16) };
        }
        copy
    }
}

impl<T: Clone> RowTable<T> {
    /// The same table without memory.
    fn header(&self) -> RowTable<T> {
        RowTable {
            initial: self.initial.clone(),
            keys: Arc::clone(&self.keys),
            index: Arc::clone(&self.index),
            chunks: Vec::with_capacity(self.chunks.len()),
            bases: Vec::with_capacity(self.chunks.len()),
            ..*self
        }
    }

    /// Adds a chunk; returns where it begins.
    fn grow(&mut self) -> *mut T {
        let lines = (self.stride << self.shift).div_ceil(16);
        let chunk = Arc::new(Chunk::new(lines));
        let base = chunk.base;
        self.bases.push(base);
        self.chunks.push(chunk);
        base
    }
}

impl<T: Real> RowTable<T> {
    /// Makes a table of rows of `dim` weights with room for the optimiser's state. The missing row starts at zero.
    #[must_use]
    pub fn new(dim: usize, optimiser: &Optimiser) -> RowTable<T> {
        RowTable::with_state(dim, optimiser.states(), T::of(optimiser.initial()), 0)
    }

    /// Makes a table without optimiser state, for reading.
    #[must_use]
    pub fn plain(dim: usize) -> RowTable<T> {
        RowTable::with_state(dim, 0, T::ZERO, 0)
    }

    /// Makes a table with a row of zeros for each of `keys`, in order, found by `index`, which gives `keys[i]` row i + 1. Both
    /// stay shared with the caller until one of them adds a key.
    #[must_use]
    pub fn of_keys(
        dim: usize,
        optimiser: &Optimiser,
        (keys, index): (Arc<Vec<u64>>, Arc<KeyIndex>),
    ) -> RowTable<T> {
        let (states, initial) = (optimiser.states(), T::of(optimiser.initial()));
        let mut table = RowTable::with_state(dim, states, initial, keys.len() + 1);
        keys.iter().for_each(|_| table.append());
        (table.keys, table.index) = (keys, index);
        table
    }

    fn with_state(dim: usize, states: usize, initial: T, rows: usize) -> RowTable<T> {
        let used = (dim * (1 + states)).max(1);
        let stride = if used < 16 {
            used.next_power_of_two()
        } else {
            used.next_multiple_of(16)
        };
        let bytes = stride * size_of::<T>();
        let chunk = if rows == 0 {
            CHUNK
        } else {
            (rows * bytes).clamp(1 << 12, SEGMENT)
        };
        let mut table = RowTable {
            dim,
            states,
            initial,
            stride,
            rows: 0,
            shift: (chunk / bytes).max(1).ilog2(),
            keys: Arc::default(),
            index: Arc::default(),
            chunks: Vec::new(),
            bases: Vec::new(),
            numbers: PhantomData,
        };
        table.append();
        table
    }

    /// Returns the table without optimiser state. Chunk by chunk: memory is given back as it is copied, so that no second table
    /// is ever held.
    #[must_use]
    pub fn into_plain(self) -> RowTable<T> {
        let mut plain = RowTable::with_state(self.dim, 0, T::ZERO, self.rows);
        (plain.keys, plain.index) = (Arc::clone(&self.keys), Arc::clone(&self.index));
        let (dim, stride, rows) = (self.dim, self.stride, self.rows);
        for (number, chunk) in self.chunks.into_iter().enumerate() {
            let first = number << self.shift;
            for row in first..rows.min(first + (1 << self.shift)) {
                if row > 0 {
                    plain.append();
                }
                // SAFETY: the row lies in this chunk; nobody writes, for the table has been given up.
                let from = unsafe { std::slice::from_raw_parts(chunk.base.add((row - first) * stride), dim) };
                #[expect(clippy::cast_possible_truncation, reason = "rows are numbered by u32")]
                plain.row_mut(row as u32).0.copy_from_slice(from);
            }
        }
        plain
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

    /// Gives the index back: until [`RowTable::index_again`] no key is found. Training speaks of row numbers alone, and an index
    /// is as large as the weights of a third of the rows.
    pub fn forget_index(&mut self) {
        self.index = Arc::default();
    }

    /// Makes the index anew.
    pub fn index_again(&mut self) {
        let mut index = KeyIndex::with_capacity(self.keys.len());
        for (key, row) in self.keys.iter().zip(1u32..) {
            index.insert(*key, row);
        }
        self.index = Arc::new(index);
    }

    /// Returns the row of a key; a new key gets a new row whose weights (zeros) `fill` may set.
    ///
    /// # Panics
    /// Beyond 2³² − 2 rows, or without an index.
    pub fn intern(&mut self, key: u64, fill: impl FnOnce(&mut [T])) -> u32 {
        if let Some(row) = self.index.find(key) {
            return row;
        }
        assert!(self.index.len() == self.keys.len(), "the index was given back");
        let next = u32::try_from(self.keys.len() + 1).ok().filter(|r| *r < u32::MAX);
        assert!(next.is_some(), "a table holds fewer than 2^32 - 1 rows");
        let next = next.unwrap_or(MISSING);
        Arc::make_mut(&mut self.index).insert(key, next);
        Arc::make_mut(&mut self.keys).push(key);
        self.append();
        fill(self.row_mut(next).0);
        next
    }

    /// Returns the weights of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    #[must_use]
    pub fn weights(&self, row: u32) -> &[T] {
        // SAFETY: the row exists and is `stride` numbers, `dim` of them weights.
        unsafe { std::slice::from_raw_parts(self.at(row), self.dim) }
    }

    /// Returns the state (`states()` runs of `dim()` numbers) of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn state(&self, row: u32) -> &[T] {
        // SAFETY: the row exists and is at least `dim · (1 + states)` numbers.
        unsafe { std::slice::from_raw_parts(self.at(row).add(self.dim), self.dim * self.states) }
    }

    /// Returns the weights and the state (`states()` runs of `dim()` numbers) of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline]
    pub fn row_mut(&mut self, row: u32) -> (&mut [T], &mut [T]) {
        let used = self.dim * (1 + self.states);
        // SAFETY: the row exists and is at least `used` numbers; `&mut self` makes them nobody else's.
        unsafe { std::slice::from_raw_parts_mut(self.at(row), used) }.split_at_mut(self.dim)
    }

    /// Bytes from one row to the next; whole words of eight bytes, or one of four.
    pub(super) fn row_bytes(&self) -> usize {
        self.stride * size_of::<T>()
    }

    /// Where a row begins: on a boundary of as many bytes as its words have.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline(always)]
    pub(super) fn start(&self, row: u32) -> *mut T {
        self.at(row)
    }

    /// The first number of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline(always)]
    fn at(&self, row: u32) -> *mut T {
        let row = row as usize;
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let within = row & ((1 << self.shift) - 1);
        self.bases[row >> self.shift].wrapping_add(within * self.stride)
    }

    /// Asks for the memory in which a key's row is found.
    #[inline]
    pub fn prefetch_key(&self, key: u64) {
        self.index.prefetch(key);
    }

    /// Asks for the memory in which many keys' rows are found.
    #[inline]
    pub fn prefetch_keys(&self, keys: &[u64]) {
        self.index.prefetch_all(keys);
    }

    /// Writes the row of each key, the missing row for unknown ones, and asks for the rows' memory.
    ///
    /// # Panics
    /// If `rows` has fewer places than there are keys.
    #[inline]
    pub fn find_rows(&self, keys: &[u64], rows: &mut [u32]) {
        assert!(rows.len() >= keys.len(), "too few places for rows");
        self.index.find_all(keys, MISSING, |i, row| {
            self.prefetch(row);
            rows[i] = row;
        });
    }

    /// Asks for the memory of a row; any row number is allowed.
    #[inline]
    pub fn prefetch(&self, row: u32) {
        let row = row as usize;
        let Some(base) = self.bases.get(row >> self.shift) else {
            return;
        };
        let start = base.wrapping_add((row & ((1 << self.shift) - 1)) * self.stride);
        for at in (0..self.stride).step_by(16) {
            fetch(start.wrapping_add(at));
        }
    }

    /// Copies the weights of all rows, the missing row first, into `out`: what early stopping remembers.
    pub fn save_weights(&self, out: &mut Vec<T>) {
        out.clear();
        out.reserve_exact(self.rows * self.dim);
        (0u32..)
            .take(self.rows)
            .for_each(|row| out.extend_from_slice(self.weights(row)));
    }

    /// Takes back weights that [`RowTable::save_weights`] copied; rows that came later keep theirs.
    pub fn load_weights(&mut self, saved: &[T]) {
        let rows = (0u32..).take(self.rows);
        for (row, saved) in rows.zip(saved.chunks_exact(self.dim)) {
            self.row_mut(row).0.copy_from_slice(saved);
        }
    }

    /// Makes room for the next row: zero weights, first state.
    fn append(&mut self) {
        if self.rows >> self.shift == self.chunks.len() {
            self.grow();
        }
        self.rows += 1;
        if self.states > 0 && self.initial != T::ZERO {
            let (row, initial) = (u32::try_from(self.rows - 1).unwrap_or(MISSING), self.initial);
            self.row_mut(row).1.fill(initial);
        }
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
pub(crate) fn fetch<P>(at: *const P) {
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

    #[test]
    fn a_table_of_keys_is_one_that_was_interned_and_a_clone_is_its_own() {
        let keys: Vec<u64> = (0..5000).map(|n| n * 7).collect();
        let mut index = KeyIndex::default();
        keys.iter().zip(1u32..).for_each(|(key, row)| {
            index.insert(*key, row);
        });
        let adagrad = Optimiser::named("adagrad", 0.1).unwrap();
        let mut table = RowTable::<f32>::of_keys(3, &adagrad, (Arc::new(keys.clone()), Arc::new(index)));
        for (row, key) in (1u32..).zip(&keys) {
            assert_eq!((table.row(*key), table.state(row)), (row, &[0.1; 3][..]));
            table.row_mut(row).0.fill(*key as f32);
        }
        let copy = table.clone();
        table.row_mut(9).0.fill(-1.0);
        let added = table.intern(1, |w| w.fill(5.0));
        assert_eq!(
            (added, table.len(), copy.len(), copy.find(1)),
            (5001, 5001, 5000, None)
        );
        assert_eq!(copy.weights(9), [56.0; 3]);
        table.forget_index();
        assert_eq!((table.find(1), table.len()), (None, 5001));
        table.index_again();
        let plain = table.into_plain();
        assert_eq!(
            (plain.states(), plain.weights(9), plain.weights(10)),
            (0, &[-1.0; 3][..], &[63.0; 3][..])
        );
        assert_eq!((plain.row(1), plain.weights(5001)), (5001, &[5.0; 3][..]));
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

//! `SharedRows`: a table's rows while several threads learn at once, without locks (Hogwild, Niu et al. 2011).
//!
//! Decision: numbers are read and written as relaxed atomic words, never through references, so that threads that meet on a row
//! race on values and not on memory: a row that is read while another thread writes it is a mix of old and new words, each of
//! them whole, and a step that falls into another's may be lost. A step is computed on a copy, in registers as wide as ever, and
//! on x86-64 the copy is made of whole registers too ([`wide`]).
//! The table is taken by value and given back by value: nobody can hold a reference into rows that are shared, and none is added.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::{RowGradients, RowTable};
use crate::machine::Machine;
use crate::optimiser::Optimiser;
use crate::real::Real;

/// Rows asked for ahead of the one that is read.
const AHEAD: usize = 12;

/// The rows of a table, shared by threads.
#[derive(Debug)]
pub struct SharedRows<T> {
    table: RowTable<T>,
    /// Whether rows are single words of four bytes, not of eight.
    narrow: bool,
    machine: Machine,
}

impl<T: Real> SharedRows<T> {
    /// Shares the rows of a table until [`SharedRows::into_inner`].
    #[must_use]
    pub fn new(table: RowTable<T>) -> SharedRows<T> {
        let narrow = table.row_bytes() < 8;
        SharedRows {
            table,
            narrow,
            machine: Machine::detect(),
        }
    }

    /// Returns the table.
    #[must_use]
    pub fn into_inner(self) -> RowTable<T> {
        self.table
    }

    /// Returns the weights of a row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.table.dim()
    }

    /// Copies the weights of `rows[i]` to `out[i * stride..]`, for every i.
    ///
    /// # Panics
    /// If there is no such row or `out` is too short.
    pub fn gather(&self, rows: &[u32], out: &mut [T], stride: usize) {
        for (i, &row) in rows.iter().enumerate() {
            if let Some(&next) = rows.get(i + AHEAD) {
                self.table.prefetch(next);
            }
            self.load(row, &mut out[i * stride..][..self.table.dim()]);
        }
    }

    /// Adds `weight` times the weights of a row to `out`.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn accumulate(&self, weight: T, row: u32, out: &mut [T]) {
        let mut numbers = [T::ZERO; 16];
        for (number, out) in out.chunks_mut(16).enumerate() {
            let part = &mut numbers[..out.len()];
            self.load_from((row, number * 16), part);
            crate::dense::axpy(weight, part, out);
        }
    }

    /// Moves the rows that a batch touched, each once, at step number `t` (1 for the first). `scratch` is reused from call to call.
    ///
    /// # Panics
    /// If the table keeps less state than this optimiser needs, or the widths differ.
    pub fn step(&self, optimiser: &Optimiser, t: u64, gradients: &RowGradients<T>, scratch: &mut Vec<T>) {
        assert!(
            self.table.states() >= optimiser.states() && self.dim() == gradients.dim(),
            "table does not fit"
        );
        T::step_shared(optimiser, t, (self, scratch), gradients);
    }

    /// Numbers of a row, state included, in whole words.
    pub(crate) fn width(&self) -> usize {
        let used = self.dim() * (1 + self.table.states());
        if self.narrow {
            used
        } else {
            used.next_multiple_of(8 / size_of::<T>())
        }
    }

    /// Asks for the memory of a row.
    #[inline(always)]
    pub(crate) fn prefetch(&self, row: u32) {
        self.table.prefetch(row);
    }

    /// Copies the first numbers of a row.
    #[inline(always)]
    pub(crate) fn load(&self, row: u32, out: &mut [T]) {
        self.load_from((row, 0), out);
    }

    /// Copies numbers of a row from a place on, a multiple of 16.
    #[inline(always)]
    fn load_from(&self, (row, from): (u32, usize), out: &mut [T]) {
        let bytes = size_of_val(out);
        assert!(
            (from * size_of::<T>()) + bytes <= self.table.row_bytes(),
            "beyond the row"
        );
        let (at, to) = (self.table.start(row).wrapping_add(from), out.as_mut_ptr());
        if self.narrow {
            // SAFETY: the row is one word of four bytes on its own boundary, and only atomics reach it; `out` is no longer.
            let word = unsafe { AtomicU32::from_ptr(at.cast()) }.load(Ordering::Relaxed);
            if bytes == 4 {
                // SAFETY: four bytes of `out`, which hold one number.
                unsafe { to.cast::<u32>().write_unaligned(word) };
            }
            return;
        }
        // SAFETY: as many bytes of the row, checked above, and of `out`.
        let done = unsafe { wide(self.machine, at.cast(), to.cast(), bytes) };
        for word in done / 8..bytes / 8 {
            // SAFETY: rows begin on boundaries of eight bytes and are whole words, checked above; only atomics reach them.
            let value = unsafe { AtomicU64::from_ptr(at.cast::<u64>().add(word)) }.load(Ordering::Relaxed);
            // SAFETY: the word lies inside `out`.
            unsafe { to.cast::<u64>().add(word).write_unaligned(value) };
        }
        if bytes % 8 == 4 {
            let word = bytes / 8;
            // SAFETY: as above; rows are whole words, so there is one behind the last whole one of `out`.
            let value = unsafe { AtomicU64::from_ptr(at.cast::<u64>().add(word)) }.load(Ordering::Relaxed);
            // SAFETY: the first half of the word, in the order of memory, is the last number of `out`.
            unsafe {
                to.cast::<u64>()
                    .add(word)
                    .cast::<[u8; 4]>()
                    .write(first_half(value))
            };
        }
    }

    /// Writes the first numbers of a row; as many as [`SharedRows::width`].
    #[inline(always)]
    pub(crate) fn store(&self, row: u32, from: &[T]) {
        let bytes = size_of_val(from);
        assert!(bytes <= self.table.row_bytes(), "beyond the row");
        let (at, from) = (self.table.start(row), from.as_ptr());
        if self.narrow {
            if bytes == 4 {
                // SAFETY: as in `load`.
                unsafe {
                    AtomicU32::from_ptr(at.cast())
                        .store(from.cast::<u32>().read_unaligned(), Ordering::Relaxed);
                }
            }
            return;
        }
        // SAFETY: as many bytes of `from`, and of the row, checked above.
        let done = unsafe { wide(self.machine, from.cast(), at.cast(), bytes) };
        for word in done / 8..bytes / 8 {
            // SAFETY: as in `load`; the word lies inside `from`.
            unsafe {
                let value = from.cast::<u64>().add(word).read_unaligned();
                AtomicU64::from_ptr(at.cast::<u64>().add(word)).store(value, Ordering::Relaxed);
            }
        }
    }
}

/// Copies as many bytes as fill whole registers, of which one side is shared, and returns how many. The compiler has no atomic
/// register: the moves are assembly, which it takes for what they are to the processor, atomic loads and stores of each word of
/// four bytes, in no order.
///
/// # Safety
/// The processor is a `machine`; `bytes` bytes are there on both sides, of numbers on their own boundaries.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn wide(machine: Machine, from: *const u8, to: *mut u8, bytes: usize) -> usize {
    let mut done = 0;
    // SAFETY: inside both sides by the caller's promise; the registers are named as changed.
    unsafe {
        if machine == Machine::Avx512 {
            while done + 64 <= bytes {
                std::arch::asm!(
                    "vmovups zmm15, [{from}]",
                    "vmovups [{to}], zmm15",
                    from = in(reg) from.add(done),
                    to = in(reg) to.add(done),
                    out("xmm15") _,
                    options(nostack, preserves_flags)
                );
                done += 64;
            }
        }
        while done + 16 <= bytes {
            std::arch::asm!(
                "movups xmm15, [{from}]",
                "movups [{to}], xmm15",
                from = in(reg) from.add(done),
                to = in(reg) to.add(done),
                out("xmm15") _,
                options(nostack, preserves_flags)
            );
            done += 16;
        }
    }
    done
}

/// As on x86-64, with no register wider than a word.
///
/// # Safety
/// None: nothing is copied.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
unsafe fn wide(_: Machine, _: *const u8, _: *mut u8, _: usize) -> usize {
    0
}

#[inline(always)]
fn first_half(word: u64) -> [u8; 4] {
    let [a, b, c, d, ..] = word.to_ne_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled<T: Real>(dim: usize, optimiser: &Optimiser) -> RowTable<T> {
        let mut table = RowTable::new(dim, optimiser);
        for key in 0..50u64 {
            table.intern(key, |w| {
                w.iter_mut()
                    .enumerate()
                    .for_each(|(k, w)| *w = T::of((key * 41 + k as u64) as f64 / 7.0));
            });
        }
        table
    }

    fn agrees<T: Real>(name: &str, dim: usize, rows: &[u32]) -> Result<(), TestCaseError> {
        let optimiser = Optimiser::named(name, 0.01).unwrap();
        let mut alone = filled::<T>(dim, &optimiser);
        let shared = SharedRows::new(filled::<T>(dim, &optimiser));
        let (mut gradients, mut scratch) = (RowGradients::new(dim), Vec::new());
        for t in 1..3 {
            gradients.clear();
            for row in rows {
                gradients
                    .at(*row)
                    .iter_mut()
                    .for_each(|g| *g += T::of(f64::from(*row) - 3.5));
            }
            optimiser.step_rows(t, &mut alone, &gradients);
            shared.step(&optimiser, t, &gradients, &mut scratch);
        }
        let mut out = vec![T::ZERO; rows.len() * (dim + 1)];
        shared.gather(rows, &mut out, dim + 1);
        for (row, out) in rows.iter().zip(out.chunks(dim + 1)) {
            prop_assert_eq!(&out[..dim], alone.weights(*row));
            prop_assert_eq!(out[dim], T::ZERO);
            let mut sum = vec![T::ONE; dim];
            shared.accumulate(T::of(2.0), *row, &mut sum);
            for (sum, w) in sum.iter().zip(alone.weights(*row)) {
                prop_assert_eq!(*sum, T::ONE + T::of(2.0) * *w);
            }
        }
        let back = shared.into_inner();
        for row in 0..=50 {
            prop_assert_eq!(back.weights(row), alone.weights(row));
            prop_assert_eq!(back.state(row), alone.state(row));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn one_thread_on_shared_rows_moves_them_as_a_table_of_its_own(
            dim in 1usize..40,
            name in proptest::sample::select(&Optimiser::NAMES[..]),
            rows in proptest::collection::vec(0u32..=50, 0..40),
        ) {
            agrees::<f32>(name, dim, &rows)?;
            agrees::<f64>(name, dim, &rows)?;
        }
    }

    #[test]
    fn threads_on_rows_of_their_own_lose_nothing() {
        let sgd = Optimiser::named("sgd", 1.0).unwrap();
        for dim in [1, 3, 16] {
            let shared = SharedRows::new(filled::<f32>(dim, &sgd));
            let before = filled::<f32>(dim, &sgd);
            std::thread::scope(|scope| {
                for thread in 0..4u32 {
                    let shared = &shared;
                    scope.spawn(move || {
                        let (mut gradients, mut scratch) = (RowGradients::new(dim), Vec::new());
                        for t in 1..=100 {
                            gradients.clear();
                            (thread..=50)
                                .step_by(4)
                                .for_each(|row| gradients.at(row).fill(-1.0));
                            shared.step(&sgd, t, &gradients, &mut scratch);
                        }
                    });
                }
            });
            let after = shared.into_inner();
            for row in 0..=50 {
                for (a, b) in after.weights(row).iter().zip(before.weights(row)) {
                    assert!((a - b - 100.0).abs() < 1e-2, "row {row}: {b} to {a}");
                }
            }
        }
    }

    #[test]
    fn threads_on_one_row_leave_numbers_that_some_steps_made() {
        let sgd = Optimiser::named("sgd", 1.0).unwrap();
        let shared = SharedRows::new(RowTable::<f32>::new(8, &sgd));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let (mut gradients, mut scratch) = (RowGradients::new(8), Vec::new());
                    for t in 1..=10_000 {
                        gradients.clear();
                        gradients.at(0).fill(-1.0);
                        shared.step(&sgd, t, &gradients, &mut scratch);
                    }
                });
            }
        });
        let table = shared.into_inner();
        let whole = |w: &f32| w.fract() == 0.0 && (1.0..=20_000.0).contains(w);
        assert!(table.weights(0).iter().all(whole), "{:?}", table.weights(0));
    }
}

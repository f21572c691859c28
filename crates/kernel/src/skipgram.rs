//! One step of skip-gram with negative sampling: a centre against one true neighbour and some drawn items, together.
//!
//! ```text
//! f_k = σ(⟨c, o_k⟩)    g_k = rate·(label_k − f_k)    o_k += g_k·c    c += Σ g_k·o_k (as they were)
//! ```
//! Decision: all products of a step are taken before anything moves, so that the centre is read once for all of them and
//! the chains of additions run beside each other. σ and its logarithm come from a table with linear interpolation (error
//! below 2e-6), for `exp` would cost as much as the products. Bits differ between machines.

use crate::lanes::{Arithmetic, Lanes};
use crate::machine::Machine;
use crate::sparse::products;

/// Targets of one step at most.
pub const MOST: usize = 8;

/// Cells of the table.
const CELLS: usize = 2048;
/// The table covers −BOUND to BOUND; beyond, the ends are read.
const BOUND: f32 = 12.0;

/// σ and −ln σ by table.
#[derive(Debug, Clone)]
pub struct Sigmoid {
    /// (σ(x), −ln σ(x)) at the left end of each cell, and the right end of the last.
    cells: Vec<(f32, f32)>,
}

impl Default for Sigmoid {
    fn default() -> Self {
        let at = |cell: usize| {
            let x = (2.0 * cell as f64 / CELLS as f64 - 1.0) * f64::from(BOUND);
            let (value, loss) = (1.0 / (1.0 + (-x).exp()), (-x).exp().ln_1p());
            (crate::Real::of(value), crate::Real::of(loss))
        };
        Sigmoid {
            cells: (0..=CELLS).map(at).collect(),
        }
    }
}

impl Sigmoid {
    /// Returns (σ(x), −ln σ(x)), beyond ±12 those of the bound; NaN of NaN.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounded above and below; NaN becomes cell 0"
    )]
    #[inline]
    #[must_use]
    pub fn at(&self, x: f32) -> (f32, f32) {
        let place = (x.clamp(-BOUND, BOUND) + BOUND) * (CELLS as f32 / (2.0 * BOUND));
        let cell = (place as usize).min(CELLS - 1);
        let (share, left, right) = (place - cell as f32, self.cells[cell], self.cells[cell + 1]);
        (
            left.0 + share * (right.0 - left.0),
            left.1 + share * (right.1 - left.1),
        )
    }
}

/// Both sides of a skip-gram model: vectors of items as centres and as neighbours, row-major, `dim` wide.
#[derive(Debug, Clone)]
pub struct SkipGram {
    dim: usize,
    /// Items as centres: what is kept in the end.
    pub input: Vec<f32>,
    /// Items as neighbours.
    pub output: Vec<f32>,
    sigmoid: Sigmoid,
}

impl SkipGram {
    /// Makes a model of these first vectors.
    ///
    /// # Panics
    /// If the sides differ in length or hold no whole vectors.
    #[must_use]
    pub fn new(dim: usize, input: Vec<f32>, output: Vec<f32>) -> SkipGram {
        assert!(
            dim > 0 && input.len() == output.len() && input.len().is_multiple_of(dim),
            "both sides hold the same whole vectors"
        );
        SkipGram {
            dim,
            input,
            output,
            sigmoid: Sigmoid::default(),
        }
    }

    /// Asks for the memory of an item's vector as a neighbour.
    #[inline]
    pub fn prefetch(&self, item: u32) {
        let from = self.output.as_ptr().wrapping_add(item as usize * self.dim);
        for at in (0..self.dim).step_by(16) {
            crate::rows::fetch(from.wrapping_add(at));
        }
    }

    /// Moves `centre` and `targets`, of which the first is its true neighbour (if so told) and the others are not; returns the
    /// loss before the step, `−ln σ(⟨c, o₀⟩) − Σ ln σ(−⟨c, o_k⟩)`.
    ///
    /// # Panics
    /// If there is no target, more than [`MOST`], or an item without a vector.
    #[inline]
    pub fn step(&mut self, centre: u32, targets: &[u32], true_first: bool, rate: f32) -> f32 {
        self.step_on(Machine::detect(), (centre, targets), true_first, rate)
    }

    fn step_on(
        &mut self,
        machine: Machine,
        (centre, targets): (u32, &[u32]),
        true_first: bool,
        rate: f32,
    ) -> f32 {
        let (dim, items) = (self.dim, self.input.len() / self.dim);
        let known = targets
            .iter()
            .chain([&centre])
            .all(|item| (*item as usize) < items);
        assert!(
            known && (1..=MOST).contains(&targets.len()),
            "one to {MOST} items with vectors"
        );
        let from = centre as usize * dim;
        let step = Step {
            centre: &mut self.input[from..from + dim],
            output: self.output.as_mut_ptr(),
            targets,
            true_first,
            rate,
            sigmoid: &self.sigmoid,
        };
        match machine {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: callers name only machines of this processor; the items are checked above.
            Machine::Avx512 => unsafe { avx512(step) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Machine::Avx2 => unsafe { avx2(step) },
            // SAFETY: the items are checked above; one number needs no instruction set.
            _ => unsafe { step.run::<crate::lanes::Single<f32>>() },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(step: Step<'_>) -> f32 {
    // SAFETY: passed on.
    unsafe { step.run::<crate::lanes::avx512::F32x16>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(step: Step<'_>) -> f32 {
    // SAFETY: passed on.
    unsafe { step.run::<crate::lanes::avx2::F32x8>() }
}

struct Step<'a> {
    centre: &'a mut [f32],
    output: *mut f32,
    targets: &'a [u32],
    true_first: bool,
    rate: f32,
    sigmoid: &'a Sigmoid,
}

impl Step<'_> {
    /// # Safety
    /// As [`Lanes`]; `output` has a vector for every target, apart from the centre's.
    #[inline(always)]
    unsafe fn run<V: Arithmetic<f32>>(self) -> f32 {
        // SAFETY: passed on; constant numbers of targets let the products stay in registers.
        unsafe {
            match self.targets.len() {
                1 => self.of::<V, 1>(),
                2 => self.of::<V, 2>(),
                3 => self.of::<V, 3>(),
                4 => self.of::<V, 4>(),
                5 => self.of::<V, 5>(),
                6 => self.of::<V, 6>(),
                7 => self.of::<V, 7>(),
                _ => self.of::<V, MOST>(),
            }
        }
    }

    /// # Safety
    /// As [`Step::run`].
    #[inline(always)]
    unsafe fn of<V: Arithmetic<f32>, const K: usize>(self) -> f32 {
        let dim = self.centre.len();
        let rows: [*mut f32; K] =
            std::array::from_fn(|k| self.output.wrapping_add(self.targets[k] as usize * dim));
        // SAFETY: passed on; each row has `dim` numbers.
        unsafe {
            let scores = products::<f32, V, K>(rows.map(<*mut f32>::cast_const), self.centre);
            let (mut loss, mut pulls) = (0.0, [0.0; K]);
            for k in 0..K {
                // of a drawn item: σ(−x), and the way is away from it
                let sign = if k == 0 && self.true_first { 1.0 } else { -1.0 };
                let (value, cost) = self.sigmoid.at(sign * scores[k]);
                pulls[k] = self.rate * sign * (1.0 - value);
                loss += cost;
            }
            shift::<V, K>(self.centre, rows, pulls);
            loss
        }
    }
}

/// `rows[k] += pulls[k]·centre; centre += Σ pulls[k]·rows[k]`, the rows as they were. A row that is there twice moves twice.
///
/// # Safety
/// As [`Lanes`]; every row holds as many numbers as the centre and does not overlap it.
#[inline(always)]
unsafe fn shift<V: Lanes<f32>, const K: usize>(centre: &mut [f32], rows: [*mut f32; K], pulls: [f32; K]) {
    let (dim, from) = (centre.len(), centre.as_mut_ptr());
    let whole = dim - dim % V::N;
    // SAFETY: passed on.
    unsafe {
        let pulls = pulls.map(|p| V::splat(p));
        for at in (0..whole).step_by(V::N) {
            let c = V::load(from.add(at));
            let mut moved = c;
            for k in 0..K {
                let row = V::load(rows[k].add(at));
                moved = row.mul_add(pulls[k], moved);
                c.mul_add(pulls[k], row).store(rows[k].add(at));
            }
            moved.store(from.add(at));
        }
        if whole < dim {
            let left = dim - whole;
            let c = V::load_part(from.add(whole), left);
            let mut moved = c;
            for k in 0..K {
                let row = V::load_part(rows[k].add(whole), left);
                moved = row.mul_add(pulls[k], moved);
                c.mul_add(pulls[k], row).store_part(rows[k].add(whole), left);
            }
            moved.store_part(from.add(whole), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_table_is_near_the_function() {
        let table = Sigmoid::default();
        for i in -300_i16..300 {
            let x = f32::from(i) * 0.0371;
            let (value, loss) = table.at(x);
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            assert!((f64::from(value) - exact).abs() < 3e-6, "{x} {value} {exact}");
            assert!((f64::from(loss) + exact.ln()).abs() < 1e-5, "{x} {loss}");
        }
        assert!(table.at(99.0).0 > 0.9999 && table.at(-99.0).0 < 1e-4 && table.at(f32::NAN).0.is_nan());
    }

    proptest! {
        /// The same formula, number by number, in f64; targets may repeat.
        #[test]
        fn every_machine_follows_the_gradient(
            dim in 1_usize..40, true_first: bool, targets in proptest::collection::vec(0_u32..6, 1..=MOST), seed in 0_u32..100,
        ) {
            let number = |i: u32| f64::from((i.wrapping_mul(2_654_435_761).wrapping_add(seed)) >> 8) / f64::from(1 << 24) - 0.5;
            let width = u32::try_from(dim).unwrap();
            let input: Vec<f64> = (0..width * 6).map(number).collect();
            let output: Vec<f64> = (0..width * 6).map(|i| number(i + 4321)).collect();
            let (centre, rate) = (2_usize, 0.25);
            let (mut moved, mut expected, mut cost) = (input[centre * dim..][..dim].to_vec(), output.clone(), 0.0);
            for (k, target) in targets.iter().enumerate() {
                let c = &input[centre * dim..][..dim];
                let o = &output[*target as usize * dim..][..dim];
                let product: f64 = c.iter().zip(o).map(|(a, b)| a * b).sum();
                let (label, p) = (f64::from(u8::from(k == 0 && true_first)), 1.0 / (1.0 + (-product).exp()));
                cost -= if label > 0.5 { p.ln() } else { (1.0 - p).ln() };
                for d in 0..dim {
                    // a target that repeats pulls the centre from where its first move left it
                    let row = &mut expected[*target as usize * dim + d];
                    moved[d] += rate * (label - p) * *row;
                    *row += rate * (label - p) * c[d];
                }
            }
            let narrow = |v: &[f64]| v.iter().map(|x| crate::Real::of(*x)).collect::<Vec<f32>>();
            for machine in Machine::available() {
                let mut model = SkipGram::new(dim, narrow(&input), narrow(&output));
                let loss = model.step_on(machine, (2, &targets), true_first, 0.25);
                prop_assert!((f64::from(loss) - cost).abs() < 1e-4, "{machine:?} {loss} {cost}");
                let near = |found: &[f32], expected: &[f64], within: f64| {
                    found.iter().zip(expected).all(|(f, e)| (f64::from(*f) - e).abs() < within)
                };
                prop_assert!(near(&model.input[centre * dim..][..dim], &moved, 1e-5), "{machine:?}");
                prop_assert!(near(&model.output, &expected, 1e-5), "{machine:?}");
            }
        }
    }
}

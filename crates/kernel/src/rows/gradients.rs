//! `RowGradients`: the gradients of the rows one batch touches, each row once. A slot array (row → place in the batch)
//! makes de-duplication one read; clearing walks only the rows that were touched.

use crate::real::Real;

/// Per-batch gradients of a table's rows; reused from batch to batch.
#[derive(Debug, Clone, Default)]
pub struct RowGradients<T> {
    dim: usize,
    place: Vec<u32>,
    rows: Vec<u32>,
    gradients: Vec<T>,
}

impl<T: Real> RowGradients<T> {
    /// Makes an empty set for rows of `dim` weights.
    #[must_use]
    pub fn new(dim: usize) -> RowGradients<T> {
        RowGradients {
            dim,
            place: Vec::new(),
            rows: Vec::new(),
            gradients: Vec::new(),
        }
    }

    /// Returns the weights of a row.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Forgets the batch. Cost: the rows it touched.
    pub fn clear(&mut self) {
        for row in self.rows.drain(..) {
            self.place[row as usize] = 0;
        }
        self.gradients.clear();
    }

    /// Returns the gradient of a row to add to: zeros when the batch first touches it.
    #[inline(always)]
    pub fn at(&mut self, row: u32) -> &mut [T] {
        let place = match self.place.get(row as usize) {
            Some(&place) if place > 0 => place,
            _ => self.open(row),
        };
        let from = (place as usize - 1) * self.dim;
        &mut self.gradients[from..from + self.dim]
    }

    /// Asks for the memory that says whether the batch has touched a row.
    #[inline(always)]
    pub(super) fn ask(&self, row: u32) {
        super::table::fetch(self.place.as_ptr().wrapping_add(row as usize));
    }

    /// Makes room for the gradients of `rows` more rows.
    pub(super) fn reserve(&mut self, rows: usize) {
        self.rows.reserve(rows);
        self.gradients.reserve(rows * self.dim);
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a batch touches at most as many rows as there are"
    )]
    #[inline(never)]
    fn open(&mut self, row: u32) -> u32 {
        let slot = row as usize;
        if slot >= self.place.len() {
            self.place.resize((slot + 1).next_power_of_two(), 0);
        }
        self.rows.push(row);
        self.place[slot] = self.rows.len() as u32;
        self.gradients.resize(self.rows.len() * self.dim, T::ZERO);
        self.place[slot]
    }

    /// Returns the rows touched, in first-touch order.
    #[inline]
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Returns the gradient of `rows()[at]`.
    ///
    /// # Panics
    /// If there is no such place.
    #[inline]
    #[must_use]
    pub fn gradient(&self, at: usize) -> &[T] {
        &self.gradients[at * self.dim..(at + 1) * self.dim]
    }

    /// Returns the gradients of all rows touched, one after another in the order of [`RowGradients::rows`].
    #[must_use]
    pub fn all(&self) -> &[T] {
        &self.gradients
    }

    /// Returns all gradients, for scaling or clipping.
    pub fn all_mut(&mut self) -> &mut [T] {
        &mut self.gradients
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_summed_once_per_batch() {
        let mut gradients = RowGradients::<f64>::new(2);
        for (row, g) in [(5, 1.0), (0, 2.0), (5, 10.0)] {
            gradients.at(row).iter_mut().for_each(|v| *v += g);
        }
        assert_eq!(gradients.rows(), [5, 0]);
        assert_eq!(
            (gradients.gradient(0), gradients.gradient(1)),
            (&[11.0; 2][..], &[2.0; 2][..])
        );
        gradients.all_mut().iter_mut().for_each(|g| *g *= 2.0);
        assert_eq!(gradients.gradient(1), [4.0; 2]);
        gradients.clear();
        assert!(gradients.rows().is_empty());
        assert_eq!(gradients.at(5), [0.0; 2]);
    }
}

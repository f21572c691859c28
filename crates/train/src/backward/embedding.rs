//! The input layer: rows of sparse columns side by side, then the dense block.
//!
//! Each column adds its weighted rows into its own stretch of the input row, in the order of the model file; the dense
//! block is copied behind them. Backward hands each stretch's gradient to the table, weighted the same way.

use rankine_kernel::Real;

use crate::encode::{Batch, batch::BatchColumn};
use crate::table::Table;

/// One column and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Column of the batch.
    pub column: usize,
    /// Table of that column.
    pub table: usize,
    /// First number of the input row.
    pub offset: usize,
    /// Numbers in the input row.
    pub dim: usize,
}

/// Gathers a batch's input rows; scatters their gradients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Embedding {
    stretches: Vec<Stretch>,
    sparse: usize,
    dense: usize,
    /// Numbers of the batch's dense block before those of this input.
    from: usize,
    /// Numbers behind both that are another's to fill.
    spare: usize,
}

impl Embedding {
    /// Columns as (column, table, dim), side by side in that order, then `dense` numbers of the dense block.
    #[must_use]
    pub fn new(columns: impl IntoIterator<Item = (usize, usize, usize)>, dense: usize) -> Self {
        let mut offset = 0;
        let stretches = columns
            .into_iter()
            .map(|(column, table, dim)| {
                let stretch = Stretch {
                    column,
                    table,
                    offset,
                    dim,
                };
                offset += dim;
                stretch
            })
            .collect();
        Self {
            stretches,
            sparse: offset,
            dense,
            from: 0,
            spare: 0,
        }
    }

    /// The same with its dense numbers behind the first `from` of the batch's.
    #[must_use]
    pub fn after(self, from: usize) -> Self {
        Self { from, ..self }
    }

    /// The same with `spare` numbers behind all others, which are left as they are.
    #[must_use]
    pub fn with_spare(self, spare: usize) -> Self {
        Self { spare, ..self }
    }

    /// The columns alone.
    #[must_use]
    pub fn sparse(&self) -> Embedding {
        Embedding {
            dense: 0,
            spare: 0,
            ..self.clone()
        }
    }

    /// The columns with their places.
    #[must_use]
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// Numbers of the dense block.
    #[must_use]
    pub fn dense(&self) -> usize {
        self.dense
    }

    /// Numbers per input row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.sparse + self.dense + self.spare
    }

    /// The batch's numbers from the first of this input on, and how far apart its rows are, where numbers of the batch are all there is.
    #[must_use]
    pub fn in_place<'b, T: Real>(&self, batch: &'b Batch<T>) -> Option<(&'b [T], usize)> {
        let bare = self.sparse == 0 && self.spare == 0 && self.dense > 0;
        let numbers = batch.dense.get(self.from..).filter(|_| bare)?;
        Some((numbers, batch.dense_width))
    }

    /// Fills `x` (samples × width).
    pub fn forward<T: Real>(&self, tables: &[Table<T>], batch: &Batch<T>, x: &mut [T]) {
        for stretch in &self.stretches {
            self.gather(
                *stretch,
                &tables[stretch.table],
                &batch.columns[stretch.column],
                x,
            );
        }
        if self.dense > 0 {
            for (row, dense) in x
                .chunks_exact_mut(self.width())
                .zip(batch.dense.chunks_exact(batch.dense_width.max(1)))
            {
                row[self.sparse..self.sparse + self.dense]
                    .copy_from_slice(&dense[self.from..self.from + self.dense]);
            }
        }
    }

    /// [`Embedding::forward`] with sample `order[k]` in row k.
    pub fn forward_in<T: Real>(&self, tables: &[Table<T>], batch: &Batch<T>, order: &[u32], x: &mut [T]) {
        for s in &self.stretches {
            let (table, column) = (&tables[s.table], &batch.columns[s.column]);
            for (to, i) in x.chunks_exact_mut(self.width()).zip(order) {
                let to = &mut to[s.offset..s.offset + s.dim];
                to.fill(T::ZERO);
                for entry in column.entries(*i as usize) {
                    table.accumulate(column.weight(entry), column.rows()[entry], to);
                }
            }
        }
        if self.dense > 0 {
            for (to, i) in x.chunks_exact_mut(self.width()).zip(order) {
                let from = *i as usize * batch.dense_width + self.from;
                to[self.sparse..self.sparse + self.dense]
                    .copy_from_slice(&batch.dense[from..from + self.dense]);
            }
        }
    }

    fn gather<T: Real>(&self, s: Stretch, table: &Table<T>, column: &BatchColumn<T>, x: &mut [T]) {
        let rows = column.rows();
        if let BatchColumn::Single(_) = column {
            return table.read(rows, x.get_mut(s.offset..).unwrap_or_default(), self.width());
        }
        x.chunks_exact_mut(self.width())
            .for_each(|to| to[s.offset..s.offset + s.dim].fill(T::ZERO));
        column.for_each(|sample, entry, weight| {
            let at = sample * self.width() + s.offset;
            table.accumulate(weight, rows[entry], &mut x[at..at + s.dim]);
        });
    }

    /// Adds the gradient `dx` (samples × width) to the tables.
    pub fn backward<T: Real>(&self, tables: &mut [Table<T>], batch: &Batch<T>, dx: &[T]) {
        for s in &self.stretches {
            let (table, column) = (&mut tables[s.table], &batch.columns[s.column]);
            let rows = column.rows();
            if let BatchColumn::Single(_) = column {
                table.add_all(rows, dx.get(s.offset..).unwrap_or_default(), self.width());
                continue;
            }
            column.for_each(|sample, entry, weight| {
                let at = sample * self.width() + s.offset;
                table.add(rows[entry], weight, &dx[at..at + s.dim]);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{differences, random};
    use crate::table::tests::{flat_gradient, table};

    /// Two columns over one table (one single-valued, one list), a third over another, and two dense numbers.
    fn case() -> (Embedding, Vec<Table<f64>>, Batch<f64>) {
        let columns = vec![
            BatchColumn::Single(vec![1, 2, 1]),
            BatchColumn::Lists {
                ends: vec![2, 2, 3],
                rows: vec![1, 0, 2],
                weights: vec![0.5, -1.0, 2.0],
            },
            BatchColumn::Single(vec![0, 1, 1]),
        ];
        let batch = Batch {
            columns,
            dense: random(6, 1),
            dense_width: 2,
            span: 0..2,
            labels: vec![0.0; 3],
            weights: vec![1.0; 3],
            others: Vec::new(),
            others_width: 0,
        };
        let tables = vec![table(2, 2, 5), table(1, 3, 6)];
        (
            Embedding::new([(0, 0, 2), (1, 0, 2), (2, 1, 3)], 2),
            tables,
            batch,
        )
    }

    #[test]
    fn rows_stand_side_by_side_and_lists_are_weighted_sums() {
        let (layer, tables, batch) = case();
        let mut x = vec![9.0; 3 * layer.width()];
        layer.forward(&tables, &batch, &mut x);
        assert_eq!(layer.width(), 9);
        assert_eq!(x[0..2], *tables[0].weights(1));
        let mixed: Vec<f64> = (0..2)
            .map(|k| 0.5 * tables[0].weights(1)[k] - tables[0].weights(0)[k])
            .collect();
        assert_eq!(x[2..4], mixed);
        assert_eq!(x[4..7], *tables[1].weights(0));
        assert_eq!(x[7..9], batch.dense[0..2]);
        assert_eq!(x[9 + 2..9 + 4], [0.0, 0.0]);
        let mut turned = vec![9.0; 3 * layer.width()];
        layer.forward_in(&tables, &batch, &[2, 0, 1], &mut turned);
        assert_eq!(turned, [&x[18..], &x[..18]].concat());
    }

    #[test]
    fn gradients_agree_with_differences_for_shared_tables_and_lists() {
        let (layer, tables, batch) = case();
        let c = random(3 * 9, 8);
        for t in 0..2 {
            let mut with_gradient = tables.clone();
            layer.backward(&mut with_gradient, &batch, &c);
            let mut flat = Vec::new();
            tables[t].save(&mut flat);
            differences(&flat, &flat_gradient(&with_gradient[t]), |weights| {
                let mut moved = tables.clone();
                moved[t].restore(weights);
                let mut x = vec![0.0; 27];
                layer.forward(&moved, &batch, &mut x);
                x.iter().zip(&c).map(|(x, c)| x * c).sum()
            });
        }
    }
}

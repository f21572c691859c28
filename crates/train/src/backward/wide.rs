//! The wide part: one weight per sign, added straight to the logit.
//!
//! A linear model over signs; beside a deep part it remembers exceptions (Cheng et al. 2016), on the ids of a
//! collaborative filter it is the user and item bias. Its tables have dimension 1.

use rankine_kernel::Real;

use crate::encode::Batch;
use crate::table::Table;

/// Columns of the wide part, each with its table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wide {
    columns: Vec<(usize, usize)>,
}

impl Wide {
    /// Columns as (column, table); the tables must have dimension 1.
    #[must_use]
    pub fn new(columns: Vec<(usize, usize)>) -> Self {
        Self { columns }
    }

    /// Adds each sample's weights to its logit.
    pub fn forward<T: Real>(&self, tables: &[Table<T>], batch: &Batch<T>, logits: &mut [T]) {
        for &(column, table) in &self.columns {
            let (table, column) = (&tables[table], &batch.columns[column]);
            let rows = column.rows();
            column.for_each(|sample, entry, weight| {
                table.accumulate(weight, rows[entry], &mut logits[sample..=sample]);
            });
        }
    }

    /// Adds the logits' gradient to the tables.
    pub fn backward<T: Real>(&self, tables: &mut [Table<T>], batch: &Batch<T>, slopes: &[T]) {
        for &(column, table) in &self.columns {
            let (table, column) = (&mut tables[table], &batch.columns[column]);
            let rows = column.rows();
            column.for_each(|sample, entry, weight| table.add(rows[entry], weight, &slopes[sample..=sample]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{differences, random};
    use crate::encode::batch::BatchColumn;
    use crate::table::tests::{flat_gradient, table};

    #[test]
    fn gradients_agree_with_differences() {
        let columns = vec![
            BatchColumn::Single(vec![1, 2, 1, 0]),
            BatchColumn::Lists {
                ends: vec![1, 1, 3, 3],
                rows: vec![2, 1, 2],
                weights: vec![0.5, 2.0, -1.0],
            },
        ];
        let batch = Batch {
            columns,
            dense: vec![],
            dense_width: 0,
            span: 0..0,
            labels: vec![0.0; 4],
            weights: vec![1.0; 4],
            others: Vec::new(),
            others_width: 0,
        };
        let wide = Wide::new(vec![(0, 0), (1, 0)]);
        let mut tables = vec![table(2, 1, 3)];
        let (flat, c) = (random(3, 1), random(4, 2));
        wide.backward(&mut tables, &batch, &c);
        differences(&flat, &flat_gradient(&tables[0]), |weights| {
            let mut tables = tables.clone();
            tables[0].restore(weights);
            let mut logits = vec![0.0; 4];
            wide.forward(&tables, &batch, &mut logits);
            logits.iter().zip(&c).map(|(z, c)| z * c).sum()
        });
    }
}

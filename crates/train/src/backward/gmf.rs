//! Generalised matrix factorisation: `Σ_k h[k] · p[k] · q[k]` of a user row p and an item row q, added to the logit.
//!
//! The half of neural collaborative filtering (He et al. 2017) that a plain MLP finds hard to imitate. Each side may be
//! several columns, which are summed into one row first.

use rankine_kernel::{Real, dense};

use super::{Dense, sized};
use crate::encode::Batch;
use crate::table::Table;

/// The columns of one side as (column, table), all of one dimension.
pub type SideColumns = Vec<(usize, usize)>;

/// The product of two sides and the weights that add it up.
#[derive(Clone, Debug)]
pub struct Gmf<T> {
    dim: usize,
    user: SideColumns,
    item: SideColumns,
    /// `h` as a layer of one output; its bias is not used.
    pub output: Dense<T>,
    p: Vec<T>,
    q: Vec<T>,
    product: Vec<T>,
    gradient: Vec<T>,
}

impl<T: Real> Gmf<T> {
    /// A product of `dim` factors over the given columns; `h` starts at one, which is plain matrix factorisation.
    #[must_use]
    pub fn new(user: SideColumns, item: SideColumns, dim: usize) -> Self {
        let output = Dense::ones("gmf", dim);
        let empty = Vec::new;
        Self {
            dim,
            user,
            item,
            output,
            p: empty(),
            q: empty(),
            product: empty(),
            gradient: empty(),
        }
    }

    /// Adds each sample's product to its logit.
    pub fn forward(&mut self, tables: &[Table<T>], batch: &Batch<T>, logits: &mut [T]) {
        let len = batch.len() * self.dim;
        pool(&self.user, tables, batch, sized(&mut self.p, len));
        pool(&self.item, tables, batch, sized(&mut self.q, len));
        let product = sized(&mut self.product, len);
        for ((z, p), q) in product.iter_mut().zip(&self.p).zip(&self.q) {
            *z = *p * *q;
        }
        for (logit, z) in logits.iter_mut().zip(product.chunks_exact(self.dim.max(1))) {
            *logit += dense::dot(z, &self.output.weight);
        }
    }

    /// Adds the logits' gradient to the tables and to that of `h`.
    pub fn backward(&mut self, tables: &mut [Table<T>], batch: &Batch<T>, slopes: &[T]) {
        dense::weight_gradient(
            batch.len(),
            &self.product,
            slopes,
            &mut self.output.weight_gradient,
        );
        self.spread(tables, batch, slopes, true);
        self.spread(tables, batch, slopes, false);
    }

    /// Hands one side `slope · h · (the other side's row)`.
    fn spread(&mut self, tables: &mut [Table<T>], batch: &Batch<T>, slopes: &[T], to_user: bool) {
        let (columns, other) = if to_user {
            (&self.user, &self.q)
        } else {
            (&self.item, &self.p)
        };
        let gradient = sized(&mut self.gradient, other.len());
        let rows = gradient
            .chunks_exact_mut(self.dim.max(1))
            .zip(other.chunks_exact(self.dim.max(1)));
        for ((to, other), &slope) in rows.zip(slopes) {
            for ((to, other), h) in to.iter_mut().zip(other).zip(&self.output.weight) {
                *to = slope * *h * *other;
            }
        }
        for &(column, table) in columns {
            let (table, column) = (&mut tables[table], &batch.columns[column]);
            let rows = column.rows();
            column.for_each(|sample, entry, weight| {
                table.add(
                    rows[entry],
                    weight,
                    &self.gradient[sample * self.dim..(sample + 1) * self.dim],
                );
            });
        }
    }
}

/// Sums the weighted rows of some columns into one row per sample.
fn pool<T: Real>(columns: &[(usize, usize)], tables: &[Table<T>], batch: &Batch<T>, to: &mut [T]) {
    to.fill(T::ZERO);
    for &(column, table) in columns {
        let (table, column) = (&tables[table], &batch.columns[column]);
        let rows = column.rows();
        column.for_each(|sample, entry, weight| {
            let to = &mut to[sample * table.dim()..(sample + 1) * table.dim()];
            table.accumulate(weight, rows[entry], to);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{differences, random};
    use crate::encode::batch::BatchColumn;
    use crate::table::tests::{flat_gradient, table};

    fn case() -> (Gmf<f64>, Vec<Table<f64>>, Batch<f64>) {
        let columns = vec![
            BatchColumn::Single(vec![1, 2, 1]),
            BatchColumn::Single(vec![2, 1, 0]),
            BatchColumn::Lists {
                ends: vec![1, 1, 3],
                rows: vec![2, 1, 2],
                weights: vec![0.5, 2.0, -1.0],
            },
        ];
        let batch = Batch {
            columns,
            dense: vec![],
            dense_width: 0,
            span: 0..0,
            labels: vec![0.0; 3],
            weights: vec![1.0; 3],
            others: Vec::new(),
            others_width: 0,
        };
        let tables = vec![table(2, 3, 4), table(2, 3, 5)];
        let mut gmf = Gmf::new(vec![(0, 0)], vec![(1, 1), (2, 1)], 3);
        gmf.output.weight = random(3, 6);
        (gmf, tables, batch)
    }

    fn cost(gmf: &Gmf<f64>, tables: &[Table<f64>], batch: &Batch<f64>, c: &[f64]) -> f64 {
        let mut logits = vec![0.0; 3];
        gmf.clone().forward(tables, batch, &mut logits);
        logits.iter().zip(c).map(|(z, c)| z * c).sum()
    }

    #[test]
    fn gradients_agree_with_differences_on_both_sides_and_in_h() {
        let (mut gmf, mut tables, batch) = case();
        let c = random(3, 9);
        gmf.forward(&tables, &batch, &mut [0.0; 3]);
        gmf.backward(&mut tables, &batch, &c);
        for t in 0..2 {
            let mut flat = Vec::new();
            tables[t].save(&mut flat);
            differences(&flat, &flat_gradient(&tables[t]), |weights| {
                let mut tables = tables.clone();
                tables[t].restore(weights);
                cost(&gmf, &tables, &batch, &c)
            });
        }
        differences(&gmf.output.weight, &gmf.output.weight_gradient, |h| {
            let mut gmf = gmf.clone();
            gmf.output.weight = h.to_vec();
            cost(&gmf, &tables, &batch, &c)
        });
    }

    #[test]
    fn one_pair_by_hand() {
        let (mut gmf, tables, batch) = case();
        let mut logits = vec![0.0; 3];
        gmf.forward(&tables, &batch, &mut logits);
        let (p, q, h) = (tables[0].weights(2), tables[1].weights(1), &gmf.output.weight);
        let expected: f64 = (0..3).map(|k| h[k] * p[k] * q[k]).sum();
        assert!((logits[1] - expected).abs() < 1e-12);
    }
}

//! The first dense layer over columns of few rows: a product per row, not per sample.
//!
//! A column with one row per sample gives `E[row] · W_c` to the first layer, W_c being the column's stretch of the
//! weights. Where the table has far fewer rows than the batch has samples (genres, hours, buckets), `E · W_c` is made
//! once for all rows and added sample by sample; backward adds the samples' gradients up by row before any product.
//! The same sums in another order: in SparrowRecSys's EmbeddingMLP eight of ten columns, 80 of 107 inputs, go this way.

use rankine_kernel::Real;
use rankine_kernel::activation::Activation;
use rankine_kernel::dense::{
    accumulate_batch, affine_batch, bias_gradient, input_gradient, transpose, weight_gradient,
};
use rankine_kernel::rows::{RowGradients, scatter, sum_rows};

use super::embedding::Stretch;
use super::{Dense, Embedding, sized};
use crate::encode::{Batch, batch::BatchColumn};
use crate::table::Table;

/// Samples a batch must have for each row of a folded table.
const SAMPLES: usize = 4;
/// Samples whose sums stay near while all columns add to them.
const NEAR: usize = 32;

/// The first layer of a network, its columns of few rows folded.
#[derive(Clone, Debug)]
pub struct Fold<T> {
    folded: Vec<Column<T>>,
    /// The other columns and the dense block.
    narrow: Embedding,
    /// The same without the dense block, which needs no gradient.
    sparse: Embedding,
    /// Where the rows of the narrow layer's weights lie in the whole: (first, count).
    kept: Vec<(usize, usize)>,
    x: Vec<T>,
    dx: Vec<T>,
    weight: Vec<T>,
    gradient: Vec<T>,
    /// The transpose of the sparse part's weights.
    transposed: Vec<T>,
    scratch: Vec<T>,
}

/// A folded column.
#[derive(Clone, Debug)]
struct Column<T> {
    place: Stretch,
    every: Vec<u32>,
    /// Rows of the table, then of those that the batch touches; their products; their gradients.
    rows: Vec<T>,
    products: Vec<T>,
    sums: RowGradients<T>,
}

impl<T: Real> Fold<T> {
    /// The fold of the columns of `input` whose tables have few rows for batches of `samples` samples and no L2; none
    /// without such. `outputs` is the first layer's width.
    #[must_use]
    pub fn new(input: &Embedding, tables: &[Table<T>], samples: usize, outputs: usize) -> Option<Self> {
        let small = |s: &&Stretch| {
            let table = &tables[s.table];
            !table.decays() && (table.rows().len() + 1) * SAMPLES <= samples
        };
        let (folded, other): (Vec<&Stretch>, Vec<&Stretch>) = input.stretches().iter().partition(small);
        let folded: Vec<Column<T>> = folded
            .into_iter()
            .map(|s| Column::new(*s, tables, outputs))
            .collect();
        let places = || other.iter().map(|s| (s.column, s.table, s.dim));
        let mut kept: Vec<(usize, usize)> = other.iter().map(|s| (s.offset, s.dim)).collect();
        kept.push((input.width() - input.dense(), input.dense()));
        let empty = Vec::new;
        (!folded.is_empty()).then(|| Self {
            folded,
            narrow: Embedding::new(places(), input.dense()),
            sparse: Embedding::new(places(), 0),
            kept,
            x: empty(),
            dx: empty(),
            weight: empty(),
            gradient: empty(),
            transposed: empty(),
            scratch: empty(),
        })
    }

    /// Whether this batch has one row per sample in every folded column.
    #[must_use]
    pub fn suits(&self, batch: &Batch<T>) -> bool {
        let single = |c: &Column<T>| matches!(batch.columns[c.place.column], BatchColumn::Single(_));
        self.folded.iter().all(single)
    }

    /// Begins a batch, after weights or rows have moved: makes the products of the folded columns.
    pub fn begin(&mut self, tables: &[Table<T>], layer: &Dense<T>) {
        self.weight.clear();
        for &(first, count) in &self.kept {
            let stretch = first * layer.outputs..(first + count) * layer.outputs;
            self.weight.extend_from_slice(&layer.weight[stretch]);
        }
        let width = self.sparse.width() * layer.outputs;
        transpose(&self.weight[..width], layer.outputs, &mut self.transposed);
        self.gradient.clear();
        self.gradient.resize(self.weight.len(), T::ZERO);
        let mut bias = Some(layer.bias.as_slice());
        for column in &mut self.folded {
            column.multiply(tables, layer, bias.take());
            column.sums.clear();
        }
    }

    /// `y = f(x·W + b)` of the whole layer for a part of the batch.
    pub fn forward(&mut self, tables: &[Table<T>], batch: &Batch<T>, layer: &Dense<T>, y: &mut [T]) {
        let x = sized(&mut self.x, batch.len() * self.narrow.width());
        self.narrow.forward(tables, batch, x);
        let rows = self.folded.iter().map(|c| batch.columns[c.place.column].rows());
        let products = self.folded.iter().map(|c| c.products.as_slice());
        let parts: Vec<(&[T], &[u32])> = products.zip(rows).collect();
        sum_rows(&parts, layer.outputs, y);
        accumulate_batch(batch.len(), x, &self.weight, layer.activation, y);
    }

    /// Adds the gradients of a part of the batch. `dy` becomes the gradient of the pre-activation.
    pub fn backward(
        &mut self,
        tables: &mut [Table<T>],
        batch: &Batch<T>,
        layer: &mut Dense<T>,
        (y, dy): (&[T], &mut [T]),
    ) {
        layer.activation.backward(y, dy);
        bias_gradient(dy, &mut layer.bias_gradient);
        weight_gradient(batch.len(), &self.x, dy, &mut self.gradient);
        let width = self.sparse.width();
        if width > 0 {
            let dx = sized(&mut self.dx, batch.len() * width);
            input_gradient(batch.len(), dy, &self.transposed, dx);
            self.sparse.backward(tables, batch, dx);
        }
        for (block, dy) in dy.chunks(NEAR * layer.outputs).enumerate() {
            for column in &mut self.folded {
                let rows = &batch.columns[column.place.column].rows()[block * NEAR..];
                let rows = &rows[..rows.len().min(NEAR)];
                scatter(&mut column.sums, rows, dy, layer.outputs);
            }
        }
    }

    /// Ends a batch: the gradients of the weights and of the folded columns' tables are complete.
    pub fn finish(&mut self, tables: &mut [Table<T>], layer: &mut Dense<T>) {
        let (mut from, outputs) = (0, layer.outputs);
        for &(first, count) in &self.kept {
            let len = count * outputs;
            layer.weight_gradient[first * outputs..][..len].copy_from_slice(&self.gradient[from..from + len]);
            from += len;
        }
        for column in &mut self.folded {
            column.finish(tables, layer, &mut self.scratch);
        }
    }
}

impl<T: Real> Column<T> {
    fn new(place: Stretch, tables: &[Table<T>], outputs: usize) -> Self {
        Self {
            place,
            every: (0..).take(tables[place.table].rows().len() + 1).collect(),
            rows: Vec::new(),
            products: Vec::new(),
            sums: RowGradients::new(outputs),
        }
    }

    /// This column's rows of the layer's weights or of their gradient.
    fn stretch(&self, outputs: usize) -> std::ops::Range<usize> {
        self.place.offset * outputs..(self.place.offset + self.place.dim) * outputs
    }

    /// The products of all rows of the table, `bias` added.
    fn multiply(&mut self, tables: &[Table<T>], layer: &Dense<T>, bias: Option<&[T]>) {
        let (count, dim, weight) = (self.every.len(), self.place.dim, self.stretch(layer.outputs));
        let rows = sized(&mut self.rows, count * dim);
        tables[self.place.table].read(&self.every, rows, dim);
        let products = sized(&mut self.products, count * layer.outputs);
        affine_batch(
            count,
            rows,
            &layer.weight[weight],
            bias,
            Activation::Linear,
            products,
        );
    }

    /// Gradients of this column's weights and of the rows that the batch touches.
    fn finish(&mut self, tables: &mut [Table<T>], layer: &mut Dense<T>, transposed: &mut Vec<T>) {
        let (dim, stretch) = (self.place.dim, self.stretch(layer.outputs));
        let table = &mut tables[self.place.table];
        let touched = self.sums.rows().len();
        let rows = sized(&mut self.rows, touched * dim);
        table.read(self.sums.rows(), rows, dim);
        weight_gradient(
            touched,
            rows,
            self.sums.all(),
            &mut layer.weight_gradient[stretch.clone()],
        );
        transpose(&layer.weight[stretch], layer.outputs, transposed);
        input_gradient(touched, self.sums.all(), transposed, rows);
        table.add_all(self.sums.rows(), rows, dim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::random;
    use crate::table::tests::{flat_gradient, table};
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    const SAMPLES: usize = 71;

    /// Columns 0, 2, 3 over the small tables 0 and 2 (two share one), column 1 over a large one, two dense numbers.
    fn case() -> (Embedding, Vec<Table<f64>>, Batch<f64>, Dense<f64>) {
        let column = |seed: u64, rows: u32| {
            let draws = random(SAMPLES, seed);
            let row = |v: &f64| {
                (0..rows)
                    .rev()
                    .find(|r| v.abs() * f64::from(rows) >= f64::from(*r))
            };
            BatchColumn::Single(draws.iter().filter_map(row).collect())
        };
        let batch = Batch {
            columns: vec![column(1, 4), column(2, 41), column(3, 4), column(4, 3)],
            dense: random(SAMPLES * 2, 5),
            dense_width: 2,
            span: 0..2,
            labels: vec![0.0; SAMPLES],
            weights: vec![1.0; SAMPLES],
            others: Vec::new(),
            others_width: 0,
        };
        let tables = vec![table(3, 3, 6), table(40, 5, 7), table(2, 2, 8)];
        let input = Embedding::new([(0, 0, 3), (1, 1, 5), (2, 0, 3), (3, 2, 2)], 2);
        let mut draw = Xoshiro256PlusPlus::seed_from_u64(9);
        let mut layer = Dense::new("d", (input.width(), 19), Activation::Relu, &mut draw);
        layer.bias = random(19, 10);
        (input, tables, batch, layer)
    }

    fn near(a: &[f64], b: &[f64]) {
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
    }

    #[test]
    fn folding_changes_no_value_and_no_gradient() {
        let (input, tables, batch, layer) = case();
        let (mut whole, mut parts) = ((tables.clone(), layer.clone()), (tables, layer));
        let mut fold = Fold::new(&input, &parts.0, SAMPLES, 19).unwrap();
        assert!(fold.suits(&batch) && fold.folded.len() == 3);
        let (mut x, mut y, mut z) = (
            vec![0.0; SAMPLES * input.width()],
            vec![0.0; SAMPLES * 19],
            vec![9.0; SAMPLES * 19],
        );
        whole.1.begin();
        parts.1.begin();
        fold.begin(&parts.0, &parts.1);
        input.forward(&whole.0, &batch, &mut x);
        whole.1.forward(SAMPLES, &x, &mut y);
        fold.forward(&parts.0, &batch, &parts.1, &mut z);
        near(&y, &z);
        let (mut dx, mut dy) = (vec![0.0; x.len()], random(y.len(), 11));
        let mut dz = dy.clone();
        whole.1.backward(SAMPLES, (&x, &y), &mut dy, Some(&mut dx));
        input.backward(&mut whole.0, &batch, &dx);
        fold.backward(&mut parts.0, &batch, &mut parts.1, (&z, &mut dz));
        fold.finish(&mut parts.0, &mut parts.1);
        near(&whole.1.weight_gradient, &parts.1.weight_gradient);
        near(&whole.1.bias_gradient, &parts.1.bias_gradient);
        for (a, b) in whole.0.iter().zip(&parts.0) {
            near(&flat_gradient(a), &flat_gradient(b));
            assert_eq!(a.gradients().count(), b.gradients().count());
        }
    }

    #[test]
    fn large_tables_small_batches_and_lists_stay_unfolded() {
        let (input, tables, mut batch, _) = case();
        assert!(Fold::new(&input, &tables, 11, 19).is_none());
        let fold = Fold::new(&input, &tables, 12, 19).unwrap();
        assert_eq!(fold.folded.len(), 1);
        batch.columns[3] = BatchColumn::Lists {
            ends: vec![0; SAMPLES],
            rows: vec![],
            weights: vec![],
        };
        assert!(!fold.suits(&batch));
    }
}

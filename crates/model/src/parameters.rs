//! Parameters: what training changes and serving reads, by the names the weights file uses.

use rankine_kernel::Real;
use rankine_kernel::rows::RowTable;
use std::collections::BTreeMap;

/// An embedding or wide table: rows by key with optimiser state beside them; row 0 is the missing row.
pub type Table<T> = RowTable<T>;

/// A dense tensor, row-major.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tensor<T> {
    /// Length of each dimension.
    pub shape: Vec<usize>,
    /// The product of `shape` numbers.
    pub data: Vec<T>,
}

impl<T: Real> Tensor<T> {
    /// Makes a tensor of zeros.
    #[must_use]
    pub fn zeros(shape: &[usize]) -> Tensor<T> {
        Tensor {
            shape: shape.to_vec(),
            data: vec![T::ZERO; shape.iter().product()],
        }
    }

    /// Makes a tensor of these numbers.
    #[must_use]
    pub fn new(shape: &[usize], data: Vec<T>) -> Tensor<T> {
        debug_assert_eq!(shape.iter().product::<usize>(), data.len());
        Tensor {
            shape: shape.to_vec(),
            data,
        }
    }
}

/// All parameters of a model; the names are those of [`crate::Network::tables`] and [`crate::Network::tensors`].
#[derive(Debug, Clone, Default)]
pub struct Parameters<T> {
    /// Tables by name.
    pub tables: BTreeMap<String, Table<T>>,
    /// Dense tensors by name.
    pub dense: BTreeMap<String, Tensor<T>>,
}

impl<T: Real> Parameters<T> {
    /// Converts every weight to another number type, dropping optimiser state. f32 → f64 is exact.
    #[must_use]
    pub fn convert<U: Real>(&self) -> Parameters<U> {
        let tables = self
            .tables
            .iter()
            .map(|(name, table)| (name.clone(), convert_table(table)));
        let dense = self.dense.iter().map(|(name, tensor)| {
            let data = tensor.data.iter().map(|v| U::of(v.to_f64())).collect();
            (
                name.clone(),
                Tensor {
                    shape: tensor.shape.clone(),
                    data,
                },
            )
        });
        Parameters {
            tables: tables.collect(),
            dense: dense.collect(),
        }
    }
}

fn convert_table<T: Real, U: Real>(from: &Table<T>) -> Table<U> {
    let copy = |from: &[T], to: &mut [U]| to.iter_mut().zip(from).for_each(|(t, f)| *t = U::of(f.to_f64()));
    let mut to = Table::plain(from.dim());
    copy(from.weights(0), to.row_mut(0).0);
    for (row, key) in (1u32..).zip(from.keys()) {
        to.intern(*key, |weights| copy(from.weights(row), weights));
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversion_keeps_every_weight() {
        let mut table = Table::<f32>::plain(2);
        table.intern(9, |w| w.copy_from_slice(&[1.5, -2.0]));
        table.row_mut(0).0.fill(0.25);
        let mut parameters = Parameters::default();
        parameters.tables.insert("t".into(), table);
        parameters.dense.insert("b".into(), Tensor::new(&[1], vec![3.0]));
        let wide = parameters.convert::<f64>();
        assert_eq!(wide.tables["t"].weights(wide.tables["t"].row(9)), [1.5, -2.0]);
        assert_eq!(wide.tables["t"].weights(0), [0.25, 0.25]);
        assert_eq!(wide.dense["b"], Tensor::new(&[1], vec![3.0f64]));
        assert_eq!(Tensor::<f32>::zeros(&[2, 3]).data.len(), 6);
    }
}

//! Weights in and out of a network under training, by the names that artefacts use.
//!
//! What goes out carries no optimiser state: it is what serving reads.

use rankine_kernel::Real;
use rankine_kernel::rows::RowTable;
use rankine_model::{Parameters, Tensor};

use super::Net;
use crate::TrainError;

impl<T: Real> Net<T> {
    /// The weights as serving's parameters; numbers are rounded to `U`.
    pub fn export<U: Real>(&mut self) -> Parameters<U> {
        let mut parameters = self.export_dense();
        for table in &self.tables {
            parameters.tables.insert(table.name.clone(), plain(table.rows()));
        }
        parameters
    }

    /// The dense tensors alone.
    pub(crate) fn export_dense<U: Real>(&mut self) -> Parameters<U> {
        let mut parameters = Parameters::default();
        // a tower without inputs is a bias alone
        let towers = self.towers.is_some();
        for layer in self.deep_layers() {
            let shape = [layer.inputs, layer.outputs];
            if layer.inputs > 0 || !towers {
                let weight = tensor(&shape, &layer.weight);
                parameters.dense.insert(format!("{}.weight", layer.name), weight);
            }
            if !layer.bias.is_empty() {
                let bias = tensor(&[layer.outputs], &layer.bias);
                parameters.dense.insert(format!("{}.bias", layer.name), bias);
            }
        }
        let combine = self.towers.iter().flat_map(|towers| &towers.combine.weights);
        for layer in combine {
            let weight = tensor(&[layer.inputs], &layer.weight);
            parameters.dense.insert(format!("{}.weight", layer.name), weight);
        }
        if let Some(gmf) = &self.gmf {
            parameters.dense.insert(
                "gmf.weight".into(),
                tensor(&[gmf.output.inputs], &gmf.output.weight),
            );
        }
        parameters
    }

    /// As [`Net::export`], giving the optimisers' state back as the rows are copied.
    #[must_use]
    pub fn into_parameters(mut self) -> Parameters<T> {
        let tables = std::mem::take(&mut self.tables);
        let mut parameters = self.export_dense();
        let plain = tables.into_iter().map(|table| {
            let name = table.name.clone();
            let mut rows = table.into_plain();
            rows.index_again();
            (name, rows)
        });
        parameters.tables = plain.collect();
        parameters
    }

    /// Takes weights over: tables by key (rows the network lacks are left out), dense tensors by name.
    ///
    /// # Errors
    /// A tensor or table that is missing or has another shape.
    pub fn import<U: Real>(&mut self, from: &Parameters<U>) -> Result<(), TrainError> {
        for table in &mut self.tables {
            let rows = from
                .tables
                .get(&table.name)
                .filter(|rows| rows.dim() == table.dim());
            let rows = rows.ok_or_else(|| unfit(&table.name, "no such table of this dimension"))?;
            table.take(rows);
        }
        self.import_dense(from)
    }

    /// The dense tensors alone.
    pub(crate) fn import_dense<U: Real>(&mut self, from: &Parameters<U>) -> Result<(), TrainError> {
        let towers = self.towers.is_some();
        for layer in self.deep_layers_mut() {
            if layer.inputs > 0 || !towers {
                take(from, &format!("{}.weight", layer.name), &mut layer.weight)?;
            }
            if !layer.bias.is_empty() {
                take(from, &format!("{}.bias", layer.name), &mut layer.bias)?;
            }
        }
        let combine = self
            .towers
            .iter_mut()
            .flat_map(|towers| &mut towers.combine.weights);
        for layer in combine {
            take(from, &format!("{}.weight", layer.name), &mut layer.weight)?;
        }
        if let Some(gmf) = &mut self.gmf {
            take(from, "gmf.weight", &mut gmf.output.weight)?;
        }
        Ok(())
    }
}

fn unfit(key: &str, detail: &str) -> TrainError {
    TrainError::Config {
        key: key.into(),
        detail: detail.into(),
    }
}

fn take<T: Real, U: Real>(from: &Parameters<U>, name: &str, to: &mut [T]) -> Result<(), TrainError> {
    let tensor = from
        .dense
        .get(name)
        .filter(|tensor| tensor.data.len() == to.len());
    let tensor = tensor.ok_or_else(|| unfit(name, "no such tensor of this shape"))?;
    to.iter_mut()
        .zip(&tensor.data)
        .for_each(|(to, from)| *to = T::of(from.to_f64()));
    Ok(())
}

fn tensor<T: Real, U: Real>(shape: &[usize], data: &[T]) -> Tensor<U> {
    Tensor::new(shape, data.iter().map(|v| U::of(v.to_f64())).collect())
}

/// The rows without optimiser state.
fn plain<T: Real, U: Real>(rows: &RowTable<T>) -> RowTable<U> {
    let copy = |to: &mut [U], from: &[T]| {
        to.iter_mut()
            .zip(from)
            .for_each(|(to, from)| *to = U::of(from.to_f64()))
    };
    let mut out = RowTable::plain(rows.dim());
    copy(out.row_mut(0).0, rows.weights(0));
    for (&key, row) in rows.keys().iter().zip(1_u32..) {
        out.intern(key, |weights| copy(weights, rows.weights(row)));
    }
    out
}

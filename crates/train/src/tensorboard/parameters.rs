//! Histograms of weights and gradients after an epoch: `weights/<tensor>` and `gradients/<tensor>`, the latter of the
//! epoch's last batch.
//!
//! Decision: of a table at most [`MOST`] numbers are looked at, rows spread evenly, so that an epoch over a table of ten
//! million rows does not end in a second of counting.

use rankine_kernel::Real;

use super::EventWriter;
use crate::TrainError;
use crate::model::Net;
use crate::table::Table;

/// Numbers of a table that are counted.
const MOST: usize = 1 << 17;

/// Writes the histograms of all parameters of `net` at `step`.
///
/// # Errors
/// [`TrainError::Io`] when the file cannot be written.
pub(crate) fn parameters<T: Real>(
    writer: &mut EventWriter,
    step: i64,
    net: &mut Net<T>,
) -> Result<(), TrainError> {
    for table in &net.tables {
        let name = format!("emb.{}", table.name);
        writer.histogram(&format!("weights/{name}"), step, &weights(table))?;
        writer.histogram(&format!("gradients/{name}"), step, &narrow(table.slopes()))?;
    }
    for layer in net.layers() {
        let parts = [
            ("weight", &layer.weight, &layer.weight_gradient),
            ("bias", &layer.bias, &layer.bias_gradient),
        ];
        for (part, own, slopes) in parts.into_iter().filter(|(_, own, _)| !own.is_empty()) {
            let name = format!("{}.{part}", layer.name);
            writer.histogram(&format!("weights/{name}"), step, &narrow(own))?;
            writer.histogram(&format!("gradients/{name}"), step, &narrow(slopes))?;
        }
    }
    Ok(())
}

/// Writes the histogram of a matrix whose rows have `dim` numbers, as `weights/NAME`.
///
/// # Errors
/// [`TrainError::Io`] when the file cannot be written.
pub(crate) fn matrix<T: Real>(
    writer: &mut EventWriter,
    (name, step): (&str, i64),
    (numbers, dim): (&[T], usize),
) -> Result<(), TrainError> {
    let rows = spread(numbers.len() / dim.max(1), dim);
    let seen: Vec<f32> = rows
        .flat_map(|row| narrow(&numbers[row * dim..][..dim]))
        .collect();
    writer.histogram(&format!("weights/{name}"), step, &seen)
}

/// The rows of a table that are looked at.
pub(crate) fn spread(rows: usize, dim: usize) -> impl Iterator<Item = usize> {
    (0..rows).step_by((rows * dim.max(1)).div_ceil(MOST).max(1))
}

/// Weights of rows spread over a table.
fn weights<T: Real>(table: &Table<T>) -> Vec<f32> {
    let rows = table.rows();
    let numbers = spread(rows.len() + 1, rows.dim()).map_while(|row| u32::try_from(row).ok());
    numbers.flat_map(|row| narrow(rows.weights(row))).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "histograms are of single precision"
)]
fn narrow<T: Real>(values: &[T]) -> Vec<f32> {
    values.iter().map(|v| v.to_f64() as f32).collect()
}

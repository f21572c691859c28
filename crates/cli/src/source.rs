//! Sample files as the trainer's [`SampleSource`]: the seam between `pipeline` and `train`, which do not know each other.

use std::path::Path;

use anyhow::Context;
use rankine_feature::Plan;
use rankine_pipeline::sample::{SampleOptions, SampleReader, SampleRow as Read, TimeUnit};
use rankine_train::{RowsSource, SampleRow, SampleSource, TrainError};

/// Samples of a Parquet or CSV file, streamed.
pub(crate) struct FileSource {
    reader: SampleReader,
    place: String,
    block: Vec<Read>,
}

impl FileSource {
    /// Opens `path` for the fields of `plan`. Times that stand as plain numbers (CSV) are seconds, as in MovieLens.
    ///
    /// # Errors
    /// A column that the conf needs and the file lacks, or a damaged file.
    pub(crate) fn open(path: &Path, plan: &Plan) -> anyhow::Result<Self> {
        let options = SampleOptions {
            time_unit: TimeUnit::Seconds,
            ..SampleOptions::default()
        };
        let reader = SampleReader::open(path, plan.schema(), plan.sample_spec(), &options)?;
        Ok(Self {
            reader,
            place: path.display().to_string(),
            block: Vec::new(),
        })
    }

    /// All samples in memory.
    ///
    /// # Errors
    /// A sample that cannot be read.
    pub(crate) fn load(mut self) -> anyhow::Result<RowsSource> {
        let mut rows = Vec::new();
        while self.next(&mut rows, 8192).with_context(|| self.place.clone())? > 0 {}
        Ok(RowsSource::new(rows))
    }

    fn failed(&self, error: &rankine_pipeline::PipelineError) -> TrainError {
        TrainError::Sample {
            place: self.place.clone(),
            detail: error.to_string(),
        }
    }
}

impl SampleSource for FileSource {
    fn next(&mut self, out: &mut Vec<SampleRow>, max: usize) -> Result<usize, TrainError> {
        self.block.clear();
        let read = self
            .reader
            .next(&mut self.block, max)
            .map_err(|e| self.failed(&e))?;
        out.extend(self.block.drain(..).map(handed_over));
        Ok(read)
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        self.reader.rewind().map_err(|e| self.failed(&e))
    }

    fn len_hint(&self) -> Option<u64> {
        self.reader.len_hint()
    }
}

/// The same sample in the trainer's words.
fn handed_over(row: Read) -> SampleRow {
    SampleRow {
        user: row.user,
        item: row.item,
        context: row.context,
        label: row.label,
        weight: row.weight,
        time: row.time,
        group: row.group,
        item_id: row.item_id,
    }
}

/// Divides `rows` at random: about `fraction` of them, chosen by `seed` and position, come back second.
pub(crate) fn hold_out(rows: &RowsSource, fraction: f64, seed: u64) -> (RowsSource, RowsSource) {
    let chosen = |at: usize| unit(mixed(seed, at as u64)) < fraction;
    let (held, kept): (Vec<_>, Vec<_>) = rows
        .rows()
        .iter()
        .cloned()
        .enumerate()
        .partition(|&(at, _)| chosen(at));
    let rows =
        |part: Vec<(usize, SampleRow)>| RowsSource::new(part.into_iter().map(|(_, row)| row).collect());
    (rows(kept), rows(held))
}

/// SplitMix64 of seed and position (Steele, Lea and Flood 2014).
fn mixed(seed: u64, at: u64) -> u64 {
    let mut z = seed.wrapping_add(at.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The upper bits as a number in 0..1.
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_out_is_a_partition_of_about_the_fraction_and_repeats() {
        let rows: Vec<SampleRow> = (0..4000)
            .map(|i| SampleRow {
                item_id: i,
                ..SampleRow::default()
            })
            .collect();
        let all = RowsSource::new(rows);
        let (kept, held) = hold_out(&all, 0.1, 7);
        assert_eq!(kept.rows().len() + held.rows().len(), 4000);
        assert!((300..500).contains(&held.rows().len()), "{}", held.rows().len());
        assert_eq!(held.rows()[0].item_id, hold_out(&all, 0.1, 7).1.rows()[0].item_id);
        assert_ne!(held.rows().len(), hold_out(&all, 0.1, 8).1.rows().len());
    }
}

//! The input, cut into jobs on the reading thread.
//!
//! Decision: lines and JSON lines leave here unparsed, in blocks; a Parquet batch is decoded here (the codec is one
//! stream) and its cells become values in the workers; of CSV the rows are found here, because a quote may span lines.

use std::path::Path;

use rankine_feature::Plan;
use rankine_table::delimited::{DelimitedReader, Layout};
use rankine_table::{LineBlock, LineBlocks, Record, RowFault, Step, Table, parquet, stream};

use super::binding::{Binding, Present};
use super::{ExtractOptions, Input, InputForm};
use crate::PipelineError;

/// Bytes of text that count as a row.
const ROW_BYTES: usize = 64;

/// Some rows.
pub(super) enum Job {
    /// Tab-separated lines.
    Lines(LineBlock),
    /// JSON lines.
    Json(LineBlock),
    /// Rows of a CSV file, and what could not be read.
    Records(Vec<Result<Record, RowFault>>),
    /// Rows of a Parquet file; the number of the first.
    Table(u64, Table),
}

enum Source {
    Lines(LineBlocks),
    Json(LineBlocks),
    Csv(DelimitedReader),
    Parquet(parquet::Reader, u64),
}

/// The input.
pub(super) struct Feed {
    source: Source,
    batch: usize,
    total: u64,
}

impl Feed {
    /// Opens the input and binds its columns.
    pub(super) fn open(
        input: &Input,
        plan: &Plan,
        keep: &[String],
        options: &ExtractOptions,
    ) -> Result<(Feed, Binding), PipelineError> {
        let (path, batch) = (input.path.as_path(), options.batch.max(1));
        let (mut source, present) = open(input, plan, batch)?;
        let mut binding = Binding::new(path, &present, plan, (keep, &options.optional))?;
        let mut total = bytes(path);
        if let Source::Parquet(reader, _) = &mut source {
            *reader = parquet::Reader::open_columns(path, batch, &binding.names())?;
            total = reader.rows();
            binding.place(|name| reader.columns().iter().position(|(other, _)| other == name));
        }
        Ok((Feed { source, batch, total }, binding))
    }

    /// Units of work, as far as known: rows of Parquet, bytes of text.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The next job; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Job>, PipelineError> {
        match &mut self.source {
            Source::Lines(blocks) => Ok(blocks.next_block()?.map(Job::Lines)),
            Source::Json(blocks) => Ok(blocks.next_block()?.map(Job::Json)),
            Source::Csv(reader) => records(reader, self.batch),
            Source::Parquet(reader, next) => {
                let batch = reader.next_batch()?;
                Ok(batch.map(|table| {
                    let first = *next;
                    *next += table.rows() as u64;
                    Job::Table(first, table)
                }))
            }
        }
    }
}

fn open(input: &Input, plan: &Plan, batch: usize) -> Result<(Source, Present), PipelineError> {
    let path = input.path.as_path();
    let blocks = || LineBlocks::open(path, batch.saturating_mul(ROW_BYTES));
    let untyped = |names: Vec<String>| Present::Columns(names.into_iter().map(|name| (name, None)).collect());
    Ok(match input.form {
        InputForm::Lines => (Source::Lines(blocks()?), untyped(line_columns(input, plan))),
        InputForm::Tsv => {
            let mut blocks = blocks()?;
            let names = blocks.header()?.split('\t').map(str::to_owned).collect();
            (Source::Lines(blocks), untyped(names))
        }
        InputForm::JsonLines => (Source::Json(blocks()?), Present::Any),
        InputForm::Csv => {
            let reader = DelimitedReader::open(path, Layout::csv())?;
            let names = reader.names().to_vec();
            (Source::Csv(reader), untyped(names))
        }
        InputForm::Parquet => {
            let reader = parquet::Reader::open(path, batch)?;
            let columns = reader
                .columns()
                .iter()
                .map(|(name, kind)| (name.clone(), Some(*kind)));
            let present = Present::Columns(columns.collect());
            (Source::Parquet(reader, 1), present)
        }
    })
}

/// Columns of lines without header.
fn line_columns(input: &Input, plan: &Plan) -> Vec<String> {
    if input.columns.is_empty() {
        let fields = plan.schema().all().iter();
        return fields.map(|field| field.name.to_string()).collect();
    }
    input.columns.clone()
}

/// Rows of a CSV file.
fn records(reader: &mut DelimitedReader, most: usize) -> Result<Option<Job>, PipelineError> {
    let mut rows = Vec::with_capacity(most);
    while rows.len() < most {
        let mut record = Record::default();
        match reader.next(&mut record)? {
            Step::Row => rows.push(Ok(record)),
            Step::Fault(fault) => rows.push(Err(fault)),
            Step::End => break,
        }
    }
    Ok((!rows.is_empty()).then_some(Job::Records(rows)))
}

/// Bytes of a text file that is not packed; 0 where that is not known.
fn bytes(path: &Path) -> u64 {
    let plain = !matches!(path.extension().and_then(|end| end.to_str()), Some("gz" | "zst"));
    let known = plain && !stream::is_standard(path);
    let size = known.then(|| std::fs::metadata(path).ok()).flatten();
    size.filter(std::fs::Metadata::is_file)
        .map_or(0, |file| file.len())
}

//! Batch extraction: rows of a file or a stream in, their slots out, in the same order.
//!
//! The offline twin of the server's extraction: the same plan over Parquet, CSV, JSON lines and text lines. A reading
//! thread cuts the input into jobs, workers parse and extract them, the calling thread writes what they made in order
//! (`ordered`). Decision: everything that costs (parsing cells, operators, formatting) happens in the workers; a row that
//! does not fit its schema goes to the reject file with its line, or stops the run where there is none.

mod binding;
mod feed;
mod ordered;
mod output;
mod row;
mod sink;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rankine_feature::{Plan, Sample};
use rankine_table::{Progress, RejectFile, RowFault, TableError};

use crate::PipelineError;
use crate::sample::TimeUnit;
use feed::Feed;
pub(crate) use output::push_content;
use sink::Sink;
use worker::{Done, Worker};

/// How the input is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputForm {
    /// Parquet.
    Parquet,
    /// Comma-separated, quoted where needed, with a header line.
    Csv,
    /// Tab-separated in Rankine's text form, with a header line.
    Tsv,
    /// One JSON object a line.
    JsonLines,
    /// Tab-separated in Rankine's text form, without header: the all-schema's fields in order.
    Lines,
}

impl InputForm {
    /// The form that a file's name tells.
    #[must_use]
    pub fn of(path: &Path) -> Option<InputForm> {
        match rankine_table::stream::inner_extension(path)?.as_str() {
            "parquet" => Some(InputForm::Parquet),
            "csv" => Some(InputForm::Csv),
            "tsv" => Some(InputForm::Tsv),
            "jsonl" | "ndjson" => Some(InputForm::JsonLines),
            "txt" => Some(InputForm::Lines),
            _ => None,
        }
    }
}

/// How the output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputForm {
    /// Canonical bytes: per row u32 LE length, then all slots as [`Plan::encode`] writes them.
    Bytes,
    /// A tab-separated line per row: kept columns, then a cell per slot, ascending.
    Text,
    /// An object per row: kept columns by name, slots as `s<slot>`.
    JsonLines,
    /// A column per kept column, then `s<slot>`: list of (sign, weight), or a fixed list of floats.
    Parquet,
}

impl OutputForm {
    /// The form that a file's name tells.
    #[must_use]
    pub fn of(path: &Path) -> Option<OutputForm> {
        match rankine_table::stream::inner_extension(path)?.as_str() {
            "parquet" => Some(OutputForm::Parquet),
            "jsonl" | "ndjson" => Some(OutputForm::JsonLines),
            "txt" | "tsv" => Some(OutputForm::Text),
            "bin" => Some(OutputForm::Bytes),
            _ => None,
        }
    }
}

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// A file, packed or not; `-` is the standard input.
    pub path: PathBuf,
    /// How it is written.
    pub form: InputForm,
    /// Of [`InputForm::Lines`]: names of the columns; the all-schema's fields where none are given.
    pub columns: Vec<String>,
}

/// What to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// A file, which appears when it is complete; `-` is the standard output.
    pub path: PathBuf,
    /// How it is written.
    pub form: OutputForm,
    /// Input columns that are handed through, in this order, before the slots.
    pub keep: Vec<String>,
}

/// How to work.
#[derive(Debug, Clone)]
pub struct ExtractOptions {
    /// Fields that are missing throughout if the input lacks their column.
    pub optional: Vec<String>,
    /// Unit of times that stand as plain numbers.
    pub time_unit: TimeUnit,
    /// Working threads; 1 reads, works and writes on the calling thread.
    pub threads: usize,
    /// Rows a job has (of lines: about 64 bytes count as a row). Results do not depend on it.
    pub batch: usize,
    /// Where rows that do not fit are listed; none: the first stops the run.
    pub rejects: Option<PathBuf>,
}

impl Default for ExtractOptions {
    /// One thread, 4,096 rows a job, strict.
    fn default() -> Self {
        Self {
            optional: Vec::new(),
            time_unit: TimeUnit::default(),
            threads: 1,
            batch: 4_096,
            rejects: None,
        }
    }
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extracted {
    /// Rows written.
    pub rows: u64,
    /// Rows listed in the reject file.
    pub rejects: u64,
    /// Slots computed.
    pub slots: u64,
}

/// Extracts every row of `input` into `output`. `plan` is fitted and bound to the dictionaries that it reads.
///
/// # Errors
/// [`PipelineError::SampleColumn`] for a column that is needed and not there; [`PipelineError::Table`] for files that
/// cannot be read or written and, without a reject file, for the first row that does not fit.
pub fn extract(
    plan: &Arc<Plan>,
    (input, output): (&Input, &Output),
    options: &ExtractOptions,
    progress: &Progress,
) -> Result<Extracted, PipelineError> {
    let (mut feed, binding) = Feed::open(input, plan, &output.keep, options)?;
    let binding = Arc::new(binding);
    let mut stage = progress.stage("extract", feed.total());
    let mut writing = Writing {
        sink: Sink::create(output, plan, &binding)?,
        rejects: Rejects::create(options.rejects.as_deref(), &input.path)?,
        done: Extracted::default(),
    };
    ordered::ordered(
        options.threads,
        || feed.next(),
        || {
            let mut worker = Worker::new(plan, &binding, output.form, options.time_unit);
            move |job| worker.work(&job)
        },
        |done: Done| {
            stage.add(done.units);
            writing.take(done)
        },
    )?;
    let mut done = writing.end()?;
    done.slots = done.rows * plan.slots().len() as u64;
    stage.finish(&format!("{} rows, {} rejected", done.rows, done.rejects));
    Ok(done)
}

/// Calls `each` with every row of `input` as a sample and its line (of Parquet: its number, from 1), until it says false.
///
/// # Errors
/// As [`extract`]; the first row that does not fit is [`TableError::Rejected`].
pub fn samples(
    plan: &Arc<Plan>,
    input: &Input,
    options: &ExtractOptions,
    mut each: impl FnMut(u64, &Sample) -> bool,
) -> Result<(), PipelineError> {
    let (mut feed, binding) = Feed::open(input, plan, &[], options)?;
    let binding = Arc::new(binding);
    let mut worker = Worker::new(plan, &binding, OutputForm::Bytes, options.time_unit);
    let mut rejects = Rejects::create(None, &input.path)?;
    while let Some(job) = feed.next()? {
        let (samples, faults) = worker.samples(&job);
        for (line, sample) in &samples {
            let fault = faults.iter().find(|fault| fault.line < *line);
            fault.map_or(Ok(()), |fault| rejects.reject(fault))?;
            if !each(*line, sample) {
                return Ok(());
            }
        }
        faults.first().map_or(Ok(()), |fault| rejects.reject(fault))?;
    }
    Ok(())
}

/// The row of `input` that stands on `line`; none where there is no such row. What does not fit before it is passed over.
///
/// # Errors
/// [`TableError::Rejected`] where that row itself does not fit, and as [`extract`].
pub fn sample_at(
    plan: &Arc<Plan>,
    input: &Input,
    line: u64,
    options: &ExtractOptions,
) -> Result<Option<Sample>, PipelineError> {
    let (mut feed, binding) = Feed::open(input, plan, &[], options)?;
    let mut worker = Worker::new(plan, &Arc::new(binding), OutputForm::Bytes, options.time_unit);
    let mut rejects = Rejects::create(None, &input.path)?;
    while let Some(job) = feed.next()? {
        let (samples, faults) = worker.samples(&job);
        if let Some(fault) = faults.iter().find(|fault| fault.line == line) {
            rejects.reject(fault)?;
        }
        let last = faults.iter().map(|fault| fault.line);
        let last = last.chain(samples.iter().map(|(at, _)| *at)).max();
        if let Some((_, sample)) = samples.into_iter().find(|(at, _)| *at == line) {
            return Ok(Some(sample));
        }
        if last.is_some_and(|last| last > line) {
            break;
        }
    }
    Ok(None)
}

/// Where results go.
struct Writing {
    sink: Sink,
    rejects: Rejects,
    done: Extracted,
}

impl Writing {
    fn take(&mut self, done: Done) -> Result<(), PipelineError> {
        self.done.rows += done.rows;
        for fault in &done.faults {
            self.rejects.reject(fault)?;
        }
        self.sink.write(&done.packet)
    }

    fn end(self) -> Result<Extracted, PipelineError> {
        let rejects = self.rejects.end()?;
        self.sink.commit()?;
        Ok(Extracted { rejects, ..self.done })
    }
}

/// The reject file, or the decision to have none.
struct Rejects {
    file: Option<RejectFile>,
    source: PathBuf,
}

impl Rejects {
    fn create(path: Option<&Path>, source: &Path) -> Result<Rejects, PipelineError> {
        let file = path.map(|path| RejectFile::create(path, false)).transpose()?;
        Ok(Rejects {
            file,
            source: source.to_owned(),
        })
    }

    fn reject(&mut self, fault: &RowFault) -> Result<(), PipelineError> {
        if let Some(file) = &mut self.file {
            return Ok(file.reject(&self.source, fault)?);
        }
        Err(PipelineError::Table(TableError::Rejected {
            path: self.source.clone(),
            line: fault.line,
            rule: fault.rule,
            reason: fault.reason.clone(),
        }))
    }

    /// How many there were; a file without any does not appear.
    fn end(self) -> Result<u64, PipelineError> {
        let Some(file) = self.file else {
            return Ok(0);
        };
        let total = file.total();
        if total > 0 {
            file.commit()?;
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests;

//! Sample files as the trainer's [`SampleSource`]: the seam between `pipeline` and `train`, which do not know each other.

use std::path::Path;

use anyhow::Context;
use rankine_feature::{FieldType, Plan, Side};
use rankine_pipeline::sample::{SampleOptions, SampleReader, SampleRow as Read, TimeUnit};
use rankine_table::{FileRows, Kind, LeftOut, LineBlocks, Taker, parquet, stream};
use rankine_train::linear::{Choice, TextFormat, TextSamples};
use rankine_train::loss::Loss;
use rankine_train::vectors::{self, Joined, JoinedSamples, VectorText};
use rankine_train::{Names, SampleRow, SampleSource, TrainError};

use crate::output;

/// Samples of a Parquet, CSV, TSV or JSON lines file, streamed.
pub(crate) struct FileSource {
    reader: SampleReader,
    names: Names,
    block: Vec<Read>,
}

impl FileSource {
    /// Opens `path` for the fields of `plan`, with the columns `labels` to learn under `loss`, the way `reading` says. Times that
    /// stand as plain numbers (CSV) are seconds, as in MovieLens.
    ///
    /// # Errors
    /// A column that the conf needs and the file lacks, or a damaged file.
    fn open(
        path: &Path,
        plan: &Plan,
        (labels, loss): (&[&str], Loss),
        reading: &Reading,
    ) -> anyhow::Result<Self> {
        let options = SampleOptions {
            time_unit: TimeUnit::Seconds,
            labels: (loss == Loss::Bce).then_some((0.0, 1.0)),
            columns: reading.columns.clone(),
            ..SampleOptions::default()
        };
        let mut spec = plan.sample_spec().clone();
        spec.label = labels.iter().map(|label| (*label).to_owned()).collect();
        let mut reader = SampleReader::open(path, plan.schema(), &spec, &options)?;
        if let Some(taker) = reading.taker(path) {
            reader = reader.leaving_out(taker);
        }
        let names = Names {
            users: spec.group.is_some(),
            // the columns of such files are the vectors themselves
            items: plan.name() != vectors::NAME,
        };
        Ok(Self {
            reader,
            names,
            block: Vec::new(),
        })
    }
}

/// The conf of a file of vectors: how long they are is what its first line (`user` numbers of it the user's), or its Parquet
/// columns `user` and `item`, say.
///
/// # Errors
/// A file that cannot be read or is none of vectors.
pub(crate) fn vectors_conf(path: &Path, user: Option<usize>) -> anyhow::Result<String> {
    let widths = if is_parquet(path) {
        let reader = parquet::Reader::open_columns(path, 1, &["user", "item"])?;
        let width = |name: &str| {
            let mut columns = reader.columns().iter();
            columns.find_map(|(other, kind)| {
                if let Kind::Vector(width) = kind
                    && other == name
                {
                    return Some(*width);
                }
                None
            })
        };
        width("user").zip(width("item"))
    } else {
        VectorText::widths(path, user)?
    };
    let (user, item) = widths.with_context(|| {
        format!(
            "{}: expected lines of label,u1,…,un,i1,…,im without a header, or a Parquet file with vectors `user` and `item`; \
             samples of ids need --user-vectors and --item-vectors",
            path.display()
        )
    })?;
    Ok(vectors::conf(user, item))
}

fn is_parquet(path: &Path) -> bool {
    stream::inner_extension(path).as_deref() == Some("parquet")
}

impl SampleSource for FileSource {
    fn next(&mut self, out: &mut Vec<SampleRow>, max: usize) -> Result<usize, TrainError> {
        self.block.clear();
        let read = self.reader.next(&mut self.block, max).map_err(failed)?;
        out.extend(self.block.drain(..).map(handed_over));
        Ok(read)
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        self.reader.rewind().map_err(failed)
    }

    fn len_hint(&self) -> Option<u64> {
        self.reader.len_hint()
    }

    fn names(&self) -> Names {
        self.names
    }
}

/// How sample files are read that are not Rankine's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// Names of the columns of text without a header line.
    pub(crate) columns: Option<Vec<String>>,
    /// Where rows that cannot be read are noted; none: the first ends the run.
    pub(crate) left_out: Option<LeftOut>,
    /// Vectors that the files' ids are joined to.
    pub(crate) joined: Option<Joined>,
}

impl Reading {
    /// What a reader of `path` hands broken rows to.
    pub(crate) fn taker(&self, path: &Path) -> Option<Taker> {
        self.left_out.as_ref().map(|ledger| ledger.of(path))
    }

    /// Tells what was left out, and makes the list of it visible.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn tell(&self) -> anyhow::Result<()> {
        if let Some(ledger) = &self.left_out {
            ledger.commit()?;
            ledger.told().iter().for_each(|line| output::note(line));
        }
        Ok(())
    }

    /// What was left out, by file.
    pub(crate) fn rejected(&self) -> Vec<FileRows> {
        self.left_out.as_ref().map(LeftOut::files).unwrap_or_default()
    }

    /// Opens samples by the file's name: libsvm and libffm as [`TextSamples`] for the loss they are read for, lines of vectors
    /// as [`VectorText`], anything else as [`FileSource`]; whatever the name, ids as [`JoinedSamples`] where there are vectors for them.
    ///
    /// # Errors
    /// As [`FileSource::open`]; vectors that are not as long as those of the conf.
    pub(crate) fn open(
        &self,
        path: &Path,
        plan: &Plan,
        labels: &[&str],
        loss: Loss,
    ) -> anyhow::Result<Box<dyn SampleSource>> {
        if let Some(joined) = &self.joined {
            check_widths(plan, joined)?;
            let samples = JoinedSamples::open(path, joined, loss)?;
            return Ok(match self.taker(path) {
                Some(taker) => Box::new(samples.leaving_out(taker)),
                None => Box::new(samples),
            });
        }
        if let Some(format) = TextFormat::of(path) {
            let samples = TextSamples::open(path, format, plan, loss)?;
            return Ok(Box::new(match self.taker(path) {
                Some(taker) => samples.leaving_out(taker),
                None => samples,
            }));
        }
        if plan.name() == vectors::NAME && self.columns.is_none() && !is_parquet(path) {
            let widths = (width(plan, Side::User), width(plan, Side::Item));
            // a first line of words is a header: columns by name
            if VectorText::widths(path, Some(widths.0))?.is_some() {
                let samples = VectorText::open(path, widths, loss)?;
                return Ok(Box::new(match self.taker(path) {
                    Some(taker) => samples.leaving_out(taker),
                    None => samples,
                }));
            }
        }
        match FileSource::open(path, plan, (labels, loss), self) {
            Err(error) if self.columns.is_none() && begins_with_numbers(path) => Err(error.context(
                "its first line holds numbers; --columns names the columns of text that has no header",
            )),
            opened => Ok(Box::new(opened?)),
        }
    }
}

/// Numbers of the vector that a side begins with; 0 where it begins with another field.
fn width(plan: &Plan, side: Side) -> usize {
    match plan.schema().side(side).first().map(|field| field.ty) {
        Some(FieldType::Vector(width)) => width,
        _ => 0,
    }
}

/// Refuses vectors that the conf does not read.
fn check_widths(plan: &Plan, joined: &Joined) -> anyhow::Result<()> {
    let (read, given) = (
        (width(plan, Side::User), width(plan, Side::Item)),
        joined.widths(),
    );
    let told = match read {
        (0, _) | (_, 0) => format!("the conf \"{}\" reads none", plan.name()),
        (user, item) => format!("the conf \"{}\" reads {user} and {item}", plan.name()),
    };
    anyhow::ensure!(
        read == given,
        "--user-vectors, --item-vectors: vectors of {} and {} numbers; {told}",
        given.0,
        given.1
    );
    Ok(())
}

/// Whether a text file begins with a line that has numbers where a header has names.
fn begins_with_numbers(path: &Path) -> bool {
    let line = LineBlocks::open(path, 1 << 16).and_then(|mut blocks| blocks.header());
    let number = |cell: &str| cell.trim().parse::<f64>().is_ok();
    let cells = stream::inner_extension(path).is_some_and(|end| end == "csv" || end == "tsv");
    cells && line.is_ok_and(|line| line.split([',', '\t']).any(number))
}

/// What the reader says, file, line and field included.
fn failed(error: rankine_pipeline::PipelineError) -> TrainError {
    TrainError::Source {
        message: error.to_string(),
    }
}

/// The same sample in the trainer's words.
fn handed_over(row: Read) -> SampleRow {
    SampleRow {
        user: row.user,
        item: row.item,
        context: row.context,
        label: row.label,
        others: row.others,
        weight: row.weight,
        time: row.time,
        group: row.group,
        item_id: row.item_id,
    }
}

/// A part of another source: about `fraction` of its samples, drawn by seed and position, or all but those.
pub(crate) struct Sifted<S> {
    inner: S,
    fraction: f64,
    seed: u64,
    held: bool,
    at: u64,
    block: Vec<SampleRow>,
}

/// The numbers of the samples that [`Sifted`] takes, for those who number them themselves.
pub(crate) fn sifting(fraction: f64, seed: u64, held: bool) -> Choice {
    Box::new(move |at| (unit(mixed(seed, at)) < fraction) == held)
}

impl<S: SampleSource> Sifted<S> {
    /// The drawn samples of `inner` where `held`, the others where not.
    pub(crate) fn new(inner: S, fraction: f64, seed: u64, held: bool) -> Self {
        Self {
            inner,
            fraction,
            seed,
            held,
            at: 0,
            block: Vec::new(),
        }
    }

    fn takes(&mut self) -> bool {
        let drawn = unit(mixed(self.seed, self.at)) < self.fraction;
        self.at += 1;
        drawn == self.held
    }
}

impl<S: SampleSource> SampleSource for Sifted<S> {
    fn next(&mut self, out: &mut Vec<SampleRow>, max: usize) -> Result<usize, TrainError> {
        let before = out.len();
        loop {
            let mut block = std::mem::take(&mut self.block);
            let read = self.inner.next(&mut block, max)?;
            out.extend(block.drain(..).filter(|_| self.takes()));
            self.block = block;
            if read == 0 || out.len() > before {
                return Ok(out.len() - before);
            }
        }
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        self.at = 0;
        self.inner.rewind()
    }

    fn names(&self) -> Names {
        self.inner.names()
    }
}

/// One source after another.
pub(crate) struct Chained {
    parts: Vec<Box<dyn SampleSource>>,
    at: usize,
}

impl Chained {
    /// The samples of all `parts`, in order.
    pub(crate) fn new(parts: Vec<Box<dyn SampleSource>>) -> Self {
        Self { parts, at: 0 }
    }
}

impl SampleSource for Chained {
    fn next(&mut self, out: &mut Vec<SampleRow>, max: usize) -> Result<usize, TrainError> {
        while let Some(part) = self.parts.get_mut(self.at) {
            let read = part.next(out, max)?;
            if read > 0 {
                return Ok(read);
            }
            self.at += 1;
        }
        Ok(0)
    }

    fn rewind(&mut self) -> Result<(), TrainError> {
        self.at = 0;
        self.parts.iter_mut().try_for_each(|part| part.rewind())
    }

    fn len_hint(&self) -> Option<u64> {
        self.parts.iter().map(|part| part.len_hint()).sum()
    }

    fn names(&self) -> Names {
        self.parts
            .iter()
            .fold(Names::default(), |all, part| all.and(part.names()))
    }
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
    use rankine_train::RowsSource;

    fn numbered(n: i64) -> RowsSource {
        RowsSource::new(
            (0..n)
                .map(|i| SampleRow {
                    item_id: i,
                    ..SampleRow::default()
                })
                .collect(),
        )
    }

    fn ids(source: &mut dyn SampleSource) -> Vec<i64> {
        source.rewind().unwrap();
        let mut rows = Vec::new();
        while source.next(&mut rows, 7).unwrap() > 0 {}
        rows.iter().map(|r| r.item_id).collect()
    }

    #[test]
    fn sifting_is_a_partition_of_about_the_fraction_and_repeats() {
        let part = |seed, held| ids(&mut Sifted::new(numbered(4000), 0.1, seed, held));
        let (kept, held) = (part(7, false), part(7, true));
        assert!((300..500).contains(&held.len()), "{}", held.len());
        let mut all = [kept, held.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..4000).collect::<Vec<_>>());
        assert_eq!(held, part(7, true));
        assert_ne!(held, part(8, true));
    }

    #[test]
    fn chained_sources_follow_one_another_after_every_rewind() {
        let mut chain = Chained::new(vec![
            Box::new(numbered(3)),
            Box::new(numbered(0)),
            Box::new(numbered(2)),
        ]);
        assert_eq!(chain.len_hint(), Some(5));
        assert_eq!(ids(&mut chain), [0, 1, 2, 0, 1]);
        assert_eq!(ids(&mut chain), [0, 1, 2, 0, 1]);
    }
}

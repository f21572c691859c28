//! Samples → the compact cache that every epoch runs over.
//!
//! One reading pass extracts features through the same plan that serves requests and turns signs into table rows.
//! Decision: only this pass adds rows, so training never inserts into a table, and a sign that training has not seen
//! reads the missing row, exactly as in serving.

pub mod batch;
mod block;
pub mod cache;
pub mod fitting;
pub mod stock;
pub mod vocabulary;

use std::sync::Arc;

use rankine_feature::{Group, Part, Plan, Rows, Schema, Scratch, Side, SlotKind, SlotSpec};
use rankine_kernel::huge;
use rankine_model::{Network, Pooling};

use crate::source::{SampleRow, SampleSource, for_each};
use crate::{TrainError, loss::Loss};
pub use batch::Batch;
pub use cache::{Cache, Lists, Stored};
pub use fitting::fitted;
use stock::Spill;
pub use stock::{Order, Samples, Stock, Storage, Windows};
pub use vocabulary::Vocabulary;

/// Reads samples through a plan into caches, numbering table rows on the way.
pub struct Encoder {
    plan: Arc<Plan>,
    network: Network,
    vocabularies: Vec<Vocabulary>,
    loss: Loss,
    /// Labels per sample beside the first.
    others: usize,
}

/// Whether a reading pass may add table rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Growth {
    Grow,
    Fixed,
}

impl Encoder {
    /// An encoder of what `network` reads of `plan`; labels are checked for `loss`.
    #[must_use]
    pub fn new(plan: Arc<Plan>, network: Network, loss: Loss) -> Self {
        let vocabularies = network.tables.iter().map(|t| Vocabulary::new(&t.name)).collect();
        Self {
            plan,
            network,
            vocabularies,
            loss,
            others: 0,
        }
    }

    /// The same for samples of this many labels beside the first.
    #[must_use]
    pub fn with_others(self, others: usize) -> Self {
        Self { others, ..self }
    }

    /// The numbering of each table.
    #[must_use]
    pub fn vocabularies(&self) -> &[Vocabulary] {
        &self.vocabularies
    }

    /// Encodes training samples, giving each new sign a row; drops signs rarer than their table's `min_count`.
    ///
    /// # Errors
    /// What the source reports; rows that do not fit the schema; labels that do not fit the loss.
    pub fn learn(&mut self, source: &mut dyn SampleSource) -> Result<Cache, TrainError> {
        in_memory(self.learn_in(source, Storage::MEMORY)?)
    }

    /// As [`Encoder::learn`]; what the buffer of `storage` cannot hold goes to a file, and a kept file of the same samples is
    /// taken in place of reading.
    ///
    /// # Errors
    /// As [`Encoder::learn`], and the disk's.
    pub fn learn_in(
        &mut self,
        source: &mut dyn SampleSource,
        storage: Storage<'_>,
    ) -> Result<Stock, TrainError> {
        if let Some((kept, tail)) = stock::kept(storage, self.network.columns.len())?
            && self.put_back(&tail).is_some()
        {
            let (widths, pruned) = (self.widths(), self.prune());
            return kept.open(&widths, &self.moved(&pruned));
        }
        let spill = self.read(source, Growth::Grow, storage)?;
        let tail = if storage.keep {
            self.numbering()
        } else {
            Vec::new()
        };
        let pruned = self.prune();
        spill.finish(&self.moved(&pruned), &tail)
    }

    /// Drops rare signs; the new row of each old one by table.
    fn prune(&mut self) -> Vec<Option<Vec<u32>>> {
        let tables = self.vocabularies.iter_mut().zip(&self.network.tables);
        tables.map(|(v, t)| v.prune(t.min_count)).collect()
    }

    /// The same by column.
    fn moved<'p>(&self, pruned: &'p [Option<Vec<u32>>]) -> Vec<Option<&'p [u32]>> {
        let columns = self.network.columns.iter();
        columns.map(|c| pruned[c.table].as_deref()).collect()
    }

    /// All tables' signs and counts as bytes.
    fn numbering(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for v in &self.vocabularies {
            out.extend((v.signs().len() as u64).to_le_bytes());
            v.signs().iter().for_each(|sign| out.extend(sign.to_le_bytes()));
            v.counts()
                .iter()
                .for_each(|count| out.extend(count.to_le_bytes()));
        }
        out
    }

    /// Takes [`Encoder::numbering`] back; none if it is another's.
    fn put_back(&mut self, mut bytes: &[u8]) -> Option<()> {
        let mut found = Vec::new();
        for _ in &self.vocabularies {
            let (count, rest) = bytes.split_first_chunk::<8>()?;
            let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
            let (signs, rest) = rest.split_at_checked(count.checked_mul(8)?)?;
            let (counts, rest) = rest.split_at_checked((count + 1).checked_mul(4)?)?;
            let signs = signs.as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b));
            let counts = counts.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b));
            found.push((signs.collect(), counts.collect()));
            bytes = rest;
        }
        let pairs = self.vocabularies.iter_mut().zip(found);
        pairs.for_each(|(v, (signs, counts))| v.put_back(signs, counts));
        Some(())
    }

    /// Encodes other samples with the rows that exist.
    ///
    /// # Errors
    /// As [`Encoder::learn`].
    pub fn apply(&mut self, source: &mut dyn SampleSource) -> Result<Cache, TrainError> {
        in_memory(self.apply_in(source, Storage::MEMORY)?)
    }

    /// As [`Encoder::apply`]; what the buffer of `storage` cannot hold goes to a file.
    ///
    /// # Errors
    /// As [`Encoder::learn_in`].
    pub fn apply_in(
        &mut self,
        source: &mut dyn SampleSource,
        storage: Storage<'_>,
    ) -> Result<Stock, TrainError> {
        let spill = self.read(
            source,
            Growth::Fixed,
            Storage {
                keep: false,
                ..storage
            },
        )?;
        spill.finish(&vec![None; self.network.columns.len()], &[])
    }

    /// The numbering of each table, for making the network.
    #[must_use]
    pub fn into_vocabularies(self) -> Vec<Vocabulary> {
        self.vocabularies
    }

    /// Gives the signs of a table of an earlier version their rows before anything is read.
    ///
    /// # Errors
    /// When the row numbers are used up.
    pub fn inherit(&mut self, table: usize, signs: &[u64]) -> Result<(), TrainError> {
        self.vocabularies[table].inherit(signs)
    }

    /// A cache without samples or columns, as wide as this encoder's.
    fn widths(&self) -> Cache {
        Cache {
            dense_width: self.network.dense_width(),
            others_width: self.others,
            ..Cache::default()
        }
    }

    fn read<'s>(
        &mut self,
        source: &mut dyn SampleSource,
        growth: Growth,
        storage: Storage<'s>,
    ) -> Result<Spill<'s>, TrainError> {
        let mut spill = Spill::new(storage, self.widths(), self.network.columns.len());
        let mut extraction = Extraction::default();
        let plan = Arc::clone(&self.plan);
        let mut weight = 0.0;
        for_each(source, |row| {
            weight += f64::from(row.weight);
            check(row, plan.schema(), self.loss, spill.len())?;
            check_others(row, self.others, self.loss, spill.len())?;
            extraction.run(&plan, row);
            self.append_sparse(&extraction, &mut spill.lists, growth)?;
            let cache = &mut spill.cache;
            huge::reserve(&mut cache.dense, cache.dense_width);
            self.network
                .dense
                .iter()
                .for_each(|slot| cache.dense.extend_from_slice(extraction.dense(slot)));
            cache.labels.push(row.label);
            cache.weigh(row.weight);
            cache.others.extend_from_slice(&row.others);
            spill.settle()
        })?;
        if growth == Growth::Grow {
            check_total(weight, spill.len())?;
        }
        Ok(spill)
    }

    fn append_sparse(
        &mut self,
        from: &Extraction,
        lists: &mut [Lists],
        growth: Growth,
    ) -> Result<(), TrainError> {
        for (column, list) in self.network.columns.iter().zip(lists) {
            let (signs, weights) = from.sparse(&column.slot);
            let (vocabulary, table) = (
                &mut self.vocabularies[column.table],
                &self.network.tables[column.table],
            );
            for sign in signs.iter().map(|sign| table.key(*sign)) {
                list.rows.push(match growth {
                    Growth::Grow => vocabulary.find_or_add(sign)?,
                    Growth::Fixed => vocabulary.find(sign),
                });
            }
            append_weights(&mut list.weights, weights, column.pooling);
            if signs.is_empty() && column.pooling != Pooling::Apart {
                list.rows.push(Vocabulary::MISSING);
                list.weights.push(1.0);
            }
            list.ends.push(list.rows.len());
        }
        Ok(())
    }
}

/// Samples that were given no file to go to.
fn in_memory(stock: Stock) -> Result<Cache, TrainError> {
    match stock {
        Stock::Memory(cache) => Ok(cache),
        Stock::File(_) => Err(TrainError::TooManySamples {
            limit: u64::from(u32::MAX),
        }),
    }
}

/// Appends `weights` with the pooling already divided in.
fn append_weights(to: &mut Vec<f32>, weights: &[f32], pooling: Pooling) {
    let total: f32 = weights.iter().sum();
    match pooling {
        Pooling::Mean if total.abs() > 0.0 => to.extend(weights.iter().map(|w| w / total)),
        Pooling::Mean | Pooling::Sum | Pooling::Apart => to.extend_from_slice(weights),
    }
}

/// The three parts of one sample and the memory they are made in.
#[derive(Default)]
pub(crate) struct Extraction {
    scratch: Scratch,
    common: Part,
    item: Part,
    cross: Part,
}

impl Extraction {
    /// Extracts a sample.
    pub(crate) fn run(&mut self, plan: &Plan, row: &SampleRow) {
        plan.common(&row.user, &row.context, &mut self.scratch, &mut self.common);
        plan.item(&row.item, &mut self.scratch, &mut self.item);
        let rows = Rows {
            user: &row.user,
            item: &row.item,
            context: &row.context,
        };
        plan.cross(rows, &self.common, &self.item, &mut self.scratch, &mut self.cross);
    }

    /// One group's part of the sample extracted last.
    pub(crate) fn part(&self, group: Group) -> &Part {
        match group {
            Group::Common => &self.common,
            Group::Item => &self.item,
            Group::Cross => &self.cross,
        }
    }

    fn sparse(&self, spec: &SlotSpec) -> (&[u64], &[f32]) {
        self.part(spec.group).sparse(spec.index)
    }

    fn dense(&self, spec: &SlotSpec) -> &[f32] {
        self.part(spec.group).dense(spec.index, width(spec))
    }
}

/// Refuses rows that do not fit the schema or the loss.
pub(crate) fn check(row: &SampleRow, schema: &Schema, loss: Loss, number: u64) -> Result<(), TrainError> {
    let sides = [
        (Side::User, "user", &row.user),
        (Side::Item, "item", &row.item),
        (Side::Context, "context", &row.context),
    ];
    for (side, name, values) in sides {
        let expected = schema.side(side).len();
        if values.len() != expected {
            return Err(TrainError::Shape {
                row: number,
                side: name,
                expected,
                got: values.len(),
            });
        }
    }
    check_label(row.label, loss, number)?;
    if !(row.weight >= 0.0 && row.weight.is_finite()) {
        let expected = "a finite number that is not negative";
        return Err(TrainError::Label {
            row: number,
            what: "weight",
            expected,
            got: row.weight,
        });
    }
    Ok(())
}

/// Refuses `samples` to learn from that all have weight 0; `weight` is the sum of theirs.
///
/// # Errors
/// [`TrainError::Weightless`].
pub fn check_total(weight: f64, samples: u64) -> Result<(), TrainError> {
    if samples > 0 && weight <= 0.0 {
        return Err(TrainError::Weightless { samples });
    }
    Ok(())
}

/// Refuses a label that does not fit the loss.
fn check_label(label: f32, loss: Loss, number: u64) -> Result<(), TrainError> {
    let (fits, expected) = match loss {
        Loss::Bce => ((0.0..=1.0).contains(&label), "a number from 0 to 1"),
        Loss::Mse => (label.is_finite(), "a finite number"),
    };
    if fits {
        return Ok(());
    }
    Err(TrainError::Label {
        row: number,
        what: "label",
        expected,
        got: label,
    })
}

/// Refuses further labels that are not as many as expected or do not fit the loss.
fn check_others(row: &SampleRow, expected: usize, loss: Loss, number: u64) -> Result<(), TrainError> {
    if row.others.len() != expected {
        return Err(TrainError::Sample {
            place: format!("sample {number}"),
            detail: format!("expected {} labels, got {}", expected + 1, row.others.len() + 1),
        });
    }
    row.others
        .iter()
        .try_for_each(|label| check_label(*label, loss, number))
}

/// Floats of a slot; 0 for sparse ones.
fn width(slot: &SlotSpec) -> usize {
    match slot.kind {
        SlotKind::Dense(width) => width,
        SlotKind::Sparse => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::RowsSource;
    use rankine_feature::Value;
    use rankine_model::ModelConfig;

    const CONF: &str = "format = 1\nname = \"c\"\nschema.item = [{ name = \"x\", type = \"float\" }]\n\
        sample = { label = [\"a\", \"b\"] }\n[[feature]]\nname = \"fx\"\nclass = \"raw\"\nslot = 1\n\
        depend = [\"x\"]\n";
    const MODEL: &str = "format = 1\nkind = \"embeddingmlp\"\nconf = \"c\"\ndense = { slots = [1] }\n";

    fn encoder(others: usize) -> Encoder {
        let plan = Arc::new(Plan::compile(CONF, "c.toml", None).unwrap());
        let config = ModelConfig::parse(MODEL, "m.toml").unwrap();
        let network = Network::compile(&config, &plan).unwrap();
        Encoder::new(plan, network, Loss::Bce).with_others(others)
    }

    fn rows(others: &[&[f32]]) -> RowsSource {
        let row = |others: &&[f32]| SampleRow {
            item: vec![Value::Float(0.5)],
            label: 1.0,
            others: others.to_vec(),
            weight: 1.0,
            ..SampleRow::default()
        };
        RowsSource::new(others.iter().map(row).collect())
    }

    #[test]
    fn further_labels_reach_the_cache_and_are_checked_like_the_first() {
        let cache = encoder(2).learn(&mut rows(&[&[0.0, 1.0], &[0.5, 0.25]])).unwrap();
        assert_eq!(
            (cache.others(0), cache.others(1)),
            (&[0.0, 1.0][..], &[0.5, 0.25][..])
        );
        let few = encoder(2).learn(&mut rows(&[&[0.0, 1.0], &[0.5]])).unwrap_err();
        assert_eq!(few.to_string(), "sample 1: expected 3 labels, got 2");
        let high = encoder(1).learn(&mut rows(&[&[2.0]])).unwrap_err();
        assert_eq!(
            high.to_string(),
            "sample 0: label is 2, expected a number from 0 to 1"
        );
    }

    #[test]
    fn samples_of_weight_0_teach_nothing_but_may_be_judged_on() {
        let weigh = |weights: &[f32]| {
            let row = |weight: &f32| SampleRow {
                item: vec![Value::Float(0.5)],
                weight: *weight,
                ..SampleRow::default()
            };
            RowsSource::new(weights.iter().map(row).collect())
        };
        let none = encoder(0).learn(&mut weigh(&[0.0, 0.0])).unwrap_err();
        assert_eq!(
            none.to_string(),
            "all 2 training samples have weight 0, expected one above 0"
        );
        assert_eq!(encoder(0).learn(&mut weigh(&[0.0, 0.5])).unwrap().len(), 2);
        assert_eq!(encoder(0).apply(&mut weigh(&[0.0])).unwrap().len(), 1);
    }
}

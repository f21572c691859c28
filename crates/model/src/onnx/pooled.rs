//! Columns and dense slots as values: Gather, times weights, summed; and lists as entries.

use super::inputs::{Input, What};
use super::sheet::{Sheet, count};
use crate::error::ModelError;
use crate::graph::Sequence;
use crate::network::Pooling;
use rankine_feature::SlotSpec;

/// Entries of a sequence.
#[derive(Debug, Clone)]
pub(super) struct Entries {
    /// `[batch, L, numbers of an entry]`, zeros where there is none.
    pub(super) values: String,
    /// i64 `[batch]`.
    pub(super) there: String,
    /// `[batch, L]`: 1 where there is an entry.
    pub(super) mask: String,
}

impl Sheet<'_> {
    /// A column's vector, `[batch, dim]`.
    pub(super) fn pooled(&mut self, column: usize) -> Result<String, ModelError> {
        let (rows, table) = self.rows(column);
        let column = &self.network.columns[column];
        let (slot, pooling) = (column.slot.clone(), column.pooling);
        let weights = self.weights(&slot, pooling);
        let name = format!("pooled.{table}.{}.{}", slot.slot, word(pooling));
        let values = self.table(&table)?;
        let values = self.add(
            "Gather",
            &format!("rows.{table}.{}/gather", slot.slot),
            &[&values, &rows],
        );
        let weighed = self.add("Mul", &format!("{name}/weighed"), &[&values, &weights]);
        Ok(self.sum(&name, &weighed, 1, false))
    }

    /// A column's row numbers, `[batch, n]`, and the name of its table.
    fn rows(&mut self, column: usize) -> (String, String) {
        let column = &self.network.columns[column];
        let (slot, table) = (
            column.slot.clone(),
            self.network.tables[column.table].name.clone(),
        );
        let told = format!("rows of table `{table}` of slot {} `{}`", slot.slot, slot.name);
        let what = What::Rows(table.clone());
        (self.input(Input { slot, what }, told), table)
    }

    /// Which signs of a column have a row of their own, bool `[batch, n]`.
    pub(super) fn known(&mut self, column: usize) -> Result<String, ModelError> {
        let (rows, table) = self.rows(column);
        let missing = self.missing(&table)?;
        Ok(self.add("Less", &format!("{rows}/known"), &[&rows, &missing]))
    }

    /// A slot's weights as its pooling counts them, `[batch, n, 1]`.
    fn weights(&mut self, slot: &SlotSpec, pooling: Pooling) -> String {
        let told = format!("weights of slot {} `{}`, 0 for padding", slot.slot, slot.name);
        let what = What::Weights;
        let given = self.input(
            Input {
                slot: slot.clone(),
                what,
            },
            told,
        );
        let name = format!("weights.{}.{}", slot.slot, word(pooling));
        let weights = if pooling == Pooling::Mean {
            let total = self.sum(&format!("{name}/total"), &given, 1, true);
            let (zero, one) = (self.float(0.0), self.float(1.0));
            let none = self.add("Equal", &format!("{name}/none"), &[&total, &zero]);
            let divisor = self.add("Where", &format!("{name}/divisor"), &[&none, &one, &total]);
            self.add("Div", &format!("{name}/shares"), &[&given, &divisor])
        } else {
            given
        };
        self.unsqueeze(&name, &weights, 2)
    }

    /// A dense slot, `[batch, width]`.
    pub(super) fn floats(&mut self, slot: &SlotSpec) -> String {
        let told = format!("floats of slot {} `{}`", slot.slot, slot.name);
        let (slot, what) = (slot.clone(), What::Dense);
        self.input(Input { slot, what }, told)
    }

    /// Columns, then dense slots, each a value.
    pub(super) fn fields(
        &mut self,
        columns: &[usize],
        dense: &[SlotSpec],
    ) -> Result<Vec<String>, ModelError> {
        let pooled = columns.iter().map(|column| self.pooled(*column));
        let mut fields = pooled.collect::<Result<Vec<_>, _>>()?;
        fields.extend(dense.iter().map(|slot| self.floats(slot)));
        Ok(fields)
    }

    /// Lists side by side, from the oldest to the latest entry.
    pub(super) fn entries(&mut self, name: &str, sequence: &Sequence) -> Result<Entries, ModelError> {
        let length = sequence.length;
        let (mut lists, mut lengths) = (Vec::new(), Vec::new());
        for column in &sequence.columns {
            let column = &self.network.columns[*column];
            let table = self.network.tables[column.table].name.clone();
            let slot = column.slot.clone();
            let mut of = |what, told: &str| {
                let (slot, told) = (
                    slot.clone(),
                    format!("{told} of slot {} `{}`", slot.slot, slot.name),
                );
                self.input(Input { slot, what }, told)
            };
            let rows = of(
                What::List(table.clone(), length),
                &format!("rows of table `{table}`, latest first,"),
            );
            let weights = of(What::ListWeights(length), "weights of the entries");
            lengths.push(of(What::ListLength(length), "number of the entries"));
            let own = format!("{name}/{table}.{}", slot.slot);
            let values = self.table(&table)?;
            let values = self.add("Gather", &format!("{own}/gather"), &[&values, &rows]);
            let weights = self.unsqueeze(&format!("{own}/weights"), &weights, 2);
            lists.push(self.add("Mul", &format!("{own}/weighed"), &[&values, &weights]));
        }
        let from: Vec<&str> = lengths.iter().map(String::as_str).collect();
        let there = match from.as_slice() {
            [one] => (*one).to_owned(),
            several => self.add("Min", &format!("{name}/there"), several),
        };
        let mask = self.mask(name, &there, length);
        let latest = self.concat(&format!("{name}/latest"), &lists, 2);
        let axes =
            [("batch_axis", 0), ("time_axis", 1)].map(|(name, axis)| super::attribute::int(name, axis));
        let turned = self.with(
            "ReverseSequence",
            &format!("{name}/turned"),
            &[&latest, &there],
            axes.to_vec(),
        );
        let wide = self.unsqueeze(&format!("{name}/wide"), &mask, 2);
        let values = self.add("Mul", name, &[&turned, &wide]);
        Ok(Entries { values, there, mask })
    }

    /// 1 for entries that are there, 0 behind them.
    fn mask(&mut self, name: &str, there: &str, length: usize) -> String {
        let places: Vec<i64> = (0..length).map(count).collect();
        let places = self.ints(&places);
        let there = self.unsqueeze(&format!("{name}/lengths"), there, 1);
        let mask = self.add("Less", &format!("{name}/is"), &[&places, &there]);
        let float = super::attribute::int("to", super::proto::FLOAT.into());
        self.with("Cast", &format!("{name}/mask"), &[&mask], vec![float])
    }
}

fn word(pooling: Pooling) -> &'static str {
    match pooling {
        Pooling::Sum => "sum",
        Pooling::Mean => "mean",
        Pooling::Apart => "apart",
    }
}

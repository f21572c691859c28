//! Beginning from an earlier version: its weights by name and key, its vocabulary and, where it kept it, its optimiser's state.
//!
//! Rows of the earlier version come first and stay, whatever today's samples use; tensors are taken where name and shape agree.
//! Decision: nothing is guessed. A slot whose feature is defined otherwise would give old keys new meanings, so it is refused, and
//! what could not be taken is said, name by name.

use std::collections::{BTreeMap, BTreeSet};

use rankine_feature::{FieldType, Key, Plan};
use rankine_kernel::Real;
use rankine_kernel::optimiser::Optimiser;
use rankine_model::{Network, Parameters, Role};
use serde::Serialize;

use crate::TrainError;
use crate::encode::{Encoder, Vocabulary};
use crate::model::{Mover, Net, Settings};

/// What a training begins from.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Where it is from, for people.
    pub from: String,
    /// Its kind, for people.
    pub kind: String,
    /// Its weights.
    pub parameters: Parameters<f32>,
    /// The rows that signs share, by table.
    pub buckets: BTreeMap<String, Option<u64>>,
    /// Slots of a linear kind: the fields of its factors, in order.
    pub fields: Vec<u32>,
    /// Its optimiser's state and the ages of its rows, if it kept them; see [`crate::warm::state`].
    pub optimizer: Option<Parameters<f32>>,
}

/// What became of the parameters of the version that training began from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The version.
    pub from: String,
    /// Parameters taken over.
    pub restored: Vec<String>,
    /// Parameters it does not have.
    pub added: Vec<String>,
    /// Its parameters that this model does not have.
    pub dropped: Vec<String>,
    /// Parameters of another shape there, with both.
    pub reshaped: Vec<String>,
    /// Rows by table: taken over, new.
    pub rows: BTreeMap<String, (usize, usize)>,
    /// Its rows that this model does not have, by table; of kinds whose rows are those of today's samples alone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped_rows: BTreeMap<String, usize>,
    /// Whether the optimiser's state was taken over, too.
    pub optimizer: bool,
    /// Parts whose state begins anew because another optimiser moved them there, with both.
    pub anew: Vec<String>,
}

impl Restored {
    /// Nothing told yet of a version.
    pub(crate) fn of(start: &Start) -> Restored {
        Restored {
            from: start.from.clone(),
            ..Restored::default()
        }
    }
}

impl std::fmt::Display for Restored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "begun from {}", self.from)?;
        for (table, (taken, new)) in &self.rows {
            let dropped = self.dropped_rows.get(table);
            let dropped = dropped.map_or(String::new(), |rows| format!(", {rows} dropped"));
            writeln!(f, "  emb.{table}: {taken} rows restored, {new} added{dropped}")?;
        }
        let lists = [
            ("restored", &self.restored),
            ("added", &self.added),
            ("dropped", &self.dropped),
            ("of another shape", &self.reshaped),
            ("of another optimiser, whose state begins anew", &self.anew),
        ];
        for (what, names) in lists.iter().filter(|(_, names)| !names.is_empty()) {
            writeln!(f, "  {what}: {}", names.join(", "))?;
        }
        let state = if self.optimizer { "restored" } else { "begins anew" };
        write!(f, "  optimiser's state: {state}")
    }
}

/// Name of the number of steps among the state's tensors.
pub(crate) const STEPS: &str = "steps";

/// Which optimiser moves which part: numbers of one are not those of another, though there be as many.
pub(crate) struct Rules {
    /// Name of the part among the state's tensors, and its optimiser's number among [`Optimiser::NAMES`].
    parts: [(&'static str, usize); 3],
    wide: BTreeSet<String>,
}

impl Rules {
    pub(crate) fn of(network: &Network, settings: &Settings) -> Rules {
        let number = |mover: &Mover| {
            let name = mover.optimiser.name();
            Optimiser::NAMES
                .iter()
                .position(|known| *known == name)
                .unwrap_or_default()
        };
        let wide = network.tables.iter().filter(|table| table.role == Role::Wide);
        Rules {
            parts: [
                ("optimizer.embedding", number(&settings.embedding)),
                ("optimizer.wide", number(&settings.wide)),
                ("optimizer.dense", number(&settings.dense)),
            ],
            wide: wide.map(|table| table.name.clone()).collect(),
        }
    }

    /// The part that a table belongs to.
    fn part(&self, table: &str) -> &'static str {
        self.parts[usize::from(self.wide.contains(table))].0
    }

    /// Parts that the same optimiser moved where `state` is from, and of those of another one both names.
    fn compared(&self, state: &Parameters<f32>) -> (BTreeSet<&'static str>, Vec<String>) {
        let (mut same, mut other) = (BTreeSet::new(), Vec::new());
        for (part, here) in self.parts {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a number below ten"
            )]
            let there = state
                .dense
                .get(part)
                .and_then(|t| t.data.first())
                .map(|n| *n as usize);
            let name = |number: usize| Optimiser::NAMES.get(number).copied().unwrap_or("another");
            match there {
                Some(there) if there == here => {
                    same.insert(part);
                }
                there => other.push(format!(
                    "{part}: {} there, {} here",
                    there.map_or("none", name),
                    name(here)
                )),
            }
        }
        (same, other)
    }

    fn write(&self, state: &mut Parameters<f32>) {
        for (part, number) in self.parts {
            #[expect(clippy::cast_precision_loss, reason = "a number below ten")]
            let number = vec![number as f32];
            state
                .dense
                .insert(part.to_owned(), rankine_model::Tensor::new(&[1], number));
        }
    }
}

impl Start {
    /// The same with parameters under the names that `names` gives them here.
    ///
    /// # Errors
    /// [`TrainError::Config`] for a name that the version lacks, a tensor's name for a table or a table's for a tensor, and two
    /// parameters that would have one name.
    pub fn renamed(mut self, names: &BTreeMap<String, String>) -> Result<Self, TrainError> {
        check_renamed(&self, names)?;
        let of = |name: &str, prefix: &str| {
            let new = names.get(&format!("{prefix}{name}"));
            new.map_or(name, |new| new.strip_prefix(prefix).unwrap_or(new))
                .to_owned()
        };
        let buckets = std::mem::take(&mut self.buckets).into_iter();
        self.buckets = buckets.map(|(name, rows)| (of(&name, "emb."), rows)).collect();
        for parameters in std::iter::once(&mut self.parameters).chain(&mut self.optimizer) {
            let tables = std::mem::take(&mut parameters.tables).into_iter();
            parameters.tables = tables.map(|(name, table)| (of(&name, "emb."), table)).collect();
            let dense = std::mem::take(&mut parameters.dense).into_iter();
            parameters.dense = dense.map(|(name, tensor)| (of(&name, ""), tensor)).collect();
        }
        Ok(self)
    }

    /// Refuses a version of which a network takes no parameter: of another kind, or of other shapes throughout. Of a changed kind some
    /// may be the same, so the kind alone says nothing.
    pub(crate) fn check_any(&self, network: &Network) -> Result<(), TrainError> {
        let (mut own, mut reshaped) = (Vec::new(), Vec::new());
        for spec in &network.tables {
            let name = format!("emb.{}", spec.name);
            match self.parameters.tables.get(&spec.name).map(|rows| rows.dim()) {
                Some(there) if there == spec.dim => return Ok(()),
                Some(there) => reshaped.push(numbers(&name, (there, spec.dim))),
                None => own.push(name),
            }
        }
        for spec in network.tensors() {
            match self.parameters.dense.get(&spec.name) {
                Some(tensor) if tensor.shape == spec.shape => return Ok(()),
                Some(tensor) => reshaped.push(shapes(&spec.name, (&tensor.shape, &spec.shape))),
                None => own.push(spec.name),
            }
        }
        Err(self.unrelated(network.kind.name(), &own, &reshaped))
    }

    /// That a model of kind `here` takes nothing of it: neither parameters of other names, `own`, nor those of other shapes.
    pub(crate) fn unrelated(&self, here: &str, own: &[String], reshaped: &[String]) -> TrainError {
        let tables = self.parameters.tables.keys().map(|name| format!("emb.{name}"));
        let theirs: Vec<String> = tables.chain(self.parameters.dense.keys().cloned()).collect();
        let names = format!("it has {}; expected {}", theirs.join(", "), own.join(", "));
        TrainError::Unrelated {
            from: self.from.clone(),
            there: self.kind.clone(),
            here: here.to_owned(),
            detail: match reshaped {
                [] => names,
                reshaped => reshaped.join("; "),
            },
        }
    }

    /// Gives the rows of the earlier version their numbers, before samples are read; refuses keys that mean other signs.
    pub(crate) fn inherit(&self, network: &Network, encoder: &mut Encoder) -> Result<(), TrainError> {
        for (number, spec) in network.tables.iter().enumerate() {
            let same = self.parameters.tables.get(&spec.name);
            if let Some(table) = same.filter(|table| table.dim() == spec.dim) {
                if let Some(buckets) = self.buckets.get(&spec.name).filter(|rows| **rows != spec.buckets) {
                    return Err(other_buckets(&spec.name, *buckets, spec.buckets));
                }
                let keys: Vec<u64> = table.sorted().into_iter().map(|(key, _)| key).collect();
                encoder.inherit(number, &keys)?;
            }
        }
        Ok(())
    }

    /// Gives the network the earlier weights; says what became of each.
    pub(crate) fn restore(
        &self,
        net: &mut Net<f32>,
        vocabularies: &[Vocabulary],
        rules: &Rules,
    ) -> Result<Restored, TrainError> {
        let mut told = Restored::of(self);
        let mut known: Vec<String> = Vec::new();
        for (table, vocabulary) in net.tables.iter_mut().zip(vocabularies) {
            let name = format!("emb.{}", table.name);
            match self.parameters.tables.get(&table.name) {
                Some(rows) if rows.dim() == table.dim() => {
                    table.take(rows);
                    let taken = vocabulary.inherited();
                    told.rows
                        .insert(table.name.clone(), (taken, table.rows().len() - taken));
                    told.restored.push(name.clone());
                }
                Some(rows) => {
                    told.reshaped.push(numbers(&name, (rows.dim(), table.dim())));
                }
                None => told.added.push(name.clone()),
            }
            known.push(name);
        }
        let mut own = net.export_dense::<f32>();
        for (name, to) in &mut own.dense {
            match self.parameters.dense.get(name) {
                Some(tensor) if tensor.shape == to.shape => {
                    to.data.copy_from_slice(&tensor.data);
                    told.restored.push(name.clone());
                }
                Some(tensor) => {
                    told.reshaped.push(shapes(name, (&tensor.shape, &to.shape)));
                }
                None => told.added.push(name.clone()),
            }
            known.push(name.clone());
        }
        net.import_dense(&own)?;
        let theirs = self.parameters.tables.keys().map(|name| format!("emb.{name}"));
        let theirs = theirs.chain(self.parameters.dense.keys().cloned());
        told.dropped = theirs.filter(|name| !known.contains(name)).collect();
        if let Some(state) = self
            .optimizer
            .as_ref()
            .filter(|state| state.dense.contains_key(STEPS))
        {
            let (same, anew) = rules.compared(state);
            (told.optimizer, told.anew) = (!same.is_empty(), anew);
            put_back(net, state, (rules, &same));
        }
        Ok(told)
    }

    /// Trainings in a row that did not use each of a table's rows, by row.
    fn ages(&self, table: &str) -> BTreeMap<u64, u32> {
        let state = self.optimizer.as_ref().and_then(|state| state.tables.get(table));
        let age =
            |row: u32, rows: &rankine_model::Table<f32>| rows.weights(row).last().copied().unwrap_or(0.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small count"
        )]
        let pairs = state.map(|rows| {
            rows.sorted()
                .into_iter()
                .map(|(key, row)| (key, age(row, rows) as u32))
                .collect()
        });
        pairs.unwrap_or_default()
    }
}

/// How long a table's rows are there and here.
pub(crate) fn numbers(name: &str, (there, here): (usize, usize)) -> String {
    format!("{name}: {there} numbers there, {here} here")
}

/// A tensor's shape there and here.
fn shapes(name: &str, (there, here): (&[usize], &[usize])) -> String {
    format!("{name}: {there:?} there, {here:?} here")
}

/// Refuses new names that are none of `start`'s own, of another kind, or of two parameters.
fn check_renamed(start: &Start, names: &BTreeMap<String, String>) -> Result<(), TrainError> {
    let tables = start.parameters.tables.keys().map(|name| format!("emb.{name}"));
    let there: Vec<String> = tables.chain(start.parameters.dense.keys().cloned()).collect();
    let fault = |detail: String| Err(rename_fault(detail));
    for (old, new) in names {
        if !there.contains(old) {
            let near = near(old, &there);
            return fault(format!("{} has no parameter `{old}`{near}", start.from));
        }
        if old.starts_with("emb.") != new.starts_with("emb.") {
            return fault(format!(
                "`{old}` cannot become `{new}`: tables are `emb.<name>`, tensors are not"
            ));
        }
        let here = |name: &String| names.get(name).unwrap_or(name) == new;
        if let Some(other) = there.iter().find(|name| *name != old && here(name)) {
            return fault(format!(
                "`{other}` and `{old}` of {} would both be `{new}`, expected a name for each",
                start.from
            ));
        }
    }
    Ok(())
}

/// A fault of `train.rename`.
pub(crate) fn rename_fault(detail: String) -> TrainError {
    TrainError::Config {
        key: "train.rename".to_owned(),
        detail,
    }
}

/// The nearest of the names there are, or else all of them, to end a fault with.
pub(crate) fn near(name: &str, there: &[String]) -> String {
    match rankine_config::nearest(name, there.iter().map(String::as_str)) {
        Some(near) => format!(" (did you mean `{near}`?)"),
        None => format!("; there are: {}", there.join(", ")),
    }
}

pub(crate) fn other_buckets(table: &str, there: Option<u64>, here: Option<u64>) -> TrainError {
    let rows = |rows: Option<u64>| rows.map_or("none".to_owned(), |rows| rows.to_string());
    TrainError::Config {
        key: "buckets".to_owned(),
        detail: format!(
            "table `{table}` of the version to begin from has keys of other buckets: expected {}, got {}",
            rows(there),
            rows(here)
        ),
    }
}

/// Takes the optimiser's state of the parts in `same`, where it fits.
fn put_back(net: &mut Net<f32>, state: &Parameters<f32>, (rules, same): (&Rules, &BTreeSet<&str>)) {
    let steps = state.dense.get(STEPS).and_then(|steps| steps.data.first());
    let Some(steps) = steps.filter(|_| !same.is_empty()) else {
        return;
    };
    net.set_steps(counted(*steps));
    for table in &mut net.tables {
        let rows = state.tables.get(&table.name);
        let Some(rows) = rows.filter(|_| same.contains(rules.part(&table.name))) else {
            continue;
        };
        let width = table.dim() * table.rows().states();
        if rows.dim() != width + 1 {
            continue;
        }
        let missing = rows.weights(0)[..width].to_vec();
        table.rows_mut().row_mut(0).1.copy_from_slice(&missing);
        for (key, from) in rows.sorted() {
            if let Some(row) = table.rows().find(key) {
                table
                    .rows_mut()
                    .row_mut(row)
                    .1
                    .copy_from_slice(&rows.weights(from)[..width]);
            }
        }
    }
    let dense = same.contains("optimizer.dense");
    for (name, to) in net.dense_state().into_iter().filter(|_| dense) {
        let tensor = state.dense.get(&name);
        if let Some(tensor) = tensor.filter(|tensor| tensor.data.len() == to.len()) {
            to.copy_from_slice(&tensor.data);
        }
    }
}

/// The number of steps that a state says; what is no count is none, and none is more than a run takes.
pub(crate) fn counted(steps: f32) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within a count's bounds; what is no number is 0"
    )]
    let steps = steps.clamp(0.0, 1e12) as u64;
    steps
}

/// What a training begun from this version needs beside its weights: per row the optimiser's state and, last, the trainings in a
/// row that did not use it; per tensor its state; the number of steps; which optimiser moves which part. Without `whole` the ages alone.
pub(crate) fn state(
    net: &mut Net<f32>,
    vocabularies: &[Vec<u32>],
    (start, whole): (Option<&Start>, bool),
    rules: &Rules,
) -> Parameters<f32> {
    let mut state = Parameters::default();
    for (table, ages) in net.tables.iter().zip(ages(net, vocabularies, start)) {
        let rows = table.rows();
        let width = if whole { rows.states() * rows.dim() } else { 0 };
        let mut kept = rankine_model::Table::plain(width + 1);
        kept.row_mut(0).0[..width].copy_from_slice(&rows.state(0)[..width]);
        for ((key, row), age) in rows.keys().iter().zip(1..).zip(&ages) {
            kept.intern(*key, |to| {
                to[..width].copy_from_slice(&rows.state(row)[..width]);
                #[expect(clippy::cast_precision_loss, reason = "a small count")]
                let age = *age as f32;
                to[width] = age;
            });
        }
        state.tables.insert(table.name.clone(), kept);
    }
    if whole {
        rules.write(&mut state);
        #[expect(clippy::cast_precision_loss, reason = "only the bias correction reads it")]
        let steps = vec![net.steps_taken() as f32];
        state
            .dense
            .insert(STEPS.to_owned(), rankine_model::Tensor::new(&[1], steps));
        for (name, values) in net.dense_state() {
            let tensor = rankine_model::Tensor::new(&[values.len()], values.to_vec());
            state.dense.insert(name, tensor);
        }
    }
    state
}

/// The age of each row by table, from row 1: 0 where this training's samples used it, else one more than before.
fn ages(net: &Net<f32>, uses: &[Vec<u32>], start: Option<&Start>) -> Vec<Vec<u32>> {
    let tables = net.tables.iter().zip(uses);
    let of = |(table, uses): (&crate::table::Table<f32>, &Vec<u32>)| {
        let before = start.map(|start| start.ages(&table.name)).unwrap_or_default();
        let rows = table.rows().keys().iter().zip(&uses[1..]);
        let age = |(key, uses): (&u64, &u32)| {
            if *uses > 0 {
                0
            } else {
                before.get(key).copied().unwrap_or(0) + 1
            }
        };
        rows.map(age).collect()
    };
    tables.map(of).collect()
}

/// Drops rows that were not used in as many trainings in a row as their table's `expire` says, from weights and state alike.
pub(crate) fn expire(network: &Network, parameters: &mut Parameters<f32>, state: &mut Parameters<f32>) {
    for spec in &network.tables {
        let (Some(most), Some(ages)) = (spec.expire, state.tables.get(&spec.name)) else {
            continue;
        };
        let kept = younger(ages, most);
        for tables in [&mut parameters.tables, &mut state.tables] {
            let table = tables.get_mut(&spec.name);
            table.into_iter().for_each(|table| keep(table, &kept));
        }
    }
}

/// Keys of the rows of `ages` whose last number is below `most`.
pub(crate) fn younger(ages: &rankine_model::Table<f32>, most: u32) -> Vec<u64> {
    let age = |row: u32| f64::from(ages.weights(row).last().copied().unwrap_or(0.0));
    let rows = ages.sorted().into_iter();
    let young = rows.filter(|(_, row)| age(*row) < f64::from(most));
    young.map(|(key, _)| key).collect()
}

/// Drops all rows but those of `keys`.
pub(crate) fn keep<T: Real>(table: &mut rankine_model::Table<T>, keys: &[u64]) {
    if table.len() > keys.len() {
        *table = only(table, keys);
    }
}

fn only<T: Real>(table: &rankine_model::Table<T>, keys: &[u64]) -> rankine_model::Table<T> {
    let mut kept = rankine_model::Table::plain(table.dim());
    kept.row_mut(0).0.copy_from_slice(table.weights(0));
    for key in keys {
        kept.intern(*key, |to| to.copy_from_slice(table.weights(table.row(*key))));
    }
    kept
}

/// Refuses a conf that gives slots of `slots` other meanings than `before`: the keys of their rows would be others'. Words behind
/// the last of a vocabulary change no place and are allowed.
///
/// # Errors
/// Every such slot with the place that differs, what was expected and what came.
pub fn check_meanings(before: &Plan, now: &Plan, slots: &[u32]) -> Result<(), TrainError> {
    let (old, new) = (definitions(before), definitions(now));
    let pairs = slots
        .iter()
        .filter_map(|slot| Some((slot, old.get(slot)?, new.get(slot)?)));
    let changed =
        pairs.filter_map(|(slot, old, new)| Some(format!("slot {slot}, {}", difference(old, new)?)));
    refuse(&changed.collect::<Vec<_>>())
}

/// A cell of a dictionary that a version was trained with.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The dictionary's name.
    pub dictionary: String,
    /// The row's key, as text.
    pub key: String,
    /// The column's name.
    pub column: String,
    /// What stood there.
    pub value: serde_json::Value,
}

/// Refuses dictionaries that give words of a vocabulary other places than the version that training begins from found there, as
/// far as it kept what it read.
///
/// # Errors
/// Every such slot with the word, the place that was expected and the one that came.
pub fn check_places(now: &Plan, slots: &[u32], cells: &[Cell]) -> Result<(), TrainError> {
    let columns = vocabulary_columns(now, slots);
    let mut changed = Vec::new();
    for cell in cells {
        let reads = |(_, dictionary, column): &&(u32, String, String)| {
            *dictionary == cell.dictionary && *column == cell.column
        };
        let Some((slot, ..)) = columns.iter().find(reads) else {
            continue;
        };
        let got = looked_up(now, cell).unwrap_or_default();
        if got != cell.value {
            changed.push(format!(
                "slot {slot}, word `{}` of dictionary `{}`: expected place {}, got {got}",
                cell.key, cell.dictionary, cell.value
            ));
        }
    }
    changed.dedup();
    refuse(&changed)
}

/// Slot, dictionary and column of every vocabulary of `slots` that a dictionary numbers.
pub(crate) fn vocabulary_columns(plan: &Plan, slots: &[u32]) -> Vec<(u32, String, String)> {
    let definitions = definitions(plan);
    let mut found = Vec::new();
    for slot in slots {
        let Some(text) = definitions
            .get(slot)
            .filter(|text| text.contains("class = \"vocabulary\""))
        else {
            continue;
        };
        for spec in plan.dictionaries() {
            let whole = text.contains(&format!("\"@{}\"", spec.name));
            let columns = spec.columns.iter().map(|(column, _)| column);
            let read =
                columns.filter(|column| whole || text.contains(&format!("\"@{}.{column}\"", spec.name)));
            found.extend(read.map(|column| (*slot, spec.name.to_string(), column.to_string())));
        }
    }
    found
}

/// What stands in a cell today.
fn looked_up(plan: &Plan, cell: &Cell) -> Option<serde_json::Value> {
    let mut pairs = plan.dictionaries().iter().zip(plan.tables());
    let (spec, table) = pairs.find(|(spec, _)| *spec.name == *cell.dictionary)?;
    let column = table
        .columns()
        .iter()
        .position(|(name, _)| **name == *cell.column)?;
    let key = if spec.key == FieldType::Int {
        Key::Int(cell.key.parse().ok()?)
    } else {
        Key::Text(&cell.key)
    };
    Some(rankine_feature::json::print(table.get(key, column)))
}

pub(crate) fn refuse(changed: &[String]) -> Result<(), TrainError> {
    if changed.is_empty() {
        return Ok(());
    }
    Err(TrainError::Config {
        key: "conf".to_owned(),
        detail: format!(
            "the version to begin from was trained with other features, so its rows would change their meaning: {}",
            changed.join("; ")
        ),
    })
}

/// The first line in which two definitions differ, but for words appended to a vocabulary.
fn difference(old: &str, new: &str) -> Option<String> {
    let mut class = "";
    for (a, b) in old.lines().zip(new.lines()) {
        class = a.strip_prefix("class = ").unwrap_or(class);
        if a != b && !(class == "\"vocabulary\"" && is_grown(a, b)) {
            return Some(line_difference(a, b));
        }
    }
    let (a, b) = (old.lines().count(), new.lines().count());
    (a != b).then(|| format!("its definition: expected {a} lines, got {b}"))
}

/// The entries of a line `key = [a, b]`.
fn entries(line: &str) -> Option<(&str, Vec<&str>)> {
    let (key, list) = line.split_once(" = [")?;
    Some((key, list.strip_suffix(']')?.split(", ").collect()))
}

/// Whether the words of a vocabulary are those of another with some behind them.
fn is_grown(old: &str, new: &str) -> bool {
    let parts = |line| {
        let (key, all) = entries(line).filter(|(key, _)| *key == "str_args")?;
        let (words, flags): (Vec<&str>, Vec<&str>) =
            all.into_iter().partition(|entry| entry.starts_with("\"="));
        Some((key, words, flags))
    };
    match (parts(old), parts(new)) {
        (Some(old), Some(new)) => new.1.starts_with(&old.1) && new.2 == old.2,
        _ => false,
    }
}

fn line_difference(a: &str, b: &str) -> String {
    if let (Some((key, old)), Some((other, new))) = (entries(a), entries(b))
        && key == other
    {
        let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
        let at = |list: &[&str]| {
            list.get(same)
                .map_or("nothing".to_owned(), |entry| format!("`{entry}`"))
        };
        return format!(
            "position {same} of `{key}`: expected {}, got {}",
            at(&old),
            at(&new)
        );
    }
    format!("expected `{a}`, got `{b}`")
}

/// What each slot's signs rest on: its feature's definition, those of the features it depends on, and the fields' types.
fn definitions(plan: &Plan) -> BTreeMap<u32, String> {
    let text = plan.canonical();
    let blocks: Vec<&str> = text.split("\n[[feature]]\n").skip(1).collect();
    let value = |block: &str, key: &str| -> Option<String> {
        let line = block
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        line.map(str::to_owned)
    };
    let by_name: BTreeMap<String, &str> = blocks
        .iter()
        .filter_map(|block| Some((value(block, "name")?, *block)))
        .collect();
    let slot = |block: &&str| value(block, "slot")?.parse::<u32>().ok();
    let slots = blocks
        .iter()
        .filter_map(|block| Some((slot(block)?, definition(plan, block, &by_name, 0))));
    slots.collect()
}

fn definition(plan: &Plan, block: &str, by_name: &BTreeMap<String, &str>, depth: usize) -> String {
    let kept = |line: &&str| !line.starts_with("name = ") && !line.starts_with("slot = ");
    let mut lines: Vec<String> = block.lines().filter(kept).map(str::to_owned).collect();
    let depend = block.lines().find_map(|line| line.strip_prefix("depend = "));
    let depend = depend.unwrap_or("[]").trim_matches(['[', ']']);
    for name in depend.split(", ").filter(|name| !name.is_empty() && depth < 64) {
        if let Some(inner) = by_name.get(name) {
            lines.push(definition(plan, inner, by_name, depth + 1));
        } else if let Some((side, at)) = plan.schema().find(name.trim_matches('"')) {
            lines.push(format!("{name}: {}", plan.schema().side(side)[at].ty));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_feature::{Lookup, MemoryDictionary, Value};
    use std::sync::Arc;

    fn plan(class: &str, ty: &str, args: &str) -> Plan {
        let text = format!(
            "format = 1\nname = \"c\"\nschema.item = [{{ name = \"x\", type = \"{ty}\" }}, {{ name = \"y\", type = \"int\" }}]\n\
             [[feature]]\nname = \"b\"\nclass = \"{class}\"\ndepend = [\"x\"]\n{args}slot = 1\n\
             [[feature]]\nname = \"pair\"\nclass = \"cross\"\nslot = 2\ndepend = [\"b\", \"n\"]\n\
             [[feature]]\nname = \"n\"\nclass = \"id\"\nslot = 3\ndepend = [\"y\"]\n"
        );
        Plan::compile(&text, "c.toml", None).unwrap()
    }

    fn refusal(before: &Plan, now: &Plan, slots: &[u32]) -> String {
        check_meanings(before, now, slots).unwrap_err().to_string()
    }

    #[test]
    fn another_meaning_of_a_slot_is_refused_also_at_second_hand() {
        let before = plan("bucketize", "float", "args = [1, 2]\n");
        check_meanings(&before, &before, &[1, 2, 3]).unwrap();
        let moved = plan("bucketize", "float", "args = [1, 3]\n");
        let error = refusal(&before, &moved, &[1, 2, 3]);
        let place = "position 1 of `args`: expected `2.0`, got `3.0`";
        assert!(error.contains(&format!("slot 1, {place}")), "{error}");
        assert!(error.contains(&format!("slot 2, {place}")), "{error}");
        assert!(!error.contains("slot 3"), "{error}");
        check_meanings(&before, &moved, &[3]).unwrap();
        let typed = refusal(&plan("id", "int", ""), &plan("id", "string", ""), &[1]);
        assert!(
            typed.contains("expected `\"x\": int`, got `\"x\": string`"),
            "{typed}"
        );
    }

    #[test]
    fn a_vocabulary_may_grow_but_not_move() {
        let words = |list: &str| plan("vocabulary", "string", &format!("str_args = [{list}]\n"));
        let before = words("\"=a\", \"=b\", \"other\"");
        check_meanings(&before, &words("\"=a\", \"=b\", \"=c\", \"other\""), &[1, 2]).unwrap();
        let moved = refusal(&before, &words("\"=b\", \"=a\", \"other\""), &[1]);
        assert!(
            moved.contains("slot 1, position 0 of `str_args`: expected `\"=a\"`, got `\"=b\"`"),
            "{moved}"
        );
        let shorter = refusal(&before, &words("\"=a\", \"other\""), &[1]);
        assert!(shorter.contains("slot 1, position 1"), "{shorter}");
        let fitted = plan("vocabulary", "string", "args = [9]\nstr_args = [\"fitted\"]\n");
        assert!(refusal(&before, &fitted, &[1]).contains("slot 1"));
    }

    #[test]
    fn a_dictionary_that_places_words_elsewhere_is_refused() {
        let text = "format = 1\nname = \"c\"\nschema.item = [{ name = \"x\", type = \"string\" }]\n\
                    [[dictionary]]\nname = \"words\"\nkey = \"string\"\ncolumns = [{ name = \"line\", type = \"int\" }]\n\
                    [[feature]]\nname = \"b\"\nclass = \"vocabulary\"\ndepend = [\"x\"]\nslot = 4\n\
                    str_args = [\"@words.line\"]\n";
        let bare = Plan::compile(text, "c.toml", None).unwrap();
        let mut words = MemoryDictionary::new(&[("line", FieldType::Int)]);
        words.insert(Key::Text("a"), vec![Value::Int(0)]);
        words.insert(Key::Text("b"), vec![Value::Int(2)]);
        let words: Arc<dyn Lookup> = Arc::new(words);
        let now = bare.bind(|_| Some(Arc::clone(&words))).unwrap();
        let cell = |key: &str, place: i64| Cell {
            dictionary: "words".into(),
            key: key.into(),
            column: "line".into(),
            value: place.into(),
        };
        check_places(&now, &[4], &[cell("a", 0)]).unwrap();
        let error = check_places(&now, &[4], &[cell("a", 0), cell("b", 1)]);
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("slot 4, word `b` of dictionary `words`: expected place 1, got 2"),
            "{error}"
        );
        let gone = check_places(&now, &[4], &[cell("c", 1)]).unwrap_err().to_string();
        assert!(gone.contains("expected place 1, got null"), "{gone}");
    }
}

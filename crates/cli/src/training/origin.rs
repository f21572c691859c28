//! The version that a training begins from: `--init-from`.
//!
//! Its statistics go on with its weights: a mean of today, or a vocabulary fitted anew, would give old rows another meaning.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rankine_feature::{Fit, Plan};
use rankine_model::linear::TABLE;
use rankine_model::matrix::ITEMS;
use rankine_model::{Artefact, ModelConfig, Network, Table, read_parameters, versions};
use rankine_train::places::{Places, check_words};
use rankine_train::warm::{Cell, Start, check_meanings};
use serde_json::Value;

/// The file of the optimiser's state in an artefact.
pub(crate) const OPTIMIZER: &str = "optimizer.safetensors";

/// A version to begin from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// Name and version, for the new version's parents.
    pub(crate) parent: String,
    /// Its weights, under the names of the new model.
    pub(crate) start: Arc<Start>,
    plan: Arc<Plan>,
    slots: Vec<u32>,
    /// What its kept samples read from dictionaries.
    cells: Vec<Cell>,
    /// Where dictionaries had the words of its vocabularies.
    places: Vec<Places>,
}

impl Origin {
    /// Opens a version's folder, or the latest version of a model's folder.
    ///
    /// # Errors
    /// A folder that is neither, or damaged; a version of another kind, where the kind takes only its own.
    pub(crate) fn open(folder: &Path, config: &ModelConfig) -> anyhow::Result<Origin> {
        let dir = latest(folder)?;
        let artefact = Artefact::open(&dir)?;
        let what = || {
            format!(
                "{}: it holds vectors, expected a model that scores",
                dir.display()
            )
        };
        let (plan, network) = artefact.plan().zip(artefact.network()).with_context(what)?;
        let (there, here) = (network.kind, config.kind());
        anyhow::ensure!(
            here.is_network() || there == here,
            "{}: it is a `{}`, expected a version of kind `{}`",
            dir.display(),
            there.name(),
            here.name()
        );
        let state = dir.join(OPTIMIZER);
        let start = Start {
            from: dir.display().to_string(),
            kind: there.name().to_owned(),
            parameters: read_parameters(&dir.join("weights.safetensors"))?,
            buckets: buckets(network),
            fields: network
                .linear
                .iter()
                .flat_map(|part| &part.slots)
                .map(|slot| slot.slot)
                .collect(),
            optimizer: state.exists().then(|| read_parameters(&state)).transpose()?,
        };
        Ok(Origin {
            parent: format!("{}@{}", artefact.manifest().name, artefact.manifest().version),
            start: Arc::new(start.renamed(&config.train.rename)?),
            slots: slots(network),
            cells: cells(&dir)?,
            places: places(&dir)?,
            plan: plan.clone(),
        })
    }

    /// The conf with its statistics; `fit` makes those it lacks.
    ///
    /// # Errors
    /// A conf that gives its rows another meaning; what `fit` reports.
    pub(crate) fn statistics(
        &self,
        bare: &Plan,
        fit: impl FnOnce() -> anyhow::Result<Plan>,
    ) -> anyhow::Result<Plan> {
        check_meanings(&self.plan, bare, &self.slots)?;
        check_words(bare, &self.slots, &self.places, &self.cells)?;
        if let Ok(same) = bare.fitted(self.plan.fit()) {
            return Ok(same);
        }
        let mut merged: Fit = fit()?.fit().clone();
        for (name, kept) in &self.plan.fit().features {
            if let Some(entry) = merged
                .features
                .get_mut(name)
                .filter(|entry| entry.class == kept.class)
            {
                entry.clone_from(kept);
            }
        }
        Ok(bare.fitted(&merged)?)
    }
}

/// A version's folder, or the latest version of a model's.
fn latest(folder: &Path) -> anyhow::Result<PathBuf> {
    if folder.join("manifest.json").exists() {
        return Ok(folder.to_owned());
    }
    let latest = versions(folder).pop().map(|(_, path)| path);
    latest.with_context(|| format!("{}: no complete version to begin from", folder.display()))
}

/// Name and version of vectors to begin from, and their rows by id.
///
/// # Errors
/// A folder that is no version, a version of another kind, or damaged.
pub(crate) fn earlier_vectors(folder: &Path) -> anyhow::Result<(String, Start)> {
    let dir = latest(folder)?;
    let artefact = Artefact::open(&dir)?;
    let (ids, dim, rows) = artefact.vectors().with_context(|| {
        format!(
            "{}: it is a `{}`, expected a version of kind `item2vec`",
            dir.display(),
            artefact.config().kind().name()
        )
    })?;
    let mut table = Table::plain(dim);
    for (id, row) in ids.iter().zip(rows.chunks_exact(dim)) {
        table.intern(id.cast_unsigned(), |to| to.copy_from_slice(row));
    }
    let state = dir.join(OPTIMIZER);
    let mut start = Start {
        from: dir.display().to_string(),
        kind: artefact.config().kind().name().to_owned(),
        optimizer: state.exists().then(|| read_parameters(&state)).transpose()?,
        ..Start::default()
    };
    start.parameters.tables.insert(ITEMS.to_owned(), table);
    let manifest = artefact.manifest();
    Ok((format!("{}@{}", manifest.name, manifest.version), start))
}

/// Slots whose signs are keys of rows.
pub(super) fn slots(network: &Network) -> Vec<u32> {
    let columns = network.columns.iter().map(|column| &column.slot);
    let linear = network.linear.iter().flat_map(|part| &part.slots);
    let matrix = network.matrix.iter().flat_map(|part| {
        let others = part.user.iter().chain(&part.history);
        std::iter::once(&part.item).chain(others)
    });
    let all = columns.chain(&network.dense).chain(linear).chain(matrix);
    all.map(|slot| slot.slot).collect()
}

/// The rows that signs share, by table.
fn buckets(network: &Network) -> BTreeMap<String, Option<u64>> {
    let tables = network.tables.iter();
    let mut all: BTreeMap<_, _> = tables.map(|table| (table.name.clone(), table.buckets)).collect();
    if let Some(part) = &network.linear {
        all.insert(TABLE.to_owned(), part.keys.buckets().map(|rows| rows as u64));
    }
    all
}

/// The places that a version keeps.
fn places(dir: &Path) -> anyhow::Result<Vec<Places>> {
    let files = (0..).map(|number| dir.join(Places::file(number)));
    let there = files.take_while(|path| path.exists());
    let read = |path: std::path::PathBuf| {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(&path).with_context(|| file.clone())?;
        Ok(Places::parse(&text, &file)?)
    };
    there.map(read).collect()
}

/// The dictionary cells that a version's golden samples keep.
fn cells(dir: &Path) -> anyhow::Result<Vec<Cell>> {
    let path = dir.join("golden.jsonl");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut cells = Vec::new();
    for line in text.lines() {
        let sample: Value = serde_json::from_str(line).with_context(|| path.display().to_string())?;
        for (dictionary, rows) in sample["reads"].as_object().into_iter().flatten() {
            for (key, row) in rows.as_object().into_iter().flatten() {
                cells.extend(row.as_object().into_iter().flatten().map(|(column, value)| Cell {
                    dictionary: dictionary.clone(),
                    key: key.clone(),
                    column: column.clone(),
                    value: value.clone(),
                }));
            }
        }
    }
    Ok(cells)
}

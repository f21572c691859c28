//! `rankine embed`: the item vectors of a two-sided model, as a dictionary that `serve` loads while it runs.
//!
//! Rows are those that serving would have now: the imported events and the live log through the same aggregates; or a
//! file of item rows. The file appears whole or not at all, under the version of the model that made it.

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use rankine_pipeline::aggregate::live::event_of;
use rankine_pipeline::import::imported;
use rankine_pipeline::{AggregateConfig, Aggregates, Catalogue, events};
use rankine_predict::{Row, RowLayout, embed, item_rows};
use rankine_store::{EventLog, LogOptions};
use rankine_table::parquet;
use serde_json::json;

use super::{Globals, model_named};
use crate::dictionaries::Dictionaries;
use crate::home::Home;
use crate::output;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine embed dssm\n  \
    rankine embed dssm@3 --items items.parquet --out vectors.parquet")]
pub(crate) struct Options {
    /// The model, and with @ a version (default: the newest)
    #[arg(value_name = "NAME[@VERSION]")]
    model: String,
    /// Item rows (Parquet, the first column is the id); default: the home's items as they are now
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// Where the vectors go; default: dictionaries/NAME.parquet in the home folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    dictionaries: Dictionaries,
}

/// Computes, writes and says what was written.
///
/// # Errors
/// No such model, one without an item tower, rows that do not fit it, a file that cannot be written.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    let home = globals.home();
    let artefact = model_named(&home, &options.model)?;
    let name = &artefact.manifest().name;
    let rows = match &options.items {
        Some(file) => item_rows(file).map_err(|fault| anyhow!("{}: {fault}", file.display()))?,
        None => known_items(&home)?,
    };
    let plan = artefact
        .plan()
        .with_context(|| format!("{name} holds vectors, it has no towers"))?;
    let plan = options.dictionaries.bound(plan, &home)?;
    let vectors = embed(&artefact, &plan, rows)?;
    let out = match &options.out {
        Some(out) => out.clone(),
        None => home.dictionaries().join(format!("{name}.parquet")),
    };
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    parquet::write(&out, &vectors.table(), &vectors.metadata())?;
    if globals.json {
        return output::json(&json!({
            "model": name, "version": vectors.version, "items": vectors.ids.len(), "width": vectors.width,
            "file": out.display().to_string(),
        }));
    }
    let (items, width) = (vectors.ids.len(), vectors.width);
    output::line(&format!(
        "{items} vectors of {width} numbers by {name} version {}: {}",
        vectors.version,
        out.display()
    ));
    Ok(())
}

/// The home's items with their feature rows now.
fn known_items(home: &Home) -> anyhow::Result<Vec<(i64, Row)>> {
    let root = home.root();
    imported(root)?.with_context(|| format!("no finished import in {}; give --items", root.display()))?;
    let mut aggregates = Aggregates::new(&Catalogue::load(root)?, AggregateConfig::default());
    events::load(&home.base_events())?
        .iter()
        .for_each(|event| aggregates.observe(event));
    let folder = root.join("events");
    EventLog::read(&folder, LogOptions::default().max_record, &mut |record| {
        // what is no event is left out, as the server does
        if let Ok(event) = event_of(record) {
            aggregates.observe(&event);
        }
    })?;
    let layout = RowLayout::new(Aggregates::item_fields().iter().map(|field| field.0));
    let row = |id: i64| (id, Row::new(&layout, aggregates.item_row(id)));
    Ok(aggregates.items().into_iter().map(row).collect())
}

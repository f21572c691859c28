//! `rankine embed`: the vectors of a two-sided model, as a dictionary that `serve` loads while it runs, as a file of another
//! form, in a store, or as an index to be searched.
//!
//! Vectors are ready for a dot product: what weighs is in the users', so an index of the items ranks as the model does. What is the
//! same for all items of a user (the bias, the context's number) is in neither, and told beside them. Rows are those that serving
//! would have now: the imported events and the live log through the same aggregates; or a file of item rows. The file appears whole
//! or not at all, under the version of the model that made it.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, ValueEnum};
use rankine_feature::{FieldType, Plan, Side, Value};
use rankine_index::{Metric, VectorIndex};
use rankine_model::{Artefact, Scorer};
use rankine_pipeline::aggregate::live::event_of;
use rankine_pipeline::import::imported;
use rankine_pipeline::{AggregateConfig, Aggregates, Catalogue, events};
use rankine_predict::{ItemVectorRows, Row, RowLayout, Wanted, embed_side, item_rows};
use rankine_store::{EventLog, LogOptions};
use rankine_table::parquet;
use rankine_table::vectors::VectorTable;

use super::{Globals, model_named};
use crate::dictionaries::Dictionaries;
use crate::home::Home;
use crate::output;
use crate::sink;

/// Arguments of the verb.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    rankine embed dssm\n  \
    rankine embed dssm@3 --items items.parquet --out vectors.parquet\n  \
    rankine embed dssm --items items.txt --out items.index --users users.npy --users-out users.csv\n  \
    rankine embed dropoutnet --side user --users users.parquet --users-out users.npy\n  \
    rankine embed dssm --to postgres://postgres@127.0.0.1/shop --set films")]
pub(crate) struct Options {
    /// The model, and with @ a version (default: the newest)
    #[arg(value_name = "NAME[@VERSION]")]
    model: String,
    /// The side: items (with --users both), or the users of --users alone
    #[arg(long, value_enum, default_value_t = Of::Item)]
    side: Of,
    /// Item rows (Parquet, the first column is the id), or vectors where the model's items are vectors (.csv, .npy, .txt); default:
    /// the home's items as they are now
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// Where the vectors go, by its name: .parquet, .csv, .npy (with .ids.txt), .txt (word2vec), .faiss, .index, .sql (psql, pgvector), .resp
    /// (redis-cli --pipe); default: dictionaries/NAME.parquet in the home folder
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// User rows, in the same forms; their vectors go to --users-out and, with --to, into the store
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// Where the users' vectors go; with --side user default: dictionaries/NAME-users.parquet in the home folder
    #[arg(long, value_name = "FILE", requires = "users")]
    users_out: Option<PathBuf>,
    /// Write the vectors into a store, too, and let them serve there: redis://HOST:PORT/DB, postgres://USER@HOST/DB (pgvector)
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Name of the set in that store, the users' with _users behind it; default: the model's
    #[arg(long, value_name = "NAME", requires = "to")]
    set: Option<String>,
    /// Position in a source that these rows stand for: later ones of a change stream stay
    #[arg(long, value_name = "NUMBER", requires = "to", default_value_t = 0)]
    position: i64,
    /// The towers' outputs as they are, rather than ready for a dot product
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    dictionaries: Dictionaries,
}

/// What is embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    /// The items, and users where they are given.
    Item,
    /// The users alone.
    User,
}

impl Options {
    /// Refuses arguments that say nothing together.
    fn check(&self) -> anyhow::Result<()> {
        let alone = self.side == Of::User;
        ensure!(
            !alone || self.users.is_some(),
            "--side user needs --users: whose vectors are wanted"
        );
        for (argument, given) in [("--items", self.items.is_some()), ("--out", self.out.is_some())] {
            ensure!(
                !(alone && given),
                "{argument}: with --side user no items are embedded"
            );
        }
        ensure!(
            alone || self.users.is_none() || self.users_out.is_some() || self.to.is_some(),
            "--users needs --users-out or --to"
        );
        Ok(())
    }
}

/// Computes, writes and says what was written.
///
/// # Errors
/// No such model, one without an item tower, rows that do not fit it, a file that cannot be written.
pub(crate) fn run(options: &Options, globals: &Globals) -> anyhow::Result<()> {
    options.check()?;
    let home = globals.home();
    let artefact = model_named(&home, &options.model)?;
    let name = &artefact.manifest().name;
    if let Some(vectors) = artefact.vectors() {
        return held(&artefact, vectors, options, globals);
    }
    let plan = artefact
        .plan()
        .with_context(|| format!("{name} holds vectors, it has no towers"))?;
    let items = match (options.side, &options.items) {
        (Of::User, _) => None,
        (Of::Item, Some(file)) => Some(rows_of(file, plan, Side::Item)?),
        (Of::Item, None) => Some(known_items(&home)?),
    };
    let plan = options.dictionaries.bound(plan, &home)?;
    let vectors = |users: bool, rows| {
        let wanted = Wanted {
            users,
            raw: options.raw,
        };
        embed_side(&artefact, &plan, wanted, rows)
    };
    let items = items.map(|rows| vectors(false, rows)).transpose()?;
    let users = match &options.users {
        Some(file) => Some(vectors(true, rows_of(file, &plan, Side::User)?)?),
        None => None,
    };
    let mut told = Told::of(&artefact, items.as_ref(), users.as_ref());
    if options.raw {
        told.added = None;
    }
    let default = |users: &str| home.dictionaries().join(format!("{name}{users}.parquet"));
    let unsaid = options.to.is_none();
    if let (Some(items), Some(out)) = (&items, options.out.clone().or(unsaid.then(|| default("")))) {
        put(&artefact, items, &out)?;
        told.file = Some(out.display().to_string());
    }
    let unsaid = unsaid && options.side == Of::User;
    let out = options.users_out.clone().or(unsaid.then(|| default("-users")));
    if let (Some(users), Some(out)) = (&users, out) {
        put(&artefact, users, &out)?;
        told.users_file = Some(out.display().to_string());
    }
    if let Some(url) = &options.to {
        told.sets = Some(store(options, url, name, (items.as_ref(), users.as_ref()))?);
    }
    told.tell(globals)
}

/// Writes into a store and lets what was written serve; tells the sets.
fn store(
    options: &Options,
    url: &str,
    name: &str,
    (items, users): (Option<&ItemVectorRows>, Option<&ItemVectorRows>),
) -> anyhow::Result<Vec<String>> {
    let store = sink::open(url)?;
    let named = options.set.as_deref().unwrap_or(name);
    let mut written = Vec::new();
    for (vectors, of_users) in [(items, false), (users, true)] {
        if let Some(vectors) = vectors {
            let set = sink::set_of(named, of_users);
            written.push(sink::write(&*store, &set, vectors, options.position)?);
        }
    }
    store.switch(&written)?;
    Ok(written.into_iter().map(|generation| generation.set).collect())
}

/// What was written, for people and as JSON.
#[derive(Default, serde::Serialize)]
struct Told {
    model: String,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<usize>,
    width: usize,
    file: Option<String>,
    users: Option<usize>,
    users_file: Option<String>,
    /// What a served logit has beside the dot product of the vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sets: Option<Vec<String>>,
}

impl Told {
    fn of(artefact: &Artefact, items: Option<&ItemVectorRows>, users: Option<&ItemVectorRows>) -> Told {
        let count = |vectors: Option<&ItemVectorRows>| vectors.map(|vectors| vectors.ids.len());
        Told {
            model: artefact.manifest().name.clone(),
            version: artefact.manifest().version,
            items: count(items),
            width: items.or(users).map_or(0, |vectors| vectors.width),
            users: count(users),
            added: users.and_then(ItemVectorRows::number),
            ..Told::default()
        }
    }

    fn tell(&self, globals: &Globals) -> anyhow::Result<()> {
        if globals.json {
            return output::json(self);
        }
        let (model, version, width) = (&self.model, self.version, self.width);
        let sets = self.sets.iter().map(|sets| format!("sets {}", sets.join(", ")));
        let sets: Vec<String> = sets.collect();
        let places = |file: &Option<String>| file.iter().chain(&sets).cloned().collect::<Vec<_>>().join("; ");
        if let Some(count) = self.items {
            let places = places(&self.file);
            output::line(&format!(
                "{count} vectors of {width} numbers by {model} version {version}: {places}"
            ));
        }
        if let Some(count) = self.users {
            let places = places(&self.users_file);
            output::line(&format!(
                "{count} vectors of users, {width} numbers by {model} version {version}: {places}"
            ));
        }
        if let Some(added) = self.added {
            output::line(&format!("a served score is that of the dot product plus {added}"));
        }
        Ok(())
    }
}

/// Writes the vectors of a model that holds them and has no towers.
fn held(
    artefact: &Artefact,
    (ids, width, floats): (&[i64], usize, &[f32]),
    options: &Options,
    globals: &Globals,
) -> anyhow::Result<()> {
    let name = &artefact.manifest().name;
    let items = ItemVectorRows {
        ids: ids.to_vec(),
        width,
        floats: floats.to_vec(),
        version: artefact.manifest().version,
        artefact: artefact.manifest().checksum.clone(),
        numbers: Vec::new(),
    };
    ensure!(
        options.out.is_some() || options.to.is_some(),
        "{name} holds vectors already; --out or --to says where they go"
    );
    ensure!(
        options.side == Of::Item,
        "{name} holds vectors of items, it has no user tower"
    );
    let mut told = Told::of(artefact, Some(&items), None);
    if let Some(out) = &options.out {
        put(artefact, &items, out)?;
        told.file = Some(out.display().to_string());
    }
    if let Some(url) = &options.to {
        told.sets = Some(store(options, url, name, (Some(&items), None))?);
    }
    told.tell(globals)
}

/// Writes vectors in the form that the file's name says.
fn put(artefact: &Artefact, vectors: &ItemVectorRows, out: &Path) -> anyhow::Result<()> {
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    match out.extension().and_then(|e| e.to_str()) {
        Some("parquet") => parquet::write(out, &vectors.table(), &vectors.metadata())?,
        Some("index") => {
            let combination = artefact.scorer().and_then(Scorer::combination);
            if let Some(other) = combination.filter(|c| !c.is_searchable()) {
                bail!(
                    "{} combines its vectors by `{}`, which ranks items alike for every user: an index has nothing to search",
                    artefact.manifest().name,
                    other.name()
                );
            }
            let (metric, version) = (Metric::InnerProduct, vectors.version);
            VectorIndex::build(metric, version, &vectors.ids, vectors.width, &vectors.floats)?.save(out)?;
        }
        _ => VectorTable {
            ids: vectors.ids.iter().map(ToString::to_string).collect(),
            width: vectors.width,
            floats: vectors.floats.clone(),
            version: Some(vectors.version),
        }
        .write(out)?,
    }
    Ok(())
}

/// Rows of a side: a table of fields, or vectors where that is the side's one field.
fn rows_of(file: &Path, plan: &Plan, side: Side) -> anyhow::Result<Vec<(i64, Row)>> {
    let fields = plan.schema().side(side);
    let vector = match fields {
        [field] if matches!(field.ty, FieldType::Vector(_)) => Some(&field.name),
        _ => None,
    };
    let Some(name) = vector else {
        return item_rows(file).map_err(|fault| anyhow!("{}: {fault}", file.display()));
    };
    let (table, layout) = (VectorTable::read(file)?, RowLayout::new([name.clone()]));
    let row = |at: usize| {
        let id = table.ids[at].parse::<i64>();
        let id = id.with_context(|| format!("{}: id `{}` is not a number", file.display(), table.ids[at]))?;
        Ok((id, Row::new(&layout, vec![Value::vector(table.row(at))])))
    };
    (0..table.ids.len()).map(row).collect()
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

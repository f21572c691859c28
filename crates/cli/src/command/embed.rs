//! `rankine embed`: the vectors of a two-sided model, as a dictionary that `serve` loads while it runs, as a file of another
//! form, in a store, or as an index to be searched.
//!
//! Vectors are ready for a dot product: what weighs is in the users', so an index of the items ranks as the model does. What is the
//! same for all items of a user (the bias, the context's number) is in neither, and told beside them. Rows are those that serving
//! would have now: the imported events and the live log through the same aggregates; or a file of item rows. The file appears whole
//! or not at all, under the version of the model that made it. Items are known to fit in memory; users come and go in chunks.

mod made;
mod users;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, ValueEnum};
use rankine_feature::{FieldType, Plan, Side, Value};
use rankine_index::{Metric, VectorIndex};
use rankine_model::{Artefact, Scorer};
use rankine_pipeline::aggregate::live::event_of;
use rankine_pipeline::import::imported;
use rankine_pipeline::{AggregateConfig, Aggregates, Catalogue, events};
use rankine_predict::{ItemVectorRows, Row, RowLayout, Wanted, embed_side, item_rows};
use rankine_store::vectors::{Generation, VectorStore};
use rankine_store::{EventLog, LogOptions};
use rankine_table::vectors::VectorTable;
use rankine_table::{Progress, parquet};

use self::made::{Made, Places, folder_of, is_parquet};
use self::users::Users;
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
    rankine embed dropoutnet --side user --users postgres://shop@127.0.0.1/shop --users-sql 'SELECT * FROM users' --keep userid \
    --output user_emb --users-out users.parquet\n  \
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
    /// User rows, in the same forms, or a database (postgres://…; SQLite by the name .db, .sqlite, .sqlite3) with --users-sql; their
    /// vectors go to --users-out and, with --to, into the store
    #[arg(long, value_name = "FILE|URL")]
    users: Option<String>,
    /// The users' SELECT in that database, or a file of it (.sql)
    #[arg(long, value_name = "SQL", requires = "users")]
    users_sql: Option<String>,
    /// The users' column that is the id, which a Parquet file of vectors keeps; default: the first of a file
    #[arg(long, value_name = "NAME", requires = "users")]
    keep: Option<String>,
    /// What the users' vectors are called: the column of a Parquet file (default: vector), the set in a store (default: see --set)
    #[arg(long, value_name = "NAME", requires = "users")]
    output: Option<String>,
    /// Where the users' vectors go; with --side user default: dictionaries/NAME-users.parquet in the home folder
    #[arg(long, value_name = "FILE", requires = "users")]
    users_out: Option<PathBuf>,
    /// Write the vectors into a store, too, and let them serve there: redis://HOST:PORT/DB, postgres://USER@HOST/DB (pgvector),
    /// embedded:STREAM (the store of a stream that is not running) or embedded:FILE.redb
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
        let other = self.users_out.as_ref().filter(|file| !is_parquet(file));
        ensure!(
            self.output.is_none() || self.to.is_some() || other.is_none(),
            "--output names a column of a Parquet file or a set in a store, expected --users-out FILE.parquet or --to"
        );
        Ok(())
    }

    fn wanted(&self, users: bool) -> Wanted {
        let raw = self.raw;
        Wanted { users, raw }
    }

    /// The set of a side's vectors in a store.
    fn set(&self, name: &str, users: bool) -> String {
        match (&self.output, users) {
            (Some(output), true) => sink::set_of(output, false),
            _ => sink::set_of(self.set.as_deref().unwrap_or(name), users),
        }
    }

    /// The store that is named.
    fn store(&self, home: &Home) -> anyhow::Result<Option<Box<dyn VectorStore>>> {
        self.to
            .as_deref()
            .map(|place| sink::open(place, home))
            .transpose()
    }

    /// A side's file: the one given, else the default where there is neither that nor a store.
    fn file(&self, given: Option<&PathBuf>, default: PathBuf) -> Option<PathBuf> {
        given.cloned().or(self.to.is_none().then_some(default))
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
    let store = options.store(&home)?;
    let items = items.map(|rows| embed_side(&artefact, &plan, options.wanted(false), rows));
    let items = items.transpose()?;
    let mut told = Told::of(&artefact, items.as_ref());
    let mut written = Vec::new();
    let file = |users: &str| home.dictionaries().join(format!("{name}{users}.parquet"));
    if let Some(items) = &items {
        if let Some(out) = options.file(options.out.as_ref(), file("")) {
            put(&artefact, items, &out)?;
            told.file = Some(out.display().to_string());
        }
        written.extend(stored(store.as_deref(), options, name, items)?);
    }
    if let Some(place) = &options.users {
        let out = match options.side {
            Of::User => options.file(options.users_out.as_ref(), file("-users")),
            Of::Item => options.users_out.clone(),
        };
        let (side, to) = ((&artefact, &*plan), (out, store.as_deref()));
        let mut made = users_made(options, place, side, to, globals)?;
        told.users_file = made.finish()?;
        told.about_users(&made, options.raw);
        written.extend(made.generation);
    }
    if let Some(store) = store {
        store.switch(&written)?;
        told.sets = Some(written.into_iter().map(|generation| generation.set).collect());
    }
    told.tell(globals)
}

/// Embeds all users of `place`, chunk by chunk, into a file and a store.
fn users_made<'a>(
    options: &Options,
    place: &str,
    (artefact, plan): (&'a Artefact, &Plan),
    (out, store): (Option<PathBuf>, Option<&'a dyn VectorStore>),
    globals: &Globals,
) -> anyhow::Result<Made<'a>> {
    let (sql, keep) = (options.users_sql.as_deref(), options.keep.as_deref());
    let users = Users::open(place, sql, keep, (artefact, plan))?;
    let called = |given: Option<&str>, default: &str| given.unwrap_or(default).to_owned();
    let set = options.set(&artefact.manifest().name, true);
    let places = Places {
        out,
        names: (called(keep, "id"), called(options.output.as_deref(), "vector")),
        store: store.map(|store| (store, set, options.position)),
    };
    let mut made = Made::new(artefact, places);
    let progress = match globals.json {
        true => Progress::silent(),
        false => Progress::stderr(),
    };
    let mut stage = progress.stage("embedding users", users.count()?);
    let mut embed = |rows: Vec<(i64, Row)>| {
        let count = rows.len() as u64;
        made.meet(rows.iter().map(|(id, _)| *id))?;
        made.add(embed_side(artefact, plan, options.wanted(true), rows)?)?;
        stage.add(count);
        anyhow::Ok(())
    };
    users.each(&mut embed)?;
    // of nobody at all there is a file, too
    embed(Vec::new())?;
    stage.finish(&format!("{} vectors", made.count()));
    Ok(made)
}

/// Writes items into the store, where there is one; tells the generation.
fn stored(
    store: Option<&dyn VectorStore>,
    options: &Options,
    name: &str,
    items: &ItemVectorRows,
) -> anyhow::Result<Option<Generation>> {
    let write = |store| sink::write(store, &options.set(name, false), items, options.position);
    store.map(write).transpose()
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
    fn of(artefact: &Artefact, items: Option<&ItemVectorRows>) -> Told {
        Told {
            model: artefact.manifest().name.clone(),
            version: artefact.manifest().version,
            items: items.map(|vectors| vectors.ids.len()),
            width: items.map_or(0, |vectors| vectors.width),
            ..Told::default()
        }
    }

    fn about_users(&mut self, made: &Made<'_>, raw: bool) {
        self.users = Some(made.count());
        self.width = made.width;
        self.added = made.number.filter(|_| !raw);
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
    let mut told = Told::of(artefact, Some(&items));
    if let Some(out) = &options.out {
        put(artefact, &items, out)?;
        told.file = Some(out.display().to_string());
    }
    if let Some(store) = options.store(&globals.home())? {
        let written = stored(Some(&*store), options, name, &items)?;
        store.switch(written.as_slice())?;
        told.sets = Some(written.into_iter().map(|generation| generation.set).collect());
    }
    told.tell(globals)
}

/// Writes vectors in the form that the file's name says.
fn put(artefact: &Artefact, vectors: &ItemVectorRows, out: &Path) -> anyhow::Result<()> {
    folder_of(out)?;
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
    let Some(name) = vector_of(plan, side) else {
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

/// The name of a side's field, where that is one vector and no more.
fn vector_of(plan: &Plan, side: Side) -> Option<&Arc<str>> {
    match plan.schema().side(side) {
        [field] if matches!(field.ty, FieldType::Vector(_)) => Some(&field.name),
        _ => None,
    }
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

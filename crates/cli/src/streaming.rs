//! A stream's parts as its configuration names them, and the model in process.
//!
//! The decision: the model runs in the stream's own process over the code that serves, so that a vector has the bits that
//! `rankine embed` would give for the same row.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use rankine_feature::{FieldType, Plan, Side, Value};
use rankine_model::{Artefact, Scorer, versions};
use rankine_pipeline::PipelineError;
use rankine_pipeline::stream::config::{StreamPlan, folder};
use rankine_pipeline::stream::dead::DeadLetters;
use rankine_pipeline::stream::features::{FeatureRows, PostgresFeatures, StoredFeatures};
use rankine_pipeline::stream::file::FileSource;
use rankine_pipeline::stream::joined::Types;
use rankine_pipeline::stream::kafka::{KafkaOptions, KafkaSource};
use rankine_pipeline::stream::lookup_postgres::{PostgresLookup, PostgresLookupOptions};
use rankine_pipeline::stream::lookup_sqlite::{SqliteLookup, SqliteLookupOptions};
use rankine_pipeline::stream::postgres::{PostgresOptions, PostgresSource};
use rankine_pipeline::stream::users::{FileUsers, PostgresUsers};
use rankine_pipeline::stream::{
    Embedded, Embedder, Embedders, Identity, JoinedRow, Lookup, Parts, Source, State, UserRows, Users,
};
use rankine_predict::{ItemVectorRows, Row, RowLayout, Wanted, embed_side};
use rankine_server::stream::{RemoteEmbedders, Rows, Titles};
use rankine_store::vectors::{EmbeddedVectors, PgVectors, RedisVectors, VectorSearch, VectorStore};
use rankine_store::{RedbRows, RedisOptions, RedisRows, RowStore};

use crate::clock;
use crate::dictionaries::{Dictionaries, Tables};
use crate::home::Home;

/// Cache of the embedded rows.
const ROWS_CACHE: usize = 16 << 20;

/// Parts of a stream, and the store that searches ask.
pub(crate) struct Assembled {
    pub(crate) parts: Parts,
    /// The item feature table, for those who ask.
    pub(crate) rows: Rows,
    /// The titles in it.
    pub(crate) titles: Arc<Titles>,
    pub(crate) search: Arc<dyn VectorSearch>,
}

/// Opens everything the configuration names; sources, PostgreSQL and Redis are waited for where they are away.
///
/// # Errors
/// No model, or one without an item tower; a store that cannot be opened.
pub(crate) fn assemble(
    plan: &StreamPlan,
    home: &Home,
    dictionaries: &Dictionaries,
) -> anyhow::Result<Assembled> {
    let config = &plan.config;
    let folder = folder(home.root(), &config.name);
    let (embedders, types) = embedders(plan, home, dictionaries)?;
    let users = users(plan, home, dictionaries)?;
    let (vectors, search) = stores(plan, &folder)?;
    let (features, rows) = features(plan, &folder, types)?;
    let titles = Titles::new(rows.clone(), search.clone(), &plan.settings.set);
    let parts = Parts {
        source: source(plan, &folder),
        lookup: lookup(plan, &folder)?,
        features: titles.hearing(features),
        embedders,
        vectors,
        users,
        state: State::open(&folder.join("state.db"))?,
        dead: DeadLetters::new(&folder.join(&config.dead_letters)),
    };
    Ok(Assembled {
        parts,
        rows,
        titles,
        search,
    })
}

/// The model in process, or in another; with the types of its fields, where they are known.
fn embedders(
    plan: &StreamPlan,
    home: &Home,
    dictionaries: &Dictionaries,
) -> anyhow::Result<(Arc<dyn Embedders>, Types)> {
    let embed = &plan.config.embed;
    if !embed.url.is_empty() {
        let remote = RemoteEmbedders::new(&embed.model, &embed.url, false)?;
        return Ok((Arc::new(remote), Types::default()));
    }
    let local = LocalEmbedders::new(home, &embed.model, Side::Item, dictionaries)?;
    let types = Types::new(local.first.fields.clone());
    Ok((Arc::new(local), types))
}

/// The users' side, where the configuration has one.
fn users(plan: &StreamPlan, home: &Home, dictionaries: &Dictionaries) -> anyhow::Result<Option<Users>> {
    let (users, url) = (&plan.config.users, &plan.config.embed.url);
    if !users.is_given() {
        return Ok(None);
    }
    let embedders: Arc<dyn Embedders> = match url.is_empty() {
        true => Arc::new(LocalEmbedders::new(home, &users.model, Side::User, dictionaries)?),
        false => Arc::new(RemoteEmbedders::new(&users.model, url, true)?),
    };
    let key = users.key.clone();
    let rows: Arc<dyn UserRows> = match users.file.is_empty() {
        true => Arc::new(PostgresUsers {
            dsn: users.dsn.clone(),
            sql: users.sql.clone(),
            key,
        }),
        false => Arc::new(FileUsers {
            path: users.file.clone().into(),
            key,
        }),
    };
    Ok(Some(Users {
        set: users.set.clone(),
        rows,
        embedders,
    }))
}

fn source(plan: &StreamPlan, folder: &std::path::Path) -> Box<dyn Source> {
    let source = &plan.config.source;
    if source.kind == "file" {
        return Box::new(FileSource::new(source.file.as_ref(), clock::now_micros));
    }
    if source.kind == "kafka" {
        return Box::new(KafkaSource::new(KafkaOptions {
            brokers: source.brokers.clone(),
            topic: source.topic.clone(),
            order: folder.join("order.jsonl"),
            clock: clock::now_micros,
        }));
    }
    let others = plan
        .settings
        .dimensions
        .iter()
        .map(|d| (d.table.clone(), d.key.clone()));
    Box::new(PostgresSource::new(PostgresOptions {
        dsn: source.dsn.clone(),
        table: source.table.clone(),
        key: source.key.clone(),
        others: others.collect(),
        publication: source.publication.clone(),
        slot: source.slot.clone(),
        managed: source.manage,
        start: plan.start.map(|start| (source.create_time.clone(), start)),
        max_retained: source.max_retained_mb << 20,
        clock: clock::now_micros,
    }))
}

fn lookup(plan: &StreamPlan, folder: &std::path::Path) -> anyhow::Result<Box<dyn Lookup>> {
    let (sql, item) = (plan.sql.clone(), plan.settings.item.clone());
    let dimensions = plan.settings.dimensions.clone();
    if plan.config.join.kind == "sqlite" {
        let options = SqliteLookupOptions {
            path: folder.join("landing.db"),
            schema: plan.schema.clone(),
            sql,
            item,
            dimensions,
        };
        return Ok(Box::new(SqliteLookup::open(&options)?));
    }
    let dsn = plan.config.join.dsn.clone();
    Ok(Box::new(PostgresLookup::new(&PostgresLookupOptions {
        dsn,
        sql,
        item,
        dimensions,
    })))
}

/// The item feature table, to be written and, beside it, to be read.
fn features(
    plan: &StreamPlan,
    folder: &std::path::Path,
    types: Types,
) -> anyhow::Result<(Box<dyn FeatureRows>, Rows)> {
    let features = &plan.config.features;
    let rows: Arc<dyn RowStore> = match features.kind.as_str() {
        "postgres" => {
            let key = &plan.config.source.key;
            let (dsn, table) = (&features.dsn, &features.table);
            let open =
                || -> Box<dyn FeatureRows> { Box::new(PostgresFeatures::new(dsn, table, key, &plan.sql)) };
            return Ok((open(), Rows::new(open())));
        }
        "redis" => Arc::new(RedisRows::open(RedisOptions::new(&features.dsn))?),
        _ => Arc::new(RedbRows::open(&folder.join("features.redb"), ROWS_CACHE)?),
    };
    let open = |types| -> Box<dyn FeatureRows> {
        Box::new(StoredFeatures::new(rows.clone(), &features.family, types))
    };
    Ok((open(types.clone()), Rows::new(open(types))))
}

type Stores = (Vec<Arc<dyn VectorStore>>, Arc<dyn VectorSearch>);

/// The vector stores; searches ask the embedded one where there is one.
fn stores(plan: &StreamPlan, folder: &std::path::Path) -> anyhow::Result<Stores> {
    let config = &plan.config.vectors;
    let mut stores: Vec<Arc<dyn VectorStore>> = Vec::new();
    let mut search: Option<Arc<dyn VectorSearch>> = None;
    if config.stores.iter().any(|store| store == "embedded") {
        let embedded = Arc::new(EmbeddedVectors::open_with(
            &folder.join("vectors.redb"),
            config.graph(),
        )?);
        stores.push(embedded.clone());
        search = Some(embedded);
    }
    if config.stores.iter().any(|store| store == "pgvector") {
        let pgvector = Arc::new(PgVectors::open(&config.dsn)?);
        stores.push(pgvector.clone());
        search.get_or_insert(pgvector);
    }
    if config.stores.iter().any(|store| store == "redis") {
        stores.push(Arc::new(RedisVectors::open(RedisOptions::new(&config.redis))?));
    }
    Ok((stores, search.context("no vector store")?))
}

/// Versions of one side of a model below the home folder.
struct LocalEmbedders {
    folder: PathBuf,
    model: String,
    side: Side,
    tables: Tables,
    first: LocalEmbedder,
}

impl LocalEmbedders {
    fn new(
        home: &Home,
        model: &str,
        side: Side,
        dictionaries: &Dictionaries,
    ) -> anyhow::Result<LocalEmbedders> {
        let folder = home.models().join(model);
        let artefact = super::command::model_named(home, model)?;
        let plan = artefact
            .plan()
            .with_context(|| format!("{model} holds vectors, it has no towers"))?;
        let tables = dictionaries.load(plan, home)?;
        let first = LocalEmbedder::new(artefact, side, &tables)?;
        Ok(LocalEmbedders {
            folder,
            model: model.to_owned(),
            side,
            tables,
            first,
        })
    }

    fn fault(&self, reason: &str) -> PipelineError {
        PipelineError::Embed {
            model: self.model.clone(),
            reason: reason.to_owned(),
            transient: false,
        }
    }
}

impl Embedders for LocalEmbedders {
    fn newest(&self) -> Result<Option<u64>, PipelineError> {
        let pinned = rankine_dict::pin::pinned(&self.folder).map_err(|e| self.fault(&e.to_string()))?;
        Ok(pinned.or_else(|| versions(&self.folder).last().map(|(version, _)| *version)))
    }

    fn open(&self, version: u64) -> Result<Arc<dyn Embedder>, PipelineError> {
        let found = versions(&self.folder).into_iter().find(|(v, _)| *v == version);
        let (_, path) = found.ok_or_else(|| self.fault(&format!("there is no version {version}")))?;
        let artefact = Artefact::open(&path).map_err(|e| self.fault(&e.to_string()))?;
        let opened = LocalEmbedder::new(artefact, self.side, &self.tables);
        Ok(Arc::new(opened.map_err(|e| self.fault(&format!("{e:#}")))?))
    }
}

/// One version, opened.
struct LocalEmbedder {
    artefact: Artefact,
    side: Side,
    plan: Arc<Plan>,
    width: usize,
    layout: RowLayout,
    fields: Vec<(Arc<str>, FieldType)>,
    needed: Vec<Arc<str>>,
}

impl LocalEmbedder {
    fn new(artefact: Artefact, side: Side, tables: &Tables) -> anyhow::Result<LocalEmbedder> {
        let name = artefact.manifest().name.clone();
        let plan = artefact
            .plan()
            .with_context(|| format!("{name} holds vectors, it has no towers"))?;
        let plan = tables.bind(plan)?;
        // asked once with nothing: says whether there is a tower of that side, and how wide
        let width = embedded(&artefact, &plan, side, Vec::new())?.width;
        if let Some(other) = artefact
            .scorer()
            .and_then(Scorer::combination)
            .filter(|c| !c.is_searchable())
        {
            anyhow::bail!(
                "{name} combines its vectors by `{}`, which an index cannot search",
                other.name()
            );
        }
        let fields: Vec<_> = plan
            .schema()
            .side(side)
            .iter()
            .map(|f| (f.name.clone(), f.ty))
            .collect();
        Ok(LocalEmbedder {
            needed: needed(&artefact, &plan, side),
            layout: RowLayout::new(fields.iter().map(|field| field.0.clone())),
            artefact,
            side,
            plan,
            width,
            fields,
        })
    }

    fn typed(&self, row: &JoinedRow) -> Result<Row, String> {
        let values = self.fields.iter().map(|(name, ty)| row.value(name, *ty));
        let values: Vec<Value> = values.collect::<Result<_, String>>()?;
        Ok(Row::new(&self.layout, values))
    }

    fn one(&self, id: i64, row: Row) -> Result<Vec<f32>, String> {
        let made = embedded(&self.artefact, &self.plan, self.side, vec![(id, row)]);
        made.map(|rows| rows.floats).map_err(|e| e.to_string())
    }
}

/// The fields of a side that what a model's towers read rests on: from the features of its slots back along what they depend on.
pub(crate) fn needed(artefact: &Artefact, plan: &Plan, side: Side) -> Vec<Arc<str>> {
    let mut names = BTreeSet::new();
    if artefact.network().is_none_or(|network| network.towers.is_none()) {
        // a factorisation knows by ids
        return Vec::new();
    }
    // a feature stands behind those it rests on
    for feature in plan.outline().iter().rev() {
        let read = |slot| artefact.scorer().is_some_and(|scorer| scorer.reads(slot));
        if names.contains(&feature.name) || feature.slot.is_some_and(read) {
            names.extend(feature.depend.iter().cloned());
        }
    }
    let fields = plan.schema().side(side).iter().map(|field| field.name.clone());
    fields.filter(|name| names.contains(name)).collect()
}

fn embedded(
    artefact: &Artefact,
    plan: &Plan,
    side: Side,
    rows: Vec<(i64, Row)>,
) -> Result<ItemVectorRows, rankine_predict::PredictError> {
    let wanted = Wanted {
        users: side == Side::User,
        raw: false,
    };
    embed_side(artefact, plan, wanted, rows)
}

impl Embedder for LocalEmbedder {
    fn version(&self) -> u64 {
        self.artefact.manifest().version
    }

    fn identity(&self) -> Identity {
        let manifest = self.artefact.manifest();
        Identity {
            model: manifest.name.clone(),
            checksum: manifest.checksum.clone(),
        }
    }

    fn width(&self) -> usize {
        self.width
    }

    fn fields(&self) -> &[(Arc<str>, FieldType)] {
        &self.fields
    }

    fn needed(&self) -> &[Arc<str>] {
        &self.needed
    }

    fn embed(&self, rows: &[JoinedRow]) -> Result<Embedded, PipelineError> {
        let typed: Vec<Result<Row, String>> = rows.iter().map(|row| self.typed(row)).collect();
        // rows are told apart by their place here, whatever their ids
        let places = typed.iter().zip(0_i64..);
        let good: Vec<(i64, Row)> = places
            .filter_map(|(row, at)| Some((at, row.as_ref().ok()?.clone())))
            .collect();
        // where one row spoils the batch, each is tried alone
        let all = embedded(&self.artefact, &self.plan, self.side, good).ok();
        let mut made = all.as_ref().map(|all| all.floats.chunks_exact(self.width.max(1)));
        let vector = |(row, typed): (&JoinedRow, Result<Row, String>)| {
            let typed = typed?;
            match made.as_mut().and_then(Iterator::next) {
                Some(vector) => Ok(vector.to_vec()),
                None => self.one(row.id, typed),
            }
        };
        Ok(rows.iter().zip(typed).map(vector).collect())
    }
}

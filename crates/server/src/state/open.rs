//! Opening the state: catalogue, imported events, replay of the live log, models, rankers.
//!
//! The order matters in one place: the catalogue's lists are built from the imported ratings in one go before the
//! live log is replayed into them one by one. A process without a site reads the log without owning it, so that a
//! predictor can run beside the server on one home folder.

use super::State;
use super::live::{Live, Writer};
use super::search::{ArrivedTitles, TitleIndex};
use super::sink::RowSink;
use super::stored::StoredRows;
use super::tower::{TowerRecall, UserTower};
use super::vectors::VectorSource;
use crate::arrivals::exposure::Exposure;
use crate::arrivals::watch::Insertion;
use crate::arrivals::{Arrivals, Polling};
use crate::compute::Pool;
use crate::config::{RankerKind, ServerConfig, StoreKind, VECTOR_MODEL};
use crate::error::ServerError;
use crate::metrics::Metrics;
use crate::ranker::Rankers;
use crate::samples::SampleLog;
use rankine_pipeline::{AggregateConfig, Aggregates, Event, aggregate::live::event_of};
use rankine_predict::{PredictConfig, Predictor};
use rankine_recommend::{Catalogue, Item, Recommender, recall};
use rankine_store::{EventLog, LogOptions, LogRecord, RedbRows, RedisOptions, RedisRows, RowStore};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Cache of the embedded row store.
const REDB_CACHE: usize = 16 << 20;
/// Longest wait of a request for a row in Redis.
const REDIS_WAIT: Duration = Duration::from_millis(500);

impl State {
    /// Opens the home folder of the configuration and brings everything up to now. `clock` is microseconds UTC.
    ///
    /// # Errors
    /// [`ServerError`]: the first part that cannot be opened. A model that does not load yet is no error.
    pub fn open(config: ServerConfig, clock: rankine_dict::Clock) -> Result<Arc<State>, ServerError> {
        config.check("server configuration")?;
        let (live, writer, base) = load_home(&config, clock.clone())?;
        let log = open_log(&config, &base, &writer)?;
        drop(base);
        writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .finish_replay();
        let sink = open_rows(&config, log.is_some(), &live)?;
        let predictor = Arc::new(open_predictor(&config, clock.clone())?);
        let threads = Arc::new(open_threads(config.threads)?);
        let deadline = Duration::from_millis(config.limits.deadline_ms);
        let pool = Pool::new(threads.current_num_threads(), config.limits.permits, deadline);
        let tower = UserTower::of(&config, &predictor);
        let arrivals = Arrivals::of(&config, &predictor, (&live, &writer), clock.clone())?;
        let explore = arrivals.as_ref().and_then(|arrivals| arrivals.explore());
        let state = State {
            started: clock(),
            titles: TitleIndex::new(live.catalogue.items()),
            arrived_titles: ArrivedTitles::default(),
            recommender: recommender(&config, &live, tower.as_ref())
                .on(threads)
                .exploring(explore),
            rankers: Rankers::new(&config, predictor.clone(), live.clone(), tower)?,
            vectors: VectorSource::new(VECTOR_MODEL),
            polling: arrivals.clone().map(Polling::start).transpose()?,
            exposure: Exposure::default(),
            insertion: Insertion::of(&config, arrivals.as_ref(), clock.clone())?,
            arrivals,
            metrics: Arc::new(Metrics::new().map_err(|e| ServerError::part("metrics", e))?),
            pool,
            questions: Arc::new(Semaphore::new(config.limits.permits.min(Semaphore::MAX_PERMITS))),
            samples: SampleLog::open(&config.samples, &config.home, clock())?,
            filling: sink.as_ref().and_then(|sink| fill_store(sink, live.user_ids())),
            sink,
            log,
            predictor,
            live,
            clock,
            config,
        };
        Ok(Arc::new(state))
    }
}

/// All strategies, and the tower's where one is configured.
fn recommender(config: &ServerConfig, live: &Live, tower: Option<&Arc<UserTower>>) -> Recommender {
    let mut recalls = recall::all();
    if let Some(tower) = tower {
        recalls.push(Box::new(TowerRecall(tower.clone())));
    }
    Recommender::with_recalls(live.catalogue.clone(), recalls, config.quotas)
}

/// Writes all rows to the store on a thread of its own, so that the first request does not wait for it.
fn fill_store(sink: &Arc<RowSink>, users: Vec<i64>) -> Option<JoinHandle<()>> {
    let sink = sink.clone();
    let write = move || {
        if let Err(error) = sink.write_all(&users) {
            tracing::warn!(%error, "feature rows were not all written to the store");
        }
    };
    match std::thread::Builder::new().name("rows".to_owned()).spawn(write) {
        Ok(thread) => Some(thread),
        Err(error) => {
            tracing::warn!(%error, "no thread to write feature rows to the store");
            None
        }
    }
}

impl Drop for State {
    /// Waits for the thread that fills the store, so that whoever opens the home next finds it free.
    fn drop(&mut self) {
        if let Some(sink) = &self.sink {
            sink.stop();
        }
        if let Some(thread) = self.filling.take() {
            // its panic was printed by itself
            thread.join().ok();
        }
    }
}

type Loaded = (Arc<Live>, Arc<Mutex<Writer>>, Vec<Event>);

/// Catalogue and imported events; nothing for a predictor alone where nothing was imported.
fn load_home(config: &ServerConfig, clock: rankine_dict::Clock) -> Result<Loaded, ServerError> {
    let home = &config.home;
    // the errors below name their files themselves
    let imported = rankine_pipeline::import::imported(home).map_err(|e| ServerError::part("import", e))?;
    let (source, base) = match imported {
        Some(_) => load_import(home)?,
        None if config.listen.site.is_empty() => {
            tracing::warn!(home = %home.display(), "nothing is imported here: fields that a request leaves out are missing");
            Default::default()
        }
        None => {
            let cause = "no finished import here; run `rankine data import` (again), or serve predictions alone (--site '')";
            return Err(ServerError::Home {
                what: "import",
                path: home.clone(),
                cause: cause.to_owned(),
            });
        }
    };
    let ratings = base
        .iter()
        .filter_map(|event| Some((event.item, AggregateConfig::rating(event)?)));
    let catalogue = Arc::new(Catalogue::new(source.items.iter().map(item).collect(), ratings));
    let live = Arc::new(Live::new(
        catalogue,
        source.users.iter().map(|user| user.id),
        clock,
    ));
    let mut writer = Writer::new(live.clone(), Aggregates::new(&source, AggregateConfig::default()));
    base.iter().for_each(|event| writer.apply_base(event));
    Ok((live, Arc::new(Mutex::new(writer)), base))
}

fn load_import(home: &Path) -> Result<(rankine_pipeline::Catalogue, Vec<Event>), ServerError> {
    let source = rankine_pipeline::Catalogue::load(home).map_err(|e| ServerError::part("catalogue", e))?;
    let path = home.join("events").join("base-1.parquet");
    let base = rankine_pipeline::events::load(&path).map_err(|e| ServerError::part("events", e))?;
    Ok((source, base))
}

/// An item as recommendations have it.
pub(crate) fn item(source: &rankine_pipeline::Item) -> Item {
    let shared = |text: &Option<String>| text.as_deref().map(Arc::from);
    Item {
        id: source.id,
        title: source.title.as_str().into(),
        year: source.release_year,
        genres: source.genres.iter().map(|genre| genre.as_str().into()).collect(),
        imdb_id: shared(&source.imdb_id),
        tmdb_id: shared(&source.tmdb_id),
    }
}

/// Opens the log and replays it, or only reads it where there is no site.
fn open_log(
    config: &ServerConfig,
    base: &[Event],
    writer: &Arc<Mutex<Writer>>,
) -> Result<Option<EventLog>, ServerError> {
    let folder = config.home.join("events");
    let mut options = LogOptions::default();
    options.last_time = base.last().map_or(i64::MIN, |event| event.time);
    options.first_seq = base.last().map_or(0, |event| event.seq + 1);
    let writer = writer.clone();
    let mut observe = move |record: &LogRecord| match event_of(record) {
        Ok(event) => writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .apply(&event),
        Err(error) => tracing::error!(%error, "a record of the event log is no event and was left out"),
    };
    let fault = |e| ServerError::part("event log", e);
    if config.listen.site.is_empty() {
        EventLog::read(&folder, options.max_record, &mut observe).map_err(fault)?;
        return Ok(None);
    }
    let (log, summary) = EventLog::open(&folder, options, Box::new(observe)).map_err(fault)?;
    if let Some(torn) = summary.torn {
        tracing::warn!(path = %torn.path.display(), offset = torn.offset, bytes = torn.bytes, "cut a torn event");
    }
    Ok(Some(log))
}

/// Opens the embedded rows. They are a copy that is written anew at every start, so a damaged file is put aside.
fn open_embedded(path: &Path) -> Result<RedbRows, rankine_store::StoreError> {
    match RedbRows::open(path, REDB_CACHE) {
        Err(error) if error.is_damage() => {
            let aside = path.with_extension("redb.damaged");
            tracing::warn!(%error, path = %aside.display(), "put damaged feature rows aside and began anew");
            std::fs::rename(path, &aside).ok();
            RedbRows::open(path, REDB_CACHE)
        }
        opened => opened,
    }
}

/// Opens the row store: to follow the events, where this process takes them, and to look up ids that no event tells of.
/// The embedded file has one owner, the process that takes events; a predictor beside it does without.
fn open_rows(
    config: &ServerConfig,
    takes_events: bool,
    live: &Arc<Live>,
) -> Result<Option<Arc<RowSink>>, ServerError> {
    let fault = |e| ServerError::part("row store", e);
    let follows: Option<Arc<dyn RowStore>> = match config.store.kind {
        _ if !takes_events => None,
        StoreKind::Embedded => {
            let path = config.home.join("features").join("rows.redb");
            Some(Arc::new(open_embedded(&path).map_err(fault)?))
        }
        StoreKind::Redis => {
            let options = RedisOptions::new(&config.store.url);
            Some(Arc::new(RedisRows::connect(options).map_err(fault)?))
        }
    };
    let read = match config.store.kind {
        StoreKind::Embedded => follows.clone(),
        StoreKind::Redis => Some(open_redis_to_read(&config.store.url).map_err(fault)?),
    };
    if let Some(store) = read {
        live.fall_back(StoredRows::new(store));
    }
    Ok(follows.map(|store| Arc::new(RowSink::new(store, live.clone()))))
}

/// A connection of its own, with the patience of a request.
fn open_redis_to_read(url: &str) -> Result<Arc<dyn RowStore>, rankine_store::StoreError> {
    let mut options = RedisOptions::new(url);
    options.connect_timeout = REDIS_WAIT;
    options.io_timeout = REDIS_WAIT;
    Ok(Arc::new(RedisRows::connect(options)?))
}

/// The pool on which recall strategies run.
fn open_threads(threads: usize) -> Result<rayon::ThreadPool, ServerError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|n| format!("compute-{n}"))
        .build()
        .map_err(|error| ServerError::part("compute pool", error))
}

fn open_predictor(config: &ServerConfig, clock: rankine_dict::Clock) -> Result<Predictor, ServerError> {
    Predictor::open(predict_config(config, clock)).map_err(|e| ServerError::part("predictor", e))
}

/// All models, or where another process ranks those alone whose vectors are needed here. The site, TensorFlow Serving's interface
/// and the unified predictor bound their requests themselves and ask this one predictor, so that it has places for all
/// three: load on one takes none from the others.
fn predict_config(config: &ServerConfig, clock: rankine_dict::Clock) -> PredictConfig {
    let mut predict = PredictConfig::new(config.models_dir(), move || clock());
    predict.models = config.entries();
    if config.ranker.kind == RankerKind::Remote {
        let own = [VECTOR_MODEL, config.arrivals.model.as_str()];
        predict.models.retain(|model| own.contains(&model.name.as_str()));
    }
    predict.threads = config.threads;
    predict.permits = config.limits.permits.saturating_mul(3);
    predict.question_task = config.limits.task;
    predict.confs = config.conf_entries();
    predict.dictionaries = config.dictionary_entries();
    predict
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_predictor_has_places_for_all_three() {
        let mut config = ServerConfig::for_home("home");
        config.limits.permits = 3;
        assert_eq!(predict_config(&config, Arc::new(|| 0)).permits, 9);
    }
}

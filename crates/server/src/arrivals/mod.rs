//! What came into being since the catalogue was loaded, as a change stream (`rankine stream`) has embedded it: which of it
//! a user will like, and what it is called.
//!
//! Between the stream and the recommender. A user's vector (made at request time by the user tower of the very version whose
//! item vectors are searched, or stored beside them under that version) is searched by inner product in the stream's index, or
//! by SQL in pgvector. The decision: a search names the version of its vector and is refused where another serves; while one
//! version takes over from another the older tower is kept at hand, so that arrivals neither stop nor mix.

mod client;
pub(crate) mod exposure;
mod kept;
mod looked;
mod poll;
mod rows;
pub(crate) mod watch;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use rankine_predict::{FeatureRows, Predictor, Snapshot, Wanted, embed_side};
use rankine_recommend::merge::Answer;
use rankine_recommend::recall::{ARRIVALS, Candidate, Reason};
use rankine_recommend::{Explore, Item, UserState};
use rankine_store::StoreError;
use rankine_store::vectors::{Filter, Generation, PgVectors, Search, VectorSearch, VectorStore};
use serde_json::{Value, json};

use crate::config::{ArrivalsConfig, ServerConfig};
use crate::error::ServerError;
use crate::state::live::{Live, Writer};
use client::{Fault, Pause, StreamClient};
use kept::Kept;
use looked::Looked;

pub use exposure::{Exposures, Served};
pub(crate) use poll::Polling;
pub use watch::{Deed, Watched};

/// Longest wait for what nobody waits for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most items that the stream is asked for by their titles.
const TITLED: usize = 200;
/// Microseconds of an hour.
const HOUR: f64 = 3_600e6;

/// See the module.
pub(crate) struct Arrivals {
    config: ArrivalsConfig,
    stream: StreamClient,
    /// The same for questions that nobody waits for: a long list must not keep recommendations from asking.
    background: StreamClient,
    pgvector: Option<PgVectors>,
    /// Leaves PostgreSQL alone after a failure.
    pause: Pause,
    /// Answers to the searches of lists.
    kept: Kept,
    /// Items asked for by id.
    looked: Looked,
    predictor: Arc<Predictor>,
    live: Arc<Live>,
    writer: Arc<Mutex<Writer>>,
    clock: rankine_dict::Clock,
    /// The version that the stream serves; 0 while that is not known.
    serving: AtomicU64,
    /// The models as they were when the tower was of the serving version.
    held: ArcSwapOption<Snapshot>,
    /// The stream's mark of what is known of it.
    mark: Mutex<Option<String>>,
    stopping: AtomicBool,
}

/// Items near a user, nearest first, and the version that made all of these vectors.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Nearest {
    pub(crate) version: u64,
    pub(crate) items: Vec<(i64, f32)>,
}

/// Why PostgreSQL has no answer.
enum StoreOr {
    /// The store's own fault.
    Store(StoreError),
    /// There is nothing to ask it.
    Other(String),
}

impl From<StoreError> for StoreOr {
    fn from(error: StoreError) -> StoreOr {
        StoreOr::Store(error)
    }
}

impl From<String> for StoreOr {
    fn from(reason: String) -> StoreOr {
        StoreOr::Other(reason)
    }
}

/// A query by one version.
enum Query {
    Vector(Vec<f32>),
    /// The user's, stored.
    Stored(i64),
}

impl Arrivals {
    /// What is configured, if something is.
    ///
    /// # Errors
    /// [`ServerError::Part`]: a wrong address of PostgreSQL, or a server that lets nobody in; one that is away is waited for.
    pub(crate) fn of(
        config: &ServerConfig,
        predictor: &Arc<Predictor>,
        (live, writer): (&Arc<Live>, &Arc<Mutex<Writer>>),
        clock: rankine_dict::Clock,
    ) -> Result<Option<Arc<Arrivals>>, ServerError> {
        let arrivals = config.arrivals.clone();
        if arrivals.url.is_empty() || config.listen.site.is_empty() {
            return Ok(None);
        }
        let wait = Duration::from_millis(arrivals.timeout_ms);
        let connect = |dsn: &str| {
            let store = PgVectors::open(dsn).map_err(|e| ServerError::part("arrivals", e))?;
            Ok(store.within(wait))
        };
        let pgvector = (!arrivals.dsn.is_empty())
            .then(|| connect(&arrivals.dsn))
            .transpose()?;
        Ok(Some(Arc::new(Arrivals {
            stream: StreamClient::new(&arrivals.url, wait),
            background: StreamClient::new(&arrivals.url, PATIENCE),
            pgvector,
            pause: Pause::default(),
            kept: Kept::new(Duration::from_millis(arrivals.keep_ms)),
            looked: Looked::default(),
            config: arrivals,
            predictor: predictor.clone(),
            live: live.clone(),
            writer: writer.clone(),
            clock,
            serving: AtomicU64::new(0),
            held: ArcSwapOption::empty(),
            mark: Mutex::default(),
            stopping: AtomicBool::new(false),
        })))
    }

    /// The places kept for arrivals.
    pub(crate) fn explore(&self) -> Option<Explore> {
        (self.config.share > 0.0).then_some(Explore {
            source: ARRIVALS,
            share: self.config.share,
        })
    }

    /// The stream's own figures.
    pub(crate) fn figures(&self) -> Result<Value, Fault> {
        self.background.get("/stream")
    }

    /// The recall strategy's answer for a user who has done so many things; empty, and said in the log, where there is none. It may be
    /// an answer that is kept.
    pub(crate) fn recall(&self, user: &UserState, deeds: usize, n: usize) -> Answer {
        Answer {
            source: ARRIVALS,
            candidates: self.kept.answer((user.id, deeds, n), || self.candidates(user, n)),
        }
    }

    /// How many searches of lists were asked for, and how many answered by what was kept.
    pub(crate) fn searches(&self) -> [u64; 2] {
        self.kept.counts()
    }

    fn candidates(&self, user: &UserState, n: usize) -> Vec<Candidate> {
        let nearest = self.nearest(user, n).unwrap_or_else(|reason| {
            tracing::debug!(reason, "no arrivals");
            Nearest {
                version: 0,
                items: Vec::new(),
            }
        });
        let candidate = |&(item, score): &(i64, f32)| Candidate {
            item,
            score,
            reason: Reason::Arrival,
        };
        nearest.items.iter().map(candidate).collect()
    }

    /// An item by its row in the stream's item feature table; none where it has none or does not answer in time.
    pub(crate) fn look_up(&self, id: i64) -> Option<Arc<Item>> {
        self.looked.up(id, || {
            let answer = self.stream.post("/rows", &json!({"ids": [id]})).ok()?;
            let found = rows::items(&answer, &self.config);
            found.iter().find(|item| item.id == id).map(crate::state::arrived)
        })
    }

    /// An item that was looked up.
    pub(crate) fn looked_up(&self, id: i64) -> Option<Arc<Item>> {
        self.looked.item(id)
    }

    /// Items of the stream whose titles have the words of `text`, whether or not they are new; none where it does not answer in time.
    pub(crate) fn titled(&self, text: &str) -> Vec<Arc<Item>> {
        let question = json!({"text": text, "title": self.config.title, "n": TITLED});
        let answer = self.stream.post("/titles", &question).unwrap_or_else(|fault| {
            tracing::debug!(%fault, "titles of the stream are not searched");
            Value::Null
        });
        let found = rows::items(&answer, &self.config);
        found
            .iter()
            .map(|item| Arc::new(crate::state::arrived(item)))
            .collect()
    }

    /// The new items nearest to a user that the user has not seen; each is known here by then.
    ///
    /// # Errors
    /// Why nothing can be searched.
    pub(crate) fn nearest(&self, user: &UserState, n: usize) -> Result<Nearest, String> {
        let arrived = self.live.arrivals();
        let seen = arrived.keys().copied().filter(|id| user.has_seen(*id)).collect();
        let wanted = Search {
            n,
            filter: Filter {
                created_from: self.created_from(),
                categories: self.config.categories.clone(),
                without: seen,
            },
            approximate: self.config.approximate,
        };
        let begun = Instant::now();
        let mut nearest = match &self.pgvector {
            Some(pgvector) => self.hurried(|| self.in_pgvector(pgvector, user.id, &wanted))?,
            None => self.in_stream(user.id, &wanted, begun)?,
        };
        self.learn_unknown(&nearest, begun)?;
        let known = |id: i64| self.live.catalogue.position(id).is_some() || self.live.arrival(id).is_some();
        nearest.items.retain(|(id, _)| !user.has_seen(*id) && known(*id));
        Ok(nearest)
    }

    /// What is known of a user; nothing of one that nobody has heard of.
    fn user(&self, id: i64) -> UserState {
        let record = self.live.user_record(id);
        record.map_or_else(|| UserState::new(id), |record| record.state.clone())
    }

    /// The time from which on items are new.
    fn created_from(&self) -> Option<i64> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a saturating cast of microseconds"
        )]
        let age = (self.config.fresh_h * HOUR) as i64;
        (age > 0).then(|| (self.clock)().saturating_sub(age))
    }

    /// Asks the stream; where it has just switched versions, once more by the other one.
    fn in_stream(&self, user: i64, wanted: &Search, begun: Instant) -> Result<Nearest, String> {
        let mut answer = self.search_stream(user, wanted);
        if matches!(answer, Err(Fault::Refused(409, _))) {
            self.in_time(begun)?;
            self.learn_version().map_err(|e| e.to_string())?;
            self.in_time(begun)?;
            answer = self.search_stream(user, wanted);
        }
        answer.map_err(|e| e.to_string())
    }

    /// Whether there is time for one more question: a list asks the first ones in `timeout_ms` and waits as long again for the last.
    fn in_time(&self, begun: Instant) -> Result<(), String> {
        let most = self.config.timeout_ms;
        match begun.elapsed() < Duration::from_millis(most) {
            true => Ok(()),
            false => Err(format!("the stream takes longer than {most} ms")),
        }
    }

    /// Asks PostgreSQL, unless it failed just now.
    fn hurried(&self, ask: impl FnOnce() -> Result<Nearest, StoreOr>) -> Result<Nearest, String> {
        if let Some(reason) = self.pause.reason() {
            return Err(reason);
        }
        ask().map_err(|fault| match fault {
            StoreOr::Store(error) => {
                let reason = error.to_string();
                if matches!(error, StoreError::Postgres { .. }) {
                    self.pause.begin(&reason);
                }
                reason
            }
            StoreOr::Other(reason) => reason,
        })
    }

    fn search_stream(&self, user: i64, wanted: &Search) -> Result<Nearest, Fault> {
        let serving = self.serving.load(Relaxed);
        let (version, query) = self.query(user, serving).map_err(Fault::Unasked)?;
        let mut body = json!({
            "n": wanted.n.min(crate::stream::MOST),
            "created_from": wanted.filter.created_from,
            "categories": wanted.filter.categories,
            "without": wanted.filter.without,
            "approximate": wanted.approximate,
        });
        match query {
            Query::Vector(vector) => {
                body["vector"] = json!(vector);
                body["version"] = version.into();
            }
            Query::Stored(user) => {
                body["user"] = user.into();
                body["users"] = match self.config.users.as_str() {
                    "" => Value::Null,
                    users => users.into(),
                };
            }
        }
        let answer = self.stream.post("/search", &body)?;
        let found = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, reason = "the score was printed from f32")]
        let pair = |one: &Value| Some((one["id"].as_i64()?, one["score"].as_f64()? as f32));
        Ok(Nearest {
            version: answer["version"].as_u64().unwrap_or(0),
            items: found.iter().filter_map(pair).collect(),
        })
    }

    /// Asks PostgreSQL: what serves there, the user's vector of that version, the rows nearest to it.
    fn in_pgvector(&self, store: &PgVectors, user: i64, wanted: &Search) -> Result<Nearest, StoreOr> {
        let none = || format!("no version of {} serves in PostgreSQL", self.config.set);
        let serving = store.current(&self.config.set)?.ok_or_else(none)?;
        let (version, query) = self.query(user, serving)?;
        if version != serving {
            let told = format!("the model is of version {version}, the vectors are of {serving}");
            return Err(told.into());
        }
        let vector = match query {
            Query::Vector(vector) => vector,
            Query::Stored(user) => {
                let rows = store.get(&Generation::new(&self.users(), version), &[user])?;
                let row = rows.into_iter().flatten().next();
                row.ok_or_else(|| format!("user {user} has no vector of version {version}"))?
                    .vector
            }
        };
        let generation = Generation::new(&self.config.set, version);
        let found = store.search(&generation, &vector, wanted)?;
        Ok(Nearest {
            version,
            items: found.iter().map(|one| (one.id, one.score)).collect(),
        })
    }

    /// Name of the set of stored user vectors.
    fn users(&self) -> String {
        match self.config.users.as_str() {
            "" => format!("{}_users", self.config.set),
            users => users.to_owned(),
        }
    }

    /// The user's query with the version that made it: of the serving one, where its tower is at hand.
    fn query(&self, user: i64, serving: u64) -> Result<(u64, Query), String> {
        if self.config.model.is_empty() {
            return Ok((serving, Query::Stored(user)));
        }
        let now = self.predictor.snapshot();
        let of_now = self.version_of(&now);
        let held = self.held.load_full();
        let held = held.filter(|held| of_now != Some(serving) && self.version_of(held) == Some(serving));
        let snapshot = held.as_deref().unwrap_or(&now);
        let (version, artefact) = snapshot
            .artefact(&self.config.model, None)
            .map_err(|e| e.to_string())?;
        let plan = artefact
            .plan()
            .ok_or_else(|| format!("{} has no towers", self.config.model))?;
        let row = FeatureRows::user(&*self.live, user).unwrap_or_default();
        let wanted = Wanted {
            users: true,
            raw: false,
        };
        let made = embed_side(artefact, plan, wanted, [(user, row)]).map_err(|e| e.to_string())?;
        Ok((version, Query::Vector(made.floats)))
    }

    fn version_of(&self, snapshot: &Snapshot) -> Option<u64> {
        let found = snapshot.artefact(&self.config.model, None);
        found.ok().map(|(version, _)| version)
    }

    /// Asks for the rows of what was found and is not known here.
    fn learn_unknown(&self, nearest: &Nearest, begun: Instant) -> Result<(), String> {
        let known = |id: i64| self.live.catalogue.position(id).is_some() || self.live.arrival(id).is_some();
        let ids: Vec<i64> = nearest
            .items
            .iter()
            .map(|(id, _)| *id)
            .filter(|id| !known(*id))
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        self.in_time(begun)?;
        let answer = self
            .stream
            .post("/rows", &json!({"ids": ids}))
            .map_err(|e| e.to_string())?;
        self.introduce(rows::items(&answer, &self.config));
        Ok(())
    }

    /// Takes over those that are new or have changed.
    fn introduce(&self, items: Vec<rankine_pipeline::Item>) {
        let arrived = self.live.arrivals();
        let same = |item: &rankine_pipeline::Item| {
            arrived
                .get(&item.id)
                .is_some_and(|known| **known == crate::state::arrived(item))
        };
        let fresh: Vec<rankine_pipeline::Item> = items.into_iter().filter(|item| !same(item)).collect();
        if !fresh.is_empty() {
            self.writer
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .introduce(fresh);
        }
    }
}

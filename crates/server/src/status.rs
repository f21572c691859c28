//! What the status page and `/status` show: models, events, routes; plain data collected from the live parts.
//!
//! Collecting reads counters only and takes no lock that a request holds for longer than a copy, so that looking
//! at the status of an overloaded server does not make it worse.

use serde::Serialize;

/// One model and the generation that serves.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelStatus {
    /// Name it is asked for by.
    pub name: String,
    /// Other names it answers to.
    pub aliases: Vec<String>,
    /// Version that serves; none while nothing is loaded.
    pub version: Option<u64>,
    /// Item vectors of that version that a dictionary has, where it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_vectors: Option<usize>,
    /// How many times a version was swapped in.
    pub generation: u64,
    /// When the serving version was swapped in, microseconds since 1970 UTC.
    pub loaded_at: Option<i64>,
    /// Why the last load failed, if it did; the version above serves on.
    pub error: Option<String>,
}

/// One model version's, conf's or lookup file's dictionary.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DictionaryStatus {
    /// Its name.
    pub name: String,
    /// `model`, `conf`, `items`, `vectors`, `vocabulary`, `boundaries` or `keyed`.
    pub kind: &'static str,
    /// Counts loads from 1; 0 while nothing is loaded.
    pub generation: u64,
    /// Seconds since the serving generation was swapped in.
    pub age_s: f64,
    /// How long its load took, milliseconds.
    pub load_ms: f64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Older generations that somebody still reads.
    pub old_generations: usize,
    /// How many read them.
    pub old_readers: usize,
    /// Loads that failed since start.
    pub failures: u64,
    /// Why something newer is not serving.
    pub error: Option<String>,
}

/// The event log and the live state behind it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventStatus {
    /// Events of the imported base file.
    pub base: u64,
    /// Events that arrived since, replayed ones included.
    pub live: u64,
    /// Time of the newest event, microseconds since 1970 UTC; 0 when there is none.
    pub last_time: i64,
}

/// Upper bound of a latency bucket and the requests in it (not cumulative).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LatencyBucket {
    /// Upper bound in milliseconds; the last one is infinite.
    pub upper_ms: f64,
    /// Requests that took at most this long and longer than the bucket before.
    pub count: u64,
}

/// Requests of one route.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteStatus {
    /// The route's path pattern, for instance `/getrecforyou`.
    pub route: String,
    /// Requests since the start.
    pub count: u64,
    /// Of these, answered with 4xx.
    pub client_errors: u64,
    /// Of these, answered with 5xx.
    pub server_errors: u64,
    /// Requests per second over the last minute.
    pub rate: f64,
    /// Median latency in milliseconds, interpolated within its bucket; 0 when there was no request.
    pub p50_ms: f64,
    /// 99th percentile, likewise.
    pub p99_ms: f64,
    /// Latency histogram, ascending.
    pub buckets: Vec<LatencyBucket>,
}

/// The whole status.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Release of this program.
    pub release: &'static str,
    /// Start, microseconds since 1970 UTC.
    pub started: i64,
    /// Seconds since the start.
    pub uptime_s: f64,
    /// Films in the catalogue.
    pub films: usize,
    /// Users with at least one event.
    pub users: usize,
    /// `embedded` or `redis`.
    pub store: &'static str,
    /// `local` or `remote`.
    pub ranker: &'static str,
    /// Events.
    pub events: EventStatus,
    /// Models, in the order of the configuration.
    pub models: Vec<ModelStatus>,
    /// Everything that is loaded and swapped: models, listed confs, lookup dictionaries.
    pub dictionaries: Vec<DictionaryStatus>,
    /// Routes that were asked for at least once, by path.
    pub routes: Vec<RouteStatus>,
    /// Requests being computed now.
    pub busy: usize,
    /// Permits: more than this many at once are answered with 429.
    pub permits: usize,
}

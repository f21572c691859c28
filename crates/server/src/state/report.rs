//! The status of the running server, collected when asked.
//!
//! Also sets the model gauges of `/metrics`, so that both readers show one state.

use super::State;
use crate::config::{RankerKind, StoreKind};
use crate::samples::SampleLog;
use crate::status::{DictionaryStatus, EventStatus, ModelStatus, Status};
use std::sync::atomic::{AtomicU64, Ordering};

impl State {
    /// Everything the status page shows.
    pub fn status(&self) -> Status {
        let counts = self.live.counts();
        let (busy, permits) = self.pool.load();
        Status {
            release: env!("CARGO_PKG_VERSION"),
            started: self.started,
            uptime_s: self.metrics.uptime(),
            films: self.live.catalogue.items().len(),
            users: counts.users,
            store: match self.config.store.kind {
                StoreKind::Embedded => "embedded",
                StoreKind::Redis => "redis",
            },
            ranker: match self.config.ranker.kind {
                RankerKind::Local => "local",
                RankerKind::Remote => "remote",
            },
            events: EventStatus {
                base: counts.base,
                live: counts.live,
                last_time: counts.last_time,
            },
            models: self.predictor.status().into_iter().map(model_status).collect(),
            dictionaries: self
                .dictionaries()
                .into_iter()
                .map(|(kind, d)| dictionary_status(kind, d, self.now()))
                .collect(),
            routes: self.metrics.routes(),
            busy,
            permits,
        }
    }

    /// The metrics in Prometheus' text form.
    ///
    /// # Errors
    /// [`crate::ApiError::Internal`] where they cannot be encoded.
    pub fn metrics_text(&self) -> Result<String, crate::ApiError> {
        for model in self.predictor.status() {
            let sum = |of: fn(&rankine_dict::Status) -> u64| model.dictionaries.iter().map(of).sum();
            self.metrics
                .model(&model.name, "version", model.version.unwrap_or(0));
            self.metrics.model(&model.name, "loads", sum(|d| d.loads));
            self.metrics.model(&model.name, "failures", sum(|d| d.failures));
        }
        if let Some(stats) = self.log.as_ref().map(rankine_store::EventLog::stats) {
            self.metrics.log("appended", stats.appended);
            self.metrics.log("duplicates", stats.duplicates);
            self.metrics.log("syncs", stats.syncs);
        }
        if let Some(counts) = self.samples().map(SampleLog::counts) {
            let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
            self.metrics.samples("written", get(&counts.written));
            self.metrics.samples("dropped", get(&counts.dropped));
            self.metrics.samples("unscored", get(&counts.unscored));
            self.metrics.samples("failed", get(&counts.failed));
        }
        if self.has_arrivals() {
            self.metrics.exposures(&self.exposures());
            self.metrics.arrivals(self.live.arrivals().len());
        }
        if let Some([asked, kept]) = self.arrival_searches() {
            self.metrics.arrival_searches("asked", asked);
            self.metrics.arrival_searches("kept", kept);
        }
        if let Some(log) = self.samples() {
            self.metrics.samples("bytes", log.bytes());
        }
        for (kind, status) in self.dictionaries() {
            self.metrics.dictionary(kind, &status, self.now());
        }
        self.metrics.render().map_err(|error| crate::ApiError::Internal {
            cause: error.to_string(),
        })
    }
}

fn model_status(model: rankine_predict::ModelStatus) -> ModelStatus {
    let newest = model.dictionaries.iter().max_by_key(|d| d.version);
    let failure = model.dictionaries.iter().find_map(|d| d.error.as_ref());
    ModelStatus {
        version: model.version,
        item_vectors: model.item_vectors,
        generation: newest.map_or(0, |d| d.generation),
        loaded_at: newest.filter(|d| d.version.is_some()).map(|d| d.loaded_at),
        error: failure.map(|f| format!("version {}: {}", f.version, f.message)),
        name: model.name,
        aliases: model.aliases,
    }
}

fn dictionary_status(kind: &'static str, status: rankine_dict::Status, now: i64) -> DictionaryStatus {
    let age = if status.generation > 0 {
        now - status.loaded_at
    } else {
        0
    };
    DictionaryStatus {
        name: status.name,
        kind,
        generation: status.generation,
        age_s: age as f64 / 1e6,
        load_ms: status.load_micros as f64 / 1e3,
        bytes: status.bytes,
        old_generations: status.old_generations,
        old_readers: status.old_readers,
        failures: status.failures,
        error: status.error.map(|failure| failure.message),
    }
}

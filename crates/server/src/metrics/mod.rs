//! Request metrics: one set of counters behind both `/metrics` and the status page.
//!
//! Counted by one middleware around both ports. Labels are route patterns, never paths, so that a scan of random
//! addresses adds one series and not thousands.

mod rate;

use crate::arrivals::Exposures;
use crate::status::{LatencyBucket, RouteStatus};
use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use prometheus::core::Metric;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};
use rate::Rate;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

/// Upper bounds of the latency histogram, seconds.
const BOUNDS: [f64; 14] = [
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
];
/// Label of requests that no route matched.
const NO_ROUTE: &str = "none";

/// The server's metrics.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    events: IntCounterVec,
    models: IntGaugeVec,
    log: IntGaugeVec,
    dictionaries: IntGaugeVec,
    samples: IntGaugeVec,
    exposures: IntGaugeVec,
    searches: IntGaugeVec,
    rates: RwLock<BTreeMap<String, Arc<Rate>>>,
    begun: Instant,
}

impl Metrics {
    /// Metrics of a server that begins now.
    ///
    /// # Errors
    /// The reason why a metric could not be registered.
    pub fn new() -> Result<Self, prometheus::Error> {
        let counter =
            |name: &str, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let gauge = |name: &str, help: &str, labels: &[&str]| IntGaugeVec::new(Opts::new(name, help), labels);
        let latency = HistogramOpts::new("rankine_request_seconds", "Time from request to answer.");
        let metrics = Metrics {
            requests: counter(
                "rankine_requests_total",
                "Requests answered.",
                &["route", "class"],
            )?,
            latency: HistogramVec::new(latency.buckets(BOUNDS.to_vec()), &["route"])?,
            events: counter(
                "rankine_events_total",
                "Events recorded since the start.",
                &["kind"],
            )?,
            models: gauge("rankine_model", "State of the models.", &["model", "what"])?,
            log: gauge("rankine_event_log", "The event log since the start.", &["what"])?,
            samples: gauge(
                "rankine_sample_log",
                "The log of served samples since the start.",
                &["what"],
            )?,
            dictionaries: gauge(
                "rankine_dictionary",
                "State of everything that is loaded and swapped.",
                &["kind", "name", "what"],
            )?,
            exposures: gauge(
                "rankine_exposure",
                "What was served of new items and of all others since the start, and what came of it.",
                &["items", "what"],
            )?,
            searches: gauge(
                "rankine_arrival_searches",
                "Lists that wanted what is new since the start, by how they were answered.",
                &["by"],
            )?,
            registry: Registry::new(),
            rates: RwLock::default(),
            begun: Instant::now(),
        };
        metrics.register()?;
        Ok(metrics)
    }

    /// Lets the registry gather them.
    fn register(&self) -> Result<(), prometheus::Error> {
        let gauges = [
            &self.models,
            &self.log,
            &self.samples,
            &self.exposures,
            &self.searches,
            &self.dictionaries,
        ];
        for counter in [&self.requests, &self.events] {
            self.registry.register(Box::new(counter.clone()))?;
        }
        for gauge in gauges {
            self.registry.register(Box::new(gauge.clone()))?;
        }
        self.registry.register(Box::new(self.latency.clone()))
    }

    /// Counts one answered request.
    pub fn observe(&self, route: &str, status: StatusCode, seconds: f64) {
        self.requests.with_label_values(&[route, class(status)]).inc();
        self.latency.with_label_values(&[route]).observe(seconds);
        self.rate(route).count(self.begun.elapsed().as_secs());
    }

    /// Counts one recorded event.
    pub fn event(&self, kind: &str) {
        self.events.with_label_values(&[kind]).inc();
    }

    /// Sets one number of a model, for instance `version`.
    pub fn model(&self, model: &str, what: &str, value: u64) {
        self.models
            .with_label_values(&[model, what])
            .set(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// Sets one number of the event log, for instance `syncs`.
    pub fn log(&self, what: &str, value: u64) {
        self.log
            .with_label_values(&[what])
            .set(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// Sets one number of the sample log, for instance `dropped`.
    pub fn samples(&self, what: &str, value: u64) {
        self.samples
            .with_label_values(&[what])
            .set(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// Sets what was served of new items and of all others: places of lists, those kept for exploration, pairs of user and item
    /// that were shown, those acted upon.
    pub fn exposures(&self, counts: &Exposures) {
        for (items, served) in [("new", &counts.new), ("others", &counts.others)] {
            for (what, value) in [
                ("places", served.places),
                ("explored", served.explored),
                ("pairs", served.pairs),
                ("acted", served.acted),
            ] {
                self.exposures
                    .with_label_values(&[items, what])
                    .set(i64::try_from(value).unwrap_or(i64::MAX));
            }
        }
    }

    /// Sets the number of new items that are known by name.
    pub fn arrivals(&self, known: usize) {
        self.exposures
            .with_label_values(&["new", "known"])
            .set(i64::try_from(known).unwrap_or(i64::MAX));
    }

    /// Sets how many lists were answered by the stream (`asked`) or by an answer that was `kept`.
    pub fn arrival_searches(&self, by: &str, count: u64) {
        self.searches
            .with_label_values(&[by])
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Sets the numbers of a dictionary; `now` is microseconds UTC.
    pub fn dictionary(&self, kind: &str, status: &rankine_dict::Status, now: i64) {
        let age = if status.generation > 0 {
            now - status.loaded_at
        } else {
            0
        };
        let wide = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let counted = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for (what, value) in [
            ("generation", wide(status.generation)),
            ("age_seconds", age / 1_000_000),
            ("load_micros", wide(status.load_micros)),
            ("bytes", wide(status.bytes)),
            ("old_generations", counted(status.old_generations)),
            ("old_readers", counted(status.old_readers)),
            ("failures", wide(status.failures)),
        ] {
            self.dictionaries
                .with_label_values(&[kind, &status.name, what])
                .set(value);
        }
    }

    /// Everything in Prometheus' text form.
    ///
    /// # Errors
    /// What the encoder answers.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    /// Seconds since the start.
    pub fn uptime(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Every route asked for so far, by name.
    pub fn routes(&self) -> Vec<RouteStatus> {
        let rates = self.rates.read().unwrap_or_else(PoisonError::into_inner);
        rates
            .iter()
            .map(|(route, rate)| self.route(route, rate))
            .collect()
    }

    fn route(&self, route: &str, rate: &Rate) -> RouteStatus {
        let buckets = self.buckets(route);
        let of = |class: &str| self.requests.with_label_values(&[route, class]).get();
        RouteStatus {
            route: route.to_owned(),
            count: buckets.iter().map(|b| b.count).sum(),
            client_errors: of("4xx"),
            server_errors: of("5xx"),
            rate: rate.per_second(self.begun.elapsed().as_secs()),
            p50_ms: quantile(&buckets, 0.5),
            p99_ms: quantile(&buckets, 0.99),
            buckets,
        }
    }

    fn buckets(&self, route: &str) -> Vec<LatencyBucket> {
        let metric = self.latency.with_label_values(&[route]).metric();
        let histogram = metric.get_histogram();
        let mut before = 0;
        let mut bucket = |upper_ms: f64, cumulative: u64| {
            let count = cumulative.saturating_sub(before);
            before = cumulative;
            LatencyBucket { upper_ms, count }
        };
        let mut buckets: Vec<_> = histogram
            .get_bucket()
            .iter()
            .map(|b| bucket(b.upper_bound() * 1e3, b.cumulative_count()))
            .collect();
        buckets.push(bucket(f64::INFINITY, histogram.get_sample_count()));
        buckets
    }

    fn rate(&self, route: &str) -> Arc<Rate> {
        if let Some(rate) = self
            .rates
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(route)
        {
            return rate.clone();
        }
        self.rates
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(route.to_owned())
            .or_default()
            .clone()
    }
}

/// The middleware: counts every request with its route, status and time.
pub async fn measure(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let begun = Instant::now();
    let response = next.run(request).await;
    metrics.observe(
        route.as_deref().unwrap_or(NO_ROUTE),
        response.status(),
        begun.elapsed().as_secs_f64(),
    );
    response
}

/// `2xx`, `4xx` …
fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// The latency below which the share `q` of requests lies, interpolated within its bucket; the infinite bucket
/// counts as its lower bound.
fn quantile(buckets: &[LatencyBucket], q: f64) -> f64 {
    let total: u64 = buckets.iter().map(|b| b.count).sum();
    let wanted = q * total as f64;
    let (mut lower, mut before) = (0.0, 0.0);
    for bucket in buckets {
        let after = before + bucket.count as f64;
        if bucket.count > 0 && after >= wanted {
            let inside = (wanted - before) / bucket.count as f64;
            return if bucket.upper_ms.is_finite() {
                lower + inside * (bucket.upper_ms - lower)
            } else {
                lower
            };
        }
        (lower, before) = (bucket.upper_ms, after);
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_readers_see_the_same_counts() {
        let metrics = Metrics::new().unwrap();
        metrics.observe("/getmovie", StatusCode::OK, 0.0004);
        metrics.observe("/getmovie", StatusCode::NOT_FOUND, 0.0004);
        metrics.observe("/getmovie", StatusCode::OK, 9.0);
        let routes = metrics.routes();
        assert_eq!(
            (routes[0].count, routes[0].client_errors, routes[0].server_errors),
            (3, 1, 0)
        );
        assert_eq!(routes[0].buckets.first().unwrap().count, 2);
        assert_eq!(routes[0].buckets.last().unwrap().count, 1);
        let text = metrics.render().unwrap();
        assert!(
            text.contains("rankine_requests_total{class=\"2xx\",route=\"/getmovie\"} 2"),
            "{text}"
        );
        assert!(
            text.contains("rankine_request_seconds_count{route=\"/getmovie\"} 3"),
            "{text}"
        );
    }

    #[test]
    fn quantiles_are_interpolated() {
        let bucket = |upper_ms, count| LatencyBucket { upper_ms, count };
        let buckets = [bucket(1.0, 50), bucket(2.0, 50), bucket(f64::INFINITY, 0)];
        assert!((quantile(&buckets, 0.5) - 1.0).abs() < 1e-9);
        assert!((quantile(&buckets, 0.75) - 1.5).abs() < 1e-9);
        assert_eq!(quantile(&[], 0.5), 0.0);
        assert_eq!(quantile(&[bucket(1.0, 0), bucket(f64::INFINITY, 4)], 0.99), 1.0);
    }
}

//! Keeping up with the stream: a thread that asks now and then what is new, what has changed and what is gone.
//!
//! Recommendations do not wait for it: what a search finds first is asked for on the spot. The decision: asking is cheap while
//! nothing changes (the stream compares a mark), so it is done often enough for an edit to be seen within a moment.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;
use serde_json::json;

use super::client::Fault;
use super::{Arrivals, rows};
use crate::error::ServerError;

/// Longest sleep before the stop signal is looked at again.
const STEP: Duration = Duration::from_millis(20);

/// The thread; its drop ends it.
pub(crate) struct Polling {
    arrivals: Arc<Arrivals>,
    thread: Option<JoinHandle<()>>,
}

impl Polling {
    /// Begins to ask.
    ///
    /// # Errors
    /// [`ServerError::Part`]: no thread can be had.
    pub(crate) fn start(arrivals: Arc<Arrivals>) -> Result<Polling, ServerError> {
        let asking = arrivals.clone();
        let thread = std::thread::Builder::new()
            .name("arrivals".to_owned())
            .spawn(move || asking.keep_up())
            .map_err(|error| ServerError::part("arrivals", error))?;
        Ok(Polling {
            arrivals,
            thread: Some(thread),
        })
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.arrivals.stopping.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // its panic was printed by itself
            thread.join().ok();
        }
    }
}

impl Arrivals {
    fn keep_up(&self) {
        let period = Duration::from_millis(self.config.poll_ms);
        let mut told = None;
        while !self.stopping.load(Relaxed) {
            let fault = self.poll().err().map(|fault| fault.to_string());
            if fault != told {
                match &fault {
                    Some(reason) => tracing::warn!(reason, url = self.config.url, "no arrivals"),
                    None => tracing::info!(url = self.config.url, "arrivals come"),
                }
                told = fault;
            }
            let until = Instant::now() + period;
            while Instant::now() < until && !self.stopping.load(Relaxed) {
                std::thread::sleep(STEP.min(period));
            }
        }
    }

    /// Asks once. What is not told any more is gone.
    pub(super) fn poll(&self) -> Result<(), Fault> {
        let moved = self.poll_once();
        if !matches!(moved, Ok(false)) {
            self.kept.moved();
        }
        moved.map(|_| ())
    }

    /// Asks which version serves, and for nothing else: a list waits for the answer.
    pub(super) fn learn_version(&self) -> Result<(), Fault> {
        let answer = self.stream.post("/arrivals", &json!({"n": 0}))?;
        self.serves(&answer);
        Ok(())
    }

    fn serves(&self, answer: &serde_json::Value) {
        self.serving
            .store(answer["version"].as_u64().unwrap_or(0), Relaxed);
        self.hold();
    }

    /// Asks; whether anything has changed.
    fn poll_once(&self) -> Result<bool, Fault> {
        let known = self.mark.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let question = json!({"created_from": self.created_from(), "n": self.config.known, "mark": known});
        let answer = self.background.post("/arrivals", &question)?;
        self.serves(&answer);
        if answer["rows"].is_null() {
            return Ok(false);
        }
        let items = rows::items(&answer, &self.config);
        let told: FxHashSet<i64> = items.iter().map(|item| item.id).collect();
        let arrived = self.live.arrivals();
        let gone: Vec<i64> = arrived.keys().copied().filter(|id| !told.contains(id)).collect();
        self.introduce(items);
        if !gone.is_empty() {
            self.live.forget(&gone);
        }
        let mark = answer["mark"].as_str().map(str::to_owned);
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = mark;
        Ok(true)
    }

    /// Keeps the models at hand whose tower is of the version that serves.
    fn hold(&self) {
        let now = self.predictor.snapshot();
        if !self.config.model.is_empty() && self.version_of(&now) == Some(self.serving.load(Relaxed)) {
            self.held.store(Some(Arc::new(now)));
        }
    }
}

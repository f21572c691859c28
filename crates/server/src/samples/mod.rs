//! The sample log: of some questions, what was asked, what was extracted and what was answered, for training and for checks.
//!
//! Behind `/v1/predict` and gRPC `Predict`. The decisions: the features are those that were scored with (a tap in the question),
//! not computed again; a question is handed over in one piece to a bounded queue and a thread of its own writes Parquet, so a
//! slow disk costs lines of the log (counted) and never an answer.

mod writer;

use crate::config::SamplesConfig;
use crate::error::ServerError;
use rankine_predict::{Answer, Question, Tap, Tapped};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// What has become of sampled questions.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Rows in files.
    pub(crate) written: AtomicU64,
    /// Questions dropped because the queue was full.
    pub(crate) dropped: AtomicU64,
    /// Files that could not be written; their rows are lost.
    pub(crate) failed: AtomicU64,
}

/// A sampled question under way.
pub(crate) struct Sampled {
    request: i64,
    tap: Arc<Tap>,
}

impl Sampled {
    /// What the question is to carry.
    pub(crate) fn tap(&self) -> Arc<Tap> {
        Arc::clone(&self.tap)
    }
}

/// A question as it was answered.
struct Served {
    time: i64,
    request: i64,
    items: Vec<ServedItem>,
}

struct ServedItem {
    id: i64,
    tapped: Tapped,
    /// `model:version` and score.
    scores: Vec<(String, f32)>,
}

/// The log; its thread ends, and writes what it has, when it is dropped.
pub(crate) struct SampleLog {
    /// Questions of 2⁶⁴ that are sampled.
    threshold: u64,
    seen: AtomicU64,
    first: i64,
    queue: Option<SyncSender<Served>>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

impl SampleLog {
    /// Starts the log of a configuration; none where nothing is to be logged. `now` numbers the requests.
    ///
    /// # Errors
    /// [`ServerError`] where no thread starts.
    pub(crate) fn open(
        config: &SamplesConfig,
        home: &Path,
        now: i64,
    ) -> Result<Option<SampleLog>, ServerError> {
        if config.rate <= 0.0 {
            return Ok(None);
        }
        let (queue, served) = sync_channel(config.queue);
        let counts = Arc::new(Counts::default());
        let writer = writer::Writer::new(config, home, Arc::clone(&counts));
        let thread = std::thread::Builder::new().name("samples".to_owned());
        let thread = thread
            .spawn(move || writer.run(&served))
            .map_err(|e| ServerError::part("sample log", e))?;
        Ok(Some(SampleLog {
            threshold: threshold(config.rate),
            seen: AtomicU64::new(0),
            first: now,
            queue: Some(queue),
            counts,
            thread: Some(thread),
        }))
    }

    /// Decides whether a question is logged.
    pub(crate) fn sample(&self) -> Option<Sampled> {
        let number = self.seen.fetch_add(1, Ordering::Relaxed);
        (mixed(number) <= self.threshold).then(|| Sampled {
            request: self.first.wrapping_add(i64::try_from(number).unwrap_or(i64::MAX)),
            tap: Arc::default(),
        })
    }

    /// Hands an answered question over; never waits.
    pub(crate) fn keep(&self, sampled: &Sampled, time: i64, question: &Question, answer: &Answer) {
        let served = Served {
            time,
            request: sampled.request,
            items: items(&sampled.tap, question, answer),
        };
        let sent = self.queue.as_ref().map(|queue| queue.try_send(served));
        if !matches!(sent, Some(Ok(()))) {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What has become of what was sampled.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }
}

impl Drop for SampleLog {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // its panic was printed by itself
            thread.join().ok();
        }
    }
}

/// What was tapped, with the scores of the models of its conf; an item without any score is left out.
fn items(tap: &Tap, question: &Question, answer: &Answer) -> Vec<ServedItem> {
    let models: Vec<_> = answer
        .confs
        .iter()
        .flat_map(|conf| &conf.models)
        .filter_map(|model| Some((&model.model, model.outcome.as_ref().ok()?)))
        .collect();
    let item = |tapped: Tapped| {
        let hash = tapped.plan.hash();
        let own = models.iter().filter(|(_, scores)| scores.conf_hash == hash);
        let scores: Vec<(String, f32)> = own
            .filter_map(|(model, scores)| {
                let score = scores.scores.get(tapped.index)?.as_ref().ok()?;
                let base = model.split(':').next().unwrap_or(model);
                Some((format!("{base}:{}", scores.version), *score))
            })
            .collect();
        let id = question.items.get(tapped.index)?.id;
        (!scores.is_empty()).then_some(ServedItem { id, tapped, scores })
    };
    tap.take().into_iter().filter_map(item).collect()
}

/// The largest number that is sampled at a rate.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate of 0..1 of 2⁶⁴; the cast saturates"
)]
fn threshold(rate: f64) -> u64 {
    (rate.min(1.0) * u64::MAX as f64) as u64
}

/// SplitMix64 of a number (Steele, Lea and Flood 2014): the sample does not go with any rhythm of the requests.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(rate: f64, queue: usize, home: &Path) -> Option<SampleLog> {
        let config = SamplesConfig {
            rate,
            queue,
            ..SamplesConfig::default()
        };
        SampleLog::open(&config, home, 1_000).unwrap()
    }

    #[test]
    fn about_the_rate_is_sampled_and_nothing_at_zero() {
        let home = tempfile::tempdir().unwrap();
        assert!(log(0.0, 1, home.path()).is_none());
        let all = log(1.0, 1, home.path()).unwrap();
        assert!((0..1_000).all(|_| all.sample().is_some()));
        let some = log(0.1, 1, home.path()).unwrap();
        let count = (0..10_000).filter(|_| some.sample().is_some()).count();
        assert!((800..1_200).contains(&count), "{count}");
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let home = tempfile::tempdir().unwrap();
        let mut log = log(1.0, 1, home.path()).unwrap();
        // nobody takes from this queue
        let (queue, _kept) = sync_channel(1);
        drop(log.queue.replace(queue));
        let (question, answer) = (
            Question::default(),
            Answer {
                confs: Vec::new(),
                tasks: 0,
            },
        );
        for _ in 0..3 {
            let sampled = log.sample().unwrap();
            log.keep(&sampled, 0, &question, &answer);
        }
        assert_eq!(log.counts().dropped.load(Ordering::Relaxed), 2);
    }
}

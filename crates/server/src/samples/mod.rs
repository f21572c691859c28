//! The sample log: of some questions, what was asked, what was extracted and what was answered, for training and for checks.
//!
//! Behind `/v1/predict` and gRPC `Predict`. The decisions: the features are those that were scored with (a tap in the question),
//! not computed again; a question is handed over in one piece to a bounded queue and a thread of its own writes Parquet, so a
//! slow disk costs lines of the log (counted) and never an answer; the queue and the rows that wait for their file share one
//! budget of bytes.

mod budget;
mod writer;

use crate::config::SamplesConfig;
use crate::error::ServerError;
use budget::{Budget, Share};
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
    /// Questions dropped because the queue or its memory was full.
    pub(crate) dropped: AtomicU64,
    /// Items of sampled questions that are not logged because no model scored them.
    pub(crate) unscored: AtomicU64,
    /// Files that could not be written, and rows that fit no file; they are lost.
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
    /// Its part of the memory; empty until the question is let in.
    share: Share,
}

/// The log; its thread ends, and writes what it has, when it is dropped.
pub(crate) struct SampleLog {
    /// Questions of 2⁶⁴ that are sampled.
    threshold: u64,
    seen: AtomicU64,
    first: i64,
    queue: Option<SyncSender<Served>>,
    budget: Arc<Budget>,
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
        let budget = Arc::new(Budget::new(config.memory_mb.saturating_mul(1 << 20)));
        let writer = writer::Writer::new(config, home, (Arc::clone(&counts), Arc::clone(&budget)));
        let thread = std::thread::Builder::new().name("samples".to_owned());
        let thread = thread
            .spawn(move || writer.run(&served))
            .map_err(|e| ServerError::part("sample log", e))?;
        Ok(Some(SampleLog {
            threshold: threshold(config.rate),
            seen: AtomicU64::new(0),
            first: now,
            queue: Some(queue),
            budget,
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
        let (mut items, unscored) = items(&sampled.tap, question, answer);
        self.counts.unscored.fetch_add(unscored, Ordering::Relaxed);
        let admitted = self.budget.admit(&mut items);
        let served = Served {
            time,
            request: sampled.request,
            items,
        };
        let sent = self.queue.as_ref().filter(|_| admitted);
        let sent = sent.map(|queue| queue.try_send(served));
        if !matches!(sent, Some(Ok(()))) {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Bytes that wait for their file.
    pub(crate) fn bytes(&self) -> u64 {
        self.budget.used()
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

/// What was tapped, with the scores of the models of its conf; and how many items were left out for want of any.
fn items(tap: &Tap, question: &Question, answer: &Answer) -> (Vec<ServedItem>, u64) {
    let models: Vec<_> = answer
        .confs
        .iter()
        .flat_map(|conf| &conf.models)
        .filter_map(|model| Some((&model.model, model.outcome.as_ref().ok()?)))
        .collect();
    let item = |tapped: Tapped| {
        let own = models
            .iter()
            .filter(|(_, scores)| scores.conf_hash == tapped.conf_hash);
        let scores: Vec<(String, f32)> = own
            .filter_map(|(model, scores)| {
                let score = scores.scores.get(tapped.index)?.as_ref().ok()?;
                let base = model.split(':').next().unwrap_or(model);
                Some((format!("{base}:{}", scores.version), *score))
            })
            .collect();
        let id = question.items.get(tapped.index)?.id;
        (!scores.is_empty()).then(|| ServedItem {
            id,
            tapped,
            scores,
            share: Share::default(),
        })
    };
    let tapped = tap.take();
    let all = tapped.len();
    let kept: Vec<ServedItem> = tapped.into_iter().filter_map(item).collect();
    let unscored = (all - kept.len()) as u64;
    (kept, unscored)
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
    use rankine_predict::{ConfAnswer, ModelAnswer, ModelScores, QuestionItem};

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

    /// A question about items of one text field, and what became of them; `hash` is the answer's.
    fn asked(items: usize, bytes: usize, hash: &str) -> (Question, Answer, Arc<Tap>) {
        let conf = "format = 1\nname = \"c\"\nschema.item = [{ name = \"text\", type = \"string\" }]\n\
            feature = [{ name = \"f\", class = \"id\", slot = 1, depend = [\"text\"] }]";
        let plan = Arc::new(rankine_feature::Plan::compile(conf, "c.toml", None).unwrap());
        let tap = Arc::new(Tap::default());
        for index in 0..items {
            let text = rankine_feature::Value::str(&"x".repeat(bytes));
            tap.put(Tapped {
                index,
                conf_hash: "c0".to_owned(),
                plan: Arc::clone(&plan),
                sides: [vec![], vec![text], vec![]],
                bytes: vec![1, 0, 0, 0, 0, 0, 0, 0, 0],
            });
        }
        let outcome = Ok(ModelScores {
            version: 3,
            conf_hash: hash.to_owned(),
            scores: vec![Ok(0.5); items],
        });
        let model = ModelAnswer {
            model: "m".to_owned(),
            outcome,
        };
        let confs = vec![ConfAnswer {
            conf: "c".to_owned(),
            models: vec![model],
        }];
        let question = Question {
            items: vec![QuestionItem::default(); items],
            ..Question::default()
        };
        (question, Answer { confs, tasks: 1 }, tap)
    }

    fn kept(log: &SampleLog, items: usize, bytes: usize) {
        let (question, answer, tap) = asked(items, bytes, "c0");
        log.keep(&Sampled { request: 1, tap }, 0, &question, &answer);
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let home = tempfile::tempdir().unwrap();
        let mut log = log(1.0, 1, home.path()).unwrap();
        // nobody takes from this queue
        let (queue, waiting) = sync_channel(1);
        drop(log.queue.replace(queue));
        (0..3).for_each(|_| kept(&log, 1, 10));
        assert_eq!(log.counts().dropped.load(Ordering::Relaxed), 2);
        let one = log.bytes();
        drop(waiting);
        assert!(
            one > 10 && log.bytes() == 0,
            "what is dropped gives its bytes back"
        );
    }

    #[test]
    fn questions_beyond_the_memory_are_dropped_and_counted() {
        let home = tempfile::tempdir().unwrap();
        let mut log = log(1.0, 1_000, home.path()).unwrap();
        let (queue, waiting) = sync_channel(1_000);
        drop(log.queue.replace(queue));
        log.budget = Arc::new(Budget::new(1 << 20));
        (0..20).for_each(|_| kept(&log, 2, 100_000));
        assert_eq!(log.counts().dropped.load(Ordering::Relaxed), 15);
        assert!((1_000_000..=1 << 20).contains(&log.bytes()), "{}", log.bytes());
        drop(waiting);
        assert_eq!(log.bytes(), 0);
        kept(&log, 11, 100_000);
        assert_eq!(
            log.counts().dropped.load(Ordering::Relaxed),
            16,
            "larger than all of it"
        );
    }

    #[test]
    fn items_without_a_score_of_their_conf_are_counted() {
        let home = tempfile::tempdir().unwrap();
        let log = log(1.0, 10, home.path()).unwrap();
        let (question, answer, tap) = asked(3, 1, "other");
        log.keep(&Sampled { request: 1, tap }, 0, &question, &answer);
        assert_eq!(log.counts().unscored.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn the_writer_gives_bytes_back_when_it_holds_half_of_them() {
        let home = tempfile::tempdir().unwrap();
        let config = SamplesConfig {
            rate: 1.0,
            memory_mb: 1,
            flush_s: 3_600,
            ..SamplesConfig::default()
        };
        let log = SampleLog::open(&config, home.path(), 1).unwrap().unwrap();
        for _ in 0..40 {
            // a queue that is written in time never drops
            while log.bytes() > 700_000 {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            kept(&log, 1, 100_000);
        }
        let counts = Arc::clone(&log.counts);
        drop(log);
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        assert_eq!(
            (get(&counts.written), get(&counts.dropped), get(&counts.failed)),
            (40, 0, 0)
        );
    }
}

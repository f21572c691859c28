//! From question to answer: prepare, cut, work, merge.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use super::admit::Permit;
use super::answer::{Answer, ConfAnswer, ItemScore, ModelAnswer, ModelScores};
use super::cut;
use super::extract::{self, ConfSlots};
use super::prepare::{Prepared, prepare};
use super::question::Question;
use super::task::{Job, TaskScores};
use crate::error::PredictError;
use crate::predictor::Predictor;
use crate::rows::FeatureRows;
use crate::snapshot::Snapshot;

impl Predictor {
    /// A place among the requests under way; take it before queueing anything, hold it to the end of the work.
    ///
    /// # Errors
    /// `Overloaded`.
    pub fn permit(&self) -> Result<Permit, PredictError> {
        let (_, permits) = self.gate.load();
        self.gate.admit().map_err(|_| self.refusal(permits))
    }

    /// The refusal of one request more than `permits`, for callers with a bound of their own: it says when to come back.
    #[must_use]
    pub fn refusal(&self, permits: usize) -> PredictError {
        PredictError::overloaded(permits, self.gate.patience())
    }

    /// Requests under way and permitted.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        self.gate.load()
    }

    /// Runs `work` on the scoring pool, later; for callers that must not block. Take a permit first.
    pub fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.pool.spawn(work);
    }

    /// Answers a question on a snapshot taken now.
    ///
    /// # Errors
    /// `Overloaded`, and as [`Predictor::ask_on`].
    pub fn ask(&self, question: &Question) -> Result<Answer, PredictError> {
        let _permit = self.permit()?;
        self.ask_on(&self.snapshot(), question)
    }

    /// Answers a question on the given snapshot, under a permit the caller holds. Blocks until all is scored.
    ///
    /// # Errors
    /// `Question`, `Deadline`, `Cancelled`, and `Overloaded` where every model is busy.
    pub fn ask_on(&self, snapshot: &Snapshot, question: &Question) -> Result<Answer, PredictError> {
        let prepared = prepare(snapshot, question)?;
        let job = Job {
            question,
            groups: &prepared.groups,
            rows: item_rows(snapshot, question)?,
            pads: &self.pads,
        };
        let size = cut::task(
            self.question_task,
            question.items.len(),
            prepared.models(),
            self.pool.current_num_threads(),
        );
        let tasks = self.work(&job, size)?;
        Ok(merge(&prepared, question, tasks))
    }

    /// What models would read of every item; for parity tests and for looking at a request.
    ///
    /// # Errors
    /// As [`Predictor::ask_on`].
    pub fn extract_on(
        &self,
        snapshot: &Snapshot,
        question: &Question,
    ) -> Result<Vec<ConfSlots>, PredictError> {
        extract::extract(snapshot, question, item_rows(snapshot, question)?)
    }

    /// The results of all tasks, in order.
    fn work(&self, job: &Job<'_>, size: usize) -> Result<Vec<TaskScores>, PredictError> {
        let items = job.question.items.len();
        let done = AtomicUsize::new(0);
        let task = |first: usize| {
            in_time(job.question, &done)?;
            let range = first..items.min(first + size);
            let scores = job.run(range.clone());
            done.fetch_add(range.len(), Ordering::Relaxed);
            Ok(scores)
        };
        if items <= size {
            return Ok(vec![task(0)?]);
        }
        let tasks = (0..items.div_ceil(size)).into_par_iter().with_max_len(1);
        self.pool.install(|| tasks.map(|t| task(t * size)).collect())
    }
}

/// Whether somebody still waits for the answer.
pub(super) fn in_time(question: &Question, done: &AtomicUsize) -> Result<(), PredictError> {
    if question.cancel.is_cancelled() {
        return Err(PredictError::Cancelled);
    }
    if question
        .deadline
        .is_some_and(|deadline| Instant::now() >= deadline)
    {
        return Err(PredictError::Deadline {
            scored: done.load(Ordering::Relaxed),
            items: question.items.len(),
        });
    }
    Ok(())
}

/// What completes the items: the item dictionary, else the question's rows.
fn item_rows<'a>(
    snapshot: &'a Snapshot,
    question: &'a Question,
) -> Result<Option<&'a dyn FeatureRows>, PredictError> {
    let items = snapshot.dictionaries().items(&question.item_dictionary);
    let items = items.map_err(|message| PredictError::Question {
        place: "item_dictionary".to_owned(),
        message,
    })?;
    Ok(match items {
        Some(items) => Some(items),
        None => question.rows.as_deref().map(|rows| rows as &dyn FeatureRows),
    })
}

/// Results by task become results by conf and model, items in request order.
fn merge(prepared: &Prepared<'_>, question: &Question, tasks: Vec<TaskScores>) -> Answer {
    let count = tasks.len();
    let mut merged: Vec<Vec<Vec<ItemScore>>> = Vec::new();
    for scores in tasks {
        if merged.is_empty() {
            merged = scores;
            continue;
        }
        let models = merged.iter_mut().flatten().zip(scores.into_iter().flatten());
        models.for_each(|(all, more)| all.extend(more));
    }
    let mut model = |asked: &String, place: &super::prepare::Place| ModelAnswer {
        model: asked.clone(),
        outcome: place.clone().map(|seat| ModelScores {
            version: seat.version,
            conf_hash: prepared.groups[seat.group].conf.hash.clone(),
            scores: std::mem::take(&mut merged[seat.group][seat.member]),
        }),
    };
    let confs = question
        .asks
        .iter()
        .zip(&prepared.places)
        .map(|(ask, places)| ConfAnswer {
            conf: ask.conf.clone(),
            models: ask
                .models
                .iter()
                .zip(places)
                .map(|(asked, place)| model(asked, place))
                .collect(),
        });
    Answer {
        confs: confs.collect(),
        tasks: count,
    }
}

//! Scoring one request on one generation: common part once, item parts from the cache or computed, cross per candidate.
//!
//! The decision here: each item is scored by itself and in a fixed order of sums, so how items are cut into tasks,
//! which of them were cached and which thread took them cannot change a bit. A fault of one item, a panic too, is
//! caught around that item alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rankine_feature::{Group, Part, Rows, Scratch, SlotKind, Value};
use rankine_model::{Hidden, ScoreScratch};
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::error::PredictError;
use crate::model::{Engine, Scoring};
use crate::project::Misfit;
use crate::request::{ItemFault, ItemInput, Request};

/// One item's share of a score: everything that rests on its row alone.
#[derive(Default)]
pub(crate) struct ItemPart {
    values: Vec<Value>,
    part: Part,
    hidden: Hidden,
}

/// Memory that tasks reuse.
#[derive(Default)]
pub(crate) struct Scratchpad {
    features: Scratch,
    score: ScoreScratch,
    /// Parts of items that are not cached, one per place in the task.
    own: Vec<ItemPart>,
    /// Cross parts, one per place in the task.
    crosses: Vec<Part>,
}

/// An item whose parts are ready.
struct Ready {
    /// Its place in the task.
    place: usize,
    /// Its part where cached; else the scratchpad has it.
    kept: Option<Arc<ItemPart>>,
}

/// The request's share of every score.
#[derive(Default)]
struct Common {
    user: Vec<Value>,
    context: Vec<Value>,
    part: Part,
    hidden: Hidden,
}

/// Scores and faults, or a failure of the whole request.
pub(crate) type Scored = (Vec<f32>, Vec<ItemFault>);

/// Scores all items of a request in tasks of `task` items; a request of one task stays on this thread.
///
/// # Errors
/// `Input`, `Common`, `Deadline`.
pub(crate) fn score(
    engine: Engine<'_>,
    request: &Request,
    pool: &ThreadPool,
    task: usize,
) -> Result<Scored, PredictError> {
    let common = Common::of(engine, request)?;
    let job = Job {
        engine,
        common: &common,
        deadline: request.deadline,
        scored: AtomicUsize::new(0),
    };
    let mut scores = vec![f32::NAN; request.items.len()];
    let mut faults = if request.items.len() <= task {
        job.run(0, &request.items, &mut scores)
    } else {
        let tasks = scores
            .par_chunks_mut(task)
            .zip(request.items.par_chunks(task))
            .enumerate();
        pool.install(|| {
            tasks
                .flat_map_iter(|(i, (out, items))| job.run(i * task, items, out))
                .collect()
        })
    };
    let (scored, items) = (job.scored.into_inner(), request.items.len());
    if scored < items {
        return Err(PredictError::Deadline { scored, items });
    }
    faults.sort_by_key(|fault| fault.index);
    Ok((scores, faults))
}

impl Common {
    fn of(engine: Engine<'_>, request: &Request) -> Result<Self, PredictError> {
        let scoring = engine.scoring;
        let mut common = Self::default();
        scoring
            .user
            .project(&request.user, &mut common.user)
            .map_err(|m| input("user", &m))?;
        scoring
            .context
            .project(&request.context, &mut common.context)
            .map_err(|m| input("context", &m))?;
        let fill = || scoring.with_pad(|pad| common.fill(engine, pad));
        match catch_unwind(AssertUnwindSafe(fill)) {
            Ok(()) => Ok(common),
            Err(_) => Err(PredictError::Common {
                model: request.model.clone(),
                message: "internal fault while extracting".to_owned(),
            }),
        }
    }

    fn fill(&mut self, engine: Engine<'_>, pad: &mut Scratchpad) {
        engine
            .scoring
            .plan
            .common(&self.user, &self.context, &mut pad.features, &mut self.part);
        engine.scorer.common(&self.part, &mut self.hidden);
    }
}

fn input(side: &'static str, misfit: &Misfit) -> PredictError {
    PredictError::Input {
        side,
        field: misfit.field.to_string(),
        expected: misfit.expected.to_string(),
        got: misfit.got.clone(),
    }
}

/// One request under way.
struct Job<'a> {
    engine: Engine<'a>,
    common: &'a Common,
    deadline: Option<Instant>,
    scored: AtomicUsize,
}

impl Job<'_> {
    /// Scores a task whose first item is number `first`, unless the deadline has passed.
    fn run(&self, first: usize, items: &[ItemInput], out: &mut [f32]) -> Vec<ItemFault> {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Vec::new();
        }
        let mut faults = Vec::new();
        let fault = |place: usize, message| ItemFault {
            index: first + place,
            id: items[place].id,
            message,
        };
        self.engine.scoring.with_pad(|pad| {
            let mut ready = Vec::with_capacity(items.len());
            for (place, item) in items.iter().enumerate() {
                match self.guarded(place, item, pad) {
                    Ok(kept) => ready.push(Ready { place, kept }),
                    Err(message) => faults.push(fault(place, message)),
                }
            }
            for (item, score) in ready.iter().zip(self.scores(&ready, pad)) {
                if score.is_finite() {
                    out[item.place] = score;
                } else {
                    faults.push(fault(
                        item.place,
                        format!("score is {score}, not a finite number"),
                    ));
                }
            }
        });
        self.scored.fetch_add(items.len(), Ordering::Relaxed);
        faults
    }

    /// Makes an item's parts; a panic costs this item its score and the scratch memory its content.
    fn guarded(
        &self,
        place: usize,
        item: &ItemInput,
        pad: &mut Scratchpad,
    ) -> Result<Option<Arc<ItemPart>>, String> {
        if pad.own.len() <= place {
            pad.own.resize_with(place + 1, ItemPart::default);
            pad.crosses.resize_with(place + 1, Part::default);
        }
        catch_unwind(AssertUnwindSafe(|| self.prepare(place, item, pad))).unwrap_or_else(|_| {
            pad.features = Scratch::default();
            pad.own[place] = ItemPart::default();
            pad.crosses[place] = Part::default();
            Err("internal fault while extracting".to_owned())
        })
    }

    fn prepare(
        &self,
        place: usize,
        item: &ItemInput,
        pad: &mut Scratchpad,
    ) -> Result<Option<Arc<ItemPart>>, String> {
        let kept = if item.version == 0 {
            self.fill(item, &mut pad.own[place], &mut pad.features)?;
            None
        } else {
            Some(self.cached(item, &mut pad.features)?)
        };
        if self.engine.scorer.has_cross() {
            let item = kept.as_deref().unwrap_or(&pad.own[place]);
            let rows = Rows {
                user: &self.common.user,
                item: &item.values,
                context: &self.common.context,
            };
            let plan = &self.engine.scoring.plan;
            plan.cross(
                rows,
                &self.common.part,
                &item.part,
                &mut pad.features,
                &mut pad.crosses[place],
            );
        }
        Ok(kept)
    }

    fn cached(&self, item: &ItemInput, features: &mut Scratch) -> Result<Arc<ItemPart>, String> {
        if let Some(part) = self.engine.scoring.cache.get(item.id, item.version) {
            return Ok(part);
        }
        let mut part = ItemPart::default();
        self.fill(item, &mut part, features)?;
        let bytes = part.bytes(self.engine.scoring);
        let part = Arc::new(part);
        self.engine
            .scoring
            .cache
            .put(item.id, item.version, Arc::clone(&part), bytes);
        Ok(part)
    }

    fn fill(&self, item: &ItemInput, part: &mut ItemPart, features: &mut Scratch) -> Result<(), String> {
        self.engine
            .scoring
            .item
            .project(&item.row, &mut part.values)
            .map_err(|misfit| misfit.to_string())?;
        self.engine
            .scoring
            .plan
            .item(&part.values, features, &mut part.part);
        self.engine.scorer.item(&part.part, &mut part.hidden);
        Ok(())
    }

    /// One score per ready item; all at once, and one by one where that panicked (NaN for the culprit).
    fn scores(&self, ready: &[Ready], pad: &mut Scratchpad) -> Vec<f32> {
        let Scratchpad {
            score: scratch,
            own,
            crosses,
            ..
        } = pad;
        let parts = ready
            .iter()
            .map(|item| item.kept.as_deref().unwrap_or(&own[item.place]));
        let items: Vec<&Hidden> = parts.map(|part| &part.hidden).collect();
        let (scorer, common) = (self.engine.scorer, &self.common.hidden);
        let mut scores = vec![f32::NAN; ready.len()];
        let cross = |i: usize| &crosses[ready[i].place];
        let all = || scorer.score_many(common, &items, &cross, scratch, &mut scores);
        if catch_unwind(AssertUnwindSafe(all)).is_err() {
            for (i, score) in scores.iter_mut().enumerate() {
                let one = || scorer.score(common, items[i], cross(i), &mut ScoreScratch::default());
                *score = catch_unwind(AssertUnwindSafe(one)).unwrap_or(f32::NAN);
            }
        }
        scores
    }
}

impl ItemPart {
    /// About how much memory the part takes.
    fn bytes(&self, scoring: &Scoring) -> usize {
        let slots = scoring
            .plan
            .slots()
            .iter()
            .filter(|slot| slot.group == Group::Item);
        let features: usize = slots
            .map(|slot| match slot.kind {
                SlotKind::Sparse => 8 + 12 * self.part.sparse(slot.index).0.len(),
                SlotKind::Dense(width) => 4 * width,
            })
            .sum();
        let values: usize = self.values.iter().map(value_bytes).sum();
        size_of::<Self>() + self.hidden.bytes() + features + values
    }
}

/// A value's size; shared text and lists are counted as if they were the part's own.
fn value_bytes(value: &Value) -> usize {
    let beyond = match value {
        Value::Missing | Value::Int(_) | Value::Float(_) | Value::Time(_) | Value::Bool(_) => 0,
        Value::Str(text) => text.len(),
        Value::Ints(list) => 8 * list.len(),
        Value::Floats(list) => 8 * list.len(),
        Value::Strs(list) => list.iter().map(|text| 32 + text.len()).sum(),
        Value::Weighted(list) => list.iter().map(|(text, _)| 40 + text.len()).sum(),
        Value::Vector(list) => 4 * list.len(),
    };
    size_of::<Value>() + beyond
}

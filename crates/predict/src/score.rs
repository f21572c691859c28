//! Scoring one request on one generation: common part once, item parts from the cache or computed, cross per candidate.
//!
//! The decision here: each item is scored by itself and in a fixed order of sums, so how items are cut into tasks,
//! which of them were cached and which thread took them cannot change a bit. A fault of one item, a panic too, is
//! caught around that item alone.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rankine_feature::{Group, Part, Rows, Scratch, SlotKind, Value};
use rankine_model::{Hidden, ScoreScratch};
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::cache::{Fresh, Shelf};
use crate::conf::Bound;
use crate::error::PredictError;
use crate::items::Items;
use crate::made;
use crate::model::{Engine, Scoring};
use crate::project::Misfit;
use crate::request::{ItemFault, Request};

/// One item's values and features: what its share of a score is made of, whichever model makes it.
#[derive(Default)]
pub(crate) struct Extracted {
    pub(crate) values: Vec<Value>,
    pub(crate) part: Part,
}

/// One item's share of a score: everything that rests on its row alone.
#[derive(Default)]
pub(crate) struct ItemPart {
    pub(crate) features: Extracted,
    pub(crate) hidden: Hidden,
}

/// A share that is kept. Its features are shared with the next version of the model.
pub(crate) struct KeptPart {
    pub(crate) features: Arc<Extracted>,
    pub(crate) hidden: Hidden,
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
    /// The items whose parts are ready.
    ready: Vec<Ready>,
    /// Their scores.
    scores: Vec<f32>,
    /// Places of the items whose features are extracted and whose parts are to be made.
    missing: Vec<usize>,
    /// The parts made.
    made: Vec<Hidden>,
    /// Parts in `own` that are to be kept: id, row version, place.
    fresh: Vec<(i64, u64, usize)>,
}

/// An item whose parts are ready.
#[derive(Clone, Copy)]
struct Ready {
    /// Its place in the task.
    place: usize,
    /// Where its part is.
    part: At,
}

/// Where an item's part is.
#[derive(Clone, Copy)]
enum At {
    /// At this place of the cache's shelf.
    Shelf(usize),
    /// In the scratchpad, at the item's place in the task.
    Own,
}

/// The request's share of every score.
#[derive(Default)]
pub(crate) struct Common {
    user: Vec<Value>,
    context: Vec<Value>,
    features: Scratch,
    part: Part,
    hidden: Hidden,
}

/// Scores and faults, or a failure of the whole request.
pub(crate) type Scored = (Vec<f32>, Vec<ItemFault>);

/// The threads to score on, and how many items one task has.
#[derive(Clone, Copy)]
pub(crate) struct Tasks<'a> {
    /// Used for requests of more than one task.
    pub(crate) pool: &'a ThreadPool,
    /// Items per task.
    pub(crate) size: usize,
}

/// Scores items for a request's user and context, in tasks; a request of one task stays on this thread.
///
/// # Errors
/// `Input`, `Common`, `Deadline`.
pub(crate) fn score(
    (engine, bound): (Engine<'_>, &Bound),
    request: &Request,
    items: &dyn Items,
    tasks: Tasks<'_>,
) -> Result<Scored, PredictError> {
    engine.scoring.commons.with(|common| {
        common.extract((engine, bound), request)?;
        let job = Job {
            engine,
            bound,
            common,
            items,
            deadline: request.deadline,
            scored: AtomicUsize::new(0),
        };
        job.all(tasks)
    })
}

impl Common {
    fn extract(
        &mut self,
        (engine, bound): (Engine<'_>, &Bound),
        request: &Request,
    ) -> Result<(), PredictError> {
        let scoring = engine.scoring;
        scoring
            .user
            .project(&request.user, &mut self.user)
            .map_err(|m| input("user", &m))?;
        scoring
            .context
            .project(&request.context, &mut self.context)
            .map_err(|m| input("context", &m))?;
        catch_unwind(AssertUnwindSafe(|| self.fill(engine, bound))).map_err(|_| {
            *self = Self::default();
            PredictError::Common {
                model: request.model.clone(),
                message: "internal fault while extracting".to_owned(),
            }
        })
    }

    fn fill(&mut self, engine: Engine<'_>, bound: &Bound) {
        let plan = &bound.plan;
        plan.common(&self.user, &self.context, &mut self.features, &mut self.part);
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
    /// Its plan over one generation of every dictionary.
    bound: &'a Bound,
    common: &'a Common,
    items: &'a dyn Items,
    deadline: Option<Instant>,
    scored: AtomicUsize,
}

impl Job<'_> {
    fn all(self, tasks: Tasks<'_>) -> Result<Scored, PredictError> {
        let (items, size) = (self.items.len(), tasks.size);
        let mut scores = vec![f32::NAN; items];
        let mut faults = if items <= size {
            self.run(0..items, &mut scores)
        } else {
            let task = |(i, out): (usize, &mut [f32])| self.run(i * size..i * size + out.len(), out);
            let cut = scores.par_chunks_mut(size).enumerate();
            tasks.pool.install(|| cut.flat_map_iter(task).collect())
        };
        let scored = self.scored.into_inner();
        if scored < items {
            return Err(PredictError::Deadline { scored, items });
        }
        faults.sort_by_key(|fault| fault.index);
        Ok((scores, faults))
    }

    /// Scores a task, the items of `range`, unless the deadline has passed.
    fn run(&self, range: Range<usize>, out: &mut [f32]) -> Vec<ItemFault> {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Vec::new();
        }
        let mut faults = Vec::new();
        let scoring = self.engine.scoring;
        scoring.pads.with(|pad| {
            self.task(range.start, out, pad, &mut faults);
            let Scratchpad { fresh, own, .. } = pad;
            scoring.cache.put(fresh.drain(..).map(|(id, version, place)| {
                Fresh::of((id, version), std::mem::take(&mut own[place]).kept(), scoring)
            }));
        });
        self.scored.fetch_add(out.len(), Ordering::Relaxed);
        faults
    }

    /// Scores as many items as `out` has places, from number `first` on.
    fn task(&self, first: usize, out: &mut [f32], pad: &mut Scratchpad, faults: &mut Vec<ItemFault>) {
        let mut fault = |place: usize, message| {
            faults.push(ItemFault {
                index: first + place,
                id: self.items.key(first + place).id,
                message,
            });
        };
        let shelf = self.engine.scoring.cache.read();
        pad.make_room(out.len());
        // First all look-ups, short and independent of each other, so that their memory comes at the same time.
        for place in 0..out.len() {
            match self.find(first + place, place, &shelf, pad) {
                Ok(part) => pad.ready.push(Ready { place, part }),
                Err(message) => fault(place, message),
            }
        }
        if !self.anew(pad) {
            self.make(pad, &mut fault);
            if self.engine.scorer.has_cross() {
                self.crosses(&shelf, pad, &mut fault);
            }
            self.scores(&shelf, pad);
        }
        for (item, score) in pad.ready.iter().zip(&pad.scores) {
            if score.is_finite() {
                out[item.place] = *score;
            } else {
                fault(item.place, format!("score is {score}, not a finite number"));
            }
        }
    }

    /// Finds an item's part, or extracts what it is made of.
    fn find(
        &self,
        index: usize,
        place: usize,
        shelf: &Shelf<KeptPart>,
        pad: &mut Scratchpad,
    ) -> Result<At, String> {
        let key = self.items.key(index);
        if !self.items.overridden(index) && self.engine.stored(key.id, &mut pad.own[place].hidden) {
            return Ok(At::Own);
        }
        let wanted = self.bound.version(key.version);
        let kept = (wanted != 0).then(|| shelf.find(key.id, wanted));
        if let Some(at) = kept.flatten() {
            shelf.part(at).features.part.touch();
            return Ok(At::Shelf(at));
        }
        let version = guarded(|| self.fill(index, &mut pad.own[place], &mut pad.features))
            .unwrap_or_else(|| Err(pad.forget(place)))?;
        if version != 0 && self.engine.scoring.cache.keeps() {
            pad.fresh.push((key.id, self.bound.version(version), place));
        }
        pad.missing.push(place);
        Ok(At::Own)
    }

    /// Scores a task of which no item has a part or is to keep one, without making any; false, and nothing is done, for
    /// other tasks and models.
    fn anew(&self, pad: &mut Scratchpad) -> bool {
        // what is ready and not missing has its part
        if pad.ready.len() != pad.missing.len() || !pad.fresh.is_empty() {
            return false;
        }
        let (own, missing) = (&pad.own, &pad.missing);
        let part = |i: usize| &own[missing[i]].features.part;
        pad.scores.clear();
        pad.scores.resize(missing.len(), f32::NAN);
        let (scorer, common) = (self.engine.scorer, &self.common.hidden);
        made::score_anew(scorer, common, &part, &mut pad.score, &mut pad.scores)
    }

    /// Makes the parts of all items that were not kept; one that panics is ready no more.
    fn make(&self, pad: &mut Scratchpad, fault: &mut dyn FnMut(usize, String)) {
        let missing = std::mem::take(&mut pad.missing);
        if pad.made.len() < missing.len() {
            pad.made.resize_with(missing.len(), Hidden::default);
        }
        let (own, made) = (&pad.own, &mut pad.made[..missing.len()]);
        let part = |i: usize| &own[missing[i]].features.part;
        let broken = made::make(self.engine.scorer, &part, &mut pad.score, made);
        for (place, hidden) in missing.iter().zip(&mut pad.made) {
            std::mem::swap(&mut pad.own[*place].hidden, hidden);
        }
        for place in broken.into_iter().map(|i| missing[i]) {
            fault(place, pad.forget(place));
            pad.ready.retain(|ready| ready.place != place);
        }
        pad.missing = missing;
    }

    /// Makes the cross parts of all ready items; one that panics is ready no more.
    fn crosses(&self, shelf: &Shelf<KeptPart>, pad: &mut Scratchpad, fault: &mut dyn FnMut(usize, String)) {
        let mut ready = std::mem::take(&mut pad.ready);
        ready.retain(|item| {
            let done = guarded(|| self.cross(*item, shelf, pad)).is_some();
            if !done {
                fault(item.place, pad.forget(item.place));
            }
            done
        });
        pad.ready = ready;
    }

    fn cross(&self, item: Ready, shelf: &Shelf<KeptPart>, pad: &mut Scratchpad) {
        let (features, _) = item.part.part(shelf, &pad.own, item.place);
        let rows = Rows {
            user: &self.common.user,
            item: &features.values,
            context: &self.common.context,
        };
        let (plan, common) = (&self.bound.plan, &self.common.part);
        let cross = &mut pad.crosses[item.place];
        plan.cross(rows, common, &features.part, &mut pad.features, cross);
    }

    /// Extracts an item's features from its row; returns the row's version.
    fn fill(&self, index: usize, part: &mut ItemPart, features: &mut Scratch) -> Result<u64, String> {
        let scoring = self.engine.scoring;
        let (row, version) = self.items.row(index);
        let Extracted { values, part } = &mut part.features;
        let projected = scoring.item.project(&row, values);
        projected.map_err(|misfit| misfit.to_string())?;
        self.bound.plan.item(values, features, part);
        Ok(version)
    }

    /// One score per ready item; all at once, and one by one where that panicked (NaN for the culprit).
    fn scores(&self, shelf: &Shelf<KeptPart>, pad: &mut Scratchpad) {
        let Scratchpad {
            score: scratch,
            own,
            crosses,
            ready,
            scores,
            ..
        } = pad;
        let candidate = |i: usize| {
            let Ready { place, part } = ready[i];
            (part.part(shelf, own, place).1, &crosses[place])
        };
        scores.clear();
        scores.resize(ready.len(), f32::NAN);
        made::score(
            self.engine.judge(),
            &self.common.hidden,
            &candidate,
            scratch,
            scores,
        );
    }
}

/// Runs work whose panic costs one item its score; `None` where it panicked.
fn guarded<R>(work: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

impl At {
    fn part<'a>(
        self,
        shelf: &'a Shelf<KeptPart>,
        own: &'a [ItemPart],
        place: usize,
    ) -> (&'a Extracted, &'a Hidden) {
        match self {
            At::Shelf(at) => {
                let KeptPart { features, hidden } = shelf.part(at);
                (features, hidden)
            }
            At::Own => (&own[place].features, &own[place].hidden),
        }
    }
}

impl Scratchpad {
    /// Makes it ready for a task of `items` items.
    fn make_room(&mut self, items: usize) {
        self.ready.clear();
        self.missing.clear();
        self.fresh.clear();
        if self.own.len() < items {
            self.own.resize_with(items, ItemPart::default);
            self.crosses.resize_with(items, Part::default);
        }
    }

    /// Throws away what a panic may have left half-written; returns what the item's fault says.
    fn forget(&mut self, place: usize) -> String {
        self.features = Scratch::default();
        self.own[place] = ItemPart::default();
        self.crosses[place] = Part::default();
        self.fresh.retain(|fresh| fresh.2 != place);
        "internal fault while extracting".to_owned()
    }
}

impl ItemPart {
    /// The part as it is kept.
    pub(crate) fn kept(self) -> KeptPart {
        KeptPart {
            features: Arc::new(self.features),
            hidden: self.hidden,
        }
    }
}

impl Fresh<KeptPart> {
    /// A part to keep under an id and row version, with what it costs.
    pub(crate) fn of((id, version): (i64, u64), part: KeptPart, scoring: &Scoring) -> Self {
        let bytes = part.bytes(scoring);
        Fresh {
            id,
            version,
            part,
            bytes,
        }
    }
}

impl KeptPart {
    /// About how much memory the part takes.
    fn bytes(&self, scoring: &Scoring) -> usize {
        let Extracted { values, part } = &*self.features;
        let slots = scoring
            .plan
            .slots()
            .iter()
            .filter(|slot| slot.group == Group::Item);
        let features: usize = slots
            .map(|slot| match slot.kind {
                SlotKind::Sparse => 8 + 12 * part.sparse(slot.index).0.len(),
                SlotKind::Dense(width) => 4 * width,
            })
            .sum();
        let values: usize = values.iter().map(Value::bytes).sum();
        size_of::<ItemPart>() + self.hidden.bytes() + features + values
    }
}

//! The streaming loop: a first epoch over the feed, later ones over the cache, validation, best weights back.
//!
//! The order of an epoch depends on seed and epoch alone, so a checkpoint knows its place by the number of blocks. A run that goes on
//! in a later epoch than the first codes the samples again, unless it finds a kept cache: its rows have their numbers already. Where
//! rare keys have no rows, a pass before counts them; where rates rest on the length of an epoch that nobody knows, the first pass only
//! codes, too, and the first epoch reads the cache in the order of the samples.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rankine_feature::Plan;
use rankine_kernel::factor::{FactorTable, Learner};
use rankine_model::config::{CacheUse, LinearOptimizerKind, Meaning};
use rankine_model::linear::{LinearPart, TABLE};
use rankine_model::{ModelConfig, Network};

use super::block::{Block, Lens};
use super::cache::{Cache, Extent, Writer};
use super::clocks::{Clocks, Moment};
use super::coder::Coder;
use super::epoch::{Paced, Pass};
use super::examples::Examples;
use super::feed::Feed;
use super::weights;
use super::whole::{Objective, Whole};
use crate::TrainError;
use crate::checkpoint::Checkpoints;
use crate::checkpoint::tape::Tape;
use crate::early_stop::{self, EarlyStop, Verdict};
use crate::encode::{Vocabulary, check_total};
use crate::held::{Figures, Held};
use crate::model::{Settings, Watch};
use crate::progress::{EpochReport, Progress};
use crate::run::{Frame, Trained};
use crate::standing::{Standing, Sums};
use crate::tensorboard::EventWriter;
use crate::warm::{Restored, Start};

/// Samples of a block: a few hundred kilobytes where fields have one value.
const BLOCK: usize = 4096;

/// Blocks that several threads learn before they meet where checkpoints are written.
const TOGETHER: u64 = 64;

/// Where a run keeps its cache, and what tells whether another run's is of the same samples.
#[derive(Clone, Debug)]
pub struct Place {
    /// Folder of cache files.
    pub folder: PathBuf,
    /// The run's name: `<name>.rows` is its cache.
    pub name: String,
    /// Samples, conf and slots in words; kept caches of others are not used.
    pub fingerprint: String,
}

/// Trains a model of kind `lr`, `fm` or `ffm` on `feeds`: what it learns, and what it is judged by after each epoch.
///
/// The report's loss of the first epoch is progressive: every sample was predicted before it was learnt. CPU seconds
/// count reading, coding and learning on all threads, validation left out. A step between checkpoints is a sample, of `lbfgs` one of
/// its steps down; they are written between blocks.
///
/// # Errors
/// What the feeds report, a model file of another kind, that does not fit the plan or is to stop early without samples to be judged by, a
/// frame without a place, a version to begin
/// from whose keys mean something else, a checkpoint of another run, a loss that is no longer finite, a cache that cannot be written
/// or is damaged.
pub fn train(
    config: &ModelConfig,
    plan: &Plan,
    feeds: (&mut dyn Feed, &mut dyn Feed),
    frame: &Frame,
    (progress, tensorboard): (&mut dyn Progress, Option<&mut EventWriter>),
) -> Result<Trained, TrainError> {
    let network = Network::compile(config, plan).map_err(|faults| TrainError::Model { faults })?;
    let part = network.linear.ok_or_else(|| TrainError::Config {
        key: "kind".to_owned(),
        detail: format!("expected `lr`, `fm` or `ffm`, got `{}`", config.kind().name()),
    })?;
    let place = frame.place.as_ref().ok_or_else(|| TrainError::Config {
        key: "kind".to_owned(),
        detail: format!(
            "`{}` keeps its samples in a file, so it needs a place",
            config.kind().name()
        ),
    })?;
    let settings = Settings::new(config);
    if settings.early_stop.is_some() {
        watched(feeds.1)?;
    }
    let mut coder = Coder::new(
        &part,
        FactorTable::new(part.shape, config.linear_rule()),
        config.seed,
    );
    let mut learners: Vec<_> = (0..config.train.threads().max(1))
        .map(|_| Learner::new(&coder.table))
        .collect();
    let start = frame.start.as_deref();
    let restored = start.map(|start| weights::begin(start, &mut coder, &part, &mut learners));
    let run = Run {
        keep: config.train.cache() == CacheUse::Keep,
        at_once: config.optimizer.linear.kind == LinearOptimizerKind::Lbfgs,
        whole: None,
        length: None,
        start,
        restored: restored.transpose()?,
        checkpoints: frame.checkpoints_of(config, plan, (&settings, "")),
        settings,
        coder,
        part,
        learners,
        place,
        progress,
        tensorboard,
        clocks: Clocks::new(),
    };
    run.fit(feeds, frame.resume)
}

/// Early stopping without samples to watch is refused before anything is learnt.
fn watched(judge: &mut dyn Feed) -> Result<(), TrainError> {
    judge.rewind()?;
    match judge.next(&mut Examples::default(), 1)? {
        0 => Err(early_stop::unwatched()),
        _ => Ok(()),
    }
}

struct Run<'a> {
    settings: Settings,
    keep: bool,
    /// Whether a step is of all samples.
    at_once: bool,
    whole: Option<Whole>,
    /// Samples of an epoch, where known.
    length: Option<u64>,
    start: Option<&'a Start>,
    restored: Option<Restored>,
    checkpoints: Option<Checkpoints>,
    part: LinearPart,
    coder: Coder,
    learners: Vec<Learner<f32>>,
    place: &'a Place,
    progress: &'a mut dyn Progress,
    tensorboard: Option<&'a mut EventWriter>,
    clocks: Clocks,
}

type At = Standing<f32>;

impl Run<'_> {
    fn fit(
        mut self,
        (learn, judge): (&mut dyn Feed, &mut dyn Feed),
        resume: bool,
    ) -> Result<Trained, TrainError> {
        let early = self.settings.early_stop;
        let (watch, patience) = early.map_or((Watch::Auc, None), |(watch, patience)| (watch, Some(patience)));
        let mut at = At::new(EarlyStop::new(patience, watch.higher_is_better()), None);
        if let Some(checkpoints) = self.checkpoints.take() {
            checkpoints.begin(resume, |tape| self.exchange(&mut at, tape))?;
            self.checkpoints = Some(checkpoints);
        }
        let (mut cache, mut judged) = (self.kept()?, None);
        let (first, mut samples) = (at.epoch, (0, 0));
        while at.epoch <= self.settings.epochs {
            self.epoch(learn, &mut cache, &mut at)?;
            samples.0 = at.sums.seen;
            if at.epoch == first {
                judged = self.judging(judge)?;
                samples.1 = judged.as_ref().map_or(0, |cache| cache.samples);
            }
            let mut report = self.report(&at, judged.as_ref())?;
            let verdict = at.stop.observe(at.epoch, watch.figure(&report));
            report.best = verdict == Verdict::Best;
            if report.best && patience.is_some() {
                let learner = self
                    .learners
                    .first()
                    .filter(|_| self.settings.course.keep_optimizer);
                weights::save(&self.coder, learner, &mut at.best.0);
            }
            crate::run::tell(self.progress, self.tensorboard.as_deref_mut(), &report)?;
            if let Some(events) = self.tensorboard.as_deref_mut() {
                let step = i64::try_from(at.epoch).unwrap_or(i64::MAX);
                weights::histograms(events, step, &self.coder)?;
            }
            at.history.push(report);
            if verdict == Verdict::Stop || self.whole.as_ref().is_some_and(|whole| whole.ended) {
                break;
            }
            (at.epoch, at.sums) = (at.epoch + 1, Sums::default());
        }
        let mut best_epoch = at.history.len();
        if let (Some((epoch, _)), Some(_)) = (at.stop.best(), patience) {
            weights::restore(&at.best.0, &mut self.coder, &mut self.learners);
            best_epoch = epoch;
        }
        Ok(self.trained(at.history, best_epoch, samples))
    }

    fn trained(self, history: Vec<EpochReport>, best_epoch: usize, samples: (u64, u64)) -> Trained {
        let rows = self.coder.keys().len();
        let mut restored = self.restored;
        let taken = restored.iter_mut().flat_map(|told| told.rows.values_mut());
        taken.for_each(|(taken, new)| *new = rows - *taken);
        let keeps = self.settings.course.keep_optimizer;
        let learner = self.learners.first().filter(|_| keeps);
        let mut parameters = weights::export(&self.coder, &self.part);
        let mut optimizer = learner.and_then(|learner| weights::state(&self.coder, learner));
        if let Some(most) = self.part.expire {
            let of = (&self.coder, self.start);
            weights::expire(of, most, &mut parameters, &mut optimizer);
        }
        let rows = parameters.tables.get(TABLE).map_or(0, |table| table.len());
        Trained {
            parameters,
            history,
            best_epoch,
            train_samples: samples.0,
            valid_samples: samples.1,
            table_rows: vec![(TABLE.to_owned(), rows)],
            restored,
            optimizer,
        }
    }

    /// Writes where the run stands and what it has learnt, or goes back there.
    fn exchange(&mut self, at: &mut At, tape: &mut Tape<'_>) {
        at.course(tape);
        self.coder.exchange(tape);
        for learner in &mut self.learners {
            let mut steps = learner.steps();
            tape.tally(&mut steps);
            learner.set_steps(steps);
        }
        tape.option(&mut self.whole, |tape, whole| whole.exchange(tape));
        if tape.reads()
            && let Some(whole) = &self.whole
            && !whole.is_over(self.coder.weights().len())
        {
            tape.refuse("the descent is over another number of weights");
        }
    }

    /// Writes a checkpoint where one is due after `steps` more steps.
    fn maybe_save(&mut self, at: &mut At, steps: u64) -> Result<(), TrainError> {
        at.steps += steps;
        let Some(mut checkpoints) = self.checkpoints.take() else {
            return Ok(());
        };
        if checkpoints.is_due(steps) {
            checkpoints.save(at.steps, |tape| self.exchange(at, tape))?;
        }
        self.checkpoints = Some(checkpoints);
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.place.folder.join(format!("{}.rows", self.place.name))
    }

    /// Where a file of this run alone begins: no other process writes there.
    fn own_path(&self, part: &str) -> PathBuf {
        let (name, process) = (&self.place.name, std::process::id());
        self.place.folder.join(format!("{name}.{part}-{process}.rows"))
    }

    /// The cache another run kept of the same samples, if its rows are those there are and more; its keys have their rows again.
    fn kept(&mut self) -> Result<Option<Cache>, TrainError> {
        if !self.keep {
            return Ok(None);
        }
        let found = Cache::open(&self.path(), &self.place.fingerprint)?;
        let Some((cache, keys)) = found.filter(|(_, keys)| keys.starts_with(self.coder.keys())) else {
            return Ok(None);
        };
        keys.iter()
            .try_for_each(|key| self.coder.find_or_add(*key).map(drop))?;
        self.note_use(&cache)?;
        Ok(Some(cache))
    }

    /// Notes which rows are in the samples of a kept cache.
    fn note_use(&mut self, cache: &Cache) -> Result<(), TrainError> {
        if !self.coder.notes_use() {
            return Ok(());
        }
        let (mut reader, mut block) = (cache.reader(), Block::default());
        let (rows, fields) = (self.coder.table.len(), self.part.slots.len());
        for extent in &cache.blocks {
            reader.read(*extent, rows, fields, &mut block)?;
            self.coder.note_use(&block.rows);
        }
        Ok(())
    }

    /// One pass, or what is left of it: over the feed if there is no cache yet.
    fn epoch(
        &mut self,
        feed: &mut dyn Feed,
        cache: &mut Option<Cache>,
        at: &mut At,
    ) -> Result<(), TrainError> {
        let factor = self.settings.rate_factor(at.epoch);
        self.learners
            .iter_mut()
            .for_each(|learner| learner.scale(&self.coder.table, factor));
        self.clocks.lap();
        if cache.is_none() {
            self.length = self.counted(feed)?;
            let ahead = self.length.is_none() && self.settings.course.pace.rests_on_length();
            if self.at_once || at.epoch > 1 || ahead {
                *cache = self.first(feed, at, false)?;
            }
        }
        self.length = cache.as_ref().map_or(self.length, |cache| Some(cache.samples));
        match cache {
            Some(cache) if self.at_once => self.descend(cache, at)?,
            Some(cache) => self.again(cache, at)?,
            None => *cache = self.first(feed, at, true)?,
        }
        if at.sums.seen == 0 {
            return Err(TrainError::Empty { what: "training" });
        }
        check_total(at.sums.weight, at.sums.seen)?;
        finite(at)
    }

    /// Gives keys that are seen often enough their rows where rare ones have none; how many samples there are, where known.
    fn counted(&mut self, feed: &mut dyn Feed) -> Result<Option<u64>, TrainError> {
        if !self.coder.counts() {
            return Ok(feed.len_hint());
        }
        let (mut examples, mut counts, mut samples) = (Examples::default(), Vocabulary::new(TABLE), 0);
        feed.rewind()?;
        loop {
            examples.clear();
            let read = feed.next(&mut examples, BLOCK)?;
            if read == 0 {
                break;
            }
            samples += read as u64;
            self.coder.count(&examples, &mut counts)?;
        }
        self.coder.admit(&counts)?;
        Ok(Some(samples))
    }

    /// A pass over the feed: codes and, where a later pass or run will read it, writes the cache; learns, too, what is not learnt yet,
    /// if it is the first epoch's.
    fn first(&mut self, feed: &mut dyn Feed, at: &mut At, learns: bool) -> Result<Option<Cache>, TrainError> {
        let (mut examples, mut block, mut done) = (Examples::default(), Block::default(), 0);
        let path = match (self.keep, self.settings.epochs) {
            (true, _) => Some(self.path()),
            (false, 1) if learns => None,
            (false, _) => Some(self.own_path("train")),
        };
        let fingerprint = &self.place.fingerprint;
        let mut writer = path.map(|path| Writer::create(&path, fingerprint)).transpose()?;
        feed.rewind()?;
        loop {
            examples.clear();
            if feed.next(&mut examples, BLOCK)? == 0 {
                break;
            }
            done += 1;
            let learns = learns && done > at.sums.batches;
            if !learns && writer.is_none() && !self.coder.notes_use() {
                continue;
            }
            self.coder.learn(&examples, &mut block)?;
            if let Some(writer) = &mut writer {
                writer.block(&block)?;
            }
            if learns {
                self.block(&block, feed.len_hint(), at)?;
            }
        }
        let cache = writer.map(|writer| writer.finish(fingerprint, self.coder.keys()));
        let (wall, cpu) = self.clocks.lap();
        (at.trained, at.cpu) = (at.trained + wall, at.cpu + cpu);
        let kept = |cache: Cache| if self.keep { Ok(cache) } else { cache.temporary() };
        cache.transpose()?.map(kept).transpose()
    }

    /// Learns a block of the first pass.
    fn block(&mut self, block: &Block, total: Option<u64>, at: &mut At) -> Result<(), TrainError> {
        let paced = paced(&self.settings, at, self.length);
        let begin = (None, at.sums.seen, paced);
        let pass = pass(&self.coder, &self.settings, &self.part, begin);
        // With one learner the block is learnt on this thread, whose time is taken as a whole.
        let spent = pass.block(&mut self.learners, block, &mut at.sums)?;
        let (wall, cpu) = self.clocks.lap();
        (at.trained, at.cpu) = (at.trained + wall, at.cpu + cpu + spent);
        at.samples += block.len() as u64;
        at.sums.batches += 1;
        finite(at)?;
        let moment = Moment {
            epochs: (at.epoch, self.settings.epochs),
            seen: (at.sums.seen, total),
            learnt: (at.samples, at.trained),
        };
        self.clocks.tell(self.progress, &at.sums, moment);
        self.maybe_save(at, block.len() as u64)
    }

    /// One step down the mean loss of all samples; an epoch of which a checkpoint was written has gone it.
    fn descend(&mut self, cache: &Cache, at: &mut At) -> Result<(), TrainError> {
        if at.sums.batches > 0 {
            return Ok(());
        }
        let objective = Objective {
            cache,
            shape: (self.coder.table.len(), self.part.slots.len()),
            loss: self.settings.loss,
            l2: self.coder.table.rule().weight.l2,
        };
        at.sums = Whole::epoch(&mut self.whole, &objective, &mut self.coder)?;
        at.sums.batches = 1;
        let (wall, cpu) = self.clocks.lap();
        (at.trained, at.cpu) = (at.trained + wall, at.cpu + cpu);
        at.samples += at.sums.seen;
        finite(at)?;
        self.maybe_save(at, 1)
    }

    /// A later pass, blocks and samples in an order of the epoch's own if the model file shuffles.
    fn again(&mut self, cache: &Cache, at: &mut At) -> Result<(), TrainError> {
        let mut numbers: Vec<u32> = (0u32..).take(cache.blocks.len()).collect();
        if self.mixes(at.epoch) {
            crate::run::shuffle(&mut numbers, self.settings.seed, at.epoch);
        }
        let order: Vec<Extent> = numbers.iter().map(|at| cache.blocks[*at as usize]).collect();
        let done = usize::try_from(at.sums.batches).unwrap_or(usize::MAX);
        let mut rest = order.get(done..).unwrap_or_default();
        while !rest.is_empty() {
            let left = self.checkpoints.as_ref().map_or(u64::MAX, |checkpoints| {
                checkpoints.left().div_ceil(BLOCK as u64).min(TOGETHER)
            });
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at(most);
            rest = later;
            self.blocks((cache, now), at)?;
        }
        Ok(())
    }

    /// Learns some blocks of a later pass.
    fn blocks(&mut self, blocks: (&Cache, &[Extent]), at: &mut At) -> Result<(), TrainError> {
        let seed = self.settings.seed.wrapping_add((at.epoch as u64) << 32);
        let seed = self.mixes(at.epoch).then_some(seed);
        let paced = paced(&self.settings, at, self.length);
        let (before, mut sums) = (at.sums.seen, std::mem::take(&mut at.sums));
        let rows = self.coder.make_room(self.learners.len())?;
        let mut pass = pass(&self.coder, &self.settings, &self.part, (seed, before, paced));
        pass.rows = rows;
        let (clocks, progress, epochs) = (&mut self.clocks, &mut *self.progress, self.settings.epochs);
        let spent = pass.cached(&mut self.learners, blocks, &mut sums, &mut |sums| {
            let seen = pass.seen.load(Ordering::Relaxed);
            let moment = Moment {
                epochs: (at.epoch, epochs),
                seen: (seen, Some(blocks.0.samples)),
                learnt: (at.samples + seen - before, at.trained),
            };
            clocks.tell(progress, sums, moment);
        })?;
        self.coder.table.truncate(rows);
        at.sums = sums;
        at.sums.batches += blocks.1.len() as u64;
        let more = at.sums.seen - before;
        (at.trained, at.cpu) = (at.trained + self.clocks.lap().0, at.cpu + spent);
        at.samples += more;
        finite(at)?;
        self.maybe_save(at, more)
    }

    /// Whether an epoch has an order of its own.
    fn mixes(&self, epoch: usize) -> bool {
        self.settings.shuffle && epoch > 1
    }

    /// The validation samples with the rows that exist now; none if there are no samples.
    fn judging(&self, feed: &mut dyn Feed) -> Result<Option<Cache>, TrainError> {
        let (mut examples, mut block) = (Examples::default(), Block::default());
        let mut writer = None;
        feed.rewind()?;
        loop {
            examples.clear();
            if feed.next(&mut examples, BLOCK)? == 0 {
                break;
            }
            self.coder.apply(&examples, &mut block);
            if writer.is_none() {
                writer = Some(Writer::create(&self.own_path("valid"), "")?);
            }
            if let Some(writer) = &mut writer {
                writer.block(&block)?;
            }
        }
        let finished = writer.map(|writer| writer.finish("", &[])).transpose()?;
        finished.map(Cache::temporary).transpose()
    }

    fn report(&self, at: &At, judged: Option<&Cache>) -> Result<EpochReport, TrainError> {
        let valid = match judged {
            Some(cache) => self.judge(cache)?,
            None => Figures::NONE,
        };
        let told = self.settings.meaning == Meaning::Probability;
        Ok(EpochReport {
            epoch: at.epoch,
            loss: at.sums.mean(),
            auc: at.sums.auc.value(),
            valid_loss: valid.loss,
            valid_auc: valid.auc,
            accuracy: told.then(|| at.sums.auc.accuracy()).flatten(),
            valid_accuracy: valid.accuracy,
            samples_per_s: at.speed(),
            elapsed_s: self.clocks.elapsed(),
            cpu_s: Some(at.cpu),
            valid_cpu_s: None,
            best: false,
        })
    }

    /// The figures of the model as it is.
    fn judge(&self, cache: &Cache) -> Result<Figures, TrainError> {
        let (mut reader, mut block, mut lens) = (cache.reader(), Block::default(), Lens::default());
        let mut learner = Learner::new(&self.coder.table);
        let mut held = Held::new(self.settings.loss);
        for extent in &cache.blocks {
            reader.read(*extent, self.coder.table.len(), self.part.slots.len(), &mut block)?;
            block.focus(&mut lens);
            for at in 0..block.len() {
                let (label, weight) = block.label(at);
                let logit = learner.predict(&self.coder.table, block.entries(at, &mut lens));
                held.add(f64::from(logit), f64::from(label), f64::from(weight));
            }
        }
        Ok(held.figures(self.settings.meaning))
    }
}

/// A loss that is none ends the run.
fn finite(at: &At) -> Result<(), TrainError> {
    if at.sums.loss.is_finite() {
        return Ok(());
    }
    Err(TrainError::Diverged {
        epoch: at.epoch,
        step: usize::try_from(at.sums.seen).unwrap_or(usize::MAX),
        samples: at.sums.seen,
        loss: at.sums.mean(),
    })
}

/// Rates that change within an epoch, where they do.
fn paced<'a>(settings: &'a Settings, at: &At, length: Option<u64>) -> Option<Paced<'a>> {
    let paced = Paced {
        settings,
        epoch: at.epoch,
        before: at.samples.saturating_sub(at.sums.seen),
        length: length.unwrap_or(u64::MAX),
    };
    (!settings.course.pace.is_steady()).then_some(paced)
}

/// A pass that has seen some samples.
fn pass<'a>(
    coder: &'a Coder,
    settings: &Settings,
    part: &LinearPart,
    (shuffle, seen, paced): (Option<u64>, u64, Option<Paced<'a>>),
) -> Pass<'a> {
    Pass {
        table: &coder.table,
        loss: settings.loss,
        fields: part.slots.len(),
        shuffle,
        seen: AtomicU64::new(seen),
        paced,
        rows: coder.table.len(),
    }
}

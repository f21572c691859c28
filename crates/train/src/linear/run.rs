//! The streaming loop: a first epoch over the feed, later ones over the cache, validation, best weights back.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rankine_feature::Plan;
use rankine_kernel::factor::{FactorTable, Learner};
use rankine_model::config::{CacheUse, LinearOptimizerKind, Meaning};
use rankine_model::linear::{BIAS, LinearPart, TABLE};
use rankine_model::{ModelConfig, Network, Parameters, Table, Tensor};

use super::block::{Block, Lens};
use super::cache::{Cache, Extent, Writer};
use super::coder::Coder;
use super::epoch::{Pass, since};
use super::examples::Examples;
use super::feed::Feed;
use super::tally::Tally;
use super::whole::{Objective, Whole};
use crate::TrainError;
use crate::early_stop::{EarlyStop, Verdict};
use crate::held::{Figures, Held};
use crate::model::{Settings, Watch};
use crate::progress::{EpochReport, Progress, StepReport, thread_cpu_seconds};
use crate::run::Trained;
use crate::tensorboard::EventWriter;

/// Samples of a block: a few hundred kilobytes where fields have one value.
const BLOCK: usize = 4096;

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
/// count reading, coding and learning on all threads, validation left out.
///
/// # Errors
/// What the feeds report, a model file of another kind or that does not fit the plan, a loss that is no longer finite,
/// a cache that cannot be written or is damaged.
pub fn train(
    config: &ModelConfig,
    plan: &Plan,
    feeds: (&mut dyn Feed, &mut dyn Feed),
    place: &Place,
    progress: &mut dyn Progress,
    tensorboard: Option<&mut EventWriter>,
) -> Result<Trained, TrainError> {
    let network = Network::compile(config, plan).map_err(|faults| TrainError::Model { faults })?;
    let part = network.linear.ok_or_else(|| TrainError::Config {
        key: "kind".to_owned(),
        detail: format!("expected `lr`, `fm` or `ffm`, got `{}`", config.kind().name()),
    })?;
    let settings = Settings::new(config);
    let table = FactorTable::new(part.shape, config.linear_rule());
    let learners = (0..config.train.threads().max(1))
        .map(|_| Learner::new(&table))
        .collect();
    let now = Instant::now();
    let run = Run {
        settings,
        keep: config.train.cache() == CacheUse::Keep,
        at_once: config.optimizer.linear.kind == LinearOptimizerKind::Lbfgs,
        whole: None,
        flat: false,
        coder: Coder::new(&part, table, config.seed),
        part,
        learners,
        place,
        progress,
        tensorboard,
        clocks: Clocks {
            start: now,
            told: now,
            trained: Duration::ZERO,
            cpu: 0.0,
            samples: 0,
        },
    };
    run.fit(feeds)
}

/// When things began, and what was spent on training.
struct Clocks {
    start: Instant,
    told: Instant,
    trained: Duration,
    cpu: f64,
    samples: u64,
}

struct Run<'a> {
    settings: Settings,
    keep: bool,
    /// Whether a step is of all samples.
    at_once: bool,
    whole: Option<Whole>,
    /// Whether the descent over all samples has ended.
    flat: bool,
    part: LinearPart,
    coder: Coder,
    learners: Vec<Learner<f32>>,
    place: &'a Place,
    progress: &'a mut dyn Progress,
    tensorboard: Option<&'a mut EventWriter>,
    clocks: Clocks,
}

impl Run<'_> {
    fn fit(mut self, (learn, judge): (&mut dyn Feed, &mut dyn Feed)) -> Result<Trained, TrainError> {
        let early = self.settings.early_stop;
        let (watch, patience) = early.map_or((Watch::Auc, None), |(watch, patience)| (watch, Some(patience)));
        let mut stop = EarlyStop::new(patience, watch.higher_is_better());
        let (mut history, mut best) = (Vec::new(), Vec::new());
        let mut cache = self.kept()?;
        let (mut judged, mut samples) = (None, (0, 0));
        for epoch in 1..=self.settings.epochs {
            let tally = self.epoch(epoch, learn, &mut cache)?;
            samples.0 = tally.samples;
            if epoch == 1 {
                judged = self.judging(judge)?;
                samples.1 = judged.as_ref().map_or(0, |cache| cache.samples);
            }
            let mut report = self.report(epoch, &tally, judged.as_ref())?;
            let verdict = stop.observe(epoch, watch.figure(&report));
            report.best = verdict == Verdict::Best;
            if report.best && patience.is_some() {
                self.coder.table.save_weights(&mut best);
            }
            crate::run::tell(self.progress, self.tensorboard.as_deref_mut(), &report)?;
            history.push(report);
            if verdict == Verdict::Stop || self.flat {
                break;
            }
        }
        let mut best_epoch = history.len();
        if let (Some((epoch, _)), Some(_)) = (stop.best(), patience) {
            self.coder.table.load_weights(&best);
            best_epoch = epoch;
        }
        Ok(Trained {
            parameters: self.export(),
            history,
            best_epoch,
            train_samples: samples.0,
            valid_samples: samples.1,
            table_rows: vec![(TABLE.to_owned(), self.coder.table.len())],
            restored: None,
            optimizer: None,
        })
    }

    fn path(&self) -> PathBuf {
        self.place.folder.join(format!("{}.rows", self.place.name))
    }

    /// Where a file of this run alone begins: no other process writes there.
    fn own_path(&self, part: &str) -> PathBuf {
        let (name, process) = (&self.place.name, std::process::id());
        self.place.folder.join(format!("{name}.{part}-{process}.rows"))
    }

    /// The cache another run kept of the same samples; its keys have their rows again.
    fn kept(&mut self) -> Result<Option<Cache>, TrainError> {
        if !self.keep {
            return Ok(None);
        }
        let Some((cache, keys)) = Cache::open(&self.path(), &self.place.fingerprint)? else {
            return Ok(None);
        };
        keys.iter()
            .try_for_each(|key| self.coder.find_or_add(*key).map(drop))?;
        Ok(Some(cache))
    }

    /// One pass: over the feed if there is no cache yet.
    fn epoch(
        &mut self,
        epoch: usize,
        feed: &mut dyn Feed,
        cache: &mut Option<Cache>,
    ) -> Result<Tally, TrainError> {
        let factor = self.settings.rate_factor(epoch);
        self.learners
            .iter_mut()
            .for_each(|learner| learner.scale(&self.coder.table, factor));
        let begin = Instant::now();
        let tally = match cache {
            Some(cache) if self.at_once => self.descend(cache)?,
            Some(cache) => self.again(epoch, cache)?,
            None => self.first(feed, cache)?,
        };
        if tally.samples == 0 {
            return Err(TrainError::Empty { what: "training" });
        }
        self.clocks.trained += begin.elapsed();
        self.clocks.cpu += tally.cpu;
        self.clocks.samples += tally.samples;
        self.finite(epoch, &tally)?;
        Ok(tally)
    }

    fn finite(&self, epoch: usize, tally: &Tally) -> Result<(), TrainError> {
        if tally.loss.is_finite() {
            return Ok(());
        }
        let (samples, loss) = (tally.samples, tally.mean());
        let step = usize::try_from(samples).unwrap_or(usize::MAX);
        Err(TrainError::Diverged {
            epoch,
            step,
            samples,
            loss,
        })
    }

    /// The first pass: codes, learns and, where a later pass or run will read it, writes the cache.
    fn first(&mut self, feed: &mut dyn Feed, cache: &mut Option<Cache>) -> Result<Tally, TrainError> {
        let (mut examples, mut block, mut tally) = (Examples::default(), Block::default(), Tally::default());
        let fingerprint = self.place.fingerprint.clone();
        let path = match (self.keep, self.settings.epochs) {
            (true, _) => Some(self.path()),
            (false, 1) if !self.at_once => None,
            (false, _) => Some(self.own_path("train")),
        };
        let mut writer = path.map(|path| Writer::create(&path, &fingerprint)).transpose()?;
        let (own, many) = (thread_cpu_seconds(), self.learners.len() > 1);
        feed.rewind()?;
        loop {
            examples.clear();
            if feed.next(&mut examples, BLOCK)? == 0 {
                break;
            }
            self.coder.learn(&examples, &mut block)?;
            if let Some(writer) = &mut writer {
                writer.block(&block)?;
            }
            if self.at_once {
                continue;
            }
            // With one learner the block is learnt on this thread, whose time is taken as a whole.
            let mut part =
                pass(&self.coder, self.settings.loss, &self.part, None).block(&mut self.learners, &block)?;
            part.cpu = if many { part.cpu } else { 0.0 };
            tally.merge(&part);
            self.finite(1, &tally)?;
            self.maybe_tell(1, &tally, (tally.samples, feed.len_hint()));
        }
        if let Some(writer) = writer {
            let written = writer.finish(&fingerprint, self.coder.keys())?;
            *cache = Some(if self.keep { written } else { written.temporary()? });
        }
        tally.cpu += since(own);
        match cache {
            Some(cache) if self.at_once => self.descend(cache),
            _ => Ok(tally),
        }
    }

    /// One step down the mean loss of all samples.
    fn descend(&mut self, cache: &Cache) -> Result<Tally, TrainError> {
        let objective = Objective {
            cache,
            shape: (self.coder.table.len(), self.part.slots.len()),
            loss: self.settings.loss,
            l2: self.coder.table.rule().weight.l2,
        };
        let (tally, moved) = Whole::epoch(&mut self.whole, &objective, &mut self.coder)?;
        self.flat = !moved;
        Ok(tally)
    }

    /// A later pass, blocks and samples in an order of the epoch's own if the model file shuffles.
    fn again(&mut self, epoch: usize, cache: &Cache) -> Result<Tally, TrainError> {
        let mixed = self.settings.shuffle && epoch > 1;
        let mut numbers: Vec<u32> = (0u32..).take(cache.blocks.len()).collect();
        if mixed {
            crate::run::shuffle(&mut numbers, self.settings.seed, epoch);
        }
        let order: Vec<Extent> = numbers.iter().map(|at| cache.blocks[*at as usize]).collect();
        let seed = mixed.then(|| self.settings.seed.wrapping_add((epoch as u64) << 32));
        let mut learners = std::mem::take(&mut self.learners);
        let pass = pass(&self.coder, self.settings.loss, &self.part, seed);
        let (total, settings, begin) = (cache.samples, &self.settings, Instant::now());
        let (clocks, progress) = (&mut self.clocks, &mut *self.progress);
        let tally = pass.cached(&mut learners, cache, &order, &mut |part| {
            let seen = pass.seen.load(Ordering::Relaxed);
            clocks.tell(
                progress,
                (epoch, settings.epochs),
                part,
                (seen, Some(total)),
                begin,
            );
        });
        self.learners = learners;
        tally
    }

    fn maybe_tell(&mut self, epoch: usize, tally: &Tally, seen: (u64, Option<u64>)) {
        let begin = self.clocks.start;
        self.clocks
            .tell(self.progress, (epoch, self.settings.epochs), tally, seen, begin);
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

    fn report(&self, epoch: usize, tally: &Tally, judged: Option<&Cache>) -> Result<EpochReport, TrainError> {
        let valid = match judged {
            Some(cache) => self.judge(cache)?,
            None => Figures::NONE,
        };
        let told = self.settings.meaning == Meaning::Probability;
        Ok(EpochReport {
            epoch,
            loss: tally.mean(),
            auc: tally.auc.value(),
            valid_loss: valid.loss,
            valid_auc: valid.auc,
            accuracy: told.then(|| tally.auc.accuracy()).flatten(),
            valid_accuracy: valid.accuracy,
            samples_per_s: self.clocks.samples as f64 / self.clocks.trained.as_secs_f64().max(1e-9),
            elapsed_s: self.clocks.start.elapsed().as_secs_f64(),
            cpu_s: Some(self.clocks.cpu),
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

    /// The parameters as serving reads them: a row is the linear weight, then the factors.
    fn export(&self) -> Parameters<f32> {
        let (mut parameters, mut table) =
            (Parameters::default(), Table::plain(1 + self.part.shape.factors()));
        for (row, key) in (0u32..).zip(self.coder.keys()) {
            table.intern(*key, |numbers| {
                let weight = self.coder.table.read(row, &mut numbers[1..]);
                numbers[0] = weight;
            });
        }
        parameters.tables.insert(TABLE.to_owned(), table);
        let bias = Tensor::new(&[1], vec![self.coder.table.bias()]);
        parameters.dense.insert(BIAS.to_owned(), bias);
        parameters
    }
}

fn pass<'a>(coder: &'a Coder, loss: crate::loss::Loss, part: &LinearPart, shuffle: Option<u64>) -> Pass<'a> {
    Pass {
        table: &coder.table,
        loss,
        fields: part.slots.len(),
        shuffle,
        seen: AtomicU64::new(0),
    }
}

impl Clocks {
    /// Tells the listener, four times per second at most. Without a known total the epoch is as long as what was seen.
    fn tell(
        &mut self,
        progress: &mut dyn Progress,
        (epoch, epochs): (usize, usize),
        tally: &Tally,
        (samples, total): (u64, Option<u64>),
        begin: Instant,
    ) {
        if self.told.elapsed() < Duration::from_millis(250) {
            return;
        }
        self.told = Instant::now();
        let samples_per_s = samples as f64 / begin.elapsed().as_secs_f64().max(1e-9);
        let total = total.unwrap_or(samples).max(samples);
        let left = (epochs - epoch) as u64 * total + total - samples;
        progress.step(&StepReport {
            epoch,
            samples,
            total,
            loss: tally.mean(),
            auc: tally.auc.value(),
            samples_per_s,
            eta_s: left as f64 / samples_per_s,
        });
    }
}

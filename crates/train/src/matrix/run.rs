//! Learns a model of who met what and lays it out as serving reads it: rows by the signs of users and items.
//!
//! Decision: no early stopping and no validation here. These kinds have few numbers to choose, and they are chosen by rankings
//! over all items (`metric::top`), not by a loss per sample.

use std::time::Instant;

use rankine_feature::Plan;
use rankine_kernel::Real;
use rankine_kernel::rows::MISSING;
use rankine_model::config::{GraphName, MatrixConfig, SolverName};
use rankine_model::matrix::{COUNT, GRAM, ITEMS, MatrixPart, NEIGHBOURS, USERS};
use rankine_model::{Kind, ModelConfig, Network, Parameters, Table, Tensor};

use super::interactions::Reading;
use super::{Interactions, bpr, ease, ials, itemknn, popularity, walk};
use crate::TrainError;
use crate::item2vec::{self, Item2VecConfig};
use crate::progress::{EpochReport, Progress, thread_cpu_seconds};
use crate::run::{Trained, tell};
use crate::source::SampleSource;
use crate::tensorboard::EventWriter;

/// Trains a model of kind `ials`, `bpr`, `ease`, `itemknn`, `popularity` or `walk` on the positive samples of `source`.
///
/// # Errors
/// What the source reports, no positive sample, a model file of another kind or that does not fit the plan, a system without
/// a solution.
pub fn train(
    config: &ModelConfig,
    plan: &Plan,
    source: &mut dyn SampleSource,
    progress: &mut dyn Progress,
    tensorboard: Option<&mut EventWriter>,
) -> Result<Trained, TrainError> {
    let network = Network::compile(config, plan).map_err(|faults| TrainError::Model { faults })?;
    let found = network.matrix.as_ref().zip(config.matrix.as_ref());
    let (part, matrix) = found.ok_or_else(|| TrainError::Config {
        key: "kind".to_owned(),
        detail: format!(
            "expected a kind that learns from who met what, got `{}`",
            config.kind().name()
        ),
    })?;
    let reading = Reading {
        plan,
        user: part.user.as_ref(),
        item: &part.item,
        positive: Real::of(matrix.positive()),
    };
    let x = Interactions::read(&reading, source)?;
    let mut run = Run {
        config,
        matrix,
        part,
        x: &x,
        parameters: Parameters::default(),
        heard: Heard::new(progress, tensorboard, x.by_user.ids.len()),
    };
    run.learn()?;
    run.tensor(COUNT, &[1], vec![f32::of(x.items.len() as f64)]);
    let tables = run.parameters.tables.iter();
    Ok(Trained {
        table_rows: tables
            .map(|(name, table)| (name.clone(), table.len() + 1))
            .collect(),
        best_epoch: run.heard.history.len(),
        history: run.heard.history,
        parameters: run.parameters,
        train_samples: x.samples,
        valid_samples: 0,
        restored: None,
        optimizer: None,
    })
}

/// Who hears of a run, and what was told.
struct Heard<'a> {
    progress: &'a mut dyn Progress,
    tensorboard: Option<&'a mut EventWriter>,
    history: Vec<EpochReport>,
    start: Instant,
    cpu: f64,
    pairs: usize,
}

impl<'a> Heard<'a> {
    fn new(
        progress: &'a mut dyn Progress,
        tensorboard: Option<&'a mut EventWriter>,
        pairs: usize,
    ) -> Heard<'a> {
        Heard {
            progress,
            tensorboard,
            history: Vec::new(),
            start: Instant::now(),
            cpu: thread_cpu_seconds(),
            pairs,
        }
    }

    fn epoch(&mut self, epoch: usize, loss: f64) -> Result<(), TrainError> {
        let elapsed_s = self.start.elapsed().as_secs_f64();
        let report = EpochReport {
            epoch,
            loss,
            auc: f64::NAN,
            valid_loss: f64::NAN,
            valid_auc: f64::NAN,
            samples_per_s: (self.pairs * epoch) as f64 / elapsed_s.max(1e-9),
            elapsed_s,
            cpu_s: Some(thread_cpu_seconds() - self.cpu),
            valid_cpu_s: None,
            best: true,
            ..EpochReport::default()
        };
        if !loss.is_finite() {
            return Err(TrainError::Diverged {
                epoch,
                step: 1,
                samples: self.pairs as u64,
                loss,
            });
        }
        tell(self.progress, self.tensorboard.as_deref_mut(), &report)?;
        self.history.push(report);
        Ok(())
    }
}

struct Run<'a> {
    config: &'a ModelConfig,
    matrix: &'a MatrixConfig,
    part: &'a MatrixPart,
    x: &'a Interactions,
    parameters: Parameters<f32>,
    heard: Heard<'a>,
}

impl Run<'_> {
    fn learn(&mut self) -> Result<(), TrainError> {
        let kind = self.config.kind();
        if kind == Kind::Ials {
            return self.ials();
        }
        if kind == Kind::Bpr {
            return self.bpr();
        }
        if kind == Kind::Ease {
            return self.ease();
        }
        if kind == Kind::ItemKnn {
            return self.itemknn();
        }
        if kind == Kind::Walk {
            self.walk();
            return Ok(());
        }
        self.table(ITEMS, &self.x.items, &popularity::fit(self.x), &[0.0]);
        self.heard.epoch(1, 0.0)
    }

    /// Adds a table: a row of `rows` for each sign, and what is read of unknown ones.
    fn table(&mut self, name: &str, signs: &[u64], rows: &[f32], missing: &[f32]) {
        let dim = missing.len();
        let mut table = Table::plain(dim);
        table.row_mut(MISSING).0.copy_from_slice(missing);
        for (sign, row) in signs.iter().zip(rows.chunks_exact(dim)) {
            table.intern(*sign, |weights| weights.copy_from_slice(row));
        }
        self.parameters.tables.insert(name.to_owned(), table);
    }

    fn tensor(&mut self, name: &str, shape: &[usize], data: Vec<f32>) {
        self.parameters
            .dense
            .insert(name.to_owned(), Tensor::new(shape, data));
    }

    fn epochs(&self) -> usize {
        self.config.train.epochs() as usize
    }

    fn ials(&mut self) -> Result<(), TrainError> {
        let (m, ridge, dim) = (self.matrix, self.part.ridge, self.part.dim);
        let config = ials::IalsConfig {
            dim,
            unobserved: ridge.unobserved,
            reg: ridge.reg,
            exponent: ridge.exponent,
            confidence: ridge.confidence,
            solver: match m.solver() {
                SolverName::Cg => ials::Solver::Gradients(m.steps()),
                SolverName::Cholesky => ials::Solver::Cholesky,
            },
            epochs: self.epochs(),
            init: m.init(),
            seed: self.config.seed,
            threads: self.config.train.threads(),
        };
        let (x, heard) = (self.x, &mut self.heard);
        let found = ials::fit(x, &config, ials::first(x, &config), |epoch, factors| {
            heard.epoch(epoch, ials::loss(x, &config, factors))
        })?;
        let nobody = vec![0.0; dim];
        self.table(USERS, &x.users, &found.users, &nobody);
        self.table(ITEMS, &x.items, &found.items, &nobody);
        if self.part.folds_in() {
            self.tensor(GRAM, &[dim, dim], ials::gram(&found.items, dim, ridge.unobserved));
        }
        Ok(())
    }

    fn bpr(&mut self) -> Result<(), TrainError> {
        let m = self.matrix;
        let config = bpr::BprConfig {
            dim: m.dim(),
            lr: m.lr(self.config.kind()),
            reg: self.part.ridge.reg,
            epochs: self.epochs(),
            init: m.init(),
            seed: self.config.seed,
        };
        let (x, mut losses) = (self.x, Vec::new());
        let found = bpr::fit::<f32>(x, &config, |epoch, loss| losses.push((epoch, loss)));
        for (epoch, loss) in losses {
            self.heard.epoch(epoch, loss)?;
        }
        let beside = |vectors: &[f32], last: &dyn Fn(usize) -> f32| -> Vec<f32> {
            let rows = vectors.chunks_exact(config.dim).enumerate();
            rows.flat_map(|(at, row)| row.iter().copied().chain([last(at)]))
                .collect()
        };
        let (mut nobody, mut nothing) = (vec![0.0; config.dim + 1], vec![0.0; config.dim + 1]);
        nobody[config.dim] = 1.0;
        nothing[config.dim] = found.biases.iter().copied().fold(0.0, f32::min);
        self.table(USERS, &x.users, &beside(&found.users, &|_| 1.0), &nobody);
        self.table(
            ITEMS,
            &x.items,
            &beside(&found.items, &|at| found.biases[at]),
            &nothing,
        );
        Ok(())
    }

    /// The place of each item among the weights; −1 for unknown ones.
    fn places(&mut self) {
        let places: Vec<f32> = (0..self.x.items.len()).map(|at| f32::of(at as f64)).collect();
        self.table(ITEMS, &self.x.items, &places, &[-1.0]);
    }

    fn ease(&mut self) -> Result<(), TrainError> {
        let (x, k, n) = (self.x, self.part.neighbours, self.x.items.len());
        let weights = ease::fit(x, self.part.ridge.reg, self.config.train.threads())?;
        self.places();
        if k == 0 {
            self.table(NEIGHBOURS, &x.items, &weights, &vec![0.0; n]);
        } else {
            let mut kept = itemknn::Neighbours {
                k,
                ids: Vec::new(),
                weights: Vec::new(),
            };
            let mut columns = Vec::new();
            rankine_kernel::dense::transpose(&weights, n, &mut columns);
            for (item, column) in columns.chunks_exact(n).enumerate() {
                kept.take(column, item);
            }
            self.nearest(&kept);
        }
        self.heard.epoch(1, 0.0)
    }

    fn itemknn(&mut self) -> Result<(), TrainError> {
        let found = itemknn::fit(self.x, self.part.neighbours, self.matrix.shrink());
        self.places();
        self.nearest(&found);
        self.heard.epoch(1, 0.0)
    }

    /// Rows of places and weights, as wide as the model file says.
    fn nearest(&mut self, found: &itemknn::Neighbours) {
        let (k, width) = (found.k, self.part.neighbours);
        let mut rows = Vec::with_capacity(self.x.items.len() * 2 * width);
        for (ids, weights) in found.ids.chunks_exact(k).zip(found.weights.chunks_exact(k)) {
            rows.extend(ids.iter().map(|id| f32::of(f64::from(*id))));
            rows.extend(std::iter::repeat_n(-1.0, width - k));
            rows.extend_from_slice(weights);
            rows.extend(std::iter::repeat_n(0.0, width - k));
        }
        let mut missing = vec![-1.0; width];
        missing.resize(2 * width, 0.0);
        self.table(NEIGHBOURS, &self.x.items, &rows, &missing);
    }

    fn walk(&mut self) {
        let (m, x, seed) = (self.matrix, self.x, self.config.seed);
        let walks = walk::sentences(
            x,
            &walk::WalkConfig {
                edges: match m.graph() {
                    GraphName::Users => walk::Edges::Users,
                    GraphName::Items => walk::Edges::Items,
                },
                walks: m.walks(),
                length: m.length(),
                back: m.back(),
                out: m.out(),
                seed,
            },
        );
        let config = Item2VecConfig {
            dim: m.dim(),
            window: m.window(),
            negatives: m.negatives(),
            epochs: self.epochs(),
            lr: f32::of(m.lr(self.config.kind())),
            seed,
            min_count: 1,
            ..Item2VecConfig::default()
        };
        let mut told = Told(Vec::new());
        let found = item2vec::train(&walks, &config, &mut told);
        for report in &told.0 {
            self.heard.progress.epoch(report);
        }
        self.heard.history = told.0;
        let rows: Vec<f32> = found
            .rows
            .chunks_exact(found.dim)
            .flat_map(of_length_one)
            .collect();
        let signs: Vec<u64> = found
            .ids
            .iter()
            .filter_map(|at| x.items.get(usize::try_from(*at).ok()?).copied())
            .collect();
        self.table(ITEMS, &signs, &rows, &vec![0.0; found.dim]);
    }
}

/// Keeps what it hears.
struct Told(Vec<EpochReport>);

impl Progress for Told {
    fn epoch(&mut self, report: &EpochReport) {
        self.0.push(*report);
    }
}

/// A vector over its length; zeros stay.
fn of_length_one(vector: &[f32]) -> Vec<f32> {
    let length = rankine_kernel::dense::dot(vector, vector).sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
    vector.iter().map(|v| v * scale).collect()
}

#[cfg(test)]
mod tests;

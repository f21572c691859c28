//! Learns a model of who met what and lays it out as serving reads it: rows by the signs of users and items.
//!
//! Decision: no early stopping and no validation here. These kinds have few numbers to choose, and they are chosen by rankings
//! over all items (`metric::top`), not by a loss per sample.

use rankine_feature::Plan;
use rankine_kernel::Real;
use rankine_kernel::rows::MISSING;
use rankine_model::config::{GraphName, MatrixConfig, SolverName};
use rankine_model::matrix::{COUNT, GRAM, ITEMS, MatrixPart, NEIGHBOURS, USERS};
use rankine_model::{Kind, ModelConfig, Network, Parameters, Table, Tensor};

use super::heritage::Heritage;
use super::interactions::Reading;
use super::{Interactions, bpr, ease, ials, itemknn, popularity, walk};
use crate::TrainError;
use crate::item2vec::{Course, Item2VecConfig};
use crate::model::Settings;
use crate::progress::Progress;
use crate::run::{Frame, Trained};
use crate::source::SampleSource;
use crate::sweeps::Sweeps;
use crate::tensorboard::EventWriter;
use crate::warm::{Restored, Start};

/// Trains a model of kind `ials`, `bpr`, `ease`, `itemknn`, `popularity` or `walk` on the positive samples of `source`.
///
/// A step between checkpoints is a sweep over all of them; a version to begin from gives its vectors by the signs of users and items.
///
/// # Errors
/// What the source reports, no positive sample, a model file of another kind or that does not fit the plan, a system without
/// a solution, a loss that is no longer finite, a checkpoint of another run, the disk's.
pub fn train(
    config: &ModelConfig,
    plan: &Plan,
    source: &mut dyn SampleSource,
    frame: &Frame,
    (progress, tensorboard): (&mut dyn Progress, Option<&mut EventWriter>),
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
    let checkpoints = frame.checkpoints_of(config, plan, (&Settings::new(config), ""));
    let mut run = Run {
        config,
        matrix,
        part,
        x: &x,
        start: frame.start.as_deref(),
        parameters: Parameters::default(),
        restored: None,
        optimizer: None,
        sweeps: Sweeps::new((progress, tensorboard), x.by_user.ids.len() as u64)
            .with(checkpoints, frame.resume),
    };
    run.learn()?;
    run.tensor(COUNT, &[1], vec![f32::of(x.items.len() as f64)]);
    let tables = run.parameters.tables.iter();
    let history = run.sweeps.history();
    Ok(Trained {
        table_rows: tables
            .map(|(name, table)| (name.clone(), table.len() + 1))
            .collect(),
        best_epoch: history.len(),
        history,
        parameters: run.parameters,
        train_samples: x.samples,
        valid_samples: 0,
        restored: run.restored,
        optimizer: run.optimizer,
    })
}

struct Run<'a> {
    config: &'a ModelConfig,
    matrix: &'a MatrixConfig,
    part: &'a MatrixPart,
    x: &'a Interactions,
    start: Option<&'a Start>,
    parameters: Parameters<f32>,
    restored: Option<Restored>,
    optimizer: Option<Parameters<f32>>,
    sweeps: Sweeps<'a>,
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
            return self.walk();
        }
        self.table(ITEMS, &self.x.items, &popularity::fit(self.x), &[0.0]);
        self.sweeps.once()
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
        let (x, epochs) = (self.x, config.epochs);
        let mut course = ials::Course::new(x, config);
        let restored = self.start.map(|start| {
            let (mut heritage, found) = (Heritage::of(start), &mut course.factors);
            heritage.take(USERS, (&x.users, dim), put(&mut found.users, dim));
            heritage.take(ITEMS, (&x.items, dim), put(&mut found.items, dim));
            heritage.told(false)
        });
        self.restored = restored.transpose()?;
        self.sweeps.run(epochs, &mut course)?;
        let found = course.factors;
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
        let (x, dim) = (self.x, config.dim);
        let mut course = bpr::Course::<f32>::new(x, config.clone());
        let restored = self.start.map(|start| {
            let (mut heritage, found) = (Heritage::of(start), &mut course.model);
            heritage.take(USERS, (&x.users, dim + 1), put(&mut found.users, dim));
            heritage.take(ITEMS, (&x.items, dim + 1), |at, row| {
                put(&mut found.items, dim)(at, row);
                found.biases[at] = row[dim];
            });
            heritage.told(false)
        });
        self.restored = restored.transpose()?;
        self.sweeps.run(config.epochs, &mut course)?;
        let found = course.model;
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
        self.sweeps.once()
    }

    fn itemknn(&mut self) -> Result<(), TrainError> {
        let found = itemknn::fit(self.x, self.part.neighbours, self.matrix.shrink());
        self.places();
        self.nearest(&found);
        self.sweeps.once()
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

    fn walk(&mut self) -> Result<(), TrainError> {
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
        let mut course = Course::new(&walks, &config);
        let sign = |item: i64| usize::try_from(item).map_or(0, |at| x.items[at]);
        let restored = self.start.map(|start| course.begin(start, sign));
        self.restored = restored.transpose()?;
        self.sweeps.over(course.tokens);
        self.sweeps.run(config.epochs, &mut course)?;
        if self.config.train.keep_optimizer {
            self.optimizer = Some(course.state(sign));
        }
        let found = course.into_vectors();
        let rows: Vec<f32> = found
            .rows
            .chunks_exact(found.dim)
            .flat_map(of_length_one)
            .collect();
        let signs: Vec<u64> = found.ids.iter().map(|at| sign(*at)).collect();
        self.table(ITEMS, &signs, &rows, &vec![0.0; found.dim]);
        Ok(())
    }
}

/// Puts the first numbers of an earlier row where a vector stands.
fn put(vectors: &mut [f32], dim: usize) -> impl FnMut(usize, &[f32]) {
    move |at, row| vectors[at * dim..][..dim].copy_from_slice(&row[..dim])
}

/// A vector over its length; zeros stay.
fn of_length_one(vector: &[f32]) -> Vec<f32> {
    let length = rankine_kernel::dense::dot(vector, vector).sqrt();
    let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
    vector.iter().map(|v| v * scale).collect()
}

#[cfg(test)]
mod tests;

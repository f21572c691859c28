//! The network that every kind is a case of: deep part, wide part and product of factors, summed into one logit.
//!
//! `logit = output(mlp(embeddings ‖ dense)) + wide + gmf`. A kind decides which parts exist ([`super::Blueprint`]); the
//! sum, its gradient and the steps are the same for all, so they are written and checked once.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::Real;
use rankine_kernel::activation::Activation;

use super::Blueprint;
use crate::backward::{Dense, Dropout, Embedding, Gmf, Mlp, Mode, Wide, sized};
use crate::encode::{Batch, Vocabulary};
use crate::optimise::DenseSteps;
use crate::table::Table;

/// A network with parameters, gradients and optimiser state.
#[derive(Clone, Debug)]
pub struct Net<T> {
    /// The tables, in the order of the layout.
    pub tables: Vec<Table<T>>,
    embedding: Embedding,
    /// The hidden layers.
    pub mlp: Mlp<T>,
    /// The last layer of the deep part; its bias is the network's.
    pub output: Dense<T>,
    wide: Wide,
    /// The product of factors, if the kind has one.
    pub gmf: Option<Gmf<T>>,
    logits: Vec<T>,
    steps: Option<DenseSteps<T>>,
    taken: u64,
}

/// All weights of a network, without optimiser state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot<T>(Vec<Vec<T>>);

impl<T: Real> Net<T> {
    /// A network as `plan` says, with a row for each sign of each vocabulary.
    #[must_use]
    pub fn new(plan: &Blueprint, vocabularies: &[Vocabulary]) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(plan.seed);
        let tables: Vec<Table<T>> = plan
            .tables
            .iter()
            .zip(vocabularies)
            .map(|(spec, vocabulary)| {
                let mut table = Table::new(&spec.name, spec.dim, spec.optimiser);
                table.l2 = spec.l2;
                table.fill(vocabulary.signs(), spec.deviation, &mut random);
                table
            })
            .collect();
        let columns = |list: &[usize]| list.iter().map(|&c| (c, plan.layout.columns[c].table)).collect::<Vec<_>>();
        let deep = columns(&plan.deep).into_iter().map(|(c, t)| (c, t, plan.tables[t].dim));
        let embedding = Embedding::new(deep, plan.layout.dense_width());
        let (mlp, output) = dense_layers(plan, embedding.width(), &mut random);
        let gmf = plan.gmf.as_ref().map(|gmf| {
            let dim = columns(&gmf.user).first().map_or(0, |&(_, t)| plan.tables[t].dim);
            let h = Dense::new(&gmf.name, (dim, 1), Activation::Linear, &mut random);
            Gmf::new(columns(&gmf.user), columns(&gmf.item), h)
        });
        let wide = Wide::new(columns(&plan.wide));
        let mut net = Self { tables, embedding, mlp, output, wide, gmf, logits: Vec::new(), steps: None, taken: 0 };
        net.steps = Some(DenseSteps::new(plan.dense_optimiser, plan.dense_l2, net.layers()));
        net
    }

    /// The logits of a batch.
    pub fn forward(&mut self, batch: &Batch<T>, mode: Mode) -> &[T] {
        let rows = batch.len();
        let x = self.mlp.input(rows * self.embedding.width());
        self.embedding.forward(&self.tables, batch, x);
        self.mlp.forward(rows, mode);
        let logits = sized(&mut self.logits, rows);
        if self.output.inputs == 0 {
            logits.fill(self.output.bias[0]);
        } else {
            self.output.forward(rows, self.mlp.output(), logits);
        }
        self.wide.forward(&self.tables, batch, logits);
        if let Some(gmf) = &mut self.gmf {
            gmf.forward(&self.tables, batch, logits);
        }
        logits
    }

    /// All gradients, from those of the logits of the batch last run forward. `slopes` is used as scratch.
    pub fn backward(&mut self, batch: &Batch<T>, slopes: &mut [T]) {
        let rows = batch.len();
        self.tables.iter_mut().for_each(|table| table.begin(rows));
        self.wide.backward(&mut self.tables, batch, slopes);
        if let Some(gmf) = &mut self.gmf {
            gmf.backward(&mut self.tables, batch, slopes);
        }
        let (top, gradient) = self.mlp.output_gradient(rows * self.output.inputs);
        self.output.backward(rows, (top, &self.logits), slopes, Some(gradient));
        let dx = self.mlp.backward(rows);
        self.embedding.backward(&mut self.tables, batch, dx);
    }

    /// Moves everything against the gradients of the last backward, learning rates multiplied by `factor`.
    pub fn step(&mut self, factor: f64) {
        self.taken += 1;
        self.tables.iter_mut().for_each(|table| table.step(self.taken, factor));
        if let Some(mut steps) = self.steps.take() {
            steps.step(self.taken, factor, self.layers());
            self.steps = Some(steps);
        }
    }

    /// The dense layers, hidden ones first, in a fixed order.
    pub fn layers(&mut self) -> impl Iterator<Item = &mut Dense<T>> {
        let gmf = self.gmf.iter_mut().map(|gmf| &mut gmf.output);
        self.mlp.layers.iter_mut().chain(std::iter::once(&mut self.output)).chain(gmf)
    }

    /// Copies all weights into `to`, reusing its memory.
    pub fn save(&mut self, to: &mut Snapshot<T>) {
        let mut buffers = std::mem::take(&mut to.0).into_iter();
        let mut saved = Vec::new();
        for table in &self.tables {
            let mut buffer = buffers.next().unwrap_or_default();
            table.save(&mut buffer);
            saved.push(buffer);
        }
        for layer in self.layers() {
            for tensor in [&layer.weight, &layer.bias] {
                let mut buffer = buffers.next().unwrap_or_default();
                buffer.clear();
                buffer.extend_from_slice(tensor);
                saved.push(buffer);
            }
        }
        to.0 = saved;
    }

    /// Puts saved weights back.
    pub fn restore(&mut self, from: &Snapshot<T>) {
        let mut saved = from.0.iter();
        self.tables.iter_mut().zip(&mut saved).for_each(|(table, weights)| table.restore(weights));
        for layer in self.layers() {
            for tensor in [&mut layer.weight, &mut layer.bias] {
                if let Some(weights) = saved.next() {
                    tensor.copy_from_slice(weights);
                }
            }
        }
    }
}

/// Hidden layers with their dropouts, and the output layer.
fn dense_layers<T: Real>(plan: &Blueprint, width: usize, random: &mut Xoshiro256PlusPlus) -> (Mlp<T>, Dense<T>) {
    let mut inputs = width;
    let mut layers = Vec::new();
    for (i, &outputs) in plan.hidden.iter().enumerate() {
        layers.push(Dense::new(&format!("hidden.{i}"), (inputs, outputs), plan.activation, random));
        inputs = outputs;
    }
    let seed = |i: usize| plan.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(i as u64);
    let dropouts = (0..layers.len()).filter_map(|i| Dropout::new(plan.dropout, seed(i + 1))).collect();
    let output = Dense::new("output", (inputs, 1), Activation::Linear, random);
    (Mlp::new(layers, Dropout::new(plan.input_dropout, seed(0)), dropouts), output)
}

//! Training a graph: its nodes' values forward, their gradients backward, the batch in one piece.
//!
//! Forward runs the very layers that serve ([`rankine_model::graph`]); each file here adds one layer's way back. Decision: a
//! layer hands back a gradient per source and the graph adds them up, so a value read by many nodes needs no care.

mod activate;
mod attention;
mod auxiliary;
mod batchnorm;
mod both;
mod concat;
mod cross;
mod dense;
mod dice;
mod dropout;
mod evolve;
mod gelu;
mod gru;
mod interact;
mod layernorm;
mod mixture;
mod pairs;
mod prelu;
mod product;
mod sequence;
mod sum;
#[cfg(test)]
mod tests;

use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::Real;
use rankine_model::Network;
use rankine_model::config::Init;
use rankine_model::graph::{Aim, Block, Keep, Layer, Node, Operation, Output, View};

use crate::backward::{Dense, Dropout, Embedding, Mode, sized};
use crate::encode::Batch;
use crate::table::Table;
use sequence::Lists;

/// What a layer's way back is given, and where its gradients go.
pub(crate) struct Pass<'a, T> {
    pub(crate) rows: usize,
    /// The sources' values.
    pub(crate) from: &'a [View<'a, T>],
    /// The layer's value.
    pub(crate) out: &'a [T],
    /// Its gradient; may be changed.
    pub(crate) slope: &'a mut [T],
    /// What forward kept.
    pub(crate) keep: &'a mut Keep<T>,
    /// Parameters, whose gradients are added to.
    pub(crate) blocks: &'a mut [Dense<T>],
    /// Gradients of the sources, rows × width each, to be added to.
    pub(crate) to: &'a mut [Vec<T>],
}

/// The way back of a layer.
trait Backward: Operation {
    /// Computes the value while learning, where that differs from serving.
    fn learn<T: Real>(
        &self,
        rows: usize,
        from: &[View<'_, T>],
        blocks: &mut [Dense<T>],
        (out, keep): (&mut [T], &mut Keep<T>),
    ) {
        forward(self, rows, from, blocks, (out, keep));
    }

    /// Adds the gradients of parameters and sources.
    fn backward<T: Real>(&self, pass: Pass<'_, T>);
}

/// Computes the value as serving does.
fn forward<T: Real, O: Operation + ?Sized>(
    operation: &O,
    rows: usize,
    from: &[View<'_, T>],
    blocks: &[Dense<T>],
    (out, keep): (&mut [T], &mut Keep<T>),
) {
    let blocks: Vec<Block<'_, T>> = blocks.iter().map(block).collect();
    operation.forward(rows, from, &blocks, out, keep);
}

fn block<T>(dense: &Dense<T>) -> Block<'_, T> {
    Block {
        weight: &dense.weight,
        bias: &dense.bias,
    }
}

/// Calls `$body` with the operation of a layer that is no input.
macro_rules! dispatch {
    ($layer:expr, $op:ident => $body:expr) => {
        match $layer {
            Layer::Input(_) | Layer::Sequence(_) => {}
            Layer::Dense($op) => $body,
            Layer::Cross($op) => $body,
            Layer::Interact($op) => $body,
            Layer::Attention($op) => $body,
            Layer::Gru($op) => $body,
            Layer::Evolve($op) => $body,
            Layer::Auxiliary($op) => $body,
            Layer::Mixture($op) => $body,
            Layer::Pairs($op) => $body,
            Layer::Product($op) => $body,
            Layer::Sum($op) => $body,
            Layer::Both($op) => $body,
            Layer::BatchNorm($op) => $body,
            Layer::LayerNorm($op) => $body,
            Layer::Prelu($op) => $body,
            Layer::Dice($op) => $body,
            Layer::Gelu($op) => $body,
            Layer::Activate($op) => $body,
            Layer::Concat($op) => $body,
            Layer::Dropout($op) => $body,
        }
    };
}

/// Computes the value of a layer that is no input: as it serves where it is judged.
pub(crate) fn run<T: Real>(
    layer: &Layer,
    rows: usize,
    from: &[View<'_, T>],
    blocks: &mut [Dense<T>],
    (out, keep): (&mut [T], &mut Keep<T>),
    mode: Mode,
) {
    if mode == Mode::Judge {
        dispatch!(layer, op => forward(op, rows, from, blocks, (out, keep)));
    } else {
        dispatch!(layer, op => op.learn(rows, from, blocks, (out, keep)));
    }
}

/// Adds the gradients of the parameters and sources of a layer that is no input.
pub(crate) fn back<T: Real>(layer: &Layer, pass: Pass<'_, T>) {
    dispatch!(layer, op => op.backward(pass));
}

/// A node under training.
#[derive(Clone, Debug)]
struct Step<T> {
    layer: Layer,
    from: Vec<usize>,
    width: usize,
    /// Its parameters among the graph's.
    blocks: std::ops::Range<usize>,
    /// What an input reads.
    input: Embedding,
    /// What a sequence reads.
    lists: Lists,
    dropout: Option<Dropout<T>>,
    keep: Keep<T>,
}

/// A graph with its parameters, their gradients and the values of a batch.
#[derive(Clone, Debug)]
pub struct GraphNet<T> {
    steps: Vec<Step<T>>,
    outputs: Vec<Output>,
    /// Parameters of all nodes, in order.
    pub blocks: Vec<Dense<T>>,
    values: Vec<Vec<T>>,
    slopes: Vec<Vec<T>>,
}

impl<T: Real> GraphNet<T> {
    /// The graph of `network` with first weights; none where it has none.
    #[must_use]
    pub fn new(
        network: &Network,
        (seed, init): (u64, Init),
        random: &mut Xoshiro256PlusPlus,
    ) -> Option<Self> {
        let graph = network.graph.as_ref()?;
        let mut net = Self {
            steps: Vec::new(),
            outputs: graph.outputs.clone(),
            blocks: Vec::new(),
            values: vec![Vec::new(); graph.nodes.len()],
            slopes: vec![Vec::new(); graph.nodes.len()],
        };
        for node in &graph.nodes {
            let first = net.blocks.len();
            for spec in node.layer.blocks() {
                let name = format!("{}{}", node.name, spec.name);
                net.blocks.push(Dense::block(&name, &spec, init, random));
            }
            let blocks = first..net.blocks.len();
            net.steps.push(Step::new(network, node, blocks, seed));
        }
        Some(net)
    }

    /// Its dropouts.
    pub fn dropouts_mut(&mut self) -> impl Iterator<Item = &mut Dropout<T>> {
        self.steps.iter_mut().filter_map(|step| step.dropout.as_mut())
    }

    /// What each output is to training, in order.
    #[must_use]
    pub fn aims(&self) -> Vec<Aim> {
        self.outputs.iter().map(|output| output.aim).collect()
    }

    /// Writes the number of every output of every sample: an output's samples one after another.
    pub fn forward(&mut self, tables: &[Table<T>], batch: &Batch<T>, mode: Mode, logits: &mut Vec<T>) {
        let rows = batch.len();
        for at in 0..self.steps.len() {
            self.step(at, tables, batch, mode);
        }
        logits.clear();
        for output in &self.outputs {
            logits.extend_from_slice(&self.values[output.node][..rows]);
        }
    }

    fn step(&mut self, at: usize, tables: &[Table<T>], batch: &Batch<T>, mode: Mode) {
        let rows = batch.len();
        let (before, own) = self.values.split_at_mut(at);
        let step = &mut self.steps[at];
        let out = sized(&mut own[0], rows * step.width);
        if let Layer::Input(_) = &step.layer {
            return step.input.forward(tables, batch, out);
        }
        if let Layer::Sequence(sequence) = &step.layer {
            return step.lists.forward(sequence, tables, batch, out);
        }
        let from = views(&step.from, before, rows);
        let (blocks, keep) = (&mut self.blocks[step.blocks.clone()], &mut step.keep);
        run(&step.layer, rows, &from, blocks, (&mut *out, keep), mode);
        if let (Some(dropout), Mode::Learn) = (&mut step.dropout, mode) {
            dropout.forward(out);
        }
    }

    /// Adds the gradients of everything, from those of the outputs, which stand as [`GraphNet::forward`] wrote them.
    pub fn backward(&mut self, tables: &mut [Table<T>], batch: &Batch<T>, slopes: &[T]) {
        let rows = batch.len();
        for (slope, value) in self.slopes.iter_mut().zip(&self.values) {
            slope.clear();
            slope.resize(value.len(), T::ZERO);
        }
        for (output, slopes) in self.outputs.iter().zip(slopes.chunks_exact(rows.max(1))) {
            rankine_kernel::dense::add(slopes, &mut self.slopes[output.node]);
        }
        for at in (0..self.steps.len()).rev() {
            self.step_back(at, tables, batch);
        }
    }

    fn step_back(&mut self, at: usize, tables: &mut [Table<T>], batch: &Batch<T>) {
        let rows = batch.len();
        let step = &mut self.steps[at];
        let mut slope = std::mem::take(&mut self.slopes[at]);
        if let Layer::Input(_) = &step.layer {
            step.input.backward(tables, batch, &slope);
        } else if let Layer::Sequence(sequence) = &step.layer {
            step.lists.backward(sequence, tables, batch, &slope);
        } else {
            if let Some(dropout) = &step.dropout {
                dropout.backward(&mut slope);
            }
            let from = views(&step.from, &self.values, rows);
            let mut to: Vec<Vec<T>> = from.iter().map(|v| vec![T::ZERO; rows * v.width]).collect();
            let pass = Pass {
                rows,
                from: &from,
                out: &self.values[at],
                slope: &mut slope,
                keep: &mut step.keep,
                blocks: &mut self.blocks[step.blocks.clone()],
                to: &mut to,
            };
            back(&step.layer, pass);
            for (from, gradient) in step.from.iter().zip(&to) {
                rankine_kernel::dense::add(gradient, &mut self.slopes[*from]);
            }
        }
        self.slopes[at] = slope;
    }
}

fn views<'a, T: Real>(from: &[usize], values: &'a [Vec<T>], rows: usize) -> Vec<View<'a, T>> {
    let view = |from: &usize| View::rows(values[*from].as_slice(), values[*from].len() / rows.max(1));
    from.iter().map(view).collect()
}

impl<T: Real> Step<T> {
    fn new(network: &Network, node: &Node, blocks: std::ops::Range<usize>, seed: u64) -> Self {
        let place = |c: &usize| (*c, network.columns[*c].table, network.dim(*c));
        let mut input = Embedding::default();
        let mut lists = Lists::default();
        let mut dropout = None;
        if let Layer::Input(read) = &node.layer {
            let numbers = |slots: &[_]| slots.iter().map(rankine_model::width).sum::<usize>();
            let dense = numbers(&network.dense[read.dense.clone()]);
            let before = numbers(&network.dense[..read.dense.start]);
            input = Embedding::new(read.columns.iter().map(place), dense).after(before);
        } else if let Layer::Sequence(read) = &node.layer {
            lists = Lists::new(read.columns.iter().map(place));
        } else if let Layer::Dropout(drop) = &node.layer {
            let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(drop.number);
            dropout = Dropout::new(drop.share, seed);
        }
        Self {
            layer: node.layer.clone(),
            from: node.from.clone(),
            width: node.width,
            blocks,
            input,
            lists,
            dropout,
            keep: Keep::default(),
        }
    }
}

/// Adds a gradient of values side by side to those of the values.
fn spread<T: Real>(rows: usize, gradient: &[T], from: &[View<'_, T>], to: &mut [Vec<T>]) {
    let width: usize = from.iter().map(|view| view.width).sum();
    let mut at = 0;
    for (view, to) in from.iter().zip(to) {
        for i in 0..rows {
            let gradient = &gradient[i * width + at..][..view.width];
            rankine_kernel::dense::add(gradient, &mut to[i * view.width..][..view.width]);
        }
        at += view.width;
    }
}

/// Turns the gradient of a softmax's values `y` into that of its inputs, in place: `g_i = y_i (g_i − Σ_j g_j y_j)`.
fn softmax_back<T: Real>(y: &[T], g: &mut [T]) {
    let mean: T = y.iter().zip(&*g).map(|(y, g)| *y * *g).sum();
    g.iter_mut().zip(y).for_each(|(g, y)| *g = *y * (*g - mean));
}

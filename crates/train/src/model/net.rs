//! The network that every kind is a case of: deep part, wide part, pairs and product of factors, summed into one logit;
//! or towers, in place of all of these.
//!
//! `logit = output(mlp(embeddings ‖ dense)) + wide + pairs + gmf`. The compiled network decides which parts exist; the
//! sum, its gradient and the steps are the same for all, so they are written and checked once.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rankine_kernel::Real;
use rankine_kernel::activation::Activation;
use rankine_kernel::dense::scale;
use rankine_model::Network;
use rankine_model::graph::Aim;

use super::Settings;
use super::towers::towers;
use crate::backward::{Dense, Dropout, Embedding, Fold, Gmf, Mlp, Mode, Pairs, Towers, Wide, sized};
use crate::checkpoint::tape::Tape;
use crate::encode::{Batch, Vocabulary};
use crate::graph::GraphNet;
use crate::optimise::DenseSteps;
use crate::table::Table;

/// A network with parameters, gradients and optimiser state.
#[derive(Clone, Debug)]
pub struct Net<T> {
    /// The tables, in the order of the layout.
    pub tables: Vec<Table<T>>,
    embedding: Embedding,
    /// The input and first layer where it pays to go by row; `folded` says whether the last batch went so.
    fold: Option<Fold<T>>,
    folded: bool,
    /// Whether a batch has begun, so that what is made once per batch is there.
    begun: bool,
    /// The hidden layers.
    pub mlp: Mlp<T>,
    /// The last layer of the deep part; its bias is the network's.
    pub output: Dense<T>,
    wide: Wide,
    /// The pairs of the deep part's vectors, if the kind has them.
    pairs: Option<Pairs<T>>,
    /// The product of factors, if the kind has one.
    pub gmf: Option<Gmf<T>>,
    /// The towers of a two-sided kind; every part above is empty then.
    pub towers: Option<Towers<T>>,
    /// The nodes of a graph; every part above but the tables is empty then.
    pub graph: Option<GraphNet<T>>,
    logits: Vec<T>,
    steps: Option<DenseSteps<T>>,
    /// Longest gradient of a step.
    clip: Option<f64>,
    taken: u64,
    /// Steps of the dense tensors, where they are one thread's of several.
    own: Option<u64>,
}

/// All weights of a network and, where they are asked for, the states of its optimisers behind them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot<T>(pub(crate) Vec<Vec<T>>);

impl<T: Real> Snapshot<T> {
    /// Writes it or reads it back.
    pub(crate) fn exchange(&mut self, tape: &mut Tape<'_>) {
        tape.list(&mut self.0, Tape::vector);
    }

    /// Whether it is empty, or of this network, with its optimisers' states or without.
    pub(crate) fn fits(&self, net: &mut Net<T>) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let mut own = Self(Vec::new());
        net.save(&mut own);
        let weights = own.0.len();
        net.save_whole(&mut own);
        let count = self.0.len();
        let same = |(own, there): (&Vec<T>, &Vec<T>)| own.len() == there.len();
        (count == weights || count == own.0.len()) && own.0.iter().zip(&self.0).all(same)
    }

    /// Moves towards other weights of the same network: `keep · self + (1 − keep) · to`; an empty one becomes them.
    pub fn approach(&mut self, to: &Self, keep: T) {
        if self.0.is_empty() {
            self.0.clone_from(&to.0);
            return;
        }
        let pairs = self.0.iter_mut().flatten().zip(to.0.iter().flatten());
        pairs.for_each(|(mean, &own)| *mean = own + keep * (*mean - own));
    }
}

impl<T: Real> Net<T> {
    /// The network `network` with first weights, a row for each sign of each vocabulary.
    #[must_use]
    pub fn new(network: &Network, settings: &Settings, vocabularies: &[Vocabulary]) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(settings.seed);
        let tables = network.tables.iter().zip(vocabularies).map(|(spec, vocabulary)| {
            // the missing row is one of them
            let spread = settings.spread(spec, vocabulary.signs().len() + 1);
            let shape = (spec.dim, settings.mover(spec));
            let mut table = Table::of(&spec.name, shape, vocabulary, spread, &mut random);
            if settings.course.is_frozen(&format!("emb.{}", spec.name)) {
                table.freeze();
            }
            table
        });
        let tables: Vec<Table<T>> = tables.collect();
        let deep = network
            .deep
            .iter()
            .map(|&c| (c, network.columns[c].table, network.dim(c)));
        let apart = network.towers.is_some() || network.graph.is_some();
        let dense = if apart { 0 } else { network.dense_width() };
        let embedding = Embedding::new(deep, dense);
        let (mlp, output) = dense_layers(network, settings, &mut random);
        let fold = match mlp.layers.first() {
            // Pairs need the input that folding goes around.
            Some(first) if mlp.input_dropout.is_none() && network.pairs.is_none() => {
                Fold::new(&embedding, &tables, settings.batch, first.outputs)
            }
            _ => None,
        };
        let gmf = network.product.as_ref().map(|product| {
            Gmf::new(
                places(network, &product.user),
                places(network, &product.item),
                product.dim,
            )
        });
        let wide = Wide::new(places(network, &network.wide));
        let towers = towers(network, settings, &mut random);
        let graph = GraphNet::new(network, (settings.seed, settings.init), &mut random);
        let mut net = Self {
            towers,
            graph,
            tables,
            embedding,
            fold,
            folded: false,
            begun: false,
            mlp,
            output,
            wide,
            pairs: network.pairs.map(|dim| Pairs::new(dim, network.deep.len())),
            gmf,
            logits: Vec::new(),
            steps: None,
            clip: settings.course.clip,
            taken: 0,
            own: None,
        };
        let mut steps = DenseSteps::new(settings.dense, net.layers());
        steps.freeze(&settings.course, net.layers());
        net.steps = Some(steps);
        net
    }

    /// Begins a batch of `samples` samples; its parts go [`Net::forward`] and [`Net::backward`] one after another.
    pub fn begin(&mut self, samples: usize) {
        self.tables.iter_mut().for_each(|table| table.begin(samples));
        self.layers().for_each(Dense::begin);
        self.begin_fold();
        self.begun = true;
    }

    fn begin_fold(&mut self) {
        if let Some((fold, layer)) = self.fold.as_mut().zip(self.mlp.layers.first()) {
            fold.begin(&self.tables, layer);
        }
    }

    /// What each output is to training; one that learns the label but for graphs.
    #[must_use]
    pub fn aims(&self) -> Vec<Aim> {
        let label = Aim::Label {
            label: 0,
            weight: 1.0,
        };
        self.graph.as_ref().map_or_else(|| vec![label], GraphNet::aims)
    }

    /// Whether a batch must go through in one piece: a layer's figures, or negatives, are those of the batch.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.graph.is_some() || self.towers.as_ref().is_some_and(Towers::is_whole)
    }

    /// The logits of a part of a batch, or of any samples outside one; of a graph those of its further outputs behind
    /// them.
    pub fn forward(&mut self, batch: &Batch<T>, mode: Mode) -> &[T] {
        let rows = batch.len();
        if let Some(towers) = &mut self.towers {
            let logits = sized(&mut self.logits, rows);
            towers.forward(&self.tables, batch, mode, logits);
            return logits;
        }
        if let Some(graph) = &mut self.graph {
            graph.forward(&self.tables, batch, mode, &mut self.logits);
            return &self.logits;
        }
        self.forward_deep(batch, mode);
        let logits = sized(&mut self.logits, rows);
        if self.output.inputs == 0 {
            logits.fill(self.output.bias[0]);
        } else {
            self.output.forward(rows, self.mlp.output(), logits);
        }
        self.wide.forward(&self.tables, batch, logits);
        if let Some(pairs) = &self.pairs {
            pairs.forward(logits);
        }
        if let Some(gmf) = &mut self.gmf {
            gmf.forward(&self.tables, batch, logits);
        }
        logits
    }

    /// Input and hidden layers, folded where that pays.
    fn forward_deep(&mut self, batch: &Batch<T>, mode: Mode) {
        let rows = batch.len();
        if !self.begun {
            self.begin_fold();
        }
        let fold = self.fold.as_mut().filter(|fold| fold.suits(batch));
        self.folded = fold.is_some();
        if let Some((fold, (layer, y))) = fold.zip(self.mlp.first(rows)) {
            fold.forward(&self.tables, batch, layer, y);
            return self.mlp.forward_above(rows, mode);
        }
        let x = self.mlp.input(rows * self.embedding.width());
        self.embedding.forward(&self.tables, batch, x);
        if let Some(pairs) = &mut self.pairs {
            pairs.read(rows, x, self.embedding.width());
        }
        self.mlp.forward(rows, mode);
    }

    /// The way back of [`Net::forward_deep`].
    fn backward_deep(&mut self, batch: &Batch<T>, slopes: &[T]) {
        let rows = batch.len();
        if let Some(fold) = self.fold.as_mut().filter(|_| self.folded) {
            if let Some((layer, y, dy)) = self.mlp.backward_above(rows) {
                fold.backward(&mut self.tables, batch, layer, (y, dy));
            }
            return;
        }
        let dx = self.mlp.backward(rows);
        if let Some(pairs) = &self.pairs {
            pairs.backward(slopes, dx, self.embedding.width());
        }
        self.embedding.backward(&mut self.tables, batch, dx);
    }

    /// Adds the gradients of the part last run forward, from those of its logits. `slopes` is used as scratch.
    pub fn backward(&mut self, batch: &Batch<T>, slopes: &mut [T]) {
        let rows = batch.len();
        if let Some(towers) = &mut self.towers {
            return towers.backward(&mut self.tables, batch, slopes);
        }
        if let Some(graph) = &mut self.graph {
            return graph.backward(&mut self.tables, batch, slopes);
        }
        self.wide.backward(&mut self.tables, batch, slopes);
        if let Some(gmf) = &mut self.gmf {
            gmf.backward(&mut self.tables, batch, slopes);
        }
        if self.output.inputs == 0 {
            return self.output.bias_gradient[0] += slopes.iter().copied().sum();
        }
        let (top, gradient) = self.mlp.output_gradient(rows * self.output.inputs);
        self.output
            .backward(rows, (top, &self.logits), slopes, Some(gradient));
        self.backward_deep(batch, slopes);
    }

    /// Ends a batch: all gradients are complete.
    pub fn finish(&mut self) {
        self.begun = false;
        let fold = self.fold.as_mut().filter(|_| self.folded);
        if let Some((fold, layer)) = fold.zip(self.mlp.layers.first_mut()) {
            fold.finish(&mut self.tables, layer);
        }
    }

    /// Moves everything against the gradients of the finished batch, learning rates multiplied by `factor`.
    pub fn step(&mut self, factor: f64) {
        self.taken += 1;
        self.shorten();
        self.tables
            .iter_mut()
            .for_each(|table| table.step(self.taken, factor));
        if let Some(own) = &mut self.own {
            *own += 1;
        }
        if let Some(mut steps) = self.steps.take() {
            steps.step(self.own.unwrap_or(self.taken), factor, self.layers());
            self.steps = Some(steps);
        }
    }

    /// Scales the gradient of the batch to the longest allowed, where it is longer (Pascanu et al. 2013).
    fn shorten(&mut self) {
        let Some(clip) = self.clip else {
            return;
        };
        let Some(steps) = self.steps.take() else {
            return;
        };
        let square = self.tables.iter().map(Table::square).sum::<f64>() + steps.square(self.layers());
        self.steps = Some(steps);
        if square.sqrt() > clip {
            let factor = T::of(clip / square.sqrt());
            self.tables.iter_mut().for_each(|table| table.scale(factor));
            for layer in self.layers() {
                scale(factor, &mut layer.weight_gradient);
                scale(factor, &mut layer.bias_gradient);
            }
        }
    }

    /// All dropouts.
    fn dropouts(&mut self) -> impl Iterator<Item = &mut Dropout<T>> {
        let towers = self.towers.iter_mut().flat_map(Towers::dropouts_mut);
        let graph = self.graph.iter_mut().flat_map(GraphNet::dropouts_mut);
        self.mlp.dropouts_mut().chain(towers).chain(graph)
    }

    /// Writes or reads back weights, the optimisers' state and the dropouts' generators.
    pub(crate) fn exchange(&mut self, tape: &mut Tape<'_>) {
        tape.tally(&mut self.taken);
        self.tables.iter_mut().for_each(|table| table.exchange(tape));
        for layer in self.layers() {
            tape.numbers(&mut layer.weight);
            tape.numbers(&mut layer.bias);
        }
        if let Some(steps) = &mut self.steps {
            steps.exchange(tape);
        }
        self.dropouts().for_each(|dropout| dropout.exchange(tape));
    }

    /// Steps taken so far.
    #[must_use]
    pub fn steps_taken(&self) -> u64 {
        self.taken
    }

    /// Goes on counting steps from here.
    pub(crate) fn set_steps(&mut self, taken: u64) {
        self.taken = taken;
    }

    /// Hands out all dense weights and biases in a fixed order, and whether they follow the data by themselves.
    pub(crate) fn each_dense(&mut self, mut each: impl FnMut(bool, &mut [T])) {
        for layer in self.layers() {
            each(layer.moving, &mut layer.weight);
            each(layer.moving, &mut layer.bias);
        }
    }

    /// The optimiser's state of all dense tensors in a fixed order.
    pub(crate) fn dense_states(&mut self) -> impl Iterator<Item = &mut Vec<T>> {
        self.steps.iter_mut().flat_map(DenseSteps::states_mut)
    }

    /// A network for thread `number` of `threads`: without rows, which are borrowed, with dense weights, gradients and buffers of
    /// its own.
    pub(crate) fn hand(&mut self, (number, threads): (usize, usize)) -> Self {
        let tables = std::mem::take(&mut self.tables);
        let mut hand = self.clone();
        hand.tables = tables.iter().map(Table::hand).collect();
        hand.own = Some(self.taken / threads.max(1) as u64);
        self.tables = tables;
        for dropout in hand.dropouts() {
            (0..number).for_each(|_| dropout.jump());
        }
        hand
    }

    /// The optimiser's state by the name of its tensor.
    pub(crate) fn dense_state(&mut self) -> Vec<(String, &mut Vec<T>)> {
        let mut names = Vec::new();
        for layer in self.layers() {
            names.extend([format!("{}.weight", layer.name), format!("{}.bias", layer.name)]);
        }
        names.into_iter().zip(self.dense_states()).collect()
    }

    /// Names of all parameters, as patterns of `train.freeze` see them.
    pub fn names(&mut self) -> Vec<String> {
        let mut names: Vec<String> = self.tables.iter().map(|t| format!("emb.{}", t.name)).collect();
        for layer in self.layers() {
            names.extend([format!("{}.weight", layer.name), format!("{}.bias", layer.name)]);
        }
        names
    }

    /// Whether the last layer is the network's own and not one of towers or of a graph.
    fn has_output(&self) -> bool {
        self.towers.is_none() && self.graph.is_none()
    }

    /// The dense layers that have a bias: hidden ones, then the output; or those of the towers.
    pub fn deep_layers(&self) -> impl Iterator<Item = &Dense<T>> {
        let output = self.has_output().then_some(&self.output);
        let towers = self.towers.iter().flat_map(Towers::layers);
        let graph = self.graph.iter().flat_map(|graph| &graph.blocks);
        self.mlp.layers.iter().chain(output).chain(towers).chain(graph)
    }

    /// As [`Net::deep_layers`], to be changed.
    pub fn deep_layers_mut(&mut self) -> impl Iterator<Item = &mut Dense<T>> {
        let output = self.has_output().then_some(&mut self.output);
        let towers = self.towers.iter_mut().flat_map(Towers::layers_mut);
        let graph = self.graph.iter_mut().flat_map(|graph| &mut graph.blocks);
        self.mlp
            .layers
            .iter_mut()
            .chain(output)
            .chain(towers)
            .chain(graph)
    }

    /// The towers of a two-sided kind and the tables that they read.
    pub fn sides(&mut self) -> Option<(&mut Towers<T>, &mut [Table<T>])> {
        Some((self.towers.as_mut()?, &mut self.tables))
    }

    /// All dense layers in a fixed order: hidden, output, those of the towers, the product's weights.
    pub fn layers(&mut self) -> impl Iterator<Item = &mut Dense<T>> {
        let output = self.has_output().then_some(&mut self.output);
        let towers = self.towers.iter_mut().flat_map(Towers::every_layer_mut);
        let gmf = self.gmf.iter_mut().map(|gmf| &mut gmf.output);
        let graph = self.graph.iter_mut().flat_map(|graph| &mut graph.blocks);
        let mlp = self.mlp.layers.iter_mut();
        mlp.chain(output).chain(towers).chain(gmf).chain(graph)
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

    /// As [`Net::save`], with the optimisers' states and the number of steps: what another training goes on from.
    pub(crate) fn save_whole(&mut self, to: &mut Snapshot<T>) {
        self.save(to);
        for table in &self.tables {
            let rows = (0u32..).take(table.rows().len() + 1);
            to.0.push(rows.flat_map(|row| table.rows().state(row)).copied().collect());
        }
        let steps = vec![T::of(self.taken as f64)];
        to.0.extend(self.dense_states().map(|state| state.to_vec()));
        to.0.push(steps);
    }

    /// Puts saved weights back, and the optimisers' states where they were saved, too.
    pub fn restore(&mut self, from: &Snapshot<T>) {
        let mut saved = from.0.iter();
        self.tables
            .iter_mut()
            .zip(&mut saved)
            .for_each(|(table, weights)| table.restore(weights));
        for layer in self.layers() {
            for tensor in [&mut layer.weight, &mut layer.bias] {
                if let Some(weights) = saved.next() {
                    tensor.copy_from_slice(weights);
                }
            }
        }
        self.restore_states(saved);
    }

    /// Puts back what [`Net::save_whole`] saved behind the weights.
    fn restore_states(&mut self, mut saved: std::slice::Iter<'_, Vec<T>>) {
        for (table, states) in self.tables.iter_mut().zip(&mut saved) {
            let mut states = states.iter();
            for row in (0u32..).take(table.rows().len() + 1) {
                let (_, own) = table.rows_mut().row_mut(row);
                own.iter_mut()
                    .zip(&mut states)
                    .for_each(|(own, state)| *own = *state);
            }
        }
        for (own, state) in self.dense_states().zip(&mut saved) {
            own.copy_from_slice(state);
        }
        if let Some(steps) = saved.next().and_then(|steps| steps.first()) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count below 2^24 or about it"
            )]
            let taken = steps.to_f64() as u64;
            self.taken = taken;
        }
    }
}

/// Columns with their tables.
fn places(network: &Network, columns: &[usize]) -> Vec<(usize, usize)> {
    columns.iter().map(|&c| (c, network.columns[c].table)).collect()
}

/// Hidden layers with their dropouts, and the output layer.
fn dense_layers<T: Real>(
    network: &Network,
    settings: &Settings,
    random: &mut Xoshiro256PlusPlus,
) -> (Mlp<T>, Dense<T>) {
    let apart = network.towers.is_some() || network.graph.is_some();
    let named = if apart { Vec::new() } else { network.layers() };
    let mut layers: Vec<Dense<T>> = named
        .iter()
        .map(|(name, inputs, outputs)| {
            let activation = network.behind.own();
            Dense::drawn(name, (*inputs, *outputs), activation, settings.init, random)
        })
        .collect();
    let mut output = layers.pop().unwrap_or_else(|| Dense::ones("output", 0));
    output.activation = Activation::Linear;
    let seed = |i: u64| settings.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(i);
    let dropouts = (1..=layers.len() as u64)
        .filter_map(|i| Dropout::new(settings.hidden_dropout, seed(i)))
        .collect();
    (
        Mlp::new(layers, Dropout::new(settings.input_dropout, seed(0)), dropouts),
        output,
    )
}

//! `Scorer`: a network with its parameters, split by group. The common part is computed once per request, the item part
//! once per item row, and a candidate costs only its cross part and the upper layers.
//!
//! Decision: the first dense layer is a sum over groups, each group's product summed over its own inputs in order, then
//! `((bias + common) + item) + cross`. No step looks at other candidates, so a batch of N is N batches of one, to the bit.

use crate::config::Loss;
use crate::error::ModelError;
use crate::graph::{BlockSpec, GraphScorer, GraphScratch, Keep, Layer, SCORE};
use crate::layer::dense::Dense;
use crate::layer::{Rows, Shared, embedding, pairs, product, wide};
use crate::linear::{self, LinearPart, LinearScorer};
use crate::matrix::MatrixScorer;
use crate::network::{Network, Pooling, TableSpec, width};
use crate::parameters::{Parameters, Tensor};
use crate::tower::{Combination, TowerScorer};
use rankine_feature::{Group, Part, SlotSpec};
use rankine_kernel::activation::{Activation, sigmoid};
use rankine_kernel::{Real, dense, rows};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Candidates whose layers run together; any number gives the same bits. Weights are packed once for each.
const BLOCK: usize = 256;

/// Parts whose rows are looked up together: few enough to stay near, enough to hide what memory takes.
const RUN: usize = 32;

/// How many candidates before it is read an item part is asked for.
const AHEAD: usize = 4;

/// Rows of a network's tables by table name, ready for reading.
pub(crate) type Tables<T> = BTreeMap<String, Arc<dyn Rows<T>>>;

/// The part of the first layer (and of the wide, pair and product parts) that rests on one group. Reusable; may be cached.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hidden<T = f32> {
    pub(crate) first: Vec<T>,
    pub(crate) wide: T,
    /// What is multiplied with the other groups': the product's vector, or the sums of [`pairs`].
    pub(crate) vector: Vec<T>,
    /// Working memory of layers while the part is made.
    pub(crate) work: Keep<T>,
}

impl<T: Real> Hidden<T> {
    /// Returns the vector of a tower: the user's of a common part, the item's of an item part; empty for kinds without
    /// towers that have no product either.
    #[must_use]
    pub fn vector(&self) -> &[T] {
        &self.vector
    }

    /// Returns what the part adds to the logit of every candidate: the context's number, and what towers that meet by `concat`
    /// add; of kinds without towers their wide part.
    #[must_use]
    pub fn number(&self) -> T {
        self.wide
    }

    /// Becomes the item part that is this vector, as the item tower gave it; false, and nothing changes, if it has not
    /// the numbers that [`Scorer::vector_width`] asks for.
    pub fn take(&mut self, vector: &[T], width: Option<usize>) -> bool {
        if width != Some(vector.len()) {
            return false;
        }
        self.first.clear();
        self.wide = T::ZERO;
        self.vector.clear();
        self.vector.extend_from_slice(vector);
        true
    }
}

impl<T> Hidden<T> {
    /// Returns the bytes it holds, for caches that count.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let numbers = self.first.capacity() + self.vector.capacity();
        size_of::<Self>() + numbers * size_of::<T>() + self.work.bytes()
    }
}

/// The user's side of candidates.
pub enum Common<'a, 'p, T = f32> {
    /// Made before, the same for all.
    Kept(&'a Hidden<T>),
    /// Made anew of candidate i's part.
    Anew(&'a dyn Fn(usize) -> &'p Part),
}

/// Working memory of scoring. One per thread; reuse it.
#[derive(Debug, Default)]
pub struct ScoreScratch<T = f32> {
    cross: Hidden<T>,
    /// Bias plus common part of the first layer.
    base: Vec<T>,
    lower: Vec<T>,
    upper: Vec<T>,
    wide: Vec<T>,
    product: Vec<T>,
    /// Inputs of the first layer, a row per part.
    inputs: Vec<T>,
    looks: Looks,
    /// Of a graph.
    graph: GraphScratch<T>,
}

/// Working memory of looking up rows.
#[derive(Debug, Default)]
struct Looks {
    /// Signs, the parts' of one column side by side.
    signs: Vec<u64>,
    /// Where their rows are.
    rows: Vec<u32>,
    /// Columns in which a part has anything but one whole sign, a bit each; those after the last bit share it.
    several: u64,
}

impl Looks {
    fn mark(&mut self, column: usize) {
        self.several |= 1 << column.min(63);
    }

    fn is_marked(&self, column: usize) -> bool {
        self.several >> column.min(63) & 1 == 1
    }
}

/// A sparse column with its table.
pub(crate) struct Gather<T> {
    pub(crate) slot: SlotSpec,
    pub(crate) rows: Arc<dyn Rows<T>>,
    pooling: Pooling,
}

/// What one group contributes.
struct Side<T> {
    columns: Vec<Gather<T>>,
    /// Where a part has the signs of each column.
    indices: Vec<usize>,
    /// Sparse results that a part must have for all of them.
    sparse_results: usize,
    dense: Vec<SlotSpec>,
    /// Where a part has the numbers of all dense slots, and how many, if they lie one behind the other.
    adjacent: Option<(usize, usize)>,
    /// Rows of the first layer's weight for the columns, then for the dense slots (inputs × outputs).
    weight: Vec<T>,
    /// Numbers of all columns.
    sparse: usize,
    /// Numbers of all columns and dense slots.
    inputs: usize,
    wide: Vec<Gather<T>>,
    vector: Vec<Gather<T>>,
}

impl<T> Side<T> {
    fn empty() -> Side<T> {
        Side {
            columns: Vec::new(),
            indices: Vec::new(),
            sparse_results: 0,
            dense: Vec::new(),
            adjacent: None,
            weight: Vec::new(),
            sparse: 0,
            inputs: 0,
            wide: Vec::new(),
            vector: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        !self.is_deep() && self.wide.is_empty() && self.vector.is_empty()
    }

    /// Returns whether it has a part in the first layer.
    fn is_deep(&self) -> bool {
        !(self.columns.is_empty() && self.dense.is_empty())
    }
}

/// What a score is of a logit.
pub(crate) fn output<T: Real>(logit: T, loss: Loss) -> T {
    if loss == Loss::Bce { sigmoid(logit) } else { logit }
}

impl<T: Real> Side<T> {
    /// Returns whether it reads a slot.
    fn reads(&self, slot: u32) -> bool {
        let columns = self.columns.iter().chain(&self.wide).chain(&self.vector);
        let mut sparse = columns.map(|column| column.slot.slot);
        sparse.any(|one| one == slot) || self.dense.iter().any(|spec| spec.slot == slot)
    }

    fn wide(&self, part: &Part) -> T {
        let sum = |c: &Gather<T>| wide::sum(&*c.rows, part.sparse(c.slot.index));
        self.wide.iter().fold(T::ZERO, |all, column| all + sum(column))
    }

    /// One part's inputs of the first layer: pooled rows, then numbers.
    fn gather(&self, part: &Part, mut out: &mut [T]) {
        for column in &self.columns {
            let (x, rest) = out.split_at_mut(column.rows.dim());
            embedding::put(&*column.rows, column.pooling, part.sparse(column.slot.index), x);
            out = rest;
        }
        self.numbers(part, out);
    }

    /// [`Side::gather`] of as many parts as `out` has rows, at most [`RUN`]. Signs are read item by item, rows are looked up
    /// column by column, together where each part has one whole sign in the column, by far the most common.
    fn gather_run<'p>(&self, part: &dyn Fn(usize) -> &'p Part, out: &mut [T], looks: &mut Looks) {
        let count = out.len() / self.inputs;
        looks.signs.resize(self.columns.len() * count, 0);
        looks.rows.resize(self.columns.len() * count, 0);
        looks.several = 0;
        for (i, row) in out.chunks_exact_mut(self.inputs).enumerate() {
            let part = part(i);
            self.signs(part, (i, count), looks);
            self.numbers(part, &mut row[self.sparse..]);
        }
        self.look_up(part, count, out, looks);
    }

    /// Writes part i's signs, of `count` parts.
    fn signs(&self, part: &Part, (i, count): (usize, usize), looks: &mut Looks) {
        let places = looks.signs.iter_mut().skip(i).step_by(count);
        if let Some(signs) = part.singles().filter(|signs| signs.len() >= self.sparse_results) {
            for (place, column) in places.zip(&self.indices) {
                *place = signs[*column];
            }
            return;
        }
        for (c, column) in self.columns.iter().enumerate() {
            match embedding::whole(column.pooling, part.sparse(column.slot.index)) {
                Some(sign) => looks.signs[c * count + i] = sign,
                None => looks.mark(c),
            }
        }
    }

    /// Fills the columns of `out` with the rows of the signs. Each column goes through three steps, and between two of its
    /// steps its neighbours have theirs: memory asked for in one step is there at the next.
    fn look_up<'p>(&self, part: &dyn Fn(usize) -> &'p Part, count: usize, out: &mut [T], looks: &mut Looks) {
        let (columns, mut at) = (&self.columns, 0);
        for step in 0..columns.len() + 2 {
            if let Some(column) = columns.get(step) {
                column.rows.ask(&looks.signs[step * count..][..count]);
            }
            if let Some(c) = step.checked_sub(1).filter(|c| *c < columns.len()) {
                let of = c * count..(c + 1) * count;
                columns[c]
                    .rows
                    .find(&looks.signs[of.clone()], &mut looks.rows[of]);
            }
            let Some(c) = step.checked_sub(2) else {
                continue;
            };
            let column = &columns[c];
            if looks.is_marked(c) {
                column.pool_run(part, (at, self.inputs), out);
            } else {
                let rows = &looks.rows[c * count..][..count];
                column.rows.put(rows, &mut out[at..], self.inputs);
            }
            at += column.rows.dim();
        }
    }

    /// A part's dense slots.
    fn numbers(&self, part: &Part, mut out: &mut [T]) {
        if let Some((from, count)) = self.adjacent
            && let floats @ [_, ..] = part.dense(from, count)
        {
            let pairs = out.iter_mut().zip(floats);
            return pairs.for_each(|(to, from)| *to = T::of(f64::from(*from)));
        }
        for slot in &self.dense {
            let (x, rest) = out.split_at_mut(width(slot));
            floats_of(part, slot, x);
            out = rest;
        }
    }
}

/// A model that scores; shared between threads.
pub struct Scorer<T = f32> {
    common: Side<T>,
    item: Side<T>,
    cross: Side<T>,
    bias: Vec<T>,
    activation: Activation,
    upper: Vec<Dense<T>>,
    output_bias: T,
    /// Numbers per vector where all pairs of deep columns are multiplied.
    pairs: Option<usize>,
    product: Vec<T>,
    loss: Loss,
    /// The whole of a linear or two-sided model; every other part is empty then.
    whole: Whole<T>,
}

/// What scores in place of the parts.
enum Whole<T> {
    /// Nothing: the parts do.
    Parts,
    /// A linear model.
    Linear(LinearScorer<T>),
    /// Towers.
    Towers(Box<TowerScorer<T>>),
    /// Who met what.
    Matrix(MatrixScorer<T>),
    /// A graph.
    Graph(GraphScorer<T>),
}

impl<T: Real> Scorer<T> {
    /// Makes a scorer of parameters in memory.
    ///
    /// # Errors
    /// [`ModelError::Tensor`] if a tensor or table is missing or has another shape than the network needs.
    pub fn new(network: &Network, parameters: &Parameters<T>) -> Result<Scorer<T>, ModelError> {
        let share = |(name, table): (&String, &crate::Table<T>)| {
            (name.clone(), Arc::new(table.clone()) as Arc<dyn Rows<T>>)
        };
        let tables = parameters.tables.iter().map(share).collect();
        Scorer::assemble(network, &tables, &parameters.dense, Path::new("parameters"))
    }

    /// Whether [`Scorer::new`] would take the parameters; no table is copied for it.
    ///
    /// # Errors
    /// As [`Scorer::new`].
    pub(crate) fn fits(network: &Network, parameters: &Parameters<T>) -> Result<(), ModelError> {
        let outline = |(name, table): (&String, &crate::Table<T>)| {
            let empty = crate::Table::plain(table.dim());
            (name.clone(), Arc::new(empty) as Arc<dyn Rows<T>>)
        };
        let tables = parameters.tables.iter().map(outline).collect();
        Scorer::assemble(network, &tables, &parameters.dense, Path::new("parameters")).map(drop)
    }

    /// Makes a scorer of tables and tensors from anywhere; `path` is named in faults.
    pub(crate) fn assemble(
        network: &Network,
        tables: &Tables<T>,
        tensors: &BTreeMap<String, Tensor<T>>,
        path: &Path,
    ) -> Result<Scorer<T>, ModelError> {
        Assembly {
            network,
            tables,
            tensors,
            path,
        }
        .scorer()
    }

    /// Computes the part that rests on user and context.
    pub fn common(&self, part: &Part, out: &mut Hidden<T>) {
        match &self.whole {
            Whole::Linear(linear) => linear.side(Group::Common, part, out),
            Whole::Towers(towers) => towers.side(Group::Common, part, out),
            Whole::Matrix(matrix) => matrix.side(Group::Common, part, out),
            Whole::Graph(graph) => graph.side(Group::Common, part, out),
            Whole::Parts => self.side(&self.common, part, out),
        }
    }

    /// Computes the part that rests on the item.
    pub fn item(&self, part: &Part, out: &mut Hidden<T>) {
        match &self.whole {
            Whole::Linear(linear) => linear.side(Group::Item, part, out),
            Whole::Towers(towers) => towers.side(Group::Item, part, out),
            Whole::Matrix(matrix) => matrix.side(Group::Item, part, out),
            Whole::Graph(graph) => graph.side(Group::Item, part, out),
            Whole::Parts => self.side(&self.item, part, out),
        }
    }

    /// Computes the part that rests on the item as if it had no preference; of every other kind as [`Scorer::item`].
    pub(crate) fn cold_item(&self, part: &Part, out: &mut Hidden<T>) {
        if let Whole::Towers(towers) = &self.whole
            && !towers.lacks(Group::Item)
        {
            return towers.cold_item(part, out);
        }
        self.item(part, out);
    }

    /// Computes the parts of as many items as `out` has places; the bits are those of [`Scorer::item`] one by one.
    pub fn items<'p>(
        &self,
        part: &dyn Fn(usize) -> &'p Part,
        s: &mut ScoreScratch<T>,
        out: &mut [Hidden<T>],
    ) {
        match &self.whole {
            Whole::Parts => self.many(&self.item, part, s, out),
            Whole::Linear(_) | Whole::Towers(_) | Whole::Matrix(_) | Whole::Graph(_) => {
                (0..).zip(out).for_each(|(i, out)| self.item(part(i), out));
            }
        }
    }

    /// The same for [`Scorer::common`].
    pub fn commons<'p>(
        &self,
        part: &dyn Fn(usize) -> &'p Part,
        s: &mut ScoreScratch<T>,
        out: &mut [Hidden<T>],
    ) {
        match &self.whole {
            Whole::Parts => self.many(&self.common, part, s, out),
            Whole::Linear(_) | Whole::Towers(_) | Whole::Matrix(_) | Whole::Graph(_) => {
                (0..).zip(out).for_each(|(i, out)| self.common(part(i), out));
            }
        }
    }

    /// Returns whether any feature of the model rests on both sides; if not, cross parts are not read.
    #[must_use]
    pub fn has_cross(&self) -> bool {
        match &self.whole {
            Whole::Linear(linear) => linear.has_cross(),
            Whole::Towers(_) | Whole::Matrix(_) => false,
            Whole::Graph(graph) => graph.has_cross(),
            Whole::Parts => !self.cross.is_empty(),
        }
    }

    /// Returns the numbers of an item's vector where the item part is one (kinds with towers): then a vector made ahead may
    /// stand for the item part ([`Hidden::take`]).
    #[must_use]
    pub fn vector_width(&self) -> Option<usize> {
        match &self.whole {
            Whole::Towers(towers) => Some(towers.dim()),
            Whole::Matrix(matrix) => matrix.vector_width(),
            Whole::Linear(_) | Whole::Graph(_) | Whole::Parts => None,
        }
    }

    /// Returns how the vectors of user and item meet, for kinds with towers.
    #[must_use]
    pub fn combination(&self) -> Option<Combination> {
        match &self.whole {
            Whole::Towers(towers) => Some(towers.combination()),
            Whole::Linear(_) | Whole::Matrix(_) | Whole::Graph(_) | Whole::Parts => None,
        }
    }

    /// Computes a tower's own output into [`Hidden::vector`], before weights, lengths and temperature are folded in; for
    /// other kinds nothing. Not to be scored with.
    pub fn tower_output(&self, group: Group, part: &Part, out: &mut Hidden<T>) {
        if let Whole::Towers(towers) = &self.whole {
            towers.output(group, part, out);
        }
    }

    /// Returns the score of one candidate: a probability for `bce`, the output itself for `mse`.
    pub fn score(&self, common: &Hidden<T>, item: &Hidden<T>, cross: &Part, s: &mut ScoreScratch<T>) -> T {
        let mut score = [T::ZERO];
        self.block(common, &|_| (item, cross), (s, 0, self.loss), &mut score);
        score[0]
    }

    /// Returns the output of one candidate before it is made a probability; of a model whose score is none, the score.
    pub fn logit(&self, common: &Hidden<T>, item: &Hidden<T>, cross: &Part, s: &mut ScoreScratch<T>) -> T {
        let mut logit = [T::ZERO];
        self.block(common, &|_| (item, cross), (s, 0, Loss::Mse), &mut logit);
        logit[0]
    }

    /// Returns whether the model reads a slot.
    #[must_use]
    pub fn reads(&self, slot: u32) -> bool {
        match &self.whole {
            Whole::Linear(linear) => linear.reads(slot),
            Whole::Towers(towers) => towers.reads(slot),
            Whole::Matrix(matrix) => matrix.reads(slot),
            Whole::Graph(graph) => graph.reads(slot),
            Whole::Parts => [&self.common, &self.item, &self.cross]
                .into_iter()
                .any(|side| side.reads(slot)),
        }
    }

    /// Scores as many candidates as `out` has places; the bits are those of [`Scorer::score`] one by one.
    ///
    /// `candidate(i)` gives candidate i's item part and cross part; the latter is not read if the model has none.
    pub fn score_many<'c>(
        &self,
        common: &Hidden<T>,
        candidate: &dyn Fn(usize) -> (&'c Hidden<T>, &'c Part),
        s: &mut ScoreScratch<T>,
        out: &mut [T],
    ) {
        self.score_output(0, common, candidate, s, out);
    }

    /// The same of one of [`Scorer::outputs`], by its number.
    pub fn score_output<'c>(
        &self,
        output: usize,
        common: &Hidden<T>,
        candidate: &dyn Fn(usize) -> (&'c Hidden<T>, &'c Part),
        s: &mut ScoreScratch<T>,
        out: &mut [T],
    ) {
        for (b, out) in out.chunks_mut(BLOCK).enumerate() {
            self.block(common, &|i| candidate(b * BLOCK + i), (s, output, self.loss), out);
        }
    }

    /// Returns the names of what the model says of a candidate; the first is its score.
    #[must_use]
    pub fn outputs(&self) -> Vec<&str> {
        match &self.whole {
            Whole::Graph(graph) => graph.outputs().collect(),
            Whole::Linear(_) | Whole::Towers(_) | Whole::Matrix(_) | Whole::Parts => vec![SCORE],
        }
    }

    fn block<'c>(
        &self,
        common: &Hidden<T>,
        candidate: &dyn Fn(usize) -> (&'c Hidden<T>, &'c Part),
        (s, which, loss): (&mut ScoreScratch<T>, usize, Loss),
        out: &mut [T],
    ) {
        match &self.whole {
            Whole::Graph(graph) => return graph.block(common, candidate, &mut s.graph, (which, loss), out),
            Whole::Linear(linear) => return linear.block(common, candidate, (&mut s.cross, loss), out),
            Whole::Towers(towers) => return towers.block(common, candidate, loss, out),
            Whole::Matrix(matrix) => return matrix.block(common, candidate, out),
            Whole::Parts => {}
        }
        self.ask_ahead(out.len(), candidate);
        self.base(common, &mut s.base);
        // What it holds is overwritten.
        s.lower.resize(out.len() * self.bias.len(), T::ZERO);
        s.wide.clear();
        s.cross.vector.clear();
        for i in 0..out.len() {
            if i + AHEAD < out.len() {
                rows::prefetch(&candidate(i + AHEAD).0.first);
            }
            let (item, cross) = candidate(i);
            let mut wide = (self.output_bias + common.wide) + item.wide;
            if self.has_cross() {
                wide += self.cross.wide(cross);
            }
            self.first(i, item, cross, s);
            if self.pairs.is_some() {
                wide += pairs::pairs(&common.vector, &item.vector, &s.cross.vector, &mut s.product);
            }
            s.wide.push(wide);
        }
        self.climb(out.len(), s);
        for (i, out) in out.iter_mut().enumerate() {
            let mut logit = s.wide[i] + s.lower[i];
            if !self.product.is_empty() {
                let item = candidate(i).0;
                logit += product::product(&common.vector, &item.vector, &self.product, &mut s.product);
            }
            *out = output(logit, loss);
        }
    }

    /// The layers after the first, from `s.lower` to `s.lower`.
    fn climb(&self, rows: usize, s: &mut ScoreScratch<T>) {
        for layer in &self.upper {
            layer.forward(rows, &s.lower, &mut s.upper);
            std::mem::swap(&mut s.lower, &mut s.upper);
        }
    }

    /// Scores as many items as `out` has places where nothing of an item is kept: no [`Hidden`] is written, the parts meet
    /// in the product itself. The bits are those of [`Scorer::score`] of parts made one by one. False, and nothing is
    /// written, for models of which a score rests on more than the first layer.
    #[must_use]
    pub fn score_anew<'p>(
        &self,
        common: &Common<'_, 'p, T>,
        item: &dyn Fn(usize) -> &'p Part,
        s: &mut ScoreScratch<T>,
        out: &mut [T],
    ) -> bool {
        if !self.is_deep_alone() {
            return false;
        }
        for (b, out) in out.chunks_mut(BLOCK).enumerate() {
            let item = |i: usize| item(b * BLOCK + i);
            match common {
                Common::Kept(common) => self.base(common, &mut s.base),
                Common::Anew(part) => {
                    let part = |i: usize| part(b * BLOCK + i);
                    self.inputs(&self.common, &part, out.len(), s);
                    s.base.resize(out.len() * self.bias.len(), T::ZERO);
                    let (x, w) = (&s.inputs, &self.common.weight);
                    dense::affine_plus(out.len(), x, w, &self.bias, Activation::Linear, &mut s.base);
                }
            }
            self.inputs(&self.item, &item, out.len(), s);
            s.lower.resize(out.len() * self.bias.len(), T::ZERO);
            let (x, w) = (&s.inputs, &self.item.weight);
            dense::affine_plus(out.len(), x, w, &s.base, self.activation, &mut s.lower);
            self.climb(out.len(), s);
            let rest = (self.output_bias + T::ZERO) + T::ZERO;
            for (out, lower) in out.iter_mut().zip(&s.lower) {
                *out = output(rest + *lower, self.loss);
            }
        }
        true
    }

    /// Returns whether a score rests on user and item through the dense layers and on nothing else.
    fn is_deep_alone(&self) -> bool {
        let sides = [&self.common, &self.item];
        let alone = |side: &&Side<T>| side.is_deep() && side.wide.is_empty() && side.vector.is_empty();
        matches!(self.whole, Whole::Parts)
            && sides.iter().all(alone)
            && self.cross.is_empty()
            && self.pairs.is_none()
            && self.product.is_empty()
            && self.bias.len() > 1
    }

    /// Asks for the memory of all cross rows of a block before the first is read.
    fn ask_ahead<'c>(&self, count: usize, candidate: &dyn Fn(usize) -> (&'c Hidden<T>, &'c Part)) {
        if !self.has_cross() {
            return;
        }
        for cross in (0..count).map(|i| candidate(i).1) {
            for column in self.cross.columns.iter().chain(&self.cross.wide) {
                let (signs, _) = cross.sparse(column.slot.index);
                signs.iter().for_each(|sign| column.rows.prefetch(*sign));
            }
        }
    }

    /// `bias + common` of the first layer, the same for all candidates.
    fn base(&self, common: &Hidden<T>, out: &mut Vec<T>) {
        out.clear();
        out.extend(self.bias.iter().zip(&common.first).map(|(b, c)| *b + *c));
        if self.has_cross() && !self.cross.is_deep() {
            // The crosses' part is zeros: added here once, it leaves the bits of adding it to every sum (no −0).
            out.iter_mut().for_each(|sum| *sum += T::ZERO);
        }
    }

    /// Writes candidate i's `f(((bias + common) + item) + cross)` of the first layer to its place in `s.lower`.
    fn first(&self, i: usize, item: &Hidden<T>, cross: &Part, s: &mut ScoreScratch<T>) {
        let outputs = self.bias.len();
        let lower = &mut s.lower[i * outputs..(i + 1) * outputs];
        if self.cross.is_deep() {
            dense::sum(&s.base, &item.first, Activation::Linear, lower);
            self.deep(&self.cross, cross, &mut s.cross);
            dense::add(&s.cross.first, lower);
            self.activation.apply(lower);
        } else {
            dense::sum(&s.base, &item.first, self.activation, lower);
        }
    }

    fn side(&self, side: &Side<T>, part: &Part, out: &mut Hidden<T>) {
        self.deep(side, part, out);
        self.rest(side, part, out);
    }

    /// The wide and the product part.
    fn rest(&self, side: &Side<T>, part: &Part, out: &mut Hidden<T>) {
        out.wide = side.wide(part);
        if self.pairs.is_some() {
            return;
        }
        out.vector.clear();
        if !side.vector.is_empty() {
            out.vector.resize(self.product.len(), T::ZERO);
        }
        side.vector
            .iter()
            .for_each(|column| column.pool(part, &mut out.vector));
    }

    /// A group's part of the first layer, and the sums of its vectors where pairs are multiplied.
    fn deep(&self, side: &Side<T>, part: &Part, out: &mut Hidden<T>) {
        let (out, sums) = (&mut out.first, &mut out.vector);
        let outputs = self.bias.len();
        out.clear();
        out.resize(outputs + side.inputs, T::ZERO);
        let (first, inputs) = out.split_at_mut(outputs);
        side.gather(part, inputs);
        if side.is_deep() {
            dense::accumulate(inputs, &side.weight, first);
        }
        self.sums(side, inputs, sums);
        out.truncate(outputs);
    }

    /// The sums of a part's vectors, where pairs are multiplied.
    fn sums(&self, side: &Side<T>, inputs: &[T], out: &mut Vec<T>) {
        let Some(dim) = self.pairs else {
            return;
        };
        out.clear();
        out.resize(dim + 1, T::ZERO);
        let vectors = inputs.chunks_exact(dim).take(side.columns.len());
        vectors.for_each(|vector| pairs::add(vector, out));
    }

    /// [`Scorer::deep`] of many parts, their products together: the weights are read once for all of a block.
    fn deep_many<'p>(
        &self,
        side: &Side<T>,
        part: &dyn Fn(usize) -> &'p Part,
        s: &mut ScoreScratch<T>,
        out: &mut [Hidden<T>],
    ) {
        let (count, outputs, width) = (out.len(), self.bias.len(), side.inputs);
        self.inputs(side, part, count, s);
        s.lower.resize(count * outputs, T::ZERO);
        dense::affine_batch(
            count,
            &s.inputs,
            &side.weight,
            None,
            Activation::Linear,
            &mut s.lower,
        );
        let parts = s.lower.chunks_exact(outputs).zip(s.inputs.chunks_exact(width));
        for ((first, inputs), hidden) in parts.zip(out) {
            hidden.first.clear();
            hidden.first.extend_from_slice(first);
            self.sums(side, inputs, &mut hidden.vector);
        }
    }

    /// The first layer's inputs of many parts, to `s.inputs`.
    fn inputs<'p>(
        &self,
        side: &Side<T>,
        part: &dyn Fn(usize) -> &'p Part,
        count: usize,
        s: &mut ScoreScratch<T>,
    ) {
        s.inputs.resize(count * side.inputs, T::ZERO);
        for (run, inputs) in s.inputs.chunks_mut(RUN * side.inputs).enumerate() {
            let part = |i: usize| part(run * RUN + i);
            side.gather_run(&part, inputs, &mut s.looks);
        }
    }

    /// Everything of many parts.
    fn many<'p>(
        &self,
        side: &Side<T>,
        part: &dyn Fn(usize) -> &'p Part,
        s: &mut ScoreScratch<T>,
        out: &mut [Hidden<T>],
    ) {
        // one output is a dot product, which has no form for many rows
        let together = side.is_deep() && self.bias.len() > 1;
        for (b, out) in out.chunks_mut(BLOCK).enumerate() {
            let part = |i: usize| part(b * BLOCK + i);
            if together {
                self.deep_many(side, &part, s, out);
            }
            for (i, hidden) in out.iter_mut().enumerate() {
                if !together {
                    self.deep(side, part(i), hidden);
                }
                self.rest(side, part(i), hidden);
            }
        }
    }
}

impl<T: Real> Gather<T> {
    /// The pooled rows of many parts, one by one, from column `at` of rows of `inputs`.
    fn pool_run<'p>(&self, part: &dyn Fn(usize) -> &'p Part, (at, inputs): (usize, usize), out: &mut [T]) {
        let dim = self.rows.dim();
        for (i, row) in out.chunks_exact_mut(inputs).enumerate() {
            let content = part(i).sparse(self.slot.index);
            embedding::put(&*self.rows, self.pooling, content, &mut row[at..at + dim]);
        }
    }

    /// Adds the pooled row of a part to `out`.
    pub(crate) fn pool(&self, part: &Part, out: &mut [T]) {
        embedding::add(&*self.rows, self.pooling, part.sparse(self.slot.index), out);
    }

    /// Whether a part has a sign with a row of its own.
    pub(crate) fn knows(&self, part: &Part) -> bool {
        let missing = self.rows.missing().as_ptr();
        let own = |sign: &u64| !std::ptr::eq(self.rows.row(*sign).as_ptr(), missing);
        part.sparse(self.slot.index).0.iter().any(own)
    }
}

/// Where the numbers of dense slots lie, and how many they are, if each slot's follow those of the one before.
fn adjacent(slots: &[SlotSpec]) -> Option<(usize, usize)> {
    let from = slots.first()?.index;
    let end = slots
        .iter()
        .try_fold(from, |at, slot| (slot.index == at).then_some(at + width(slot)));
    end.map(|end| (from, end - from))
}

/// Copies a dense slot; a part that lacks it reads as zeros.
pub(crate) fn floats_of<T: Real>(part: &Part, slot: &SlotSpec, out: &mut [T]) {
    let floats = part.dense(slot.index, width(slot));
    if floats.len() < out.len() {
        out.fill(T::ZERO);
    }
    for (to, from) in out.iter_mut().zip(floats) {
        *to = T::of(f64::from(*from));
    }
}

/// Turns named tensors into a scorer, checking every shape.
pub(crate) struct Assembly<'a, T> {
    pub(crate) network: &'a Network,
    tables: &'a Tables<T>,
    tensors: &'a BTreeMap<String, Tensor<T>>,
    path: &'a Path,
}

impl<T: Real> Assembly<'_, T> {
    fn scorer(&self) -> Result<Scorer<T>, ModelError> {
        let network = self.network;
        if let Some(part) = &network.linear {
            return self.linear(part);
        }
        if let Some(towers) = &network.towers {
            return Ok(self.bare(Whole::Towers(Box::new(TowerScorer::new(towers, self)?))));
        }
        if let Some(matrix) = &network.matrix {
            return Ok(self.bare(Whole::Matrix(MatrixScorer::new(matrix, self)?)));
        }
        if let Some(graph) = &network.graph {
            return Ok(self.bare(Whole::Graph(GraphScorer::new(graph, self)?)));
        }
        let mut layers = Vec::new();
        for (i, (name, inputs, outputs)) in network.layers().into_iter().enumerate() {
            let weight = self.tensor(&format!("{name}.weight"), &[inputs, outputs])?;
            let bias = self.tensor(&format!("{name}.bias"), &[outputs])?;
            let activation = if i < network.hidden.len() {
                network.behind.own()
            } else {
                Activation::Linear
            };
            layers.push(Dense {
                weight,
                bias,
                activation,
            });
        }
        let first = layers.remove(0);
        // With hidden layers the output's bias joins the wide sum, otherwise it is the first layer's own.
        let output_bias = layers
            .last_mut()
            .map_or(T::ZERO, |l| std::mem::replace(&mut l.bias[0], T::ZERO));
        Ok(Scorer {
            common: self.side(Group::Common, &first.weight)?,
            item: self.side(Group::Item, &first.weight)?,
            cross: self.side(Group::Cross, &first.weight)?,
            bias: first.bias,
            activation: first.activation,
            upper: layers,
            output_bias,
            pairs: network.pairs,
            product: network
                .product
                .as_ref()
                .map_or(Ok(Vec::new()), |p| self.tensor("gmf.weight", &[p.dim]))?,
            loss: network.loss,
            whole: Whole::Parts,
        })
    }

    /// A linear model.
    fn linear(&self, part: &LinearPart) -> Result<Scorer<T>, ModelError> {
        let spec = part.table();
        let rows = self.rows(&spec)?;
        let bias = self.tensor(linear::BIAS, &[1])?[0];
        let linear = LinearScorer::new(part, rows, bias);
        Ok(self.bare(Whole::Linear(linear)))
    }

    /// A scorer without parts.
    fn bare(&self, whole: Whole<T>) -> Scorer<T> {
        Scorer {
            common: Side::empty(),
            item: Side::empty(),
            cross: Side::empty(),
            bias: Vec::new(),
            activation: Activation::Linear,
            upper: Vec::new(),
            output_bias: T::ZERO,
            pairs: None,
            product: Vec::new(),
            loss: self.network.loss,
            whole,
        }
    }

    fn side(&self, group: Group, weight: &[T]) -> Result<Side<T>, ModelError> {
        let network = self.network;
        let outputs = network.layers()[0].2;
        let mut side = Side::empty();
        let mut at = 0;
        let mut rows = |inputs: usize| {
            at += inputs * outputs;
            &weight[at - inputs * outputs..at]
        };
        for column in &network.deep {
            let weight = rows(network.dim(*column));
            if let Some(column) = self.gather(*column, group)? {
                side.weight.extend_from_slice(weight);
                side.sparse += column.rows.dim();
                side.indices.push(column.slot.index);
                side.sparse_results = side.sparse_results.max(column.slot.index + 1);
                side.columns.push(column);
            }
        }
        side.inputs = side.sparse;
        for slot in &network.dense {
            let weight = rows(width(slot));
            if slot.group == group {
                side.weight.extend_from_slice(weight);
                side.inputs += width(slot);
                side.dense.push(slot.clone());
            }
        }
        side.adjacent = adjacent(&side.dense);
        for column in &network.wide {
            side.wide.extend(self.gather(*column, group)?);
        }
        for column in network.product.iter().flat_map(|p| p.user.iter().chain(&p.item)) {
            side.vector.extend(self.gather(*column, group)?);
        }
        Ok(side)
    }

    /// A column with its table, if it is of the group.
    fn gather(&self, column: usize, group: Group) -> Result<Option<Gather<T>>, ModelError> {
        let found = self.column(column)?;
        Ok((found.slot.group == group).then_some(found))
    }

    /// A column with its table.
    pub(crate) fn column(&self, column: usize) -> Result<Gather<T>, ModelError> {
        let column = &self.network.columns[column];
        let rows = self.rows(&self.network.tables[column.table])?;
        let (slot, pooling) = (column.slot.clone(), column.pooling);
        Ok(Gather { slot, rows, pooling })
    }

    /// A table's rows.
    pub(crate) fn rows(&self, spec: &TableSpec) -> Result<Arc<dyn Rows<T>>, ModelError> {
        let rows = self.named(&spec.name, spec.dim)?;
        Ok(match spec.buckets {
            Some(buckets) => Arc::new(Shared::new(rows, buckets)),
            None => rows,
        })
    }

    /// The rows of a table of this name and width.
    pub(crate) fn named(&self, name: &str, dim: usize) -> Result<Arc<dyn Rows<T>>, ModelError> {
        match self.tables.get(name) {
            Some(rows) if rows.dim() == dim => Ok(Arc::clone(rows)),
            found => {
                let got = found.map_or("nothing".to_owned(), |rows| format!("rows of {}", rows.dim()));
                Err(self.fault(name, &format!("rows of {dim}"), got))
            }
        }
    }

    /// The parameters of a layer, block by block; `node` is its name.
    pub(crate) fn blocks(&self, node: &str, layer: &Layer) -> Result<Vec<Dense<T>>, ModelError> {
        let block = |block: BlockSpec| {
            let name = format!("{node}{}", block.name);
            let bias = || self.tensor(&format!("{name}.bias"), &[block.outputs]);
            Ok(Dense {
                weight: self.tensor(&format!("{name}.weight"), &[block.inputs, block.outputs])?,
                bias: if block.bias { bias()? } else { Vec::new() },
                activation: Activation::Linear,
            })
        };
        layer.blocks().into_iter().map(block).collect()
    }

    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<T>, ModelError> {
        match self.tensors.get(name) {
            Some(tensor) if tensor.shape == shape && tensor.data.len() == shape.iter().product::<usize>() => {
                Ok(tensor.data.clone())
            }
            Some(tensor) => Err(self.fault(name, &format!("{shape:?}"), format!("{:?}", tensor.shape))),
            None => Err(self.fault(name, &format!("{shape:?}"), "nothing".to_owned())),
        }
    }

    fn fault(&self, tensor: &str, expected: &str, got: String) -> ModelError {
        let (path, expected) = (self.path.to_owned(), expected.to_owned());
        ModelError::Tensor {
            path,
            tensor: tensor.to_owned(),
            expected,
            got,
        }
    }
}

#[cfg(test)]
mod tests;

//! Scoring with a graph, split by group.
//!
//! ```text
//! common    nodes of the common group               once per request
//! item      nodes of the item group                 once per item row
//! score     nodes of both, all candidates at once   per block
//! ```
//!
//! A part keeps only its *frontier*: what nodes of both groups read of it, one value after another. A dense layer of both
//! reads no values but their products, made with the part: `((bias + common) + item) + cross`, as everywhere.

use super::{Block, Graph, Keep, Layer, Node, View};
use crate::config::Loss;
use crate::error::ModelError;
use crate::layer::dense::Dense as Weights;
use crate::network::width;
use crate::scorer::{Assembly, Gather, Hidden, floats_of, output};
use rankine_feature::{Group, Part, SlotSpec};
use rankine_kernel::activation::Activation;
use rankine_kernel::{Real, dense};
use smallvec::SmallVec;

/// Views of a node's sources: more than these cost an allocation.
type Views<'a, T> = SmallVec<[View<'a, T>; 24]>;

/// A stretch of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    at: usize,
    len: usize,
}

/// A node ready to run.
struct Step<T> {
    layer: Layer,
    from: Vec<usize>,
    width: usize,
    group: Group,
    blocks: Vec<Weights<T>>,
    /// What an input or a sequence reads.
    columns: Vec<Gather<T>>,
    dense: Vec<SlotSpec>,
    /// Its value among those of its group.
    place: Place,
    /// Its value in the frontier of its part, if a node of both reads it.
    shown: Option<Place>,
    /// A dense layer of both: its products in the frontiers of common and item part.
    split: Option<[Place; 2]>,
}

/// Working memory of scoring.
#[derive(Debug, Default)]
pub(crate) struct GraphScratch<T> {
    /// Values of nodes of both, a node's rows one after another.
    values: Vec<T>,
    /// Item parts' frontiers, a row per candidate.
    items: Vec<T>,
    keep: Keep<T>,
}

/// A graph that scores.
pub(crate) struct GraphScorer<T> {
    steps: Vec<Step<T>>,
    /// Numbers of a row of all values, by group: common, item, cross.
    widths: [usize; 3],
    /// Numbers of the frontiers of common and item part.
    frontiers: [usize; 2],
    /// Served outputs.
    outputs: Vec<(String, usize)>,
}

fn number(group: Group) -> usize {
    match group {
        Group::Common => 0,
        Group::Item => 1,
        Group::Cross => 2,
    }
}

impl<T: Real> GraphScorer<T> {
    pub(crate) fn new(graph: &Graph, from: &Assembly<'_, T>) -> Result<GraphScorer<T>, ModelError> {
        let live = graph.live();
        let mut scorer = GraphScorer {
            steps: Vec::new(),
            widths: [0; 3],
            frontiers: [0; 2],
            outputs: graph.served().map(|o| (o.name.clone(), o.node)).collect(),
        };
        for (node, live) in graph.nodes.iter().zip(&live) {
            let step = Step::new(node, *live, from)?;
            scorer.place(step);
        }
        for at in 0..scorer.steps.len() {
            scorer.show(at);
        }
        for output in 0..scorer.outputs.len() {
            scorer.frontier(scorer.outputs[output].1);
        }
        Ok(scorer)
    }

    /// Gives a step's value its place.
    fn place(&mut self, mut step: Step<T>) {
        let size = &mut self.widths[number(step.group)];
        step.place = Place {
            at: *size,
            len: step.width,
        };
        *size += step.width;
        self.steps.push(step);
    }

    /// Has the parts show what the step at `at` reads of them.
    fn show(&mut self, at: usize) {
        if self.steps[at].is_dead() || self.steps[at].group != Group::Cross {
            return;
        }
        if matches!(self.steps[at].layer, Layer::Dense(_)) {
            let len = self.steps[at].width;
            let [common, item] = &mut self.frontiers;
            self.steps[at].split = Some([common, item].map(|size| {
                *size += len;
                Place { at: *size - len, len }
            }));
            return;
        }
        for from in self.steps[at].from.clone() {
            self.frontier(from);
        }
    }

    /// Puts a value of a part in its frontier, once.
    fn frontier(&mut self, at: usize) {
        let step = &mut self.steps[at];
        if step.group == Group::Cross || step.shown.is_some() {
            return;
        }
        let size = &mut self.frontiers[number(step.group)];
        step.shown = Some(Place {
            at: *size,
            len: step.width,
        });
        *size += step.width;
    }

    /// Names of the outputs.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|(name, _)| name.as_str())
    }

    /// Whether a node reads a slot.
    pub(crate) fn reads(&self, slot: u32) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| {
            let sparse = step.columns.iter().map(|column| &column.slot);
            sparse.chain(&step.dense).any(|spec| spec.slot == slot)
        })
    }

    /// Whether a node reads what rests on both sides.
    pub(crate) fn has_cross(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|s| s.group == Group::Cross && matches!(s.layer, Layer::Input(_) | Layer::Sequence(_)))
    }

    /// Computes a part: the frontier is its vector.
    pub(crate) fn side(&self, group: Group, part: &Part, out: &mut Hidden<T>) {
        let Hidden {
            first: values,
            vector,
            work: keep,
            ..
        } = out;
        values.clear();
        values.resize(self.widths[number(group)], T::ZERO);
        let own = self
            .steps
            .iter()
            .filter(|step| step.group == group && !step.is_dead());
        for step in own {
            let (before, now) = values.split_at_mut(step.place.at);
            step.run(
                1,
                &|_| part,
                &|from| View::same(self.value(from, before)),
                (&mut now[..step.width], &mut *keep),
            );
        }
        vector.clear();
        vector.resize(self.frontiers[number(group)], T::ZERO);
        self.fill(group, values, &mut keep.input, vector);
        out.wide = T::ZERO;
        out.first.clear();
        out.work.clear();
    }

    fn value<'a>(&self, at: usize, values: &'a [T]) -> &'a [T] {
        let place = self.steps[at].place;
        &values[place.at..place.at + place.len]
    }

    /// Writes the frontier of a part from its values.
    fn fill(&self, group: Group, values: &[T], input: &mut Vec<T>, out: &mut [T]) {
        for (at, step) in self.steps.iter().enumerate() {
            if let (Some(place), true) = (step.shown, step.group == group) {
                out[place.at..place.at + place.len].copy_from_slice(self.value(at, values));
            }
            let Some(split) = step.split else {
                continue;
            };
            let place = split[number(group)];
            let sums = &mut out[place.at..place.at + place.len];
            let mut row = 0;
            for from in &step.from {
                let source = &self.steps[*from];
                if source.group == group {
                    input.clear();
                    input.extend_from_slice(self.value(*from, values));
                    dense::accumulate(input, &step.blocks[0].weight[row * step.width..], sums);
                }
                row += source.width;
            }
        }
    }

    /// Computes an output of as many candidates as `out` has places.
    pub(crate) fn block<'c>(
        &self,
        common: &Hidden<T>,
        candidate: &dyn Fn(usize) -> (&'c Hidden<T>, &'c Part),
        s: &mut GraphScratch<T>,
        (which, loss): (usize, Loss),
        out: &mut [T],
    ) {
        let rows = out.len();
        let GraphScratch { values, items, keep } = s;
        items.clear();
        (0..rows).for_each(|i| items.extend_from_slice(&candidate(i).0.vector));
        values.resize(rows * self.widths[2], T::ZERO);
        let sides = (common.vector.as_slice(), items.as_slice());
        for step in self
            .steps
            .iter()
            .filter(|s| s.group == Group::Cross && !s.is_dead())
        {
            let (before, now) = values.split_at_mut(rows * step.place.at);
            let now = &mut now[..rows * step.width];
            let view = |from: usize| self.view(from, rows, sides, before);
            if let Some(split) = step.split {
                self.split((step, split), rows, sides, before, (now, &mut *keep));
            } else {
                step.run(rows, &|i| candidate(i).1, &view, (now, &mut *keep));
            }
        }
        let node = self.outputs[which].1;
        let view = self.view(node, rows, sides, values);
        out.iter_mut()
            .enumerate()
            .for_each(|(i, out)| *out = output(view.row(i)[0], loss));
    }

    /// A node's value as a node of both sees it.
    fn view<'a>(
        &self,
        at: usize,
        rows: usize,
        (common, items): (&'a [T], &'a [T]),
        values: &'a [T],
    ) -> View<'a, T> {
        let step = &self.steps[at];
        let width = step.width;
        match (step.group, step.shown) {
            (Group::Cross, _) | (_, None) => {
                View::rows(&values[rows * step.place.at..][..rows * width], width)
            }
            (Group::Common, Some(place)) => View::same(&common[place.at..place.at + width]),
            (Group::Item, Some(place)) => View {
                data: items.get(place.at..).unwrap_or_default(),
                width,
                stride: self.frontiers[1],
            },
        }
    }

    /// A dense layer of both: `f(((bias + common) + item) + cross)`.
    fn split(
        &self,
        (step, [common, item]): (&Step<T>, [Place; 2]),
        rows: usize,
        sides: (&[T], &[T]),
        before: &[T],
        (out, keep): (&mut [T], &mut Keep<T>),
    ) {
        let (width, bias) = (step.width, &step.blocks[0].bias);
        let shared = &sides.0[common.at..common.at + width];
        for (i, out) in out.chunks_exact_mut(width).enumerate() {
            let own = &sides.1[i * self.frontiers[1] + item.at..][..width];
            for (k, out) in out.iter_mut().enumerate() {
                *out = (bias[k] + shared[k]) + own[k];
            }
        }
        let mut row = 0;
        for from in &step.from {
            let source = &self.steps[*from];
            let weight = &step.blocks[0].weight[row * width..(row + source.width) * width];
            row += source.width;
            if source.group == Group::Cross {
                let x = &before[rows * source.place.at..][..rows * source.width];
                add(rows, x, weight, (&mut *out, &mut keep.values));
            }
        }
        let Layer::Dense(layer) = &step.layer else {
            return;
        };
        layer.activation.apply(out);
    }
}

/// `out += x·w`; a product with one column is a dot.
fn add<T: Real>(rows: usize, x: &[T], w: &[T], (out, sums): (&mut [T], &mut Vec<T>)) {
    sums.clear();
    sums.resize(out.len(), T::ZERO);
    dense::affine_batch(rows, x, w, None, Activation::Linear, sums);
    dense::add(sums, out);
}

impl<T: Real> Step<T> {
    fn new(node: &Node, live: bool, from: &Assembly<'_, T>) -> Result<Step<T>, ModelError> {
        let mut step = Step {
            layer: node.layer.clone(),
            from: node.from.clone(),
            width: if live { node.width } else { 0 },
            group: node.group,
            blocks: Vec::new(),
            columns: Vec::new(),
            dense: Vec::new(),
            place: Place { at: 0, len: 0 },
            shown: None,
            split: None,
        };
        let mut columns: &[usize] = &[];
        if let Layer::Input(input) = &node.layer {
            step.dense = from.network.dense[input.dense.clone()].to_vec();
            columns = &input.columns;
        } else if let Layer::Sequence(sequence) = &node.layer {
            columns = &sequence.columns;
        }
        for column in columns {
            step.columns.push(from.column(*column)?);
        }
        step.blocks = from.blocks(&node.name, &node.layer)?;
        Ok(step)
    }

    /// Whether no served output rests on it.
    fn is_dead(&self) -> bool {
        self.width == 0
    }

    /// Computes `rows` rows.
    fn run<'a, 'p>(
        &self,
        rows: usize,
        part: &dyn Fn(usize) -> &'p Part,
        view: &dyn Fn(usize) -> View<'a, T>,
        (out, keep): (&mut [T], &mut Keep<T>),
    ) where
        T: 'a,
    {
        if let Layer::Input(_) = &self.layer {
            let rows = out.chunks_exact_mut(self.width).enumerate();
            return rows.for_each(|(i, out)| self.input(part(i), out));
        }
        if let Layer::Sequence(sequence) = &self.layer {
            let shape = (sequence.dim, sequence.length);
            let rows = out.chunks_exact_mut(self.width).enumerate();
            return rows.for_each(|(i, out)| self.sequence(part(i), shape, out));
        }
        let from: Views<'_, T> = self.from.iter().map(|from| view(*from)).collect();
        let blocks = self.blocks.iter().map(|block| Block {
            weight: &block.weight,
            bias: &block.bias,
        });
        let blocks: SmallVec<[Block<'_, T>; 4]> = blocks.collect();
        self.layer.forward(rows, &from, &blocks, out, keep);
    }

    fn input(&self, part: &Part, mut out: &mut [T]) {
        for column in &self.columns {
            let (x, rest) = out.split_at_mut(column.rows.dim());
            x.fill(T::ZERO);
            column.pool(part, x);
            out = rest;
        }
        for slot in &self.dense {
            let (x, rest) = out.split_at_mut(width(slot));
            floats_of(part, slot, x);
            out = rest;
        }
    }

    fn sequence(&self, part: &Part, (dim, length): (usize, usize), out: &mut [T]) {
        out.fill(T::ZERO);
        let lists = self.columns.iter().map(|column| part.sparse(column.slot.index));
        let there = lists.map(|(signs, _)| signs.len()).min().unwrap_or(0).min(length);
        let mut at = 0;
        for column in &self.columns {
            let (signs, weights) = part.sparse(column.slot.index);
            let latest = signs.iter().zip(weights).take(there).rev();
            for (t, (sign, weight)) in latest.enumerate() {
                let to = &mut out[t * dim + at..][..column.rows.dim()];
                dense::axpy(T::of(f64::from(*weight)), column.rows.row(*sign), to);
            }
            at += column.rows.dim();
        }
        if let Some(last) = out.last_mut() {
            *last = T::of(there as f64);
        }
    }
}

//! Scoring with towers.
//!
//! ```text
//! common    the user's vector and the context's number   once per request
//! item      the item's vector                            once per item row, or from a dictionary of vectors
//! logit = user · item + context                          per candidate
//! ```

use super::{Tower, Towers};
use crate::config::Loss;
use crate::error::ModelError;
use crate::layer::dense::Dense;
use crate::network::{Network, width};
use crate::scorer::{Assembly, Gather, Hidden, floats_of, output};
use rankine_feature::{Group, Part, SlotSpec};
use rankine_kernel::activation::Activation;
use rankine_kernel::{Real, dense};

/// One tower.
struct Stack<T> {
    columns: Vec<Gather<T>>,
    dense: Vec<SlotSpec>,
    layers: Vec<Dense<T>>,
}

/// Towers that score.
pub(crate) struct TowerScorer<T> {
    user: Stack<T>,
    item: Stack<T>,
    context: Stack<T>,
    dim: usize,
}

impl<T: Real> TowerScorer<T> {
    pub(crate) fn new(towers: &Towers, from: &Assembly<'_, T>) -> Result<TowerScorer<T>, ModelError> {
        let stack = |tower| Stack::new(tower, from);
        Ok(TowerScorer {
            user: stack(&towers.user)?,
            item: stack(&towers.item)?,
            context: stack(&towers.context)?,
            dim: towers.dim(),
        })
    }

    /// Whether a tower reads a slot.
    pub(crate) fn reads(&self, slot: u32) -> bool {
        [&self.user, &self.item, &self.context].into_iter().any(|tower| {
            let sparse = tower.columns.iter().map(|column| &column.slot);
            sparse.chain(&tower.dense).any(|spec| spec.slot == slot)
        })
    }

    /// Numbers of an item's vector.
    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    /// Computes what rests on one group; nothing rests on both.
    pub(crate) fn side(&self, group: Group, part: &Part, out: &mut Hidden<T>) {
        out.wide = T::ZERO;
        if group == Group::Item {
            return self.item.run(part, (&mut out.first, &mut out.vector));
        }
        self.context.run(part, (&mut out.first, &mut out.vector));
        out.wide = out.vector.first().copied().unwrap_or(T::ZERO);
        self.user.run(part, (&mut out.first, &mut out.vector));
    }

    /// Scores candidates, each by itself.
    pub(crate) fn block<'c>(
        &self,
        common: &Hidden<T>,
        candidate: &dyn Fn(usize) -> (&'c Hidden<T>, &'c Part),
        loss: Loss,
        out: &mut [T],
    ) {
        for (i, out) in out.iter_mut().enumerate() {
            let item = candidate(i).0;
            let logit = dense::dot(&common.vector, &item.vector) + common.wide;
            *out = output(logit, loss);
        }
    }
}

impl<T: Real> Stack<T> {
    fn new(tower: &Tower, from: &Assembly<'_, T>) -> Result<Stack<T>, ModelError> {
        let network: &Network = from.network;
        let columns = tower.columns.iter().map(|place| from.column(*place));
        let columns = columns.collect::<Result<_, ModelError>>()?;
        let named = tower.layers(network);
        let last = named.len().saturating_sub(1);
        let layer = |(i, (name, inputs, outputs)): (usize, (String, usize, usize))| {
            let weight = match inputs {
                0 => Vec::new(),
                _ => from.tensor(&format!("{name}.weight"), &[inputs, outputs])?,
            };
            Ok(Dense {
                weight,
                bias: from.tensor(&format!("{name}.bias"), &[outputs])?,
                activation: if i < last {
                    network.activation
                } else {
                    Activation::Linear
                },
            })
        };
        let layers = named.into_iter().enumerate().map(layer);
        Ok(Stack {
            columns,
            dense: network.dense[tower.dense.clone()].to_vec(),
            layers: layers.collect::<Result<_, ModelError>>()?,
        })
    }

    /// Runs the tower on one part; the result is in `y`, `x` is working memory.
    fn run(&self, part: &Part, (x, y): (&mut Vec<T>, &mut Vec<T>)) {
        self.input(part, y);
        for layer in &self.layers {
            std::mem::swap(x, y);
            if x.is_empty() {
                y.clone_from(&layer.bias);
            } else {
                layer.forward(1, x, y);
            }
        }
        x.clear();
    }

    fn input(&self, part: &Part, x: &mut Vec<T>) {
        x.clear();
        for column in &self.columns {
            let at = x.len();
            x.resize(at + column.rows.dim(), T::ZERO);
            column.pool(part, &mut x[at..]);
        }
        for slot in &self.dense {
            let at = x.len();
            x.resize(at + width(slot), T::ZERO);
            floats_of(part, slot, &mut x[at..]);
        }
    }
}

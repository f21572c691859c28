//! Scoring with towers.
//!
//! ```text
//! common    the user's vector and the context's number   once per request
//! item      the item's vector                            once per item row, or from a dictionary of vectors
//! logit = user · item + context                          per candidate
//! ```
//!
//! The user's vector is the one that [`Combination::user`] makes, the item's that of [`Combination::item`]: whatever the
//! model combines them by, a candidate costs one dot product, also where its vector comes from a dictionary.

use super::excitation::Excitation;
use super::preference::Sight;
use super::{COMBINE, Combination, Tower, Towers};
use crate::config::Loss;
use crate::error::ModelError;
use crate::graph::Keep;
use crate::layer::dense::Dense;
use crate::layer::stacked::Stacked;
use crate::network::{Network, width};
use crate::scorer::{Assembly, Gather, Hidden, floats_of, output};
use rankine_feature::{Group, Part, SlotSpec};
use rankine_kernel::activation::Activation;
use rankine_kernel::{Real, dense};

/// One tower.
struct Stack<T> {
    columns: Vec<Gather<T>>,
    dense: Vec<SlotSpec>,
    preference: Option<Sight>,
    excitation: Option<Excitation<T>>,
    layers: Vec<Stacked<T>>,
}

/// Working memory of a tower, and its output.
type Buffers<'a, T> = (&'a mut Vec<T>, &'a mut Vec<T>, &'a mut Keep<T>);

/// What a tower runs in, of a part that is made.
fn buffers<T>(out: &mut Hidden<T>) -> Buffers<'_, T> {
    (&mut out.first, &mut out.vector, &mut out.work)
}

/// Towers that score.
pub(crate) struct TowerScorer<T> {
    user: Stack<T>,
    item: Stack<T>,
    context: Stack<T>,
    dim: usize,
    combination: Combination,
    /// One over the temperature.
    scale: T,
    /// Weights of the combination; empty where it has none.
    weights: Vec<T>,
    /// The one side that is there, if but one is.
    only: Option<Group>,
}

impl<T: Real> TowerScorer<T> {
    pub(crate) fn new(towers: &Towers, from: &Assembly<'_, T>) -> Result<TowerScorer<T>, ModelError> {
        let stack = |tower| Stack::new(tower, from);
        Ok(TowerScorer {
            user: stack(&towers.user)?,
            item: stack(&towers.item)?,
            context: stack(&towers.context)?,
            dim: towers.dim,
            combination: towers.combination,
            only: towers.only,
            scale: T::of(1.0 / towers.temperature),
            weights: match towers.weights() {
                Some(inputs) => from.tensor(COMBINE, &[inputs])?,
                None => Vec::new(),
            },
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
        if self.lacks(group) {
            out.first.clear();
            out.vector.clear();
            return out.vector.resize(self.dim, T::ONE);
        }
        if group == Group::Item {
            self.item.run(part, buffers(out));
            return self.combination.item(&mut out.vector);
        }
        self.context.run(part, buffers(out));
        out.wide = out.vector.first().copied().unwrap_or(T::ZERO);
        self.user.run(part, buffers(out));
        out.wide += self.combination.user(&self.weights, self.scale, &mut out.vector);
    }

    /// Computes a tower's own output, before anything is combined.
    pub(crate) fn output(&self, group: Group, part: &Part, out: &mut Hidden<T>) {
        let tower = if group == Group::Item {
            &self.item
        } else {
            &self.user
        };
        tower.run(part, buffers(out));
    }

    /// Whether the side that rests on a group is not there.
    pub(crate) fn lacks(&self, group: Group) -> bool {
        self.only.is_some_and(|only| only != group)
    }

    /// Computes an item's vector as if its preference were missing.
    pub(crate) fn cold_item(&self, part: &Part, out: &mut Hidden<T>) {
        out.wide = T::ZERO;
        self.item.run_as(false, part, buffers(out));
        self.combination.item(&mut out.vector);
    }

    /// How the vectors meet.
    pub(crate) fn combination(&self) -> Combination {
        self.combination
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
        let layers = named
            .iter()
            .enumerate()
            .map(|(i, named)| Stacked::new(from, named, tower.behind(network, i)));
        let excitation = match tower.excitation(network).as_slice() {
            [squeeze, excite] => Some(Excitation {
                fields: tower.fields(network),
                squeeze: layer(from, squeeze, Activation::Relu)?,
                excite: layer(from, excite, Activation::Sigmoid)?,
            }),
            _ => None,
        };
        Ok(Stack {
            columns,
            dense: network.dense[tower.dense.clone()].to_vec(),
            preference: Sight::new(tower, network),
            excitation,
            layers: layers.collect::<Result<_, ModelError>>()?,
        })
    }

    /// Runs the tower on one part; the result is in the second buffer.
    fn run(&self, part: &Part, buffers: Buffers<'_, T>) {
        let seen = self
            .preference
            .as_ref()
            .is_some_and(|sight| sight.sees(&self.columns, part));
        self.run_as(seen, part, buffers);
    }

    /// The same, its preference there or not as `seen` says.
    fn run_as(&self, seen: bool, part: &Part, (x, y, keep): Buffers<'_, T>) {
        self.input(part, y);
        if let Some(sight) = &self.preference {
            sight.mark(seen, y);
        }
        if let Some(excitation) = &self.excitation {
            excitation.apply(y, x);
        }
        self.layers.iter().for_each(|layer| layer.row(x, y, keep));
        x.clear();
        keep.clear();
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

/// A plain layer by its name and shape.
fn layer<T: Real>(
    from: &Assembly<'_, T>,
    (name, inputs, outputs): &(String, usize, usize),
    activation: Activation,
) -> Result<Dense<T>, ModelError> {
    Ok(Dense {
        weight: from.tensor(&format!("{name}.weight"), &[*inputs, *outputs])?,
        bias: from.tensor(&format!("{name}.bias"), &[*outputs])?,
        activation,
    })
}

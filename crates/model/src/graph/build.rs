//! Building graphs: inputs by group, stacks of dense layers, and nodes with their width and group.

use super::{
    Aim, Behind, Concat, Dense, Dropout, Graph, Input, Layer, Node, Operation, Output, Sequence, Sum, joined,
};
use crate::config::ModelConfig;
use crate::network::{Builder, width};
use rankine_config::Located;
use rankine_feature::{Group, SlotKind};
use rankine_kernel::activation::Activation;
use std::collections::BTreeSet;

/// Groups in the order of inputs, with what their nodes are called.
const GROUPS: [(Group, &str); 3] = [
    (Group::Common, "common"),
    (Group::Item, "item"),
    (Group::Cross, "cross"),
];

/// What the score of a graph with one output is called.
pub(crate) const SCORE: &str = "score";

impl Graph {
    /// Adds a node and returns its number. The layer must fit its sources.
    pub(crate) fn add(&mut self, name: impl Into<String>, layer: Layer, from: &[usize]) -> usize {
        let width = layer.width();
        let groups = from.iter().map(|from| self.nodes[*from].group);
        let group = groups.reduce(joined).unwrap_or(Group::Common);
        self.push(name.into(), layer, from, (width, group))
    }

    fn push(&mut self, name: String, layer: Layer, from: &[usize], (width, group): (usize, Group)) -> usize {
        self.nodes.push(Node {
            name,
            layer,
            from: from.to_vec(),
            width,
            group,
        });
        self.nodes.len() - 1
    }

    /// Numbers of some nodes side by side.
    pub(crate) fn wide(&self, nodes: &[usize]) -> usize {
        nodes.iter().map(|node| self.nodes[*node].width).sum()
    }

    /// Adds a dense layer over some nodes.
    pub(crate) fn dense(
        &mut self,
        name: &str,
        from: &[usize],
        outputs: usize,
        activation: Activation,
    ) -> usize {
        let layer = Dense {
            inputs: self.wide(from),
            outputs,
            activation,
        };
        self.add(name, Layer::Dense(layer), from)
    }

    /// Adds hidden layers as the model file wants them: product, norm, activation, dropout. Without sizes the sources
    /// come back.
    pub(crate) fn stack(
        &mut self,
        name: &str,
        from: &[usize],
        sizes: &[usize],
        config: &ModelConfig,
    ) -> Vec<usize> {
        let (mut from, behind) = (from.to_vec(), Behind::of(config));
        for (i, size) in sizes.iter().enumerate() {
            let name = format!("{name}.{i}");
            let mut node = self.dense(&name, &from, *size, behind.own());
            for (name, layer) in behind.layers(&name, *size) {
                node = self.add(name, layer, &[node]);
            }
            from = vec![self.dropped(&name, node, config.hidden_dropout())];
        }
        from
    }

    fn dropped(&mut self, name: &str, node: usize, share: f64) -> usize {
        if share <= 0.0 {
            return node;
        }
        let layer = Dropout {
            width: self.nodes[node].width,
            share,
            number: node as u64,
        };
        self.add(format!("{name}.dropout"), Layer::Dropout(layer), &[node])
    }

    /// Adds nodes side by side as one value; a single node is it.
    pub(crate) fn concat(&mut self, name: &str, from: &[usize]) -> usize {
        if let [one] = from {
            return *one;
        }
        let width = self.wide(from);
        self.add(name, Layer::Concat(Concat { width }), from)
    }

    /// Adds the sum of some numbers.
    pub(crate) fn sum(&mut self, name: &str, from: &[usize]) -> usize {
        if let [one] = from {
            return *one;
        }
        self.add(name, Layer::Sum(Sum { width: 1 }), from)
    }

    /// Makes a node the one output, which learns the label.
    pub(crate) fn answer(&mut self, node: usize) {
        let aim = Aim::Label {
            label: 0,
            weight: 1.0,
        };
        self.output(SCORE, node, aim);
    }

    /// Adds an output.
    pub(crate) fn output(&mut self, name: impl Into<String>, node: usize, aim: Aim) {
        self.outputs.push(Output {
            name: name.into(),
            node,
            aim,
        });
    }
}

impl Layer {
    /// Numbers of the value; 0 of inputs, which the builder knows.
    fn width(&self) -> usize {
        dispatch!(self, op => op.width(), 0)
    }
}

impl Builder<'_> {
    /// Adds an input node per group over the embedding columns and dense slots of the file, but those in `apart`.
    pub(crate) fn inputs(&mut self, graph: &mut Graph, apart: &BTreeSet<u32>) -> Vec<usize> {
        let config = self.config;
        let mut nodes = Vec::new();
        for (group, name) in GROUPS {
            let columns = self.columns_of(group, apart);
            let from = self.network().dense.len();
            for slot in &config.dense.slots {
                self.dense_of(slot, group);
            }
            let dense = from..self.network().dense.len();
            let numbers: usize = self.network().dense[dense.clone()].iter().map(width).sum();
            let size = columns.iter().map(|c| self.network().dim(*c)).sum::<usize>() + numbers;
            if size > 0 {
                let layer = Layer::Input(Input { columns, dense });
                nodes.push(graph.push(format!("input.{name}"), layer, &[], (size, group)));
            }
        }
        nodes
    }

    /// Adds the embedding columns of a group, but those in `apart`.
    fn columns_of(&mut self, group: Group, apart: &BTreeSet<u32>) -> Vec<usize> {
        let config = self.config;
        let slots = config.embedding.iter().flat_map(|e| &e.slots);
        let of_group = |slot: &&Located<u32>, builder: &Self| {
            let spec = builder.plan().slot(slot.value);
            // a slot that is nowhere is told of once
            !apart.contains(&slot.value) && spec.map_or(group == Group::Cross, |spec| spec.group == group)
        };
        let slots: Vec<_> = slots.filter(|slot| of_group(slot, self)).collect();
        slots.into_iter().filter_map(|slot| self.embedded(slot)).collect()
    }

    /// Adds a dense slot if it is of the group.
    fn dense_of(&mut self, slot: &Located<u32>, group: Group) {
        match self.plan().slot(slot.value) {
            Some(spec) if spec.kind == SlotKind::Sparse || spec.group != group => {
                if group == Group::Cross && spec.kind == SlotKind::Sparse {
                    let message = format!("slot {} is sparse, `dense` takes floats", slot.value);
                    self.fault(slot, "slots", message);
                }
            }
            None if group != Group::Cross => {}
            _ => {
                if let Some(spec) = self.find(slot) {
                    self.network_mut().dense.push(spec);
                }
            }
        }
    }

    /// Adds an input of one embedding slot.
    pub(crate) fn field(&mut self, graph: &mut Graph, name: &str, slots: &[Located<u32>]) -> Option<usize> {
        let columns: Vec<usize> = slots.iter().filter_map(|slot| self.embedded(slot)).collect();
        self.columns(graph, name, columns)
    }

    /// Adds an input of columns; none of no columns.
    pub(crate) fn columns(&self, graph: &mut Graph, name: &str, columns: Vec<usize>) -> Option<usize> {
        let group = self.group_of(&columns)?;
        let size = columns.iter().map(|c| self.network().dim(*c)).sum();
        let layer = Layer::Input(Input { columns, dense: 0..0 });
        Some(graph.push(name.to_owned(), layer, &[], (size, group)))
    }

    /// Adds a sequence over list slots.
    pub(crate) fn sequence(
        &mut self,
        graph: &mut Graph,
        name: &str,
        slots: &[Located<u32>],
        length: usize,
    ) -> Option<usize> {
        let columns: Vec<usize> = slots.iter().filter_map(|slot| self.listed(slot)).collect();
        let group = self.group_of(&columns)?;
        let dim = columns.iter().map(|c| self.network().dim(*c)).sum();
        let sequence = Sequence { columns, length, dim };
        let size = sequence.width();
        Some(graph.push(name.to_owned(), Layer::Sequence(sequence), &[], (size, group)))
    }

    fn group_of(&self, columns: &[usize]) -> Option<Group> {
        let groups = columns.iter().map(|c| self.network().columns[*c].slot.group);
        groups.reduce(joined)
    }

    /// Adds the wide part, and wide columns added before, as a node of one number; none without any.
    pub(crate) fn wide_node(&mut self, graph: &mut Graph) -> Option<usize> {
        let config = self.config;
        for (slot, wide) in config
            .wide
            .iter()
            .flat_map(|w| w.slots.iter().map(move |s| (s, w)))
        {
            self.wide(slot, &wide.into());
        }
        let columns: Vec<usize> = self.network_mut().wide.drain(..).collect();
        let mut nodes = Vec::new();
        for (group, name) in GROUPS {
            let network = self.network();
            let own = columns.iter().copied();
            let own: Vec<usize> = own.filter(|c| network.columns[*c].slot.group == group).collect();
            if !own.is_empty() {
                let size = own.len();
                let layer = Layer::Input(Input {
                    columns: own,
                    dense: 0..0,
                });
                nodes.push(graph.push(format!("wide.{name}"), layer, &[], (size, group)));
            }
        }
        if nodes.is_empty() {
            return None;
        }
        Some(graph.add("wide", Layer::Sum(Sum { width: 1 }), &nodes))
    }

    /// Makes the network this graph.
    pub(crate) fn graph(&mut self, graph: Graph) {
        self.network_mut().graph = Some(graph);
    }
}

//! A network's outline: its nodes with widths, parameters and sources, for people to read.
//!
//! Flow: [`Network`] → [`Outline`] → a summary like Keras's ([`std::fmt::Display`]), a Graphviz file ([`Outline::dot`]), a
//! picture. Decision: parameters are counted from the network's own list of tensors, by name, so that a summary cannot
//! forget what the weights file has: what no node claims stands in a line of its own.

mod dot;
mod parts;
mod text;

use crate::network::{Network, Pooling, TensorSpec};
use std::collections::BTreeSet;

/// What a node's parameters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// That many numbers.
    Dense(usize),
    /// That many numbers per row; how many rows there are, training finds.
    Rows(usize),
}

/// A node of an outline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineNode {
    /// Name; its tensors begin with it.
    pub name: String,
    /// What it does, in a word or two.
    pub what: String,
    /// Numbers it gives per sample.
    pub width: usize,
    /// Its parameters.
    pub size: Size,
    /// The nodes it reads, all before it.
    pub from: Vec<usize>,
}

/// A network for people to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// The kind of model.
    pub kind: String,
    /// In an order in which each reads only what stands before it.
    pub nodes: Vec<OutlineNode>,
    /// The nodes that are served, by name.
    pub outputs: Vec<(String, usize)>,
}

impl Network {
    /// Returns what the network consists of.
    #[must_use]
    pub fn outline(&self) -> Outline {
        let mut drawing = Drawing::new(self);
        parts::draw(&mut drawing);
        drawing.finish()
    }
}

impl Outline {
    /// Returns the dense parameters of all nodes.
    #[must_use]
    pub fn dense(&self) -> usize {
        let count = |node: &OutlineNode| match node.size {
            Size::Dense(count) => count,
            Size::Rows(_) => 0,
        };
        self.nodes.iter().map(count).sum()
    }

    /// Returns the tables.
    pub fn tables(&self) -> impl Iterator<Item = &OutlineNode> {
        self.nodes
            .iter()
            .filter(|node| matches!(node.size, Size::Rows(_)))
    }
}

/// An outline while it is drawn.
struct Drawing<'a> {
    network: &'a Network,
    tensors: Vec<TensorSpec>,
    outline: Outline,
}

impl<'a> Drawing<'a> {
    fn new(network: &'a Network) -> Drawing<'a> {
        let mut drawing = Drawing {
            network,
            tensors: network.tensors(),
            outline: Outline {
                kind: network.kind.name().to_owned(),
                ..Outline::default()
            },
        };
        let of_matrix = network.matrix.iter().flat_map(|matrix| matrix.tables());
        let tables: Vec<_> = if network.tables.is_empty() {
            of_matrix.collect()
        } else {
            network.tables.clone()
        };
        for (index, table) in tables.iter().enumerate() {
            let what = drawing.table(index);
            drawing.push(OutlineNode {
                name: format!("emb.{}", table.name),
                what,
                width: table.dim,
                size: Size::Rows(table.dim),
                from: Vec::new(),
            });
        }
        drawing
    }

    /// What reads a table: its slots, and how several signs become one vector.
    fn table(&self, index: usize) -> String {
        let columns = || self.network.columns.iter().filter(|column| column.table == index);
        let slots: BTreeSet<u32> = columns().map(|column| column.slot.slot).collect();
        let slots: Vec<String> = slots.iter().map(u32::to_string).collect();
        let pooling = columns().next().map_or("", |column| match column.pooling {
            Pooling::Sum => ", sum",
            Pooling::Mean => ", mean",
            Pooling::Apart => ", row by row",
        });
        if slots.is_empty() {
            return "table".to_owned();
        }
        let word = if slots.len() == 1 { "slot" } else { "slots" };
        format!("table of {word} {}{pooling}", slots.join(" "))
    }

    /// Adds a node.
    fn push(&mut self, node: OutlineNode) -> usize {
        self.outline.nodes.push(node);
        self.outline.nodes.len() - 1
    }

    /// Adds a node that has all tensors whose names begin with its own and a dot.
    fn node(&mut self, name: &str, what: impl Into<String>, width: usize, from: Vec<usize>) -> usize {
        let parameters = self.claim(|tensor| {
            let rest = tensor.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        self.sized(name, what, (width, parameters), from)
    }

    /// Adds a node with this many numbers of its own.
    fn sized(
        &mut self,
        name: &str,
        what: impl Into<String>,
        (width, parameters): (usize, usize),
        from: Vec<usize>,
    ) -> usize {
        self.push(OutlineNode {
            name: name.to_owned(),
            what: what.into(),
            width,
            size: Size::Dense(parameters),
            from,
        })
    }

    /// Takes the tensors of these names out of what is left; returns how many numbers they have.
    fn claim(&mut self, is: impl Fn(&str) -> bool) -> usize {
        let (own, left) = std::mem::take(&mut self.tensors)
            .into_iter()
            .partition(|tensor| is(&tensor.name));
        self.tensors = left;
        let own: Vec<TensorSpec> = own;
        own.iter().map(|t| t.shape.iter().product::<usize>()).sum()
    }

    /// Adds an input over columns and dense slots: tables, then numbers.
    fn input(&mut self, name: &str, columns: &[usize], dense: usize) -> usize {
        let tables = columns.iter().map(|c| self.network.columns[*c].table);
        let mut from: Vec<usize> = tables.collect();
        from.sort_unstable();
        from.dedup();
        let width: usize = columns.iter().map(|c| self.network.dim(*c)).sum();
        let count = |count: usize, word: &str| match count {
            0 => None,
            1 => Some(format!("1 {word}")),
            count => Some(format!("{count} {word}s")),
        };
        let what = [count(columns.len(), "vector"), count(dense, "number")];
        let what: Vec<String> = what.into_iter().flatten().collect();
        let what = what.join(", ");
        self.node(name, what, width + dense, from)
    }

    fn output(&mut self, name: &str, node: usize) {
        self.outline.outputs.push((name.to_owned(), node));
    }

    fn finish(mut self) -> Outline {
        let left = self.claim(|_| true);
        if left > 0 {
            self.push(OutlineNode {
                name: "other".to_owned(),
                what: "tensors beside the layers".to_owned(),
                width: 0,
                size: Size::Dense(left),
                from: Vec::new(),
            });
        }
        self.outline
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{graph, testing};

    fn outline(model: &str) -> Outline {
        testing::network(model).outline()
    }

    /// Networks of every kind that has layers.
    fn networks() -> Vec<(String, Network)> {
        let stacks = testing::MODELS.into_iter().chain([testing::DROPOUT]);
        let files = stacks.map(str::to_owned).chain(graph::tests::models());
        let mut all: Vec<_> = files
            .map(|text| (text.clone(), testing::network(&text)))
            .collect();
        let conf = testing::CONF.replace("label = [\"label\"]", "label = [\"label\", \"bought\"]");
        let plan = rankine_feature::Plan::compile(&conf, "conf.toml", None).unwrap();
        for rest in [
            "kind = \"esmm\"\nhidden = [5]\n",
            "kind = \"mmoe\"\nexperts = { hidden = [5] }\n",
            "kind = \"ple\"\nexperts = { hidden = [5], levels = 2 }\ntask = { hidden = [3] }\n",
        ] {
            let text = format!("{}{rest}labels = [\"label\", \"bought\"]\n", graph::tests::ALL);
            let config = crate::ModelConfig::parse(&text, "model.toml").unwrap();
            all.push((text, Network::compile(&config, &plan).unwrap()));
        }
        all
    }

    #[test]
    fn every_dense_number_is_counted_once_and_sources_stand_before() {
        for (model, network) in networks() {
            let found = network.outline();
            let tensors = network.tensors();
            let all: usize = tensors.iter().map(|t| t.shape.iter().product::<usize>()).sum();
            assert_eq!(found.dense(), all, "{model}");
            assert_eq!(found.tables().count(), network.tables.len());
            for (at, node) in found.nodes.iter().enumerate() {
                assert!(node.from.iter().all(|from| *from < at), "{}", node.name);
                assert_ne!(node.name, "other", "{model}");
            }
            assert!(!found.outputs.is_empty());
        }
    }

    #[test]
    fn a_layer_has_its_own_numbers_and_not_those_of_the_one_behind_it() {
        let model = format!("{}activation = \"dice\"\n", testing::EMBEDDING_MLP);
        let found = outline(&model);
        let size = |name: &str| found.nodes.iter().find(|node| node.name == name).unwrap().size;
        assert_eq!(size("hidden.0"), Size::Dense(1045));
        assert!(matches!(size("hidden.0.dice"), Size::Dense(count) if count >= 19));
        let tensors = testing::network(&model).tensors();
        let all: usize = tensors.iter().map(|t| t.shape.iter().product::<usize>()).sum();
        assert_eq!(found.dense(), all);
    }

    #[test]
    fn a_tower_s_layer_tells_what_stands_behind_it() {
        let found = outline(&format!("{}norm = \"batch\"\n", testing::DSSM));
        let node = |name: &str| found.nodes.iter().find(|node| node.name == name).unwrap();
        assert_eq!(node("user.0").what, "dense, batch norm, tanh");
        assert_eq!(node("user.0").size, Size::Dense(10 * 7 + 7 + 4 * 7));
        assert_eq!(node("user.1").what, "dense, linear");
    }

    #[test]
    fn a_stack_of_layers_is_told_layer_by_layer() {
        let text = outline(testing::EMBEDDING_MLP).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("layer"), "{text}");
        let line = |name: &str| {
            lines
                .iter()
                .find(|l| l.starts_with(name))
                .copied()
                .unwrap_or_default()
        };
        // columns 5 + 5 + 17 + 17 + 4 + 3, dense 1 + 2
        assert!(line("input").contains("6 vectors, 3 numbers"), "{text}");
        assert!(line("hidden.0").contains("1,045"), "{text}");
        assert!(line("output").contains(" 7"), "{text}");
        assert!(text.contains("1,172 dense parameters"), "{text}");
    }

    #[test]
    fn a_drawing_has_every_node_and_every_source() {
        let found = outline(testing::EMBEDDING_MLP);
        let dot = found.dot();
        assert!(
            dot.starts_with("digraph model {") && dot.ends_with("}\n"),
            "{dot}"
        );
        let sources: usize = found.nodes.iter().map(|n| n.from.len()).sum();
        assert_eq!(dot.matches(" -> ").count(), sources + found.outputs.len());
    }
}

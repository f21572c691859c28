//! Progressive layered extraction: experts of all tasks and of each alone, level upon level, so that tasks disturb one
//! another less.
//!
//! At each level a task's gate adds up its own and the shared experts, the shared gate (on all levels but the last) those of
//! all; Tang et al. 2020, RecSys, Progressive Layered Extraction. One output per label, by its name.

use super::mmoe::task;
use crate::config::graph::{size, sizes};
use crate::graph::{Graph, Layer, Mixture};
use crate::network::Builder;
use std::collections::BTreeSet;

/// Composes the network.
pub(crate) fn compose(builder: &mut Builder<'_>) {
    let config = builder.config;
    let Some(settings) = &config.experts else {
        return;
    };
    let mut graph = Graph::default();
    let inputs = builder.inputs(&mut graph, &BTreeSet::new());
    if settings.hidden.is_empty() || inputs.is_empty() {
        return builder.fault(&config.kind, "experts", "an expert needs a hidden layer");
    }
    let tasks = builder.tasks();
    // what the tasks read, and behind them what the shared experts read
    let mut streams = vec![inputs; tasks.len() + 1];
    let levels = size(settings.levels.as_ref(), 2);
    for level in 0..levels {
        streams = self::level(builder, &mut graph, &tasks, streams, (level, level + 1 == levels));
    }
    for (name, from) in tasks.iter().zip(&streams) {
        task(builder, &mut graph, name, from[0]);
    }
    builder.graph(graph);
}

/// One level: a gate per task, and one of all but on the last.
fn level(
    builder: &Builder<'_>,
    graph: &mut Graph,
    tasks: &[String],
    streams: Vec<Vec<usize>>,
    (level, last): (usize, bool),
) -> Vec<Vec<usize>> {
    let config = builder.config;
    let Some(settings) = &config.experts else {
        return streams;
    };
    let hidden = sizes(&settings.hidden);
    let (shared, own) = (size(settings.shared.as_ref(), 2), size(settings.own.as_ref(), 2));
    let mut experts = Vec::new();
    let names = tasks.iter().map(String::as_str).chain(["shared"]);
    for ((name, from), count) in names.clone().zip(&streams).zip(counts(tasks.len(), own, shared)) {
        let made =
            (0..count).flat_map(|i| graph.stack(&format!("level.{level}.{name}.{i}"), from, &hidden, config));
        experts.push(made.collect::<Vec<usize>>());
    }
    let gates = if last { tasks.len() } else { tasks.len() + 1 };
    let mut next = Vec::new();
    for (g, (name, from)) in names.zip(&streams).enumerate().take(gates) {
        let read = if g < tasks.len() {
            [experts[g].as_slice(), &experts[tasks.len()]].concat()
        } else {
            experts.concat()
        };
        let layer = Mixture {
            experts: read.len(),
            width: hidden.last().copied().unwrap_or(1),
            inputs: graph.wide(from),
        };
        let from = [read.as_slice(), from].concat();
        next.push(vec![graph.add(
            format!("gate.{level}.{name}"),
            Layer::Mixture(layer),
            &from,
        )]);
    }
    next
}

/// Experts of each task, then of all.
fn counts(tasks: usize, own: usize, shared: usize) -> impl Iterator<Item = usize> {
    std::iter::repeat_n(own, tasks).chain([shared])
}

//! The last stage: places in parts, wires between steps, the canonical text. Nothing can be wrong any more.

use super::features::{Dep, Feature, Features};
use crate::conf::Conf;
use crate::dictionary::{Read, ReadSpec};
use crate::half::Pair;
use crate::operator::{InputType, Need, Wire};
use crate::plan::Step;
use crate::{DictionarySpec, FeatureOutline, Fit, Group, Plan, SampleSpec, Schema, SlotKind, SlotSpec};
use std::sync::Arc;

/// Makes the plan, without fit, dictionaries and hash.
pub(super) fn plan(
    conf: &Conf,
    schema: Schema,
    sample: SampleSpec,
    dictionaries: Vec<DictionarySpec>,
    features: Features,
) -> Plan {
    let versions: Vec<u32> = features
        .features
        .iter()
        .flatten()
        .map(|feature| feature.class.version)
        .collect();
    let canonical = conf.canonical(&versions);
    let mut layout = Layout::new(conf, &dictionaries);
    let mut left = features.features;
    for i in features.order {
        if let Some(feature) = left[i].take() {
            layout.place(i, feature);
        }
    }
    layout.slots.sort_by_key(|spec| spec.slot);
    // Stable: within a group the order of execution stays.
    layout.outline.sort_by_key(|feature| feature.group);
    let Layout {
        steps,
        slots,
        reads,
        outline,
        ..
    } = layout;
    Plan {
        name: conf.name.value.clone(),
        schema,
        sample,
        pairs: steps[Group::Cross as usize].iter().map(Pair::of).collect(),
        steps: Arc::new(steps),
        outline: outline.into(),
        reads: vec![Read::Unbound; reads.len()].into(),
        read_specs: reads,
        dictionaries,
        tables: Vec::new(),
        slots,
        canonical,
        hash: String::new(),
        fit: Fit::default(),
    }
}

/// Only the statistics that this conf uses.
pub(super) fn used_fit(conf: &Conf, features: &Features, fit: Option<&Fit>) -> Fit {
    let fitted = conf
        .feature
        .iter()
        .zip(&features.features)
        .filter(|(_, feature)| feature.as_ref().is_some_and(|feature| feature.need == Need::Has));
    let names = fitted.map(|(written, _)| &written.value.name.value);
    let entries = names.filter_map(|name| Some((name.clone(), fit?.features.get(name)?.clone())));
    Fit {
        features: entries.collect(),
        ..Fit::default()
    }
}

/// Steps and slots as they get their places.
struct Layout<'c> {
    conf: &'c Conf,
    dictionaries: &'c [DictionarySpec],
    outline: Vec<FeatureOutline>,
    steps: [Vec<Step>; 3],
    slots: Vec<SlotSpec>,
    reads: Vec<ReadSpec>,
    /// Where the result of each placed feature lies.
    wires: Vec<Option<Wire>>,
    /// For each group: sparse results, dense results, floats.
    taken: [(usize, usize, usize); 3],
}

impl<'c> Layout<'c> {
    fn new(conf: &'c Conf, dictionaries: &'c [DictionarySpec]) -> Layout<'c> {
        let wires = vec![None; conf.feature.len()];
        Layout {
            conf,
            dictionaries,
            outline: Vec::new(),
            steps: Default::default(),
            slots: Vec::new(),
            reads: Vec::new(),
            wires,
            taken: [(0, 0, 0); 3],
        }
    }

    fn place(&mut self, i: usize, feature: Feature) {
        let written = &self.conf.feature[i].value;
        let group = feature.group;
        let width = if let InputType::Dense(width) = feature.built.output {
            Some(width)
        } else {
            None
        };
        let index = self.take(i, group, width);
        let slot = written.slot.as_ref().map(|slot| slot.value);
        let name: Arc<str> = written.name.value.as_str().into();
        if let Some(slot) = slot {
            let kind = width.map_or(SlotKind::Sparse, SlotKind::Dense);
            self.slots.push(SlotSpec {
                slot,
                name: name.clone(),
                group,
                kind,
                index,
                signs: written.hash_slot(),
            });
        }
        self.outline.push(self.describe(i, &feature));
        let first = self.reads.len();
        self.reads.extend(feature.reads);
        self.steps[group as usize].push(Step {
            name,
            class: feature.class.name,
            version: feature.class.version,
            operator: feature.built.operator,
            wires: feature.deps.iter().filter_map(|dep| self.wire(*dep)).collect(),
            default: feature.default,
            hash_slot: written.hash_slot(),
            width,
            need: feature.need,
            reads: first..self.reads.len(),
        });
    }

    /// What people may want to know of a feature.
    fn describe(&self, i: usize, feature: &Feature) -> FeatureOutline {
        let written = &self.conf.feature[i].value;
        let mut reads: Vec<String> = Vec::new();
        for read in &feature.reads {
            let spec = &self.dictionaries[read.dictionary];
            reads.push(format!("@{}.{}", spec.name, spec.columns[read.column].0));
        }
        reads.dedup();
        FeatureOutline {
            name: written.name.value.as_str().into(),
            class: feature.class.name,
            slot: written.slot.as_ref().map(|slot| slot.value),
            share: written.share.as_ref().map(|share| share.value),
            group: feature.group,
            output: match feature.built.output {
                InputType::Dense(width) => SlotKind::Dense(width),
                InputType::Sparse | InputType::Field(_) | InputType::Unknown => SlotKind::Sparse,
            },
            depend: written
                .depend
                .value
                .iter()
                .map(|name| name.value.as_str().into())
                .collect(),
            reads,
            fitted: feature.need != Need::None,
        }
    }

    /// Takes the next place in a part; returns the index that a [`SlotSpec`] carries.
    fn take(&mut self, i: usize, group: Group, width: Option<usize>) -> usize {
        let (sparse, dense, floats) = &mut self.taken[group as usize];
        let (index, wire) = match width {
            None => (
                *sparse,
                Wire::Sparse {
                    group,
                    index: *sparse,
                },
            ),
            Some(width) => (
                *floats,
                Wire::Dense {
                    group,
                    offset: *floats,
                    width,
                    order: *dense,
                },
            ),
        };
        match width {
            None => *sparse += 1,
            Some(width) => (*dense, *floats) = (*dense + 1, *floats + width),
        }
        self.wires[i] = Some(wire);
        index
    }

    fn wire(&self, dep: Dep) -> Option<Wire> {
        match dep {
            Dep::Field(side, index, ty) => Some(Wire::Field { side, index, ty }),
            Dep::Feature(on) => self.wires[on],
            Dep::Unknown => None,
        }
    }
}

//! Splitting: the user and the item side of a two-sided model as artefacts of their own.
//!
//! Each is the model file with `tower.only`, the conf cut to what that side reads, and its weights alone. Then
//!
//! ```text
//! logit(u, i) = user half's vector · item half's vector + user half's number
//! ```
//!
//! since weights, lengths and temperature are in the vectors ([`super::Combination`]). Decision: the vector of the side that is not there
//! is ones, so a half has a score (the sum of its numbers) that proves it when it is opened, and the user half ranks items
//! whose vectors come from a dictionary as the whole model does. The item half reads content alone: its vectors are those
//! that the whole gives without the item's preference (of `dropoutnet`; the other kinds have none).

use crate::artefact::{Artefact, Draft, Golden, GoldenSample};
use crate::config::{ModelConfig, TowerConfig, TowersConfig};
use crate::error::ModelError;
use crate::network::{Network, TensorSpec};
use crate::parameters::{Parameters, Tensor};
use crate::scorer::{Hidden, ScoreScratch, Scorer};
use rankine_feature::{Part, Plan, Side, Value};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// What the two halves may differ by from the whole, on the logit.
const TOLERANCE: f32 = 1e-6;

/// The weights that read the item tower's input.
const FIRST_OF_ITEM: &str = "item.0.weight";

/// The two halves of a model.
pub struct Halves {
    /// User and context; named NAME-user.
    pub user: Draft,
    /// The item; named NAME-item.
    pub item: Draft,
    /// The largest difference to the whole on the logit of a golden sample.
    pub difference: f32,
}

/// One half as it is made.
struct Half {
    config: String,
    plan: Plan,
    network: Network,
    parameters: Parameters<f32>,
}

/// Splits an artefact.
///
/// # Errors
/// [`ModelError::Split`] for a model that has no two sides, is a half already, or whose halves do not add up to it.
pub fn split(artefact: &Artefact) -> Result<Halves, ModelError> {
    let manifest = artefact.manifest();
    let refused = |message: String| ModelError::Split {
        name: manifest.name.clone(),
        message,
    };
    let whole = Whole::of(artefact).map_err(refused)?;
    let parameters = artefact.parameters()?;
    let user = whole.half("user", &parameters)?;
    let item = whole.half("item", &parameters)?;
    let golden = artefact.golden()?;
    let difference = whole.difference((&user, &item), &golden)?;
    if difference.is_nan() || difference > TOLERANCE {
        let message =
            format!("its halves differ from it by {difference:e} on the logit, {TOLERANCE:e} at most");
        return Err(refused(message));
    }
    let draft = |half: Half, name: &str| half.draft(artefact, &golden, name);
    Ok(Halves {
        user: draft(user, "user"),
        item: draft(item, "item"),
        difference,
    })
}

/// What is split.
struct Whole<'a> {
    towers: &'a TowersConfig,
    config: &'a ModelConfig,
    plan: &'a Plan,
    scorer: &'a Scorer,
    network: &'a Network,
}

impl<'a> Whole<'a> {
    /// The parts of an artefact that has two sides; why it has not.
    fn of(artefact: &'a Artefact) -> Result<Whole<'a>, String> {
        let (config, kind) = (artefact.config(), &artefact.manifest().kind);
        let compiled = (artefact.plan(), artefact.scorer(), artefact.network());
        let (Some(towers), (Some(plan), Some(scorer), Some(network))) = (&config.tower, compiled) else {
            return Err(match artefact.scorer() {
                None => format!("kind `{kind}` holds vectors, it has no towers"),
                Some(scorer) if scorer.has_cross() => {
                    format!("kind `{kind}` has no towers, and features that rest on both sides")
                }
                Some(_) => format!("kind `{kind}` has no towers: its layers read user and item together"),
            });
        };
        match towers.only {
            Some(_) => Err("it is a half already".to_owned()),
            None => Ok(Whole {
                towers,
                config,
                plan,
                scorer,
                network,
            }),
        }
    }

    fn half(&self, name: &str, parameters: &Parameters<f32>) -> Result<Half, ModelError> {
        let towers = match name {
            "user" => [Some(&self.towers.user), self.towers.context.as_ref()],
            _ => [Some(&self.towers.item), None],
        };
        let alone = name == "item";
        let towers = towers.into_iter().flatten();
        let read = |tower: &'a TowerConfig| {
            tower
                .every_slot()
                .filter(move |s| !alone || tower.slots.iter().any(|own| own.value == s.value))
        };
        let slots: Vec<u32> = towers.flat_map(read).map(|slot| slot.value).collect();
        let text = text(self.config.text(), name, &slots)?;
        let config = ModelConfig::parse_published(&text, "model.toml")?;
        let plan = self.plan.unbound().cut(&slots)?;
        let network = Network::compile(&config, &plan)?;
        let mut own = Parameters::default();
        let tables = network.tables.iter().map(|table| &table.name);
        for name in tables.collect::<BTreeSet<_>>() {
            if let Some(table) = parameters.tables.get(name) {
                own.tables.insert(name.clone(), table.clone());
            }
        }
        for tensor in network.tensors() {
            if let Some(found) = parameters.dense.get(&tensor.name) {
                let found = self.of_content(&tensor, found);
                own.dense.insert(tensor.name, found);
            }
        }
        Ok(Half {
            config: text,
            plan,
            network,
            parameters: own,
        })
    }

    /// A tensor of a half: of the item's first layer only the rows that read content.
    fn of_content(&self, tensor: &TensorSpec, found: &Tensor<f32>) -> Tensor<f32> {
        let item = self.network.towers.as_ref().map(|towers| &towers.item);
        let spans = item.and_then(|item| item.preference_spans(self.network));
        let (Some([sparse, dense]), true) = (spans, tensor.name == FIRST_OF_ITEM) else {
            return found.clone();
        };
        let outputs = tensor.shape.last().copied().unwrap_or(1);
        let rows = |range: Range<usize>| &found.data[range.start * outputs..range.end * outputs];
        let data = [rows(0..sparse.start), rows(sparse.end..dense.start)].concat();
        Tensor::new(&tensor.shape, data)
    }

    /// The largest difference of the halves to the whole, whose items are taken without their preference. Samples that read dictionaries are read without them, by all three.
    fn difference(&self, (user, item): (&Half, &Half), golden: &[Golden]) -> Result<f32, ModelError> {
        let (whole, plan) = (self.scorer, self.plan.unbound());
        let halves = [user, item].map(|half| Scorer::new(&half.network, &half.parameters));
        let [of_user, of_item] = halves;
        let (of_user, of_item) = (of_user?, of_item?);
        let mut worst = 0.0f32;
        for golden in golden {
            let parts = golden.sample.parts(&plan);
            let (mut common, mut one) = (Hidden::default(), Hidden::default());
            whole.common(&parts[0], &mut common);
            whole.cold_item(&parts[1], &mut one);
            let logit = whole.logit(&common, &one, &parts[2], &mut ScoreScratch::default());
            of_user.common(&user.parts(&plan, &golden.sample)[0], &mut common);
            of_item.item(&item.parts(&plan, &golden.sample)[1], &mut one);
            let added = rankine_kernel::dense::dot(common.vector(), one.vector()) + common.number();
            worst = worst.max((added - logit).abs());
        }
        Ok(worst)
    }
}

impl Half {
    fn parts(&self, whole: &Plan, sample: &GoldenSample) -> [Part; 3] {
        projected(whole, &self.plan, sample).parts(&self.plan)
    }

    fn draft(self, artefact: &Artefact, golden: &[Golden], name: &str) -> Draft {
        let manifest = artefact.manifest();
        let parent = format!("{}@{}", manifest.name, manifest.version);
        let golden = match artefact.plan() {
            Some(whole) => golden
                .iter()
                .map(|golden| projected(whole, &self.plan, &golden.sample))
                .collect(),
            None => Vec::new(),
        };
        Draft {
            name: format!("{}-{name}", manifest.name),
            config: self.config,
            plan: Some(Arc::new(self.plan)),
            parameters: self.parameters,
            data: manifest.data.clone(),
            card: format!(
                "# {}-{name}\n\nThe {name} side of {parent}, by `model split`.\n",
                manifest.name
            ),
            parents: vec![parent],
            golden,
            ..Draft::default()
        }
    }
}

/// A sample's values that a half reads.
pub(super) fn projected(whole: &Plan, half: &Plan, sample: &GoldenSample) -> GoldenSample {
    let side = |side: Side, values: &[Value]| -> Vec<Value> {
        let fields = whole.schema().side(side);
        let find = |name: &str| fields.iter().position(|field| &*field.name == name);
        let own = half.schema().side(side).iter();
        let value = |name: &str| find(name).and_then(|at| values.get(at)).cloned();
        own.map(|field| value(&field.name).unwrap_or(Value::Missing))
            .collect()
    };
    GoldenSample {
        user: side(Side::User, &sample.user),
        item: side(Side::Item, &sample.item),
        context: side(Side::Context, &sample.context),
    }
}

/// The model file of a half: `tower.only`, and of `embedding` what the half reads.
fn text(whole: &str, name: &str, slots: &[u32]) -> Result<String, ModelError> {
    let broken = |message: String| ModelError::Split {
        name: name.to_owned(),
        message,
    };
    let mut file: toml::Table = whole
        .parse()
        .map_err(|e: toml::de::Error| broken(e.to_string()))?;
    if let Some(toml::Value::Table(tower)) = file.get_mut("tower") {
        tower.insert("only".to_owned(), name.into());
        if let (Some(toml::Value::Table(item)), "item") = (tower.get_mut("item"), name) {
            item.remove("preference");
        }
    }
    if let Some(toml::Value::Array(embeddings)) = file.get_mut("embedding") {
        let read = |slot: &toml::Value| {
            slot.as_integer()
                .is_some_and(|s| slots.iter().any(|own| i64::from(*own) == s))
        };
        for entry in &mut *embeddings {
            if let Some(toml::Value::Array(slots)) = entry.get_mut("slots") {
                slots.retain(read);
            }
        }
        let some = |entry: &toml::Value| {
            entry
                .get("slots")
                .and_then(toml::Value::as_array)
                .is_some_and(|s| !s.is_empty())
        };
        embeddings.retain(some);
    }
    toml::to_string(&file).map_err(|e| broken(e.to_string()))
}

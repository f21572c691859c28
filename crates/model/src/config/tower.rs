//! `tower`: the sides of a two-sided model (`dssm`, `twotower`, `youtubednn`, `dropoutnet`), how their vectors become one number, and
//! what may be wrong with them without a plan.

use super::check::{Checker, MAX_SIZE};
use super::{ActivationName, Kind, ObjectiveKind, number};
use crate::tower::Combination;
use rankine_config::Located;
use rankine_feature::Group;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The temperature of kind `twotower` where its vectors are compared by cosine.
const COSINE_TEMPERATURE: f64 = 0.05;

/// One tower: what it reads and its layers.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TowerConfig {
    /// Slots in the order of the tower's input; each sparse one has its table in `embedding`.
    pub slots: Vec<Located<u32>>,
    /// Outputs of each layer. Of user and item the last is the vector, equally long, and without layers the input is; the
    /// context's are followed by its one number.
    #[serde(default)]
    pub hidden: Vec<Located<usize>>,
    /// Squeeze and excitation over the tower's fields: fields are squeezed to one in this many; absent: none.
    #[serde(default)]
    pub senet: Option<Located<usize>>,
    /// What may be missing of the input (`dropoutnet`).
    #[serde(default)]
    pub preference: Option<PreferenceConfig>,
}

/// `preference` of a tower: the part of its input that a new user or item has not.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PreferenceConfig {
    /// Slots behind the content's; each sparse one has its table in `embedding`.
    pub slots: Vec<Located<u32>>,
    /// A dense slot with one number per input: 1 where that is missing, as operator `is_missing` says. Sparse slots say it
    /// themselves.
    #[serde(default)]
    pub absent: Option<Located<u32>>,
    /// Share of the samples whose preference is taken away while learning; 0.5 unless given.
    #[serde(default)]
    pub dropout: Option<Located<f64>>,
}

impl PreferenceConfig {
    /// Returns the share of the samples whose preference is taken away while learning.
    #[must_use]
    pub fn dropout(&self) -> f64 {
        number(self.dropout.as_ref(), 0.5)
    }
}

impl TowerConfig {
    /// Returns the slots of content and preference, and the one that says whether the latter is missing.
    pub(crate) fn every_slot(&self) -> impl Iterator<Item = &Located<u32>> {
        let preference = self.preference.iter();
        let preference = preference.flat_map(|p| p.slots.iter().chain(&p.absent));
        self.slots.iter().chain(preference)
    }
}

/// How a user's and an item's vector become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CombineName {
    /// Σ uᵢ·vᵢ.
    Dot,
    /// The same of vectors of length 1.
    Cosine,
    /// Σ wᵢ·uᵢ·vᵢ: the element-wise product and a dense layer of one output.
    Product,
    /// w·[u | v]: both side by side and a dense layer of one output.
    Concat,
}

/// The one side of a model that was split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HalfName {
    /// User and context.
    User,
    /// The item.
    Item,
}

/// `tower.user`, `tower.item`, `tower.context`, and how they meet.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TowersConfig {
    /// Slots of user and context.
    pub user: TowerConfig,
    /// Slots of the item.
    pub item: TowerConfig,
    /// Slots of user and context; a bias where absent.
    #[serde(default)]
    pub context: Option<TowerConfig>,
    /// How the two vectors become one number; [`TowersConfig::combination`] where absent.
    #[serde(default)]
    pub combine: Option<CombineName>,
    /// What that number is divided by; [`TowersConfig::temperature`] where absent.
    #[serde(default)]
    pub temperature: Option<Located<f64>>,
    /// What a learnt factor of that number begins as; absent: there is none.
    #[serde(default)]
    pub scale: Option<Located<f64>>,
    /// The one side that is there, the other's vector being ones: what `model split` writes. Not to be trained.
    #[serde(default)]
    pub only: Option<HalfName>,
    /// The activation of the vectors themselves, the last layers of user and item.
    #[serde(default = "linear")]
    pub last: ActivationName,
}

fn linear() -> ActivationName {
    ActivationName::Linear
}

impl TowersConfig {
    /// Returns the group that the one side which is there rests on; none where both are.
    #[must_use]
    pub fn only(&self) -> Option<Group> {
        self.only.map(|half| match half {
            HalfName::User => Group::Common,
            HalfName::Item => Group::Item,
        })
    }

    /// Returns how the vectors meet: as given; `cosine` for `twotower`, `dot` for the others.
    #[must_use]
    pub fn combination(&self, kind: Kind) -> Combination {
        match self.combine {
            Some(CombineName::Cosine) => Combination::Cosine,
            Some(CombineName::Product) => Combination::Product,
            Some(CombineName::Concat) => Combination::Concat,
            None if kind == Kind::TwoTower => Combination::Cosine,
            Some(CombineName::Dot) | None => Combination::Dot,
        }
    }

    /// Returns what the combination is divided by: as given; 0.05 for a `twotower` by cosine, 1 for the others.
    #[must_use]
    pub fn temperature(&self, kind: Kind) -> f64 {
        let cosine = kind == Kind::TwoTower && self.combination(kind) == Combination::Cosine;
        number(
            self.temperature.as_ref(),
            if cosine { COSINE_TEMPERATURE } else { 1.0 },
        )
    }

    /// Returns the towers that are there, by name.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &TowerConfig)> {
        let context = self.context.iter().map(|tower| ("context", tower));
        [("user", &self.user), ("item", &self.item)]
            .into_iter()
            .chain(context)
    }
}

impl Checker<'_> {
    /// Sizes of towers, and that the two vectors meet.
    pub(super) fn towers(&mut self) {
        let config = self.config;
        let Some(towers) = &config.tower else {
            return;
        };
        for (name, tower) in towers.named() {
            self.tower(name, tower);
        }
        if let (Some(user), Some(item)) = (towers.user.hidden.last(), towers.item.hidden.last())
            && user.value != item.value
        {
            let message = format!(
                "the item's vector has {} numbers, the user's {}: they must be equal",
                item.value, user.value
            );
            self.fault(item, "hidden", message);
        }
        if let Some(temperature) = &towers.temperature {
            self.within(temperature, "temperature", (1e-4, 1e4));
        }
        let kind = config.kind();
        self.scale(towers);
        self.preferences(towers);
        if let Some(slot) = config.dense.slots.first().filter(|_| kind.is_two_sided()) {
            let message = format!(
                "kind `{}` has no `dense`: a tower names its dense slots, too",
                kind.name()
            );
            self.fault(slot, "dense", message);
        }
        if kind == Kind::YoutubeDnn {
            self.table_alone(&towers.item);
        }
    }

    /// A learnt factor stands before a dot product or a cosine, and needs a loss that asks for it.
    fn scale(&mut self, towers: &TowersConfig) {
        let (Some(scale), kind) = (&towers.scale, self.config.kind()) else {
            return;
        };
        self.within(scale, "scale", (1e-4, 1e4));
        let weighed = [Combination::Product, Combination::Concat].contains(&towers.combination(kind));
        let objective = self.config.objective();
        let asked = match objective.kind {
            ObjectiveKind::Pointwise => true,
            ObjectiveKind::Mix => objective.mix.sigmoid > 0.0,
            ObjectiveKind::Inbatch | ObjectiveKind::Sampled | ObjectiveKind::Bpr | ObjectiveKind::Hinge => {
                false
            }
        };
        if weighed || !asked {
            let message = "`scale` stands before `dot` or `cosine`, and is learnt by the objective `pointwise` or by a `mix` with \
                           `sigmoid`";
            self.fault(scale, "scale", message);
        }
    }

    /// Kind `dropoutnet`, and no other, has preferences: on a side at least, beside layers.
    fn preferences(&mut self, towers: &TowersConfig) {
        let config = self.config;
        let mut none = true;
        for (name, tower) in towers.named() {
            let Some(preference) = &tower.preference else {
                continue;
            };
            none = false;
            self.preference(name, tower, preference);
        }
        if config.kind() == Kind::DropoutNet && none && towers.only.is_none() {
            let message = "kind `dropoutnet` needs `preference` in `tower.user` or `tower.item`";
            self.fault(&config.kind, "preference", message);
        }
    }

    fn preference(&mut self, name: &str, tower: &TowerConfig, preference: &PreferenceConfig) {
        let (at, kind) = (&self.config.kind, self.config.kind());
        if kind != Kind::DropoutNet || name == "context" {
            let message = format!("tower `{name}` of kind `{}` has no `preference`", kind.name());
            self.fault(at, "preference", message);
        }
        if preference.slots.is_empty() {
            self.fault(
                at,
                "preference",
                format!("the preference of tower `{name}` has no slots"),
            );
        }
        if tower.hidden.is_empty() {
            let message = format!("tower `{name}` has a `preference`, so it needs `hidden`");
            self.fault(at, "hidden", message);
        }
        if let Some(senet) = &tower.senet {
            self.fault(
                senet,
                "senet",
                "fields that may be missing are not weighed: no `senet` beside `preference`",
            );
        }
        if let Some(dropout) = &preference.dropout {
            self.within(dropout, "dropout", (0.0, 1.0));
        }
    }

    /// The item side of `youtubednn` is an embedding table and nothing else.
    fn table_alone(&mut self, item: &TowerConfig) {
        if let Some(size) = item.hidden.first() {
            self.fault(
                size,
                "hidden",
                "the item tower of kind `youtubednn` is its table, it has no `hidden`",
            );
        }
        if let Some(slot) = item.slots.get(1) {
            self.fault(
                slot,
                "slots",
                "the item tower of kind `youtubednn` is one table: one slot",
            );
        }
    }

    fn tower(&mut self, name: &str, tower: &super::TowerConfig) {
        let at = &self.config.kind;
        if tower.slots.is_empty() {
            self.fault(at, "slots", format!("tower `{name}` has no slots"));
        }
        if let Some(senet) = &tower.senet {
            self.within(senet, "senet", (1, MAX_SIZE));
        }
        for size in &tower.hidden {
            self.within(size, "hidden", (1, MAX_SIZE));
        }
        let mut seen = BTreeSet::new();
        for slot in tower.every_slot().filter(|slot| !seen.insert(slot.value)) {
            self.fault(slot, "slots", format!("slot {} is given twice", slot.value));
        }
    }
}

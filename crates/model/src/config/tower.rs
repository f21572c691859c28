//! `tower`: the sides of a two-sided model (`dssm`), and what may be wrong with them without a plan.

use super::Kind;
use super::check::{Checker, MAX_SIZE};
use rankine_config::Located;
use serde::Deserialize;
use std::collections::BTreeSet;

/// One tower: what it reads and its layers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TowerConfig {
    /// Slots in the order of the tower's input; each sparse one has its table in `embedding`.
    pub slots: Vec<Located<u32>>,
    /// Outputs of each layer. Of user and item the last is the vector, equally long; the context's are followed by its
    /// one number.
    #[serde(default)]
    pub hidden: Vec<Located<usize>>,
}

/// `tower.user`, `tower.item` and `tower.context`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TowersConfig {
    /// Slots of user and context.
    pub user: TowerConfig,
    /// Slots of the item.
    pub item: TowerConfig,
    /// Slots of user and context; a bias where absent.
    #[serde(default)]
    pub context: Option<TowerConfig>,
}

impl TowersConfig {
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
        if let Some(slot) = config.dense.slots.first().filter(|_| config.kind() == Kind::Dssm) {
            self.fault(
                slot,
                "dense",
                "kind `dssm` has no `dense`: a tower names its dense slots, too",
            );
        }
    }

    fn tower(&mut self, name: &str, tower: &super::TowerConfig) {
        let at = &self.config.kind;
        if tower.slots.is_empty() {
            self.fault(at, "slots", format!("tower `{name}` has no slots"));
        }
        if tower.hidden.is_empty() && name != "context" {
            self.fault(
                at,
                "hidden",
                format!("tower `{name}` has no `hidden`; its last is the vector"),
            );
        }
        for size in &tower.hidden {
            self.within(size, "hidden", (1, MAX_SIZE));
        }
        let mut seen = BTreeSet::new();
        for slot in tower.slots.iter().filter(|slot| !seen.insert(slot.value)) {
            self.fault(slot, "slots", format!("slot {} is given twice", slot.value));
        }
    }
}

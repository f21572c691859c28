//! Items that earlier versions have learnt: the gate's cold items are those that neither this run's samples nor these versions know.
//!
//! With `--init-from` a run has one day's samples, and most items are absent from a day. The decision: a version has learnt an item where
//! a sign of it has a row of its own, in the slots that the model file says tell items apart; what many items share says nothing.

use std::collections::BTreeSet;

use rankine_feature::{Part, Plan, Scratch, SlotSpec};
use rankine_model::matrix::ITEMS;
use rankine_model::{Kind, ModelConfig, Network, Parameters};
use rankine_train::SampleSource;
use rankine_train::source::for_each;

/// A version as it reads samples.
pub(super) struct Version<'a> {
    pub(super) config: &'a ModelConfig,
    pub(super) plan: &'a Plan,
    pub(super) network: &'a Network,
    pub(super) parameters: &'a Parameters<f32>,
}

impl Version<'_> {
    /// Adds the items of `held`, read by its plan, that it has learnt.
    ///
    /// # Errors
    /// What the source reports.
    pub(super) fn learnt(&self, held: &mut dyn SampleSource, to: &mut BTreeSet<i64>) -> anyhow::Result<()> {
        let keyed = self.keyed();
        if keyed.is_empty() {
            return Ok(());
        }
        let (mut scratch, mut part) = (Scratch::default(), Part::default());
        for_each(held, |row| {
            self.plan.item(&row.item, &mut scratch, &mut part);
            if keyed.iter().any(|(slot, table)| self.has(slot, table, &part)) {
                to.insert(row.item_id);
            }
            Ok(())
        })?;
        Ok(())
    }

    fn has(&self, slot: &SlotSpec, table: &str, part: &Part) -> bool {
        let Some(table) = self.parameters.tables.get(table) else {
            return false;
        };
        let (signs, _) = part.sparse(slot.index);
        signs.iter().any(|sign| table.find(*sign).is_some())
    }

    /// The slots that tell items apart, each with the table of its rows; none where signs share rows.
    fn keyed(&self) -> Vec<(&SlotSpec, &str)> {
        let slots = slots(self.config);
        let columns = self.network.columns.iter().filter_map(|column| {
            let table = &self.network.tables[column.table];
            let own = slots.contains(&column.slot.slot) && table.buckets.is_none();
            own.then_some((&column.slot, table.name.as_str()))
        });
        let matrix = self.network.matrix.iter().map(|part| (&part.item, ITEMS));
        columns.chain(matrix).collect()
    }
}

fn slots(config: &ModelConfig) -> Vec<u32> {
    let towers = config.tower.iter().filter(|_| config.kind() == Kind::DropoutNet);
    let preference = towers.filter_map(|towers| towers.item.preference.as_ref());
    let preference = preference.flat_map(|preference| &preference.slots);
    let named = config
        .objective
        .iter()
        .filter_map(|objective| objective.item.as_ref());
    preference.chain(named).map(|slot| slot.value).collect()
}

//! What a ranking knows of items and users: every item's row and who met it, from learnt samples; requests from held-out ones.

use std::collections::BTreeMap;

use rankine_feature::Value;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::TrainError;
use crate::source::{SampleSource, for_each};

/// Items with their rows, and who met what. Items are numbered as they are first seen, and by their ids once held-out samples are read:
/// what is drawn or counted by number then knows nothing of the samples' order.
#[derive(Clone, Debug, Default)]
pub struct World {
    places: FxHashMap<i64, u32>,
    /// Each item's id.
    ids: Vec<i64>,
    rows: Vec<Vec<Value>>,
    /// Items each user met, whatever he thought of them.
    met: FxHashMap<i64, Vec<u32>>,
    /// Users (numbered) who met each item in a learnt sample.
    met_by: Vec<Vec<u32>>,
    users: FxHashMap<i64, u32>,
    /// What each learnt sample said of an item: user, item, label.
    said: Vec<(i64, u32, f32)>,
    /// Slots of what is known of an item before anybody met it.
    content: Vec<u32>,
    /// Ids of items that were learnt from before these samples.
    before: FxHashSet<i64>,
}

/// One user's request and what would answer it.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// The user's group.
    pub(super) group: i64,
    pub(super) user: Vec<Value>,
    pub(super) context: Vec<Value>,
    /// Held-out items he liked, ascending.
    pub(super) relevant: Vec<u32>,
    /// Learnt items he met, ascending; none of them is relevant.
    pub(super) met: Vec<u32>,
    time: i64,
}

/// A number in 32 bits; there are never more items in memory.
pub(super) fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl World {
    /// The same with slots of items' content, which baselines of content alone read.
    #[must_use]
    pub fn described_by(self, content: Vec<u32>) -> World {
        World { content, ..self }
    }

    /// The same with items that a model has learnt from other samples: they are not cold, whoever meets them here.
    #[must_use]
    pub fn learnt_before(self, items: impl IntoIterator<Item = i64>) -> World {
        let before = items.into_iter().collect();
        World { before, ..self }
    }

    /// Takes learnt samples in: their items are known and met. Later rows of an item replace earlier ones.
    ///
    /// # Errors
    /// What the source reports.
    pub fn learn(&mut self, source: &mut dyn SampleSource) -> Result<(), TrainError> {
        for_each(source, |row| {
            let item = self.place(row.item_id, &row.item);
            self.rows[item as usize].clone_from(&row.item);
            self.met.entry(row.group).or_default().push(item);
            self.said.push((row.group, item, row.label));
            let next = number(self.users.len());
            let user = *self.users.entry(row.group).or_insert(next);
            self.met_by[item as usize].push(user);
            Ok(())
        })?;
        for list in self.met.values_mut().chain(&mut self.met_by) {
            list.sort_unstable();
            list.dedup();
        }
        Ok(())
    }

    fn place(&mut self, id: i64, row: &[Value]) -> u32 {
        let next = number(self.rows.len());
        let place = *self.places.entry(id).or_insert(next);
        if place == next {
            self.ids.push(id);
            self.rows.push(row.to_vec());
            self.met_by.push(Vec::new());
        }
        place
    }

    /// Reads held-out samples: a request per user who likes any item he had not met; items unknown so far become known.
    pub(super) fn ask(
        &mut self,
        held: &mut dyn SampleSource,
        positive: f32,
    ) -> Result<Vec<Asked>, TrainError> {
        let mut by_user: BTreeMap<i64, Asked> = BTreeMap::new();
        for_each(held, |row| {
            let item = self.place(row.item_id, &row.item);
            let asked = by_user.entry(row.group).or_insert_with(|| Asked {
                group: row.group,
                time: i64::MAX,
                ..Asked::default()
            });
            if row.time < asked.time {
                (asked.user, asked.context) = (row.user.clone(), row.context.clone());
                asked.time = row.time;
            }
            if row.label >= positive {
                asked.relevant.push(item);
            }
            Ok(())
        })?;
        let moved = self.number_by_id();
        for (user, asked) in &mut by_user {
            asked
                .relevant
                .iter_mut()
                .for_each(|item| *item = moved[*item as usize]);
            asked.met = self.met.get(user).cloned().unwrap_or_default();
            let met = &asked.met;
            asked.relevant.retain(|item| met.binary_search(item).is_err());
            asked.relevant.sort_unstable();
            asked.relevant.dedup();
        }
        Ok(by_user.into_values().filter(|a| !a.relevant.is_empty()).collect())
    }

    /// Numbers items by their ids; returns the new number of each old one.
    fn number_by_id(&mut self) -> Vec<u32> {
        let mut order: Vec<usize> = (0..self.ids.len()).collect();
        order.sort_unstable_by_key(|at| self.ids[*at]);
        let mut moved = vec![0; order.len()];
        for (to, from) in order.iter().enumerate() {
            moved[*from] = number(to);
        }
        let of = |at: &mut u32| *at = moved[*at as usize];
        self.ids.sort_unstable();
        self.rows = order
            .iter()
            .map(|at| std::mem::take(&mut self.rows[*at]))
            .collect();
        self.met_by = order
            .iter()
            .map(|at| std::mem::take(&mut self.met_by[*at]))
            .collect();
        self.places.values_mut().for_each(of);
        self.said.iter_mut().for_each(|(_, item, _)| of(item));
        for list in self.met.values_mut() {
            list.iter_mut().for_each(of);
            list.sort_unstable();
        }
        moved
    }

    /// Returns how many items there are.
    #[must_use]
    pub fn items(&self) -> usize {
        self.rows.len()
    }

    /// Returns how many users met anything.
    #[must_use]
    pub fn users(&self) -> usize {
        self.users.len()
    }

    pub(super) fn content(&self) -> &[u32] {
        &self.content
    }

    /// The items that each user liked in a learnt sample, ascending.
    pub(super) fn liked(&self, positive: f32) -> BTreeMap<i64, Vec<u32>> {
        let mut liked: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        for (user, item, _) in self.said.iter().filter(|(_, _, label)| *label >= positive) {
            liked.entry(*user).or_default().push(*item);
        }
        for items in liked.values_mut() {
            items.sort_unstable();
            items.dedup();
        }
        liked
    }

    /// Each item's id.
    pub(super) fn ids(&self) -> &[i64] {
        &self.ids
    }

    pub(super) fn rows(&self) -> &[Vec<Value>] {
        &self.rows
    }

    /// The users who met an item, ascending.
    pub(super) fn met_by(&self, item: u32) -> &[u32] {
        self.met_by.get(item as usize).map_or(&[], Vec::as_slice)
    }

    /// Whether each item is one that nobody met, in these samples or before.
    pub(super) fn cold(&self) -> Vec<bool> {
        let mut cold: Vec<bool> = self.met_by.iter().map(Vec::is_empty).collect();
        for place in self.before.iter().filter_map(|id| self.places.get(id)) {
            cold[*place as usize] = false;
        }
        cold
    }

    /// How many users liked each item in a learnt sample, as the kind `popularity` counts. Drawn negatives were met, not liked; they
    /// still make an item known, so novelty and the splits of items go by who met them.
    pub(super) fn popularity(&self, positive: f32) -> Vec<f32> {
        let mut counts = vec![0_u32; self.rows.len()];
        for item in self.liked(positive).into_values().flatten() {
            counts[item as usize] += 1;
        }
        let each = counts.into_iter().map(f64::from);
        each.map(rankine_kernel::Real::of).collect()
    }
}

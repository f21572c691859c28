//! Streaming aggregates: the one code that makes feature rows, for samples and while serving.
//!
//! Events go in one at a time in the order of (time, seq); rows come out as of everything observed so far. For
//! samples the events of one instant are observed after their features were read (`sample::build`); live,
//! an event's time is later than all before it, so the next request sees it. Either way a feature at time t
//! rests on events before t only.
//!
//! What SparrowRecSys's Spark job computes, and where this differs on purpose:
//! - user fields over the previous 100 events of the user, the current one excluded: the same;
//! - film fields: there over *all* ratings of the file, so test labels leak; here over the ratings before;
//! - standard deviations divide by n − 1 in both; undefined ones are 0 there and missing here; there means and
//!   deviations are rounded to two decimals and the mean year is cut to a whole number, here neither;
//! - events of one second: arbitrary order there, and they see each other; here they do not;
//! - equally frequent genres: arbitrary there (hash map order); here the one met first going back in time;
//! - rows of users with fewer than two previous events are dropped there, kept here.
//!
//! Decision: sums are exact integers (`moments`), so that the result does not depend on how it was reached.

mod fields;
mod item;
pub mod live;
mod moments;
mod user;

use std::sync::Arc;

use rankine_feature::Value;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

pub use fields::FieldSpec;
use item::{Facts, ItemState};
use moments::micro;
use user::{Seen, UserState};

use crate::{Catalogue, Event, Item};

/// What counts as positive and how far back features look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AggregateConfig {
    /// A rated event is positive from this rating on.
    pub positive: f64,
    /// User fields rest on this many previous events of the user.
    pub window: usize,
    /// Items in `userHistory`, at most; all are inside the window.
    pub history: usize,
    /// Kinds of events without a value that are positive. Others without a value are not counted at all.
    pub implicit: Vec<String>,
}

impl Default for AggregateConfig {
    fn default() -> AggregateConfig {
        AggregateConfig {
            positive: 3.5,
            window: 100,
            history: 20,
            implicit: vec!["click".to_owned()],
        }
    }
}

impl AggregateConfig {
    /// The rating an event carries, if it is one that can be summed (finite, magnitude up to a million).
    pub fn rating(event: &Event) -> Option<f64> {
        event.value.filter(|value| micro(*value).is_some())
    }

    /// Whether an event counts, and if so, whether it is positive.
    pub fn verdict(&self, event: &Event) -> Option<bool> {
        match (AggregateConfig::rating(event), event.value) {
            (Some(rating), _) => Some(rating >= self.positive),
            (None, Some(_)) => None,
            (None, None) => self.implicit.contains(&event.kind).then_some(true),
        }
    }
}

/// Feature rows of all users and items as of the events observed so far.
///
/// Cost: an event is O(1); a row reads at most `window` events. Memory: the windows, about 40 bytes per event
/// in them, and a state per user and item.
#[derive(Debug, Clone)]
pub struct Aggregates {
    config: AggregateConfig,
    users: FxHashMap<i64, UserState>,
    items: FxHashMap<i64, ItemState>,
    /// Every genre once: equal ones are compared by address.
    names: FxHashSet<Arc<str>>,
}

impl Aggregates {
    /// Starts without events, with the catalogue's facts of the items.
    pub fn new(catalogue: &Catalogue, config: AggregateConfig) -> Aggregates {
        let state = |facts| ItemState {
            facts: Arc::new(facts),
            ..ItemState::default()
        };
        let mut names = FxHashSet::default();
        let items = catalogue
            .items
            .iter()
            .map(|item| (item.id, state(Facts::of(item, &mut names))))
            .collect();
        let users = catalogue
            .users
            .iter()
            .map(|user| (user.id, UserState::default()))
            .collect();
        Aggregates {
            config,
            users,
            items,
            names,
        }
    }

    /// Takes an item's facts, as if the catalogue had had it from the start; events observed before keep what was known then.
    pub fn introduce(&mut self, item: &Item) {
        let facts = Facts::of(item, &mut self.names);
        self.items.entry(item.id).or_default().facts = Arc::new(facts);
    }

    /// What counts as positive.
    pub fn config(&self) -> &AggregateConfig {
        &self.config
    }

    /// Takes in one event. The caller gives events in the order of (time, seq).
    ///
    /// An event with a value is a rating; one without counts if its kind is implicit; any other, and one whose
    /// value is not finite or beyond a million, is ignored. Every rating counts: rating a film again adds to
    /// its statistics, and its newest positive stands first in the history.
    pub fn observe(&mut self, event: &Event) {
        let Some(positive) = self.config.verdict(event) else {
            return;
        };
        let rating = AggregateConfig::rating(event).and_then(micro);
        let item = self.items.entry(event.item).or_default();
        if let Some(rating) = rating {
            item.ratings.add(rating);
        }
        let seen = Seen {
            item: event.item,
            facts: Arc::clone(&item.facts),
            rating,
            positive,
        };
        self.users
            .entry(event.user)
            .or_default()
            .observe(event.time, seen, self.config.window);
    }

    /// A user's row, one value per [`Aggregates::user_fields`]. A user without events has counts of zero, an
    /// empty history, and nothing else.
    pub fn user_row(&self, user: i64) -> Vec<Value> {
        match self.users.get(&user) {
            Some(state) => state.row(user, self.config.history),
            None => UserState::default().row(user, self.config.history),
        }
    }

    /// An item's row, one value per [`Aggregates::item_fields`]. Facts of an item that the catalogue lacks are
    /// missing.
    pub fn item_row(&self, item: i64) -> Vec<Value> {
        match self.items.get(&item) {
            Some(state) => state.row(item),
            None => ItemState::default().row(item),
        }
    }

    /// The context of a request or sample at a time (µs UTC), one value per [`Aggregates::context_fields`].
    pub fn context_row(time: i64) -> Vec<Value> {
        vec![Value::Time(time)]
    }

    /// Ids of all users of the catalogue and the events, ascending.
    pub fn users(&self) -> Vec<i64> {
        ascending(self.users.keys())
    }

    /// Ids of all items of the catalogue and the events, ascending.
    pub fn items(&self) -> Vec<i64> {
        ascending(self.items.keys())
    }

    /// Names and types of a user's row.
    pub fn user_fields() -> &'static [FieldSpec] {
        &fields::USER
    }

    /// Names and types of an item's row.
    pub fn item_fields() -> &'static [FieldSpec] {
        &fields::ITEM
    }

    /// Names and types of a context row.
    pub fn context_fields() -> &'static [FieldSpec] {
        &fields::CONTEXT
    }
}

fn ascending<'a>(ids: impl Iterator<Item = &'a i64>) -> Vec<i64> {
    let mut ids: Vec<i64> = ids.copied().collect();
    ids.sort_unstable();
    ids
}

#[cfg(test)]
pub(crate) mod tests;

//! What is known of one item: catalogue facts, and its ratings so far.
//!
//! Decision: everything of a row that never changes is made once (`Value`s share their text), so a row costs
//! nine cheap clones.

use std::sync::Arc;

use rankine_feature::Value;
use rustc_hash::FxHashSet;

use super::fields::ITEM_GENRES;
use super::moments::{MICRO, Moments};
use crate::Item;

/// Facts of an item that events do not change.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) year: Option<i64>,
    /// Genres in the catalogue's order; none if the catalogue lacks the item.
    pub(super) genres: Option<Arc<[Arc<str>]>>,
}

impl Facts {
    /// Takes an item's facts from the catalogue. `names` holds every genre once, so that equal genres are the
    /// same allocation in all facts and are compared by address.
    pub(super) fn of(item: &Item, names: &mut FxHashSet<Arc<str>>) -> Facts {
        let mut name = |genre: &String| match names.get(genre.as_str()) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<str> = genre.as_str().into();
                names.insert(Arc::clone(&new));
                new
            }
        };
        let genres = item.genres.iter().map(&mut name).collect();
        Facts {
            year: item.release_year,
            genres: Some(genres),
        }
    }

    pub(super) fn genres(&self) -> &[Arc<str>] {
        self.genres.as_deref().unwrap_or_default()
    }
}

/// An item's facts and aggregates.
#[derive(Debug, Clone, Default)]
pub(super) struct ItemState {
    pub(super) facts: Arc<Facts>,
    pub(super) ratings: Moments,
}

impl ItemState {
    /// The item's row in the order of the item fields.
    pub(super) fn row(&self, id: i64) -> Vec<Value> {
        let genres = self.facts.genres();
        let mut row = vec![Value::Int(id), int(self.facts.year)];
        row.extend((0..ITEM_GENRES).map(|rank| text(genres.get(rank))));
        row.push(self.facts.genres.clone().map_or(Value::Missing, Value::Strs));
        row.push(Value::Int(self.ratings.count().cast_signed()));
        row.push(float(self.ratings.mean(MICRO)));
        row.push(float(self.ratings.deviation(MICRO)));
        row
    }
}

pub(super) fn int(value: Option<i64>) -> Value {
    value.map_or(Value::Missing, Value::Int)
}

pub(super) fn float(value: Option<f64>) -> Value {
    value.map_or(Value::Missing, Value::Float)
}

pub(super) fn text(value: Option<&Arc<str>>) -> Value {
    value.map_or(Value::Missing, |text| Value::Str(Arc::clone(text)))
}

//! Interactions of two worlds, and what numpy computed of a small matrix (`tests/golden/matrix.py` made `matrix.json`).

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::Value;

use super::Interactions;

/// The values of another implementation.
pub(crate) struct Golden {
    pub(crate) json: Value,
}

impl Golden {
    /// The small matrix: users 0.., items 0.., so that signs are numbers.
    pub(crate) fn interactions(&self) -> Interactions {
        let events = self.json["events"].as_array().unwrap().iter();
        let events = events.map(|e| {
            let at = |k: usize| e[k].as_u64().unwrap();
            let weight = rankine_kernel::Real::of(e[2].as_f64().unwrap());
            (at(0), at(1), weight, 0)
        });
        Interactions::of_events(events).unwrap()
    }
}

pub(crate) fn golden() -> Golden {
    let text = include_str!("../../tests/golden/matrix.json");
    Golden {
        json: serde_json::from_str(text).unwrap(),
    }
}

/// All numbers of nested lists, in order.
pub(crate) fn matrix(value: &Value) -> Vec<f64> {
    match value.as_array() {
        Some(items) => items.iter().flat_map(matrix).collect(),
        None => vec![value.as_f64().unwrap()],
    }
}

/// Sixty users of two worlds, twenty items each, whose items are 0..20 and 20..40 (signs the same).
pub(crate) fn two_worlds() -> Interactions {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
    let mut events = Vec::new();
    for user in 0..60_u64 {
        for time in 0..9 {
            let item = random.random_range(0..20_u64) + 20 * (user % 2);
            events.push((user, item, 1.0, time));
        }
    }
    Interactions::of_events(events).unwrap()
}

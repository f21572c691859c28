//! What a question's items were scored with: taken where it is used, not computed a second time.
//!
//! For the sample log and whoever asks what was really served. The decision: a tap is given with the question, so a question
//! without one pays nothing but a look.

use std::sync::{Arc, Mutex, PoisonError};

use rankine_feature::{Part, Plan, Value};

/// One item as it was scored under one conf.
#[derive(Debug, Clone)]
pub struct Tapped {
    /// Its place among the question's items.
    pub index: usize,
    /// Hash of the conf as models and answers name it: without what `frozen` dictionaries add to that of the bound plan.
    pub conf_hash: String,
    /// The plan, bound to what it reads.
    pub plan: Arc<Plan>,
    /// Values of user, item and context in the order of the plan's sides.
    pub sides: [Vec<Value>; 3],
    /// Canonical bytes of all slots.
    pub bytes: Vec<u8>,
}

/// Collects items from all tasks of a question.
#[derive(Debug, Default)]
pub struct Tap(Mutex<Vec<Tapped>>);

impl Tap {
    pub(super) fn keep(
        &self,
        index: usize,
        (conf_hash, plan): (&str, &Arc<Plan>),
        sides: [&[Value]; 3],
        parts: [&Part; 3],
    ) {
        let mut bytes = Vec::new();
        plan.encode(parts[0], parts[1], parts[2], &mut bytes);
        self.put(Tapped {
            index,
            conf_hash: conf_hash.to_owned(),
            plan: Arc::clone(plan),
            sides: sides.map(<[Value]>::to_vec),
            bytes,
        });
    }

    /// Adds an item.
    pub fn put(&self, tapped: Tapped) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(tapped);
    }

    /// What was collected, items in order of the question, confs as they were met.
    #[must_use]
    pub fn take(&self) -> Vec<Tapped> {
        let mut taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        taken.sort_by_key(|tapped| tapped.index);
        taken
    }
}

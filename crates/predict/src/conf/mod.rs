//! Confs that serve: each known by its hash, shared by all models trained with it, side by side with others of its name.
//!
//! The decision here: a model brings its own conf (the one beside its weights), so it can never meet another; equal
//! hashes share one [`Conf`], so that a request extracts once for all of them. Where the server's configuration lists a
//! conf by name, the list is a gate: a model whose hash is not on it does not load, by name, and what served before
//! serves on.

mod bound;
mod listed;
mod parser;

use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwapOption;
use rankine_feature::{FeatureError, Plan, Side};
use rustc_hash::FxHashMap;

pub(crate) use bound::Bound;
pub(crate) use listed::{Listed, ListedConfs};
pub(crate) use parser::ConfParser;

use crate::dictionary::DictionarySnapshot;
use crate::model::{item_key, user_key};

/// One conf hash.
pub(crate) struct Conf {
    /// The conf's name.
    pub(crate) name: String,
    /// Its hash, 32 hex digits.
    pub(crate) hash: String,
    /// The plan, reading no dictionary yet.
    plan: Arc<Plan>,
    /// Where the item's id stands among the item fields.
    pub(crate) item_key: Option<usize>,
    /// Where the user's id stands among the user fields.
    pub(crate) user_key: Option<usize>,
    /// The plan over the newest generations seen.
    bound: ArcSwapOption<Bound>,
}

impl Conf {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        let place = |side, key: Option<Arc<str>>| {
            let fields = plan.schema().side(side);
            key.and_then(|key| fields.iter().position(|field| field.name == key))
        };
        Self {
            name: plan.name().to_owned(),
            hash: plan.hash(),
            item_key: place(Side::Item, item_key(&plan)),
            user_key: place(Side::User, user_key(&plan)),
            bound: ArcSwapOption::const_empty(),
            plan,
        }
    }

    /// The plan over these generations of the dictionaries; made when one of them was swapped, not per request.
    ///
    /// # Errors
    /// `Dictionary` and `Column` of the feature crate: something it reads is not loaded or has other columns.
    pub(crate) fn bound(&self, dictionaries: &DictionarySnapshot) -> Result<Arc<Bound>, FeatureError> {
        if let Some(bound) = self.bound.load_full().filter(|bound| bound.reads(dictionaries)) {
            return Ok(bound);
        }
        let bound = Arc::new(Bound::new(&self.plan, dictionaries)?);
        self.bound.store(Some(Arc::clone(&bound)));
        Ok(bound)
    }
}

/// All confs in use, by hash. A conf that no model and no list holds is forgotten.
#[derive(Default)]
pub(crate) struct Confs(Mutex<FxHashMap<String, Weak<Conf>>>);

impl Confs {
    /// The conf of this plan: the one already known where the hash is.
    pub(crate) fn of(&self, plan: &Arc<Plan>) -> Arc<Conf> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(conf) = known.get(&plan.hash()).and_then(Weak::upgrade) {
            return conf;
        }
        known.retain(|_, conf| conf.strong_count() > 0);
        let conf = Arc::new(Conf::new(Arc::clone(plan)));
        known.insert(conf.hash.clone(), Arc::downgrade(&conf));
        conf
    }

    /// All confs in use.
    pub(crate) fn all(&self) -> Vec<Arc<Conf>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().filter_map(Weak::upgrade).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(slot: u32) -> Arc<Plan> {
        let text = format!(
            "format = 1\nname = \"c\"\nschema.user = [{{ name = \"u\", type = \"int\" }}]\n\
             feature = [{{ name = \"f\", class = \"id\", slot = {slot}, depend = [\"u\"] }}]"
        );
        Arc::new(Plan::compile(&text, "c.toml", None).unwrap())
    }

    #[test]
    fn equal_hashes_share_a_conf_and_unused_ones_go() {
        let confs = Confs::default();
        let (first, second, other) = (confs.of(&plan(1)), confs.of(&plan(1)), confs.of(&plan(2)));
        assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &other));
        assert_eq!((first.user_key, first.item_key), (Some(0), None));
        drop((first, second, other));
        drop(confs.of(&plan(3)));
        assert_eq!(confs.0.lock().unwrap().len(), 1);
    }
}

//! Items that somebody asked for by id and that only the stream's item feature table has: neither in the catalogue nor among the new.
//!
//! Behind the page of a film. The decision: such an item is looked at, not taken in: recall and shelves go on without it (a search asks the stream), and
//! as many are remembered as pages may be open at once. What the stream does not have is not asked for again for a moment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rankine_recommend::Item;
use rustc_hash::FxHashMap;

/// Items remembered.
const ITEMS: usize = 1_000;
/// How long an answer is believed.
const LASTS: Duration = Duration::from_secs(1);

/// An answer, and when it came.
type Answer = (Instant, Option<Arc<Item>>);

/// See the module.
#[derive(Default)]
pub(super) struct Looked(Mutex<FxHashMap<i64, Answer>>);

impl Looked {
    /// The item as it was when somebody last asked.
    pub(super) fn item(&self, id: i64) -> Option<Arc<Item>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&id)?.1.clone()
    }

    /// The item, or that there is none, by a young answer or by `ask`.
    pub(super) fn up(&self, id: i64, ask: impl FnOnce() -> Option<Item>) -> Option<Arc<Item>> {
        let young = {
            let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.get(&id).filter(|(at, _)| at.elapsed() < LASTS).cloned()
        };
        if let Some((_, known)) = young {
            return known;
        }
        let found = ask().map(Arc::new);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ITEMS && !all.contains_key(&id) {
            all.retain(|_, (at, _)| at.elapsed() < LASTS);
            if all.len() >= ITEMS {
                all.clear();
            }
        }
        all.insert(id, (Instant::now(), found.clone()));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_believed_for_a_moment_also_that_there_is_none() {
        let looked = Looked::default();
        let heat = || Some(Item::new(7, "Heat"));
        assert!(looked.item(7).is_none());
        assert_eq!(&*looked.up(7, heat).unwrap().title, "Heat");
        assert_eq!(
            &*looked.up(7, || None).unwrap().title,
            "Heat",
            "not asked again at once"
        );
        assert!(looked.up(8, || None).is_none() && looked.up(8, heat).is_none());
        assert_eq!(&*looked.item(7).unwrap().title, "Heat");
        // as if the second had passed
        looked.0.lock().unwrap().clear();
        assert!(looked.up(7, || None).is_none() && looked.item(7).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let looked = Looked::default();
        for id in 0..2_500 {
            looked.up(id, || Some(Item::new(id, "x")));
        }
        assert!(looked.0.lock().unwrap().len() <= ITEMS);
    }
}

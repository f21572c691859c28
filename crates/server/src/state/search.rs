//! Search in titles: words to films.
//!
//! A sorted map from word to films, built once, since titles of the catalogue do not change while serving; what a change stream
//! brings has a small one of its own, made anew when somebody searches after it has changed; what else the stream has, it is asked for. Every word of the query
//! must be in the title; the last one may be a beginning, so that results come while typing. Case is ignored.

use rankine_recommend::Item;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Words looked at in a query; what follows is ignored.
const MOST_WORDS: usize = 8;

/// Films by the words of their titles.
pub(crate) struct TitleIndex {
    words: BTreeMap<String, Vec<i64>>,
}

impl TitleIndex {
    pub(crate) fn new<'a>(items: impl IntoIterator<Item = &'a Item>) -> Self {
        let mut words: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for item in items {
            let distinct: BTreeSet<String> = words_of(&item.title).into_iter().collect();
            distinct
                .into_iter()
                .for_each(|word| words.entry(word).or_default().push(item.id));
        }
        TitleIndex { words }
    }

    /// Films with all words of `text`, by id; none where it has no word.
    pub(crate) fn find(&self, text: &str) -> Vec<i64> {
        let mut words = words_of(text);
        words.truncate(MOST_WORDS);
        let Some(last) = words.pop() else {
            return Vec::new();
        };
        let mut found = self.beginning(&last);
        for word in words {
            let with: BTreeSet<i64> = self.words.get(&word).into_iter().flatten().copied().collect();
            found.retain(|id| with.contains(id));
        }
        found.into_iter().collect()
    }

    fn beginning(&self, start: &str) -> BTreeSet<i64> {
        let from = self.words.range(start.to_owned()..);
        from.take_while(|(word, _)| word.starts_with(start))
            .flat_map(|(_, ids)| ids)
            .copied()
            .collect()
    }
}

/// Items that came into being after the catalogue was loaded, by id.
type Arrived = Arc<FxHashMap<i64, Arc<Item>>>;

/// The titles of what came into being since the catalogue was loaded.
#[derive(Default)]
pub(crate) struct ArrivedTitles(Mutex<Option<(Arrived, Arc<TitleIndex>)>>);

impl ArrivedTitles {
    /// The index of these; the one of before where they are the same.
    pub(crate) fn of(&self, arrived: Arrived) -> Arc<TitleIndex> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // who holds the map makes every change of it another map
        if let Some((of, titles)) = &*kept
            && Arc::ptr_eq(of, &arrived)
        {
            return titles.clone();
        }
        let titles = Arc::new(TitleIndex::new(arrived.values().map(|item| &**item)));
        *kept = Some((arrived, titles.clone()));
        titles
    }
}

/// Runs of letters and digits, in lower case.
pub(crate) fn words_of(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index() -> TitleIndex {
        let titles = [
            "Heat",
            "The Heat",
            "In the Heat of the Night",
            "Amélie",
            "Se7en",
            "Night Moves",
        ];
        TitleIndex::new(
            &titles
                .iter()
                .zip(1..)
                .map(|(t, id)| Item::new(id, t))
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn all_words_must_match_and_the_last_may_be_a_beginning() {
        let index = index();
        assert_eq!(index.find("heat"), [1, 2, 3]);
        assert_eq!(index.find("the HEA"), [2, 3]);
        assert_eq!(index.find("hea the"), Vec::<i64>::new());
        assert_eq!(index.find("heat, night!"), [3]);
        assert_eq!(index.find("amé"), [4]);
        assert_eq!(index.find("se7"), [5]);
    }

    #[test]
    fn what_arrives_is_found_and_what_goes_is_not() {
        let titles = ArrivedTitles::default();
        let mut arrived: Arrived = Arc::default();
        let add = |arrived: &mut Arrived, id, title| {
            Arc::make_mut(arrived).insert(id, Arc::new(Item::new(id, title)));
        };
        add(&mut arrived, 7, "Heat Again");
        let first = titles.of(arrived.clone());
        assert_eq!(first.find("heat ag"), [7]);
        assert!(
            Arc::ptr_eq(&first, &titles.of(arrived.clone())),
            "nothing has changed"
        );
        add(&mut arrived, 7, "Cold Again");
        add(&mut arrived, 9, "Heat Once More");
        assert_eq!(titles.of(arrived.clone()).find("heat"), [9]);
        Arc::make_mut(&mut arrived).clear();
        assert!(titles.of(arrived).find("heat").is_empty());
    }

    #[test]
    fn no_word_finds_nothing() {
        assert!(index().find(" -- ").is_empty());
        assert!(index().find("").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "\\PC{0,60}") {
            index().find(&text);
        }

        #[test]
        fn a_title_finds_itself(which in 0usize..3) {
            let title = ["Heat", "The Heat", "In the Heat of the Night"][which];
            prop_assert!(index().find(title).contains(&(which as i64 + 1)));
        }
    }
}

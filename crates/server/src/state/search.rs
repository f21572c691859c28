//! Search in titles: words to films.
//!
//! A sorted map from word to films, built once, since titles do not change while serving. Every word of the query
//! must be in the title; the last one may be a beginning, so that results come while typing. Case is ignored.

use rankine_recommend::Item;
use std::collections::{BTreeMap, BTreeSet};

/// Words looked at in a query; what follows is ignored.
const MOST_WORDS: usize = 8;

/// Films by the words of their titles.
pub(crate) struct TitleIndex {
    words: BTreeMap<String, Vec<i64>>,
}

impl TitleIndex {
    pub(crate) fn new(items: &[Item]) -> Self {
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

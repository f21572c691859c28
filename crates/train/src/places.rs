//! The places that a dictionary gave the words of a vocabulary when a version was trained, kept in the version.
//!
//! A vocabulary that is loaded numbers its rows by the dictionary's places, so a dictionary that is written anew in another
//! order would give every row another word, silently. Decision: the words are kept whole, a line each, rather than as a hash: a
//! dictionary may then grow anywhere and lose words, and the word that moved can be named. They take less than their rows do.

use std::fmt::Write as _;

use rankine_feature::{Key, Plan, Value};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::TrainError;
use crate::warm::{Cell, check_places, refuse, vocabulary_columns};

/// Places of the words of one column of a dictionary.
#[derive(Clone, Debug, PartialEq)]
pub struct Places {
    /// The dictionary's name.
    pub dictionary: String,
    /// The column's name.
    pub column: String,
    /// Each word and its place, by place, then word.
    pub words: Vec<(i64, String)>,
}

impl Places {
    /// What the dictionaries of a bound plan say, for each column by which a vocabulary of `slots` numbers its rows.
    #[must_use]
    pub fn of(plan: &Plan, slots: &[u32]) -> Vec<Places> {
        let mut all: Vec<Places> = Vec::new();
        for (_, dictionary, column) in vocabulary_columns(plan, slots) {
            let known = |own: &Places| own.dictionary == dictionary && own.column == column;
            if !all.iter().any(known) {
                all.extend(Places::read(plan, dictionary, column));
            }
        }
        all
    }

    /// Goes through a dictionary; none if it is not bound or cannot be gone through.
    fn read(plan: &Plan, dictionary: String, column: String) -> Option<Places> {
        let mut pairs = plan.dictionaries().iter().zip(plan.tables());
        let (_, table) = pairs.find(|(spec, _)| *spec.name == *dictionary)?;
        let at = table.columns().iter().position(|(name, _)| **name == *column)?;
        let mut words = Vec::new();
        let whole = table.each(at, &mut |key, value| {
            if let Value::Int(place) = value {
                let word = match key {
                    Key::Int(key) => key.to_string(),
                    Key::Text(key) => key.to_owned(),
                };
                words.push((*place, word));
            }
        });
        words.sort_unstable();
        whole.then_some(Places {
            dictionary,
            column,
            words,
        })
    }

    /// The name of the file of this number in a version.
    #[must_use]
    pub fn file(number: usize) -> String {
        format!("places-{number}.jsonl")
    }

    /// As lines of JSON: dictionary and column, then a word a line.
    #[must_use]
    pub fn lines(&self) -> String {
        let mut text = serde_json::json!([self.dictionary, self.column]).to_string() + "\n";
        for word in &self.words {
            let _ = writeln!(text, "{}", serde_json::json!(word));
        }
        text
    }

    /// Reads such lines.
    ///
    /// # Errors
    /// A line that is none, with its number; `file` names the text.
    pub fn parse(text: &str, file: &str) -> Result<Places, TrainError> {
        let fault = |line: usize, error: serde_json::Error| TrainError::Sample {
            place: format!("{file}:{line}"),
            detail: error.to_string(),
        };
        let mut lines = text.lines().zip(1..);
        let (head, _) = lines.next().unwrap_or_default();
        let (dictionary, column) = serde_json::from_str(head).map_err(|error| fault(1, error))?;
        let words = lines.map(|(line, at)| serde_json::from_str(line).map_err(|error| fault(at, error)));
        Ok(Places {
            dictionary,
            column,
            words: words.collect::<Result<_, _>>()?,
        })
    }

    /// What makes rows of these words others' under the places of `now`, if anything.
    fn moved(&self, now: &Places) -> Option<String> {
        let today: FxHashMap<&str, i64> = now.words.iter().map(|(place, word)| (&**word, *place)).collect();
        let before: FxHashSet<&str> = self.words.iter().map(|(_, word)| &**word).collect();
        let place = |word: &String| today.get(&**word).copied();
        let stayed = self.words.iter().filter(|(at, word)| place(word) == Some(*at));
        let held: FxHashSet<i64> = stayed.map(|(at, _)| *at).collect();
        let elsewhere = self.words.iter().filter_map(|(at, word)| {
            let got = place(word).filter(|got| got != at)?;
            Some((*at, format!("word `{word}`: expected place {at}, got {got}")))
        });
        // a place whose words are all gone belongs to no new one
        let lost: FxHashMap<i64, &str> = self
            .words
            .iter()
            .filter(|(at, _)| !held.contains(at))
            .map(|(at, word)| (*at, &**word))
            .collect();
        let taken = now.words.iter().filter(|(_, word)| !before.contains(&**word));
        let taken = taken.filter_map(|(at, word)| {
            let of = lost.get(at)?;
            Some((
                *at,
                format!("word `{word}` has place {at}, which was that of `{of}`"),
            ))
        });
        let mut all: Vec<(i64, String)> = elsewhere.chain(taken).collect();
        all.sort_unstable();
        let (_, first) = all.first()?;
        Some(format!(
            "dictionary `{}`, column `{}`, {} of {} words moved, the first: {first}",
            self.dictionary,
            self.column,
            all.len(),
            self.words.len()
        ))
    }
}

/// Refuses dictionaries that give words of a vocabulary other places than those of the version that training begins from:
/// `before`, or what its kept samples read (`cells`) where it kept no places or today's dictionary cannot be gone through.
///
/// # Errors
/// Every such slot, with the first word, the place that was expected and the one that came.
pub fn check_words(now: &Plan, slots: &[u32], before: &[Places], cells: &[Cell]) -> Result<(), TrainError> {
    let today = Places::of(now, slots);
    let mut changed = Vec::new();
    let same = |a: &Places, dictionary: &str, column: &str| a.dictionary == dictionary && a.column == column;
    for (slot, dictionary, column) in vocabulary_columns(now, slots) {
        let of = |all: &[Places]| all.iter().find(|own| same(own, &dictionary, &column)).cloned();
        if let (Some(old), Some(new)) = (of(before), of(&today)) {
            changed.extend(old.moved(&new).map(|moved| format!("slot {slot}, {moved}")));
        }
    }
    refuse(&changed)?;
    let covered = |cell: &&Cell| {
        let known = |all: &[Places]| all.iter().any(|own| same(own, &cell.dictionary, &cell.column));
        known(before) && known(&today)
    };
    let rest: Vec<Cell> = cells.iter().filter(|cell| !covered(cell)).cloned().collect();
    check_places(now, slots, &rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rankine_feature::{FieldType, Lookup, MemoryDictionary};
    use std::sync::Arc;

    const CONF: &str = "format = 1\nname = \"c\"\nschema.item = [{ name = \"x\", type = \"string\" }]\n\
                        [[dictionary]]\nname = \"words\"\nkey = \"string\"\ncolumns = [{ name = \"line\", type = \"int\" }]\n\
                        [[feature]]\nname = \"b\"\nclass = \"vocabulary\"\ndepend = [\"x\"]\nslot = 4\n\
                        str_args = [\"@words.line\"]\n";

    fn plan(words: &[(&str, i64)]) -> Plan {
        let mut table = MemoryDictionary::new(&[("line", FieldType::Int)]);
        for (word, place) in words {
            table.insert(Key::Text(word), vec![Value::Int(*place)]);
        }
        let table: Arc<dyn Lookup> = Arc::new(table);
        let bare = Plan::compile(CONF, "c.toml", None).unwrap();
        bare.bind(|_| Some(Arc::clone(&table))).unwrap()
    }

    #[test]
    fn words_may_come_and_go_but_not_move_nor_take_the_place_of_others() {
        let before = Places::of(&plan(&[("b", 1), ("a", 0), ("c\n", 2)]), &[4]);
        assert_eq!(before[0].words[1], (1, "b".to_owned()));
        let check =
            |words: &[(&str, i64)]| check_words(&plan(words), &[4], &before, &[]).map_err(|e| e.to_string());
        check(&[("a", 0), ("b", 1), ("c\n", 2), ("d", 3)]).unwrap();
        check(&[("a", 0), ("e", 0), ("c\n", 2)]).unwrap();
        let moved = check(&[("a", 0), ("b", 2), ("c\n", 1)]).unwrap_err();
        let said = "slot 4, dictionary `words`, column `line`, 2 of 3 words moved, the first: word `b`: expected place 1, got 2";
        assert!(moved.contains(said), "{moved}");
        let taken = check(&[("a", 0), ("z", 1), ("c\n", 2)]).unwrap_err();
        assert!(
            taken.contains("word `z` has place 1, which was that of `b`"),
            "{taken}"
        );
        assert!(
            Places::of(&plan(&[("a", 0)]), &[5]).is_empty(),
            "a slot of something else"
        );
    }

    #[test]
    fn places_are_read_back_and_cells_speak_where_there_are_none() {
        let own = Places::of(&plan(&[("b \"\n", 1), ("a", 0)]), &[4]).remove(0);
        assert_eq!(Places::parse(&own.lines(), "f").unwrap(), own);
        let torn = own.lines().replace("[1,", "[1;");
        assert!(
            Places::parse(&torn, "f")
                .unwrap_err()
                .to_string()
                .starts_with("f:3: ")
        );
        let cell = Cell {
            dictionary: "words".into(),
            key: "a".into(),
            column: "line".into(),
            value: 5.into(),
        };
        let now = plan(&[("a", 0)]);
        assert!(check_words(&now, &[4], &[], std::slice::from_ref(&cell)).is_err());
        check_words(&now, &[4], &Places::of(&now, &[4]), &[cell]).unwrap();
    }
}

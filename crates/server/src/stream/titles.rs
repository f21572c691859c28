//! Titles of everything that a stream's item feature table has, to be searched by their words.
//!
//! For a site's search, which by itself knows the catalogue and the newest items. The decision: an index in memory of the process that
//! writes the rows, made by a thread of its own when somebody first asks and kept up with what the stream writes, so that a question costs
//! what it finds, whatever the table holds, and nobody else pays for it. What is found is read from the table, so that it is never older than that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use rankine_pipeline::PipelineError;
use rankine_pipeline::import::split_year;
use rankine_pipeline::stream::features::FeatureRows;
use rankine_pipeline::stream::{JoinedRow, Position};
use rankine_store::vectors::{Generation, VectorSearch};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use serde_json::{Value, json};

use super::items::Rows;
use super::{MOST, Refusal, StreamView, blocking};
use crate::state::words_of;

/// Words looked at in a question; what follows is ignored.
const WORDS: usize = 8;
/// Titles looked at for one question, at most.
const LOOKED_AT: usize = 100_000;
/// Rows read at a time while keeping up.
const ROWS: usize = 500;
/// How long the thread sleeps when nothing has changed.
const STEP: Duration = Duration::from_millis(50);
/// How long a question waits for an index that is being made.
const FIRST: Duration = Duration::from_millis(100);

/// The titles of one stream's items.
pub struct Titles {
    rows: Rows,
    vectors: Arc<dyn VectorSearch>,
    set: String,
    changed: Arc<Changed>,
    indexed: RwLock<Indexed>,
    begun: AtomicBool,
}

/// What is indexed, and of which column.
#[derive(Default)]
struct Indexed {
    column: String,
    /// Whether everything that was there has been put among the changed.
    listed: bool,
    /// Whether all of that has been read.
    ready: bool,
    index: Index,
}

impl Titles {
    /// Of the items of `set`, whose rows are read from `rows`.
    pub fn new(rows: Rows, vectors: Arc<dyn VectorSearch>, set: &str) -> Arc<Titles> {
        Arc::new(Titles {
            rows,
            vectors,
            set: set.to_owned(),
            changed: Arc::default(),
            indexed: RwLock::default(),
            begun: AtomicBool::new(false),
        })
    }

    /// The same feature table, whose writes are heard of here.
    pub fn hearing(&self, rows: Box<dyn FeatureRows>) -> Box<dyn FeatureRows> {
        Box::new(Heard {
            rows,
            changed: self.changed.clone(),
        })
    }

    /// Items whose title has the words, not more than `n`, and whether all titles are known by now.
    fn find(self: &Arc<Self>, column: &str, text: &str, n: usize) -> (Vec<i64>, bool) {
        self.begin(column);
        let indexed = self.indexed.read().unwrap_or_else(PoisonError::into_inner);
        let complete = indexed.ready && self.changed.is_empty();
        (indexed.index.find(text, n), complete)
    }

    /// Waits a moment for an index that is being made.
    fn settle(self: &Arc<Self>, column: &str) {
        self.begin(column);
        let until = Instant::now() + FIRST;
        let ready = || self.indexed.read().unwrap_or_else(PoisonError::into_inner).ready;
        while !ready() && Instant::now() < until {
            std::thread::sleep(FIRST / 50);
        }
    }

    /// Sees to it that the titles in `column` are indexed from now on.
    fn begin(self: &Arc<Self>, column: &str) {
        let same = |indexed: &Indexed| indexed.column == column;
        if !same(&self.indexed.read().unwrap_or_else(PoisonError::into_inner)) {
            let mut indexed = self.indexed.write().unwrap_or_else(PoisonError::into_inner);
            if !same(&indexed) {
                *indexed = Indexed {
                    column: column.to_owned(),
                    ..Indexed::default()
                };
            }
        }
        if !self.begun.swap(true, Relaxed) {
            self.changed.listen();
            let titles = Arc::downgrade(self);
            let started = std::thread::Builder::new()
                .name("titles".to_owned())
                .spawn(move || keep_up(&titles));
            if let Err(error) = started {
                tracing::warn!(%error, "titles are not searched");
                self.begun.store(false, Relaxed);
            }
        }
    }

    /// Takes over some of what has changed; whether there was anything.
    fn step(&self) -> Result<bool, Refusal> {
        let (column, listed) = {
            let indexed = self.indexed.read().unwrap_or_else(PoisonError::into_inner);
            (indexed.column.clone(), indexed.listed)
        };
        if !listed {
            self.list(&column)?;
        }
        let ids = self.changed.some(ROWS);
        let found = match ids.is_empty() {
            true => Vec::new(),
            false => self.rows.joined(&ids).inspect_err(|_| self.changed.tell(&ids))?,
        };
        let mut indexed = self.indexed.write().unwrap_or_else(PoisonError::into_inner);
        if indexed.column != column {
            // of another column: all of them are listed anew
            return Ok(true);
        }
        indexed.ready |= indexed.listed && ids.is_empty();
        for (id, row) in ids.iter().zip(found) {
            let title = row.as_ref().and_then(|row| row.cells.get(&column)?.as_str());
            indexed.index.put(*id, title.unwrap_or_default());
        }
        Ok(!ids.is_empty())
    }

    /// Puts everything there is among the changed.
    fn list(&self, column: &str) -> Result<(), Refusal> {
        if let Some(version) = self.vectors.current(&self.set).map_err(super::fault)? {
            let generation = Generation::new(&self.set, version);
            self.changed
                .tell(&self.vectors.ids(&generation).map_err(super::fault)?);
            let mut indexed = self.indexed.write().unwrap_or_else(PoisonError::into_inner);
            indexed.listed = indexed.column == column;
        }
        Ok(())
    }
}

/// Follows what changes for as long as somebody may ask.
fn keep_up(titles: &Weak<Titles>) {
    while let Some(titles) = titles.upgrade() {
        let moved = titles.step().unwrap_or_else(|(_, reason)| {
            tracing::debug!(reason, "titles are not read");
            false
        });
        drop(titles);
        if !moved {
            std::thread::sleep(STEP);
        }
    }
}

/// Ids of rows that were written since they were last read.
#[derive(Default)]
struct Changed {
    heard: AtomicBool,
    ids: Mutex<FxHashSet<i64>>,
}

impl Changed {
    /// Ids are kept from now on.
    fn listen(&self) {
        self.heard.store(true, Relaxed);
    }

    fn tell(&self, ids: &[i64]) {
        if self.heard.load(Relaxed) {
            let mut all = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(ids);
        }
    }

    fn some(&self, n: usize) -> Vec<i64> {
        let mut all = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let some: Vec<i64> = all.iter().copied().take(n).collect();
        some.iter().for_each(|id| {
            all.remove(id);
        });
        some
    }

    fn is_empty(&self) -> bool {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// A feature table whose writes are told.
struct Heard {
    rows: Box<dyn FeatureRows>,
    changed: Arc<Changed>,
}

impl FeatureRows for Heard {
    fn put(&mut self, rows: &[(JoinedRow, Position)]) -> Result<(), PipelineError> {
        self.rows.put(rows)?;
        let ids: Vec<i64> = rows.iter().map(|(row, _)| row.id).collect();
        self.changed.tell(&ids);
        Ok(())
    }

    fn delete(&mut self, ids: &[i64]) -> Result<(), PipelineError> {
        self.rows.delete(ids)?;
        self.changed.tell(ids);
        Ok(())
    }

    fn get(&mut self, ids: &[i64]) -> Result<Vec<Option<JoinedRow>>, PipelineError> {
        self.rows.get(ids)
    }
}

/// Items by the words of their titles.
#[derive(Default)]
struct Index {
    words: BTreeMap<String, BTreeSet<i64>>,
    /// The words of each title, a space between them.
    titles: FxHashMap<i64, Box<str>>,
}

impl Index {
    /// Replaces an item's title; one without a word takes it out.
    fn put(&mut self, id: i64, title: &str) {
        let words = words_of(&split_year(title).0).join(" ");
        let before = self.titles.remove(&id).unwrap_or_default();
        if before.as_ref() != words {
            for word in before.split(' ') {
                if let Some(items) = self.words.get_mut(word) {
                    items.remove(&id);
                    if items.is_empty() {
                        self.words.remove(word);
                    }
                }
            }
            for word in words.split(' ').filter(|word| !word.is_empty()) {
                self.words.entry(word.to_owned()).or_default().insert(id);
            }
        }
        if !words.is_empty() {
            self.titles.insert(id, words.into());
        }
    }

    /// Items that have all words of `text`, the last one perhaps as a beginning: those called so first, then the highest ids; not more than `n`.
    fn find(&self, text: &str, n: usize) -> Vec<i64> {
        let mut words = words_of(text);
        words.truncate(WORDS);
        let whole = words.join(" ");
        let Some(start) = words.pop() else {
            return Vec::new();
        };
        let (mut called, mut others) = (Vec::new(), Vec::new());
        let mut seen = FxHashSet::default();
        for id in self.candidates(&words, &start).take(LOOKED_AT) {
            let title = self.titles.get(&id).map_or("", |title| title);
            if title == whole {
                called.push(id);
            } else if others.len() < n && has(title, &words, &start) && seen.insert(id) {
                others.push(id);
            }
        }
        called.into_iter().chain(others).take(n).collect()
    }

    /// Items that may be meant: those of the rarest whole word, or of the words that begin so.
    fn candidates<'a>(&'a self, words: &[String], start: &'a str) -> Box<dyn Iterator<Item = i64> + 'a> {
        let of = words.iter().map(|word| self.words.get(word));
        let rarest = of.min_by_key(|items| items.map_or(0, BTreeSet::len));
        match rarest {
            Some(items) => Box::new(items.into_iter().flat_map(|items| items.iter().rev().copied())),
            None => {
                let from = self.words.range(start.to_owned()..);
                let begin = from.take_while(move |(word, _)| word.starts_with(start));
                Box::new(begin.flat_map(|(_, items)| items.iter().rev().copied()))
            }
        }
    }
}

/// Whether a title has all these words and one that begins so.
fn has(title: &str, words: &[String], start: &str) -> bool {
    let own = || title.split(' ');
    words.iter().all(|word| own().any(|one| one == word)) && own().any(|one| one.starts_with(start))
}

/// A question for titles.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Words of a title; the last one may be a beginning.
    text: String,
    /// The joined column of the title.
    title: String,
    /// How many items, at most.
    n: usize,
}

pub(super) async fn titles(State(view): State<StreamView>, Json(asked): Json<Asked>) -> Response {
    blocking(move || {
        view.titles.settle(&asked.title);
        let (ids, complete) = view.titles.find(&asked.title, &asked.text, asked.n.min(MOST));
        let rows: Value = view.rows.get(&ids)?.into();
        Ok(json!({"complete": complete, "rows": rows}))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rankine_pipeline::stream::features::StoredFeatures;
    use rankine_store::MemoryRows;
    use rankine_store::vectors::{EmbeddedVectors, Metric, Shape, VectorRow, VectorStore as _};

    fn index(titles: &[&str]) -> Index {
        let mut index = Index::default();
        (1..).zip(titles).for_each(|(id, title)| index.put(id, title));
        index
    }

    #[test]
    fn all_words_must_match_and_what_is_called_so_comes_first() {
        let mut index = index(&[
            "Heat (1995)",
            "The Heat",
            "In the Heat of the Night",
            "Amélie",
            "Heather",
        ]);
        assert_eq!(index.find("heat", 9), [1, 3, 2, 5]);
        assert_eq!(index.find("heat", 2), [1, 3], "not more than asked for");
        assert_eq!(index.find("THE hea", 9), [3, 2]);
        assert_eq!(index.find("hea the", 9), [0; 0]);
        assert_eq!(index.find("the heat", 9), [2, 3]);
        assert_eq!((index.find("amé", 9), index.find("1995", 9)), (vec![4], vec![]));
        index.put(1, "Cold");
        index.put(2, "");
        assert_eq!(
            (index.find("heat", 9), index.find("cold", 9)),
            (vec![3, 5], vec![1])
        );
        assert!(index.find(" -- ", 9).is_empty() && index.find("", 9).is_empty());
        (1..6).for_each(|id| index.put(id, ""));
        assert!(index.words.is_empty() && index.titles.is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_a_title_finds_itself(text in "\\PC{0,40}", title in "[a-c ]{1,12}") {
            let index = index(&["a b", &title, "c"]);
            index.find(&text, 9);
            prop_assert_eq!(index.find(&title, 9).contains(&2), !words_of(&title).is_empty());
        }
    }

    fn row(id: i64, title: &str) -> (JoinedRow, Position) {
        let cells = json!({"name": title});
        let cells = cells.as_object().cloned().unwrap_or_default();
        (JoinedRow { id, as_of: 0, cells }, Position::default())
    }

    /// A table of these titles, of which those from the front to `live` have vectors.
    fn table(folder: &std::path::Path, titles: &[&str]) -> (Arc<Titles>, Box<dyn FeatureRows>) {
        let store: Arc<dyn rankine_store::RowStore> = Arc::new(MemoryRows::default());
        let open = || Box::new(StoredFeatures::new(store.clone(), "item", Default::default()));
        let mut rows = open();
        let vectors = EmbeddedVectors::open(&folder.join("vectors.redb")).unwrap();
        let generation = Generation::new("items", 1);
        let (width, metric) = (1, Metric::InnerProduct);
        vectors.prepare(&generation, Shape { width, metric }).unwrap();
        for (id, title) in (1..).zip(titles) {
            rows.put(&[row(id, title)]).unwrap();
            let vector = VectorRow {
                id,
                vector: vec![1.0],
                ..VectorRow::default()
            };
            vectors.upsert(&generation, &[vector]).unwrap();
        }
        vectors.switch(&[generation]).unwrap();
        let titles = Titles::new(Rows::new(open()), Arc::new(vectors), "items");
        let heard = titles.hearing(rows);
        (titles, heard)
    }

    /// What is found once all that was written is known.
    fn settled(titles: &Arc<Titles>, column: &str, text: &str) -> Vec<i64> {
        for _ in 0..2_000 {
            if let (found, true) = titles.find(column, text, 9) {
                return found;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("titles are never all known");
    }

    #[test]
    fn what_was_there_and_what_is_written_is_found_and_what_goes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (titles, mut rows) = table(folder.path(), &["Heat", "Night Moves"]);
        assert_eq!(settled(&titles, "name", "night"), [2]);
        rows.put(&[row(3, "Night and Day"), row(1, "Day for Night (1973)")])
            .unwrap();
        assert_eq!(settled(&titles, "name", "night"), [3, 2, 1]);
        assert_eq!(settled(&titles, "name", "heat"), [0; 0]);
        rows.delete(&[2, 3]).unwrap();
        assert_eq!(settled(&titles, "name", "nig"), [1]);
        assert_eq!(settled(&titles, "title", "night"), [0; 0], "another column");
        assert_eq!(settled(&titles, "name", "night"), [1], "listed anew");
    }
}

//! Vectors on this machine: every row in a redb file, and per generation an index in memory, exact, with a graph (HNSW) where
//! that is set.
//!
//! A call is one redb transaction, on disk when it returns; only then does the memory follow, so that what a search
//! returned survives a crash. Opening reads all rows back, and a graph is made of them again. Refused: an index file beside the rows, which could disagree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rankine_index::{Hnsw, IndexError, Neighbour, VectorIndex};
use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use rustc_hash::{FxHashMap, FxHashSet};

use super::row::{Standing, check_vector, latest, tombstone};
use super::{Filter, Generation, Gone, Search, Shape, VectorRow, VectorSearch, VectorStore};
use crate::StoreError;

type RowKey = (&'static str, u64, i64);

/// (set, version, id) → row or tombstone.
const ROWS: TableDefinition<'_, RowKey, &[u8]> = TableDefinition::new("vectors");
/// (set, version) → shape in words.
const SHAPES: TableDefinition<'_, (&'static str, u64), &str> = TableDefinition::new("vector_shapes");
/// set → serving version.
const CURRENT: TableDefinition<'_, &'static str, u64> = TableDefinition::new("vector_current");

/// What is known of an id without reading the file.
#[derive(Debug)]
struct Mark {
    standing: Standing,
    created: i64,
    categories: Box<[String]>,
}

/// One generation in memory.
#[derive(Debug)]
struct Held {
    shape: Shape,
    index: VectorIndex,
    /// Locked before the index by writers and searches alike.
    marks: RwLock<FxHashMap<i64, Mark>>,
    /// Live rows by the time they were created, and id. Locked after the marks.
    ages: RwLock<BTreeSet<(i64, i64)>>,
}

type Generations = FxHashMap<Generation, Arc<Held>>;

/// An embedded [`VectorStore`] with exact search and, where that is set, approximate search beside it. Durable and atomic per call.
#[derive(Debug)]
pub struct EmbeddedVectors {
    path: PathBuf,
    database: Database,
    writing: Mutex<()>,
    held: RwLock<Generations>,
    hnsw: Option<Hnsw>,
}

impl EmbeddedVectors {
    /// Opens the file, making it (and its folder) if there is none, and reads all vectors into memory.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Redb`]; [`StoreError::RowDamaged`] for bytes that are no row.
    pub fn open(path: &Path) -> Result<EmbeddedVectors, StoreError> {
        EmbeddedVectors::open_with(path, None)
    }

    /// As [`EmbeddedVectors::open`], with settings for a graph, which [`VectorStore::accelerate`] makes of a generation.
    ///
    /// # Errors
    /// As [`EmbeddedVectors::open`]; [`StoreError::Index`] for settings out of their range.
    pub fn open_with(path: &Path, hnsw: Option<Hnsw>) -> Result<EmbeddedVectors, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| StoreError::Io {
                action: "make the folder",
                path: folder.to_owned(),
                source,
            })?;
        }
        let database = Database::create(path).map_err(|error| fail(path, "open", error))?;
        EmbeddedVectors::on(path, database, hnsw)
    }

    /// A store that keeps nothing.
    ///
    /// # Errors
    /// As [`EmbeddedVectors::open`].
    pub fn in_memory() -> Result<EmbeddedVectors, StoreError> {
        EmbeddedVectors::in_memory_with(None)
    }

    /// A store that keeps nothing, with settings for a graph.
    ///
    /// # Errors
    /// As [`EmbeddedVectors::open_with`].
    pub fn in_memory_with(hnsw: Option<Hnsw>) -> Result<EmbeddedVectors, StoreError> {
        let path = Path::new("(memory)");
        let database = Database::builder()
            .create_with_backend(InMemoryBackend::new())
            .map_err(|error| fail(path, "open", error))?;
        EmbeddedVectors::on(path, database, hnsw)
    }

    fn on(path: &Path, database: Database, hnsw: Option<Hnsw>) -> Result<EmbeddedVectors, StoreError> {
        let store = EmbeddedVectors {
            path: path.to_owned(),
            database,
            writing: Mutex::default(),
            held: RwLock::default(),
            hnsw,
        };
        store.write("make tables", |transaction| {
            transaction.open_table(ROWS)?;
            transaction.open_table(SHAPES)?;
            transaction.open_table(CURRENT)?;
            Ok(())
        })?;
        store.read_back()?;
        Ok(store)
    }

    /// Fills the memory from the file.
    fn read_back(&self) -> Result<(), StoreError> {
        let fail = self.fail("read");
        let reading = self.database.begin_read().map_err(|error| fail(error.into()))?;
        let shapes = reading.open_table(SHAPES).map_err(|error| fail(error.into()))?;
        let mut held = Generations::default();
        for entry in shapes.iter().map_err(|error| fail(error.into()))? {
            let (key, words) = entry.map_err(|error| fail(error.into()))?;
            let generation = Generation::new(key.value().0, key.value().1);
            let shape = words.value().split_once(' ').and_then(|(a, b)| Shape::of(a, b));
            let shape = shape.ok_or_else(|| damaged(&generation, 0, "a shape that is none"))?;
            let made = Held::new(&generation, shape, self.hnsw)?;
            held.insert(generation, Arc::new(made));
        }
        let rows = reading.open_table(ROWS).map_err(|error| fail(error.into()))?;
        for entry in rows.iter().map_err(|error| fail(error.into()))? {
            let (key, bytes) = entry.map_err(|error| fail(error.into()))?;
            let (set, version, id) = key.value();
            let generation = Generation::new(set, version);
            let (standing, row) = read_row(&generation, id, bytes.value())?;
            let target = held
                .get(&generation)
                .ok_or_else(|| damaged(&generation, id, "no generation"))?;
            target.apply(&generation, id, standing, row.as_ref())?;
        }
        *self.held_mut() = held;
        Ok(())
    }

    fn fail(&self, action: &'static str) -> impl Fn(redb::Error) -> StoreError + '_ {
        move |error| fail(&self.path, action, error)
    }

    /// One durable transaction.
    fn write<T>(
        &self,
        action: &'static str,
        edit: impl FnOnce(&redb::WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let run = || {
            let transaction = self.database.begin_write()?;
            let made = edit(&transaction)?;
            transaction.commit()?;
            Ok(made)
        };
        run().map_err(self.fail(action))
    }

    fn held(&self, generation: &Generation) -> Result<Arc<Held>, StoreError> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.get(generation).cloned().ok_or_else(|| generation.missing())
    }

    fn held_mut(&self) -> RwLockWriteGuard<'_, Generations> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writers come one by one: what a write is compared with is what it replaces.
    fn one_writer(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts encoded rows or tombstones into the file.
    fn put(&self, generation: &Generation, rows: &[(i64, Vec<u8>)]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.write("write vectors", |transaction| {
            let mut table = transaction.open_table(ROWS)?;
            for (id, bytes) in rows {
                table.insert(
                    (generation.set.as_str(), generation.version, *id),
                    bytes.as_slice(),
                )?;
            }
            Ok(())
        })
    }
}

impl VectorStore for EmbeddedVectors {
    fn prepare(&self, generation: &Generation, shape: Shape) -> Result<(), StoreError> {
        generation.check()?;
        let _writing = self.one_writer();
        if let Ok(held) = self.held(generation) {
            return generation.agree(held.shape, shape);
        }
        let made = Held::new(generation, shape, self.hnsw)?;
        self.write("prepare a generation", |transaction| {
            let mut table = transaction.open_table(SHAPES)?;
            let words = shape.to_string();
            table.insert((generation.set.as_str(), generation.version), words.as_str())?;
            Ok(())
        })?;
        self.held_mut().insert(generation.clone(), Arc::new(made));
        Ok(())
    }

    fn shape(&self, generation: &Generation) -> Result<Option<Shape>, StoreError> {
        Ok(self.held(generation).ok().map(|held| held.shape))
    }

    fn upsert(&self, generation: &Generation, rows: &[VectorRow]) -> Result<usize, StoreError> {
        let held = self.held(generation)?;
        for row in rows {
            row.check(generation, held.shape)?;
        }
        let _writing = self.one_writer();
        let mut kept = latest(rows, |row| row.id, VectorRow::standing);
        kept.retain(|row| row.standing().wins(held.standing(row.id)));
        let encoded: Vec<_> = kept.iter().map(|row| (row.id, row.encode())).collect();
        self.put(generation, &encoded)?;
        for row in &kept {
            held.apply(generation, row.id, row.standing(), Some(row))?;
        }
        Ok(kept.len())
    }

    fn delete(&self, generation: &Generation, gone: &[Gone]) -> Result<usize, StoreError> {
        let held = self.held(generation)?;
        let _writing = self.one_writer();
        let mut kept = latest(gone, |one| one.id, |one| one.standing());
        kept.retain(|one| one.standing().wins(held.standing(one.id)));
        let encoded: Vec<_> = kept.iter().map(|one| (one.id, tombstone(**one))).collect();
        self.put(generation, &encoded)?;
        for one in &kept {
            held.apply(generation, one.id, one.standing(), None)?;
        }
        Ok(kept.len())
    }

    fn forget(&self, generation: &Generation, gone: &[Gone]) -> Result<usize, StoreError> {
        let held = self.held(generation)?;
        let _writing = self.one_writer();
        let old = |one: &&Gone| {
            let standing = held.standing(one.id);
            standing.is_some_and(|standing| standing.gone && standing.position <= one.position)
        };
        let ids: FxHashSet<i64> = gone.iter().filter(old).map(|one| one.id).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        self.write("forget vectors", |transaction| {
            let mut table = transaction.open_table(ROWS)?;
            for id in &ids {
                table.remove((generation.set.as_str(), generation.version, *id))?;
            }
            Ok(())
        })?;
        held.marks_mut().retain(|id, _| !ids.contains(id));
        Ok(ids.len())
    }

    fn get(&self, generation: &Generation, ids: &[i64]) -> Result<Vec<Option<VectorRow>>, StoreError> {
        self.held(generation)?;
        let fail = self.fail("read vectors");
        let reading = self.database.begin_read().map_err(|error| fail(error.into()))?;
        let table = reading.open_table(ROWS).map_err(|error| fail(error.into()))?;
        let one = |id: &i64| {
            let key = (generation.set.as_str(), generation.version, *id);
            let Some(bytes) = table.get(key).map_err(|error| fail(error.into()))? else {
                return Ok(None);
            };
            Ok(read_row(generation, *id, bytes.value())?.1)
        };
        ids.iter().map(one).collect()
    }

    fn ids(&self, generation: &Generation) -> Result<Vec<i64>, StoreError> {
        let held = self.held(generation)?;
        let marks = held.marks();
        let live = marks.iter().filter(|(_, mark)| !mark.standing.gone);
        let mut ids: Vec<i64> = live.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    fn versions(&self, set: &str) -> Result<Vec<u64>, StoreError> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let of_set = held.keys().filter(|generation| generation.set == set);
        let mut versions: Vec<u64> = of_set.map(|generation| generation.version).collect();
        versions.sort_unstable();
        Ok(versions)
    }

    fn current(&self, set: &str) -> Result<Option<u64>, StoreError> {
        let read = || {
            let table = self.database.begin_read()?.open_table(CURRENT)?;
            Ok(table.get(set)?.map(|version| version.value()))
        };
        read().map_err(self.fail("read the serving version"))
    }

    fn switch(&self, to: &[Generation]) -> Result<(), StoreError> {
        let _writing = self.one_writer();
        for generation in to {
            self.held(generation)?;
        }
        self.write("switch generations", |transaction| {
            let mut table = transaction.open_table(CURRENT)?;
            for generation in to {
                table.insert(generation.set.as_str(), generation.version)?;
            }
            Ok(())
        })
    }

    fn discard(&self, generation: &Generation) -> Result<(), StoreError> {
        let _writing = self.one_writer();
        if self.current(&generation.set)? == Some(generation.version) {
            return Err(generation.serving());
        }
        let (set, version) = (generation.set.as_str(), generation.version);
        self.write("discard a generation", |transaction| {
            transaction.open_table(SHAPES)?.remove((set, version))?;
            let all = (set, version, i64::MIN)..=(set, version, i64::MAX);
            transaction.open_table(ROWS)?.retain_in(all, |_, _| false)?;
            Ok(())
        })?;
        self.held_mut().remove(generation);
        Ok(())
    }

    fn accelerate(&self, generation: &Generation) -> Result<(), StoreError> {
        let held = self.held(generation)?;
        held.index.accelerate().map_err(refused(generation))
    }
}

impl VectorSearch for EmbeddedVectors {
    fn search(
        &self,
        generation: &Generation,
        query: &[f32],
        search: &Search,
    ) -> Result<Vec<Neighbour>, StoreError> {
        let held = self.held(generation)?;
        check_vector(generation, None, query, held.shape)?;
        held.search(generation, query, search)
    }

    fn newest(&self, generation: &Generation, from: Option<i64>, n: usize) -> Result<Vec<i64>, StoreError> {
        Ok(self.held(generation)?.newest(from, n))
    }
}

impl Held {
    fn new(generation: &Generation, shape: Shape, hnsw: Option<Hnsw>) -> Result<Held, StoreError> {
        let mut index = VectorIndex::new(shape.width, shape.metric, generation.version);
        if let Some(hnsw) = hnsw {
            index = index.with_graph(hnsw).map_err(refused(generation))?;
        }
        Ok(Held {
            shape,
            index,
            marks: RwLock::default(),
            ages: RwLock::default(),
        })
    }

    fn marks(&self) -> RwLockReadGuard<'_, FxHashMap<i64, Mark>> {
        self.marks.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn marks_mut(&self) -> RwLockWriteGuard<'_, FxHashMap<i64, Mark>> {
        self.marks.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self, id: i64) -> Option<Standing> {
        self.marks().get(&id).map(|mark| mark.standing)
    }

    /// Brings one id up to date in memory; searches go on between one and the next.
    fn apply(
        &self,
        generation: &Generation,
        id: i64,
        standing: Standing,
        row: Option<&VectorRow>,
    ) -> Result<(), StoreError> {
        let mut marks = self.marks_mut();
        match row {
            Some(row) => self.index.upsert(id, &row.vector).map_err(refused(generation))?,
            None => drop(self.index.delete(id)),
        }
        let mark = Mark {
            standing,
            created: row.map_or(0, |row| row.created),
            categories: row.map_or_else(Box::default, |row| row.categories.clone().into()),
        };
        let created = mark.created;
        let old = marks.insert(id, mark);
        let mut ages = self.ages.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = old {
            ages.remove(&(old.created, id));
        }
        if row.is_some() {
            ages.insert((created, id));
        }
        Ok(())
    }

    /// Ids of live rows created at `from` or later, the newest first.
    fn newest(&self, from: Option<i64>, n: usize) -> Vec<i64> {
        let ages = self.ages.read().unwrap_or_else(PoisonError::into_inner);
        let begin = (from.unwrap_or(i64::MIN), i64::MIN);
        ages.range(begin..).rev().take(n).map(|(_, id)| *id).collect()
    }

    fn search(
        &self,
        generation: &Generation,
        query: &[f32],
        search: &Search,
    ) -> Result<Vec<Neighbour>, StoreError> {
        let marks = self.marks();
        let all = search.filter == Filter::default();
        let passes = |id| {
            all || marks
                .get(&id)
                .is_some_and(|mark| search.filter.passes(id, mark.created, &mark.categories))
        };
        let index = self.index.made_by(generation.version);
        let found = index.and_then(|index| match search.approximate {
            true => index.search_graph(query, search.n, passes),
            false => index.search(query, search.n, passes),
        });
        found.map_err(refused(generation))
    }
}

fn refused(generation: &Generation) -> impl Fn(IndexError) -> StoreError + '_ {
    |source| StoreError::Index {
        set: generation.set.clone(),
        version: generation.version,
        source,
    }
}

fn read_row(
    generation: &Generation,
    id: i64,
    bytes: &[u8],
) -> Result<(Standing, Option<VectorRow>), StoreError> {
    VectorRow::decode(id, bytes).ok_or_else(|| damaged(generation, id, "expected a vector row"))
}

fn damaged(generation: &Generation, key: i64, reason: &'static str) -> StoreError {
    StoreError::RowDamaged {
        family: format!("{}/{}", generation.set, generation.version),
        key,
        reason,
    }
}

fn fail(path: &Path, action: &'static str, error: impl Into<redb::Error>) -> StoreError {
    StoreError::Redb {
        action,
        path: path.to_owned(),
        source: Box::new(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::conformance;
    use super::*;
    use rankine_index::Metric;

    #[test]
    fn conforms() {
        let store = EmbeddedVectors::in_memory().unwrap();
        conformance::check_search(&store).unwrap();
        let store = EmbeddedVectors::in_memory_with(Some(Hnsw::default())).unwrap();
        conformance::check_search(&store).unwrap();
    }

    #[test]
    fn a_graph_finds_what_passes_and_is_made_again_on_opening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.redb");
        let hnsw = Hnsw {
            ef: 32,
            ..Hnsw::default()
        };
        let items = Generation::new("items", 3);
        let shape = Shape {
            width: 4,
            metric: Metric::InnerProduct,
        };
        let number = |a: u32| f32::from(u16::try_from(a.wrapping_mul(2_654_435_761) >> 18).unwrap()) - 8192.0;
        let rows: Vec<VectorRow> = (0..3_000)
            .map(|id: u32| VectorRow {
                id: id.into(),
                vector: (0..4).map(|k| number(id * 4 + k)).collect(),
                categories: vec![["even", "odd"][usize::from(id % 2 == 1)].to_owned()],
                ..VectorRow::default()
            })
            .collect();
        let asked = |store: &EmbeddedVectors, approximate| {
            let filter = Filter {
                categories: vec!["even".to_owned()],
                without: vec![4],
                ..Filter::default()
            };
            let search = Search {
                n: 10,
                filter,
                approximate,
            };
            store.search(&items, &[1.0, -0.5, 0.25, 2.0], &search).unwrap()
        };
        let shared = |store: &EmbeddedVectors| {
            let (near, exact) = (asked(store, true), asked(store, false));
            assert_eq!(near.len(), 10);
            near.iter().filter(|one| exact.contains(one)).count()
        };
        {
            let store = EmbeddedVectors::open_with(&path, Some(hnsw)).unwrap();
            store.prepare(&items, shape).unwrap();
            store.accelerate(&items).unwrap();
            store.upsert(&items, &rows).unwrap();
            assert!(shared(&store) >= 9);
        }
        let store = EmbeddedVectors::open_with(&path, Some(hnsw)).unwrap();
        store.accelerate(&items).unwrap();
        assert!(shared(&store) >= 9);
        let plain = EmbeddedVectors::in_memory_with(Some(Hnsw { m: 0, ..hnsw })).unwrap();
        let fault = plain.prepare(&items, shape).unwrap_err().to_string();
        assert_eq!(fault, "vectors items/3: m: expected 2 to 256, got 0");
    }

    #[test]
    fn all_of_it_is_there_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made/vectors.redb");
        let items = Generation::new("items", 3);
        let shape = Shape {
            width: 2,
            metric: Metric::Cosine,
        };
        let row = |id, vector: [f32; 2]| VectorRow {
            id,
            vector: vector.to_vec(),
            position: 7,
            categories: vec!["Drama".to_owned()],
            ..VectorRow::default()
        };
        {
            let store = EmbeddedVectors::open(&path).unwrap();
            store.prepare(&items, shape).unwrap();
            store
                .upsert(&items, &[row(1, [3.0, 4.0]), row(2, [0.0, 1.0])])
                .unwrap();
            store.delete(&items, &[Gone { id: 2, position: 9 }]).unwrap();
            store.switch(std::slice::from_ref(&items)).unwrap();
        }
        let store = EmbeddedVectors::open(&path).unwrap();
        assert_eq!(store.current("items").unwrap(), Some(3));
        assert_eq!(store.shape(&items).unwrap(), Some(shape));
        assert_eq!(
            store.get(&items, &[1, 2]).unwrap(),
            [Some(row(1, [3.0, 4.0])), None]
        );
        assert_eq!(
            store.upsert(&items, &[row(2, [0.0, 1.0])]).unwrap(),
            0,
            "a tombstone stays"
        );
        assert_eq!(store.newest(&items, None, 5).unwrap(), [1]);
        let search = Search {
            n: 5,
            ..Search::default()
        };
        let found = store.search(&items, &[1.0, 0.0], &search).unwrap();
        assert_eq!(found.len(), 1);
        assert!((found[0].score - 0.6).abs() < 1e-6);
    }
}

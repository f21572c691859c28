//! Indices with a graph against their own exact search, over many rows, replaced and deleted ones; and what a graph holds inside.

use proptest::prelude::*;

use super::*;
use crate::{Metric, VectorIndex};

const WIDTH: usize = 8;

const HNSW: Hnsw = Hnsw {
    m: 16,
    ef_construction: 64,
    ef: 32,
};

/// Numbers of a sequence that `seed` chooses, bell-shaped.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        let mut uniform = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            f64::from((self.0 >> 33) as u32) / f64::from(1u32 << 31)
        };
        #[expect(clippy::cast_possible_truncation, reason = "rounded on purpose")]
        let sum = ((0..6).map(|_| uniform()).sum::<f64>() - 3.0) as f32;
        sum
    }

    fn vector(&mut self) -> Vec<f32> {
        let longer = self.next().exp();
        (0..WIDTH).map(|_| self.next() * longer).collect()
    }
}

fn filled(metric: Metric, rows: i64, numbers: &mut Numbers) -> VectorIndex {
    filled_by(HNSW, metric, rows, numbers)
}

fn filled_by(hnsw: Hnsw, metric: Metric, rows: i64, numbers: &mut Numbers) -> VectorIndex {
    let ids: Vec<i64> = (0..rows).map(|id| id * 3).collect();
    let values: Vec<f32> = ids.iter().flat_map(|_| numbers.vector()).collect();
    let index = VectorIndex::build(metric, 1, &ids, WIDTH, &values).unwrap();
    let index = index.with_graph(hnsw).unwrap();
    index.accelerate().unwrap();
    index
}

/// The share of the exact ten best that the graph finds; their scores are the same bits.
fn recall(index: &VectorIndex, numbers: &mut Numbers, filter: impl Fn(i64) -> bool) -> f64 {
    recall_of(10, index, numbers, filter)
}

fn recall_of(n: usize, index: &VectorIndex, numbers: &mut Numbers, filter: impl Fn(i64) -> bool) -> f64 {
    let (mut found, mut wanted) = (0, 0);
    for _ in 0..40 {
        let query = numbers.vector();
        let exact = index.search(&query, n, &filter).unwrap();
        let near = index.search_graph(&query, n, &filter).unwrap();
        assert_eq!(near.len(), exact.len());
        let all = index.search(&query, index.len(), |_| true).unwrap();
        let score = |id: i64| all.iter().find(|one| one.id == id).map(|one| one.score.to_bits());
        for one in &near {
            assert_eq!(score(one.id), Some(one.score.to_bits()));
        }
        found += near.iter().filter(|one| exact.contains(one)).count();
        wanted += exact.len();
    }
    found as f64 / wanted as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]
    #[test]
    fn after_any_writes_most_of_the_nearest_are_found(
        seed: u64,
        cosine: bool,
        writes in prop::collection::vec((0i64..9_000, 0u8..4), 400),
    ) {
        let mut numbers = Numbers(seed);
        let metric = if cosine { Metric::Cosine } else { Metric::InnerProduct };
        let index = filled(metric, 2_300, &mut numbers);
        for (id, kind) in writes {
            if kind == 0 {
                index.delete(id);
            } else {
                index.upsert(id, &numbers.vector()).unwrap();
            }
        }
        let all = recall(&index, &mut numbers, |_| true);
        prop_assert!(all >= 0.9, "{}", all);
        let most = recall(&index, &mut numbers, |id| id % 3 != 1);
        prop_assert!(most >= 0.9, "{}", most);
    }
}

#[test]
fn after_half_the_rows_were_replaced_recall_is_what_it_was() {
    for metric in [Metric::InnerProduct, Metric::Cosine] {
        let mut numbers = Numbers(5);
        let index = filled(metric, 4_000, &mut numbers);
        let before = recall(&index, &mut numbers, |_| true);
        for id in 0..2_000 {
            index.upsert(id * 6, &numbers.vector()).unwrap();
        }
        let after = recall(&index, &mut numbers, |_| true);
        assert!(before > 0.95 && after > before - 0.01, "{before} {after}");
    }
}

#[test]
fn few_rows_many_wanted_and_narrow_filters_are_searched_exactly() {
    let mut numbers = Numbers(7);
    let index = filled(Metric::InnerProduct, 2_300, &mut numbers);
    let query = numbers.vector();
    let narrow = |id: i64| id % 30 == 0;
    assert_eq!(
        index.search_graph(&query, 10, narrow).unwrap(),
        index.search(&query, 10, narrow).unwrap()
    );
    for n in [0, 2_300, 9_000] {
        assert_eq!(
            index.search_graph(&query, n, |_| true).unwrap(),
            index.search(&query, n, |_| true).unwrap()
        );
    }
    let held = index.held.read().unwrap();
    let graph = held.graph.as_ref().unwrap();
    assert!(graph.nearest((&query, &held.rows), (10, 36), |_| true).is_none());
    assert!(graph.nearest((&query, &held.rows), (10, 32), narrow).is_none());
    assert!(graph.nearest((&query, &held.rows), (10, 32), |_| true).is_some());
    assert!(
        graph
            .nearest((&[0.0; WIDTH], &held.rows), (10, 32), |_| true)
            .is_none()
    );
}

#[test]
fn more_wanted_than_looked_for_costs_no_recall() {
    let mut numbers = Numbers(23);
    let ids: Vec<i64> = (0..4_200).collect();
    // of nearly one length, so that few of the best are among those scanned
    let values: Vec<f32> = ids
        .iter()
        .flat_map(|_| {
            let row: Vec<f32> = (0..WIDTH).map(|_| numbers.next()).collect();
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt() * (1.0 + numbers.next() * 0.1);
            row.into_iter().map(move |x| x / length)
        })
        .collect();
    let index = VectorIndex::build(Metric::InnerProduct, 1, &ids, WIDTH, &values).unwrap();
    let index = index.with_graph(Hnsw { ef: 16, ..HNSW }).unwrap();
    index.accelerate().unwrap();
    for n in [16, 30, 64] {
        let found = recall_of(n, &index, &mut numbers, |_| true);
        assert!(found > 0.9, "{n}: {found}");
    }
}

#[test]
fn filters_cost_no_recall() {
    let few = Hnsw { ef: 16, ..HNSW };
    for metric in [Metric::InnerProduct, Metric::Cosine] {
        let mut numbers = Numbers(19);
        let index = filled_by(few, metric, 4_200, &mut numbers);
        let all = recall_of(16, &index, &mut numbers, |_| true);
        for every in [2, 3, 100] {
            let found = recall_of(16, &index, &mut numbers, |id| id / 3 % every == 0);
            assert!(
                found >= all - 0.03,
                "{metric:?}: one of {every} passes: {found}, all: {all}"
            );
            assert!(every < 100 || found > 0.999, "{metric:?}: {found}");
        }
    }
}

/// Whether the graph that answers has each row once, and nothing else.
fn is_whole(index: &VectorIndex) -> bool {
    let held = index.held.read().unwrap();
    let Some(graph) = &held.graph else { return false };
    graph.now.len() == held.rows.ids.len() && held.rows.ids.iter().all(|id| graph.now.has(*id))
}

#[test]
fn a_worn_graph_is_followed_by_a_new_one_while_rows_come_and_go() {
    let mut numbers = Numbers(9);
    let index = filled(Metric::Cosine, 3_000, &mut numbers);
    let renewing = || index.held.read().unwrap().graph.as_ref().unwrap().next.is_some();
    let (mut begun, mut ended) = (0, 0);
    for write in 0..9_000_i64 {
        let was = renewing();
        let id = write * 7 % 3_100 * 3;
        if write % 5 == 4 {
            index.delete(id);
        } else {
            index.upsert(id, &numbers.vector()).unwrap();
        }
        let is = renewing();
        begun += usize::from(is && !was);
        ended += usize::from(was && !is);
        if was != is {
            assert!(is_whole(&index), "write {write}");
        }
    }
    assert!(begun >= 1 && ended >= 1, "{begun} {ended}");
    assert!(is_whole(&index));
    let found = recall(&index, &mut numbers, |_| true);
    assert!(found > 0.9, "{found}");
}

#[test]
fn a_graph_is_made_once_there_are_rows_enough_and_dropped_when_few_are_left() {
    let mut numbers = Numbers(11);
    let index = VectorIndex::new(WIDTH, Metric::InnerProduct, 1)
        .with_graph(HNSW)
        .unwrap();
    let has = |index: &VectorIndex| index.held.read().unwrap().graph.is_some();
    let rows = i64::try_from(LEAST).unwrap();
    for id in 0..rows {
        index.upsert(id, &numbers.vector()).unwrap();
    }
    assert!(!has(&index), "not asked for yet");
    index.accelerate().unwrap();
    assert!(has(&index) && is_whole(&index));
    (0..=rows / 2).for_each(|id| assert!(index.delete(id)));
    assert!(!has(&index));
    for id in 0..=rows / 2 {
        index.upsert(id, &numbers.vector()).unwrap();
    }
    assert!(is_whole(&index));
    let plain = VectorIndex::new(WIDTH, Metric::Cosine, 1);
    plain.accelerate().unwrap();
    plain.upsert(1, &numbers.vector()).unwrap();
    assert!(!has(&plain));
}

#[test]
fn extreme_rows_are_found_as_the_exact_search_finds_them() {
    let rows = i64::try_from(LEAST).unwrap() + 10;
    let index = VectorIndex::new(2, Metric::InnerProduct, 1)
        .with_graph(HNSW)
        .unwrap();
    index.accelerate().unwrap();
    for id in 0..rows {
        let size = [0.0, f32::MIN_POSITIVE, 1.0, 1e30, f32::MAX][usize::try_from(id % 5).unwrap()];
        index.upsert(id, &[size, -size / 2.0]).unwrap();
    }
    for query in [[1.0, 1.0], [-1.0, 1e-30], [0.0, 0.0], [f32::MAX, 0.0]] {
        let found = index.search_graph(&query, 9, |_| true).unwrap();
        assert_eq!(found.len(), 9);
    }
}

#[test]
fn searches_go_on_beside_writes() {
    let mut numbers = Numbers(13);
    let index = filled(Metric::InnerProduct, 2_300, &mut numbers);
    let query = numbers.vector();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    assert_eq!(index.search_graph(&query, 10, |_| true).unwrap().len(), 10);
                }
            });
        }
        (0..600).for_each(|id| index.upsert(id, &numbers.vector()).unwrap());
    });
    assert!(is_whole(&index));
}

#[test]
fn rows_that_are_equal_do_not_hide_others() {
    for (metric, different) in [
        (Metric::Cosine, 10),
        (Metric::Cosine, 300),
        (Metric::InnerProduct, 10),
        (Metric::InnerProduct, 300),
    ] {
        let mut numbers = Numbers(17);
        let vectors: Vec<Vec<f32>> = (0..different).map(|_| numbers.vector()).collect();
        let ids: Vec<i64> = (0..3_000).collect();
        let of = |id: &i64| vectors[usize::try_from(*id).unwrap() % vectors.len()].clone();
        let values: Vec<f32> = ids.iter().flat_map(of).collect();
        let index = VectorIndex::build(metric, 1, &ids, WIDTH, &values).unwrap();
        let index = index.with_graph(HNSW).unwrap();
        index.accelerate().unwrap();
        for id in 0..500 {
            index.upsert(id, &of(&(id + 1))).unwrap();
        }
        let found = recall(&index, &mut numbers, |_| true);
        assert!(found >= 0.95, "{metric:?}, {different} different: {found}");
    }
}

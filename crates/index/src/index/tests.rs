//! The index against a naive twin, over random upserts, deletes and searches; files against damage.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rankine_kernel::dense;

use super::*;

/// Every vector in a map, every search a sort of everything.
#[derive(Default)]
struct Naive(BTreeMap<i64, Vec<f32>>);

impl Naive {
    fn search(
        &self,
        metric: Metric,
        query: &[f32],
        n: usize,
        filter: impl Fn(i64) -> bool,
    ) -> Vec<(i64, f64)> {
        let mut all: Vec<(i64, f64)> = self
            .0
            .iter()
            .filter(|(id, _)| filter(**id))
            .map(|(id, v)| (*id, score(metric, query, v)))
            .collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(n);
        all
    }
}

fn score(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| {
        x.iter()
            .zip(y)
            .map(|(p, q)| f64::from(*p) * f64::from(*q))
            .sum::<f64>()
    };
    match metric {
        // A sum of nothing but -0 is -0, which sorts below 0: the index starts its sums at 0.
        Metric::InnerProduct => dot(a, b) + 0.0,
        Metric::Cosine => {
            let length = (dot(a, a) * dot(b, b)).sqrt();
            if length > 0.0 { dot(a, b) / length } else { 0.0 }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Upsert(i64, Vec<f32>),
    Delete(i64),
    Search(Vec<f32>, usize, i64),
}

const WIDTH: usize = 5;

/// Small whole numbers: inner products are exact, ties are common.
fn vector() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((-4i8..5).prop_map(f32::from), WIDTH)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0i64..40, vector()).prop_map(|(id, v)| Step::Upsert(id, v)),
        2 => (0i64..40).prop_map(Step::Delete),
        2 => (vector(), 0usize..12, 1i64..4).prop_map(|(q, n, m)| Step::Search(q, n, m)),
    ]
}

fn check(metric: Metric, found: &[Neighbour], expected: &[(i64, f64)]) {
    assert_eq!(found.len(), expected.len());
    for (f, (id, score)) in found.iter().zip(expected) {
        assert!(
            (f64::from(f.score) - score).abs() < 1e-6,
            "{found:?} against {expected:?}"
        );
        // Cosines that are equal on paper may differ in the last bit: only exact scores fix the order of ids.
        assert!(
            metric == Metric::Cosine || f.id == *id,
            "{found:?} against {expected:?}"
        );
    }
}

proptest! {
    #[test]
    fn agrees_with_the_naive_twin(steps in prop::collection::vec(step(), 1..120), cosine: bool, graph: bool) {
        let metric = if cosine { Metric::Cosine } else { Metric::InnerProduct };
        let (mut index, mut twin) = (VectorIndex::new(WIDTH, metric, 1), Naive::default());
        if graph {
            index = index.with_graph(Hnsw::default()).unwrap();
            index.accelerate().unwrap();
        }
        for step in steps {
            match step {
                Step::Upsert(id, v) => {
                    index.upsert(id, &v).unwrap();
                    twin.0.insert(id, v);
                }
                Step::Delete(id) => prop_assert_eq!(index.delete(id), twin.0.remove(&id).is_some()),
                Step::Search(q, n, m) => {
                    let filter = |id: i64| id % m == 0;
                    let expected = twin.search(metric, &q, n, filter);
                    check(metric, &index.search(&q, n, filter).unwrap(), &expected);
                    check(metric, &index.search_graph(&q, n, filter).unwrap(), &expected);
                }
            }
            prop_assert_eq!(index.len(), twin.0.len());
        }
    }

    #[test]
    fn a_saved_index_searches_bit_for_bit_alike(rows in prop::collection::btree_map(any::<i64>(), vector(), 0..30), q in vector()) {
        let folder = tempfile::tempdir().unwrap();
        let (ids, values): (Vec<i64>, Vec<Vec<f32>>) = rows.into_iter().unzip();
        let index = VectorIndex::build(Metric::Cosine, 7, &ids, WIDTH, &values.concat()).unwrap();
        index.save(&folder.path().join("i")).unwrap();
        let read = VectorIndex::load(&folder.path().join("i")).unwrap();
        prop_assert_eq!((read.width(), read.metric(), read.version()), (WIDTH, Metric::Cosine, 7));
        let bits = |i: &VectorIndex| i.search(&q, 9, |_| true).unwrap().iter().map(|n| (n.id, n.score.to_bits())).collect::<Vec<_>>();
        prop_assert_eq!(bits(&index), bits(&read));
    }

    #[test]
    fn no_bytes_make_loading_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), magic: bool, format in 1u8..4) {
        if magic && bytes.len() > 12 {
            bytes[..12].copy_from_slice(b"RKNINDEX\x01\0\0\0");
            bytes[8] = format;
        }
        prop_assert!(file::decode(&bytes, Path::new("x")).is_err());
    }

    #[test]
    fn every_single_change_of_a_file_is_noticed(at in 0usize..500, bit in 0u8..8, cut: bool, graph: bool) {
        let index = VectorIndex::build(Metric::InnerProduct, 1, &[1, 2], 2, &[0.5, 1.0, 2.0, 4.0]).unwrap();
        let head = file::Head { width: 2, metric: Metric::InnerProduct, version: 1, hnsw: graph.then(Hnsw::default) };
        let mut bytes = file::encode(&head, &index.read().rows);
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        prop_assert!(file::decode(&bytes, Path::new("x")).is_err());
    }
}

#[test]
fn a_file_keeps_the_settings_of_a_graph_and_one_without_has_the_first_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("i");
    let make = || VectorIndex::build(Metric::InnerProduct, 1, &[1, 2], 2, &[0.5, 1.0, 2.0, 4.0]).unwrap();
    make().save(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap()[8..12], [1, 0, 0, 0]);
    assert_eq!(VectorIndex::load(&path).unwrap().hnsw(), None);
    let hnsw = Hnsw {
        m: 8,
        ef_construction: 64,
        ef: 200,
    };
    make().with_graph(hnsw).unwrap().save(&path).unwrap();
    let read = VectorIndex::load(&path).unwrap();
    assert_eq!((read.hnsw(), read.get(2)), (Some(hnsw), Some(vec![2.0, 4.0])));
    let fault = make().with_graph(Hnsw { ef: 0, ..hnsw }).unwrap_err();
    assert_eq!(fault.to_string(), "ef: expected 1 to 65536, got 0");
}

#[test]
fn settings_out_of_range_under_a_right_checksum_are_an_error() {
    let index = VectorIndex::build(Metric::InnerProduct, 1, &[1], 1, &[0.5]).unwrap();
    let hnsw = Hnsw {
        m: 1 << 40,
        ..Hnsw::default()
    };
    let head = file::Head {
        width: 1,
        metric: Metric::InnerProduct,
        version: 1,
        hnsw: Some(hnsw),
    };
    let bytes = file::encode(&head, &index.read().rows);
    let fault = file::decode(&bytes, Path::new("x")).unwrap_err();
    assert!(matches!(fault, IndexError::Setting { key: "m", .. }), "{fault}");
}

#[test]
fn many_blocks_give_what_one_sort_gives() {
    let ids: Vec<i64> = (0..1000).map(|i| i * 7 % 1000).collect();
    let values: Vec<f32> = ids
        .iter()
        .flat_map(|id| [(id % 97) as f32, (id % 13) as f32])
        .collect();
    let index = VectorIndex::build(Metric::InnerProduct, 1, &ids, 2, &values).unwrap();
    let twin = Naive(
        ids.iter()
            .zip(values.chunks(2))
            .map(|(id, v)| (*id, v.to_vec()))
            .collect(),
    );
    for n in [0, 1, 10, 999, 5000] {
        let found = index.search(&[1.0, -2.0], n, |id| id % 3 != 0).unwrap();
        check(
            Metric::InnerProduct,
            &found,
            &twin.search(Metric::InnerProduct, &[1.0, -2.0], n, |id| id % 3 != 0),
        );
    }
}

#[test]
fn similar_leaves_itself_out() {
    let index =
        VectorIndex::build(Metric::Cosine, 1, &[1, 2, 3], 2, &[1.0, 0.0, 2.0, 0.1, 0.0, 1.0]).unwrap();
    let ids: Vec<i64> = index
        .similar(1, 5, |_| true)
        .unwrap()
        .iter()
        .map(|n| n.id)
        .collect();
    assert_eq!(ids, [2, 3]);
    assert!(index.similar(9, 5, |_| true).is_none());
}

#[test]
fn wrong_vectors_are_refused_and_nothing_changes() {
    let index = VectorIndex::new(2, Metric::Cosine, 3);
    assert!(matches!(
        index.upsert(5, &[1.0]),
        Err(IndexError::Width {
            id: Some(5),
            expected: 2,
            got: 1
        })
    ));
    assert!(matches!(
        index.upsert(5, &[1.0, f32::NAN]),
        Err(IndexError::NotFinite { position: 1, .. })
    ));
    assert!(matches!(
        index.search(&[], 1, |_| true),
        Err(IndexError::Width { id: None, .. })
    ));
    assert!(matches!(
        index.search_made_by(4, &[1.0, 0.0], 1, |_| true),
        Err(IndexError::Version { .. })
    ));
    assert!(matches!(
        VectorIndex::build(Metric::Cosine, 1, &[1, 1], 1, &[1.0, 1.0]),
        Err(IndexError::Twice { id: 1 })
    ));
    assert!(index.is_empty());
}

#[test]
fn extreme_vectors_have_finite_cosines() {
    let index = VectorIndex::new(2, Metric::Cosine, 1);
    index.upsert(1, &[f32::MAX, f32::MAX]).unwrap();
    index.upsert(2, &[0.0, 0.0]).unwrap();
    index.upsert(3, &[f32::MIN_POSITIVE, 0.0]).unwrap();
    let scores: Vec<f32> = index
        .search(&[1e-30, 1e-30], 3, |_| true)
        .unwrap()
        .iter()
        .map(|n| n.score)
        .collect();
    assert!(
        scores[0] > 0.999_999
            && (scores[1] - std::f32::consts::FRAC_1_SQRT_2).abs() < 1e-6
            && scores[2] == 0.0,
        "{scores:?}"
    );
}

#[test]
fn an_overflowing_inner_product_comes_last() {
    let index = VectorIndex::new(2, Metric::InnerProduct, 1);
    // MAX·MAX + MAX·MIN is ∞ − ∞ in f32: not a number, whatever the order of the sum.
    index.upsert(1, &[f32::MAX, f32::MIN]).unwrap();
    index.upsert(2, &[-1.0, -1.0]).unwrap();
    let found = index.search(&[f32::MAX, f32::MAX], 2, |_| true).unwrap();
    assert_eq!((found[0].id, found[1].id), (2, 1));
    assert!(!found[1].score.is_finite(), "{found:?}");
}

#[test]
fn a_missing_file_and_a_folder_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        VectorIndex::load(&folder.path().join("none")),
        Err(IndexError::File { .. })
    ));
    assert!(matches!(
        VectorIndex::new(1, Metric::Cosine, 1).save(Path::new("/")),
        Err(IndexError::File { .. })
    ));
}

/// Numbers of a fixed sequence, −1 to 1.
fn sequence(count: usize) -> Vec<f32> {
    let mut state = 0x9e37_79b9u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn rows_ruled_out_by_their_bytes_leave_the_answer_of_the_plain_scan() {
    let (width, rows) = (19, 3_000);
    let values = sequence(rows * width);
    let ids: Vec<i64> = (0..rows as i64).map(|i| i * 11 % 3_000).collect();
    let index = VectorIndex::build(Metric::InnerProduct, 1, &ids, width, &values).unwrap();
    for id in (0..3_000).step_by(7) {
        assert!(index.delete(id));
    }
    // A row of other length than all before: its block's bounds grow.
    index.upsert(8, &vec![40.0; width]).unwrap();
    for (at, query) in sequence(40 * width).chunks(width).enumerate() {
        let n = [1, 10, 100, 700][at % 4];
        let passes = |id: i64| at % 3 != 0 || id % 5 != 0;
        let found = index.search(query, n, passes).unwrap();
        let held = index.read();
        let rows = &held.rows;
        let score = |id: &i64| dense::dot(query, rows.get(*id, width).unwrap());
        let mut all: Vec<Neighbour> = rows
            .ids
            .iter()
            .filter(|id| passes(**id))
            .map(|id| Neighbour {
                id: *id,
                score: score(id),
            })
            .collect();
        all.sort_by(crate::best::order);
        all.truncate(n);
        assert_eq!(found, all, "n = {n}");
    }
}

//! The contract of [`VectorStore`] and [`VectorSearch`] as a suite that every driver runs.
//!
//! The rules return an error instead of asserting, so that the suite is plain library code and names the rule that broke.
//! Numbers are such that sums in any order are exact.

use rankine_index::Metric;

use super::{Filter, Generation, Gone, ROW_BITS, Search, Shape, VectorRow, VectorSearch, VectorStore};
use crate::StoreError;

type Rule = fn(&dyn VectorStore) -> Result<(), StoreError>;
type SearchRule = fn(&dyn VectorSearch) -> Result<(), StoreError>;

/// Runs the rules of a store on one without sets, and leaves it so but for which versions serve.
///
/// # Errors
/// [`StoreError::Contract`] naming the first broken rule, or the store's own failure.
pub fn check(store: &dyn VectorStore) -> Result<(), StoreError> {
    let rules: [Rule; 12] = [
        rows_come_back,
        far_positions_are_told_apart,
        an_older_position_changes_nothing,
        a_tombstone_stays,
        at_a_shared_position_the_last_write_stands,
        tombstones_are_forgotten_and_nothing_else,
        a_replay_changes_nothing,
        in_one_call_the_order_decides_too,
        what_does_not_fit_is_refused_whole,
        a_generation_is_prepared_once,
        generations_are_apart,
        serving_versions_switch_together,
    ];
    for rule in rules {
        rule(store)?;
        clear(store)?;
    }
    Ok(())
}

/// Runs the rules of a store and of its search.
///
/// # Errors
/// As [`check`].
pub fn check_search(store: &dyn VectorSearch) -> Result<(), StoreError> {
    check(store)?;
    let rules: [SearchRule; 6] = [
        the_nearest_come_first,
        cosine_ignores_length,
        filters_hold,
        writes_are_seen_at_once,
        approximate_search_keeps_the_filters,
        the_newest_are_found_by_their_time,
    ];
    for rule in rules {
        rule(store)?;
        clear(store)?;
    }
    Ok(())
}

fn clear(store: &dyn VectorStore) -> Result<(), StoreError> {
    for set in ["a", "b"] {
        for version in store.versions(set)? {
            if store.current(set)? != Some(version) {
                store.discard(&Generation::new(set, version))?;
            }
        }
    }
    Ok(())
}

fn expect<T: PartialEq + std::fmt::Debug>(
    rule: &'static str,
    got: &T,
    expected: &T,
) -> Result<(), StoreError> {
    if got == expected {
        return Ok(());
    }
    Err(StoreError::Contract {
        rule,
        detail: format!("expected {expected:?}, got {got:?}"),
    })
}

fn refused<T>(
    rule: &'static str,
    call: Result<T, StoreError>,
    fits: fn(&StoreError) -> bool,
) -> Result<(), StoreError> {
    let told = call.err();
    let as_expected = told.as_ref().is_some_and(fits);
    expect(rule, &(as_expected, told.map(|error| error.to_string())).0, &true)
}

const PLAIN: Shape = Shape {
    width: 2,
    metric: Metric::InnerProduct,
};

fn generation(store: &dyn VectorStore) -> Result<Generation, StoreError> {
    let generation = Generation::new("a", 1);
    store.prepare(&generation, PLAIN)?;
    Ok(generation)
}

fn row(id: i64, vector: [f32; 2], position: i64) -> VectorRow {
    VectorRow {
        id,
        vector: vector.to_vec(),
        position,
        ..VectorRow::default()
    }
}

fn rows_come_back(store: &dyn VectorStore) -> Result<(), StoreError> {
    let rule = "a row comes back as it was written";
    let to = generation(store)?;
    let full = VectorRow {
        id: -5,
        vector: vec![0.1, -1e-20],
        as_of: 1_700_000_000_123_457,
        position: 1 << 52,
        created: 1_600_000_000_000_001,
        categories: vec!["Film noir".to_owned(), "say \"a\\b\" {c}".to_owned()],
    };
    let many: Vec<VectorRow> = (0..1201_i16).map(|n| row(n.into(), [n.into(), 1.0], 1)).collect();
    expect(rule, &store.upsert(&to, &many)?, &1201)?;
    expect(rule, &store.upsert(&to, std::slice::from_ref(&full))?, &1)?;
    expect(rule, &store.upsert(&to, &[])?, &0)?;
    let got = store.get(&to, &[1200, -5, 5000, -5])?;
    expect(
        rule,
        &got,
        &vec![
            Some(row(1200, [1200.0, 1.0], 1)),
            Some(full.clone()),
            None,
            Some(full),
        ],
    )?;
    let ids: Vec<i64> = [-5].into_iter().chain(0..1201).collect();
    expect("ids ascend", &store.ids(&to)?, &ids)
}

fn far_positions_are_told_apart(store: &dyn VectorStore) -> Result<(), StoreError> {
    let rule = "positions are whole numbers of 64 bits, below zero, too";
    let to = generation(store)?;
    let places = [i64::MIN, -10, -9, 0, 9, 10, (1 << 62) - 1, 1 << 62, i64::MAX];
    for pair in places.windows(2) {
        let (older, newer) = (row(1, [1.0, 0.0], pair[0]), row(1, [2.0, 0.0], pair[1]));
        store.upsert(&to, std::slice::from_ref(&older))?;
        expect(rule, &store.upsert(&to, &[newer])?, &1)?;
        expect(rule, &store.upsert(&to, &[older])?, &0)?;
    }
    Ok(())
}

fn an_older_position_changes_nothing(store: &dyn VectorStore) -> Result<(), StoreError> {
    let rule = "an older position never overwrites a newer one";
    let to = generation(store)?;
    store.upsert(&to, &[row(1, [5.0, 5.0], 5)])?;
    expect(
        rule,
        &store.upsert(&to, &[row(1, [4.0, 4.0], 4), row(2, [4.0, 4.0], 4)])?,
        &1,
    )?;
    expect(rule, &store.delete(&to, &[Gone { id: 1, position: 4 }])?, &0)?;
    expect(rule, &store.get(&to, &[1])?, &vec![Some(row(1, [5.0, 5.0], 5))])?;
    expect(rule, &store.upsert(&to, &[row(1, [6.0, 6.0], 6)])?, &1)?;
    expect(rule, &store.get(&to, &[1])?, &vec![Some(row(1, [6.0, 6.0], 6))])?;
    let at = |as_of, x| VectorRow {
        as_of,
        ..row(1, [x, x], 6)
    };
    let rule = "at one position the later as-of time stands";
    expect(rule, &store.upsert(&to, &[at(9, 9.0)])?, &1)?;
    expect(rule, &store.upsert(&to, &[at(8, 8.0)])?, &0)?;
    expect(rule, &store.get(&to, &[1])?, &vec![Some(at(9, 9.0))])
}

fn a_tombstone_stays(store: &dyn VectorStore) -> Result<(), StoreError> {
    let rule = "a deleted id comes back only from a newer position";
    let to = generation(store)?;
    store.upsert(&to, &[row(1, [1.0, 1.0], 3)])?;
    let gone = [Gone { id: 1, position: 5 }, Gone { id: 2, position: 5 }];
    expect(rule, &store.delete(&to, &gone)?, &2)?;
    expect(
        rule,
        &store.upsert(&to, &[row(1, [1.0, 1.0], 4), row(2, [1.0, 1.0], 5)])?,
        &0,
    )?;
    expect(rule, &store.get(&to, &[1, 2])?, &vec![None, None])?;
    expect(rule, &store.ids(&to)?, &vec![])?;
    expect(rule, &store.upsert(&to, &[row(1, [1.0, 1.0], 6)])?, &1)?;
    expect(rule, &store.ids(&to)?, &vec![1])
}

fn at_a_shared_position_the_last_write_stands(store: &dyn VectorStore) -> Result<(), StoreError> {
    let rule = "at a position of several rows the last write stands";
    let to = generation(store)?;
    let shared = (9 << ROW_BITS) - 1;
    let gone = [Gone {
        id: 1,
        position: shared,
    }];
    let at = |x| row(1, [x, x], shared);
    expect(rule, &store.upsert(&to, &[at(1.0)])?, &1)?;
    expect(rule, &store.delete(&to, &gone)?, &1)?;
    expect(rule, &store.get(&to, &[1])?, &vec![None])?;
    expect(rule, &store.upsert(&to, &[at(2.0)])?, &1)?;
    expect(rule, &store.get(&to, &[1])?, &vec![Some(at(2.0))])?;
    expect(rule, &store.delete(&to, &gone)?, &1)?;
    expect(rule, &store.delete(&to, &gone)?, &0)?;
    expect(rule, &store.upsert(&to, &[row(1, [3.0, 3.0], shared - 1)])?, &0)
}

fn tombstones_are_forgotten_and_nothing_else(store: &dyn VectorStore) -> Result<(), StoreError> {
    let rule = "only tombstones up to a position are forgotten";
    let to = generation(store)?;
    let at = |id, position| Gone { id, position };
    store.upsert(&to, &[row(1, [1.0, 1.0], 9)])?;
    store.delete(&to, &[at(2, 9), at(3, 10), at(4, 11)])?;
    let all = [at(1, 10), at(2, 10), at(3, 10), at(4, 10), at(5, 10)];
    expect(rule, &store.forget(&to, &all)?, &2)?;
    expect(rule, &store.forget(&to, &[])?, &0)?;
    expect(rule, &store.ids(&to)?, &vec![1])?;
    let older = [2, 3, 4].map(|id| row(id, [1.0, 1.0], 1));
    expect(rule, &store.upsert(&to, &older)?, &2)?;
    expect(rule, &store.ids(&to)?, &vec![1, 2, 3])
}

fn a_replay_changes_nothing(store: &dyn VectorStore) -> Result<(), StoreError> {
    let rule = "a stream replayed from any point ends in the same rows";
    let to = generation(store)?;
    let step = |n: i64| -> Result<(), StoreError> {
        let id = n % 3;
        if n % 5 == 4 {
            return store.delete(&to, &[Gone { id, position: n }]).map(drop);
        }
        let x = f32::from(i16::try_from(n).unwrap_or_default());
        store.upsert(&to, &[row(id, [x, x], n)]).map(drop)
    };
    (0..12).try_for_each(step)?;
    let once = (store.ids(&to)?, store.get(&to, &[0, 1, 2])?);
    for from in 0..12 {
        (from..12).try_for_each(step)?;
        expect(rule, &(store.ids(&to)?, store.get(&to, &[0, 1, 2])?), &once)?;
    }
    Ok(())
}

fn in_one_call_the_order_decides_too(store: &dyn VectorStore) -> Result<(), StoreError> {
    let rule = "of two rows of one id in one call the newer one stands";
    let to = generation(store)?;
    store.upsert(&to, &[row(1, [9.0, 9.0], 9), row(1, [8.0, 8.0], 8)])?;
    expect(rule, &store.get(&to, &[1])?, &vec![Some(row(1, [9.0, 9.0], 9))])?;
    store.delete(&to, &[Gone { id: 1, position: 11 }, Gone { id: 1, position: 10 }])?;
    expect(rule, &store.upsert(&to, &[row(1, [1.0, 1.0], 10)])?, &0)
}

fn what_does_not_fit_is_refused_whole(store: &dyn VectorStore) -> Result<(), StoreError> {
    let rule = "a call with one bad row writes nothing";
    let to = generation(store)?;
    for bad in [vec![1.0], vec![1.0, f32::NAN], vec![]] {
        let mut second = row(2, [0.0, 0.0], 1);
        second.vector = bad;
        let call = store.upsert(&to, &[row(1, [1.0, 1.0], 1), second]);
        refused(rule, call, |error| {
            matches!(error, StoreError::Vector { id: Some(2), .. })
        })?;
    }
    expect(rule, &store.ids(&to)?, &vec![])?;
    let nowhere = Generation::new("a", 77);
    let call = store.upsert(&nowhere, &[row(1, [1.0, 1.0], 1)]);
    refused("no write before a prepare", call, |error| {
        matches!(error, StoreError::Generation { .. })
    })
}

fn a_generation_is_prepared_once(store: &dyn VectorStore) -> Result<(), StoreError> {
    let rule = "preparing again changes nothing, another shape is refused";
    let to = generation(store)?;
    store.upsert(&to, &[row(1, [1.0, 1.0], 1)])?;
    store.prepare(&to, PLAIN)?;
    expect(rule, &store.ids(&to)?, &vec![1])?;
    let wide = Shape { width: 3, ..PLAIN };
    refused(rule, store.prepare(&to, wide), |error| {
        matches!(error, StoreError::Shape { .. })
    })?;
    expect(rule, &store.shape(&to)?, &Some(PLAIN))?;
    let bad = Generation::new("a; drop", 1);
    refused(rule, store.prepare(&bad, PLAIN), |error| {
        matches!(error, StoreError::Family { .. })
    })
}

fn generations_are_apart(store: &dyn VectorStore) -> Result<(), StoreError> {
    let rule = "sets and versions do not see each other";
    let to = generation(store)?;
    let wide = Shape {
        width: 1,
        metric: Metric::Cosine,
    };
    let next = Generation::new("a", 2);
    store.prepare(&next, wide)?;
    store.upsert(&to, &[row(1, [1.0, 1.0], 9)])?;
    let narrow = VectorRow {
        id: 1,
        vector: vec![2.0],
        ..VectorRow::default()
    };
    expect(rule, &store.upsert(&next, std::slice::from_ref(&narrow))?, &1)?;
    expect(rule, &store.get(&next, &[1])?, &vec![Some(narrow)])?;
    expect(rule, &store.versions("a")?, &vec![1, 2])?;
    store.discard(&next)?;
    store.discard(&next)?;
    expect(rule, &store.versions("a")?, &vec![1])?;
    expect(rule, &store.ids(&to)?, &vec![1])?;
    expect(rule, &store.shape(&next)?, &None)
}

fn serving_versions_switch_together(store: &dyn VectorStore) -> Result<(), StoreError> {
    let rule = "generations switch in one step or not at all";
    let (one, two) = (Generation::new("a", 1), Generation::new("b", 1));
    expect(rule, &store.current("a")?, &None)?;
    store.prepare(&one, PLAIN)?;
    let both = [one.clone(), two.clone()];
    refused(rule, store.switch(&both), |error| {
        matches!(error, StoreError::Generation { .. })
    })?;
    expect(rule, &store.current("a")?, &None)?;
    store.prepare(&two, PLAIN)?;
    store.switch(&both)?;
    expect(
        rule,
        &(store.current("a")?, store.current("b")?),
        &(Some(1), Some(1)),
    )?;
    let call = store.discard(&one);
    refused("the serving generation stays", call, |error| {
        matches!(error, StoreError::Serving { .. })
    })?;
    let (three, four) = (Generation::new("a", 9), Generation::new("b", 9));
    for next in [&three, &four] {
        store.prepare(next, PLAIN)?;
    }
    store.switch(&[three, four])?;
    expect(
        rule,
        &(store.current("a")?, store.current("b")?),
        &(Some(9), Some(9)),
    )
}

fn search_ids(
    store: &dyn VectorSearch,
    of: &Generation,
    query: [f32; 2],
    search: &Search,
) -> Result<Vec<i64>, StoreError> {
    let found = store.search(of, &query, search)?;
    Ok(found.iter().map(|one| one.id).collect())
}

fn first(n: usize) -> Search {
    Search {
        n,
        ..Search::default()
    }
}

fn the_nearest_come_first(store: &dyn VectorSearch) -> Result<(), StoreError> {
    let rule = "nearest first, ties by lower id";
    let to = generation(store)?;
    let rows = [
        row(4, [1.0, 0.0], 1),
        row(3, [2.0, 8.0], 1),
        row(2, [1.0, 5.0], 1),
        row(1, [-1.0, 0.0], 1),
    ];
    store.upsert(&to, &rows)?;
    let found = store.search(&to, &[2.0, 0.0], &first(3))?;
    let found: Vec<(i64, f32)> = found.iter().map(|one| (one.id, one.score)).collect();
    expect(rule, &found, &vec![(3, 4.0), (2, 2.0), (4, 2.0)])?;
    expect(
        rule,
        &search_ids(store, &to, [0.0, 0.0], &first(9))?,
        &vec![1, 2, 3, 4],
    )?;
    expect(rule, &search_ids(store, &to, [1.0, 0.0], &first(0))?, &vec![])?;
    let call = store.search(&to, &[1.0], &first(1));
    refused("a query of another width is refused", call, |error| {
        matches!(error, StoreError::Vector { id: None, .. })
    })
}

fn cosine_ignores_length(store: &dyn VectorSearch) -> Result<(), StoreError> {
    let rule = "a cosine is that of the directions, 0 for a zero vector";
    let to = Generation::new("a", 3);
    let shape = Shape {
        metric: Metric::Cosine,
        ..PLAIN
    };
    store.prepare(&to, shape)?;
    let rows = [
        row(1, [0.0, 9.0], 1),
        row(2, [0.0, 0.0], 1),
        row(3, [-1.0, 0.0], 1),
        row(4, [0.5, 0.0], 1),
    ];
    store.upsert(&to, &rows)?;
    let found = store.search(&to, &[4.0, 0.0], &first(9))?;
    let found: Vec<(i64, f32)> = found.iter().map(|one| (one.id, one.score)).collect();
    expect(rule, &found, &vec![(4, 1.0), (1, 0.0), (2, 0.0), (3, -1.0)])?;
    expect(
        "a raw vector is kept",
        &store.get(&to, &[1])?,
        &vec![Some(row(1, [0.0, 9.0], 1))],
    )
}

fn dated(id: i64, created: i64, categories: &[&str]) -> VectorRow {
    VectorRow {
        created,
        categories: categories.iter().map(|word| (*word).to_owned()).collect(),
        ..row(id, [f32::from(i16::try_from(id).unwrap_or_default()), 0.0], 1)
    }
}

fn filters_hold(store: &dyn VectorSearch) -> Result<(), StoreError> {
    let to = generation(store)?;
    let rows = [
        dated(1, 10, &["Drama"]),
        dated(2, 20, &["Comedy", "Drama"]),
        dated(3, 30, &["Comedy"]),
        dated(4, 40, &[]),
    ];
    store.upsert(&to, &rows)?;
    let ask = |filter: Filter| {
        let search = Search {
            n: 3,
            filter,
            approximate: false,
        };
        search_ids(store, &to, [1.0, 0.0], &search)
    };
    let fresh = Filter {
        created_from: Some(20),
        ..Filter::default()
    };
    expect("only rows created since", &ask(fresh.clone())?, &vec![4, 3, 2])?;
    let drama = Filter {
        categories: vec!["Drama".to_owned(), "Western".to_owned()],
        ..Filter::default()
    };
    expect("only rows of a category", &ask(drama.clone())?, &vec![2, 1])?;
    let without = Filter {
        without: vec![4, 2],
        ..Filter::default()
    };
    expect("none of the excluded ids", &ask(without)?, &vec![3, 1])?;
    let all = Filter {
        created_from: Some(20),
        without: vec![3],
        ..drama
    };
    expect("filters meet", &ask(all)?, &vec![2])
}

fn the_newest_are_found_by_their_time(store: &dyn VectorSearch) -> Result<(), StoreError> {
    let rule = "the newest rows, the last first";
    let to = generation(store)?;
    let rows = [
        dated(1, 30, &[]),
        dated(2, 10, &[]),
        dated(3, 20, &[]),
        dated(4, 20, &[]),
        dated(5, -5, &[]),
        dated(6, i64::MIN, &[]),
        dated(7, i64::MAX, &[]),
    ];
    store.upsert(&to, &rows)?;
    store.accelerate(&to)?;
    let all = store.newest(&to, Some(i64::MIN), 9)?;
    expect(
        "a time that is none is far away",
        &all,
        &vec![7, 1, 4, 3, 2, 5, 6],
    )?;
    let gone = [6, 7].map(|id| Gone { id, position: 2 });
    store.delete(&to, &gone)?;
    expect(rule, &store.newest(&to, None, 9)?, &vec![1, 4, 3, 2, 5])?;
    expect(rule, &store.newest(&to, None, 2)?, &vec![1, 4])?;
    expect(
        "none before the time asked for",
        &store.newest(&to, Some(20), 9)?,
        &vec![1, 4, 3],
    )?;
    let moved = VectorRow {
        position: 2,
        ..dated(2, 40, &[])
    };
    store.upsert(&to, &[moved])?;
    store.delete(&to, &[Gone { id: 1, position: 2 }])?;
    expect(
        "by the time they have now",
        &store.newest(&to, None, 9)?,
        &vec![2, 4, 3, 5],
    )?;
    store.upsert(&to, &[row(1, [1.0, 0.0], 1)])?;
    expect(
        "what is gone is not new",
        &store.newest(&to, Some(0), 0)?,
        &Vec::new(),
    )
}

fn writes_are_seen_at_once(store: &dyn VectorSearch) -> Result<(), StoreError> {
    let rule = "the next search sees a write";
    let to = generation(store)?;
    store.upsert(&to, &[row(1, [1.0, 0.0], 1), row(2, [2.0, 0.0], 1)])?;
    expect(rule, &search_ids(store, &to, [1.0, 0.0], &first(9))?, &vec![2, 1])?;
    store.upsert(&to, &[row(1, [3.0, 0.0], 2)])?;
    expect(rule, &search_ids(store, &to, [1.0, 0.0], &first(9))?, &vec![1, 2])?;
    store.delete(&to, &[Gone { id: 1, position: 3 }])?;
    expect(rule, &search_ids(store, &to, [1.0, 0.0], &first(9))?, &vec![2])
}

fn approximate_search_keeps_the_filters(store: &dyn VectorSearch) -> Result<(), StoreError> {
    let rule = "approximate search obeys the filters and finds what is near";
    let to = generation(store)?;
    let kinds: [&[&str]; 2] = [&["even"], &["odd"]];
    let rows: Vec<VectorRow> = (0..300)
        .map(|id| dated(id, id, kinds[usize::from(id % 2 == 1)]))
        .collect();
    store.upsert(&to, &rows)?;
    store.accelerate(&to)?;
    store.accelerate(&to)?;
    store.upsert(&to, &[dated(300, 300, &["even"])])?;
    store.delete(&to, &[Gone { id: 298, position: 2 }])?;
    let search = Search {
        n: 3,
        filter: Filter {
            categories: vec!["even".to_owned()],
            without: vec![296],
            ..Filter::default()
        },
        approximate: true,
    };
    expect(
        rule,
        &search_ids(store, &to, [1.0, 0.0], &search)?,
        &vec![300, 294, 292],
    )
}

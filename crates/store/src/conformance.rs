//! The contract of [`RowStore`] as a suite that every implementation runs.
//!
//! A driver in another crate calls [`check`] on an empty store from its own test. The rules return an error
//! instead of asserting, so that the suite is plain library code and names the rule that broke.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Cells, RowStore, StoreError, VECTOR_CELL};

type Rule = fn(&dyn RowStore) -> Result<(), StoreError>;

/// Runs every rule on an empty store and leaves it empty.
///
/// # Errors
/// [`StoreError::Contract`] naming the first broken rule, or the store's own failure.
pub fn check(store: &dyn RowStore) -> Result<(), StoreError> {
    let rules: [Rule; 10] = [
        missing_rows_are_none,
        put_replaces_the_whole_row,
        the_last_of_equal_keys_wins,
        any_text_comes_back,
        empty_rows_do_not_exist,
        vector_rows_have_one_cell,
        families_are_apart,
        deletes_are_idempotent,
        scans_ascend,
        readers_never_see_half_a_row,
    ];
    for rule in rules {
        rule(store)?;
        for family in ["uf", "mf", "i2vEmb"] {
            clear(store, family)?;
        }
    }
    bad_families_are_refused(store)
}

fn clear(store: &dyn RowStore, family: &str) -> Result<(), StoreError> {
    let mut keys = Vec::new();
    store.scan(family, &mut |key, _| keys.push(key))?;
    store.delete_many(family, &keys)
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

fn row(cells: &[(&str, &str)]) -> Cells {
    cells
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

fn missing_rows_are_none(store: &dyn RowStore) -> Result<(), StoreError> {
    let rule = "one entry per key in order, none where there is no row";
    expect(rule, &store.get_many("uf", &[])?, &vec![])?;
    expect(rule, &store.get_many("uf", &[1, 2])?, &vec![None, None])?;
    let (a, b) = (row(&[("x", "1")]), row(&[("x", "2")]));
    store.put_many("uf", &[(i64::MIN, a.clone()), (i64::MAX, b.clone())])?;
    let got = store.get_many("uf", &[i64::MAX, 0, i64::MIN, i64::MAX])?;
    expect(rule, &got, &vec![Some(b.clone()), None, Some(a), Some(b)])
}

fn put_replaces_the_whole_row(store: &dyn RowStore) -> Result<(), StoreError> {
    store.put_many("uf", &[(1, row(&[("a", "1"), ("b", "2")]))])?;
    store.put_many("uf", &[(1, row(&[("b", "3")]))])?;
    expect(
        "a put replaces the whole row",
        &store.get_many("uf", &[1])?,
        &vec![Some(row(&[("b", "3")]))],
    )
}

fn the_last_of_equal_keys_wins(store: &dyn RowStore) -> Result<(), StoreError> {
    let rows: Vec<_> = (0..1200).map(|n| (7, row(&[("n", &n.to_string())]))).collect();
    store.put_many("uf", &rows)?;
    let expected = vec![Some(row(&[("n", "1199")]))];
    expect(
        "of two rows with one key the last wins",
        &store.get_many("uf", &[7])?,
        &expected,
    )
}

fn any_text_comes_back(store: &dyn RowStore) -> Result<(), StoreError> {
    let cells = row(&[
        ("", "no name"),
        ("empty", ""),
        ("line\nend", "a\tb\r\n\\N"),
        ("ü", "\u{0}\u{10ffff}:*"),
    ]);
    store.put_many("uf", &[(1, cells.clone())])?;
    expect(
        "names and texts come back unchanged",
        &store.get_many("uf", &[1])?,
        &vec![Some(cells)],
    )
}

fn empty_rows_do_not_exist(store: &dyn RowStore) -> Result<(), StoreError> {
    store.put_many("uf", &[(1, row(&[("a", "1")])), (2, Cells::new())])?;
    store.put_many("uf", &[(1, Cells::new())])?;
    expect(
        "a row without cells does not exist",
        &store.get_many("uf", &[1, 2])?,
        &vec![None, None],
    )
}

fn vector_rows_have_one_cell(store: &dyn RowStore) -> Result<(), StoreError> {
    let rule = "a vector row has the one cell named vector";
    let vector = row(&[(VECTOR_CELL, "0.25 -1")]);
    let refused = store.put_many("i2vEmb", &[(1, vector.clone()), (2, row(&[("a", "1")]))]);
    expect(rule, &matches!(refused, Err(StoreError::VectorRow { .. })), &true)?;
    expect(rule, &store.get_many("i2vEmb", &[1])?, &vec![None])?;
    store.put_many("i2vEmb", &[(1, vector.clone())])?;
    expect(rule, &store.get_many("i2vEmb", &[1])?, &vec![Some(vector)])
}

fn families_are_apart(store: &dyn RowStore) -> Result<(), StoreError> {
    store.put_many("uf", &[(1, row(&[("a", "1")]))])?;
    store.delete_many("mf", &[1])?;
    expect("families are apart", &store.get_many("mf", &[1])?, &vec![None])?;
    expect(
        "families are apart",
        &store.get_many("uf", &[1])?,
        &vec![Some(row(&[("a", "1")]))],
    )
}

fn deletes_are_idempotent(store: &dyn RowStore) -> Result<(), StoreError> {
    store.put_many("uf", &[(1, row(&[("a", "1")])), (2, row(&[("a", "2")]))])?;
    store.delete_many("uf", &[])?;
    store.delete_many("uf", &[1, 9, 1])?;
    store.delete_many("uf", &[1])?;
    expect(
        "deleting twice is deleting once",
        &store.get_many("uf", &[1, 2])?[0],
        &None,
    )?;
    expect(
        "a delete leaves the others",
        &store.get_many("uf", &[2])?[0],
        &Some(row(&[("a", "2")])),
    )
}

fn scans_ascend(store: &dyn RowStore) -> Result<(), StoreError> {
    let mut expected: Vec<_> = (0..2500_i64)
        .map(|n| ((n * 7919) % 2503 - 1000, row(&[("n", &n.to_string())])))
        .chain([(i64::MAX, row(&[("n", "max")])), (i64::MIN, row(&[("n", "min")]))])
        .collect();
    store.put_many("mf", &expected)?;
    store.put_many("uf", &[(1, row(&[("other", "family")]))])?;
    let mut seen = Vec::new();
    store.scan("mf", &mut |key, cells| seen.push((key, cells)))?;
    expected.sort_by_key(|(key, _)| *key);
    expect("a scan visits each row once, keys ascending", &seen, &expected)
}

/// Two texts of a row always change together; a reader beside the writer must never see them differ.
fn readers_never_see_half_a_row(store: &dyn RowStore) -> Result<(), StoreError> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                whole(&store.get_many("uf", &[1])?)?;
            }
            Ok(())
        });
        let written = (0..300).try_for_each(|n| {
            let text = n.to_string();
            store.put_many("uf", &[(1, row(&[("a", &text), ("b", &text)]))])
        });
        done.store(true, Ordering::Relaxed);
        let read = reader.join().unwrap_or_else(|_| {
            Err(StoreError::Contract {
                rule: "calls are safe from any thread",
                detail: "a reader panicked".into(),
            })
        });
        written.and(read)
    })
}

fn whole(rows: &[Option<Cells>]) -> Result<(), StoreError> {
    match rows.first() {
        Some(Some(cells)) => expect("a reader never sees half a row", &cells.get("a"), &cells.get("b")),
        Some(None) | None => Ok(()),
    }
}

fn bad_families_are_refused(store: &dyn RowStore) -> Result<(), StoreError> {
    for family in ["", "u:f", "u*", "a b"] {
        let outcomes = [
            store.get_many(family, &[1]).map(drop),
            store.put_many(family, &[]),
            store.delete_many(family, &[1]),
            store.scan(family, &mut |_, _| {}),
        ];
        let refused = outcomes
            .iter()
            .all(|outcome| matches!(outcome, Err(StoreError::Family { .. })));
        expect("a bad family name is refused", &refused, &true)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryRows;

    /// A store with one fault: it merges rows instead of replacing them.
    struct Merging(MemoryRows);

    impl RowStore for Merging {
        fn get_many(&self, family: &str, keys: &[i64]) -> Result<Vec<Option<Cells>>, StoreError> {
            self.0.get_many(family, keys)
        }
        fn put_many(&self, family: &str, rows: &[(i64, Cells)]) -> Result<(), StoreError> {
            for (key, cells) in rows {
                let mut merged = self.0.get_many(family, &[*key])?.remove(0).unwrap_or_default();
                merged.extend(cells.clone());
                self.0.put_many(family, &[(*key, merged)])?;
            }
            Ok(())
        }
        fn delete_many(&self, family: &str, keys: &[i64]) -> Result<(), StoreError> {
            self.0.delete_many(family, keys)
        }
        fn scan(&self, family: &str, visit: &mut dyn FnMut(i64, Cells)) -> Result<(), StoreError> {
            self.0.scan(family, visit)
        }
    }

    #[test]
    fn the_suite_catches_a_merging_store() {
        let error = check(&Merging(MemoryRows::new())).unwrap_err();
        assert!(
            error.to_string().contains("a put replaces the whole row"),
            "{error}"
        );
    }
}

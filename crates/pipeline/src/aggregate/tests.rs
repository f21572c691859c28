//! The aggregates against small cases worked by hand, and against a direct recomputation.

use proptest::prelude::*;

use super::*;
use crate::{Item, User};

/// Items 1 to `count`: item n is of year 1990 + n and has the first 1 + n % 4 genres of A to D, rotated by n.
pub(crate) fn catalogue(count: i64) -> Catalogue {
    let genres = ["A", "B", "C", "D"];
    let items = (1..=count).map(|id| {
        let n = usize::try_from(id).unwrap();
        let genres = (0..=n % 4).map(|g| genres[(n + g) % 4].to_owned()).collect();
        Item {
            id,
            title: format!("film {id}"),
            release_year: Some(1990 + id),
            genres,
            ..Item::default()
        }
    });
    let users = (1..=3).map(|id| User {
        id,
        ..User::default()
    });
    Catalogue::new(items.collect(), users.collect())
}

pub(crate) fn rating(time: i64, seq: u64, user: i64, item: i64, value: f64) -> Event {
    Event {
        time,
        seq,
        user,
        item,
        kind: "rating".into(),
        value: Some(value),
        context: None,
    }
}

fn after(events: &[Event], window: usize) -> Aggregates {
    let config = AggregateConfig {
        window,
        ..AggregateConfig::default()
    };
    let mut aggregates = Aggregates::new(&catalogue(9), config);
    events.iter().for_each(|event| aggregates.observe(event));
    aggregates
}

fn user_value(aggregates: &Aggregates, user: i64, field: &str) -> Value {
    let at = Aggregates::user_fields()
        .iter()
        .position(|(name, _)| *name == field)
        .unwrap();
    aggregates.user_row(user)[at].clone()
}

fn item_value(aggregates: &Aggregates, item: i64, field: &str) -> Value {
    let at = Aggregates::item_fields()
        .iter()
        .position(|(name, _)| *name == field)
        .unwrap();
    aggregates.item_row(item)[at].clone()
}

#[test]
fn rows_have_one_value_per_field_of_its_type() {
    let aggregates = after(&[rating(1, 1, 1, 1, 5.0), rating(2, 2, 1, 2, 4.0)], 100);
    let rows = [
        (aggregates.user_row(1), Aggregates::user_fields()),
        (aggregates.user_row(77), Aggregates::user_fields()),
        (aggregates.item_row(1), Aggregates::item_fields()),
        (aggregates.item_row(77), Aggregates::item_fields()),
        (Aggregates::context_row(5), Aggregates::context_fields()),
    ];
    for (row, fields) in rows {
        assert_eq!(row.len(), fields.len());
        for (value, (name, ty)) in row.iter().zip(fields) {
            let fits = match value {
                Value::Missing => true,
                Value::Int(_) => *ty == rankine_feature::FieldType::Int,
                Value::Float(_) => *ty == rankine_feature::FieldType::Float,
                Value::Str(_) => *ty == rankine_feature::FieldType::String,
                Value::Time(_) => *ty == rankine_feature::FieldType::Timestamp,
                Value::Ints(_) => *ty == rankine_feature::FieldType::IntList,
                Value::Strs(_) => *ty == rankine_feature::FieldType::StringList,
                Value::Bool(_) | Value::Floats(_) | Value::Weighted(_) | Value::Vector(_) => false,
            };
            assert!(fits, "{name}: {value:?}");
        }
    }
}

#[test]
fn nothing_observed_is_missing_not_zero() {
    let aggregates = after(&[], 100);
    for field in [
        "userAvgRating",
        "userRatingStddev",
        "userAvgReleaseYear",
        "userGenre1",
        "userRatedMovie1",
    ] {
        assert_eq!(user_value(&aggregates, 1, field), Value::Missing, "{field}");
    }
    assert_eq!(user_value(&aggregates, 1, "userRatingCount"), Value::Int(0));
    assert_eq!(user_value(&aggregates, 1, "userHistory"), Value::ints(&[]));
    assert_eq!(item_value(&aggregates, 1, "movieAvgRating"), Value::Missing);
    assert_eq!(item_value(&aggregates, 1, "movieRatingCount"), Value::Int(0));
    assert_eq!(item_value(&aggregates, 1, "releaseYear"), Value::Int(1991));
    assert_eq!(item_value(&aggregates, 99, "genres"), Value::Missing);
}

#[test]
fn one_rating_has_a_mean_and_no_deviation() {
    let aggregates = after(&[rating(5, 1, 1, 2, 3.5)], 100);
    assert_eq!(user_value(&aggregates, 1, "userAvgRating"), Value::Float(3.5));
    assert_eq!(user_value(&aggregates, 1, "userRatingStddev"), Value::Missing);
    assert_eq!(
        user_value(&aggregates, 1, "userAvgReleaseYear"),
        Value::Float(1992.0)
    );
    assert_eq!(
        user_value(&aggregates, 1, "userReleaseYearStddev"),
        Value::Missing
    );
    assert_eq!(user_value(&aggregates, 1, "userLastTime"), Value::Time(5));
    assert_eq!(item_value(&aggregates, 2, "movieRatingStddev"), Value::Missing);
}

#[test]
fn a_worked_user_and_item() {
    // Item 1: B C. Item 2: C D A. Item 3: D A B C. Item 4: A.
    let events = [
        rating(1, 1, 1, 1, 4.0),
        rating(2, 2, 1, 2, 2.0),
        rating(3, 3, 1, 3, 5.0),
        rating(4, 4, 1, 4, 4.0),
        rating(5, 5, 2, 4, 5.0),
        rating(6, 6, 3, 4, 3.0),
    ];
    let aggregates = after(&events, 100);
    // Going back: A (4); D A B C (3); B C (1). A, B and C twice: A was met first, then B, then C.
    for (rank, genre) in ["A", "B", "C", "D"].into_iter().enumerate() {
        let field = format!("userGenre{}", rank + 1);
        assert_eq!(user_value(&aggregates, 1, &field), Value::str(genre));
    }
    assert_eq!(user_value(&aggregates, 1, "userGenre5"), Value::Missing);
    assert_eq!(user_value(&aggregates, 1, "userRatedMovie2"), Value::Int(3));
    assert_eq!(user_value(&aggregates, 1, "userRatedMovie4"), Value::Missing);
    assert_eq!(user_value(&aggregates, 1, "userHistory"), Value::ints(&[4, 3, 1]));
    assert_eq!(user_value(&aggregates, 1, "userAvgRating"), Value::Float(3.75));
    assert_eq!(
        user_value(&aggregates, 1, "userAvgReleaseYear"),
        Value::Float(1992.5)
    );
    assert_eq!(item_value(&aggregates, 4, "movieAvgRating"), Value::Float(4.0));
    assert_eq!(item_value(&aggregates, 4, "movieRatingStddev"), Value::Float(1.0));
    assert_eq!(item_value(&aggregates, 3, "movieGenre3"), Value::str("B"));
    assert_eq!(item_value(&aggregates, 4, "movieRatingCount"), Value::Int(3));
}

#[test]
fn clicks_are_positive_but_not_rated_and_other_kinds_do_not_count() {
    let click = |kind: &str, item| Event {
        value: None,
        kind: kind.into(),
        ..rating(1, 1, 1, item, 0.0)
    };
    let aggregates = after(&[click("click", 2), click("impression", 3)], 100);
    assert_eq!(user_value(&aggregates, 1, "userHistory"), Value::ints(&[2]));
    assert_eq!(user_value(&aggregates, 1, "userRatingCount"), Value::Int(0));
    assert_eq!(item_value(&aggregates, 2, "movieRatingCount"), Value::Int(0));
    assert_eq!(aggregates.items(), (1..=9).collect::<Vec<_>>());
}

#[test]
fn values_that_are_no_ratings_are_ignored() {
    for bad in [f64::NAN, f64::NEG_INFINITY, 1e7] {
        let aggregates = after(
            &[Event {
                kind: "click".into(),
                ..rating(1, 1, 1, 2, bad)
            }],
            100,
        );
        assert_eq!(aggregates.user_row(1), after(&[], 100).user_row(1));
    }
}

#[test]
fn an_introduced_item_is_as_one_of_the_catalogue() {
    let whole = catalogue(9);
    let mut late = Aggregates::new(&catalogue(8), AggregateConfig::default());
    late.introduce(whole.items.last().unwrap());
    let mut early = Aggregates::new(&whole, AggregateConfig::default());
    let events = [
        rating(1, 0, 1, 9, 4.0),
        rating(2, 1, 1, 1, 5.0),
        rating(3, 2, 1, 5, 5.0),
    ];
    for event in &events {
        late.observe(event);
        early.observe(event);
    }
    assert_eq!(late.item_row(9), early.item_row(9));
    assert_eq!(late.user_row(1), early.user_row(1));
}

#[test]
fn unknown_users_and_items_of_events_are_kept() {
    let aggregates = after(&[rating(1, 1, 50, 60, 4.0)], 100);
    assert_eq!(
        (aggregates.users(), aggregates.items().len()),
        (vec![1, 2, 3, 50], 10)
    );
    assert_eq!(user_value(&aggregates, 50, "userAvgReleaseYear"), Value::Missing);
    assert_eq!(item_value(&aggregates, 60, "movieRatingCount"), Value::Int(1));
}

proptest! {
    /// A window that slid over many events equals one that only ever saw its last events.
    #[test]
    fn a_slid_window_equals_a_fresh_one(
        picks in prop::collection::vec((1..=9_i64, 1..=10_u8), 0..60),
        window in 1..12_usize,
    ) {
        let events: Vec<Event> = picks
            .iter()
            .zip(1..)
            .map(|((item, half), seq)| rating(seq, seq.cast_unsigned(), 1, *item, f64::from(*half) / 2.0))
            .collect();
        let last = &events[events.len().saturating_sub(window)..];
        prop_assert_eq!(after(&events, window).user_row(1), after(last, window).user_row(1));
    }

    /// Ratings are summed exactly, so an item's statistics do not depend on the order of its events.
    #[test]
    fn item_rows_do_not_depend_on_order(values in prop::collection::vec(-1e6..1e6, 0..30_usize)) {
        let events: Vec<Event> = values.iter().map(|value| rating(1, 1, 1, 1, *value)).collect();
        let reversed: Vec<Event> = events.iter().rev().cloned().collect();
        prop_assert_eq!(after(&events, 5).item_row(1), after(&reversed, 5).item_row(1));
    }
}

//! A stream's joined row as an item that can be shown: title, genres, year.
//!
//! The decision: the columns are named in the configuration and read leniently (a list, its JSON text, words between bars
//! or commas), since the statement that joins them is the user's; a row without a title is shown by its id.

use rankine_pipeline::Item;
use rankine_pipeline::import::split_year;
use serde_json::Value;

use crate::config::ArrivalsConfig;

/// Longest title and most genres that are shown.
const TITLE: usize = 300;
const GENRES: usize = 20;

/// The items of an answer's `rows`.
pub(super) fn items(answer: &Value, config: &ArrivalsConfig) -> Vec<Item> {
    let rows = answer["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().filter_map(|row| item(row, config)).collect()
}

fn item(row: &Value, config: &ArrivalsConfig) -> Option<Item> {
    let id = row["id"].as_i64().filter(|id| *id >= 0)?;
    let cell = |name: &String| row["cells"].get(name).unwrap_or(&Value::Null);
    let written = cell(&config.title)
        .as_str()
        .filter(|title| !title.trim().is_empty());
    let written = written.map_or_else(
        || format!("Item {id}"),
        |title| title.chars().take(TITLE).collect(),
    );
    let (title, in_title) = split_year(&written);
    Some(Item {
        id,
        title,
        release_year: year(cell(&config.year)).or(in_title),
        genres: words(cell(&config.genres)),
        ..Item::default()
    })
}

fn year(cell: &Value) -> Option<i64> {
    match cell.as_str() {
        Some(text) => text.trim().parse().ok(),
        None => cell.as_i64(),
    }
}

/// A list of words, each once.
pub(super) fn words(cell: &Value) -> Vec<String> {
    let split = |text: &str| -> Vec<String> {
        let at = if text.contains('|') { '|' } else { ',' };
        text.split(at).map(|word| word.trim().to_owned()).collect()
    };
    let listed = cell.as_array().map(|list| {
        let words = list.iter().filter_map(|word| word.as_str().map(str::to_owned));
        words.collect::<Vec<String>>()
    });
    let written = cell
        .as_str()
        .map(|text| serde_json::from_str(text).unwrap_or_else(|_| split(text)));
    let all = listed.or(written).unwrap_or_default();
    let mut once: Vec<String> = Vec::new();
    for word in all {
        if !word.is_empty() && !once.contains(&word) && once.len() < GENRES {
            once.push(word);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn genres_come_in_four_forms() {
        for cell in [
            json!(["Drama", "War", "Drama"]),
            json!("[\"Drama\", \"War\"]"),
            json!("Drama|War"),
            json!(" Drama, War,"),
        ] {
            assert_eq!(words(&cell), ["Drama", "War"], "{cell}");
        }
        assert!(words(&json!(7)).is_empty() && words(&Value::Null).is_empty());
    }

    #[test]
    fn the_year_is_the_columns_or_the_titles() {
        let config = ArrivalsConfig::default();
        let answer = json!({"rows": [
            {"id": 1, "cells": {"title": "Heat (1995)", "genres": "Crime"}},
            {"id": 2, "cells": {"title": "Heat (1995)", "year": 1996}},
            {"id": 3, "cells": {}},
            {"id": -4, "cells": {"title": "x"}},
            {"title": "no id"},
        ]});
        let items = items(&answer, &config);
        let told: Vec<_> = items
            .iter()
            .map(|i| (i.id, i.title.as_str(), i.release_year))
            .collect();
        assert_eq!(
            told,
            [
                (1, "Heat", Some(1995)),
                (2, "Heat", Some(1996)),
                (3, "Item 3", None)
            ]
        );
        assert_eq!(items[0].genres, ["Crime"]);
    }
}

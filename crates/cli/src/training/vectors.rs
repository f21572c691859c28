//! Trains item2vec on what users liked, in time order, and publishes the vectors.

use std::collections::BTreeMap;

use rankine_model::{DataInfo, Draft, ModelConfig, Vectors, publish};
use rankine_pipeline::{AggregateConfig, Event};
use rankine_train::Progress;
use rankine_train::item2vec::{Item2VecConfig, train};
use serde_json::json;

use crate::clock;
use crate::home::Home;

/// Trains the model file `(text, file)` on the positives of `events` and publishes it as `name`.
///
/// # Errors
/// Faults of the model file, or the disk's.
pub(crate) fn train_vectors(
    name: &str,
    config: &ModelConfig,
    (events, hash): (&[Event], &str),
    home: &Home,
    progress: &mut dyn Progress,
) -> anyhow::Result<(u64, usize)> {
    let sentences = sentences(events, AggregateConfig::default().positive);
    let vectors = train(&sentences, &settings(config), progress);
    let count = vectors.ids.len();
    let draft = Draft {
        name: name.to_owned(),
        config: config.text().to_owned(),
        vectors: Some(Vectors {
            ids: vectors.ids,
            dim: vectors.dim,
            rows: vectors.rows,
        }),
        metrics: json!({ "items": count, "sentences": sentences.len() }),
        data: Some(DataInfo {
            split: "all positives, one sentence per user in time order".to_owned(),
            rows: sentences.iter().map(|s| s.len() as u64).sum(),
            hash: hash.to_owned(),
        }),
        card: format!(
            "# {name}\n\nitem2vec (Barkan and Koenigstein 2016): skip-gram with negative sampling over {} users' liked \
             items in time order; {count} items, {} numbers each. Cosine neighbours are `similar`, the mean of a user's \
             items is that user's vector.\n",
            sentences.len(),
            vectors.dim
        ),
        ..Draft::default()
    };
    Ok((publish(&home.models(), &draft, clock::now_micros())?, count))
}

fn settings(config: &ModelConfig) -> Item2VecConfig {
    let s = &config.item2vec;
    Item2VecConfig {
        dim: s.dim,
        window: s.window,
        negatives: s.negatives,
        epochs: s.epochs as usize,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a learning rate needs no more digits"
        )]
        lr: s.lr as f32,
        seed: config.seed,
        min_count: u64::from(s.min_count),
        ..Item2VecConfig::default()
    }
}

/// Each user's positively rated items in time order; users by id. `events` are in time order.
pub(crate) fn sentences(events: &[Event], positive: f64) -> Vec<Vec<i64>> {
    let mut by_user: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for event in events.iter().filter(|e| e.value.is_some_and(|v| v >= positive)) {
        by_user.entry(event.user).or_default().push(event.item);
    }
    by_user.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_hold_likes_in_time_order() {
        let rated = |time, user, item, value| Event {
            time,
            seq: 0,
            user,
            item,
            kind: "rating".into(),
            value: Some(value),
            context: None,
        };
        let events = [
            rated(1, 2, 10, 4.0),
            rated(2, 1, 10, 3.5),
            rated(3, 2, 11, 3.0),
            rated(4, 2, 12, 5.0),
        ];
        assert_eq!(sentences(&events, 3.5), [vec![10], vec![10, 12]]);
    }
}

//! Trains item2vec on what users liked, in time order, and publishes the vectors.
//!
//! The decision: `item2vec.events` in the model file says what it learns from, and by default that is the training
//! samples: a vector that had seen what users liked in their validation and test samples would leak it into recall.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use rankine_feature::Plan;
use rankine_model::{DataInfo, Draft, ModelConfig, Vectors, publish, write_parameters};
use rankine_pipeline::{AggregateConfig, Event};
use rankine_table::FileRows;
use rankine_train::card::Card;
use rankine_train::encode::check_total;
use rankine_train::item2vec::{Beside, Item2VecConfig, checkpoints, train_in};
use rankine_train::source::for_each;
use rankine_train::warm::{Restored, Start};
use rankine_train::{Progress, SampleSource};
use serde_json::json;

use super::fit::{anew, events, told};
use super::origin::OPTIMIZER;
use super::{Files, publish::files};
use crate::clock;
use crate::home::Home;
use crate::source::Chained;

/// What users liked: one sentence of items per user, and where it is from.
#[derive(Debug, PartialEq)]
pub(crate) struct Liked {
    sentences: Vec<Vec<i64>>,
    split: String,
    hash: String,
    /// Rows of the files that could not be read.
    pub(crate) rejected: Vec<FileRows>,
}

impl Liked {
    /// The training samples with label 1 (`item2vec.events = "train"`).
    ///
    /// # Errors
    /// Faults of the conf, a conf the model file does not read or that names no group, unreadable samples.
    pub(crate) fn of_training(
        config: &ModelConfig,
        conf: &(String, String),
        files: &Files,
    ) -> anyhow::Result<Self> {
        let plan = Plan::compile(&conf.0, &conf.1, None)?;
        reads(config, &plan)?;
        let parts = files.train.iter();
        let parts = parts.map(|path| open(path, &plan, config, files));
        let mut samples = Chained::new(parts.collect::<anyhow::Result<_>>()?);
        Ok(Self {
            sentences: of_samples(&mut samples)?,
            split: format!(
                "positives of the training samples, one sentence per user in time order; {}",
                files.split
            ),
            hash: files.hash.clone(),
            rejected: files.reading.rejected(),
        })
    }

    /// Every positive of the log (`item2vec.events = "all"`); `hash` is the data's.
    pub(crate) fn of_events(events: &[Event], hash: &str) -> Self {
        Self {
            sentences: of_events(events, AggregateConfig::default().positive),
            split: "all positives, one sentence per user in time order".to_owned(),
            hash: hash.to_owned(),
            rejected: Vec::new(),
        }
    }
}

/// Checks that an item2vec model file reads this conf; one that names none reads any.
///
/// # Errors
/// Another conf.
pub(crate) fn reads(config: &ModelConfig, plan: &Plan) -> anyhow::Result<()> {
    let named = config.conf.as_deref().unwrap_or_else(|| plan.name());
    anyhow::ensure!(
        named == plan.name(),
        "the model file has conf = \"{named}\", this is the conf \"{}\"",
        plan.name()
    );
    Ok(())
}

fn open(
    path: &Path,
    plan: &Plan,
    config: &ModelConfig,
    files: &Files,
) -> anyhow::Result<Box<dyn SampleSource>> {
    let spec = plan.sample_spec();
    spec.group.as_ref().with_context(|| {
        format!(
            "the conf \"{}\" has no sample.group: whose likes make a sentence?",
            plan.name()
        )
    })?;
    files
        .reading
        .open(path, plan, &config.labels(spec), config.loss.into())
}

/// What a training of vectors goes on from, and begins from.
#[derive(Debug, Default)]
pub(crate) struct Going {
    /// Whether it goes on from the newest checkpoint.
    pub(crate) resume: bool,
    /// Name and version it begins from, and its vectors.
    pub(crate) origin: Option<(String, Start)>,
}

/// Vectors that were published.
pub(crate) struct Made {
    /// Their version.
    pub(crate) version: u64,
    /// How many.
    pub(crate) count: usize,
    /// What became of those they began from.
    pub(crate) restored: Option<Restored>,
}

/// Trains vectors on `liked` and publishes them as `name`; TensorBoard events go to the home's `logs`.
///
/// # Errors
/// A checkpoint of another run, a loss that is no longer finite, the disk's.
pub(crate) fn train_vectors(
    name: &str,
    config: &ModelConfig,
    liked: Liked,
    (home, going): (&Home, &Going),
    progress: &mut dyn Progress,
) -> anyhow::Result<Made> {
    let sentences = liked.sentences;
    let folder = home.checkpoints(name);
    let start = going.origin.as_ref().map(|(_, start)| start);
    anew(&folder, going.resume);
    let mut written = events(home, name)?;
    told(config, None, &mut written)?;
    let beside = Beside {
        checkpoints: checkpoints(&folder, config, &sentences, start),
        resume: going.resume,
        start,
        keep: config.train.keep_optimizer,
        tensorboard: Some(&mut written),
    };
    let learnt = train_in(&sentences, &settings(config), beside, progress)?;
    written.ended(clock::now_micros() as f64 / 1e6)?;
    let vectors = learnt.vectors;
    let count = vectors.ids.len();
    let card = Card {
        history: learnt.history,
        ..card(
            name,
            config,
            (&liked.split, &liked.hash),
            (sentences.len(), count, vectors.dim),
        )
    };
    let state = learnt.optimizer.iter();
    let state = state.map(|state| (OPTIMIZER.to_owned(), write_parameters(state)));
    let restored = learnt.restored.as_ref().map(serde_json::to_value);
    let draft = Draft {
        name: name.to_owned(),
        config: config.text().to_owned(),
        card: card.markdown(),
        files: files(&card)?.into_iter().chain(state).collect(),
        parents: going.origin.iter().map(|(parent, _)| parent.clone()).collect(),
        restored: restored.transpose()?.unwrap_or_default(),
        vectors: Some(Vectors {
            ids: vectors.ids,
            dim: vectors.dim,
            rows: vectors.rows,
        }),
        metrics: json!({ "items": count, "sentences": sentences.len() }),
        data: Some(DataInfo {
            split: liked.split,
            rows: sentences.iter().map(|s| s.len() as u64).sum(),
            hash: liked.hash,
        }),
        ..Draft::default()
    };
    let version = publish(&home.models(), &draft, clock::now_micros())?;
    // what stays is passed over by the next run that is not resumed
    let _ = std::fs::remove_dir_all(folder);
    Ok(Made {
        version,
        count,
        restored: learnt.restored,
    })
}

fn card(
    name: &str,
    config: &ModelConfig,
    (split, hash): (&str, &str),
    (users, items, dim): (usize, usize, usize),
) -> Card {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    Card {
        name: name.to_owned(),
        what: "item2vec (Barkan and Koenigstein 2016): skip-gram with negative sampling over users' liked items in time order. \
               Cosine neighbours are `similar`, the mean of a user's items is that user's vector."
            .to_owned(),
        facts: vec![fact("items", items.to_string()), fact("numbers of a vector", dim.to_string())],
        data: vec![fact("users", users.to_string()), fact("input hash", hash.to_owned())],
        split: split.to_owned(),
        config: config.effective(),
        limits: vec!["Items met less often than `min_count` have no vector.".to_owned()],
        ..Card::default()
    }
}

fn settings(config: &ModelConfig) -> Item2VecConfig {
    let s = &config.item2vec;
    Item2VecConfig {
        dim: s.dim.value,
        window: s.window.value,
        negatives: s.negatives.value,
        epochs: s.epochs.value as usize,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a learning rate needs no more digits"
        )]
        lr: s.lr.value as f32,
        seed: config.seed,
        min_count: u64::from(s.min_count),
        ..Item2VecConfig::default()
    }
}

/// Each user's items with label 1, by time and, within an instant, in the order of the samples; users by id.
fn of_samples(samples: &mut dyn SampleSource) -> anyhow::Result<Vec<Vec<i64>>> {
    let mut by_user: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
    let (mut weight, mut liked) = (0.0, 0);
    for_each(samples, |row| {
        if row.label >= 0.5 {
            weight += f64::from(row.weight);
            liked += 1;
            by_user
                .entry(row.group)
                .or_default()
                .push((row.time, row.item_id));
        }
        Ok(())
    })?;
    check_total(weight, liked)?;
    let sentence = |mut own: Vec<(i64, i64)>| {
        own.sort_by_key(|(time, _)| *time);
        own.into_iter().map(|(_, item)| item).collect()
    };
    Ok(by_user.into_values().map(sentence).collect())
}

/// Each user's positively rated items in time order; users by id. `events` are in time order.
fn of_events(events: &[Event], positive: f64) -> Vec<Vec<i64>> {
    let mut by_user: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for event in events.iter().filter(|e| e.value.is_some_and(|v| v >= positive)) {
        by_user.entry(event.user).or_default().push(event.item);
    }
    by_user.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe;
    use rankine_pipeline::{Catalogue, Item, Split, write_samples};
    use rankine_train::{RowsSource, SampleRow};

    fn rated(time: i64, user: i64, item: i64, value: f64) -> Event {
        Event {
            time,
            seq: 0,
            user,
            item,
            kind: "rating".into(),
            value: Some(value),
            context: None,
        }
    }

    #[test]
    fn sentences_hold_likes_in_time_order() {
        let events = [
            rated(1, 2, 10, 4.0),
            rated(2, 1, 10, 3.5),
            rated(3, 2, 11, 3.0),
            rated(4, 2, 12, 5.0),
        ];
        let expected = [vec![10], vec![10, 12]];
        assert_eq!(of_events(&events, 3.5), expected);
        let sample = |event: &Event| SampleRow {
            group: event.user,
            item_id: event.item,
            time: event.time,
            weight: 1.0,
            label: f32::from(u8::from(event.value >= Some(3.5))),
            ..SampleRow::default()
        };
        let mut shuffled = RowsSource::new(events.iter().rev().map(sample).collect());
        assert_eq!(of_samples(&mut shuffled).unwrap(), expected);
    }

    /// Twenty likes of each of three users; the home's samples of them, split by default.
    fn samples(log: &[Event], home: &Home) -> Files {
        let item = |id| Item {
            id,
            ..Item::default()
        };
        let catalogue = Catalogue::new((1..=60).map(item).collect(), Vec::new());
        let (folder, split) = (home.samples("movielens"), Split::default());
        write_samples(&catalogue, log, &AggregateConfig::default(), &split, &folder).unwrap();
        Files::of_home(home, "movielens").unwrap()
    }

    #[test]
    fn nothing_at_or_after_a_users_validation_and_test_is_learnt_from() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().to_owned());
        let conf = (recipe::CONF.text.to_owned(), recipe::CONF.file.to_owned());
        let config = ModelConfig::parse(recipe::VECTORS.1.text, recipe::VECTORS.1.file).unwrap();
        let day = 86_400_000_000;
        let log: Vec<Event> = (0..60)
            .map(|n| rated((1 + n) * day, 1 + n % 3, 1 + n, 4.0))
            .collect();
        let liked = Liked::of_training(&config, &conf, &samples(&log, &home)).unwrap();
        let first_sixteen: Vec<Vec<i64>> = (1..=3)
            .map(|user| (0..16).map(|n| user + 3 * n).collect())
            .collect();
        assert_eq!(liked.sentences, first_sixteen);
        let mut other = log.clone();
        for (n, event) in other.iter_mut().enumerate().skip(48) {
            (event.item, event.value) = (60 - n as i64 % 12, Some(if n % 2 == 0 { 5.0 } else { 1.0 }));
        }
        assert_ne!(other, log);
        let again = Liked::of_training(&config, &conf, &samples(&other, &home)).unwrap();
        assert_eq!(
            again.sentences, liked.sentences,
            "what is held out changed what is learnt from"
        );
        assert_ne!(
            Liked::of_events(&other, "").sentences,
            Liked::of_events(&log, "").sentences
        );
    }

    #[test]
    fn another_conf_is_refused() {
        let plan = Plan::compile(recipe::CONF.text, recipe::CONF.file, None).unwrap();
        let text = "format = 1\nkind = \"item2vec\"\n";
        reads(&ModelConfig::parse(text, "m.toml").unwrap(), &plan).unwrap();
        let other = ModelConfig::parse(&format!("{text}conf = \"other\"\n"), "m.toml").unwrap();
        assert!(
            reads(&other, &plan)
                .unwrap_err()
                .to_string()
                .contains("\"other\"")
        );
    }
}

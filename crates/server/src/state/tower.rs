//! A user tower at request time: live behaviour → mean of item vectors → tower → the nearest of the stored item vectors.
//!
//! For two-sided models on pretrained vectors (`conf = "vectors"`): the user's one field is the mean of the vectors of what the
//! user likes now, each once, summed in double precision as `rankine sample vectors` does, so that scores are those made
//! offline of the same history. As a recall it searches the vectors that `rankine embed` made ahead; as a ranker the same row
//! goes through the predictor. Vectors of another version than the tower's are never searched: nothing is found then.

use crate::config::{ServerConfig, TowerConfig};
use arc_swap::ArcSwapOption;
use rankine_feature::{Side, Value};
use rankine_index::{Metric, VectorIndex};
use rankine_predict::{Predictor, Row, Snapshot, Wanted, embed_side};
use rankine_recommend::UserState;
use rankine_recommend::recall::{Candidate, Reason, Recall, RecallQuery};
use std::sync::{Arc, Mutex};

/// Vectors up to which a search of all takes some hundred microseconds.
const SHORT: usize = 50_000;

/// The tower of a configuration.
pub(crate) struct UserTower {
    predictor: Arc<Predictor>,
    config: TowerConfig,
    /// The dictionary of the model's item vectors.
    dictionary: String,
    index: ArcSwapOption<Searched>,
    building: Mutex<()>,
}

/// An index over one generation of stored vectors.
struct Searched {
    digest: u64,
    index: VectorIndex,
}

impl UserTower {
    /// The tower that is configured, if one is.
    pub(crate) fn of(config: &ServerConfig, predictor: &Arc<Predictor>) -> Option<Arc<UserTower>> {
        let model = config
            .model
            .iter()
            .find(|model| model.name == config.tower.model)?;
        Some(Arc::new(UserTower {
            predictor: predictor.clone(),
            config: config.tower.clone(),
            dictionary: model.vectors.clone(),
            index: ArcSwapOption::empty(),
            building: Mutex::default(),
        }))
    }

    /// Whether a model's user row is made here.
    pub(crate) fn serves(&self, model: &str) -> bool {
        self.config.model == model
    }

    /// The user's row as the tower reads it; `None` where nothing the user likes has a vector.
    pub(crate) fn row(&self, snapshot: &Snapshot, user: &UserState) -> Option<Row> {
        let (_, artefact) = snapshot.artefact(&self.config.model, None).ok()?;
        let field = artefact.plan()?.schema().side(Side::User).first()?.name.clone();
        let (_, history) = snapshot.artefact(&self.config.history, None).ok()?;
        let mean = mean(history.vectors()?, user.positives())?;
        Some(Row::of([(field, Value::vector(&mean))]))
    }

    fn found(&self, query: &RecallQuery<'_>, n: usize) -> Option<Vec<Candidate>> {
        let snapshot = self.predictor.snapshot();
        let row = self.row(&snapshot, query.user)?;
        let (version, artefact) = snapshot.artefact(&self.config.model, None).ok()?;
        let wanted = Wanted {
            users: true,
            raw: false,
        };
        let vector = embed_side(artefact, artefact.plan()?, wanted, [(query.user.id, row)]).ok()?;
        let searched = self.searched(&snapshot, version, &artefact.manifest().checksum)?;
        let fits = |id| !query.user.has_seen(id) && query.catalogue.position(id).is_some();
        let nearest = searched
            .index
            .search_made_by(version, &vector.floats, n, fits)
            .ok()?;
        let candidate = |one: rankine_index::Neighbour| Candidate {
            item: one.id,
            score: one.score,
            reason: Reason::Taste,
        };
        Some(nearest.into_iter().map(candidate).collect())
    }

    /// The index over the stored vectors of this version; `None` while there are none or another request builds it.
    fn searched(&self, snapshot: &Snapshot, version: u64, checksum: &str) -> Option<Arc<Searched>> {
        let table = snapshot.vectors(&self.dictionary)?;
        if table.version() != version || !table.made_by(checksum) {
            return None;
        }
        let now = self.index.load_full();
        if now.as_ref().is_some_and(|now| now.digest == table.digest()) {
            return now;
        }
        let _building = self.building.try_lock().ok()?;
        let index = VectorIndex::new(table.width(), Metric::InnerProduct, version);
        for (id, vector) in table.rows() {
            index.upsert(id, vector).ok()?;
        }
        let digest = table.digest();
        self.index.store(Some(Arc::new(Searched { digest, index })));
        self.index.load_full()
    }
}

/// The recall of a tower.
pub(crate) struct TowerRecall(pub(crate) Arc<UserTower>);

impl Recall for TowerRecall {
    fn name(&self) -> &'static str {
        "tower"
    }

    fn is_short(&self, _query: &RecallQuery<'_>) -> bool {
        self.0
            .index
            .load()
            .as_ref()
            .is_none_or(|now| now.index.len() <= SHORT)
    }

    fn recall(&self, query: &RecallQuery<'_>, n: usize) -> Vec<Candidate> {
        self.0.found(query, n).unwrap_or_default()
    }
}

/// The mean of the vectors of those items that have one; ids ascend.
fn mean((ids, width, rows): (&[i64], usize, &[f32]), items: impl Iterator<Item = i64>) -> Option<Vec<f32>> {
    let (mut sum, mut count) = (vec![0.0_f64; width], 0.0_f64);
    for at in items.filter_map(|item| ids.binary_search(&item).ok()) {
        let row = rows.get(at * width..(at + 1) * width)?;
        sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
        count += 1.0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "vectors are f32")]
    let narrow = |sum: f64| (sum / count) as f32;
    (count > 0.0).then(|| sum.into_iter().map(narrow).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_of_items_with_a_vector() {
        let vectors = (&[2, 5][..], 2, &[1.0, 2.0, 3.0, 6.0][..]);
        assert_eq!(mean(vectors, [5, 9, 2].into_iter()), Some(vec![2.0, 4.0]));
        assert_eq!(mean(vectors, [9].into_iter()), None);
    }
}

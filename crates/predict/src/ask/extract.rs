//! The slots of every item as models would read them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rankine_feature::{Group as Of, Part, Rows, Scratch, SlotKind};

use super::answer::{Absence, ModelError, ModelFault, Reason};
use super::group::Group;
use super::prepare::{name_and_version, new_group, of};
use super::question::{Ask, Question, QuestionItem};
use super::run::in_time;
use super::side::RowPlaces;
use super::task::broken;
use crate::conf::Conf;
use crate::error::PredictError;
use crate::rows::FeatureRows;
use crate::snapshot::{Snapshot, engine};

/// Items between two looks at the clock.
const STEP: usize = 64;

/// A slot's content.
#[derive(Debug, Clone, PartialEq)]
pub enum SlotData {
    /// Signs and their weights, as many.
    Signs(Vec<u64>, Vec<f32>),
    /// Floats.
    Floats(Vec<f32>),
}

/// One slot in readable form.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotContent {
    /// Its number.
    pub slot: u32,
    /// The feature's name.
    pub feature: Arc<str>,
    /// Where it is computed.
    pub group: Of,
    /// What it holds.
    pub data: SlotData,
}

/// One item's slots.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemSlots {
    /// Its id.
    pub id: i64,
    /// Canonical little-endian bytes and the readable form, both ascending by slot number; or why there are none.
    pub slots: Result<(Vec<u8>, Vec<SlotContent>), Absence>,
}

/// The slots of one conf hash.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfSlots {
    /// The conf's name.
    pub conf: String,
    /// Its hash, empty where it was not found.
    pub hash: String,
    /// One per item in request order, or why there are none.
    pub items: Result<Vec<ItemSlots>, ModelError>,
}

/// Extracts per distinct conf hash of the asks, asks in order.
pub(super) fn extract(
    snapshot: &Snapshot,
    question: &Question,
    rows: Option<&dyn FeatureRows>,
) -> Result<Vec<ConfSlots>, PredictError> {
    let mut found: Vec<ConfSlots> = Vec::new();
    for ask in &question.asks {
        for (asked, conf) in confs(snapshot, ask) {
            let hash = conf
                .as_ref()
                .map_or_else(|_| String::new(), |conf| conf.hash.clone());
            if conf.is_ok() && found.iter().any(|known| known.hash == hash) {
                continue;
            }
            let items = match conf.and_then(|conf| new_group(snapshot, &conf, question)) {
                Ok(group) => Ok(items(&group, question, rows)?),
                Err(error) => Err(error),
            };
            found.push(ConfSlots {
                conf: asked,
                hash,
                items,
            });
        }
    }
    Ok(found)
}

/// The confs of an ask: its models' own, or the newest of the name where it names no model.
fn confs(snapshot: &Snapshot, ask: &Ask) -> Vec<(String, Result<Arc<Conf>, ModelError>)> {
    let named = |conf| (ask.conf.clone(), conf);
    if ask.models.is_empty() {
        let missing = || ModelError {
            fault: ModelFault::NotLoaded,
            message: format!("conf `{}`: nothing of this name has loaded", ask.conf),
        };
        return vec![named(snapshot.newest_conf(&ask.conf).ok_or_else(missing))];
    }
    ask.models
        .iter()
        .map(|model| named(conf_of(snapshot, &ask.conf, model)))
        .collect()
}

fn conf_of(snapshot: &Snapshot, conf: &str, asked: &str) -> Result<Arc<Conf>, ModelError> {
    let (base, version) = name_and_version(asked)?;
    let (name, generation) = snapshot.find(base, version).map_err(|e| of(&e))?;
    let own = Arc::clone(&engine(name, &generation.value).map_err(|e| of(&e))?.scoring.conf);
    if conf.is_empty() || own.name == conf {
        return Ok(own);
    }
    Err(ModelError {
        fault: ModelFault::OtherConf,
        message: format!(
            "model {name}: trained with conf `{}`, asked for with `{conf}`",
            own.name
        ),
    })
}

fn items(
    group: &Group<'_>,
    question: &Question,
    rows: Option<&dyn FeatureRows>,
) -> Result<Vec<ItemSlots>, PredictError> {
    let (mut work, done) = (Work::default(), AtomicUsize::new(0));
    let mut found = Vec::with_capacity(question.items.len());
    for item in &question.items {
        if found.len() % STEP == 0 {
            in_time(question, &done)?;
        }
        let one = AssertUnwindSafe(|| work.item(group, item, rows));
        let slots = catch_unwind(one).unwrap_or_else(|_| {
            work = Work::default();
            Err(broken("extracting"))
        });
        found.push(ItemSlots { id: item.id, slots });
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(found)
}

#[derive(Default)]
struct Work {
    scratch: Scratch,
    places: RowPlaces,
    values: Vec<rankine_feature::Value>,
    item: Part,
    cross: Part,
}

impl Work {
    fn item(
        &mut self,
        group: &Group<'_>,
        item: &QuestionItem,
        rows: Option<&dyn FeatureRows>,
    ) -> Result<(Vec<u8>, Vec<SlotContent>), Absence> {
        let row = rows.and_then(|rows| rows.item(item.id));
        let row = row.as_ref().map(|(row, _)| row);
        let filled = group.item(item, (&mut self.places, row), &mut self.values);
        filled.map_err(|misfit| Absence {
            reason: Reason::BadItem,
            message: misfit.to_string(),
        })?;
        let plan = &group.bound.plan;
        plan.item(&self.values, &mut self.scratch, &mut self.item);
        let rows = Rows {
            user: &group.user,
            item: &self.values,
            context: &group.context,
        };
        plan.cross(
            rows,
            &group.common,
            &self.item,
            &mut self.scratch,
            &mut self.cross,
        );
        let mut bytes = Vec::new();
        plan.encode(&group.common, &self.item, &self.cross, &mut bytes);
        let slots = plan.slots().iter().map(|spec| {
            let part = match spec.group {
                Of::Common => &group.common,
                Of::Item => &self.item,
                Of::Cross => &self.cross,
            };
            SlotContent {
                slot: spec.slot,
                feature: Arc::clone(&spec.name),
                group: spec.group,
                data: data(part, spec.kind, spec.index),
            }
        });
        Ok((bytes, slots.collect()))
    }
}

fn data(part: &Part, kind: SlotKind, index: usize) -> SlotData {
    match kind {
        SlotKind::Sparse => {
            let (signs, weights) = part.sparse(index);
            SlotData::Signs(signs.to_vec(), weights.to_vec())
        }
        SlotKind::Dense(width) => SlotData::Floats(part.dense(index, width).to_vec()),
    }
}

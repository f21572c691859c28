//! Between messages and the predictor's question and answer.

use super::bounds::{MOST_MODELS, MOST_NAMES, MOST_PLACES};
use super::fault::Fault;
use crate::grpc::proto;
use proto::value::Kind;
use rankine_feature::Value;
use rankine_predict::{
    Absence, Answer, Ask, ConfSlots, ItemScore, ItemSlots, ModelError, ModelFault, Question, QuestionItem,
    Reason, Row, SlotContent, SlotData,
};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The question a message asks, without rows and times.
///
/// # Errors
/// What is wrong, with its place.
pub(super) fn question(request: proto::PredictRequest, most_items: usize) -> Result<Question, Fault> {
    if request.items.len() > most_items {
        return Err(Fault::too_many("items", most_items, request.items.len()));
    }
    let models = request.asks.iter().map(|ask| ask.models.len().max(1)).sum();
    if models > MOST_MODELS {
        return Err(Fault::too_many("asks", MOST_MODELS, models));
    }
    let mut names = Names::new(request.item_fields)?;
    let items = request.items.into_iter().enumerate();
    let items: Vec<QuestionItem> = items
        .map(|(i, item)| names.item(i, item))
        .collect::<Result<_, _>>()?;
    let ask = |ask: proto::Ask| Ask {
        conf: ask.conf,
        models: ask.models,
    };
    Ok(Question {
        user: row("user", request.user)?,
        context: row("context", request.context)?,
        item_fields: names.list,
        items,
        asks: request.asks.into_iter().map(ask).collect(),
        item_dictionary: request.item_dictionary,
        items_as_stored: request.items_as_stored,
        ..Question::default()
    })
}

fn row(side: &str, fields: BTreeMap<String, proto::Value>) -> Result<Row, Fault> {
    if fields.len() > MOST_NAMES {
        return Err(Fault::too_many(side, MOST_NAMES, fields.len()));
    }
    let read = |(name, value): (String, proto::Value)| {
        let value = read(value).map_err(|message| Fault::invalid(format!("{side}.{name}"), message))?;
        Ok((name, value))
    };
    Ok(Row::of(
        fields.into_iter().map(read).collect::<Result<Vec<_>, Fault>>()?,
    ))
}

/// Names of item fields as they are met; a name's place is the value's place in every item.
struct Names {
    list: Vec<Arc<str>>,
    places: FxHashMap<Arc<str>, usize>,
    /// How many of them `item_fields` names.
    listed: usize,
    /// Places taken in all items.
    taken: usize,
}

impl Names {
    fn new(listed: Vec<String>) -> Result<Self, Fault> {
        let mut names = Names {
            list: Vec::new(),
            places: FxHashMap::default(),
            listed: listed.len(),
            taken: 0,
        };
        for (i, name) in listed.into_iter().enumerate() {
            if names.place(&name)? != i {
                return Err(Fault::invalid(
                    format!("item_fields[{i}]"),
                    format!("`{name}` is named twice"),
                ));
            }
        }
        Ok(names)
    }

    fn place(&mut self, name: &str) -> Result<usize, Fault> {
        if let Some(place) = self.places.get(name) {
            return Ok(*place);
        }
        if self.list.len() == MOST_NAMES {
            return Err(Fault::invalid(
                "items",
                format!("expected at most {MOST_NAMES} different fields"),
            ));
        }
        let name: Arc<str> = name.into();
        self.places.insert(Arc::clone(&name), self.list.len());
        self.list.push(name);
        Ok(self.list.len() - 1)
    }

    fn item(&mut self, i: usize, item: proto::Item) -> Result<QuestionItem, Fault> {
        let at = |what: String, message: String| Fault::invalid(format!("items[{i}].{what}"), message);
        if item.values.len() > self.listed {
            let message = format!(
                "more values ({}) than item_fields ({})",
                item.values.len(),
                self.listed
            );
            return Err(at("values".to_owned(), message));
        }
        let mut given: Vec<Option<Value>> = Vec::with_capacity(item.values.len());
        for (v, value) in item.values.into_iter().enumerate() {
            given.push(Some(
                read(value).map_err(|message| at(format!("values[{v}]"), message))?,
            ));
        }
        for (name, value) in item.fields {
            let place = self.place(&name)?;
            if given.len() <= place {
                given.resize(place + 1, None);
            }
            if given[place].is_some() {
                return Err(at(format!("fields.{name}"), "given in `values` too".to_owned()));
            }
            given[place] = Some(read(value).map_err(|message| at(format!("fields.{name}"), message))?);
        }
        self.taken += given.len();
        if self.taken > MOST_PLACES {
            return Err(Fault::invalid(
                "items",
                format!("more than {MOST_PLACES} places for values"),
            ));
        }
        let models = item.models.into_iter().map(Arc::from).collect();
        Ok(QuestionItem {
            id: item.id,
            given,
            models,
        })
    }
}

/// A value of a message.
fn read(value: proto::Value) -> Result<Value, String> {
    Ok(match value.kind {
        None => Value::Missing,
        Some(Kind::Int(x)) => Value::Int(x),
        Some(Kind::Float(x)) if x.is_nan() => Value::Missing,
        Some(Kind::Float(x)) => Value::Float(x),
        Some(Kind::Text(text)) => Value::Str(text.into()),
        Some(Kind::Bool(x)) => Value::Bool(x),
        Some(Kind::Time(x)) => Value::Time(x),
        Some(Kind::Ints(list)) => Value::Ints(list.values.into()),
        Some(Kind::Floats(list)) => Value::Floats(list.values.into()),
        Some(Kind::Texts(list)) => Value::Strs(list.values.into_iter().map(Arc::from).collect()),
        Some(Kind::Tags(list)) => {
            finite(list.values.iter().map(|tag| tag.weight))?;
            let tags = list
                .values
                .into_iter()
                .map(|tag| (Arc::from(tag.tag), tag.weight));
            Value::Weighted(tags.collect())
        }
        Some(Kind::Vector(vector)) => {
            finite(vector.values.iter().copied())?;
            Value::Vector(vector.values.into())
        }
    })
}

fn finite(mut floats: impl Iterator<Item = f32>) -> Result<(), String> {
    match floats.find(|x| !x.is_finite()) {
        Some(x) => Err(format!("expected finite numbers, got {x}")),
        None => Ok(()),
    }
}

/// A value as a message says it.
pub(crate) fn value_to_proto(value: &Value) -> proto::Value {
    let kind = match value {
        Value::Missing => None,
        Value::Int(x) => Some(Kind::Int(*x)),
        Value::Float(x) => Some(Kind::Float(*x)),
        Value::Str(text) => Some(Kind::Text(text.to_string())),
        Value::Bool(x) => Some(Kind::Bool(*x)),
        Value::Time(x) => Some(Kind::Time(*x)),
        Value::Ints(list) => Some(Kind::Ints(proto::Ints {
            values: list.to_vec(),
        })),
        Value::Floats(list) => Some(Kind::Floats(proto::Floats {
            values: list.to_vec(),
        })),
        Value::Strs(list) => Some(Kind::Texts(proto::Texts {
            values: list.iter().map(ToString::to_string).collect(),
        })),
        Value::Weighted(list) => Some(Kind::Tags(proto::Tags {
            values: list
                .iter()
                .map(|(tag, weight)| tag_to_proto(tag, *weight))
                .collect(),
        })),
        Value::Vector(list) => Some(Kind::Vector(proto::Vector {
            values: list.to_vec(),
        })),
    };
    proto::Value { kind }
}

fn tag_to_proto(tag: &str, weight: f32) -> proto::Tag {
    proto::Tag {
        tag: tag.to_owned(),
        weight,
    }
}

/// A row as a message says it.
pub(crate) fn row_to_proto(row: &Row) -> BTreeMap<String, proto::Value> {
    let named = row.layout().names().iter().zip(row.values());
    named
        .map(|(name, value)| (name.to_string(), value_to_proto(value)))
        .collect()
}

/// The message that answers.
pub(super) fn answer(answer: Answer) -> proto::PredictResponse {
    let model = |model: rankine_predict::ModelAnswer| {
        let asked = model.model;
        match model.outcome {
            Ok(scored) => proto::ModelScores {
                model: asked,
                version: scored.version,
                conf_hash: scored.conf_hash,
                scores: scored.scores.into_iter().map(score).collect(),
                error: None,
            },
            Err(error) => proto::ModelScores {
                model: asked,
                error: Some(model_error(error)),
                ..proto::ModelScores::default()
            },
        }
    };
    let conf = |conf: rankine_predict::ConfAnswer| proto::ConfScores {
        conf: conf.conf,
        models: conf.models.into_iter().map(model).collect(),
    };
    proto::PredictResponse {
        confs: answer.confs.into_iter().map(conf).collect(),
    }
}

fn score(score: ItemScore) -> proto::Score {
    match score {
        Ok(value) => proto::Score {
            value: Some(value),
            absent: None,
        },
        Err(why) => proto::Score {
            value: None,
            absent: Some(absence(why)),
        },
    }
}

fn absence(absence: Absence) -> proto::Absence {
    let reason = match absence.reason {
        Reason::NotAsked => proto::Reason::NotAsked,
        Reason::BadItem => proto::Reason::BadItem,
        Reason::NotFinite => proto::Reason::NotFinite,
        Reason::Internal => proto::Reason::Internal,
    };
    proto::Absence {
        reason: reason.into(),
        message: absence.message,
    }
}

fn model_error(error: ModelError) -> proto::ModelError {
    let fault = match error.fault {
        ModelFault::Unknown => proto::ModelFault::Unknown,
        ModelFault::NotLoaded => proto::ModelFault::NotLoaded,
        ModelFault::OtherConf => proto::ModelFault::OtherConf,
        ModelFault::NoScores => proto::ModelFault::NoScores,
        ModelFault::Input => proto::ModelFault::Input,
        ModelFault::Busy => proto::ModelFault::Busy,
        ModelFault::Internal => proto::ModelFault::Internal,
    };
    proto::ModelError {
        fault: fault.into(),
        message: error.message,
    }
}

/// The message that shows slots.
pub(super) fn slots(confs: Vec<ConfSlots>, readable: bool) -> proto::ExtractResponse {
    let conf = |conf: ConfSlots| {
        let (items, error) = match conf.items {
            Ok(items) => (
                items.into_iter().map(|item| item_slots(item, readable)).collect(),
                None,
            ),
            Err(error) => (Vec::new(), Some(model_error(error))),
        };
        proto::ConfSlots {
            conf: conf.conf,
            conf_hash: conf.hash,
            items,
            error,
        }
    };
    proto::ExtractResponse {
        confs: confs.into_iter().map(conf).collect(),
    }
}

fn item_slots(item: ItemSlots, readable: bool) -> proto::ItemSlots {
    let mut slots = proto::ItemSlots {
        id: item.id,
        ..proto::ItemSlots::default()
    };
    match item.slots {
        Ok((canonical, contents)) => {
            slots.canonical = canonical;
            if readable {
                slots.slots = contents.into_iter().map(slot).collect();
            }
        }
        Err(why) => slots.absent = Some(absence(why)),
    }
    slots
}

fn slot(content: SlotContent) -> proto::Slot {
    let group = match content.group {
        rankine_feature::Group::Common => "common",
        rankine_feature::Group::Item => "item",
        rankine_feature::Group::Cross => "cross",
    };
    let (signs, weights, floats) = match content.data {
        SlotData::Signs(signs, weights) => (signs, weights, Vec::new()),
        SlotData::Floats(floats) => (Vec::new(), Vec::new(), floats),
    };
    proto::Slot {
        slot: content.slot,
        feature: content.feature.to_string(),
        group: group.to_owned(),
        signs,
        weights,
        floats,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(x: f64) -> proto::Value {
        proto::Value {
            kind: Some(Kind::Float(x)),
        }
    }

    fn fault(request: proto::PredictRequest) -> String {
        question(request, 3).err().unwrap().status().message().to_owned()
    }

    #[test]
    fn every_kind_of_value_comes_back() {
        let values = [
            Value::Missing,
            Value::Int(-5),
            Value::Float(0.1),
            Value::str("é"),
            Value::Bool(true),
            Value::Time(7),
            Value::ints(&[1, 2]),
            Value::floats(&[0.5]),
            Value::strs(&["a", ""]),
            Value::weighted(&[("b", 2.0), ("a", 1.0)]),
            Value::vector(&[1.0, 2.0]),
        ];
        for value in values {
            assert_eq!(read(value_to_proto(&value)), Ok(value));
        }
        assert_eq!(read(float(f64::NAN)), Ok(Value::Missing));
    }

    #[test]
    fn faults_name_the_item_and_the_field() {
        let item = |fields: &[&str], values: usize| proto::Item {
            fields: fields
                .iter()
                .map(|name| ((*name).to_owned(), float(1.0)))
                .collect(),
            values: vec![float(2.0); values],
            ..proto::Item::default()
        };
        let request = |fields: &[&str], items: Vec<proto::Item>| proto::PredictRequest {
            item_fields: fields.iter().map(|name| (*name).to_owned()).collect(),
            items,
            ..proto::PredictRequest::default()
        };
        let good = question(request(&["a"], vec![item(&["b"], 1), item(&["c", "a"], 0)]), 3).unwrap();
        assert_eq!(
            good.item_fields.iter().map(|name| &**name).collect::<Vec<_>>()[..2],
            ["a", "b"]
        );
        assert_eq!(good.items[1].given.iter().flatten().count(), 2);
        assert_eq!(
            fault(request(&["a"], vec![item(&[], 0), item(&["a"], 1)])),
            "items[1].fields.a: given in `values` too"
        );
        assert_eq!(
            fault(request(&["a"], vec![item(&[], 2)])),
            "items[0].values: more values (2) than item_fields (1)"
        );
        assert_eq!(
            fault(request(&["a", "a"], vec![])),
            "item_fields[1]: `a` is named twice"
        );
        assert_eq!(
            fault(request(&[], vec![item(&[], 0); 4])),
            "items: expected at most 3, got 4"
        );
        let tag = proto::Tag {
            tag: "t".into(),
            weight: f32::INFINITY,
        };
        let bad = proto::Value {
            kind: Some(Kind::Tags(proto::Tags { values: vec![tag] })),
        };
        let mut with = request(&["w"], vec![item(&[], 0)]);
        with.items[0].values.push(bad);
        assert_eq!(
            fault(with),
            "items[0].values[0]: expected finite numbers, got inf"
        );
    }

    #[test]
    fn fields_that_differ_from_item_to_item_cannot_grow_without_bound() {
        let items = (0..5000).map(|i| proto::Item {
            fields: BTreeMap::from([(format!("f{i}"), float(1.0))]),
            ..proto::Item::default()
        });
        let request = proto::PredictRequest {
            items: items.collect(),
            ..proto::PredictRequest::default()
        };
        let told = question(request, 10_000).err().unwrap();
        assert!(told.status().message().starts_with("items: "), "{told:?}");
    }
}

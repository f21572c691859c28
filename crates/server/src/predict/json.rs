//! The messages in JSON. Field names are those of the messages; a value is written as JSON has it, and the conf's
//! schema gives it its type.

use super::bounds::{MOST_PARTS, json_parts};
use super::fault::Fault;
use crate::grpc::proto;
use proto::value::Kind;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// A body of `/v1/predict`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Request {
    user: Map<String, Json>,
    context: Map<String, Json>,
    items: Vec<Item>,
    item_fields: Vec<String>,
    asks: Vec<Ask>,
    item_dictionary: String,
    items_as_stored: bool,
}

/// One item.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Item {
    id: i64,
    fields: Map<String, Json>,
    values: Vec<Json>,
    models: Vec<String>,
}

/// A conf and its models.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Ask {
    conf: String,
    models: Vec<String>,
}

/// A body of `/v1/extract`: a question and whether slots are shown readably.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Extract {
    request: Request,
    #[serde(default)]
    readable: bool,
}

/// A body of `/v1/embed`.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Embed {
    model: String,
    version: u64,
    rows: Vec<EmbedRow>,
    users: bool,
}

/// An item, or a user, to embed.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct EmbedRow {
    id: i64,
    fields: Map<String, Json>,
}

/// Reads a body of `/v1/predict`.
pub(super) fn predict(body: &[u8]) -> Result<proto::PredictRequest, Fault> {
    message(parse(body)?)
}

/// Reads a body of `/v1/extract`.
pub(super) fn extract(body: &[u8]) -> Result<(proto::PredictRequest, bool), Fault> {
    let Extract { request, readable } = parse(body)?;
    Ok((message(request)?, readable))
}

/// Reads a body of `/v1/embed`.
pub(super) fn embed(body: &[u8]) -> Result<proto::EmbedRequest, Fault> {
    let asked: Embed = parse(body)?;
    let row = |row: EmbedRow| proto::EmbedRow {
        id: row.id,
        fields: Json::Object(row.fields).to_string(),
    };
    Ok(proto::EmbedRequest {
        model: asked.model,
        version: asked.version,
        rows: asked.rows.into_iter().map(row).collect(),
        users: asked.users,
    })
}

fn parse<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Fault> {
    let parts = json_parts(body);
    if parts > MOST_PARTS {
        return Err(Fault::too_many("body", MOST_PARTS, parts));
    }
    // a list would be read as the fields in order
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Fault::invalid("body", "expected a JSON object"));
    }
    serde_json::from_slice(body).map_err(|fault| Fault::invalid("body", fault.to_string()))
}

fn message(request: Request) -> Result<proto::PredictRequest, Fault> {
    let ask = |ask: Ask| proto::Ask {
        conf: ask.conf,
        models: ask.models,
    };
    let items = request.items.into_iter().enumerate();
    Ok(proto::PredictRequest {
        user: fields("user", request.user)?,
        context: fields("context", request.context)?,
        items: items.map(|(i, one)| item(i, one)).collect::<Result<_, _>>()?,
        item_fields: request.item_fields,
        asks: request.asks.into_iter().map(ask).collect(),
        item_dictionary: request.item_dictionary,
        items_as_stored: request.items_as_stored,
    })
}

fn item(i: usize, item: Item) -> Result<proto::Item, Fault> {
    let values = item.values.into_iter().enumerate();
    let read =
        |(v, json)| value(json).map_err(|message| Fault::invalid(format!("items[{i}].values[{v}]"), message));
    Ok(proto::Item {
        id: item.id,
        fields: fields(&format!("items[{i}].fields"), item.fields)?,
        values: values.map(read).collect::<Result<_, _>>()?,
        models: item.models,
    })
}

fn fields(place: &str, fields: Map<String, Json>) -> Result<BTreeMap<String, proto::Value>, Fault> {
    let read = |(name, json)| match value(json) {
        Ok(value) => Ok((name, value)),
        Err(message) => Err(Fault::invalid(format!("{place}.{name}"), message)),
    };
    fields.into_iter().map(read).collect()
}

/// A value as JSON has it: numbers, texts, truths, lists of one kind, objects of weights; null is missing.
fn value(json: Json) -> Result<proto::Value, String> {
    let kind = match json {
        Json::Null => return Ok(proto::Value { kind: None }),
        Json::Bool(x) => Kind::Bool(x),
        Json::Number(x) => match x.as_i64() {
            Some(x) => Kind::Int(x),
            None => Kind::Float(x.as_f64().ok_or("expected a number of 64 bits")?),
        },
        Json::String(text) => Kind::Text(text),
        Json::Array(items) => list(&items)?,
        Json::Object(entries) => Kind::Tags(proto::Tags {
            values: entries.into_iter().map(tag).collect::<Result<_, _>>()?,
        }),
    };
    Ok(proto::Value { kind: Some(kind) })
}

fn list(items: &[Json]) -> Result<Kind, String> {
    let ints: Option<Vec<i64>> = items.iter().map(Json::as_i64).collect();
    let texts = || {
        items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect()
    };
    // null in a list of numbers is NaN, as the text form has it
    let floats = || {
        items
            .iter()
            .map(|item| {
                if item.is_null() {
                    Some(f64::NAN)
                } else {
                    item.as_f64()
                }
            })
            .collect()
    };
    if let Some(values) = ints.filter(|ints| !ints.is_empty()) {
        Ok(Kind::Ints(proto::Ints { values }))
    } else if let Some(values) = texts() {
        Ok(Kind::Texts(proto::Texts { values }))
    } else if let Some(values) = floats() {
        Ok(Kind::Floats(proto::Floats { values }))
    } else {
        Err("expected a list of numbers or of texts".to_owned())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "weights are f32; what does not fit is refused later"
)]
fn tag((tag, weight): (String, Json)) -> Result<proto::Tag, String> {
    match weight.as_f64() {
        Some(weight) => Ok(proto::Tag {
            tag,
            weight: weight as f32,
        }),
        None => Err(format!("expected a number as the weight of `{tag}`")),
    }
}

/// The answer: per model `scores` with null where `absent` says why.
pub(super) fn answer(answer: &proto::PredictResponse) -> Json {
    let conf = |conf: &proto::ConfScores| json!({ "conf": conf.conf, "models": conf.models.iter().map(model).collect::<Vec<_>>() });
    json!({ "confs": answer.confs.iter().map(conf).collect::<Vec<_>>() })
}

fn model(model: &proto::ModelScores) -> Json {
    if let Some(error) = &model.error {
        return json!({ "model": model.model, "error": model_error(error) });
    }
    let scores = model
        .scores
        .iter()
        .map(|score| score.value.map_or(Json::Null, |x| f64::from(x).into()));
    let absent = model.scores.iter().enumerate().filter_map(|(i, score)| {
        let mut told = absence(score.absent.as_ref()?);
        told["item"] = i.into();
        Some(told)
    });
    json!({
        "model": model.model,
        "version": model.version,
        "conf_hash": model.conf_hash,
        "scores": scores.collect::<Vec<_>>(),
        "absent": absent.collect::<Vec<_>>(),
    })
}

fn absence(absence: &proto::Absence) -> Json {
    json!({ "reason": short(absence.reason().as_str_name(), "REASON_"), "message": absence.message })
}

fn model_error(error: &proto::ModelError) -> Json {
    json!({ "fault": short(error.fault().as_str_name(), "MODEL_FAULT_"), "message": error.message })
}

/// `REASON_BAD_ITEM` is `bad_item`.
fn short(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase()
}

/// The slots: canonical bytes in hex, signs as text (JSON's numbers do not hold 64 bits).
pub(super) fn slots(slots: &proto::ExtractResponse) -> Json {
    let conf = |conf: &proto::ConfSlots| match &conf.error {
        Some(error) => json!({ "conf": conf.conf, "error": model_error(error) }),
        None => json!({
            "conf": conf.conf,
            "conf_hash": conf.conf_hash,
            "items": conf.items.iter().map(item_slots).collect::<Vec<_>>(),
        }),
    };
    json!({ "confs": slots.confs.iter().map(conf).collect::<Vec<_>>() })
}

/// The vectors: per row `vector`, or `fault` where there is none.
pub(super) fn vectors(vectors: &proto::EmbedResponse) -> Json {
    let row = |row: &proto::EmbeddedRow| match row.fault.as_str() {
        "" => json!({ "vector": row.vector }),
        fault => json!({ "fault": fault }),
    };
    json!({
        "version": vectors.version,
        "width": vectors.width,
        "rows": vectors.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn item_slots(item: &proto::ItemSlots) -> Json {
    if let Some(absent) = &item.absent {
        return json!({ "id": item.id, "absent": absence(absent) });
    }
    let mut hex = String::with_capacity(2 * item.canonical.len());
    for byte in &item.canonical {
        hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    let mut told = json!({ "id": item.id, "canonical": hex });
    if !item.slots.is_empty() {
        told["slots"] = item.slots.iter().map(slot).collect();
    }
    told
}

fn slot(slot: &proto::Slot) -> Json {
    let mut told = json!({ "slot": slot.slot, "feature": slot.feature, "group": slot.group });
    if slot.floats.is_empty() {
        told["signs"] = slot.signs.iter().map(|sign| sign.to_string()).collect();
        told["weights"] = slot.weights.iter().map(|weight| f64::from(*weight)).collect();
    } else {
        told["floats"] = slot.floats.iter().map(|x| f64::from(*x)).collect();
    }
    told
}

/// The state of everything loaded.
pub(super) fn status(status: &proto::StatusResponse) -> Json {
    let one = |d: &proto::DictionaryStatus| {
        json!({
            "name": d.name, "kind": d.kind, "version": d.version, "generation": d.generation,
            "loaded_at": d.loaded_at, "age_micros": d.age_micros, "load_micros": d.load_micros, "bytes": d.bytes,
            "old_generations": d.old_generations, "old_readers": d.old_readers, "loads": d.loads,
            "failures": d.failures, "error": d.error,
        })
    };
    json!({
        "release": status.release,
        "dictionaries": status.dictionaries.iter().map(one).collect::<Vec<_>>(),
        "under_way": status.under_way,
        "permits": status.permits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault(body: &str) -> String {
        predict(body.as_bytes())
            .unwrap_err()
            .status()
            .message()
            .to_owned()
    }

    #[test]
    fn values_are_read_as_json_has_them() {
        let kind = |text: &str| value(serde_json::from_str(text).unwrap()).unwrap().kind;
        assert_eq!(kind("null"), None);
        assert_eq!(kind("-3"), Some(Kind::Int(-3)));
        assert_eq!(kind("3.5"), Some(Kind::Float(3.5)));
        assert_eq!(
            kind("18446744073709551615"),
            Some(Kind::Float(18_446_744_073_709_551_615.0))
        );
        assert_eq!(
            kind("[1, 2]"),
            Some(Kind::Ints(proto::Ints { values: vec![1, 2] }))
        );
        assert_eq!(
            kind("[1, 2.5]"),
            Some(Kind::Floats(proto::Floats {
                values: vec![1.0, 2.5]
            }))
        );
        assert_eq!(kind("[]"), Some(Kind::Texts(proto::Texts::default())));
        assert!(matches!(kind(r#"{"a": 1}"#), Some(Kind::Tags(tags)) if tags.values[0].tag == "a"));
    }

    #[test]
    fn faults_say_where() {
        assert!(fault("{").starts_with("body: "));
        assert!(fault(r#"{"itms": []}"#).contains("unknown field `itms`"));
        assert_eq!(
            fault(r#"{"items": [{"id": 1}, {"fields": {"a": [[1]]}}]}"#),
            "items[1].fields.a: expected a list of numbers or of texts"
        );
        assert_eq!(
            fault(r#"{"user": {"a": {"b": "c"}}}"#),
            "user.a: expected a number as the weight of `b`"
        );
        assert!(fault(&format!("[{}]", "{},".repeat(300_000))).contains("at most 500000"));
        assert!(
            fault(&"[".repeat(10_000)).starts_with("body: "),
            "depth is bounded"
        );
    }

    proptest! {
        #[test]
        fn no_body_panics(body in "[\\[\\]{}\",:0-9a-z ]{0,60}") {
            drop(predict(body.as_bytes()));
            drop(extract(body.as_bytes()));
            drop(embed(body.as_bytes()));
        }
    }
}

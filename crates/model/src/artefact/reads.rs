//! What a golden sample reads from dictionaries: the cells themselves, kept beside the sample, so that it can be replayed
//! without them and whatever they hold by then.
//!
//! At publication the plan's generations are listened to while the sample is scored; at verification the plan is bound
//! to the cells that were heard. Cells that were missing are missing again, because they are not kept.

use rankine_feature::{DictionarySpec, FeatureError, FieldType, Key, Lookup, MemoryDictionary, Plan, Value};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Kept cells of a row: (key, column) → value.
type Cells = BTreeMap<(String, String), Json>;

/// One generation that is listened to.
struct Listener {
    inner: Arc<dyn Lookup>,
    heard: Mutex<Cells>,
}

impl Listener {
    fn hear(&self, key: Key<'_>, column: usize, value: &Value) {
        let Some((name, _)) = self.inner.columns().get(column) else {
            return;
        };
        if value.is_missing() {
            return;
        }
        let key = match key {
            Key::Int(key) => key.to_string(),
            Key::Text(key) => key.to_owned(),
        };
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.insert((key, name.to_string()), rankine_feature::json::print(value));
    }
}

impl Lookup for Listener {
    fn columns(&self) -> &[(Arc<str>, FieldType)] {
        self.inner.columns()
    }

    fn get(&self, key: Key<'_>, column: usize) -> &Value {
        let value = self.inner.get(key, column);
        self.hear(key, column, value);
        value
    }

    fn vector(&self, key: Key<'_>, column: usize) -> &[f32] {
        let vector = self.inner.vector(key, column);
        if !vector.is_empty() {
            self.hear(key, column, &Value::vector(vector));
        }
        vector
    }

    fn digest(&self) -> u64 {
        self.inner.digest()
    }
}

/// A plan whose reads are heard.
pub(super) struct Listening {
    /// The plan to extract with.
    pub(super) plan: Plan,
    listeners: Vec<(Arc<str>, Arc<Listener>)>,
}

impl Listening {
    /// Listens to the generations that `plan` reads; none where it is not bound.
    ///
    /// # Errors
    /// A generation that lacks a column, which binding it first has refused already.
    pub(super) fn to(plan: &Plan) -> Result<Listening, FeatureError> {
        if plan.tables().is_empty() {
            return Ok(Listening {
                plan: plan.clone(),
                listeners: Vec::new(),
            });
        }
        let listener = |(spec, table): (&DictionarySpec, &Arc<dyn Lookup>)| {
            let inner = Arc::clone(table);
            let heard = Mutex::default();
            (Arc::clone(&spec.name), Arc::new(Listener { inner, heard }))
        };
        let pairs = plan.dictionaries().iter().zip(plan.tables());
        let listeners: Vec<_> = pairs.map(listener).collect();
        let find = |name: &str| {
            let (_, found) = listeners.iter().find(|(known, _)| **known == *name)?;
            Some(Arc::clone(found) as Arc<dyn Lookup>)
        };
        let plan = plan.bind(find)?;
        Ok(Listening { plan, listeners })
    }

    /// What was heard: `{dictionary: {key: {column: value}}}`, none where no dictionary was there to be read.
    pub(super) fn heard(&self) -> Option<Json> {
        let rows = |listener: &Listener| {
            let heard = listener.heard.lock().unwrap_or_else(PoisonError::into_inner);
            let mut rows = Map::new();
            for ((key, column), value) in heard.iter() {
                rows.entry(key).or_insert_with(|| Map::new().into())[column] = value.clone();
            }
            Json::Object(rows)
        };
        let all = self.listeners.iter();
        let all: Map<_, _> = all.map(|(name, one)| (name.to_string(), rows(one))).collect();
        (!all.is_empty()).then_some(Json::Object(all))
    }
}

/// The plan over the cells that a golden sample kept; as it is where it kept none.
///
/// # Errors
/// What is wrong with the kept cells.
pub(super) fn replay(plan: &Plan, kept: &Json) -> Result<Option<Plan>, String> {
    if kept.is_null() {
        return Ok(None);
    }
    let tables = plan.dictionaries().iter();
    let tables = tables.map(|spec| Ok((Arc::clone(&spec.name), table(spec, &kept[&*spec.name])?)));
    let tables = tables.collect::<Result<Vec<_>, String>>()?;
    let find = |name: &str| {
        let (_, found) = tables.iter().find(|(known, _)| **known == *name)?;
        Some(Arc::clone(found))
    };
    plan.bind(find).map(Some).map_err(|fault| fault.to_string())
}

fn table(spec: &DictionarySpec, kept: &Json) -> Result<Arc<dyn Lookup>, String> {
    let columns: Vec<(&str, FieldType)> = spec.columns.iter().map(|(name, ty)| (&**name, *ty)).collect();
    let mut made = MemoryDictionary::new(&columns);
    let rows = kept
        .as_object()
        .ok_or_else(|| format!("no reads of dictionary `{}`", spec.name))?;
    for (text, row) in rows {
        let value = |(name, ty): &(&str, FieldType)| {
            rankine_feature::json::parse(*ty, &row[*name]).map_err(|fault| {
                format!(
                    "dictionary `{}`, key `{text}`, column `{name}`: {fault}",
                    spec.name
                )
            })
        };
        let values = columns.iter().map(value).collect::<Result<Vec<_>, String>>()?;
        let number = || {
            text.parse()
                .map_err(|_| format!("dictionary `{}`: key `{text}` is no number", spec.name))
        };
        let key = if spec.key == FieldType::Int {
            Key::Int(number()?)
        } else {
            Key::Text(text)
        };
        made.insert(key, values);
    }
    Ok(Arc::new(made))
}
